package tabular

import (
	"fmt"
	"math"
	"slices"
)

// Plan is the best that can be done in a number of steps.
type Plan struct {
	// Value is the expected (discounted) sum of rewards from each state, with all steps still to come.
	Value []float64

	// Action[left-1][state] is the first of the best actions with left steps to come (all equal rows if the plan is
	// for ever; then there is one row). -1 in terminal states.
	Action [][]int8
}

// Solve finds the best plan for a number of steps by backward induction: the value with n steps left is the best, over
// actions, of the expected reward plus discount times the value with n-1 steps left. final are the values with no step
// left, nil for zero. discount is in 0 .. 1, and steps at least 1. An error names a wrong argument or what p does
// wrong. It takes memory for steps × states actions.
func Solve(p Process, steps int, discount float64, final []float64) (*Plan, error) {
	t, value, err := begin(p, steps, discount, final)
	if err != nil {
		return nil, err
	}
	if t.actions > math.MaxInt8 {
		return nil, fmt.Errorf("tabular: solve: %d actions; at most %d fit into a plan", t.actions, math.MaxInt8)
	}
	plan := &Plan{Action: make([][]int8, steps)}
	next := make([]float64, t.states)
	for n := range steps {
		row := make([]int8, t.states)
		for s := range t.states {
			row[s], next[s] = t.choose(s, discount, value)
		}
		plan.Action[n] = row
		value, next = next, value
	}
	plan.Value = value
	return plan, nil
}

// choose is best for all states; nothing is worth anything in a terminal one.
func (t *tables) choose(s int, discount float64, value []float64) (int8, float64) {
	if t.terminal(s) {
		return -1, 0
	}
	a, worth := t.best(s, discount, value)
	return int8(a), worth
}

// SolveForever finds the best plan without a time limit by value iteration. discount is in 0 .. 1, 1 excluded. The
// values are within precision (greater than 0) of the exact ones.
func SolveForever(p Process, discount, precision float64) (*Plan, error) {
	if !(discount >= 0 && discount < 1) {
		return nil, fmt.Errorf("tabular: solve for ever with discount %v; it must be at least 0 and less than 1", discount)
	}
	if !(precision > 0) {
		return nil, fmt.Errorf("tabular: solve for ever to a precision of %v; it must be greater than 0", precision)
	}
	t, value, err := begin(p, 1, discount, nil)
	if err != nil {
		return nil, err
	}
	if t.actions > math.MaxInt8 {
		return nil, fmt.Errorf("tabular: solve for ever: %d actions; at most %d fit into a plan", t.actions, math.MaxInt8)
	}
	row := make([]int8, t.states)
	for change := math.Inf(1); change*discount > precision*(1-discount); {
		change = 0
		for s := range t.states { // in place (Gauss-Seidel), which contracts as well and converges faster
			a, worth := t.choose(s, discount, value)
			change = max(change, math.Abs(worth-value[s]))
			row[s], value[s] = a, worth
		}
	}
	return &Plan{Value: value, Action: [][]int8{row}}, nil
}

// Best returns the plan's action in a state with left steps to come; -1 in a terminal state.
func (p *Plan) Best(left, state int) int { return int(p.Action[min(left, len(p.Action))-1][state]) }

// Policy is the plan as a policy.
func (p *Plan) Policy() Policy {
	return func(left, state int, probability []float64) {
		clear(probability)
		if a := p.Best(left, state); a >= 0 {
			probability[a] = 1
		}
	}
}

// Policy writes the probability of each action in a state that is not terminal, with left steps to come.
type Policy func(left, state int, probability []float64)

// Uniform takes each action with the same probability.
func Uniform(_, _ int, probability []float64) {
	for i := range probability {
		probability[i] = 1 / float64(len(probability))
	}
}

// Evaluate returns the expected (discounted) sum of rewards that a policy gets in a number of steps from each state.
// The arguments are those of Solve.
func Evaluate(p Process, policy Policy, steps int, discount float64, final []float64) ([]float64, error) {
	t, value, err := begin(p, steps, discount, final)
	if err != nil {
		return nil, err
	}
	next := make([]float64, t.states)
	probability := make([]float64, t.actions)
	for n := range steps {
		for s := range t.states {
			next[s] = 0
			if t.terminal(s) {
				continue
			}
			policy(n+1, s, probability)
			for a, chance := range probability {
				if chance != 0 {
					next[s] += chance * t.q(s, a, discount, value)
				}
			}
		}
		value, next = next, value
	}
	return value, nil
}

// begin checks the arguments and writes p out; value is a copy of final.
func begin(p Process, steps int, discount float64, final []float64) (t *tables, value []float64, err error) {
	if steps < 1 {
		return nil, nil, fmt.Errorf("tabular: %d steps; at least 1 is needed", steps)
	}
	if !(discount >= 0 && discount <= 1) {
		return nil, nil, fmt.Errorf("tabular: discount %v is outside 0 .. 1", discount)
	}
	t, err = write(p)
	if err != nil {
		return nil, nil, err
	}
	if final != nil && len(final) != t.states {
		return nil, nil, fmt.Errorf("tabular: %d final values for %d states", len(final), t.states)
	}
	value = make([]float64, t.states)
	copy(value, final)
	for s := range value {
		if t.terminal(s) {
			value[s] = 0
		}
	}
	return t, value, nil
}

// Mean is the expectation of value over the states in which p's episodes begin.
func Mean(p Process, value []float64) float64 {
	sum := 0.0
	for _, s := range p.AppendStarts(nil) {
		sum += s.P * value[s.State]
	}
	return sum
}

// Reachable reports for each state whether an episode of p can come to it.
func Reachable(p Process) ([]bool, error) {
	t, err := write(p)
	if err != nil {
		return nil, err
	}
	seen := make([]bool, t.states)
	var open []int
	visit := func(s int, chance float64) {
		if chance > 0 && !seen[s] {
			seen[s] = true
			open = append(open, s)
		}
	}
	for _, c := range p.AppendStarts(nil) {
		visit(c.State, c.P)
	}
	for len(open) > 0 {
		s := open[len(open)-1]
		open = slices.Delete(open, len(open)-1, len(open))
		for _, tr := range t.transitions[t.first[s*t.actions]:t.first[(s+1)*t.actions]] {
			visit(tr.Next, tr.P)
		}
	}
	return seen, nil
}
