package acrobot

import (
	"math"
	"testing"

	"goalgap/lib/env"
)

// The states were computed by NumPy from the general equation of motion M(q) q̈ + C(q, q̇) + G(q) = (0, torque) of a
// two-link arm, solved as a linear system, with the Runge-Kutta step of 0.2 s.
func TestStepFollowsTheEquationOfMotion(t *testing.T) {
	e := New()
	e.SetState(State{0.05, -0.08, 0.02, -0.03})
	for i, want := range []struct {
		action int
		state  State
	}{
		{2, State{0.033011923576428064, -0.03858453049266403, -0.1849175775436738, 0.4339824833419693}},
		{2, State{-0.01986140407074976, 0.08527670760855247, -0.32885929053381424, 0.7743447362785508}},
		{2, State{-0.09098664558576522, 0.25584851711420353, -0.36224077425025464, 0.8902475569386568}},
		{0, State{-0.13073363332435473, 0.3575188532615423, -0.02603607274084324, 0.10722730440175787}},
		{0, State{-0.10079860698052526, 0.2971409566473853, 0.3180295990584151, -0.6976419537225381}},
		{0, State{-0.009759881292165984, 0.09044399386599747, 0.5681764681488988, -1.3214435653245076}},
		{2, State{0.08710828492764326, -0.13697465381575574, 0.37345857746103145, -0.8978109403950182}},
		{2, State{0.1312763798865216, -0.2516859888200288, 0.057010309703334205, -0.22553337876323598}},
		{1, State{0.12160802862403966, -0.2575095208059035, -0.15159552154530923, 0.16631702642775636}},
		{0, State{0.08653451025454946, -0.22300941252639048, -0.19101214479171796, 0.16756009465271932}},
		{0, State{0.04875710007985234, -0.19517868243780456, -0.17830496298896595, 0.10028251555586348}},
		{0, State{0.018414729354235857, -0.1865711075581993, -0.11879309964979173, -0.020233005168783846}},
		{2, State{-0.02315337768626378, -0.13638655770888836, -0.28685191097819795, 0.507054575300127}},
		{2, State{-0.09047615353971726, 0.005889733725718049, -0.3682564091625258, 0.8806174301799273}},
		{2, State{-0.16200762956876266, 0.19862198983228135, -0.3259814845982544, 1.0014908748864653}},
	} {
		reward, end := e.Step(want.action)
		got := e.State()
		for _, d := range []float64{
			got.Angle1 - want.state.Angle1, got.Angle2 - want.state.Angle2, got.Rate1 - want.state.Rate1, got.Rate2 - want.state.Rate2,
		} {
			if math.Abs(d) > 1e-12 {
				t.Fatalf("step %d: %+v, want %+v", i+1, got, want.state)
			}
		}
		if reward != -1 || end != env.Running {
			t.Errorf("step %d: reward %v, %v", i+1, reward, end)
		}
	}
	// From here the same computation gives angles 2.0263 and 9.5377, rates -22.07 and 61.68, before they are brought
	// into range: 9.5377 - 2π = 3.2545 is still beyond π.
	e.SetState(State{3, 3, 5, 20})
	e.Step(2)
	want := State{2.02625475, 9.53765414 - 4*math.Pi, -4 * math.Pi, 9 * math.Pi}
	if got := e.State(); math.Abs(got.Angle1-want.Angle1) > 1e-8 || math.Abs(got.Angle2-want.Angle2) > 1e-8 || got.Rate1 != want.Rate1 || got.Rate2 != want.Rate2 {
		t.Errorf("out of range: %+v, want %+v", got, want)
	}
}

// Without torque nothing changes the sum of kinetic and potential energy but the error of the integration, which falls
// with the fourth power of the step.
func TestEnergyIsConserved(t *testing.T) {
	energy := func(s State) float64 {
		// The velocities of the two centres of mass, from their positions' derivatives.
		x1, y1 := center*math.Cos(s.Angle1)*s.Rate1, center*math.Sin(s.Angle1)*s.Rate1
		both, rate := s.Angle1+s.Angle2, s.Rate1+s.Rate2
		x2 := length*math.Cos(s.Angle1)*s.Rate1 + center*math.Cos(both)*rate
		y2 := length*math.Sin(s.Angle1)*s.Rate1 + center*math.Sin(both)*rate
		kinetic := mass/2*(x1*x1+y1*y1+x2*x2+y2*y2) + inertia/2*(s.Rate1*s.Rate1+rate*rate)
		return kinetic - mass*gravity*(center*math.Cos(s.Angle1)+length*math.Cos(s.Angle1)+center*math.Cos(both))
	}
	e := New()
	for level := range int64(200) {
		e.Reset(level)
		s := e.State()
		e.SetState(State{5 * s.Angle1, 10 * s.Angle2, 10 * s.Rate1, 10 * s.Rate2})
		before := energy(e.State())
		for range 10 {
			if _, end := e.Step(1); end != env.Running {
				t.Fatalf("level %d ends", level)
			}
		}
		if after := energy(e.State()); math.Abs(after-before) > 0.02 {
			t.Errorf("level %d: energy %v after 2 s, %v before", level, after, before)
		}
	}
}

func TestEpisodeEnds(t *testing.T) {
	for _, c := range []struct {
		name   string
		state  State
		reward float32
		want   env.End
	}{
		{"hanging", State{}, -1, env.Running},
		{"upright, both links", State{Angle1: math.Pi}, 0, env.Terminated},
		{"at the height of the fixed point", State{Angle1: math.Pi, Angle2: math.Pi}, -1, env.Running},
		{"horizontal", State{Angle1: math.Pi / 2}, -1, env.Running},
	} {
		e := New()
		e.SetState(c.state)
		if reward, end := e.Step(1); reward != c.reward || end != c.want {
			t.Errorf("%s: reward %v, %v; want %v, %v", c.name, reward, end, c.reward, c.want)
		}
	}
	e := New()
	for i := 1; i <= MaxSteps; i++ {
		e.SetState(State{})
		reward, end := e.Step(1)
		if want := i == MaxSteps; (end == env.Truncated) != want || reward != -1 {
			t.Fatalf("step %d: reward %v, %v", i, reward, end)
		}
	}
}

func TestObservation(t *testing.T) {
	e := New()
	e.SetState(State{Angle1: math.Pi / 6, Angle2: -math.Pi / 2, Rate1: 1.5, Rate2: -2.5})
	got := make([]float32, 6)
	e.Observe(nil, got)
	for i, want := range []float64{math.Sqrt(3) / 2, 0.5, 0, -1, 1.5, -2.5} {
		if math.Abs(float64(got[i])-want) > 1e-7 {
			t.Errorf("feature %d is %v, want %v", i, got[i], want)
		}
	}
}

func TestLevelsAreFunctionsOfTheirSeed(t *testing.T) {
	a, b := New(), New()
	var sum, squares float64
	const n = 20000
	for seed := range int64(n) {
		a.Reset(seed)
		b.Step(0)
		b.Reset(seed)
		s := a.State()
		if s != b.State() {
			t.Fatalf("level %d starts at %v and at %v", seed, s, b.State())
		}
		for _, x := range []float64{s.Angle1, s.Angle2, s.Rate1, s.Rate2} {
			if math.Abs(x) > 0.1 {
				t.Fatalf("level %d starts at %v", seed, s)
			}
			sum += x
			squares += x * x
		}
	}
	// Uniform in ±0.1: mean 0 with standard error 0.1/√3/√(4n), variance 0.1²/3.
	if mean := sum / (4 * n); math.Abs(mean) > 5*0.1/math.Sqrt(3*4*n) {
		t.Errorf("mean of the starting states is %v", mean)
	}
	if v := squares / (4 * n); math.Abs(v/(0.1*0.1/3)-1) > 0.02 {
		t.Errorf("variance of the starting states is %v, want %v", v, 0.1*0.1/3)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	e := New()
	dense := make([]float32, 6)
	seed := int64(0)
	if n := testing.AllocsPerRun(100, func() {
		e.Reset(seed)
		e.Step(0)
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
