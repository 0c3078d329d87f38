package main

import (
	"context"
	"fmt"

	"goalgap/lib/env"
	"goalgap/lib/env/jaxgmg/corner"
	"goalgap/lib/nn"
	"goalgap/lib/ppo"
)

// Settings of the recorded runs.
const (
	cycleSteps = 256 // of each environment in a cycle
	logEvery   = 64  // cycles
	discount   = 0.995
)

// config is the training of the recorded runs, for some cycles.
func config(seed uint64, cycles int) ppo.Config {
	c := ppo.Default()
	c.Seed, c.Envs, c.Rollout, c.Steps = seed, corner.SweepBatch, cycleSteps, cycles*corner.SweepBatch*cycleSteps
	c.Conv, c.Hidden, c.Activation, c.Shared, c.LeCun = []int{16, 32, 32}, []int{256, 256}, nn.ReLU, true, true
	c.LearningRate, c.Anneal, c.AdamEps, c.MaxGradNorm = 1e-4, false, 1e-8, 0.5
	c.Gamma, c.Lambda, c.EntropyCoef, c.ValueCoef = discount, 0.98, 1e-3, 0.5
	c.Epochs, c.Minibatches, c.Clip = 5, 1, 0.2
	return c
}

// A player is one of the 32 environments of a training. It plays the levels of the recorded schedule, a new one in each
// cycle and the same one until then, whatever level it is told to begin.
type player struct {
	*corner.Env
	levels []int64 // of the cycles
	cycle  int
	steps  int // in the cycle
}

func (p *player) Reset(int64) {
	p.Env.Reset(p.levels[min(p.cycle, len(p.levels)-1)])
}

// Step is the environment's, but for the ends of episodes: the original takes its time limit for an end like any other, and
// cuts all episodes at the end of a cycle, where the value of the last state stands in for what would have followed.
func (p *player) Step(action int) (float32, env.End) {
	reward, end := p.Env.Step(action)
	if end != env.Running {
		end = env.Terminated
	}
	if p.steps++; p.steps == cycleSteps {
		p.cycle, p.steps = p.cycle+1, 0
		if end == env.Running {
			end = env.Truncated
		}
	}
	return reward, end
}

// players returns what makes the environments of a training, one after the other.
func players(size, cycles int) (func() (env.Env, error), error) {
	seeds, _, _ := corner.SweepSeeds()
	schedule, err := corner.SweepSchedule(cycles)
	if err != nil {
		return nil, err
	}
	made := 0
	return func() (env.Env, error) {
		if made == corner.SweepBatch {
			return nil, fmt.Errorf("the schedule has %d environments", corner.SweepBatch)
		}
		e, err := corner.New(corner.Sweep(size))
		p := &player{Env: e}
		for _, ids := range schedule {
			p.levels = append(p.levels, seeds[ids[made]])
		}
		made++
		return p, err
	}, nil
}

// A row is what is logged of a run at one of its cycles.
type row struct {
	size, cycle int
	seed        uint64
	on, off     returns
}

// run trains with one corner size and seed, and hands over a row at cycle 0 and every 64 cycles up to cycle last.
func run(ctx context.Context, size int, seed uint64, last int, logged func(row)) error {
	makeEnv, err := players(size, last+1)
	if err != nil {
		return err
	}
	t, err := ppo.NewTrainer(makeEnv, env.Levels{}, config(seed, last+1))
	if err != nil {
		return err
	}
	_, on, off := corner.SweepSeeds()
	for cycle := 0; cycle <= last; cycle++ {
		if _, err := t.RunUpdates(ctx, 1); err != nil {
			return err
		}
		if cycle%logEvery != 0 {
			continue
		}
		r := row{size: size, cycle: cycle, seed: seed}
		p := t.Policy()
		if r.on, err = evaluate(p, corner.Sweep(size), on, seed+uint64(cycle)); err == nil {
			r.off, err = evaluate(p, corner.Sweep(11), off, seed+uint64(cycle))
		}
		if err != nil {
			return err
		}
		logged(r)
	}
	return nil
}
