package exact

import (
	"math"
	"strings"
	"testing"

	"goalgap/lib/env/tabular"
	"goalgap/lib/rng"
)

// recovers checks a reward against people's: the same to within shaping, constants and scale, and nothing is lost by it.
func recovers(t *testing.T, w *tabular.World, got, truth tabular.Reward, within float64) {
	t.Helper()
	d, err := STARC(w, got, truth, gamma)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "STARC distance", d, 0, within)
	e, err := EPIC(w, got, truth, gamma)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "EPIC distance", e, 0, within)
	r, err := Regret(w, truth, got, gamma)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "regret", r.Share(), 0, within)
}

// On 10 × 10 cells MCE matches people's occupancy, and finds their policy.
func TestMCEOnTenByTen(t *testing.T) {
	w := world(t, field{side: 10, from: []int{0, 9, 90}})
	_, truth := cells(w, 0.7, 1)
	people := planner(t, w, truth, gamma)
	r, err := MCE(w, people, OneHot(w), DefaultMCE())
	if err != nil {
		t.Fatal(err)
	}
	if r.Gap >= 1e-3 {
		t.Errorf("occupancy gap %v", r.Gap)
	}
	if len(r.Ambiguous) > 0 {
		t.Error(r.Ambiguous)
	}
	for i, p := range people.Policy {
		if people.Occupancy[i] > 0.002 {
			near(t, "policy", r.Plan.Policy[i], p, 0.02)
		}
	}
}

// BenchmarkMCE is the extraction from 10 × 10 cells to an occupancy gap below 1e-3; a tenth of a second is the aim.
func BenchmarkMCE(b *testing.B) {
	w := world(b, field{side: 10, from: []int{0, 9, 90}})
	_, truth := cells(w, 0.7, 1)
	people := planner(b, w, truth, gamma)
	cfg := DefaultMCE()
	for b.Loop() {
		r, err := MCE(w, people, OneHot(w), cfg)
		if err != nil || r.Gap >= 1e-3 {
			b.Fatal(r, err)
		}
		b.ReportMetric(r.Gap, "gap")
		b.ReportMetric(float64(r.Iterations), "iterations")
	}
}

// With fewer features than states, in a world with chance, the weights of MCE are those of highest causal likelihood
// (Ziebart 2010, theorem 6.2 and corollaries): computed by plain soft value iteration, whose derivatives by finite
// differences vanish there, with a ridge where they equal it.
func TestMCEIsMaximumCausalLikelihood(t *testing.T) {
	w := world(t, field{side: 4, slip: 0.3})
	features := NewFeatures(w, []string{"column", "row", "centre"}, func(p tabular.Place, dst []float64) {
		dst[0], dst[1] = float64(p.State%4), float64(p.State/4)
		if p.State == 5 || p.State == 10 {
			dst[2] = 1
		}
	})
	_, truth := cells(w, 0.5, 2) // no reward of these features: people whom the model does not quite fit
	people := planner(t, w, truth, gamma)
	cfg := DefaultMCE()
	cfg.Tolerance, cfg.Ridge = 1e-7, 0.01
	r, err := MCE(w, people, features, cfg)
	if err != nil {
		t.Fatal(err)
	}
	likelihood := func(weight []float64) float64 {
		reward, err := (&Linear{Weight: weight}).On(features)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for i, lp := range softly(w, reward, gamma) {
			sum += people.Occupancy[i] * lp
		}
		for _, x := range weight {
			sum -= cfg.Ridge / 2 * x * x
		}
		return sum
	}
	for j := range r.Weight {
		const h = 1e-4
		up, down := append([]float64(nil), r.Weight...), append([]float64(nil), r.Weight...)
		up[j] += h
		down[j] -= h
		near(t, "slope of the likelihood by "+features.Names[j], (likelihood(up)-likelihood(down))/(2*h), 0, 1e-5)
	}
	// The sum over time makes the reference's slope by the reward φ(people) - φ(policy); away from the optimum it is not 0.
	moved := append([]float64(nil), r.Weight...)
	moved[0] += 0.1
	if likelihood(moved) >= likelihood(r.Weight) {
		t.Error("the likelihood rises away from its maximum")
	}
}

// Rewards of the state arrived at can be told but for a constant where nobody slips and states are connected at odd and
// even distances, so every method has to find people's own. The environment's reward is NaN throughout.
func TestMethodsRecoverTheReward(t *testing.T) {
	w := world(t, field{side: 4})
	of, truth := cells(w, 0.7, 5)
	people := planner(t, w, truth, gamma)
	f := OneHot(w)

	t.Run("inverse soft-Q", func(t *testing.T) {
		cfg := DefaultSoftQ()
		cfg.Ridge, cfg.Floor = 1e-10, 1e-9
		r, err := SoftQ(w, people, f, cfg)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "misfit", r.Misfit, 0, 1e-4)
		for s := range of {
			near(t, "reward less that of state 0", r.Weight[s]-r.Weight[0], of[s]-of[0], 1e-3)
		}
		got, _ := r.On(f)
		recovers(t, w, got, truth, 1e-4)
		// log π is of the same class here, though it looks nothing like the reward.
		logs, err := LogPolicy(w, people, 1e-9)
		if err != nil {
			t.Fatal(err)
		}
		d, err := STARC(w, logs, truth, gamma)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "STARC distance of log π", d, 0, 1e-5)
		if c := correlation(w, logs, truth); c > 0.9 {
			t.Errorf("log π correlates with the reward at %.2f", c)
		}
	})
	t.Run("AIRL", func(t *testing.T) {
		r, err := AIRL(w, people, f, DefaultAIRL())
		if err != nil {
			t.Fatal(err)
		}
		near(t, "discriminator", r.Confusion, 0.5, 0.01)
		got, _ := r.On(f)
		recovers(t, w, got, truth, 0.02)
		taken, shaped := correlation(w, got, truth), correlation(w, r.Shaped(), truth)
		if taken < 0.97 || shaped > taken {
			t.Errorf("g correlates with the reward at %.3f, f at %.3f", taken, shaped)
		}
		d, err := STARC(w, r.Shaped(), truth, gamma)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "STARC distance of f", d, 0, 0.1)
	})
	t.Run("preferences", func(t *testing.T) {
		random := rng.New(1, "test comparisons", 0)
		uniform := make([]float64, len(people.Policy))
		fill(uniform, 0.25)
		var list []Comparison
		for range 20_000 {
			c := Comparison{First: play(w, uniform, 6, random), Second: play(w, uniform, 6, random)}
			gap := 0.0
			for i := range c.First {
				gap += of[c.First[i].Next] - of[c.Second[i].Next]
			}
			if random.Float64() < 1/(1+math.Exp(-gap)) {
				c.Prefers = 1
			}
			list = append(list, c)
		}
		cfg := DefaultPreferences()
		cfg.Ridge = 1e-6
		r, err := Preferences(w, list, f, cfg)
		if err != nil {
			t.Fatal(err)
		}
		for s := range of {
			near(t, "reward less that of state 0", r.Weight[s]-r.Weight[0], of[s]-of[0], 0.15)
		}
		if r.Accuracy < 0.75 || r.Accuracy > 0.95 {
			t.Errorf("accuracy %v of comparisons with chance", r.Accuracy)
		}
	})
}

// correlation of two rewards over all possible steps as they are, shaping and all.
func correlation(w *tabular.World, a, b tabular.Reward) float64 {
	var n, x, y, xx, yy, xy float64
	for s := range w.States() {
		for act := range w.Actions() {
			for _, m := range w.Moves(s, act) {
				p, q := a(s, act, m.Next), b(s, act, m.Next)
				n, x, y, xx, yy, xy = n+1, x+p, y+q, xx+p*p, yy+q*q, xy+p*q
			}
		}
	}
	return (xy - x*y/n) / math.Sqrt((xx-x*x/n)*(yy-y*y/n))
}

// The answers of a person who is drawn by lot half of the time are worth less, which the model that knows it corrects.
func TestPreferencesWithNoise(t *testing.T) {
	w := world(t, field{side: 2})
	f := NewFeatures(w, []string{"goal"}, func(p tabular.Place, dst []float64) {
		if p.State == 3 {
			dst[0] = 1
		}
	})
	good, bad := []Step{{1, 3, 3}}, []Step{{1, 0, 0}}
	// σ(2) = 0.8808; with half of the answers by lot 0.25 + 0.8808/2 = 0.6904.
	p := 0.25 + 0.5/(1+math.Exp(-2))
	list := []Comparison{{good, bad, p}, {bad, good, 1 - p}}
	for noise, want := range map[float64]float64{0: math.Log(p / (1 - p)), 0.5: 2} {
		cfg := DefaultPreferences()
		cfg.Noise, cfg.Ridge = noise, 1e-9
		r, err := Preferences(w, list, f, cfg)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "weight", r.Weight[0], want, 1e-4)
	}
}

// An episode that ends at the goal leaks the reward. A learner whose only feature is that time passes knows nothing of
// goals; in episodes that end, a price of time sends it to the end, which looks as if it had learnt what people want. In
// this package the end is absorbing, and the same learner is told that its feature explains nothing.
func TestEndsDoNotLeakTheReward(t *testing.T) {
	const side, goal = 4, 15
	f := field{side: side, ends: map[int]bool{goal: true}, from: []int{0}}
	w := world(t, f)
	// What leaks, computed plainly: V = 0 after the end, time costs 3.
	v := make([]float64, side*side)
	policy := make([]float64, side*side*4)
	for range 2000 {
		for s := range v {
			if s == goal {
				continue
			}
			sum := 0.0
			for a := range 4 {
				next := f.AppendTransitions(nil, s, a)[0].Next
				policy[s*4+a] = math.Exp(-3 + gamma*v[next])
				sum += policy[s*4+a]
			}
			v[s] = math.Log(sum)
			for a := range 4 {
				policy[s*4+a] /= sum
			}
		}
	}
	inWorld := make([]float64, len(policy))
	for s, p := range w.Places {
		for a := range 4 {
			if inWorld[s*4+a] = policy[p.State*4+a]; p.Terminal {
				inWorld[s*4+a] = 0.25
			}
		}
	}
	arrived := func(policy []float64) float64 {
		o, err := w.Occupancy(policy, nil, gamma, 1e-9)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for a := range 4 {
			sum += o[w.Index(0, goal)*4+a]
		}
		return sum
	}
	uniform := make([]float64, len(policy))
	fill(uniform, 0.25)
	leaked, chance := arrived(inWorld), arrived(uniform)
	if leaked < 3*chance {
		t.Errorf("with ends, a price of time spends %.3f of time at the goal; chance %.3f", leaked, chance)
	}
	// The same feature and the same price, with an absorbing end: no preference at all.
	time := NewFeatures(w, []string{"time"}, func(_ tabular.Place, dst []float64) { dst[0] = 1 })
	plan, err := w.Soft(time.expected(w, []float64{-3}), gamma, 1, nil, nil, 1e-9)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "time at the goal without a leak", arrived(plan.Policy), chance, 1e-6)
	people, err := Predicted(w, inWorld, gamma)
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"MCE":            second(MCE(w, people, time, DefaultMCE())),
		"inverse soft-Q": second(SoftQ(w, people, time, DefaultSoftQ())),
		"AIRL":           second(AIRL(w, people, time, DefaultAIRL())),
	} {
		says(t, name, err, "the features are the same in all 16 states")
	}
	// A feature that sees the goal is found.
	seen := NewFeatures(w, []string{"goal"}, func(p tabular.Place, dst []float64) {
		if p.Terminal {
			dst[0] = 1
		}
	})
	r, err := MCE(w, people, seen, DefaultMCE())
	if err != nil {
		t.Fatal(err)
	}
	if r.Weight[0] <= 0 || arrived(r.Plan.Policy) < 3*chance {
		t.Errorf("the goal has weight %.2f", r.Weight[0])
	}
}

func second[T any](_ T, err error) error { return err }

// Two features that are the same in all levels that people are seen in cannot be told apart: that is said, and not that one
// of them is worth nothing.
func TestAmbiguousFeaturesAreNamed(t *testing.T) {
	w := world(t, field{side: 4})
	names := []string{"cheese", "corner", "middle"}
	f := NewFeatures(w, names, func(p tabular.Place, dst []float64) {
		if p.State == 0 {
			dst[0], dst[1] = 1, 1
		}
		if p.State == 5 {
			dst[2] = 1
		}
	})
	truth, err := (&Linear{Weight: []float64{2, 0, 0}}).On(f)
	if err != nil {
		t.Fatal(err)
	}
	people := planner(t, w, truth, gamma)
	named := func(method string, list []string) {
		t.Helper()
		if len(list) != 1 || !strings.Contains(list[0], `"cheese"`) || !strings.Contains(list[0], `"corner"`) || strings.Contains(list[0], `"middle"`) {
			t.Errorf("%s: ambiguous %q", method, list)
		}
	}
	m, err := MCE(w, people, f, DefaultMCE())
	if err != nil {
		t.Fatal(err)
	}
	named("MCE", m.Ambiguous)
	near(t, "the two together", m.Weight[0]+m.Weight[1], 2, 0.01)
	q, err := SoftQ(w, people, f, DefaultSoftQ())
	if err != nil {
		t.Fatal(err)
	}
	named("inverse soft-Q", q.Ambiguous)
}

func TestExtractionErrors(t *testing.T) {
	w := world(t, field{side: 3})
	_, truth := cells(w, 1, 1)
	people := planner(t, w, truth, gamma)
	f := OneHot(w)

	small := world(t, field{side: 2})
	_, err := MCE(w, planner(t, small, truth, gamma), f, DefaultMCE())
	says(t, "people of another world", err, "another environment")
	_, err = SoftQ(w, people, OneHot(small), DefaultSoftQ())
	says(t, "features of another world", err, "another environment")
	bad := OneHot(w)
	bad.Of[4][4] = math.NaN()
	_, err = AIRL(w, people, bad, DefaultAIRL())
	says(t, "a feature that is not a number", err, "is NaN")

	// People who never err: no finite reward explains them.
	certain := make([]float64, len(people.Policy))
	for s := range w.States() {
		certain[s*4+1] = 1
	}
	never, err := Predicted(w, certain, gamma)
	if err != nil {
		t.Fatal(err)
	}
	few := DefaultMCE()
	few.Most = 2
	_, err = MCE(w, never, f, few)
	says(t, "people who never err", err, "Ridge")
	few.Ridge, few.Most = 1e-3, 2000
	if _, err = MCE(w, never, f, few); err != nil {
		t.Error(err)
	}

	step := []Step{{0, 1, 1}}
	_, err = Preferences(w, nil, f, DefaultPreferences())
	says(t, "no comparisons", err, "no comparisons")
	_, err = Preferences(w, []Comparison{{step, []Step{{0, 0, 0}}, 1}, {step, []Step{{4, 0, 3}}, 1}}, f, DefaultPreferences())
	says(t, "one class", err, "all 2 comparisons have the answer 1")
	_, err = Preferences(w, []Comparison{{step, step, 1}, {step, step, 0}}, f, DefaultPreferences())
	says(t, "no difference", err, "differ in no feature")
	_, err = Preferences(w, []Comparison{{step, []Step{{0, 0, 8}}, 1}}, f, DefaultPreferences())
	says(t, "impossible", err, "another environment")
	_, err = Preferences(w, []Comparison{{step, step, math.NaN()}}, f, DefaultPreferences())
	says(t, "NaN answer", err, "prefers NaN")
	r, err := Preferences(w, []Comparison{{step, []Step{{0, 0, 0}}, 1}, {[]Step{{0, 0, 0}}, step, 0}}, f, DefaultPreferences())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Ambiguous) != 7 {
		t.Errorf("of 9 states 2 were compared, and %d are named: %q", len(r.Ambiguous), r.Ambiguous)
	}

	nan := func(_, _, _ int) float64 { return math.NaN() }
	_, err = STARC(w, truth, nan, gamma)
	says(t, "STARC of NaN", err, "is NaN")
	_, err = EPIC(w, nan, truth, gamma)
	says(t, "EPIC of NaN", err, "first reward")
	_, err = Regret(w, truth, nan, gamma)
	says(t, "regret of NaN", err, "extracted reward")
}
