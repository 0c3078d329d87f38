package reward

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"goalgap/lib/env"
	"goalgap/lib/nn"
	"goalgap/lib/rng"
)

// episodes plays people and the reference player and sums the features of what happens.
type episodes struct {
	people   ActionModel
	features Features
	k        int
	cfg      Config

	sums []float32 // [levels][1+References][k] discounted sums; person first

	// What the reference player repeats: how often each action is taken, and how often the one before is, beyond that.
	action []float64
	repeat float64
}

// side is how many episodes are played side by side. It is fixed, as the random streams depend on it.
const side = 256

// run plays all levels of all scenes.
func (p *episodes) run(ctx context.Context, scenes []Scene, total int) error {
	options := 1 + p.cfg.References
	p.sums = make([]float32, total*options*p.k)
	type levels struct {
		envs  []env.Env
		seeds []int64
	}
	played := make([]levels, len(scenes))
	for i, s := range scenes {
		r := rng.New(p.cfg.Seed, "reward levels", i)
		for range s.Count {
			played[i].seeds = append(played[i].seeds, s.Levels.Draw(r))
		}
		for range min(side, s.Count) {
			e, err := s.Make()
			if err != nil {
				return fmt.Errorf("reward: making an environment of scene %d: %w", i, err)
			}
			if first := played[0].envs; len(first) > 0 && !alike(first[0].Spec(), e.Spec()) {
				return fmt.Errorf("reward: scene %d is %+v, but scene 0 is %+v", i, e.Spec(), first[0].Spec())
			}
			played[i].envs = append(played[i].envs, e)
		}
	}
	spec := played[0].envs[0].Spec()
	var counted counts
	counted.action = make([]float64, spec.Actions)
	done, all := 0, 2*total
	for phase := range 2 { // people, then the reference player, who imitates the counts of people
		if phase == 1 {
			p.action, p.repeat = counted.habits()
		}
		base := 0
		for i, s := range scenes {
			for lo := 0; lo < s.Count; lo += side {
				hi := min(lo+side, s.Count)
				tries := 1
				if phase == 1 {
					tries = p.cfg.References
				}
				for try := range tries {
					if err := ctx.Err(); err != nil {
						return fmt.Errorf("reward: stopped after %d of %d levels: %w", done/2, total, err)
					}
					option := phase * (1 + try)
					random := rng.New(p.cfg.Seed, fmt.Sprintf("reward play %d %d", i, option), lo/side)
					p.play(played[i].envs, played[i].seeds[lo:hi], spec, phase == 1, random, &counted, func(e int) []float32 {
						at := ((base+lo+e)*options + option) * p.k
						return p.sums[at : at+p.k]
					})
				}
				done += hi - lo
				if p.cfg.Progress != nil {
					p.cfg.Progress(done/2, all/2)
				}
			}
			base += s.Count
		}
	}
	return nil
}

// alike reports whether observations and actions of the two have the same shape.
func alike(a, b env.Spec) bool {
	a.Name, a.MaxSteps = b.Name, b.MaxSteps
	return a == b
}

// counts is what people do, whatever they see.
type counts struct {
	action        []float64
	same, chances float64 // how often the action before was repeated, and could have been
}

// habits returns the frequencies of actions and the probability r of repeating the action before for which blind play
// repeats as often as people do: P(same) = r + (1-r) Σ f².
func (c *counts) habits() (frequency []float64, repeat float64) {
	total, chance := 0.0, 0.0
	for _, n := range c.action {
		total += n
	}
	for _, n := range c.action {
		frequency = append(frequency, n/total)
		chance += n / total * n / total
	}
	if c.chances > 0 && chance < 1 {
		repeat = max(0, (c.same/c.chances-chance)/(1-chance))
	}
	return frequency, repeat
}

// play plays the levels side by side and adds the discounted features to sum(level).
func (p *episodes) play(envs []env.Env, seeds []int64, spec env.Spec, blind bool, random *rand.Rand, counted *counts, sum func(e int) []float32) {
	n := len(seeds)
	live, previous := make([]int, n), make([]int32, n)
	for e := range n {
		envs[e].Reset(seeds[e])
		live[e], previous[e] = e, -1
	}
	obs, before := env.NewBatch(spec, n), make([]int32, n)
	logProbs, phi := make([]float32, n*spec.Actions), make([]float32, n*p.k)
	discount := 1.0
	for step := 0; step < p.cfg.Horizon && len(live) > 0; step++ {
		now := obs.Slice(0, len(live))
		if !blind {
			for j, e := range live {
				envs[e].Observe(now.Row(j))
				before[j] = previous[e]
			}
			p.people.ActionLogProbs(logProbs, now, before[:len(live)])
			if p.cfg.Temperature != 1 {
				for j := range live {
					row := logProbs[j*spec.Actions : (j+1)*spec.Actions]
					for a := range row {
						row[a] /= float32(p.cfg.Temperature)
					}
					nn.LogSoftmax(row, row)
				}
			}
		}
		var running []int
		for j, e := range live {
			u, action := random.Float64(), 0
			if blind {
				action = p.blindly(previous[e], u, random.Float64())
			} else {
				action = drawLog(logProbs[j*spec.Actions:(j+1)*spec.Actions], u)
				counted.action[action]++
				if previous[e] >= 0 {
					counted.chances++
					if previous[e] == int32(action) {
						counted.same++
					}
				}
			}
			_, end := envs[e].Step(action) // the environment's reward is not looked at
			envs[e].Observe(now.Row(j))
			previous[e] = int32(action)
			if end == env.Running {
				running = append(running, e)
			}
		}
		p.features.Features(phi, now)
		for j, e := range live {
			for f, x := range phi[j*p.k : (j+1)*p.k] {
				sum(e)[f] += float32(discount) * x
			}
		}
		discount *= p.cfg.Discount
		live = running
	}
}

// blindly returns the reference player's action, given two numbers uniform in [0, 1).
func (p *episodes) blindly(previous int32, u, v float64) int {
	if previous >= 0 && u < p.repeat {
		return int(previous)
	}
	for a, f := range p.action {
		if v -= f; v < 0 {
			return a
		}
	}
	return len(p.action) - 1
}

// drawLog returns an index with the given logarithms of probabilities, u being uniform in [0, 1).
func drawLog(logProbs []float32, u float64) int {
	for a, lp := range logProbs {
		if u -= math.Exp(float64(lp)); u < 0 {
			return a
		}
	}
	return len(logProbs) - 1
}
