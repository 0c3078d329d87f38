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

// side is about how many episodes are imagined side by side. It is fixed, as the random streams depend on it.
const side = 256

// longest bounds the imagined episodes in which moments are picked, in steps.
const longest = 200

// moment is a state in which people are asked what they would do: a level and what was done so far.
type moment struct {
	scene, level int // level counts over all scenes
	seed         int64
	done         []int32
}

// ask has the model of people play levels, picks moments of that play, and returns for each moment how probable people's
// choices are and what each of them would bring about.
func ask(ctx context.Context, people ActionModel, future *futures, scenes []Scene, features Features, cfg Config) (*choice, error) {
	envs := make([][]env.Env, len(scenes))
	for i, s := range scenes {
		for range side {
			e, err := s.Make()
			if err != nil {
				return nil, fmt.Errorf("reward: making an environment of scene %d: %w", i, err)
			}
			if !alike(future.spec, e.Spec()) {
				return nil, fmt.Errorf("reward: scene %d is %+v, but the recorded play is of %+v", i, e.Spec(), future.spec)
			}
			envs[i] = append(envs[i], e)
		}
	}
	spec := envs[0][0].Spec()
	if spec.Actions > side {
		return nil, fmt.Errorf("reward: an environment of %d actions; at most %d are supported", spec.Actions, side)
	}
	im := &imagination{people: people, spec: spec}

	var moments []moment
	levels := 0
	for i, s := range scenes {
		r := rng.New(cfg.Seed, "reward levels", i)
		seeds := make([]int64, s.Count)
		for j := range seeds {
			seeds[j] = s.Levels.Draw(r)
		}
		for lo := 0; lo < len(seeds); lo += side {
			if err := ctx.Err(); err != nil {
				return nil, fmt.Errorf("reward: stopped after %d levels: %w", levels, err)
			}
			hi := min(lo+side, len(seeds))
			draw := rng.New(cfg.Seed, fmt.Sprintf("reward play %d", i), lo/side)
			for j, done := range im.play(envs[i], seeds[lo:hi], draw) {
				for range cfg.Decisions {
					moments = append(moments, moment{i, levels, seeds[lo+j], done[:r.IntN(len(done))]})
				}
				levels++
			}
		}
	}

	k, actions := len(features.Names()), spec.Actions
	x := &choice{n: len(moments), options: actions, k: k, phi: make([]float32, len(moments)*actions*k),
		share: make([]float64, len(moments)*actions), group: make([]int, len(moments)), groups: levels}
	phi := make([]float32, side*k)
	for lo := 0; lo < len(moments); {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("reward: stopped after %d of %d decisions: %w", lo, len(moments), err)
		}
		hi := lo
		for hi < len(moments) && moments[hi].scene == moments[lo].scene && (hi-lo+1)*actions <= side {
			x.group[hi] = moments[hi].level
			hi++
		}
		copies := envs[moments[lo].scene]
		im.wants(copies, moments[lo:hi], x.share[lo*actions:hi*actions])
		draw := rng.New(cfg.Seed, "reward consequences", lo)
		im.consequences(copies, moments[lo:hi], cfg, draw, func(t int, branches []int, running []bool, obs env.Batch) {
			features.Features(phi, obs)
			discount := float32(math.Pow(cfg.Discount, float64(t)))
			var after []float32
			if t+1 == cfg.Horizon {
				after = future.after(obs)
			}
			for j, b := range branches {
				sum := x.phi[(lo*actions+b)*k : (lo*actions+b+1)*k]
				for f, v := range phi[j*k : (j+1)*k] {
					if v != 0 {
						sum[f] += discount * v
					}
				}
				if after != nil && running[b] {
					for f, v := range after[j*k : (j+1)*k] {
						sum[f] += discount * float32(cfg.Discount) * v
					}
				}
			}
		})
		lo = hi
		if cfg.Progress != nil {
			cfg.Progress(lo, len(moments))
		}
	}
	return x, nil
}

// alike reports whether observations and actions of the two have the same shape.
func alike(a, b env.Spec) bool {
	a.Name, a.MaxSteps = b.Name, b.MaxSteps
	return a == b
}

// imagination is people playing in the mind of their model.
type imagination struct {
	people ActionModel
	spec   env.Spec
}

// play lets people play one episode of each level and returns what they did.
func (im *imagination) play(envs []env.Env, seeds []int64, r *rand.Rand) [][]int32 {
	n := len(seeds)
	done := make([][]int32, n)
	live, previous := make([]int, n), make([]int32, n)
	for i := range n {
		envs[i].Reset(seeds[i])
		live[i], previous[i] = i, -1
	}
	obs, logProbs := env.NewBatch(im.spec, n), make([]float32, n*im.spec.Actions)
	for t := 0; t < longest && len(live) > 0; t++ {
		im.look(envs, live, previous, obs, logProbs, 1)
		next := live[:0]
		for j, i := range live {
			a := draw(logProbs[j*im.spec.Actions:(j+1)*im.spec.Actions], r.Float64())
			done[i] = append(done[i], int32(a))
			previous[i] = int32(a)
			if _, end := envs[i].Step(a); end == env.Running { // the reward is not looked at
				next = append(next, i)
			}
		}
		live = next
	}
	return done
}

// look asks what people do next in the environments that are live.
func (im *imagination) look(envs []env.Env, live []int, previous []int32, obs env.Batch, logProbs []float32, temperature float64) {
	now, before := obs.Slice(0, len(live)), make([]int32, len(live))
	for j, i := range live {
		envs[i].Observe(now.Row(j))
		before[j] = previous[i]
	}
	im.people.ActionLogProbs(logProbs, now, before)
	if temperature == 1 {
		return
	}
	for j := range live {
		row := logProbs[j*im.spec.Actions : (j+1)*im.spec.Actions]
		for a := range row {
			row[a] /= float32(temperature)
		}
		nn.LogSoftmax(row, row)
	}
}

// wants writes to share [moments][actions] how probable people's choices are, with habit taken out: the model's
// probability of an action is averaged over the previous actions other than that action.
func (im *imagination) wants(envs []env.Env, moments []moment, share []float64) {
	actions := im.spec.Actions
	obs, previous := env.NewBatch(im.spec, len(moments)*actions), make([]int32, len(moments)*actions)
	for i, m := range moments {
		m.reach(envs[i])
		for p := range actions {
			envs[i].Observe(obs.Row(i*actions + p))
			previous[i*actions+p] = int32(p)
		}
	}
	logProbs := make([]float32, len(previous)*actions)
	im.people.ActionLogProbs(logProbs, obs, previous)
	for i := range moments {
		sum := 0.0
		row := share[i*actions : (i+1)*actions]
		for a := range actions {
			for p := range actions {
				if p != a || actions == 1 {
					row[a] += math.Exp(float64(logProbs[(i*actions+p)*actions+a]))
				}
			}
			sum += row[a]
		}
		for a := range row {
			row[a] /= sum
		}
	}
}

// reach brings an environment to the moment.
func (m *moment) reach(e env.Env) {
	e.Reset(m.seed)
	for _, a := range m.done {
		e.Step(int(a))
	}
}

// consequences takes each action at each moment and lets people go on. visit is called with each step t, from 0, the
// branches that are still played (moment·actions + action) and the observation at which each has arrived.
func (im *imagination) consequences(envs []env.Env, moments []moment, cfg Config, r *rand.Rand, visit func(t int, branches []int, running []bool, obs env.Batch)) {
	actions := im.spec.Actions
	n := len(moments) * actions
	live, previous, running := make([]int, n), make([]int32, n), make([]bool, n)
	for i, m := range moments {
		for a := range actions {
			b := i*actions + a
			m.reach(envs[b])
			_, end := envs[b].Step(a)
			live[b], previous[b], running[b] = b, int32(a), end == env.Running
		}
	}
	obs, logProbs := env.NewBatch(im.spec, n), make([]float32, n*actions)
	for t := 0; ; t++ {
		now := obs.Slice(0, len(live))
		for j, b := range live {
			envs[b].Observe(now.Row(j))
		}
		visit(t, live, running, now)
		next := live[:0]
		for _, b := range live {
			if running[b] {
				next = append(next, b)
			}
		}
		if live = next; len(live) == 0 || t+1 == cfg.Horizon {
			return
		}
		im.look(envs, live, previous, obs, logProbs, cfg.Temperature)
		u := r.Float64() // one for all, so that branches differ by what was chosen and not by luck
		for j, b := range live {
			a := draw(logProbs[j*actions:(j+1)*actions], u)
			_, end := envs[b].Step(a)
			previous[b], running[b] = int32(a), end == env.Running
		}
	}
}

// draw returns an index with the given logarithms of probabilities, u being uniform in [0, 1).
func draw(logProbs []float32, u float64) int {
	for a, lp := range logProbs {
		if u -= math.Exp(float64(lp)); u < 0 {
			return a
		}
	}
	return len(logProbs) - 1
}
