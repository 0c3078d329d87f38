package tabular

import (
	"math"
	"strings"
	"testing"
)

// chain is the walk on 0 .. n: right moves one up with probability p and stays otherwise, left moves one down (not
// below 0). n is terminal and pays 1; every step costs cost.
type chain struct {
	n       int
	p, cost float64
}

func (c chain) States() int         { return c.n + 1 }
func (c chain) Actions() int        { return 2 }
func (c chain) Terminal(s int) bool { return s == c.n }
func (c chain) AppendStarts(dst []Chance) []Chance {
	return append(dst, Chance{0, 0.25}, Chance{c.n - 1, 0.75})
}

func (c chain) AppendTransitions(dst []Transition, s, a int) []Transition {
	if a == 0 {
		return append(dst, Transition{max(s-1, 0), 1, -c.cost})
	}
	up := Transition{s + 1, c.p, -c.cost}
	if s+1 == c.n {
		up.Reward++
	}
	return append(dst, up, Transition{s, 1 - c.p, -c.cost})
}

func near(t *testing.T, what string, got, want, precision float64) {
	t.Helper()
	if !(math.Abs(got-want) <= precision) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// Without chance the end is d = n-s steps away: γ^(d-1) less the costs of d steps, or nothing at all if the costs
// outweigh it or there are too few steps.
func TestSolveWithoutChance(t *testing.T) {
	const n, discount, cost = 6, 0.9, 0.01
	for steps := 1; steps <= 8; steps++ {
		plan, err := Solve(chain{n: n, p: 1, cost: cost}, steps, discount, nil)
		if err != nil {
			t.Fatal(err)
		}
		for s := range n {
			d, want := n-s, 0.0
			k := steps // steps that are paid for
			if d <= steps {
				want, k = math.Pow(discount, float64(d-1)), d
			}
			want -= cost * (1 - math.Pow(discount, float64(k))) / (1 - discount)
			near(t, "value", plan.Value[s], want, 1e-12)
			if d <= steps && plan.Best(steps, s) != 1 {
				t.Errorf("%d steps left in state %d: action %d", steps, s, plan.Best(steps, s))
			}
		}
		if plan.Value[n] != 0 || plan.Best(steps, n) != -1 {
			t.Errorf("the terminal state is worth %v, action %d", plan.Value[n], plan.Best(steps, n))
		}
	}
}

// With chance p a step up takes a geometric time, so each of d steps up multiplies the value by the generating
// function γp / (1 - γ(1-p)); the last one pays before it is discounted.
func TestSolveForeverWithChance(t *testing.T) {
	const n, p, discount = 5, 0.3, 0.95
	plan, err := SolveForever(chain{n: n, p: p}, discount, 1e-10)
	if err != nil {
		t.Fatal(err)
	}
	g := discount * p / (1 - discount*(1-p))
	for s := range n {
		near(t, "value", plan.Value[s], math.Pow(g, float64(n-s))/discount, 1e-10)
	}
	near(t, "mean over the starts", Mean(chain{n: n, p: p}, plan.Value), 0.25*plan.Value[0]+0.75*plan.Value[n-1], 1e-15)

	// The probability of n-1 or fewer ups in n+2 tries, undiscounted: the binomial distribution.
	limited, err := Solve(chain{n: n, p: p}, n+2, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := 0.0
	for k := n; k <= n+2; k++ {
		choose := map[int]float64{5: 21, 6: 7, 7: 1}[k] // of 7
		want += choose * math.Pow(p, float64(k)) * math.Pow(1-p, float64(n+2-k))
	}
	near(t, "chance to arrive in time", limited.Value[0], want, 1e-12)

	// A plan for ever, followed in a process that stops, is worth the same if going up is best in both.
	again, err := Evaluate(chain{n: n, p: p}, plan.Policy(), n+2, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "the plan for ever in 7 steps", again[0], want, 1e-12)
}

// The gambler's ruin: a fair walk from s on 0 .. n is at n before 0 with probability s/n, and lasts s(n-s) steps.
type gambler struct{ n int }

func (g gambler) States() int                        { return g.n + 1 }
func (g gambler) Actions() int                       { return 2 }
func (g gambler) Terminal(s int) bool                { return s == 0 || s == g.n }
func (g gambler) AppendStarts(dst []Chance) []Chance { return append(dst, Chance{g.n / 2, 1}) }
func (g gambler) AppendTransitions(dst []Transition, s, a int) []Transition {
	return append(dst, Transition{s + 2*a - 1, 1, 0})
}

func TestEvaluateAndWithReward(t *testing.T) {
	g := gambler{8}
	const long = 4000
	wins, err := Evaluate(WithReward(g, func(_, _, next int) float64 {
		if next == g.n {
			return 1
		}
		return 0
	}), Uniform, long, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	lasts, err := Evaluate(WithReward(g, func(_, _, _ int) float64 { return 1 }), Uniform, long, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	for s := 1; s < g.n; s++ {
		near(t, "chance to win", wins[s], float64(s)/float64(g.n), 1e-9)
		near(t, "length", lasts[s], float64(s*(g.n-s)), 1e-9)
	}
}

// Two halves solved one after the other are the whole.
func TestFinalValuesJoinTwoPhases(t *testing.T) {
	c := chain{n: 5, p: 0.4, cost: 0.02}
	whole, err := Solve(c, 9, 0.9, nil)
	if err != nil {
		t.Fatal(err)
	}
	late, err := Solve(c, 4, 0.9, nil)
	if err != nil {
		t.Fatal(err)
	}
	early, err := Solve(c, 5, 0.9, late.Value)
	if err != nil {
		t.Fatal(err)
	}
	for s, v := range whole.Value {
		near(t, "value", early.Value[s], v, 1e-15)
	}
}

func TestReachable(t *testing.T) {
	seen, err := Reachable(chain{n: 6, p: 0})
	if err != nil {
		t.Fatal(err)
	}
	for s, r := range seen { // from n-1 down by left; n only by right, which never succeeds
		if r != (s != 6) {
			t.Errorf("state %d: reachable is %v", s, r)
		}
	}
}

// wrong is a chain with one transition replaced.
type wrong struct {
	chain
	with []Transition
}

func (w wrong) AppendTransitions(dst []Transition, s, a int) []Transition {
	if s == 1 && a == 1 {
		return append(dst, w.with...)
	}
	return w.chain.AppendTransitions(dst, s, a)
}

func TestErrorsNameWhatIsWrong(t *testing.T) {
	c := chain{n: 3, p: 1}
	solve := func(p Process, steps int, discount float64, final []float64) error {
		_, err := Solve(p, steps, discount, final)
		return err
	}
	forever := func(discount, precision float64) error {
		_, err := SolveForever(c, discount, precision)
		return err
	}
	for _, x := range []struct {
		err  error
		says string
	}{
		{solve(c, 0, 1, nil), "0 steps"},
		{solve(c, 1, 1.1, nil), "discount 1.1"},
		{solve(c, 1, math.NaN(), nil), "discount NaN"},
		{solve(c, 1, 1, make([]float64, 3)), "3 final values for 4 states"},
		{solve(wrong{c, nil}, 1, 1, nil), "state 1, action 1: probabilities sum to 0"},
		{solve(wrong{c, []Transition{{4, 1, 0}}}, 1, 1, nil), "state 4"},
		{solve(wrong{c, []Transition{{1, 1.5, 0}, {2, -0.5, 0}}}, 1, 1, nil), "probability -0.5"},
		{solve(wrong{c, []Transition{{1, 1, math.NaN()}}}, 1, 1, nil), "reward NaN"},
		{forever(1, 1e-6), "discount 1"},
		{forever(0.9, 0), "precision of 0"},
	} {
		if x.err == nil || !strings.Contains(x.err.Error(), x.says) {
			t.Errorf("error %v does not say %q", x.err, x.says)
		}
	}
}
