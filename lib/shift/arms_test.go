package shift_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"goalgap/lib/shift"
)

// Cases of the closed form that can be done by hand.
func TestTwoArmsByHand(t *testing.T) {
	for _, c := range []struct {
		arms shift.TwoArms
		want float64
	}{
		// All pulls by lot: p = q, so 2(1-α/2)^t = 1.
		{shift.TwoArms{Before: 50, Step: 0.5, Explore: 1}, math.Log(0.5) / math.Log(0.75)},
		{shift.TwoArms{Before: 5000, Step: 0.01, Explore: 1}, math.Log(0.5) / math.Log(0.995)},
		// Means of all pulls: as long as the time before, whatever is explored.
		{shift.TwoArms{Before: 700, Explore: 0.1}, 700},
		{shift.TwoArms{Before: 700, Explore: 1}, 700},
	} {
		got, err := c.arms.Recovery()
		if err != nil || math.Abs(got-c.want) > 1e-6*c.want {
			t.Errorf("%+v: recovers after %v pulls, want %v (%v)", c.arms, got, c.want, err)
		}
	}
}

// The closed form is about expected estimates. With small steps many pulls are averaged, and the pulls that single
// bandits need must come close to it, with noise and without.
func TestTwoArmsSimulated(t *testing.T) {
	for i, arms := range []shift.TwoArms{
		{Before: 2000, Step: 0.01, Explore: 0.5},
		{Before: 2000, Step: 0.01, Explore: 0.5, Noise: 0.5},
		{Before: 100_000, Step: 0.01, Explore: 0.2},
		{Before: 2000, Explore: 0.5},
		{Before: 2000, Explore: 0.5, Noise: 0.5},
	} {
		want, err := arms.Recovery()
		if err != nil {
			t.Fatal(err)
		}
		r, sum := rand.New(rand.NewPCG(uint64(i), 1)), 0.0
		const runs = 1000
		for range runs {
			n, err := arms.Simulate(100_000, r)
			if err != nil {
				t.Fatal(err)
			}
			sum += float64(n)
		}
		if mean := sum / runs; math.Abs(mean-want) > 0.1*want {
			t.Errorf("%+v: %d bandits recover after %.0f pulls on average, the closed form says %.0f", arms, runs, mean, want)
		}
	}
	// Nothing drawn by lot but which arm: the wrong arm's estimate is (1-α)^i after i of its pulls, so one pull of each suffices.
	if n, err := (shift.TwoArms{Before: 10, Step: 0.9, Explore: 1}).Simulate(1000, rand.New(rand.NewPCG(1, 1))); err != nil || n > 20 {
		t.Errorf("with a step of 0.9 it took %d pulls (%v)", n, err)
	}
}

func TestTwoArmsWrongInput(t *testing.T) {
	for _, arms := range []shift.TwoArms{
		{Explore: 0.1},
		{Before: 1},
		{Before: 1, Explore: 1.1},
		{Before: 1, Explore: 1, Step: 1},
		{Before: 1, Explore: 1, Step: math.NaN()},
		{Before: 1, Explore: 1, Noise: math.Inf(1)},
	} {
		if _, err := arms.Recovery(); err == nil {
			t.Errorf("no error for %+v", arms)
		}
		if _, err := arms.Simulate(1, rand.New(rand.NewPCG(1, 1))); err == nil {
			t.Errorf("no error for simulating %+v", arms)
		}
	}
}

func TestRecovery(t *testing.T) {
	curve := []float64{1, 1, 0, 0, 1, 0, 1, 1, 1}
	for _, c := range []struct {
		at     int
		window int
		level  float64
		want   int
		found  bool
	}{
		{2, 1, 1, 3, true}, // the lucky round counts
		{2, 2, 1, 6, true}, // two in a row: rounds 6 and 7
		{2, 3, 1, 7, true}, // rounds 6 to 8
		{2, 4, 1, 7, false},
		{2, 4, 0.75, 6, true}, // rounds 4 to 7
		{0, 2, 1, 2, true},
	} {
		n, found, err := shift.Recovery(curve, c.at, c.level, c.window)
		if err != nil || n != c.want || found != c.found {
			t.Errorf("%+v: %d %v %v", c, n, found, err)
		}
	}
	for _, wrong := range []struct {
		curve      []float64
		at, window int
	}{{curve, 8, 2}, {curve, -1, 1}, {curve, 0, 0}, {[]float64{math.NaN()}, 0, 1}} {
		if _, _, err := shift.Recovery(wrong.curve, wrong.at, 1, wrong.window); err == nil {
			t.Errorf("no error for %+v", wrong)
		}
	}
}

// With a step of 0.05, 0.955^38 + 0.995^38 = 0.174 + 0.827: 38 pulls.
func ExampleTwoArms() {
	for _, before := range []int{100, 1000, 10_000} {
		mean, _ := shift.TwoArms{Before: before, Explore: 0.2}.Recovery()
		constant, _ := shift.TwoArms{Before: before, Explore: 0.2, Step: 0.05}.Recovery()
		fmt.Printf("after %d pulls: %.0f pulls to recover with means, %.0f with a constant step\n", before, mean, constant)
	}
	// Output:
	// after 100 pulls: 100 pulls to recover with means, 38 with a constant step
	// after 1000 pulls: 1000 pulls to recover with means, 38 with a constant step
	// after 10000 pulls: 10000 pulls to recover with means, 38 with a constant step
}
