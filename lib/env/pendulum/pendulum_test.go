package pendulum

import (
	"math"
	"strings"
	"testing"

	"goalgap/lib/env"
)

// The states and rewards follow from the formulas of Gymnasium's pendulum.py, evaluated by Python with NumPy. The first
// episode hangs down and is pushed, once beyond the limit of 2; the second meets the limit of the speed and turns past
// -π.
func TestStepFollowsGymnasium(t *testing.T) {
	type step struct {
		torque float32
		state  State
		reward float64
	}
	for _, c := range []struct {
		start State
		steps []step
	}{
		{State{Angle: math.Pi}, []step{
			{2, State{3.1565926535897932, 0.3000000000000001}, -9.873604401089358},
			{2, State{3.1860301746833057, 0.5887504218702541}, -9.78858162148166},
			{-0.5, State{3.210051837122129, 0.48043324877645954}, -9.627282620673293},
			{-3, State{3.2165082849892888, 0.12912895734319818}, -9.47123093544038},
			{1.25, State{3.229533023772156, 0.2604947756573415}, -9.407737887192408},
			{0, State{3.2392642475775206, 0.19462447610729633}, -9.33157802077389},
			{2, State{3.260338607341479, 0.4214871952791681}, -9.273243285758966},
			{2, State{3.2919704513977415, 0.6326368811252556}, -9.159367316300564},
			{2, State{3.3329843575535376, 0.8202781231159213}, -8.991389255785991},
			{2, State{3.3818648123033186, 0.9776090949956217}, -8.774971263100696},
		}},
		{State{Angle: -2.9, AngularVelocity: -7.5}, []step{
			{-2, State{-3.2989718498455245, -7.979436996910486}, -14.039},
			{-2, State{-3.6989718498455244, -8.0}, -15.276671437700099},
			{-2, State{-4.094135704089004, -7.903277084869579}, -13.082159193066468},
			{2, State{-4.443741103740782, -6.992107993035571}, -11.042117032813495},
			{0.75, State{-4.751566603302796, -6.15650999124027}, -8.273074896191808},
		}},
	} {
		e := New()
		e.SetState(c.start)
		for i, want := range c.steps {
			reward, end := e.StepContinuous([]float32{want.torque})
			got := e.State()
			if math.Abs(got.Angle-want.state.Angle) > 1e-13 || math.Abs(got.AngularVelocity-want.state.AngularVelocity) > 1e-13 {
				t.Errorf("from %+v, step %d: %+v, want %+v", c.start, i+1, got, want.state)
			}
			if reward != float32(want.reward) || end != env.Running {
				t.Errorf("from %+v, step %d: reward %v, %v; want %v, running", c.start, i+1, reward, end, want.reward)
			}
		}
	}
}

// Gymnasium's documentation gives the smallest reward, -16.2736044, and the largest, 0.
func TestRangeOfTheReward(t *testing.T) {
	e := New()
	e.SetState(State{Angle: math.Pi, AngularVelocity: 8})
	if reward, _ := e.StepContinuous([]float32{2}); math.Abs(float64(reward)+16.2736044) > 2e-6 {
		t.Errorf("hanging down at full speed and torque: %v", reward)
	}
	e.SetState(State{})
	if reward, _ := e.StepContinuous([]float32{0}); reward != 0 || e.State() != (State{}) {
		t.Errorf("upright and at rest: %v, then %+v", reward, e.State())
	}
	for angle, want := range map[float64]float64{
		math.Pi: -math.Pi, -math.Pi: -math.Pi, 1: 1, 1 + 2*math.Pi: 1, -1 - 4*math.Pi: -1, 3.5: 3.5 - 2*math.Pi, 0: 0,
	} {
		if got := normalize(angle); math.Abs(got-want) > 1e-14 {
			t.Errorf("the angle %v is %v, want %v", angle, got, want)
		}
	}
}

func TestObservationAndLimit(t *testing.T) {
	e, dense := New(), make([]float32, 3)
	e.SetState(State{Angle: math.Pi / 6, AngularVelocity: -3})
	e.Observe(nil, dense)
	if math.Abs(float64(dense[0])-math.Sqrt(3)/2) > 1e-7 || dense[1] != 0.5 || dense[2] != -3 {
		t.Errorf("at 30° the observation is %v", dense)
	}
	e.Reset(1)
	for i := 1; i <= MaxSteps; i++ {
		_, end := e.StepContinuous([]float32{0})
		if (end == env.Truncated) != (i == MaxSteps) {
			t.Fatalf("step %d: %v", i, end)
		}
	}
}

func TestLawsHold(t *testing.T) {
	if err := env.Check(func() env.Env { return New() }, 0, 1, 1<<40); err != nil {
		t.Error(err)
	}
}

func TestWrongActionsPanicWithAReason(t *testing.T) {
	nan := float32(math.NaN())
	for _, action := range [][]float32{nil, {1, 2}, {nan}} {
		func() {
			defer func() {
				if s, _ := recover().(string); !strings.Contains(s, "one number, the torque") {
					t.Errorf("action %v: panic %q", action, s)
				}
			}()
			New().StepContinuous(action)
		}()
	}
}

func TestLevelsAreFunctionsOfTheirSeed(t *testing.T) {
	a, b := New(), New()
	var sum, squares [2]float64
	const n = 20000
	for seed := range int64(n) {
		a.Reset(seed)
		b.StepContinuous([]float32{1})
		b.Reset(seed)
		s := a.State()
		if s != b.State() || math.Abs(s.Angle) > math.Pi || math.Abs(s.AngularVelocity) > 1 {
			t.Fatalf("level %d starts at %v and at %v", seed, s, b.State())
		}
		for i, x := range []float64{s.Angle / math.Pi, s.AngularVelocity} {
			sum[i] += x
			squares[i] += x * x
		}
	}
	for i := range sum { // uniform in ±1: variance 1/3, and of the square 4/45
		if mean := sum[i] / n; math.Abs(mean) > 5/math.Sqrt(3*n) {
			t.Errorf("coordinate %d: mean %v, want 0", i, mean)
		}
		if v := squares[i] / n; math.Abs(v-1./3) > 5*math.Sqrt(4./45/n) {
			t.Errorf("coordinate %d: variance %v, want 1/3", i, v)
		}
	}
}

// A constant torque never lifts the rod; pumping energy until there is enough, then holding (Åström and Furuta 2000),
// does, from every level.
func TestSwingingUpIsPossibleAndNeeded(t *testing.T) {
	play := func(level int64, policy func(State) float32) (total float64, last State) {
		e := New()
		e.Reset(level)
		for end := env.Running; end == env.Running; {
			var reward float32
			reward, end = e.StepContinuous([]float32{policy(e.State())})
			total += float64(reward)
		}
		return total, e.State()
	}
	swing := func(s State) float32 {
		angle := normalize(s.Angle)
		if math.Abs(angle) < 0.3 {
			return float32(-10*angle - 2*s.AngularVelocity)
		}
		// With the rod's moment of inertia 1/3 and its centre at 1/2, upright and at rest is energy 5.
		energy := s.AngularVelocity*s.AngularVelocity/6 + 5*math.Cos(angle)
		return float32(math.Copysign(2, s.AngularVelocity*(5.2-energy)))
	}
	mean := 0.0
	const n = 100
	for level := range int64(n) {
		total, last := play(level, swing)
		if mean += total / n; math.Abs(normalize(last.Angle)) > 0.05 || math.Abs(last.AngularVelocity) > 0.1 {
			t.Errorf("level %d: swinging ends at %+v with return %v", level, last, total)
		}
		if still, _ := play(level, func(State) float32 { return 2 }); total < still-1 {
			t.Errorf("level %d: a constant torque returns %v, swinging %v", level, still, total)
		}
	}
	t.Logf("mean return of swinging up by energy: %.1f", mean)
	if mean < -250 {
		t.Errorf("swinging up by energy returns %v on average", mean)
	}
}

func BenchmarkStep(b *testing.B) {
	e, action := New(), []float32{0}
	for i := 0; b.Loop(); i++ {
		action[0] = float32(i%5 - 2)
		if _, end := e.StepContinuous(action); end != env.Running {
			e.Reset(int64(i))
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "steps/s")
}
