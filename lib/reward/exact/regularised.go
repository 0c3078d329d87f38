package exact

import (
	"fmt"

	"goalgap/lib/env/tabular"
)

// Tuned is a policy that gives the most reward for what it costs to leave another policy; see [Regularised].
type Tuned struct {
	Plans []*tabular.SoftPlan // the plan for each number of steps left, 1 first
	KL    float64             // from prior, of a whole episode, in nats
	Sums  []float64           // expected sum over an episode of each measure
}

// Regularised returns the policy that maximises E[Σ reward] - KL(policy ‖ prior)/beta over episodes of a number of steps, with
// what it costs and what it is worth by some measures (rewards such as the true one). It is what PPO with a KL penalty of
// 1/beta aims at (Ziegler et al. 2019, equation 2), found exactly, and the points for all beta are the best that can be had at
// each KL. prior is [states × actions]. Play does not stop at a terminal state, where every action is as probable under both.
// Wrong arguments are errors.
func Regularised(w *tabular.World, reward tabular.Reward, prior []float64, steps int, beta float64, measures ...tabular.Reward) (*Tuned, error) {
	expected, err := w.Expected(reward)
	if err != nil {
		return nil, fmt.Errorf("exact: regularised policy: %w", err)
	}
	plans, err := w.SoftSteps(expected, steps, beta, prior)
	if err != nil {
		return nil, fmt.Errorf("exact: regularised policy: %w", err)
	}
	tables := [][]float64{expected}
	for i, m := range measures {
		x, err := w.Expected(m)
		if err != nil {
			return nil, fmt.Errorf("exact: regularised policy: measure %d: %w", i, err)
		}
		tables = append(tables, x)
	}
	n := w.Actions()
	sums := make([]float64, len(tables))
	now, next := append([]float64(nil), w.Start...), make([]float64, w.States())
	for left := steps; left > 0; left-- {
		clear(next)
		policy := plans[left-1].Policy
		for s, p := range now {
			if p == 0 {
				continue
			}
			for a := range n {
				pa := p * policy[s*n+a]
				if pa == 0 {
					continue
				}
				for k, x := range tables {
					sums[k] += pa * x[s*n+a]
				}
				for _, m := range w.Moves(s, a) {
					next[m.Next] += pa * m.P
				}
			}
		}
		now, next = next, now
	}
	t := &Tuned{Plans: plans, Sums: sums[1:]}
	// The value is the reward less what it costs: V = E[Σ reward] - KL/β.
	value := 0.0
	for s, p := range w.Start {
		value += p * plans[steps-1].Value[s]
	}
	t.KL = max(0, beta*(sums[0]-value))
	return t, nil
}

// Sample plays an episode and returns its steps; u gives uniform numbers in [0, 1).
func (t *Tuned) Sample(w *tabular.World, u func() float64) []Step {
	draw := func(count int, p func(i int) float64) int {
		x := u()
		for i := range count {
			if x -= p(i); x < 0 {
				return i
			}
		}
		return count - 1
	}
	n := w.Actions()
	var out []Step
	s := draw(w.States(), func(i int) float64 { return w.Start[i] })
	for left := len(t.Plans); left > 0; left-- {
		policy := t.Plans[left-1].Policy
		a := draw(n, func(i int) float64 { return policy[s*n+i] })
		moves := w.Moves(s, a)
		next := moves[draw(len(moves), func(i int) float64 { return moves[i].P })].Next
		out = append(out, Step{s, a, next})
		s = next
	}
	return out
}
