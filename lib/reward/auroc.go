package reward

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// AUROC returns the area under the receiver operating characteristic: the probability that a positive drawn at random
// has a higher score than a negative drawn at random, ties counting half (Mann and Whitney 1947). It is exact. It
// returns NaN if there are no positives or no negatives. It panics if the lengths differ.
func AUROC(score []float32, positive []bool) float64 { return weightedAUROC(score, positive, nil) }

// weightedAUROC is AUROC where example i counts weight[i] times; nil means once each.
func weightedAUROC(score []float32, positive []bool, weight []float64) float64 {
	if len(score) != len(positive) {
		panic(fmt.Sprintf("reward: %d scores for %d examples", len(score), len(positive)))
	}
	return sortedAUROC(byScore(score, nil), score, positive, weight)
}

// byScore returns the examples (all of them if nil) in order of their scores.
func byScore(score []float32, examples []int32) []int32 {
	if examples == nil {
		examples = make([]int32, len(score))
		for i := range examples {
			examples[i] = int32(i)
		}
	}
	slices.SortStableFunc(examples, func(a, b int32) int { return cmp.Compare(score[a], score[b]) })
	return examples
}

// sortedAUROC is weightedAUROC for examples whose order by score is known.
func sortedAUROC(order []int32, score []float32, positive []bool, weight []float64) float64 {
	below, positives, area := 0.0, 0.0, 0.0 // negatives below; positives so far; pairs won
	for lo := 0; lo < len(order); {
		hi := lo
		tiedPositive, tiedNegative := 0.0, 0.0
		for ; hi < len(order) && score[order[hi]] == score[order[lo]]; hi++ {
			w := 1.0
			if weight != nil {
				w = weight[order[hi]]
			}
			if positive[order[hi]] {
				tiedPositive += w
			} else {
				tiedNegative += w
			}
		}
		if hi == lo { // a score that is not a number
			return math.NaN()
		}
		area += tiedPositive * (below + tiedNegative/2)
		below += tiedNegative
		positives += tiedPositive
		lo = hi
	}
	if below == 0 || positives == 0 {
		return math.NaN()
	}
	return area / (below * positives)
}
