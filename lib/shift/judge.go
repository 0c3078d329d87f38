package shift

import (
	"context"
	"fmt"

	"goalgap/lib/env"
)

// Game is one of the environments to evaluate in: a variant, or a distribution of levels.
type Game struct {
	Name string
	Make func() (env.Judged, error) // a copy of the environment
}

// Judgement is what the episodes of one policy in one game came to, level by level.
type Judgement struct {
	Policy, Game string
	Levels       []int64       // [n] level seeds
	Outcomes     []env.Outcome // [n] at the end of the episode
}

// Judge plays every level once in each game with each policy, to the end of the episode, and returns a Judgement for each
// pair, policies in order and for each the games in order. Since a level is a function of its seed, two games that are
// variants of one environment are compared in pairs. Policies and games see equal random numbers; the result depends on
// the arguments only. Games that cannot be made or whose observations or actions are not those that a policy was trained
// on, and policies whose actions are not discrete, are errors; when ctx is done the error wraps ctx.Err(). progress, if
// not nil, is told how many episodes are over, by one goroutine at a time.
func Judge(ctx context.Context, policies []Policy, games []Game, levels []int64, seed uint64, progress func(done, total int)) ([]*Judgement, error) {
	if len(policies) == 0 || len(games) == 0 || len(levels) == 0 {
		return nil, fmt.Errorf("shift: judging %d policies in %d games on %d levels; at least 1 of each is needed",
			len(policies), len(games), len(levels))
	}
	for _, g := range games {
		e, err := g.Make()
		if err != nil {
			return nil, fmt.Errorf("shift: game %s: %w", g.Name, err)
		}
		if err := e.Spec().RequireDiscrete("shift: game " + g.Name); err != nil {
			return nil, err
		}
		for _, p := range policies {
			if err := p.fits(e.Spec()); err != nil {
				return nil, fmt.Errorf("shift: game %s: %w", g.Name, err)
			}
		}
	}
	var out []*Judgement
	for _, p := range policies {
		for _, g := range games {
			out = append(out, &Judgement{Policy: p.Name, Game: g.Name, Levels: append([]int64(nil), levels...), Outcomes: make([]env.Outcome, len(levels))})
		}
	}
	err := spread(ctx, policies, len(games), len(levels), progress, func(actor Actor, policy, game, lo, hi int) error {
		return judge(actor, games[game], out[policy*len(games)+game], lo, hi, seed)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// fits returns an error if a policy was trained on other observations or actions than those of an environment.
func (p Policy) fits(spec env.Spec) error {
	if p.spec.Name == "" {
		return nil // not trained
	}
	if err := p.spec.RequireDiscrete("policy " + p.Name); err != nil {
		return err
	}
	if p.memory > 0 {
		return fmt.Errorf("policy %s has a memory of width %d: an Actor chooses by the present observation alone", p.Name, p.memory)
	}
	if p.spec.Actions != spec.Actions || p.spec.Sparse != spec.Sparse || p.spec.MaxActive != spec.MaxActive || p.spec.Dense != spec.Dense {
		return fmt.Errorf("policy %s was trained on %s (%d actions, %d sparse and %d dense inputs), which is not %s (%d, %d, %d)", p.Name,
			p.spec.Name, p.spec.Actions, p.spec.Sparse, p.spec.Dense, spec.Name, spec.Actions, spec.Sparse, spec.Dense)
	}
	return nil
}

// judge plays levels lo .. hi-1 side by side.
func judge(actor Actor, g Game, j *Judgement, lo, hi int, seed uint64) error {
	random := stream(seed, lo)
	n := hi - lo
	envs, live := make([]env.Judged, n), make([]int, n)
	for i := range envs {
		e, err := g.Make()
		if err != nil {
			return fmt.Errorf("shift: game %s: %w", g.Name, err)
		}
		e.Reset(j.Levels[lo+i])
		envs[i], live[i] = e, i
	}
	obs, actions := env.NewBatch(envs[0].Spec(), n), make([]int32, n)
	for len(live) > 0 {
		now := obs.Slice(0, len(live))
		for k, i := range live {
			envs[i].Observe(now.Row(k))
		}
		actor.Sample(actions[:len(live)], now, random)
		running := live[:0]
		for k, i := range live {
			if _, end := envs[i].Step(int(actions[k])); end != env.Running {
				j.Outcomes[lo+i] = envs[i].Outcome()
			} else {
				running = append(running, i)
			}
		}
		live = running
	}
	return nil
}

// Counts is the rates and means of a Judgement, over the levels that were counted.
type Counts struct {
	Goal, Proxy, Neither Rate // what came first; they add up to all levels

	Capable Rate // capability, whatever the goal: the goal or the proxy was reached

	// Means over levels: of the sum of the rewards, of what the makers of the environment wanted, and of the steps.
	Return, Performance, Steps float64
}

// Summarize counts the levels for which keep holds; nil keeps all. keep is handed the number of the level.
func (j *Judgement) Summarize(keep func(i int) bool) Counts {
	var c Counts
	var first [env.NeitherReached + 1]int
	n, capable := 0, 0
	for i, o := range j.Outcomes {
		if keep != nil && !keep(i) {
			continue
		}
		n++
		first[o.First()]++
		if o.Capable() {
			capable++
		}
		c.Return += o.Return
		c.Performance += o.Performance
		c.Steps += float64(o.Steps)
	}
	c.Goal, c.Proxy, c.Neither = rate(first[env.GoalFirst], n), rate(first[env.ProxyFirst], n), rate(first[env.NeitherReached], n)
	c.Capable = rate(capable, n)
	c.Return /= float64(n)
	c.Performance /= float64(n)
	c.Steps /= float64(n)
	return c
}
