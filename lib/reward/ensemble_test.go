package reward_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"goalgap/lib/reward"
)

func ensemble(t *testing.T, features int, set func(*reward.EnsembleConfig)) *reward.Ensemble {
	t.Helper()
	c := reward.DefaultEnsemble()
	if set != nil {
		set(&c)
	}
	var names []string
	for i := range features {
		names = append(names, fmt.Sprint("feature ", i))
	}
	e, err := reward.NewEnsemble(names, c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func fit(t *testing.T, e *reward.Ensemble) {
	t.Helper()
	if err := e.Fit(); err != nil {
		t.Fatal(err)
	}
}

// What nothing was said about is as uncertain as the prior.
func TestEnsembleKnowsNothing(t *testing.T) {
	e := ensemble(t, 3, func(c *reward.EnsembleConfig) { c.Members, c.Prior = 4000, 2 })
	fit(t, e)
	zero := make([]float64, 3)
	// The deviation of 4000 draws is off by 1.1 %, one standard error.
	if d := e.Disagreement([]float64{1, 0, 0}, zero); math.Abs(d-2) > 0.1 {
		t.Errorf("disagreement about a unit of a feature is %v; the prior says 2", d)
	}
	if d := e.Disagreement([]float64{1, 1, 0}, []float64{0, 0, 1}); math.Abs(d-2*math.Sqrt(3)) > 0.18 {
		t.Errorf("disagreement about three units is %v; the prior says %v", d, 2*math.Sqrt(3))
	}
	if d := e.Disagreement([]float64{5, 5, 5}, []float64{5, 5, 5}); d != 0 {
		t.Errorf("disagreement about equal episodes is %v", d)
	}
}

// Two features that go together in everything that was compared: the sum of their worth is learnt, the difference is not.
func TestEnsembleCannotTellApart(t *testing.T) {
	e := ensemble(t, 2, nil)
	before := e.Disagreement([]float64{1, -1}, []float64{0, 0})
	r := rand.New(rand.NewPCG(1, 1))
	for range 500 {
		x, y := float64(r.IntN(3)), float64(r.IntN(3))
		if x != y {
			if err := e.Add([]float64{x, x}, []float64{y, y}, x > y != (r.IntN(20) == 0)); err != nil {
				t.Fatal(err)
			}
		}
	}
	fit(t, e)
	if after := e.Disagreement([]float64{1, -1}, []float64{0, 0}); math.Abs(after-before) > 1e-3*before {
		t.Errorf("disagreement about the difference was %v and is %v", before, after)
	}
	if together := e.Disagreement([]float64{1, 1}, []float64{0, 0}); together > before/4 {
		t.Errorf("disagreement about the sum is %v", together)
	}
	if w := e.Weights(); w[0]+w[1] < 1 {
		t.Errorf("more is better, and the weights are %v", w)
	}
}

// One comparison, one feature, no answers by lot: a member's weight w solves (w-anchor)/prior² = 1-σ(w).
func TestEnsembleOneComparison(t *testing.T) {
	set := func(c *reward.EnsembleConfig) { c.Members, c.Noise, c.Prior = 2, 0, 1.5 }
	e := ensemble(t, 1, set)
	fit(t, e)
	anchors := make([]float64, 2) // from mean and disagreement, which without comparisons are the anchors'
	mean, half := e.Weights()[0], e.Disagreement([]float64{1}, []float64{0})/math.Sqrt2
	anchors[0], anchors[1] = mean-half, mean+half
	if err := e.Add([]float64{1}, []float64{0}, true); err != nil {
		t.Fatal(err)
	}
	fit(t, e)
	want := 0.0
	for _, a := range anchors {
		lo, hi := a, a+3
		for range 100 {
			if w := (lo + hi) / 2; (w-a)/(1.5*1.5) < 1-1/(1+math.Exp(-w)) {
				lo = w
			} else {
				hi = w
			}
		}
		want += lo / 2
	}
	if got := e.Weights()[0]; math.Abs(got-want) > 1e-4 {
		t.Errorf("weight %v, want %v", got, want)
	}
}

// People whose answers are those of the model, one in ten by lot, are found out.
func TestEnsembleRecoversWhatPeopleWant(t *testing.T) {
	truth := []float64{2, -1, 0}
	e, r := ensemble(t, 3, nil), rand.New(rand.NewPCG(3, 1))
	for range 20_000 {
		a, b, z := make([]float64, 3), make([]float64, 3), 0.0
		for j := range a {
			a[j], b[j] = r.NormFloat64(), r.NormFloat64()
			z += truth[j] * (a[j] - b[j])
		}
		p := 0.9/(1+math.Exp(-z)) + 0.05
		if err := e.Add(a, b, r.Float64() < p); err != nil {
			t.Fatal(err)
		}
	}
	fit(t, e)
	for j, w := range e.Weights() {
		// One standard error is about 0.03: 20 000 answers tell less than σ'(z) = 1/4 nats each.
		if math.Abs(w-truth[j]) > 0.15 {
			t.Errorf("feature %d is worth %v; people want %v", j, w, truth[j])
		}
	}
	if d := e.Disagreement([]float64{1, 0, 0}, make([]float64, 3)); d > 0.1 {
		t.Errorf("after 20 000 comparisons members still disagree by %v", d)
	}
}

// A clone learns on its own, and the same comparisons give the same model in one go and in two.
func TestEnsembleClone(t *testing.T) {
	e := ensemble(t, 2, nil)
	if err := e.Add([]float64{1, 0}, []float64{0, 1}, true); err != nil {
		t.Fatal(err)
	}
	fit(t, e)
	before, c := e.Weights(), e.Clone()
	if err := c.Add([]float64{1, 1}, []float64{0, 0}, false); err != nil {
		t.Fatal(err)
	}
	fit(t, c)
	if w := e.Weights(); w[0] != before[0] || w[1] != before[1] || e.Comparisons() != 1 || c.Comparisons() != 2 {
		t.Errorf("the original moved from %v to %v, with %d comparisons", before, w, e.Comparisons())
	}
	if w := c.Weights(); w[0] >= before[0] || w[1] >= before[1] {
		t.Errorf("the clone went from %v to %v, though more is worse", before, w)
	}
	fresh := ensemble(t, 2, nil)
	_ = fresh.Add([]float64{1, 0}, []float64{0, 1}, true)
	_ = fresh.Add([]float64{1, 1}, []float64{0, 0}, false)
	fit(t, fresh)
	if a, b := fresh.Weights(), c.Weights(); a[0] != b[0] || a[1] != b[1] {
		t.Errorf("in one go %v, in two %v", a, b)
	}
}

func TestEnsembleWrongInput(t *testing.T) {
	for name, set := range map[string]func(*reward.EnsembleConfig){
		"members":  func(c *reward.EnsembleConfig) { c.Members = 1 },
		"prior":    func(c *reward.EnsembleConfig) { c.Prior = 0 },
		"no prior": func(c *reward.EnsembleConfig) { c.Prior = math.Inf(1) },
		"noise":    func(c *reward.EnsembleConfig) { c.Noise = 1 },
	} {
		c := reward.DefaultEnsemble()
		set(&c)
		if _, err := reward.NewEnsemble([]string{"x"}, c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := reward.NewEnsemble(nil, reward.DefaultEnsemble()); err == nil {
		t.Error("no features: no error")
	}
	e := ensemble(t, 2, nil)
	for _, wrong := range [][]float64{{1}, {1, 2, 3}, {1, math.NaN()}, {math.Inf(-1), 0}} {
		if err := e.Add(wrong, []float64{0, 0}, true); err == nil {
			t.Errorf("no error for %v", wrong)
		}
		if err := e.Add([]float64{0, 0}, wrong, true); err == nil {
			t.Errorf("no error for %v as the second", wrong)
		}
	}
	if e.Comparisons() != 0 {
		t.Error("wrong comparisons were kept")
	}
}
