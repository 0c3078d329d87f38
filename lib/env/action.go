package env

import (
	"fmt"
	"math"
)

// MaxHeads is the most parts that a multi-discrete action can have.
const MaxHeads = 8

// Heads are the sizes of the parts of a multi-discrete action: part i is 0 .. Heads[i]-1. The sizes come first, then
// zeros; all zeros mean that actions are not multi-discrete. (It is an array so that a Spec can be compared.)
type Heads [MaxHeads]int

// Len returns the number of parts.
func (h Heads) Len() int {
	for i, n := range h {
		if n == 0 {
			return i
		}
	}
	return MaxHeads
}

// MultiDiscrete is an Env whose actions have several discrete parts, as Spec.Heads says (Gymnasium's MultiDiscrete
// space). Its Step panics.
type MultiDiscrete interface {
	Env
	// StepHeads is Step for an action [Heads.Len()], part i of which is in 0 .. Heads[i]-1; it panics for another. It
	// neither keeps nor changes the slice.
	StepHeads(action []int32) (reward float32, end End)
}

// Continuous is an Env whose actions are vectors of real numbers, as Spec.Continuous says (Gymnasium's Box space with
// the same bounds for each number; an environment whose bounds differ scales its actions). Its Step panics.
type Continuous interface {
	Env
	// StepContinuous is Step for an action [Spec.Continuous], each number of which is from Low to High. It panics for an
	// action of another length and for NaN. It neither keeps nor changes the slice.
	StepContinuous(action []float32) (reward float32, end End)
}

// Width returns how many numbers make an action: 1 where actions are discrete.
func (s Spec) Width() int {
	switch {
	case s.Continuous > 0:
		return s.Continuous
	case s.Heads != Heads{}:
		return s.Heads.Len()
	}
	return 1
}

// ClipAction brings each number of a continuous action to Low .. High; NaN stays NaN.
func (s Spec) ClipAction(action []float32) {
	for i, x := range action {
		action[i] = max(s.Low, min(s.High, x))
	}
}

// RequireDiscrete returns an error, which names the environment and its kind of action, if actions are not one of a few
// (Spec.Actions). It is for code that handles no others; who is that code's package.
func (s Spec) RequireDiscrete(who string) error {
	switch {
	case s.Continuous != 0:
		return fmt.Errorf("%s: %s has continuous actions, of %d real numbers each; only discrete actions are supported",
			who, s.Name, s.Continuous)
	case s.Heads != Heads{}:
		return fmt.Errorf("%s: %s has multi-discrete actions, of parts with %v values; only actions of one part are supported",
			who, s.Name, s.Heads[:s.Heads.Len()])
	}
	return nil
}

// checkActions reports what makes the action space of a Spec unusable.
func (s Spec) checkActions() error {
	kinds := 0
	for _, has := range []bool{s.Actions != 0, s.Continuous != 0, s.Heads != Heads{}} {
		if has {
			kinds++
		}
	}
	finite := func(x float32) bool { return math.Abs(float64(x)) <= math.MaxFloat32 }
	switch {
	case kinds > 1:
		return fmt.Errorf("env: %q has %d actions, heads %v and %d continuous numbers an action; only one of them may be set",
			s.Name, s.Actions, s.Heads, s.Continuous)
	case s.Continuous < 0:
		return fmt.Errorf("env: %q has actions of %d numbers; at least 1 is needed", s.Name, s.Continuous)
	case s.Continuous > 0 && !(finite(s.Low) && finite(s.High) && s.Low < s.High):
		return fmt.Errorf("env: %q has actions from Low = %v to High = %v; both must be finite and Low less than High",
			s.Name, s.Low, s.High)
	case s.Continuous == 0 && !(s.Low == 0 && s.High == 0):
		return fmt.Errorf("env: %q has bounds from Low = %v to High = %v, but its actions are not continuous",
			s.Name, s.Low, s.High)
	case s.Heads != Heads{}:
		for i, n := range s.Heads {
			if n < 0 || n == 0 && i == 0 || n > 0 && i > s.Heads.Len() {
				return fmt.Errorf("env: %q has heads %v; positive sizes must come first, then zeros", s.Name, s.Heads)
			}
		}
	case s.Continuous == 0 && s.Actions < 1:
		return fmt.Errorf("env: %q has %d actions; at least 1 is needed", s.Name, s.Actions)
	}
	return nil
}

// Fits reports an environment that has not the method which its Spec's action space asks for.
func (s Spec) Fits(e Env) error {
	if _, ok := e.(Continuous); s.Continuous > 0 && !ok {
		return fmt.Errorf("env: %q has continuous actions, but %T has no method StepContinuous", s.Name, e)
	}
	if _, ok := e.(MultiDiscrete); s.Heads != (Heads{}) && !ok {
		return fmt.Errorf("env: %q has multi-discrete actions, but %T has no method StepHeads", s.Name, e)
	}
	return nil
}
