// Package qlearning is tabular Q-learning (Watkins 1989; Sutton and Barto, "Reinforcement Learning: An Introduction",
// 2nd edition, section 6.5): for environments whose situations can be numbered.
package qlearning

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"goalgap/lib/env"
	"goalgap/lib/rng"
)

// Config is how to learn. Start from Default.
type Config struct {
	Seed        uint64  // of everything random; default 1
	Episodes    int     // default 20 000
	Rate        float64 // learning rate, greater than 0 and up to 1; default 0.8
	Gamma       float64 // discount factor, 0 .. 1; default 0.95
	Exploration float64 // probability of an action by lot, 0 .. 1; default 0.1
}

// Default returns the defaults: rate and discount factor are those of the treacherous turn's original program
// (mtrazzi/gym-alttp-gridworld); its exploration falls with 1/log(episode) from 0.1.
func Default() Config {
	return Config{Seed: 1, Episodes: 20_000, Rate: 0.8, Gamma: 0.95, Exploration: 0.1}
}

// Check returns an error that names the first field without a sensible value.
func (c Config) Check() error {
	switch {
	case c.Episodes < 1:
		return fmt.Errorf("qlearning: config: Episodes is %d; want 1 or more", c.Episodes)
	case !(c.Rate > 0 && c.Rate <= 1):
		return fmt.Errorf("qlearning: config: Rate is %v; want more than 0 and at most 1", c.Rate)
	case !(c.Gamma >= 0 && c.Gamma <= 1):
		return fmt.Errorf("qlearning: config: Gamma is %v; want 0 .. 1", c.Gamma)
	case !(c.Exploration >= 0 && c.Exploration <= 1):
		return fmt.Errorf("qlearning: config: Exploration is %v; want 0 .. 1", c.Exploration)
	}
	return nil
}

// Table is what each action is worth in each situation: Q [situations × actions].
type Table struct {
	Actions int
	Q       []float64
}

// Best returns the best action in a situation, the first of several.
func (t *Table) Best(situation int) int {
	row, best := t.row(situation), 0
	for a, q := range row {
		if q > row[best] {
			best = a
		}
	}
	return best
}

func (t *Table) row(situation int) []float64 {
	return t.Q[situation*t.Actions : (situation+1)*t.Actions]
}

// Learn learns in episodes of e, whose situations are numbered from 0 to situations-1. A situation beyond that, actions
// that are not discrete and a reward that is not finite are errors; when ctx is done the error wraps ctx.Err().
func Learn[E env.Env](ctx context.Context, e E, situation func(E) int, situations int, levels env.Levels, cfg Config) (*Table, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if err := e.Spec().RequireDiscrete("qlearning"); err != nil {
		return nil, err
	}
	if situations < 1 {
		return nil, fmt.Errorf("qlearning: %d situations; want 1 or more", situations)
	}
	t := &Table{Actions: e.Spec().Actions, Q: make([]float64, situations*e.Spec().Actions)}
	level, explore := rng.New(cfg.Seed, "qlearning levels", 0), rng.New(cfg.Seed, "qlearning exploration", 0)
	at := func() (int, error) {
		s := situation(e)
		if s < 0 || s >= situations {
			return 0, fmt.Errorf("qlearning: situation %d; there are %d", s, situations)
		}
		return s, nil
	}
	for episode := range cfg.Episodes {
		if err := ctx.Err(); err != nil {
			return t, fmt.Errorf("qlearning: stopped after %d of %d episodes: %w", episode, cfg.Episodes, err)
		}
		e.Reset(levels.Draw(level))
		s, err := at()
		if err != nil {
			return t, err
		}
		for end := env.Running; end == env.Running; {
			action := t.choose(s, cfg.Exploration, explore)
			var reward float32
			reward, end = e.Step(action)
			next, err := at()
			if err != nil {
				return t, err
			}
			target := float64(reward)
			if end != env.Terminated { // what a time limit cuts could have gone on
				target += cfg.Gamma * t.row(next)[t.Best(next)]
			}
			if math.IsNaN(target) || math.IsInf(target, 0) {
				return t, fmt.Errorf("qlearning: reward %v in episode %d; want a finite number", reward, episode)
			}
			t.row(s)[action] += cfg.Rate * (target - t.row(s)[action])
			s = next
		}
	}
	return t, nil
}

func (t *Table) choose(s int, exploration float64, r *rand.Rand) int {
	if r.Float64() < exploration {
		return r.IntN(t.Actions)
	}
	return t.Best(s)
}

// Play is a table as a policy: the best action, or with probability Slip one by lot.
type Play struct {
	*Table
	Slip float64 // 0 .. 1
}

// Probabilities writes to dst [len(situations)][Actions] the probability of each action; observations are not looked at.
func (p Play) Probabilities(dst []float32, _ env.Batch, situations []int) {
	n := p.Actions
	for i, s := range situations[:min(len(situations), len(dst)/n)] {
		row := dst[i*n : (i+1)*n]
		for a := range row {
			row[a] = float32(p.Slip) / float32(n)
		}
		row[p.Best(s)] += float32(1 - p.Slip)
	}
}
