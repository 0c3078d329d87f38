package exact

import (
	"fmt"
	"math"

	"goalgap/lib/env/tabular"
)

// MCEConfig is how to extract by [MCE]. Start from DefaultMCE.
type MCEConfig struct {
	Ridge     float64 // weight of the prior that rewards are small, of half their squares; default 0
	Tolerance float64 // largest difference of expected features (of discounted time) at which the search ends; default 1e-4
	Most      int     // most iterations; default 2000
}

// DefaultMCE returns the defaults.
func DefaultMCE() MCEConfig { return MCEConfig{Tolerance: 1e-4, Most: 2000} }

// MCEResult is a reward found by [MCE], in nats: people's inverse temperature is part of it.
type MCEResult struct {
	Linear
	Plan       *tabular.SoftPlan // what is done for that reward
	Occupancy  []float64         // [states × actions] of Plan
	Gap        float64           // largest difference of its time in a state (all actions) from people's, as a share of all time
	Iterations int
}

// MCE extracts a reward by maximum causal entropy inverse reinforcement learning (Ziebart 2010, chapters 5 and 9): of all
// policies with people's expected features the least committed one, which is the soft plan for some linear reward. The
// weights minimise the dual function
//
//	D(w) = (1-γ) Σ start(s) V_w(s) - w·φ(people),  ∇D = φ(policy) - φ(people),
//
// with φ the discounted mean of the features of the states arrived at; D is convex, and is minimised by L-BFGS. Play is
// for ever and discounted, and an episode that ended goes on in an absorbing state (see tabular.World); people's occupancy
// is matched, and with one-hot features that is the occupancy of every state.
//
// It is an error if people or features are of another world or not finite, if the features are the same in every state (then
// they cannot explain anything), or if the search does not come within Tolerance: so it is for people who never err, whom
// no finite reward explains; then raise Ridge, or watch more. What people's behaviour cannot tell is named in Ambiguous.
func MCE(w *tabular.World, people *Behaviour, f *Features, cfg MCEConfig) (*MCEResult, error) {
	if err := readable(w, people, f); err != nil {
		return nil, fmt.Errorf("exact: MCE: %w", err)
	}
	if !(cfg.Ridge >= 0) || !(cfg.Tolerance > 0) || cfg.Most < 1 {
		return nil, fmt.Errorf("exact: MCE: config %+v; want Ridge 0 or more, Tolerance above 0 and Most at least 1", cfg)
	}
	g := people.Discount
	want := arrivals(w, people.Occupancy, f)
	var plan *tabular.SoftPlan
	var occupancy []float64
	precision := cfg.Tolerance / 100
	look := func(weight, grad []float64) (float64, error) {
		var start []float64
		if plan != nil {
			start = plan.Value
		}
		var err error
		if plan, err = w.Soft(f.expected(w, weight), g, 1, nil, start, precision); err != nil {
			return 0, err
		}
		if occupancy, err = w.Occupancy(plan.Policy, people.Start, g, precision); err != nil {
			return 0, err
		}
		have := arrivals(w, occupancy, f)
		value := 0.0
		for s, p := range people.Start {
			value += (1 - g) * p * plan.Value[s]
		}
		for j, x := range weight {
			value += -x*want[j] + cfg.Ridge/2*x*x
			grad[j] = have[j] - want[j] + cfg.Ridge*x
		}
		return value, nil
	}
	weight, iterations, err := descend(make([]float64, len(f.Names)), cfg.Tolerance, cfg.Most, look)
	if err != nil {
		return nil, fmt.Errorf("exact: MCE: %w", err)
	}
	grad := make([]float64, len(weight))
	if _, err := look(weight, grad); err != nil {
		return nil, fmt.Errorf("exact: MCE: %w", err)
	}
	worst := 0
	for j := range grad {
		if math.Abs(grad[j]) > math.Abs(grad[worst]) {
			worst = j
		}
	}
	if x := math.Abs(grad[worst]); x > 10*cfg.Tolerance {
		return nil, fmt.Errorf("exact: MCE: after %d iterations feature %q is still %.2g more or less frequent than people's (weight %.3g); people who never err need a Ridge above %g",
			iterations, f.Names[worst], x, weight[worst], cfg.Ridge)
	}
	r := &MCEResult{Linear: Linear{Names: f.Names, Weight: weight}, Plan: plan, Occupancy: occupancy, Iterations: iterations}
	n := w.Actions()
	for s := range w.States() {
		gap := 0.0
		for a := range n {
			gap += occupancy[s*n+a] - people.Occupancy[s*n+a]
		}
		r.Gap = max(r.Gap, math.Abs(gap))
	}
	if r.Ambiguous, err = f.ambiguous(w, g); err != nil {
		return nil, fmt.Errorf("exact: MCE: %w", err)
	}
	return r, nil
}

// readable returns an error if a reward cannot be read off people's behaviour for a reason that can be told beforehand.
func readable(w *tabular.World, people *Behaviour, f *Features) error {
	if err := people.check(w); err != nil {
		return err
	}
	if err := f.check(w); err != nil {
		return err
	}
	for _, row := range f.Of {
		if !equal(row, f.Of[0]) {
			return nil
		}
	}
	return fmt.Errorf("the features are the same in all %d states, so no behaviour can tell their weights; use features that differ", len(f.Of))
}
