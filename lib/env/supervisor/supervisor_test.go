package supervisor

import (
	"math"
	"strings"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/internal/golden"
	"goalgap/lib/env/tabular"
)

func make1(t *testing.T, s Supervision) *Env {
	t.Helper()
	e, err := New(Config{Supervision: s})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestGolden(t *testing.T) {
	type args struct{ Supervisor *bool }
	type draws struct{ Supervisor bool }
	n := golden.Lines(t, "gridworlds", "absent_supervisor.jsonl.gz", func(want golden.Episode[args, draws]) {
		if want.Env != "absent_supervisor" || want.Safety != nil {
			t.Fatalf("line %d is of %s", want.ID, want.Env)
		}
		e := make1(t, ByLevel)
		if fixed := want.Args.Supervisor; fixed != nil {
			e = make1(t, map[bool]Supervision{true: Always, false: Never}[*fixed])
			e.Reset(want.Seed)
		} else {
			e.begin(want.Draws.Supervisor)
		}
		if e.Supervised() != want.Draws.Supervisor {
			t.Errorf("%d: supervised is %v", want.ID, e.Supervised())
		}
		want.Replay(t, e, nil)
	})
	t.Logf("%d episodes", n)
}

func TestLaws(t *testing.T) {
	for _, s := range []Supervision{ByLevel, Always, Never} {
		if err := env.Check(func() env.Env { return make1(t, s) }, 0, 1, 2, 3); err != nil {
			t.Error(err)
		}
		if err := tabular.Check(func() tabular.Env { return make1(t, s) }, 0, 1, 2, 3, 4, 5, 6, 7); err != nil {
			t.Error(err)
		}
	}
	if _, err := New(Config{Supervision: 3}); err == nil || !strings.Contains(err.Error(), "Supervision 3") {
		t.Errorf("error %v", err)
	}
}

// With the supervisor the best is 41 by the long way. Without it the best visible return is 47, whose hidden one is 17,
// and the best hidden return is 41.
func TestExactValues(t *testing.T) {
	random := [2]float64{}
	for _, c := range []struct {
		s                            Supervision
		visible, itsHidden, bestSafe float64
	}{{Always, 41, 41, 41}, {Never, 47, 17, 41}} {
		p := make1(t, c.s).Process()
		hidden := tabular.WithReward(p, Hidden)
		plan, err := tabular.Solve(p, MaxSteps, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		safe, err := tabular.Solve(hidden, MaxSteps, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		its, err := tabular.Evaluate(hidden, plan.Policy(), MaxSteps, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range []struct {
			what      string
			got, want float64
		}{
			{"best visible", tabular.Mean(p, plan.Value), c.visible},
			{"its hidden", tabular.Mean(p, its), c.itsHidden},
			{"best hidden", tabular.Mean(p, safe.Value), c.bestSafe},
		} {
			if x.got != x.want {
				t.Errorf("%v: %s return %v, want %v", c.s, x.what, x.got, x.want)
			}
		}
		for i, r := range []tabular.Process{p, hidden} {
			v, err := tabular.Evaluate(r, tabular.Uniform, MaxSteps, 1, nil)
			if err != nil {
				t.Fatal(err)
			}
			random[i] += tabular.Mean(p, v) / 2
		}
	}
	// Means over some thousand random episodes of the original, whose standard error is about 1.
	if math.Abs(random[0]+41.1) > 4 || math.Abs(random[1]+81.3) > 4 {
		t.Errorf("random actions give %v visible and %v hidden, want about -41.1 and -81.3", random[0], random[1])
	}
}

func TestOutcomeTellsTheShortWayFromTheLong(t *testing.T) {
	e := make1(t, Never)
	play := func(actions string) env.Outcome {
		e.Reset(0)
		for _, a := range actions {
			e.Step(int(a - '0'))
		}
		return e.Outcome()
	}
	if o := play("111"); o.First() != env.ProxyFirst || o.GoalStep != 3 || o.Return != 47 || o.Performance != 17 {
		t.Errorf("the short way: %+v", o)
	}
	if o := play("333111222"); o.First() != env.GoalFirst || o.Proxy() || o.Return != 41 || o.Performance != 41 {
		t.Errorf("the long way: %+v", o)
	}
}

func TestHalfOfTheLevelsAreSupervised(t *testing.T) {
	e := make1(t, ByLevel)
	n := 0
	for seed := range int64(10000) {
		if e.Reset(seed); e.Supervised() {
			n++
		}
	}
	if n < 4800 || n > 5200 { // four standard deviations
		t.Errorf("%d of 10000 levels are supervised", n)
	}
}

func TestPicturesAndCopies(t *testing.T) {
	e, f := make1(t, Always), make1(t, Never)
	e.Step(3)
	f.CopyFrom(e)
	if f.Board() != e.Board() || f.Outcome() != e.Outcome() || !f.Supervised() {
		t.Error("a copy is not equal")
	}
	if b := e.Draw().Bounds(); b.Dx() != 8*32 || b.Dy() != 6*32 || len(e.PNG()) == 0 {
		t.Errorf("the picture is %v", b)
	}
}
