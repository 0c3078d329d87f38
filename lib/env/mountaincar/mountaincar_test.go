package mountaincar

import (
	"math"
	"testing"

	"goalgap/lib/env"
)

// The states follow from the formulas of Gymnasium's mountain_car.py, evaluated by Python.
func TestStepFollowsGymnasium(t *testing.T) {
	e := New()
	e.SetState(State{Position: -0.5})
	for i, want := range []struct {
		action int
		state  State
	}{
		{2, State{-0.49917684300416926, 0.0008231569958307428}},
		{2, State{-0.49753668667935325, 0.0016401563248160246}},
		{2, State{-0.4950917969323474, 0.002444889747005863}},
		{1, State{-0.4928604490016134, 0.0022313479307339793}},
		{0, State{-0.4918593119261084, 0.0010011370755050523}},
		{0, State{-0.49209586128220034, -0.00023654935609193888}},
		{0, State{-0.49356833092651015, -0.0014724696443098105}},
		{0, State{-0.496265724353783, -0.002697393427272877}},
		{1, State{-0.499167886013057, -0.002902161659273994}},
		{2, State{-0.5012531153404935, -0.0020852293274365124}},
		{2, State{-0.5025058116225263, -0.001252696282032765}},
		{2, State{-0.502916599579476, -0.0004107879569496749}},
	} {
		reward, end := e.Step(want.action)
		got := e.State()
		if math.Abs(got.Position-want.state.Position) > 1e-14 || math.Abs(got.Velocity-want.state.Velocity) > 1e-14 {
			t.Errorf("step %d: %+v, want %+v", i+1, got, want.state)
		}
		if reward != -1 || end != env.Running {
			t.Errorf("step %d: reward %v, %v", i+1, reward, end)
		}
	}
}

func TestLimitsAndEnds(t *testing.T) {
	// At -π/2·(1/3) = -0.5236 gravity pulls nowhere.
	for _, c := range []struct {
		name   string
		state  State
		action int
		want   State
		end    env.End
	}{
		{"top speed to the right", State{-math.Pi / 6, 0.07}, Right, State{-math.Pi/6 + 0.07, 0.07}, env.Running},
		{"top speed to the left", State{-math.Pi / 6, -0.07}, Left, State{-math.Pi/6 - 0.07, -0.07}, env.Running},
		{"into the wall", State{-1.19, -0.05}, Left, State{-1.2, 0}, env.Running},
		{"at the flag", State{0.45, 0.06}, Right, State{0.45 + 0.061 - 0.0025*math.Cos(1.35), 0.061 - 0.0025*math.Cos(1.35)}, env.Terminated},
		{"beyond the flag", State{0.59, 0.07}, Right, State{0.6, 0.07}, env.Terminated},
		{"rolling back past the flag", State{0.55, -0.01}, Left, State{0.55 - 0.011 - 0.0025*math.Cos(1.65), -0.011 - 0.0025*math.Cos(1.65)}, env.Running},
	} {
		e := New()
		e.SetState(c.state)
		reward, end := e.Step(c.action)
		got := e.State()
		if math.Abs(got.Position-c.want.Position) > 1e-12 || math.Abs(got.Velocity-c.want.Velocity) > 1e-12 || end != c.end || reward != -1 {
			t.Errorf("%s: %+v, %v, reward %v; want %+v, %v, -1", c.name, got, end, reward, c.want, c.end)
		}
	}
	e := New()
	for i := 1; i <= MaxSteps; i++ {
		_, end := e.Step(Coast)
		if want := i == MaxSteps; (end == env.Truncated) != want {
			t.Fatalf("step %d: %v", i, end)
		}
	}
}

// The engine alone does not climb the hill; pushing the way that the car moves does (Sutton and Barto 2018, example
// 10.1).
func TestSwingingClimbsTheHill(t *testing.T) {
	play := func(level int64, policy func(State) int) (steps int, end env.End) {
		e := New()
		e.Reset(level)
		for end == env.Running {
			_, end = e.Step(policy(e.State()))
			steps++
		}
		return steps, end
	}
	for level := range int64(100) {
		if _, end := play(level, func(State) int { return Right }); end != env.Truncated {
			t.Fatalf("level %d: pushing to the right reaches the flag", level)
		}
		swing := func(s State) int {
			if s.Velocity < 0 {
				return Left
			}
			return Right
		}
		if steps, end := play(level, swing); end != env.Terminated {
			t.Errorf("level %d: swinging does not reach the flag in %d steps", level, steps)
		}
	}
}

func TestLevelsAreFunctionsOfTheirSeed(t *testing.T) {
	a, b := New(), New()
	var sum, squares float64
	const n = 20000
	for seed := range int64(n) {
		a.Reset(seed)
		b.Step(Left)
		b.Reset(seed)
		s := a.State()
		if s != b.State() || s.Velocity != 0 || s.Position < -0.6 || s.Position > -0.4 {
			t.Fatalf("level %d starts at %v and at %v", seed, s, b.State())
		}
		sum += s.Position + 0.5
		squares += (s.Position + 0.5) * (s.Position + 0.5)
	}
	// Uniform in -0.5 ± 0.1: standard error 0.1/√3/√n, variance 0.1²/3.
	if mean := sum / n; math.Abs(mean) > 5*0.1/math.Sqrt(3*n) {
		t.Errorf("the mean of the starting positions is off by %v", mean)
	}
	if v := squares / n; math.Abs(v/(0.1*0.1/3)-1) > 0.04 {
		t.Errorf("variance of the starting positions is %v, want %v", v, 0.1*0.1/3)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	e := New()
	dense := make([]float32, 2)
	seed := int64(0)
	if n := testing.AllocsPerRun(100, func() {
		e.Reset(seed)
		e.Step(Left)
		e.Observe(nil, dense)
		seed++
	}); n != 0 {
		t.Errorf("%v allocations an episode", n)
	}
}

func BenchmarkStep(b *testing.B) {
	e := New()
	for i := 0; b.Loop(); i++ {
		if _, end := e.Step(i % 3); end != env.Running {
			e.Reset(int64(i))
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "steps/s")
}
