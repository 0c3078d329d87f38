package tabular

import (
	"fmt"
	"math"
)

// SoftPlan is what somebody does who prefers more reward but is not certain to take it: the policy of maximum causal
// entropy, π(a|s) = π₀(a|s) exp(β Q(s,a)) / Σ, with Q(s,a) = E[r + γ V(s')] and V(s) = 1/β log Σ π₀(a|s) exp(β Q(s,a))
// (Ziebart 2010, chapter 9; with a prior π₀, Todorov 2009). The base measure π₀ is 1 for each action if no prior is
// given, so that every step adds an entropy of up to log(actions)/β.
type SoftPlan struct {
	Value  []float64 // [states]
	Q      []float64 // [states × actions]
	Policy []float64 // [states × actions]
}

// softSweeps bounds the sweeps over all states.
const softSweeps = 100_000

// Soft plans for ever with a discount below 1, for a reward [states × actions] (see [World.Expected]) and an inverse
// temperature beta in nats per unit of reward. prior may be nil. start, if not nil, are values to begin with, which saves
// time where they are near. Values are right to within precision.
func (w *World) Soft(reward []float64, discount, beta float64, prior, start []float64, precision float64) (*SoftPlan, error) {
	if err := w.checkSoft(reward, beta, prior); err != nil {
		return nil, err
	}
	if !(discount >= 0 && discount < 1) {
		return nil, fmt.Errorf("tabular: soft plan for ever with discount %v; it must be at least 0 and less than 1", discount)
	}
	p := newSoftPlan(w)
	copy(p.Value, start)
	bonus := make([]float64, len(p.Value))
	for sweep := 0; ; sweep++ {
		change := 0.0
		for s := range p.Value { // in place (Gauss-Seidel)
			v := w.soften(p, s, reward, discount, beta, prior, p.Value)
			bonus[s] = v
			for a := range w.actions {
				i := s*w.actions + a
				bonus[s] -= p.Policy[i] * (p.Q[i] - reward[i])
			}
			if w.Places[s].Terminal { // V = v(0) + γV
				v = (v - discount*p.Value[s]) / (1 - discount)
			}
			change = max(change, math.Abs(v-p.Value[s]))
			p.Value[s] = v
		}
		if change*discount <= precision*(1-discount) {
			break
		}
		if sweep == softSweeps || math.IsNaN(change) {
			return nil, fmt.Errorf("tabular: soft plan: values still change by %v after %d sweeps", change, sweep)
		}
		// Soft policy iteration: what the policy is worth, its entropy included, is linear and needs no exponentials.
		w.follow(p.Value, p.Policy, bonus, discount, max(change*1e-3, precision*(1-discount)/10))
	}
	for s := range p.Value {
		w.soften(p, s, reward, discount, beta, prior, p.Value)
	}
	return p, nil
}

// followSweeps bounds the sweeps of follow.
const followSweeps = 50

// follow moves value towards what policy is worth for the rewards paid [states], until it changes by less than precision.
func (w *World) follow(value, policy, paid []float64, discount, precision float64) {
	for range followSweeps {
		change := 0.0
		for s := range value {
			if w.Places[s].Terminal {
				continue
			}
			v := 0.0
			for i := s * w.actions; i < (s+1)*w.actions; i++ {
				sum := 0.0
				for _, m := range w.moves[w.first[i]:w.first[i+1]] {
					sum += m.P * value[m.Next]
				}
				v += policy[i] * sum
			}
			v = paid[s] + discount*v
			change = max(change, math.Abs(v-value[s]))
			value[s] = v
		}
		if change < precision {
			return
		}
	}
}

// SoftSteps plans for a number of steps, without a discount, and returns the plan for each number of steps left, 1 first.
func (w *World) SoftSteps(reward []float64, steps int, beta float64, prior []float64) ([]*SoftPlan, error) {
	if err := w.checkSoft(reward, beta, prior); err != nil {
		return nil, err
	}
	if steps < 1 {
		return nil, fmt.Errorf("tabular: soft plan of %d steps; at least 1 is needed", steps)
	}
	after := make([]float64, w.States())
	plans := make([]*SoftPlan, steps)
	for n := range plans {
		p := newSoftPlan(w)
		for s := range p.Value {
			p.Value[s] = w.soften(p, s, reward, 1, beta, prior, after)
		}
		plans[n], after = p, p.Value
	}
	return plans, nil
}

func newSoftPlan(w *World) *SoftPlan {
	n := w.States() * w.actions
	return &SoftPlan{Value: make([]float64, w.States()), Q: make([]float64, n), Policy: make([]float64, n)}
}

func (w *World) checkSoft(reward []float64, beta float64, prior []float64) error {
	n := w.States() * w.actions
	switch {
	case len(reward) != n:
		return fmt.Errorf("tabular: soft plan: %d rewards for %d states of %d actions", len(reward), w.States(), w.actions)
	case !(beta > 0) || math.IsInf(beta, 0):
		return fmt.Errorf("tabular: soft plan: beta is %v, want a positive number", beta)
	}
	if prior != nil {
		if err := w.CheckPolicy(prior); err != nil {
			return err
		}
	}
	for i, r := range reward {
		if math.IsNaN(r) || math.IsInf(r, 0) {
			return fmt.Errorf("tabular: soft plan: the reward of action %d in state %d is %v", i%w.actions, i/w.actions, r)
		}
	}
	return nil
}

// soften writes Q and policy of a state whose successors are worth after, and returns its value.
func (w *World) soften(p *SoftPlan, s int, reward []float64, discount, beta float64, prior, after []float64) float64 {
	q, policy := p.Q[s*w.actions:(s+1)*w.actions], p.Policy[s*w.actions:(s+1)*w.actions]
	top := math.Inf(-1)
	for a := range q {
		sum := 0.0
		for _, m := range w.Moves(s, a) {
			sum += m.P * after[m.Next]
		}
		q[a] = reward[s*w.actions+a] + discount*sum
		top = max(top, q[a])
	}
	total := 0.0
	for a := range q {
		policy[a] = math.Exp(beta * (q[a] - top))
		if prior != nil {
			policy[a] *= prior[s*w.actions+a]
		}
		total += policy[a]
	}
	for a := range policy {
		policy[a] /= total
	}
	return top + math.Log(total)/beta
}

// CheckPolicy returns an error if policy is not [states × actions] of probabilities.
func (w *World) CheckPolicy(policy []float64) error {
	if len(policy) != w.States()*w.actions {
		return fmt.Errorf("tabular: a policy of %d numbers for %d states of %d actions; is it of another environment?", len(policy), w.States(), w.actions)
	}
	for s := range w.Places {
		sum := 0.0
		for a, p := range policy[s*w.actions : (s+1)*w.actions] {
			if !(p >= 0) {
				return fmt.Errorf("tabular: the policy takes action %d in state %d with probability %v", a, s, p)
			}
			sum += p
		}
		if math.Abs(sum-1) > 1e-6 {
			return fmt.Errorf("tabular: the policy's probabilities in state %d sum to %v", s, sum)
		}
	}
	return nil
}

// Occupancy returns [states × actions] how much of its time a policy spends taking each action in each state, the t-th
// step (from 0) counted (1-γ)γᵗ: the discounted occupancy measure, which sums to 1. start [states] is where play begins;
// nil is w.Start. What is left out is less than precision.
func (w *World) Occupancy(policy, start []float64, discount, precision float64) ([]float64, error) {
	if err := w.CheckPolicy(policy); err != nil {
		return nil, err
	}
	if !(discount >= 0 && discount < 1) {
		return nil, fmt.Errorf("tabular: occupancy with discount %v; it must be at least 0 and less than 1", discount)
	}
	if start == nil {
		start = w.Start
	}
	visits := make([]float64, w.States())
	now, next := make([]float64, w.States()), make([]float64, w.States())
	copy(now, start)
	left := 1.0 // of the weight of all steps, not counted yet
	for left > precision {
		clear(next)
		running := 0.0
		for s, p := range now {
			if p == 0 {
				continue
			}
			if w.Places[s].Terminal { // stays there: all the rest of time
				visits[s] += left * p
				continue
			}
			running += p
			visits[s] += left * (1 - discount) * p
			for a := range w.actions {
				if pa := policy[s*w.actions+a]; pa > 0 {
					for _, m := range w.Moves(s, a) {
						next[m.Next] += p * pa * m.P
					}
				}
			}
		}
		now, next = next, now
		left *= discount
		if running < precision {
			break
		}
	}
	out := make([]float64, len(policy))
	for i, p := range policy {
		out[i] = visits[i/w.actions] * p
	}
	return out, nil
}

// Fixed turns a table [states × actions] into a Policy that does the same however many steps are left.
func (w *World) Fixed(policy []float64) Policy {
	return func(_, state int, probability []float64) {
		copy(probability, policy[state*w.actions:(state+1)*w.actions])
	}
}

// Worth returns what a policy is worth for ever from each state, for a reward [states × actions], to within precision.
func (w *World) Worth(policy, reward []float64, discount, precision float64) ([]float64, error) {
	if err := w.CheckPolicy(policy); err != nil {
		return nil, err
	}
	if !(discount >= 0 && discount < 1) || len(reward) != len(policy) {
		return nil, fmt.Errorf("tabular: worth of a policy with discount %v and %d rewards; want one below 1 and %d rewards", discount, len(reward), len(policy))
	}
	value := make([]float64, w.States())
	for change := math.Inf(1); change*discount > precision*(1-discount); {
		change = 0
		for s := range value {
			v := 0.0
			for a := range w.actions {
				pa := policy[s*w.actions+a]
				if pa == 0 {
					continue
				}
				sum := 0.0
				for _, m := range w.Moves(s, a) {
					sum += m.P * value[m.Next]
				}
				v += pa * (reward[s*w.actions+a] + discount*sum)
			}
			if w.Places[s].Terminal {
				v = (v - discount*value[s]) / (1 - discount)
			}
			change = max(change, math.Abs(v-value[s]))
			value[s] = v
		}
		if math.IsNaN(change) {
			return nil, fmt.Errorf("tabular: worth of a policy: a reward is not a number")
		}
	}
	return value, nil
}
