package reward

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"goalgap/lib/env"
	"goalgap/lib/human"
	"goalgap/lib/rng"
	"goalgap/lib/stats"
)

// Quality says how a reward function compares with the true one on recorded transitions.
type Quality struct {
	Transitions, Episodes int
	Events                int // transitions with a true reward above 0
	OtherEndings          int // transitions without, with which the rules ended the episode

	AUROC        Interval // of events against all other transitions
	AUROCEndings Interval // of events that ended the episode against other endings, where the end itself says nothing
	EPIC         Interval // distance; see EPIC
}

// Interval is an estimate with its 95 % bootstrap interval over episodes; NaN where the estimate is not defined, as
// AUROC is without events.
type Interval struct{ Estimate, Lo, Hi float64 }

// String is such as "0.9912 [0.9870, 0.9941]".
func (i Interval) String() string { return fmt.Sprintf("%.4f [%.4f, %.4f]", i.Estimate, i.Lo, i.Hi) }

// resamples is the number of bootstrap resamples behind an interval.
const resamples = 500

// Compare measures f against the truth on recorded play. It is the one place where the true reward enters, and it
// enters as a measure only.
func Compare(f, truth Func, d *human.Demonstrations, cfg EPICConfig) (*Quality, error) {
	x, err := canonical(f, d, cfg)
	if err != nil {
		return nil, err
	}
	y, err := canonical(truth, d, cfg)
	if err != nil {
		return nil, err
	}
	n := d.Len()
	score, true32 := make([]float32, n), make([]float32, n)
	f.Rewards(score, d.Obs, d.Action, d.Next, d.End)
	truth.Rewards(true32, d.Obs, d.Action, d.Next, d.End)
	q := &Quality{Transitions: n, Episodes: len(d.Episodes)}
	// Falling scores, as the many resampled curves are made fastest from them.
	all, ended := make([]int, n), []int{}
	for i := range all {
		all[i] = i
	}
	slices.SortStableFunc(all, func(a, b int) int { return cmp.Compare(score[b], score[a]) })
	for _, i := range all {
		if true32[i] > 0 {
			q.Events++
		} else if d.End[i] == env.Terminated {
			q.OtherEndings++
		}
		if d.End[i] == env.Terminated {
			ended = append(ended, i)
		}
	}
	measure := func(weight []float64) [3]float64 {
		return [3]float64{
			auroc(all, score, true32, weight),
			auroc(ended, score, true32, weight),
			pearsonDistance(x, y, weight),
		}
	}
	estimate := measure(nil)
	var drawn [3][]float64
	random := rng.New(cfg.Seed, "quality bootstrap", 0)
	weight := make([]float64, n)
	for range resamples {
		clear(weight)
		for range d.Episodes {
			e := d.Episodes[random.IntN(len(d.Episodes))]
			for i := e.Lo; i < e.Hi; i++ {
				weight[i]++
			}
		}
		for k, v := range measure(weight) {
			if !math.IsNaN(v) {
				drawn[k] = append(drawn[k], v)
			}
		}
	}
	for k, to := range []*Interval{&q.AUROC, &q.AUROCEndings, &q.EPIC} {
		*to = Interval{estimate[k], math.NaN(), math.NaN()}
		if m := len(drawn[k]); m > 0 && !math.IsNaN(estimate[k]) {
			slices.Sort(drawn[k])
			to.Lo, to.Hi = drawn[k][m*25/1000], drawn[k][m-1-m*25/1000]
		}
	}
	return q, nil
}

// auroc returns how well score tells the transitions with a true reward above 0 from the others, among those given, each
// counted weight times (nil: once); NaN where there are none of either.
func auroc(transitions []int, score, truth []float32, weight []float64) float64 {
	scores, event := make([]float64, len(transitions)), make([]bool, len(transitions))
	var times []float64
	for j, i := range transitions {
		scores[j], event[j] = float64(score[i]), truth[i] > 0
		if weight != nil {
			times = append(times, weight[i])
		}
	}
	curve, err := stats.NewWeightedROC(scores, event, times)
	if err != nil {
		return math.NaN()
	}
	return curve.AUC
}
