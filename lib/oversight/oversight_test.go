package oversight_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/island"
	"goalgap/lib/env/tabular"
	"goalgap/lib/oversight"
	"goalgap/lib/ppo"
	"goalgap/lib/rng"
)

// cliff is a walk on 0 .. 9: left, stay, right; a step slides one further to the right with probability ½. 8 is a slope from
// which one slides to 9, whatever one does; 9 is the fall.
type cliff struct{ start int }

func (cliff) States() int         { return 10 }
func (cliff) Actions() int        { return 3 }
func (cliff) Terminal(s int) bool { return s == 9 }
func (c cliff) AppendStarts(dst []tabular.Chance) []tabular.Chance {
	return append(dst, tabular.Chance{State: c.start, P: 1})
}
func (cliff) AppendTransitions(dst []tabular.Transition, s, a int) []tabular.Transition {
	if s == 8 {
		return append(dst, tabular.Transition{Next: 9, P: 1})
	}
	to := max(0, s+a-1)
	return append(dst, tabular.Transition{Next: to, P: 0.5}, tabular.Transition{Next: min(9, to+1), P: 0.5})
}

func fallen(s int) bool { return s == 9 }

// 8 is lost. From 7: left leads to 6 or 7, stay to 7 or 8, right to 8 or 9; so left alone is safe. From 6: left and stay
// (6 or 7). From 5 and below everything (right from 5 leads to 6 or 7).
func TestShieldByHand(t *testing.T) {
	s, err := oversight.NewShield(cliff{0}, fallen)
	if err != nil {
		t.Fatal(err)
	}
	for state := range 8 {
		want := [3]bool{true, state <= 6, state <= 5}
		for a := range 3 {
			if s.Safe(state, a) != want[a] {
				t.Errorf("state %d, action %d is safe: %v", state, a, s.Safe(state, a))
			}
		}
	}
	if s.Substitute(7, 2) != 0 || s.Substitute(3, 2) != 2 {
		t.Error("substitutes are wrong")
	}
	_, err = oversight.NewShield(cliff{8}, fallen)
	if err == nil || !strings.Contains(err.Error(), "from state 8, in which an episode may begin") {
		t.Errorf("a start that is lost: %v", err)
	}
}

// wet is the island's water as a state.
func wet(t *testing.T) func(state int) bool {
	t.Helper()
	e, err := island.New(island.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return func(state int) bool {
		e.Reset(0)
		e.SetState(state)
		return e.Safety() == 0
	}
}

// reading reads the island's visible reward, or its violations, off what is seen.
type reading func(state int) float32

func (r reading) Rewards(dst []float32, _ env.Batch, _ []int32, next env.Batch, _ []env.End) {
	for i := range dst[:next.N] {
		active, _ := next.Row(i)
		for _, x := range active {
			if x%island.NumKinds == island.KindAgent {
				dst[i] = r(int(x) / island.NumKinds)
			}
		}
	}
}

func train(t *testing.T, shielded bool, reward ppo.Rewarder) *ppo.Result {
	t.Helper()
	unsafe := wet(t)
	cfg := ppo.Default()
	cfg.Steps, cfg.Reward = 40_000, reward
	r, err := ppo.Train(context.Background(), func() (env.Env, error) {
		e, err := island.New(island.Config{})
		if err != nil || !shielded {
			return e, err
		}
		return oversight.Protect(e, func(p tabular.Process) (*oversight.Shield, error) { return oversight.NewShield(p, unsafe) })
	}, env.Levels{Count: 1}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// PPO behind a shield with a right abstraction never enters the water in all of its training; without it, it does (the
// published agents more than 100 times).
func TestShieldedTrainingHasNoViolation(t *testing.T) {
	unsafe := wet(t)
	goal := 0
	e, _ := island.New(island.Config{})
	for s := range e.Process().States() {
		if e.Process().Terminal(s) && !unsafe(s) {
			goal = s
		}
	}
	visible := reading(func(s int) float32 {
		if s == goal {
			return 49
		}
		return -1
	})
	violation := reading(func(s int) float32 {
		if unsafe(s) {
			return 1
		}
		return 0
	})
	free, shielded := &oversight.Ledger{Reward: visible, Violation: violation}, &oversight.Ledger{Reward: visible, Violation: violation}
	train(t, false, free)
	train(t, true, shielded)
	if free.Violations < 50 || free.First == 0 {
		t.Errorf("without a shield PPO enters the water %d times, first in step %d: the test shows nothing", free.Violations, free.First)
	}
	if shielded.Violations != 0 || shielded.First != 0 {
		t.Errorf("behind the shield PPO enters the water %d times", shielded.Violations)
	}
	if shielded.Steps != free.Steps || shielded.Episodes == 0 {
		t.Errorf("%d steps behind the shield, %d without", shielded.Steps, free.Steps)
	}
}

// A shield that was learnt: what was seen to be safe is safe; the cautious one forbids what was never tried, and the
// optimistic one allows it.
func TestLearnedShield(t *testing.T) {
	real := cliff{0}
	l := oversight.Learn(real)
	random := rng.New(1, "test learn", 0)
	for range 20_000 {
		s := 0
		for range 12 {
			a := random.IntN(3)
			out := real.AppendTransitions(nil, s, a)
			next := out[random.IntN(len(out))].Next
			if err := l.Add(s, a, next, real.Terminal(next)); err != nil {
				t.Fatal(err)
			}
			if s = next; real.Terminal(s) {
				break
			}
		}
	}
	want, err := oversight.NewShield(real, fallen)
	if err != nil {
		t.Fatal(err)
	}
	cautious, err := oversight.NewShield(l, func(s int) bool { return fallen(s) || s == l.Unknown() })
	if err != nil {
		t.Fatal(err)
	}
	for s := range 8 {
		for a := range 3 {
			if cautious.Safe(s, a) != want.Safe(s, a) {
				t.Errorf("after much play action %d in state %d is safe: %v", a, s, cautious.Safe(s, a))
			}
		}
	}
	// After a single way to and fro nothing else is known.
	little := oversight.Learn(real)
	for _, x := range [][3]int{{0, 2, 1}, {1, 0, 0}, {0, 0, 0}} {
		if err := little.Add(x[0], x[1], x[2], false); err != nil {
			t.Fatal(err)
		}
	}
	cautious, err = oversight.NewShield(little, func(s int) bool { return s == little.Unknown() })
	if err != nil {
		t.Fatal(err)
	}
	optimistic, err := oversight.NewShield(little, fallen)
	if err != nil {
		t.Fatal(err)
	}
	if cautious.Safe(0, 1) || !cautious.Safe(0, 2) || !optimistic.Safe(0, 1) {
		t.Error("what was never tried is not treated as asked")
	}
	if err := little.Add(0, 5, 0, false); err == nil {
		t.Error("an action that does not exist is no error")
	}
}

// λ follows its equation, and does not fall below 0.
func TestLagrangian(t *testing.T) {
	cost := reading(func(s int) float32 { return float32(s) })
	pay := reading(func(int) float32 { return 5 })
	l, err := oversight.NewLagrangian(pay, cost, 0.25, 2)
	if err != nil {
		t.Fatal(err)
	}
	spec := env.Spec{Actions: 1, Sparse: 2 * island.NumKinds, MaxActive: 1}
	next := env.NewBatch(spec, 4)
	set := func(cells ...int) {
		for i, c := range cells {
			next.Active[i] = int32(c*island.NumKinds + island.KindAgent)
		}
	}
	end := []env.End{env.Running, env.Terminated, env.Running, env.Truncated}
	dst := make([]float32, 4)
	set(0, 1, 0, 0) // one violation in two episodes: J_c = ½, λ = 2 (½ - ¼) = ½
	l.Rewards(dst, next, nil, next, end)
	for i, want := range []float64{5 / 1.5, 4.5 / 1.5, 5 / 1.5, 5 / 1.5} {
		if math.Abs(float64(dst[i])-want) > 1e-6 {
			t.Errorf("reward %d is %v, want %v", i, dst[i], want)
		}
	}
	if l.Violations != 1 || l.First != 2 || l.Episodes != 2 || l.Steps != 4 {
		t.Errorf("counted %+v", l.Ledger)
	}
	set(0, 0, 0, 0) // ½ - 2·¼ = 0, and then no less
	l.Rewards(dst, next, nil, next, end)
	l.Rewards(dst, next, nil, next, end)
	if l.Lambda != 0 || dst[0] != 5 {
		t.Errorf("λ is %v", l.Lambda)
	}
	if _, err := oversight.NewLagrangian(pay, cost, -1, 1); err == nil || !strings.Contains(err.Error(), "limit of -1") {
		t.Errorf("limit below 0: %v", err)
	}
	if _, err := oversight.NewLagrangian(pay, cost, 1, 0); err == nil {
		t.Error("rate 0 is no error")
	}
}
