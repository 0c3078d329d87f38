// Package stats summarises experiments: the interquartile mean, bootstrap intervals over training seeds, intervals of
// rates, ROC curves.
//
// The unit of statistics is the training seed (Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the
// Statistical Precipice"): two policies that differ in nothing but the seed can generalise differently, so thousands of
// evaluation episodes of one policy say little about the method that made it.
package stats

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"goalgap/lib/rng"
)

// Interval is an estimate with the limits of its confidence interval.
type Interval struct {
	Value, Low, High float64
	N                int // observations behind it
}

// String shows the estimate and its limits, if there are any, with two decimals.
func (i Interval) String() string {
	if math.IsNaN(i.Low) || math.IsNaN(i.High) {
		return fmt.Sprintf("%.2f", i.Value)
	}
	return fmt.Sprintf("%.2f [%.2f, %.2f]", i.Value, i.Low, i.High)
}

// Percent shows a rate and its limits, if there are any, in percent.
func (i Interval) Percent() string {
	if math.IsNaN(i.Low) || math.IsNaN(i.High) {
		return fmt.Sprintf("%.0f%%", 100*i.Value)
	}
	return fmt.Sprintf("%.0f%% [%.0f, %.0f]", 100*i.Value, 100*i.Low, 100*i.High)
}

// Overlaps reports whether two intervals have a point in common.
func (i Interval) Overlaps(j Interval) bool { return i.Low <= j.High && j.Low <= i.High }

// Mean is the arithmetic mean; NaN of nothing.
func Mean(x []float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	return stat.Mean(x, nil)
}

// IQM is the interquartile mean: the mean without the lowest and the highest quarter, ⌊n/4⌋ values each. With fewer
// than four values it is the mean. NaN of nothing.
func IQM(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	cut := len(s) / 4
	return Mean(s[cut : len(s)-cut])
}

// Level is the confidence level of all intervals.
const Level = 0.95

// Replicates is how many bootstrap samples an interval is made of by default (rliable's default is 50,000 for tables in
// papers; the limits differ from those by less than the second decimal shown here).
const Replicates = 10_000

// Bootstrap is the percentile bootstrap: the statistic of x, and the range that holds the middle 95% of its values on
// samples drawn from x with replacement. Equal seeds give equal limits. With fewer than two values the limits are NaN:
// one observation says nothing about its spread.
func Bootstrap(x []float64, statistic func([]float64) float64, seed uint64) Interval {
	r := Interval{Value: statistic(x), Low: math.NaN(), High: math.NaN(), N: len(x)}
	if len(x) < 2 {
		return r
	}
	return StratifiedBootstrap([][]float64{x}, func(s [][]float64) float64 { return statistic(s[0]) }, seed)
}

// StratifiedBootstrap resamples each stratum (the runs of one task) by itself and gives the statistic of all of them
// together, as rliable does for scores of several tasks.
func StratifiedBootstrap(strata [][]float64, statistic func([][]float64) float64, seed uint64) Interval {
	r := Interval{Value: statistic(strata)}
	sample := make([][]float64, len(strata))
	for i, s := range strata {
		sample[i] = make([]float64, len(s))
		r.N += len(s)
	}
	gen := rng.New(seed, "stats/bootstrap", 0)
	values := make([]float64, Replicates)
	for k := range values {
		for i, s := range strata {
			for j := range sample[i] {
				sample[i][j] = s[gen.IntN(len(s))]
			}
		}
		values[k] = statistic(sample)
	}
	sort.Float64s(values)
	r.Low = stat.Quantile((1-Level)/2, stat.LinInterp, values, nil)
	r.High = stat.Quantile((1+Level)/2, stat.LinInterp, values, nil)
	return r
}

// Seeds summarises one number for each training seed: their mean with a bootstrap interval.
func Seeds(perSeed []float64) Interval { return Bootstrap(perSeed, Mean, 1) }

// Paired summarises the differences a[i]-b[i] of paired numbers: their mean with a bootstrap interval. It panics if the
// slices differ in length.
func Paired(a, b []float64) Interval {
	if len(a) != len(b) {
		panic(fmt.Sprintf("stats: %d and %d values are no pairs", len(a), len(b)))
	}
	d := make([]float64, len(a))
	for i := range d {
		d[i] = a[i] - b[i]
	}
	return Seeds(d)
}

// Wilson is the score interval of a rate (Wilson 1927), which stays within 0 and 1 and is sound at both ends.
func Wilson(successes, n int) Interval {
	if n == 0 {
		return Interval{Value: math.NaN(), Low: 0, High: 1}
	}
	z := distuv.UnitNormal.Quantile((1 + Level) / 2)
	p, m := float64(successes)/float64(n), float64(n)
	centre := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	low, high := max(0, centre-half), min(1, centre+half)
	if successes == 0 {
		low = 0
	}
	if successes == n {
		high = 1
	}
	return Interval{Value: p, Low: low, High: high, N: n}
}

// ProbabilityOfImprovement is the probability that a value of x is larger than one of y, ties counted half: the
// Mann-Whitney statistic divided by the number of pairs.
func ProbabilityOfImprovement(x, y []float64) float64 {
	var u float64
	for _, a := range x {
		for _, b := range y {
			switch {
			case a > b:
				u++
			case a == b:
				u += 0.5
			}
		}
	}
	return u / float64(len(x)*len(y))
}
