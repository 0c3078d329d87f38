package exact

import (
	"fmt"
	"math"

	"goalgap/lib/env/tabular"
)

// Comparison is two segments of play and which of them somebody prefers.
type Comparison struct {
	First, Second []Step
	Prefers       float64 // 1: the first; 0: the second; 0.5: neither
}

// PreferenceConfig is how to extract by [Preferences]. Start from DefaultPreferences.
type PreferenceConfig struct {
	Discount float64 // of the steps of a segment; default 1 (imitation's)
	Noise    float64 // probability that an answer is drawn by lot; default 0 (imitation's)
	Ridge    float64 // weight of the prior that rewards are small, of half their squares, per comparison; default 1e-3
	Clip     float64 // largest difference of returns that counts; default 50 (imitation's)
}

// DefaultPreferences returns the defaults.
func DefaultPreferences() PreferenceConfig {
	return PreferenceConfig{Discount: 1, Ridge: 1e-3, Clip: 50}
}

// PreferenceResult is a reward found by [Preferences], in nats.
type PreferenceResult struct {
	Linear
	Accuracy float64 // share of the comparisons that the reward orders as they were, those without a preference left out
}

// Preferences extracts a reward from comparisons by the Bradley-Terry model (Christiano et al. 2017):
//
//	P(first preferred) = (1 - Noise) σ(R(first) - R(second)) + Noise/2,
//
// with R the sum of rewards over a segment. The likelihood less the ridge is maximised.
//
// It is an error if there are no comparisons, if all have the same answer (then the reward that they teach is whatever
// differs between the places of the two segments), if a segment is not possible in w, or if no comparison differs in any
// feature. Features that differ in no comparison are named in Ambiguous; their weight is 0.
func Preferences(w *tabular.World, comparisons []Comparison, f *Features, cfg PreferenceConfig) (*PreferenceResult, error) {
	if err := f.check(w); err != nil {
		return nil, fmt.Errorf("exact: preferences: %w", err)
	}
	if !(cfg.Discount >= 0 && cfg.Discount <= 1) || !(cfg.Noise >= 0 && cfg.Noise < 1) || !(cfg.Ridge > 0) || !(cfg.Clip > 0) {
		return nil, fmt.Errorf("exact: preferences: config %+v; want Discount 0 .. 1, Noise from 0 to below 1, Ridge and Clip above 0", cfg)
	}
	if len(comparisons) == 0 {
		return nil, fmt.Errorf("exact: preferences: no comparisons")
	}
	k := len(f.Names)
	difference := make([]float64, len(comparisons)*k)
	differs := make([]bool, k)
	same := true
	for i, c := range comparisons {
		if !(c.Prefers >= 0 && c.Prefers <= 1) {
			return nil, fmt.Errorf("exact: preferences: comparison %d prefers %v; want 1 for the first, 0 for the second or 0.5", i, c.Prefers)
		}
		same = same && c.Prefers == comparisons[0].Prefers
		row := difference[i*k : (i+1)*k]
		for part, steps := range [][]Step{c.First, c.Second} {
			sign := 1 - 2*float64(part)
			for t, x := range steps {
				if err := possible(w, x); err != nil {
					return nil, fmt.Errorf("exact: preferences: comparison %d, step %d: %w", i, t, err)
				}
				for j, v := range f.Of[x.Next] {
					row[j] += sign * v
				}
				sign *= cfg.Discount
			}
		}
		for j, v := range row {
			differs[j] = differs[j] || math.Abs(v) > 1e-12
		}
	}
	if same {
		return nil, fmt.Errorf("exact: preferences: all %d comparisons have the answer %v; put the segments in random order, and ask about segments of different worth", len(comparisons), comparisons[0].Prefers)
	}
	r := &PreferenceResult{Linear: Linear{Names: f.Names}}
	any := false
	for j, yes := range differs {
		any = any || yes
		if !yes {
			r.Ambiguous = append(r.Ambiguous, fmt.Sprintf("no two segments that were compared differ in %q, so its weight is 0 for want of evidence; compare segments that do", f.Names[j]))
		}
	}
	if !any {
		return nil, fmt.Errorf("exact: preferences: the segments differ in no feature in any of %d comparisons; compare others, or use other features", len(comparisons))
	}
	look := func(weight, grad []float64) (float64, error) {
		clear(grad)
		value := 0.0
		for i, c := range comparisons {
			row := difference[i*k : (i+1)*k]
			gap := dot(weight, row)
			inside := math.Abs(gap) < cfg.Clip
			gap = max(-cfg.Clip, min(cfg.Clip, gap))
			s := 1 / (1 + math.Exp(-gap))
			p := (1-cfg.Noise)*s + cfg.Noise/2
			q := (1-cfg.Noise)/(1+math.Exp(gap)) + cfg.Noise/2 // 1-p, with its digits
			value -= c.Prefers*math.Log(p) + (1-c.Prefers)*math.Log(q)
			if inside {
				slope := (1 - cfg.Noise) * s * (1 - s) * ((1-c.Prefers)/q - c.Prefers/p)
				for j, v := range row {
					grad[j] += slope * v
				}
			}
		}
		m := float64(len(comparisons))
		value /= m
		for j, x := range weight {
			value += cfg.Ridge / 2 * x * x
			grad[j] = grad[j]/m + cfg.Ridge*x
		}
		return value, nil
	}
	var err error
	if r.Weight, _, err = descend(make([]float64, k), 1e-7, 1000, look); err != nil {
		return nil, fmt.Errorf("exact: preferences: %w", err)
	}
	right, count := 0.0, 0.0
	for i, c := range comparisons {
		if c.Prefers == 0.5 {
			continue
		}
		count++
		if gap := dot(r.Weight, difference[i*k:(i+1)*k]); gap != 0 && (gap > 0) == (c.Prefers > 0.5) {
			right++
		}
	}
	r.Accuracy = right / count
	return r, nil
}
