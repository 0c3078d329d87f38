package shift

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// TwoArms is the smallest stream that shifts: a bandit with two arms that swap what they pay after some pulls, 1 and 0,
// and somebody who estimates both by an average of what they paid and pulls the better one. How long it takes until the
// right arm looks better again has a closed form, against which learning on a stream can be understood.
//
// Source of the averages: Sutton and Barto, "Reinforcement Learning: An Introduction" (2nd edition, 2018), sections 2.4
// and 2.5. A step size that falls with the number of pulls gives the mean of all that was paid; a constant one forgets.
type TwoArms struct {
	Before  int     // pulls before the swap, 1 or more
	Step    float64 // step size, greater than 0 and below 1; 0: one over the number of pulls of the arm, the mean of all
	Explore float64 // probability of a pull by lot, both arms alike, greater than 0 and up to 1
	Noise   float64 // standard deviation of what an arm pays
}

// Check returns an error that names the first field without a sensible value.
func (b TwoArms) Check() error {
	switch {
	case b.Before < 1:
		return fmt.Errorf("shift: two arms: Before is %d; want 1 or more", b.Before)
	case !(b.Step >= 0 && b.Step < 1):
		return fmt.Errorf("shift: two arms: Step is %v; want 0 .. 1, 1 excluded", b.Step)
	case !(b.Explore > 0 && b.Explore <= 1):
		return fmt.Errorf("shift: two arms: Explore is %v; want more than 0, as an arm that is never pulled is never found to be better, and at most 1", b.Explore)
	case !(b.Noise >= 0) || math.IsInf(b.Noise, 1):
		return fmt.Errorf("shift: two arms: Noise is %v; want 0 or more", b.Noise)
	}
	return nil
}

// Recovery returns after how many pulls the expected estimate of the arm that is now right comes up to that of the other
// one, if both stood at what the arms paid before the swap and the pulls until then are those of somebody who still
// prefers the wrong arm: it is pulled with probability p = 1 - Explore/2, the right one with q = Explore/2.
//
// With a constant step α the estimates are, in expectation, (1-αp)^t and 1-(1-αq)^t, which does not depend on Before.
// With means over all pulls they are n/(n+t) and t/(n+t), in which Explore drops out: it takes as long as the time
// before, t = Before.
func (b TwoArms) Recovery() (float64, error) {
	if err := b.Check(); err != nil {
		return 0, err
	}
	if b.Step == 0 {
		return float64(b.Before), nil
	}
	q := b.Explore / 2
	still := func(t float64) bool { return math.Pow(1-b.Step*(1-q), t)+math.Pow(1-b.Step*q, t) > 1 }
	hi := 1.0
	for still(hi) {
		hi *= 2
	}
	lo := 0.0
	for range 100 {
		if mid := (lo + hi) / 2; still(mid) {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi, nil
}

// Simulate plays the bandit and returns after how many pulls since the swap the estimate of the arm that is now right
// was first at least that of the other one; limit if it was not until then. At the swap the estimates are what the arms
// paid on average, and their counts what Before pulls of somebody who prefers the better arm amount to.
func (b TwoArms) Simulate(limit int, r *rand.Rand) (int, error) {
	if err := b.Check(); err != nil {
		return 0, err
	}
	q := b.Explore / 2
	estimate := [2]float64{1, 0} // of the arm that was right, and of the one that is
	count := [2]float64{float64(b.Before) * (1 - q), float64(b.Before) * q}
	for t := 1; t <= limit; t++ {
		arm := 0
		if r.Float64() < q {
			arm = 1
		}
		paid := float64(arm) + b.Noise*r.NormFloat64()
		count[arm]++
		step := b.Step
		if step == 0 {
			step = 1 / count[arm]
		}
		estimate[arm] += step * (paid - estimate[arm])
		if estimate[1] >= estimate[0] {
			return t, nil
		}
	}
	return limit, nil
}

// Recovery reads a curve of what is earned in rounds that follow each other, in which the world shifted before round at:
// it returns after how many rounds since then the mean over window rounds was first at least level, counted to the last
// of them, and whether that happened at all; if not, the number of rounds there are. A window that is not within the
// curve, or a curve with a value that is not a number, is an error.
func Recovery(curve []float64, at int, level float64, window int) (rounds int, recovered bool, err error) {
	if at < 0 || window < 1 || at+window > len(curve) {
		return 0, false, fmt.Errorf("shift: recovery: a window of %d rounds after round %d is not within the %d there are", window, at, len(curve))
	}
	for i, v := range curve {
		if math.IsNaN(v) {
			return 0, false, fmt.Errorf("shift: recovery: round %d of the curve is not a number", i)
		}
	}
	sum := 0.0
	for i, v := range curve[at:] {
		sum += v
		if i >= window {
			sum -= curve[at+i-window]
		}
		if i >= window-1 && sum >= level*float64(window) {
			return i + 1, true, nil
		}
	}
	return len(curve) - at, false, nil
}
