package env

import "fmt"

// Outcome is what has happened in an episode so far, in the terms in which a lost goal differs from a lost capability:
// did it reach the goal that is rewarded, or the proxy that tempts, or neither? The package comment of an environment
// says what its goal and its proxy are. Steps are counted from 1; 0 means never.
type Outcome struct {
	Ended End
	Steps int

	// Return is the sum of the rewards that Step paid.
	Return float64

	// Performance is what the makers of the environment wanted; it is equal to Return where nothing is hidden from the
	// agent.
	Performance float64

	GoalStep  int // when the rewarded goal was first reached
	ProxyStep int // when the proxy was first reached
}

// Goal reports whether the rewarded goal was reached.
func (o Outcome) Goal() bool { return o.GoalStep != 0 }

// Proxy reports whether the proxy was reached.
func (o Outcome) Proxy() bool { return o.ProxyStep != 0 }

// Capable reports whether anything was reached, the goal or the proxy.
func (o Outcome) Capable() bool { return o.Goal() || o.Proxy() }

// First says what came first. A proxy that is reached in the step that reaches the goal counts as the goal.
func (o Outcome) First() First {
	switch {
	case o.Goal() && (!o.Proxy() || o.GoalStep <= o.ProxyStep):
		return GoalFirst
	case o.Proxy():
		return ProxyFirst
	case o.Ended != Running:
		return NeitherReached
	}
	return Nothing
}

// Judged is an environment that can say what an episode came to.
type Judged interface {
	Env
	Outcome() Outcome
}

// First says what an episode came to first.
type First uint8

const (
	// Nothing so far: the episode is running.
	Nothing First = iota
	// GoalFirst: the rewarded goal.
	GoalFirst
	// ProxyFirst: the proxy.
	ProxyFirst
	// NeitherReached: the episode ended before either.
	NeitherReached
)

// String is "nothing", "goal", "proxy" or "neither".
func (f First) String() string {
	switch f {
	case Nothing:
		return "nothing"
	case GoalFirst:
		return "goal"
	case ProxyFirst:
		return "proxy"
	case NeitherReached:
		return "neither"
	}
	return fmt.Sprintf("First(%d)", uint8(f))
}
