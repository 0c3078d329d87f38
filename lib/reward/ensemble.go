package reward

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/optimize"

	"goalgap/lib/rng"
)

// EnsembleConfig is how an Ensemble learns. Start from DefaultEnsemble.
type EnsembleConfig struct {
	Seed    uint64  // of the members' priors; default 1
	Members int     // default 8
	Prior   float64 // standard deviation of a weight before any comparison, in nats a unit of the feature; default 3
	Noise   float64 // share of answers by lot that people are taken to give, 0 .. 1, 1 excluded; default 0.1 (Christiano et al. 2017)
}

// DefaultEnsemble returns the defaults.
func DefaultEnsemble() EnsembleConfig {
	return EnsembleConfig{Seed: 1, Members: 8, Prior: 3, Noise: 0.1}
}

// Check returns an error that names the first field without a sensible value.
func (c EnsembleConfig) Check() error {
	switch {
	case c.Members < 2:
		return fmt.Errorf("reward: ensemble: Members is %d; want 2 or more, or nobody can disagree", c.Members)
	case !(c.Prior > 0) || math.IsInf(c.Prior, 1):
		return fmt.Errorf("reward: ensemble: Prior is %v; want more than 0", c.Prior)
	case !(c.Noise >= 0 && c.Noise < 1):
		return fmt.Errorf("reward: ensemble: Noise is %v; want 0 .. 1, 1 excluded", c.Noise)
	}
	return nil
}

// Ensemble is a reward model that can be refreshed: several linear rewards of what happened in an episode, learnt from
// people's comparisons, which come in as the world goes on. Where comparisons say nothing its members differ as the
// prior does, so their disagreement tells what has not been learnt.
//
// A comparison of episodes with features a and b (sums over their steps) prefers the first with probability
// (1-Noise) σ(w·(a-b)) + Noise/2 (Bradley and Terry 1952; Christiano et al. 2017). Each member has the most probable
// weights under a normal prior around an anchor of its own, drawn from the prior: anchored ensembling (Pearce et al.,
// "Uncertainty in Neural Networks: Approximately Bayesian Ensembling", 2020).
type Ensemble struct {
	cfg        EnsembleConfig
	names      []string
	difference [][]float64 // a-b of each comparison
	first      []bool
	anchor     [][]float64
	weight     [][]float64
	mean       []float64
}

// NewEnsemble returns a model without comparisons of what the named features are worth.
func NewEnsemble(names []string, cfg EnsembleConfig) (*Ensemble, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("reward: ensemble: no features")
	}
	e := &Ensemble{cfg: cfg, names: append([]string(nil), names...), mean: make([]float64, len(names))}
	for m := range cfg.Members {
		r := rng.New(cfg.Seed, "reward ensemble", m)
		anchor := make([]float64, len(names))
		for j := range anchor {
			anchor[j] = cfg.Prior * r.NormFloat64()
		}
		e.anchor = append(e.anchor, anchor)
		e.weight = append(e.weight, append([]float64(nil), anchor...))
	}
	e.average()
	return e, nil
}

// Clone returns a copy that learns on its own.
func (e *Ensemble) Clone() *Ensemble {
	c := *e
	c.difference = append([][]float64(nil), e.difference...)
	c.first = append([]bool(nil), e.first...)
	c.weight = nil
	for _, w := range e.weight {
		c.weight = append(c.weight, append([]float64(nil), w...))
	}
	c.mean = append([]float64(nil), e.mean...)
	return &c
}

// Add takes in a comparison of two episodes by their features: whether the first was preferred. Fit learns from it.
// Features of the wrong number or that are not finite are an error.
func (e *Ensemble) Add(first, second []float64, preferred bool) error {
	d := make([]float64, len(e.names))
	for _, x := range [][]float64{first, second} {
		if len(x) != len(e.names) {
			return fmt.Errorf("reward: ensemble: an episode has %d features; want %d", len(x), len(e.names))
		}
		for j, v := range x {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("reward: ensemble: feature %q of an episode is %v", e.names[j], v)
			}
		}
	}
	floats.SubTo(d, first, second)
	e.difference, e.first = append(e.difference, d), append(e.first, preferred)
	return nil
}

// Comparisons is how many there are.
func (e *Ensemble) Comparisons() int { return len(e.first) }

// Fit learns from all comparisons so far. Each member sets out from its anchor: where people may answer by lot there can
// be more than one optimum, and that is the nearest.
func (e *Ensemble) Fit() error {
	for m, anchor := range e.anchor {
		look := func(w, gradient []float64) float64 {
			value := 0.0
			for j, x := range w {
				away := (x - anchor[j]) / e.cfg.Prior
				value += away * away / 2
				gradient[j] = away / e.cfg.Prior
			}
			for i, d := range e.difference {
				z := floats.Dot(w, d)
				if !e.first[i] {
					z = -z
				}
				s := 1 / (1 + math.Exp(-z))
				p := (1-e.cfg.Noise)*s + e.cfg.Noise/2
				if p == 0 { // Noise is 0 and the answer beyond belief: log σ(z) is z there
					value -= z
				} else {
					value -= math.Log(p)
				}
				slope := -(1 - s)
				if e.cfg.Noise > 0 {
					slope = -(1 - e.cfg.Noise) * s * (1 - s) / p
				}
				if !e.first[i] {
					slope = -slope
				}
				floats.AddScaled(gradient, slope, d)
			}
			return value
		}
		scratch := make([]float64, len(anchor))
		problem := optimize.Problem{
			Func: func(w []float64) float64 { return look(w, scratch) },
			Grad: func(gradient, w []float64) { look(w, gradient) },
		}
		settings := &optimize.Settings{GradientThreshold: 1e-6, MajorIterations: 1000, Converger: optimize.NeverTerminate{}}
		result, err := optimize.Minimize(problem, anchor, settings, &optimize.BFGS{})
		if result == nil {
			return fmt.Errorf("reward: ensemble: member %d: %w", m, err)
		}
		// A line search that finds nothing better has arrived, as far as float64 can tell.
		if look(result.X, scratch); floats.Norm(scratch, 2) > 1e-3 {
			return fmt.Errorf("reward: ensemble: member %d has not converged: slope %.2g after %d steps (%v)", m, floats.Norm(scratch, 2), result.MajorIterations, err)
		}
		copy(e.weight[m], result.X)
	}
	e.average()
	return nil
}

func (e *Ensemble) average() {
	clear(e.mean)
	for _, w := range e.weight {
		floats.AddScaled(e.mean, 1/float64(len(e.weight)), w)
	}
}

// Weights returns what each feature is worth, the mean over members; in nats, of which people's comparisons are made.
func (e *Ensemble) Weights() []float64 { return append([]float64(nil), e.mean...) }

// Reward is what something with these features is worth, the mean over members.
func (e *Ensemble) Reward(features []float64) float64 { return floats.Dot(e.mean, features) }

// Disagreement is the standard deviation over members, in nats, of by how much the first of two episodes is better
// than the second.
func (e *Ensemble) Disagreement(first, second []float64) float64 {
	n := float64(len(e.weight))
	at := 0.0
	for j, w := range e.mean {
		at += w * (first[j] - second[j])
	}
	sum := 0.0
	for _, w := range e.weight {
		z := 0.0
		for j, x := range w {
			z += x * (first[j] - second[j])
		}
		sum += (z - at) * (z - at)
	}
	return math.Sqrt(sum / (n - 1))
}
