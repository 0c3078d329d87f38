package reward

import (
	"context"
	"fmt"
	"math"

	"goalgap/lib/rng"
	"goalgap/lib/stats"
)

// ProbeConfig is how to fit a linear probe. Start from DefaultProbe.
type ProbeConfig struct {
	Seed    uint64  // of the split; default 1
	HeldOut float64 // share of the groups that the measures are taken on; default 0.25
	Ridge   float64 // weight of the prior that weights are small, of half their squares, of standardised activations; default 0.01
}

// DefaultProbe returns the defaults.
func DefaultProbe() ProbeConfig { return ProbeConfig{Seed: 1, HeldOut: 0.25, Ridge: 0.01} }

// Probe is a linear probe of activations: logistic regression of a yes or no on them.
type Probe struct {
	Weight   []float64 // of each activation as it is
	Bias     float64
	Accuracy float64 // on the groups held out
	AUROC    float64 // on the groups held out; NaN where they have one class only
	Base     float64 // accuracy of always giving the answer that is the more frequent where the probe was fitted
}

// FitProbe fits a probe to activations [n][width] with labels [n] (Alain and Bengio 2016). group [n] says which rows belong
// together (an episode, a level), so that they are held out together; nil: each by itself. The activations are standardised
// for the ridge.
//
// It is an error if lengths differ, an activation is not finite, all activations are constant, or if the rows that the probe
// is fitted to have one class only: then nothing separates the classes, and more or other examples are needed.
func FitProbe(activations [][]float64, labels []bool, group []int, cfg ProbeConfig) (*Probe, error) {
	n := len(activations)
	if len(labels) != n || group != nil && len(group) != n || n == 0 {
		return nil, fmt.Errorf("reward: probe: %d activations, %d labels and %d groups; want as many of each", n, len(labels), len(group))
	}
	if !(cfg.HeldOut > 0 && cfg.HeldOut < 1) || !(cfg.Ridge > 0) || math.IsInf(cfg.Ridge, 0) {
		return nil, fmt.Errorf("reward: probe config: HeldOut is %v and Ridge %v; want a share between 0 and 1 and a positive number", cfg.HeldOut, cfg.Ridge)
	}
	k := len(activations[0])
	for i, row := range activations {
		if len(row) != k {
			return nil, fmt.Errorf("reward: probe: row %d has %d activations and row 0 has %d", i, len(row), k)
		}
		for j, x := range row {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return nil, fmt.Errorf("reward: probe: activation %d of row %d is %v", j, i, x)
			}
		}
	}
	held := holdOut(n, group, cfg)
	var fit []int
	yes := 0
	for i := range n {
		if !held[i] {
			fit = append(fit, i)
			if labels[i] {
				yes++
			}
		}
	}
	if yes == 0 || yes == len(fit) {
		return nil, fmt.Errorf("reward: probe: %d of the %d examples to fit are yes; both answers are needed, so take more or other examples", yes, len(fit))
	}
	mean, spread := make([]float64, k), make([]float64, k)
	for _, i := range fit {
		for j, x := range activations[i] {
			mean[j] += x / float64(len(fit))
		}
	}
	constant := true
	for j := range k {
		for _, i := range fit {
			d := activations[i][j] - mean[j]
			spread[j] += d * d / float64(len(fit))
		}
		if spread[j] = math.Sqrt(spread[j]); spread[j] <= 1e-9*(1+math.Abs(mean[j])) {
			spread[j] = math.Inf(1) // and with it the weight 0
		} else {
			constant = false
		}
	}
	if constant {
		return nil, fmt.Errorf("reward: probe: all %d activations are the same in all %d examples; probe another layer or other examples", k, len(fit))
	}
	// The logit of yes against no, as a choice between two options whose features are x and 0.
	x := &choice{n: len(fit), options: 2, k: k + 1, phi: make([]float32, len(fit)*2*(k+1)), share: make([]float64, 2*len(fit)), ridge: make([]float64, k+1)}
	for j := range k {
		x.ridge[j] = cfg.Ridge
	}
	x.ridge[k] = 1e-9
	for c, i := range fit {
		row := x.phi[c*2*(k+1) : (c*2+1)*(k+1)]
		for j, v := range activations[i] {
			row[j] = float32((v - mean[j]) / spread[j])
		}
		row[k] = 1
		if labels[i] {
			x.share[2*c] = 1
		} else {
			x.share[2*c+1] = 1
		}
	}
	w, err := x.solve(context.Background(), nil, nil)
	if err != nil {
		return nil, fmt.Errorf("reward: probe: %w", err)
	}
	p := &Probe{Weight: make([]float64, k), Bias: w[k]}
	for j := range k {
		p.Weight[j] = w[j] / spread[j]
		p.Bias -= p.Weight[j] * mean[j]
	}
	var scores []float64
	var answers []bool
	right, base := 0, 0
	for i := range n {
		if !held[i] {
			continue
		}
		s := p.Logit(activations[i])
		scores, answers = append(scores, s), append(answers, labels[i])
		if s > 0 == labels[i] {
			right++
		}
		if (2*yes > len(fit)) == labels[i] {
			base++
		}
	}
	p.Accuracy, p.Base = float64(right)/float64(len(scores)), float64(base)/float64(len(scores))
	p.AUROC = math.NaN()
	if roc, err := stats.NewROC(scores, answers); err == nil {
		p.AUROC = roc.AUC
	}
	return p, nil
}

// holdOut says which rows are held out: a share of the groups, at least one and not all.
func holdOut(n int, group []int, cfg ProbeConfig) []bool {
	number := map[int]int{} // groups in the order in which they come
	of := make([]int, n)
	for i := range n {
		g := i
		if group != nil {
			g = group[i]
		}
		if _, ok := number[g]; !ok {
			number[g] = len(number)
		}
		of[i] = number[g]
	}
	order := rng.New(cfg.Seed, "probe", 0).Perm(len(number))
	out := max(1, min(int(cfg.HeldOut*float64(len(number))), len(number)-1))
	held := make([]bool, n)
	for i := range held {
		held[i] = order[of[i]] < out
	}
	return held
}

// Logit returns the logarithm of the odds of yes.
func (p *Probe) Logit(activations []float64) float64 {
	sum := p.Bias
	for j, x := range activations {
		sum += p.Weight[j] * x
	}
	return sum
}
