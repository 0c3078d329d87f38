package tabular

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// The states that cannot be reached are left out, the end is absorbing, and a level is as likely as another.
func TestWorldOfTwoChains(t *testing.T) {
	short, long := chain{n: 3, p: 0.5}, chain{n: 5, p: 1}
	w, err := NewWorld(short, long)
	if err != nil {
		t.Fatal(err)
	}
	if w.States() != 4+6 || w.Levels() != 2 || w.Actions() != 2 {
		t.Fatalf("%d states, %d levels, %d actions", w.States(), w.Levels(), w.Actions())
	}
	near(t, "start of the first level", w.Start[w.Index(0, 0)], 0.125, 1e-15)
	near(t, "start of the second level", w.Start[w.Index(1, 4)], 0.375, 1e-15)
	end := w.Index(0, 3)
	if m := w.Moves(end, 1); !w.Places[end].Terminal || len(m) != 1 || m[0] != (Move{end, 1}) {
		t.Errorf("from the end one moves to %v", m)
	}
	if w.Index(1, 17) != -1 {
		t.Error("a state that does not exist has a number")
	}
	// Values are those of the levels: arriving pays 1 once.
	own, err := w.Own(short, long)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := SolveForever(WithReward(w, own), 0.9, 1e-10)
	if err != nil {
		t.Fatal(err)
	}
	for l, p := range []chain{short, long} {
		alone, err := SolveForever(p, 0.9, 1e-10)
		if err != nil {
			t.Fatal(err)
		}
		for s := range p.States() {
			near(t, "value", plan.Value[w.Index(l, s)], alone.Value[s], 1e-9)
		}
	}
	if _, err := w.Own(long, short); err == nil {
		t.Error("rewards of other levels are no error")
	}
}

// A soft plan solves its equations, tends to the best plan as beta grows, and is the prior's worth as beta falls.
func TestSoftPlan(t *testing.T) {
	const discount = 0.9
	p := chain{n: 6, p: 0.7, cost: 0.1}
	w, err := NewWorld(p)
	if err != nil {
		t.Fatal(err)
	}
	own, _ := w.Own(p)
	r, err := w.Expected(own)
	if err != nil {
		t.Fatal(err)
	}
	soft, err := w.Soft(r, discount, 2, nil, nil, 1e-11)
	if err != nil {
		t.Fatal(err)
	}
	for s := range w.States() {
		sum := 0.0
		for a := range 2 {
			want := r[s*2+a]
			for _, m := range w.Moves(s, a) {
				want += discount * m.P * soft.Value[m.Next]
			}
			near(t, "Q", soft.Q[s*2+a], want, 1e-9)
			sum += math.Exp(2 * want)
			near(t, "policy", soft.Policy[s*2+a], math.Exp(2*(want-soft.Value[s])), 1e-9)
		}
		near(t, "value", soft.Value[s], math.Log(sum)/2, 1e-9)
	}
	uniform := slices.Repeat([]float64{0.5}, 2*w.States())
	hot, err := w.Soft(r, discount, 1e-5, uniform, nil, 1e-9)
	if err != nil {
		t.Fatal(err)
	}
	random, err := Evaluate(WithReward(w, own), Uniform, 400, discount, nil)
	if err != nil {
		t.Fatal(err)
	}
	cold, err := w.Soft(r, discount, 1e6, uniform, nil, 1e-11)
	if err != nil {
		t.Fatal(err)
	}
	best, err := SolveForever(WithReward(w, own), discount, 1e-11)
	if err != nil {
		t.Fatal(err)
	}
	worth, err := w.Worth(uniform, r, discount, 1e-11)
	if err != nil {
		t.Fatal(err)
	}
	for s := range w.States() {
		near(t, "value without preference", hot.Value[s], random[s], 1e-4)
		near(t, "worth", worth[s], random[s], 1e-9)
		near(t, "value of certainty", cold.Value[s], best.Value[s], 1e-5)
	}
	steps, err := w.SoftSteps(r, 3, 1e6, uniform)
	if err != nil {
		t.Fatal(err)
	}
	limited, err := Solve(WithReward(w, own), 3, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	for s := range w.States() {
		near(t, "value in three steps", steps[2].Value[s], limited.Value[s], 1e-4)
	}
}

// The occupancy sums to 1, flows (Σ_a ρ(s',a) = (1-γ) start + γ Σ ρ(s,a) T), and prices a reward as Worth does.
func TestOccupancy(t *testing.T) {
	const discount = 0.95
	p := chain{n: 5, p: 0.6, cost: 0.2}
	w, _ := NewWorld(p)
	own, _ := w.Own(p)
	r, _ := w.Expected(own)
	policy := make([]float64, 2*w.States())
	for s := range w.States() {
		policy[2*s+1] = 0.5 + 0.1*float64(s%4)
		policy[2*s] = 1 - policy[2*s+1]
	}
	rho, err := w.Occupancy(policy, nil, discount, 1e-13)
	if err != nil {
		t.Fatal(err)
	}
	flow, total, paid := make([]float64, w.States()), 0.0, 0.0
	for i, x := range rho {
		total += x
		paid += x * r[i]
		for _, m := range w.Moves(i/2, i%2) {
			flow[m.Next] += discount * x * m.P
		}
	}
	near(t, "sum", total, 1, 1e-9)
	for s := range flow {
		near(t, "flow", rho[2*s]+rho[2*s+1], (1-discount)*w.Start[s]+flow[s], 1e-9)
	}
	worth, _ := w.Worth(policy, r, discount, 1e-12)
	near(t, "return", paid/(1-discount), Mean(w, worth), 1e-8)
}

func TestWorldErrors(t *testing.T) {
	w, _ := NewWorld(chain{n: 2, p: 1})
	_, noLevels := NewWorld()
	_, broken := NewWorld(chain{n: 2, p: 1.5})
	_, forever := w.Soft(make([]float64, 6), 1, 1, nil, nil, 1e-6)
	_, nan := w.Soft([]float64{0, math.NaN(), 0, 0, 0, 0}, 0.9, 1, nil, nil, 1e-6)
	_, other := w.Occupancy([]float64{1, 0}, nil, 0.9, 1e-6)
	_, expected := w.Expected(func(_, _, _ int) float64 { return math.Inf(1) })
	for name, c := range map[string]struct {
		err  error
		says string
	}{
		"no levels": {noLevels, "without levels"}, "broken": {broken, "level 0"}, "discount 1": {forever, "less than 1"},
		"NaN": {nan, "action 1 in state 0"}, "another world's policy": {other, "another environment"}, "infinite": {expected, "+Inf"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: %v, want it to say %q", name, c.err, c.says)
		}
	}
}
