package stats

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// AUROC returns the area under the ROC curve with the interval of DeLong, DeLong and Clarke-Pearson (1988): the variance
// is that of the share of negatives below each positive and of positives above each negative. It is the interval for
// more episodes of the same policies; for other policies, bootstrap over training seeds. It is an error if there are
// fewer than two positives or two negatives, or a score that is not a number. Where the area is 0 or 1 the variance is 0
// and says nothing; the limits then are those of [Wilson] for as many successes as the smaller class has members.
func AUROC(scores []float64, positive []bool) (Interval, error) {
	roc, err := NewROC(scores, positive)
	if err != nil {
		return Interval{}, err
	}
	var yes, no []float64
	for i, s := range scores {
		if positive[i] {
			yes = append(yes, s)
		} else {
			no = append(no, s)
		}
	}
	if len(yes) < 2 || len(no) < 2 {
		return Interval{}, fmt.Errorf("interval of an AUROC: %d positives and %d negatives; two of each are needed", len(yes), len(no))
	}
	r := Interval{Value: roc.AUC, N: len(scores)}
	if roc.AUC == 0 || roc.AUC == 1 {
		n := min(len(yes), len(no))
		w := Wilson(int(roc.AUC)*n, n)
		r.Low, r.High = w.Low, w.High
		return r, nil
	}
	variance := placements(yes, no)/float64(len(yes)) + placements(no, yes)/float64(len(no))
	half := distuv.UnitNormal.Quantile((1+Level)/2) * math.Sqrt(variance)
	r.Low, r.High = max(0, r.Value-half), min(1, r.Value+half)
	return r, nil
}

// placements is the variance over x of the share of y that is below, ties counted half.
func placements(x, y []float64) float64 {
	share := make([]float64, len(x))
	for i, v := range x {
		share[i] = ProbabilityOfImprovement([]float64{v}, y)
	}
	mean, sum := Mean(share), 0.0
	for _, s := range share {
		sum += (s - mean) * (s - mean)
	}
	return sum / float64(len(x)-1)
}
