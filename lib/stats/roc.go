package stats

import (
	"fmt"
	"math"
	"slices"
	"sort"
)

// ROC is the curve of true against false positive rates as the threshold on a score falls.
type ROC struct {
	FPR, TPR []float64 // from (0,0) to (1,1)
	AUC      float64   // area: the probability that a positive scores above a negative, ties counted half
}

// NewROC returns the curve of scores for which positive says the truth. It is an error if there are no positives, no
// negatives, or a score that is not a number.
func NewROC(scores []float64, positive []bool) (*ROC, error) {
	return NewWeightedROC(scores, positive, nil)
}

// NewWeightedROC is NewROC where score i counts weight[i] times, as in a bootstrap resample; nil is once each. It is
// fastest where the scores already fall.
func NewWeightedROC(scores []float64, positive []bool, weight []float64) (*ROC, error) {
	if len(scores) != len(positive) || weight != nil && len(scores) != len(weight) {
		return nil, fmt.Errorf("making an ROC curve: %d scores for %d labels and %d weights", len(scores), len(positive), len(weight))
	}
	count := func(i int) float64 {
		if weight == nil {
			return 1
		}
		return weight[i]
	}
	order := make([]int, len(scores))
	var p, n float64
	for i := range order {
		order[i] = i
		if math.IsNaN(scores[i]) {
			return nil, fmt.Errorf("making an ROC curve: score %d is not a number", i)
		}
		if positive[i] {
			p += count(i)
		} else {
			n += count(i)
		}
	}
	if p == 0 || n == 0 {
		return nil, fmt.Errorf("making an ROC curve: %g positives and %g negatives; both are needed", p, n)
	}
	sort.Slice(order, func(a, b int) bool { return scores[order[a]] > scores[order[b]] })
	r := &ROC{FPR: []float64{0}, TPR: []float64{0}}
	var tp, fp float64
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && scores[order[j]] == scores[order[i]] {
			if positive[order[j]] {
				tp += count(order[j])
			} else {
				fp += count(order[j])
			}
			j++
		}
		x, y := r.FPR[len(r.FPR)-1], r.TPR[len(r.TPR)-1]
		r.FPR, r.TPR = append(r.FPR, fp/n), append(r.TPR, tp/p)
		r.AUC += (fp/n - x) * (tp/p + y) / 2
		i = j
	}
	return r, nil
}

// Recall is the largest true positive rate that the curve reaches at a false positive rate of at most fpr.
func (r *ROC) Recall(fpr float64) float64 {
	i := sort.SearchFloat64s(r.FPR, math.Nextafter(fpr, 2))
	return slices.Max(r.TPR[:max(i, 1)])
}
