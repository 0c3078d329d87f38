package ppo

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"

	"goalgap/lib/env"
	"goalgap/lib/rng"
)

// Evaluation says how to evaluate a policy: one episode on each of so many levels. In Config.Evaluate it asks for that
// to be done while training.
type Evaluation struct {
	Name string // of its results; must not be empty

	// Make makes the environments to play. Their Spec may differ from that of the environments trained in by Name and
	// MaxSteps only. In Config.Evaluate nil stands for the environments trained in.
	Make     func() (env.Env, error)
	Levels   env.Levels // where the levels are drawn from
	Episodes int        // how many, at least 1; all evaluations with one seed play the same levels
	Greedy   bool       // take the most probable action (the mean of continuous ones) instead of drawing it

	// Every is how many environment steps of training lie between evaluations: there is one after each update in which
	// their count passes a multiple of Every, and after the last update. At least 1; ignored by Evaluate.
	Every int
}

// Evaluated is what an Evaluation gave. Rewards are the environment's own, undiscounted and unscaled.
type Evaluated struct {
	Name     string
	Steps    int     // environment steps of training before it; 0 from Evaluate
	Episodes int     // played
	Return   float64 // sum of an episode's rewards, mean over episodes
	StdDev   float64 // sample standard deviation of the sum between episodes; 0 if there is one
	Length   float64 // steps of an episode, mean over episodes
}

// Evaluate plays the episodes that e asks for. The result is determined by the policy, e and the seed, whatever GOMAXPROCS
// is. Wrong values of e are errors, and environments that the policy does not fit; when ctx is done the error wraps
// ctx.Err().
func Evaluate(ctx context.Context, p *Policy, e Evaluation, seed uint64) (Evaluated, error) {
	v, err := newEvaluator(p.Spec, e, seed)
	if err != nil {
		return Evaluated{}, err
	}
	return v.run(ctx, p)
}

// evaluator is an Evaluation with its environments and levels.
type evaluator struct {
	Evaluation
	seed   uint64
	levels []int64     // [Episodes]
	envs   [][]env.Env // a row for each goroutine, of up to sideBySide
}

// sideBySide is how many episodes are played at a time by one goroutine. It is fixed, as the random streams depend on it.
const sideBySide = 32

// newEvaluator prepares an evaluation of policies for spec.
func newEvaluator(spec env.Spec, e Evaluation, seed uint64) (*evaluator, error) {
	wrong := func(what string) error { return fmt.Errorf("ppo: evaluation %q: %s", e.Name, what) }
	switch {
	case e.Name == "":
		return nil, errors.New("ppo: an evaluation has no Name")
	case e.Make == nil:
		return nil, wrong("Make is nil: there is no environment to play")
	case e.Episodes < 1:
		return nil, wrong(fmt.Sprintf("Episodes is %d, want at least 1", e.Episodes))
	case e.Levels.Start < 0 || e.Levels.Count < 0:
		return nil, wrong(fmt.Sprintf("Levels start at %d and count %d; neither may be negative", e.Levels.Start, e.Levels.Count))
	}
	v := &evaluator{Evaluation: e, seed: seed, levels: make([]int64, e.Episodes)}
	r := rng.New(seed, "evaluation levels", 0)
	for i := range v.levels {
		v.levels[i] = e.Levels.Draw(r)
	}
	chunks := (e.Episodes + sideBySide - 1) / sideBySide
	for range min(runtime.GOMAXPROCS(0), chunks) {
		row := make([]env.Env, min(sideBySide, e.Episodes))
		for i := range row {
			var err error
			if row[i], err = e.Make(); err != nil {
				return nil, fmt.Errorf("ppo: evaluation %q: making an environment: %w", e.Name, err)
			}
			if fitted(row[i].Spec(), spec) != spec {
				return nil, wrong(fmt.Sprintf("its environment is %+v, but the policy is for %+v", row[i].Spec(), spec))
			}
			if err := spec.Fits(row[i]); err != nil {
				return nil, fmt.Errorf("ppo: evaluation %q: %w", e.Name, err)
			}
		}
		v.envs = append(v.envs, row)
	}
	return v, nil
}

// run plays the episodes.
func (v *evaluator) run(ctx context.Context, p *Policy) (Evaluated, error) {
	returns, lengths := make([]float64, v.Episodes), make([]int, v.Episodes)
	var next atomic.Int64
	var group sync.WaitGroup
	for _, envs := range v.envs {
		group.Go(func() {
			own := p.Clone()
			for ctx.Err() == nil {
				lo := int(next.Add(1)-1) * sideBySide
				if lo >= v.Episodes {
					return
				}
				hi := min(lo+sideBySide, v.Episodes)
				v.play(ctx, own, envs, lo, returns[lo:hi], lengths[lo:hi])
			}
		})
	}
	group.Wait()
	if err := ctx.Err(); err != nil {
		return Evaluated{}, fmt.Errorf("ppo: evaluation %q: stopped: %w", v.Name, err)
	}
	out := Evaluated{Name: v.Name, Episodes: v.Episodes}
	n := float64(v.Episodes)
	for i, x := range returns {
		out.Return += x / n
		out.Length += float64(lengths[i]) / n
	}
	for _, x := range returns {
		out.StdDev += (x - out.Return) * (x - out.Return)
	}
	out.StdDev = math.Sqrt(out.StdDev / max(1, n-1))
	if !finite(out.Return) || !finite(out.StdDev) {
		return Evaluated{}, fmt.Errorf("ppo: evaluation %q: the mean return is %v and its deviation %v; rewards must be finite",
			v.Name, out.Return, out.StdDev)
	}
	return out, nil
}

// play plays the levels from lo on side by side, until ctx is done.
func (v *evaluator) play(ctx context.Context, p *Policy, envs []env.Env, lo int, returns []float64, lengths []int) {
	r := rng.New(v.seed, "evaluation", lo/sideBySide)
	width := p.Spec.Width()
	obs, actions, numbers := env.NewBatch(p.Spec, len(returns)), make([]int32, len(returns)*width), make([]float32, len(returns)*width)
	live := make([]int, len(returns))
	var memory *Memory // of the live ones
	var kept []int     // of those, who goes on
	if p.Memory > 0 {
		memory = p.NewMemory(len(returns))
	}
	for i := range live {
		live[i] = i
		envs[i].Reset(v.levels[lo+i])
	}
	for len(live) > 0 && ctx.Err() == nil {
		now := obs.Slice(0, len(live))
		for j, i := range live {
			envs[i].Observe(now.Row(j))
		}
		if memory != nil {
			memory.Observe(now)
			memory.choose(actions, numbers, v.Greedy, r)
		} else {
			p.choose(actions, numbers, now, v.Greedy, r)
		}
		running := live[:0]
		kept = kept[:0]
		for j, i := range live {
			var reward float32
			var end env.End
			switch e := envs[i]; {
			case p.Spec.Continuous > 0:
				reward, end = e.(env.Continuous).StepContinuous(numbers[j*width : (j+1)*width])
			case p.Spec.Heads != env.Heads{}:
				reward, end = e.(env.MultiDiscrete).StepHeads(actions[j*width : (j+1)*width])
			default:
				reward, end = e.Step(int(actions[j]))
			}
			returns[i] += float64(reward)
			lengths[i]++
			if end == env.Running {
				running, kept = append(running, i), append(kept, j)
			}
		}
		if live = running; memory != nil {
			memory.Keep(kept)
		}
	}
}

// choose writes an action for each observation to actions, or to numbers where actions are continuous.
func (p *Policy) choose(actions []int32, numbers []float32, obs env.Batch, greedy bool, r *rand.Rand) {
	switch continuous := p.Spec.Continuous > 0; {
	case continuous && greedy:
		p.GreedyContinuous(numbers, obs)
	case continuous:
		p.SampleContinuous(numbers, obs, r)
	case greedy:
		p.Greedy(actions, obs)
	default:
		p.Sample(actions, obs, r)
	}
}

// prepareEvaluations makes what Config.Evaluate asks for.
func (t *Trainer) prepareEvaluations(makeEnv func() (env.Env, error)) error {
	for i, e := range t.cfg.Evaluate {
		if e.Make == nil {
			e.Make = makeEnv
		}
		v, err := newEvaluator(t.policy.Spec, e, t.cfg.Seed)
		if err != nil {
			return err
		}
		if e.Every < 1 {
			return fmt.Errorf("ppo: evaluation %q: Every is %d, want at least 1 environment step", e.Name, e.Every)
		}
		for _, other := range t.cfg.Evaluate[:i] {
			if other.Name == e.Name {
				return fmt.Errorf("ppo: two evaluations are named %q", e.Name)
			}
		}
		t.evaluators = append(t.evaluators, v)
	}
	return nil
}

// evaluate does the evaluations that are due after the update just completed.
func (t *Trainer) evaluate() ([]Evaluated, error) {
	var out []Evaluated
	steps, batch := t.update*len(t.order), len(t.order)
	for _, v := range t.evaluators {
		if steps/v.Every == (steps-batch)/v.Every && t.update < t.updates {
			continue
		}
		e, err := v.run(context.Background(), t.policy)
		if err != nil {
			return nil, err
		}
		e.Steps = steps
		out = append(out, e)
	}
	t.evaluated = append(t.evaluated, out...)
	return out, nil
}
