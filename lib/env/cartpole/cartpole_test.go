package cartpole

import (
	"math"
	"testing"

	"goalgap/lib/env"
)

// The states follow from the formulas of Gymnasium's cartpole.py, evaluated by Python in the source's order.
func TestStepFollowsGymnasium(t *testing.T) {
	e := New()
	e.SetState(State{0.01, -0.02, 0.03, 0.04})
	for i, want := range []struct {
		action int
		state  [4]float64
	}{
		{1, [4]float64{0.009600000000000001, 0.17467919574755525, 0.030799999999999998, -0.2430687179600081}},
		{1, [4]float64{0.013093583914951107, 0.3693479760579556, 0.025938625640799837, -0.5258796280501483}},
		{0, [4]float64{0.02048054343611022, 0.17387081260481596, 0.01542103307979687, -0.22513741609237464}},
		{1, [4]float64{0.02395795968820654, 0.3687690101747617, 0.010918284757949377, -0.5129163478026587}},
		{0, [4]float64{0.03133333989170178, 0.17349499275068458, 0.0006599578018962032, -0.21681286835696195}},
		{0, [4]float64{0.03480323974671547, -0.021636386741578473, -0.0036762995652430356, 0.07607816471983775}},
		{1, [4]float64{0.034370512011883896, 0.17353807374944197, -0.0021547362708462803, -0.21776237729324466}},
		{1, [4]float64{0.03784127348687273, 0.3686907609605089, -0.006509983816711174, -0.5111242205294209}},
		{1, [4]float64{0.04521508870608291, 0.5639038076688638, -0.016732468227299593, -0.8058515075068}},
		{1, [4]float64{0.05649316485946018, 0.7592510801790568, -0.032849498377435594, -1.103750514005091}},
		{1, [4]float64{0.07167818646304132, 0.9547893324295418, -0.05492450865753741, -1.4065556698351995}},
		{1, [4]float64{0.09077397311163216, 1.1505482720127942, -0.0830556220542414, -1.7158909687234352}},
		{1, [4]float64{0.11378493855188804, 1.3465189027777447, -0.1173734414287101, -2.033223897413813}},
		{1, [4]float64{0.14071531660744294, 1.5426396514522087, -0.15803791937698636, -2.359809562419967}},
		{1, [4]float64{0.1715681096364871, 1.7387800413871903, -0.2052341106253857, -2.696623667764392}},
	} {
		reward, end := e.Step(want.action)
		s := e.State()
		got := [4]float64{s.Position, s.Velocity, s.Angle, s.AngularVelocity}
		for j := range got {
			if math.Abs(got[j]-want.state[j]) > 1e-13 {
				t.Errorf("step %d: part %d of the state is %v, want %v", i+1, j, got[j], want.state[j])
			}
		}
		if reward != 1 || end != env.Running {
			t.Errorf("step %d: reward %v, %v", i+1, reward, end)
		}
	}
	// |-0.2052 + 0.02·(-2.697)| = 0.2592 is beyond 12° = 0.2094.
	if reward, end := e.Step(Right); reward != 1 || end != env.Terminated {
		t.Errorf("the fall gives reward %v and %v, want 1 and terminated", reward, end)
	}
}

func TestEpisodeEnds(t *testing.T) {
	for _, c := range []struct {
		name  string
		state State
		want  env.End
	}{
		{"upright", State{}, env.Running},
		{"inside the track", State{Position: 2.399}, env.Running},
		{"off the track to the right", State{Position: 2.4, Velocity: 1}, env.Terminated},
		{"off the track to the left", State{Position: -2.4, Velocity: -1}, env.Terminated},
		{"inside 12 degrees", State{Angle: 0.2094}, env.Running},
		{"beyond 12 degrees", State{Angle: 0.2095}, env.Terminated},
		{"beyond -12 degrees", State{Angle: -0.2095}, env.Terminated},
	} {
		e := New()
		e.SetState(c.state)
		if _, end := e.Step(Right); end != c.want {
			t.Errorf("%s: %v, want %v", c.name, end, c.want)
		}
	}
	e := New()
	for i := 1; i <= MaxSteps; i++ {
		e.SetState(State{}) // held upright
		_, end := e.Step(i % 2)
		if want := i == MaxSteps; (end == env.Truncated) != want {
			t.Fatalf("step %d: %v", i, end)
		}
	}
}

func TestLevelsAreFunctionsOfTheirSeed(t *testing.T) {
	a, b := New(), New()
	var sum, squares float64
	const n = 20000
	for seed := range int64(n) {
		a.Reset(seed)
		for range seed % 3 {
			b.Step(Left)
		}
		b.Reset(seed)
		if a.State() != b.State() {
			t.Fatalf("level %d starts at %v and at %v", seed, a.State(), b.State())
		}
		s := a.State()
		for _, x := range []float64{s.Position, s.Velocity, s.Angle, s.AngularVelocity} {
			if math.Abs(x) > 0.05 {
				t.Fatalf("level %d starts at %v", seed, s)
			}
			sum += x
			squares += x * x
		}
	}
	// Uniform in ±0.05: mean 0 with standard error 0.05/√3/√(4n), variance 0.05²/3.
	if mean := sum / (4 * n); math.Abs(mean) > 5*0.05/math.Sqrt(3*4*n) {
		t.Errorf("mean of the starting states is %v", mean)
	}
	if v := squares / (4 * n); math.Abs(v/(0.05*0.05/3)-1) > 0.02 {
		t.Errorf("variance of the starting states is %v, want %v", v, 0.05*0.05/3)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	e := New()
	dense := make([]float32, 4)
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
		if _, end := e.Step(i & 1); end != env.Running {
			e.Reset(int64(i))
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "steps/s")
}
