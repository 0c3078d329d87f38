package exact

import (
	"fmt"
	"math"

	"goalgap/lib/env/tabular"
)

// EPIC is the equivalent-policy invariant comparison distance (Gleave et al. 2021) computed exactly: √((1-ρ)/2), with ρ
// the correlation of the canonical rewards
//
//	C(s,a,s') = R(s,a,s') + γ E[R(s',A,S')] - E[R(s,A,S')] - γ E[R(S,A,S')]
//
// over all possible steps (each action of each state as likely, what follows as probable as it is), A uniform over
// actions, S and S' independent and uniform over states. 0 if the rewards agree up to potential shaping, a constant and a
// positive factor; 1 if they are opposite; NaN if one is equivalent to nothing at all. The rewards are asked for steps
// that are not possible, too, and must be finite there; that is an error otherwise. It takes states² × actions steps.
func EPIC(w *tabular.World, a, b tabular.Reward, discount float64) (float64, error) {
	x, err := canonical(w, a, discount)
	if err != nil {
		return 0, fmt.Errorf("exact: EPIC, first reward: %w", err)
	}
	y, err := canonical(w, b, discount)
	if err != nil {
		return 0, fmt.Errorf("exact: EPIC, second reward: %w", err)
	}
	var mx, my, xx, yy, xy, n float64
	i := 0
	each(w, func(_, _ int, m tabular.Move) {
		mx, my, n = mx+m.P*x[i], my+m.P*y[i], n+m.P
		i++
	})
	mx, my, i = mx/n, my/n, 0
	size := 0.0
	each(w, func(_, _ int, m tabular.Move) {
		dx, dy := x[i]-mx, y[i]-my
		xx, yy, xy = xx+m.P*dx*dx, yy+m.P*dy*dy, xy+m.P*dx*dy
		size = max(size, math.Abs(x[i]), math.Abs(y[i]))
		i++
	})
	if nothing := 1e-20 * n * max(size*size, 1e-280); xx <= nothing || yy <= nothing {
		return math.NaN(), nil
	}
	// 1-ρ from the difference of the normalised rewards, which keeps its digits where they are nearly equal.
	sum := 0.0
	i = 0
	each(w, func(_, _ int, m tabular.Move) {
		d := (x[i]-mx)/math.Sqrt(xx) - (y[i]-my)/math.Sqrt(yy)
		sum += m.P * d * d
		i++
	})
	return min(1, math.Sqrt(sum)/2), nil
}

// each visits every possible step.
func each(w *tabular.World, visit func(s, a int, m tabular.Move)) {
	for s := range w.States() {
		for a := range w.Actions() {
			for _, m := range w.Moves(s, a) {
				visit(s, a, m)
			}
		}
	}
}

// canonical returns C of each possible step, in the order of each, less the last term, which is a constant.
func canonical(w *tabular.World, r tabular.Reward, discount float64) ([]float64, error) {
	n, actions := w.States(), w.Actions()
	mean := make([]float64, n) // E[R(s,A,S')]
	for s := range mean {
		for a := range actions {
			for next := range n {
				x := r(s, a, next)
				if math.IsNaN(x) || math.IsInf(x, 0) {
					return nil, fmt.Errorf("the reward for action %d from state %d to %d is %v", a, s, next, x)
				}
				mean[s] += x
			}
		}
		mean[s] /= float64(n * actions)
	}
	var out []float64
	each(w, func(s, a int, m tabular.Move) {
		out = append(out, r(s, a, m.Next)+discount*mean[m.Next]-mean[s])
	})
	return out, nil
}

// STARC is a standardised reward distance (Skalse et al. 2024, arXiv 2309.15257) with the value-adjusted levelling of the
// uniform policy π: a reward becomes
//
//	c(s,a) = E[R(s,a,S')] - V^π(s) + γ E[V^π(S')],
//
// is divided by its length (0 stays 0), and the distance is the length of the difference; all in L2 over states and
// actions. 0 if the rewards order all policies of w in the same way (they agree up to potential shaping, redistribution
// over successors and a positive factor), 2 if they are opposite, 1 between a reward and one that is equivalent to
// nothing. A small distance bounds the regret of using one reward for the other, which EPIC does not. A reward that is
// not finite is an error, and so is a discount that is not at least 0 and below 1.
func STARC(w *tabular.World, a, b tabular.Reward, discount float64) (float64, error) {
	var c [2][]float64
	for i, r := range []tabular.Reward{a, b} {
		expected, err := w.Expected(r)
		if err != nil {
			return 0, fmt.Errorf("exact: STARC: %w", err)
		}
		if c[i], err = deshape(w, expected, discount); err != nil {
			return 0, fmt.Errorf("exact: STARC: %w", err)
		}
		length, size := 0.0, 0.0
		for j, x := range c[i] {
			length += x * x
			size = max(size, math.Abs(expected[j]))
		}
		length = math.Sqrt(length)
		if length <= 1e-8*size { // what arithmetic leaves of nothing
			length = math.Inf(1)
		}
		for j := range c[i] {
			c[i][j] /= length
		}
	}
	sum := 0.0
	for j, x := range c[0] {
		sum += (x - c[1][j]) * (x - c[1][j])
	}
	return math.Sqrt(sum), nil
}

// deshape returns c [states × actions] of an expected reward.
func deshape(w *tabular.World, expected []float64, discount float64) ([]float64, error) {
	n := w.Actions()
	uniform := make([]float64, len(expected))
	fill(uniform, 1/float64(n))
	size := 0.0
	for _, x := range expected {
		size = max(size, math.Abs(x))
	}
	value, err := w.Worth(uniform, expected, discount, 1e-11*max(size, 1e-200))
	if err != nil {
		return nil, err
	}
	c := make([]float64, len(expected))
	for i, x := range expected {
		c[i] = x - value[i/n]
		for _, m := range w.Moves(i/n, i%n) {
			c[i] += discount * m.P * value[m.Next]
		}
	}
	return c, nil
}

// Regrets is what an extracted reward costs: expected discounted returns of the true reward.
type Regrets struct {
	Best, Worst float64 // of the best and of the worst policy
	Uniform     float64 // of a policy that takes each action as often
	Got         float64 // of the policy that is best for the extracted reward
}

// Share is the regret as a share of what is at stake, (Best-Got)/(Best-Worst): 0 if nothing is lost, 1 at worst; NaN if
// nothing is at stake.
func (r Regrets) Share() float64 { return (r.Best - r.Got) / (r.Best - r.Worst) }

// OfUniform is the regret as a share of that of a policy that takes each action as often: 1 is no better than chance.
func (r Regrets) OfUniform() float64 { return (r.Best - r.Got) / (r.Best - r.Uniform) }

// Regret evaluates exactly the policy that is best in w for the reward got, by the true reward. Where actions are equally
// good by got (to within a relative 1e-6 of the largest difference between values), each of them is taken as often. A
// reward that is not finite is an error.
func Regret(w *tabular.World, truth, got tabular.Reward, discount float64) (Regrets, error) {
	var r Regrets
	paid, err := w.Expected(truth)
	if err != nil {
		return r, fmt.Errorf("exact: regret: true reward: %w", err)
	}
	wanted, err := w.Expected(got)
	if err != nil {
		return r, fmt.Errorf("exact: regret: extracted reward: %w", err)
	}
	worth := func(policy []float64) (float64, error) {
		v, err := w.Worth(policy, paid, discount, 1e-9)
		if err != nil {
			return 0, fmt.Errorf("exact: regret: %w", err)
		}
		return tabular.Mean(w, v), nil
	}
	uniform := make([]float64, len(paid))
	fill(uniform, 1/float64(w.Actions()))
	if r.Uniform, err = worth(uniform); err != nil {
		return r, err
	}
	against := make([]float64, len(paid))
	for i, x := range paid {
		against[i] = -x
	}
	for _, c := range []struct {
		reward []float64
		to     *float64
	}{{paid, &r.Best}, {against, &r.Worst}, {wanted, &r.Got}} {
		policy, err := Greedy(w, c.reward, discount)
		if err != nil {
			return r, fmt.Errorf("exact: regret: %w", err)
		}
		if *c.to, err = worth(policy); err != nil {
			return r, err
		}
	}
	return r, nil
}

// Greedy returns the policy [states × actions] that is best for ever for an expected reward [states × actions], ties
// shared as in [Regret].
func Greedy(w *tabular.World, expected []float64, discount float64) ([]float64, error) {
	n := w.Actions()
	if len(expected) != w.States()*n {
		return nil, fmt.Errorf("%d rewards for %d states of %d actions", len(expected), w.States(), n)
	}
	if !(discount >= 0 && discount < 1) {
		return nil, fmt.Errorf("discount %v; it must be at least 0 and less than 1", discount)
	}
	q, value := make([]float64, len(expected)), make([]float64, w.States())
	size := 0.0
	for i, x := range expected {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, fmt.Errorf("the reward of action %d in state %d is %v", i%n, i/n, x)
		}
		size = max(size, math.Abs(x))
	}
	for change := math.Inf(1); change*discount > 1e-10*size*(1-discount); {
		change = 0
		for s := range value {
			top := math.Inf(-1)
			for a := range n {
				i := s*n + a
				q[i] = expected[i]
				for _, m := range w.Moves(s, a) {
					q[i] += discount * m.P * value[m.Next]
				}
				top = max(top, q[i])
			}
			if w.Places[s].Terminal {
				top = (top - discount*value[s]) / (1 - discount)
			}
			change = max(change, math.Abs(top-value[s]))
			value[s] = top
		}
	}
	spread := 0.0
	for _, v := range value {
		spread = max(spread, math.Abs(v-value[0]))
	}
	tie := max(1e-6*spread, 1e-8*size) // values are exact to 1e-10 × size
	policy := make([]float64, len(q))
	for s := range value {
		top, count := math.Inf(-1), 0.0
		for a := range n {
			top = max(top, q[s*n+a])
		}
		for a := range n {
			if q[s*n+a] >= top-tie {
				policy[s*n+a] = 1
				count++
			}
		}
		for a := range n {
			policy[s*n+a] /= count
		}
	}
	return policy, nil
}
