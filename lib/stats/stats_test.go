package stats

import (
	"math"
	"testing"

	"goalgap/lib/rng"
)

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance }

func TestIQM(t *testing.T) {
	for _, test := range []struct {
		x    []float64
		want float64
	}{
		{[]float64{7, 0, 1, 2, 3, 4, 5, 6}, 3.5},  // the middle four are 2, 3, 4, 5
		{[]float64{100, 1, 2, 3, -100}, 2},        // five values lose one at each end
		{[]float64{1, 2, 6}, 3},                   // three lose none
		{[]float64{1, 1, 1, 1, 1, 1, 1, 1000}, 1}, // an outlier does not count
	} {
		if got := IQM(test.x); !near(got, test.want, 1e-12) {
			t.Errorf("IQM(%v) = %v, not %v", test.x, got, test.want)
		}
	}
	if !math.IsNaN(IQM(nil)) {
		t.Error("the IQM of nothing is a number")
	}
}

// The values are those of Newcombe (1998), "Two-sided confidence intervals for the single proportion", table I, method 3.
func TestWilsonAgainstNewcombe(t *testing.T) {
	for _, test := range []struct {
		r, n      int
		low, high float64
	}{
		{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718},
	} {
		got := Wilson(test.r, test.n)
		if !near(got.Low, test.low, 5e-5) || !near(got.High, test.high, 5e-5) {
			t.Errorf("Wilson(%d, %d) = %v, not [%v, %v]", test.r, test.n, got, test.low, test.high)
		}
	}
	if w := Wilson(20, 20); w.High != 1 || !near(w.Low, 1-0.1611, 5e-5) {
		t.Errorf("Wilson is not symmetric: %v", w)
	}
}

// The bootstrap's interval of a mean must hold the true mean in about 95% of experiments; for 30 normal values the
// percentile method is known to fall a little short.
func TestBootstrapCoverage(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of bootstraps")
	}
	r := rng.New(11, "test", 0)
	const experiments = 300
	hits := 0
	for range experiments {
		x := make([]float64, 30)
		for i := range x {
			x[i] = 5 + r.NormFloat64()
		}
		if b := Bootstrap(x, Mean, 1); b.Low <= 5 && 5 <= b.High {
			hits++
		}
	}
	if rate := float64(hits) / experiments; rate < 0.90 || rate > 0.98 {
		t.Errorf("the interval holds the mean in %.3f of experiments", rate)
	}
}

func TestBootstrapLimits(t *testing.T) {
	if b := Bootstrap([]float64{3, 3, 3}, Mean, 1); b.Low != 3 || b.High != 3 || b.Value != 3 {
		t.Errorf("a constant has the interval %v", b)
	}
	if b := Bootstrap([]float64{3}, Mean, 1); b.Value != 3 || !math.IsNaN(b.Low) || !math.IsNaN(b.High) {
		t.Errorf("one value has the interval %v", b)
	}
	a, b := Bootstrap([]float64{1, 2, 5, 9}, IQM, 7), Bootstrap([]float64{1, 2, 5, 9}, IQM, 7)
	if a != b {
		t.Errorf("equal seeds give %v and %v", a, b)
	}
	if d := Paired([]float64{3, 5}, []float64{1, 3}); d.Value != 2 || d.Low != 2 || d.High != 2 {
		t.Errorf("constant differences have the interval %v", d)
	}
}

// The example of scikit-learn's documentation of roc_auc_score.
func TestROCAgainstScikitLearn(t *testing.T) {
	r, err := NewROC([]float64{0.1, 0.4, 0.35, 0.8}, []bool{false, false, true, true})
	if err != nil || !near(r.AUC, 0.75, 1e-12) {
		t.Errorf("got %v, %v", r, err)
	}
	if r.Recall(0) != 0.5 || r.Recall(0.5) != 1 || r.Recall(0.49) != 0.5 {
		t.Errorf("recall at 0, 0.49 and 0.5: %v, %v, %v", r.Recall(0), r.Recall(0.49), r.Recall(0.5))
	}
}

// The area is the probability that a positive scores higher, ties half, so it equals the Mann-Whitney statistic.
func TestROCEqualsMannWhitney(t *testing.T) {
	gen := rng.New(3, "test", 0)
	for range 50 {
		var scores, pos, neg []float64
		var labels []bool
		for range 40 {
			s, l := float64(gen.IntN(8)), gen.IntN(3) == 0 // many ties
			scores, labels = append(scores, s), append(labels, l)
			if l {
				pos = append(pos, s)
			} else {
				neg = append(neg, s)
			}
		}
		if len(pos) == 0 || len(neg) == 0 {
			continue
		}
		r, err := NewROC(scores, labels)
		if err != nil || !near(r.AUC, ProbabilityOfImprovement(pos, neg), 1e-12) {
			t.Fatalf("area %v, Mann-Whitney %v, %v", r.AUC, ProbabilityOfImprovement(pos, neg), err)
		}
	}
}

// The area is the share of pairs of a positive and a negative that are in the right order, ties counted half: by hand.
func TestROCAreaByHand(t *testing.T) {
	for name, test := range map[string]struct {
		scores []float64
		labels []bool
		weight []float64
		want   float64
	}{
		"perfect":                 {[]float64{1, 2, 3, 4}, []bool{false, false, true, true}, nil, 1},
		"reversed":                {[]float64{4, 3, 2, 1}, []bool{false, false, true, true}, nil, 0},
		"all tied":                {[]float64{1, 1, 1}, []bool{false, true, false}, nil, 0.5},
		"a tie and a win":         {[]float64{0, 1, 1}, []bool{false, false, true}, nil, 0.75},
		"three wins to one loss":  {[]float64{0, 2, 1}, []bool{false, false, true}, []float64{3, 1, 2}, 0.75},
		"the loss does not count": {[]float64{0, 2, 1}, []bool{false, false, true}, []float64{3, 0, 2}, 1},
	} {
		r, err := NewWeightedROC(test.scores, test.labels, test.weight)
		if err != nil || !near(r.AUC, test.want, 1e-12) {
			t.Errorf("%s: %v, %v; want %v", name, r, err, test.want)
		}
	}
	if _, err := NewWeightedROC([]float64{1, 2}, []bool{true, false}, []float64{1, 0}); err == nil {
		t.Error("negatives of no weight: no error")
	}
}

func TestROCRefusesWhatHasNoCurve(t *testing.T) {
	for name, test := range map[string]struct {
		scores []float64
		labels []bool
	}{
		"one class":        {[]float64{1, 2}, []bool{true, true}},
		"nothing":          {nil, nil},
		"NaN":              {[]float64{1, math.NaN()}, []bool{true, false}},
		"different length": {[]float64{1}, []bool{true, false}},
	} {
		if _, err := NewROC(test.scores, test.labels); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
