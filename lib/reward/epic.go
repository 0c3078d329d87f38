package reward

import (
	"fmt"
	"math"

	"goalgap/lib/env"
	"goalgap/lib/human"
	"goalgap/lib/rng"
)

// EPICConfig is how to estimate the distance. Start from DefaultEPIC.
type EPICConfig struct {
	Seed     uint64  // of the samples; default 1
	Discount float64 // γ of the shaping that does not count; default 0.99
	Samples  int     // draws of (A, S') behind each expectation; default 64
}

// DefaultEPIC returns the defaults.
func DefaultEPIC() EPICConfig { return EPICConfig{Seed: 1, Discount: 0.99, Samples: 64} }

// EPIC returns the equivalent-policy invariant comparison distance of two reward functions (Gleave et al. 2021): 0 if
// they agree up to a positive factor, a constant and potential shaping, √½ if they have nothing to do with each other,
// 1 if they are opposite. It is √((1-ρ)/2), with ρ Pearson's correlation, over the recorded transitions (s, a, s'), of
// the canonical rewards
//
//	C(s,a,s') = R(s,a,s') + γ E[R(s',A,S')] - E[R(s,A,S')] - γ E[R(S,A,S')].
//
// The coverage distribution is the recorded one: each transition counts once, A is uniform over all actions, and S and
// S' are drawn, independently of each other and of A, from the recorded observations and next observations. The same
// Samples pairs (A, S') are used for every expectation, so that the estimate is exactly invariant to shaping and to
// constants. Terminal states: the method knows none, so inside the expectations every transition has env.Running; the
// first term has the recorded env.End, which a Func may or may not look at. The terminal observation is a state like
// any other, with whatever potential it has.
//
// It returns NaN if a canonical reward is constant, and an error if the configuration is wrong.
func EPIC(a, b Func, d *human.Demonstrations, cfg EPICConfig) (float64, error) {
	x, err := canonical(a, d, cfg)
	if err != nil {
		return 0, err
	}
	y, err := canonical(b, d, cfg)
	if err != nil {
		return 0, err
	}
	return pearsonDistance(x, y, nil), nil
}

// canonical returns the canonical reward of each recorded transition.
func canonical(f Func, d *human.Demonstrations, cfg EPICConfig) ([]float64, error) {
	if !(cfg.Discount >= 0 && cfg.Discount <= 1) {
		return nil, fmt.Errorf("reward: EPIC config: Discount is %v, want a number from 0 to 1", cfg.Discount)
	}
	if cfg.Samples < 1 {
		return nil, fmt.Errorf("reward: EPIC config: Samples is %d, want at least 1", cfg.Samples)
	}
	n, m := d.Len(), cfg.Samples
	if n == 0 {
		return nil, fmt.Errorf("reward: EPIC without transitions")
	}
	if err := d.Spec.RequireDiscrete("reward"); err != nil {
		return nil, err
	}
	out := make([]float32, n)
	f.Rewards(out, d.Obs, d.Action, d.Next, d.End)
	canonical := make([]float64, n)
	for i, r := range out {
		canonical[i] = float64(r)
	}
	if _, ok := f.(interface{ State([]float32, env.Batch) }); ok {
		return canonical, nil // of s' only: the expectations are the same for every transition, and correlation drops them
	}

	random := rng.New(cfg.Seed, "EPIC samples", 0)
	from, to := env.NewBatch(d.Spec, m), env.NewBatch(d.Spec, m)
	actions, ends := make([]int32, m), make([]env.End, m)
	for j := range m {
		actions[j] = random.Int32N(int32(d.Spec.Actions))
		to.CopyRow(j, d.Next, random.IntN(n))
	}
	scratch := make([]float32, m)
	expected := func(src env.Batch, i int) float64 { // E[R(s,A,S')]
		for j := range m {
			from.CopyRow(j, src, i)
		}
		f.Rewards(scratch, from, actions, to, ends)
		sum := 0.0
		for _, r := range scratch {
			sum += float64(r)
		}
		return sum / float64(m)
	}
	for i := range canonical {
		canonical[i] += cfg.Discount*expected(d.Next, i) - expected(d.Obs, i)
		// The last term is the same for every transition, and correlation drops it.
	}
	return canonical, nil
}

// pearsonDistance returns √((1-ρ)/2), where example i counts weight[i] times; nil means once each.
func pearsonDistance(x, y, weight []float64) float64 {
	var n, mx, my, xx, yy, xy float64
	for i := range x {
		w := 1.0
		if weight != nil {
			w = weight[i]
		}
		n += w
		mx += w * x[i]
		my += w * y[i]
	}
	mx, my = mx/n, my/n
	for i := range x {
		w := 1.0
		if weight != nil {
			w = weight[i]
		}
		dx, dy := x[i]-mx, y[i]-my
		xx += w * dx * dx
		yy += w * dy * dy
		xy += w * dx * dy
	}
	if xx == 0 || yy == 0 {
		return math.NaN()
	}
	return math.Sqrt(max(0, (1-xy/math.Sqrt(xx*yy))/2))
}
