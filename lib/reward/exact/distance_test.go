package exact

import (
	"math"
	"testing"

	"goalgap/lib/env/tabular"
	"goalgap/lib/rng"
)

// table is a random reward of state, action and next state.
func table(w *tabular.World, seed uint64) tabular.Reward {
	n := w.States()
	random := rng.New(seed, "test table", 0)
	x := make([]float64, n*w.Actions()*n)
	for i := range x {
		x[i] = random.NormFloat64()
	}
	return func(s, a, next int) float64 { return x[(s*w.Actions()+a)*n+next] }
}

// The laws of the distances: shaping, constants and positive factors do not count; opposite rewards are as far apart as can
// be; a distance is symmetric; rewards that differ do differ.
func TestLawsOfDistances(t *testing.T) {
	for seed := range uint64(20) {
		w := world(t, field{side: 3 + int(seed%2), slip: 0.2 * float64(seed%3)})
		random := rng.New(seed, "test laws", 0)
		a, b := table(w, 2*seed), table(w, 2*seed+1)
		potential := make([]float64, w.States())
		for s := range potential {
			potential[s] = 5 * random.NormFloat64()
		}
		scale, constant := math.Exp(3*random.NormFloat64()), 3*random.NormFloat64()
		shaped := func(s, act, next int) float64 {
			return scale*a(s, act, next) + constant + gamma*potential[next] - potential[s]
		}
		against := func(s, act, next int) float64 { return -shaped(s, act, next) }
		zero := func(_, _, _ int) float64 { return 0 }
		for _, d := range []struct {
			name     string
			distance func(a, b tabular.Reward) (float64, error)
			most     float64
		}{
			{"EPIC", func(a, b tabular.Reward) (float64, error) { return EPIC(w, a, b, gamma) }, 1},
			{"STARC", func(a, b tabular.Reward) (float64, error) { return STARC(w, a, b, gamma) }, 2},
		} {
			of := func(a, b tabular.Reward) float64 {
				x, err := d.distance(a, b)
				if err != nil {
					t.Fatal(err)
				}
				return x
			}
			near(t, d.name+" of a reward and itself, shaped and scaled", of(a, shaped), 0, 1e-6)
			near(t, d.name+" of opposite rewards", of(a, against), d.most, 1e-6)
			near(t, d.name+" the other way round", of(b, a), of(a, b), 1e-9)
			if x := of(a, b); !(x > 0.1*d.most && x < 0.9*d.most) {
				t.Errorf("%s of unrelated rewards is %v", d.name, x)
			}
			if of(shaped, b) > of(a, b)+1e-6 || of(shaped, b) < of(a, b)-1e-6 {
				t.Errorf("%s to another reward is %v, and %v after shaping", d.name, of(a, b), of(shaped, b))
			}
			if x := of(a, zero); d.name == "STARC" {
				near(t, "STARC of a reward and nothing", x, 1, 1e-9)
				pure := func(s, _, next int) float64 { return gamma*potential[next] - potential[s] }
				near(t, "STARC of shaping and nothing", of(pure, zero), 0, 0)
			} else if !math.IsNaN(x) {
				t.Errorf("EPIC of a reward and nothing is %v", x)
			}
		}
	}
}

// Redistribution over successors with the same expectation does not count for STARC, and does for EPIC, which is the
// difference that makes STARC's bounds hold.
func TestSTARCIgnoresRedistribution(t *testing.T) {
	w := world(t, field{side: 3, slip: 0.3})
	a := table(w, 1)
	lot := func(s, act, next int) float64 { // fair: expectation 0 under w's moves
		moves := w.Moves(s, act)
		if next == moves[0].Next && len(moves) > 1 && moves[1].Next != next {
			return 4 / moves[0].P
		}
		if len(moves) > 1 && next == moves[1].Next && next != moves[0].Next {
			return -4 / moves[1].P
		}
		return 0
	}
	// Merged moves (against a wall) would break the expectation; take the lot where it is 0.
	fair := func(s, act, next int) float64 {
		sum := 0.0
		for _, m := range w.Moves(s, act) {
			sum += m.P * lot(s, act, m.Next)
		}
		if math.Abs(sum) > 1e-12 {
			return 0
		}
		return lot(s, act, next)
	}
	b := func(s, act, next int) float64 { return a(s, act, next) + fair(s, act, next) }
	d, err := STARC(w, a, b, gamma)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "STARC", d, 0, 1e-6)
	e, err := EPIC(w, a, b, gamma)
	if err != nil {
		t.Fatal(err)
	}
	if e < 0.1 {
		t.Errorf("EPIC is %v", e)
	}
}

// A two-state example by hand: from "here" one stays (0) or goes (1); "there" pays 1 a step for ever. With γ = 0.9, always
// there is worth 10 a start after the first step: 1/(1-γ).
func TestRegretByHand(t *testing.T) {
	w := world(t, field{side: 2, from: []int{0}})
	truth := func(_, _, next int) float64 {
		if next == 1 {
			return 1
		}
		return 0
	}
	opposite := func(s, a, next int) float64 { return -truth(s, a, next) }
	nothing := func(_, _, _ int) float64 { return 7 }
	best, err := Regret(w, truth, truth, gamma)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "best", best.Best, 10, 1e-6)
	near(t, "worst", best.Worst, 0, 1e-6)
	near(t, "regret of the truth", best.Share(), 0, 1e-9)
	// The uniform policy: from 0 half of the time to itself, a quarter to each neighbour; p(1) follows 4 cells of a torus
	// without wrapping, x and y independent and each ½ of staying where it is: p(x=1, y=0) after t steps.
	want := 0.0
	both := [4]float64{1, 0, 0, 0}
	for step := range 2000 {
		var next [4]float64
		for c, p := range both {
			x, y := c%2, c/2
			next[y*2] += p / 4
			next[y*2+1] += p / 4
			next[x] += p / 4
			next[2+x] += p / 4
		}
		both = next
		want += math.Pow(gamma, float64(step)) * both[1]
	}
	near(t, "uniform", best.Uniform, want, 1e-6)
	worst, err := Regret(w, truth, opposite, gamma)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "regret of the opposite", worst.Share(), 1, 1e-6)
	tied, err := Regret(w, truth, nothing, gamma)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "a reward that orders nothing is worth chance", tied.Got, tied.Uniform, 1e-6)
	near(t, "and costs as much", tied.OfUniform(), 1, 1e-6)
}
