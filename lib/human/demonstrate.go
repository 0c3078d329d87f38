package human

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"

	"goalgap/lib/env"
	"goalgap/lib/rng"
)

// Kind is one kind of level that people are watched in.
type Kind struct {
	Name     string                 // for reports, such as "coinrun-random100-easy"
	Make     func() (Player, error) // a player of its own for each core
	Levels   env.Levels             // which levels are drawn
	Episodes int                    // how many
	Person   Person                 // who plays
}

// Config is how to collect demonstrations.
type Config struct {
	Seed     uint64 // of everything random
	Progress func(done, total int)
}

// Demonstrate watches people play. The kinds' levels must all look alike: Specs that differ in anything but Name and
// MaxSteps are an error, as are a kind without episodes and a person that makes no sense. Episodes are played at the
// same time on all cores; each draws its level and its choices from a stream of its own, so the result depends on the
// arguments only. When ctx is done it returns an error that wraps ctx.Err(). Progress, if not nil, is called from
// several goroutines, one at a time.
func Demonstrate(ctx context.Context, kinds []Kind, cfg Config) (*Demonstrations, error) {
	spec, err := check(kinds)
	if err != nil {
		return nil, err
	}
	type job struct{ kind, episode int }
	var jobs []job
	for k := range kinds {
		for e := range kinds[k].Episodes {
			jobs = append(jobs, job{k, e})
		}
	}
	played := make([]*recording, len(jobs))
	var (
		next, done atomic.Int64
		group      sync.WaitGroup
		lock       sync.Mutex
		failed     error
	)
	work := func() {
		defer group.Done()
		players := make([]Player, len(kinds))
		for ctx.Err() == nil {
			i := int(next.Add(1)) - 1
			if i >= len(jobs) {
				return
			}
			kind := &kinds[jobs[i].kind]
			player := players[jobs[i].kind]
			if player == nil {
				if player, err := kind.Make(); err == nil {
					players[jobs[i].kind] = player
				} else {
					lock.Lock()
					failed = fmt.Errorf("human: making a player of %q: %w", kind.Name, err)
					lock.Unlock()
					return
				}
				player = players[jobs[i].kind]
			}
			level := kind.Levels.Draw(rng.New(cfg.Seed, "human levels "+kind.Name, jobs[i].episode))
			r := rng.New(cfg.Seed, "human choices "+kind.Name, jobs[i].episode)
			played[i] = record(player, kind.Person, level, r)
			if n := int(done.Add(1)); cfg.Progress != nil {
				lock.Lock()
				cfg.Progress(n, len(jobs))
				lock.Unlock()
			}
		}
	}
	workers := min(runtime.GOMAXPROCS(0), len(jobs))
	group.Add(workers)
	for range workers {
		go work()
	}
	group.Wait()
	if failed != nil {
		return nil, failed
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("human: stopped after %d of %d episodes: %w", done.Load(), len(jobs), err)
	}

	steps := 0
	for _, p := range played {
		steps += len(p.action)
	}
	d := newDemonstrations(spec, steps)
	for i, p := range played {
		d.append(p, kinds[jobs[i].kind].Name)
		played[i] = nil
	}
	return d, nil
}

// check returns the common Spec, or what is wrong with the kinds.
func check(kinds []Kind) (spec env.Spec, err error) {
	if len(kinds) == 0 {
		return spec, fmt.Errorf("human: no kinds of levels to play")
	}
	for i, k := range kinds {
		if k.Episodes < 1 {
			return spec, fmt.Errorf("human: kind %q has %d episodes; at least 1 is needed", k.Name, k.Episodes)
		}
		for _, other := range kinds[:i] {
			if other.Name == k.Name {
				return spec, fmt.Errorf("human: two kinds are named %q", k.Name)
			}
		}
		if err := k.Person.Check(); err != nil {
			return spec, fmt.Errorf("human: kind %q: %w", k.Name, err)
		}
		p, err := k.Make()
		if err != nil {
			return spec, fmt.Errorf("human: making a player of %q: %w", k.Name, err)
		}
		if i == 0 {
			spec = p.Spec()
		}
		if err := p.Spec().RequireDiscrete("human"); err != nil {
			return spec, err
		}
		if !alike(spec, p.Spec()) {
			return spec, fmt.Errorf("human: %q is %+v, but %q is %+v", k.Name, p.Spec(), kinds[0].Name, spec)
		}
		spec.MaxSteps = max(spec.MaxSteps, p.Spec().MaxSteps)
	}
	return spec, nil
}

// alike reports whether observations and actions of the two have the same shape.
func alike(a, b env.Spec) bool {
	a.Name, a.MaxSteps = b.Name, b.MaxSteps
	return a == b
}

// recording is one episode being played.
type recording struct {
	level    int64
	spec     env.Spec
	active   []int32   // [len(action)+1][MaxActive]
	features []float32 // [len(action)+1][Dense]
	action   []int32
	end      env.End // of the last step
}

// record plays one episode.
func record(p Player, who Person, level int64, r *rand.Rand) *recording {
	rec := &recording{level: level, spec: p.Spec()}
	probability := make([]float64, rec.spec.Actions)
	p.Reset(level)
	rec.look(p)
	previous := int32(-1)
	for rec.end == env.Running {
		p.ActionValues(probability)
		who.Probabilities(probability, probability, previous)
		action := Draw(probability, r.Float64())
		_, rec.end = p.Step(action) // the reward is dropped: nobody has told the observer what is rewarded
		previous = int32(action)
		rec.action = append(rec.action, previous)
		rec.look(p)
	}
	return rec
}

// look appends the present observation.
func (rec *recording) look(p Player) {
	a, f := len(rec.active), len(rec.features)
	rec.active = append(rec.active, make([]int32, rec.spec.MaxActive)...)
	rec.features = append(rec.features, make([]float32, rec.spec.Dense)...)
	p.Observe(rec.active[a:], rec.features[f:])
}

// Draw returns an index with the given probabilities, u being uniform in [0, 1).
func Draw(probability []float64, u float64) int {
	last := 0
	for i, p := range probability {
		if u -= p; u < 0 {
			return i
		}
		if p > 0 {
			last = i
		}
	}
	return last
}
