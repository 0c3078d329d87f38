package reward

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// tried is how many features are tried out in each step of the selection: those whose derivative stands out most.
const tried = 4

// sparsest selects features one by one. In each step the features whose derivative of the likelihood is largest, in
// units of its standard error over groups, are tried out, and the one that raises the likelihood of held-out groups most
// is taken. It stops when that rise is less than certainty standard errors (of the mean over groups) or less than share
// of what the first feature brought, or when limit are taken. It returns the features and the rise over no features at
// all, in nats a case.
func (x *choice) sparsest(ctx context.Context, folds, limit int, certainty, share float64) (use []int, gain float64, err error) {
	empty := x.columns(nil)
	before, err := empty.heldOut(ctx, folds)
	if err != nil {
		return nil, 0, err
	}
	first := 0.0
	for len(use) < limit {
		candidates, err := x.promising(ctx, use)
		if err != nil {
			return nil, 0, err
		}
		var best, rise, sure = -1, 0.0, 0.0
		var after []float64
		for _, f := range candidates {
			trial, err := x.columns(append(slices.Clone(use), f)).heldOut(ctx, folds)
			if err != nil {
				return nil, 0, err
			}
			if m, e := meanDifference(trial, before); best < 0 || m > rise {
				best, rise, sure, after = f, m, e, trial
			}
		}
		if best < 0 || rise <= certainty*sure || rise < share*first {
			break
		}
		first = max(first, rise)
		use, before = append(use, best), after
		gain += rise
	}
	return use, gain, nil
}

// heldOut returns for each group its log-likelihood, per case on average over all groups, under weights that were
// fitted to the other folds.
func (x *choice) heldOut(ctx context.Context, folds int) ([]float64, error) {
	result := make([]float64, x.groups)
	times := make([]float64, x.groups)
	p := make([]float64, x.options)
	var w []float64
	for fold := range folds {
		for g := range times {
			times[g] = 1
			if g%folds == fold {
				times[g] = 0
			}
		}
		var err error
		if w, err = x.solve(ctx, times, w); err != nil {
			return nil, err
		}
		for i := range x.n {
			if x.group[i]%folds == fold {
				result[x.group[i]] += x.logLikelihood(i, w, p)
			}
		}
	}
	for g := range result {
		result[g] *= float64(x.groups) / float64(x.n)
	}
	return result, nil
}

// promising returns the features not in use whose derivative at the fit of those in use stands out most.
func (x *choice) promising(ctx context.Context, use []int) ([]int, error) {
	fitted := x.columns(use)
	w, err := fitted.solve(ctx, nil, nil)
	if err != nil {
		return nil, err
	}
	// The derivative of the log-likelihood by each weight, group by group.
	byGroup := make([]float64, x.groups*x.k)
	p := make([]float64, x.options)
	for i := range x.n {
		fitted.logLikelihood(i, w, p)
		d := byGroup[x.group[i]*x.k : (x.group[i]+1)*x.k]
		for o, q := range p {
			if diff := x.share[i*x.options+o] - q; diff != 0 {
				for j, f := range x.phi[(i*x.options+o)*x.k : (i*x.options+o+1)*x.k] {
					d[j] += diff * float64(f)
				}
			}
		}
	}
	score := make([]float64, x.k)
	var list []int
	for j := range x.k {
		sum, squares := 0.0, 0.0
		for g := range x.groups {
			sum += byGroup[g*x.k+j]
			squares += byGroup[g*x.k+j] * byGroup[g*x.k+j]
		}
		if squares > 0 && !slices.Contains(use, j) {
			score[j] = math.Abs(sum) / math.Sqrt(squares)
			list = append(list, j)
		}
	}
	slices.SortStableFunc(list, func(a, b int) int { return cmp.Compare(score[b], score[a]) })
	return list[:min(tried, len(list))], nil
}

// meanDifference returns the mean of a-b and its standard error.
func meanDifference(a, b []float64) (mean, standardError float64) {
	n := float64(len(a))
	for i := range a {
		mean += (a[i] - b[i]) / n
	}
	v := 0.0
	for i := range a {
		v += (a[i] - b[i] - mean) * (a[i] - b[i] - mean) / (n - 1)
	}
	return mean, math.Sqrt(v / n)
}
