package reward

import (
	"fmt"
	"math"
	"slices"
)

// BestOfNKL is how far, in nats, choosing the best of n moves a policy from the one that the n are drawn from: log n -
// (n-1)/n (Hilton and Gao 2022; an upper bound where candidates tie). n may be any number from 1 on.
func BestOfNKL(n float64) float64 { return math.Log(n) - (n-1)/n }

// BestOfN returns, for each n, the expected value of the best of n by score, of candidates drawn from the given ones: the
// estimator of Nakano et al. 2021 (WebGPT, appendix I), without replacement, which is unbiased. scores and values have one
// number a candidate. Among equal scores each is as likely to be chosen. It is an error if n is not in 1 .. candidates or a
// number is not finite.
func BestOfN(scores, values []float64, ns []int) ([]float64, error) {
	m := len(scores)
	if len(values) != m || m == 0 {
		return nil, fmt.Errorf("reward: best of n: %d scores and %d values", m, len(values))
	}
	order := make([]int, m)
	for i := range order {
		if x := scores[i] + values[i]; math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, fmt.Errorf("reward: best of n: candidate %d has score %v and value %v", i, scores[i], values[i])
		}
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case scores[a] < scores[b]:
			return -1
		case scores[a] > scores[b]:
			return 1
		}
		return 0
	})
	worth := make([]float64, m) // in rising order of score, that of a tie shared
	for lo := 0; lo < m; {
		hi, sum := lo, 0.0
		for hi < m && scores[order[hi]] == scores[order[lo]] {
			sum += values[order[hi]]
			hi++
		}
		for i := lo; i < hi; i++ {
			worth[i] = sum / float64(hi-lo)
		}
		lo = hi
	}
	out := make([]float64, len(ns))
	for j, n := range ns {
		if n < 1 || n > m {
			return nil, fmt.Errorf("reward: the best of %d among %d candidates", n, m)
		}
		// Candidate i (from 0) is the best of n with probability C(i, n-1)/C(m, n); from the top down, n/m at first.
		p := float64(n) / float64(m)
		for i := m - 1; i >= n-1; i-- {
			out[j] += p * worth[i]
			if i > 0 {
				p *= float64(i-n+1) / float64(i)
			}
		}
	}
	return out, nil
}
