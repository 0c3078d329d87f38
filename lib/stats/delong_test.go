package stats

import (
	"math"
	"testing"

	"goalgap/lib/rng"
)

// Hanley and McNeil (1982), "The meaning and use of the area under a receiver operating characteristic (ROC) curve",
// table I: 58 normal and 51 abnormal CT images, rated 1 to 5. They give the area 0.893 and its standard error 0.032, by a
// formula that spreads the images of a rating out within it; without that, as here, it is 0.0307.
func TestAUROCOfHanleyAndMcNeil(t *testing.T) {
	normal, abnormal := [5]int{33, 6, 6, 11, 2}, [5]int{3, 2, 2, 11, 33}
	var scores []float64
	var positive []bool
	for rating := range 5 {
		for range normal[rating] {
			scores, positive = append(scores, float64(rating)), append(positive, false)
		}
		for range abnormal[rating] {
			scores, positive = append(scores, float64(rating)), append(positive, true)
		}
	}
	got, err := AUROC(scores, positive)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(got.Value-0.893) > 0.0005 {
		t.Errorf("area %.4f, want 0.893", got.Value)
	}
	if se := (got.High - got.Low) / 2 / 1.959964; math.Abs(se-0.0307) > 0.0001 {
		t.Errorf("standard error %.4f, want 0.0307", se)
	}
}

// Fawcett (2006), "An introduction to ROC analysis", figure 3: twenty instances. Of the 100 pairs 68 are in order.
func TestROCOfFawcett(t *testing.T) {
	scores := []float64{.9, .8, .7, .6, .55, .54, .53, .52, .51, .505, .4, .39, .38, .37, .36, .35, .34, .33, .30, .1}
	positive := make([]bool, len(scores))
	for i, c := range "ppnpppnnpnpnpnnnpnpn" {
		positive[i] = c == 'p'
	}
	roc, err := NewROC(scores, positive)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(roc.AUC-0.68) > 1e-12 {
		t.Errorf("area %v, want 0.68", roc.AUC)
	}
	// The most accurate threshold (14 of 20 right) is at (0.1, 0.5).
	if got := roc.Recall(0.1); got != 0.5 {
		t.Errorf("recall at 10%% false positives %v, want 0.5", got)
	}
	in, err := AUROC(scores, positive)
	if err != nil || in.Value != roc.AUC || in.Low >= 0.5 || in.High <= 0.9 {
		t.Errorf("interval %v, error %v", in, err)
	}
}

// The interval holds the true area in about 95% of samples: two normals whose means differ by 1 have Φ(1/√2).
func TestAUROCCovers(t *testing.T) {
	truth := 0.5 * (1 + math.Erf(0.5))
	r := rng.New(5, "normal", 0)
	held := 0
	for range 1000 {
		var scores []float64
		var positive []bool
		for i := range 60 {
			yes := i%2 == 0
			x := r.NormFloat64()
			if yes {
				x++
			}
			scores, positive = append(scores, x), append(positive, yes)
		}
		in, err := AUROC(scores, positive)
		if err != nil {
			t.Fatal(err)
		}
		if in.Low <= truth && truth <= in.High {
			held++
		}
	}
	if held < 915 || held > 970 {
		t.Errorf("%d of 1000 intervals hold the truth", held)
	}
}

func TestAUROCOfNothing(t *testing.T) {
	for _, c := range []struct {
		scores   []float64
		positive []bool
	}{
		{[]float64{1, 2}, []bool{true, true}},
		{[]float64{1, 2, 3}, []bool{true, false, false}},
		{[]float64{1, math.NaN()}, []bool{true, false}},
	} {
		if _, err := AUROC(c.scores, c.positive); err == nil {
			t.Errorf("%v: no error", c)
		}
	}
	perfect, err := AUROC([]float64{1, 2, 3, 4}, []bool{false, false, true, true})
	if err != nil || perfect.Value != 1 || perfect.Low > 0.5 || perfect.High != 1 {
		t.Errorf("%v, error %v", perfect, err)
	}
}
