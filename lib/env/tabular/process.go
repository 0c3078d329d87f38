// Package tabular is for environments so small that all their states can be listed: what is best in them, and what any
// policy or any reward is worth there, can then be computed instead of estimated. An experiment on such an environment
// knows the right answer.
//
// Source of the equations: Sutton and Barto, "Reinforcement Learning: An Introduction" (2nd edition, 2018), chapters 3
// and 4; Puterman, "Markov Decision Processes" (1994), section 6.3, for the error bound of value iteration.
package tabular

import (
	"fmt"
	"math"

	"goalgap/lib/env"
)

// Process is a finite Markov decision process: states 0 .. States()-1, actions 0 .. Actions()-1. A time limit is no
// part of it; whoever solves it gives the number of steps. A Process is not changed by its methods, and may be used by
// several goroutines.
type Process interface {
	States() int
	Actions() int

	// AppendStarts appends the distribution of the state in which an episode begins.
	AppendStarts(dst []Chance) []Chance

	// AppendTransitions appends what an action in a state that is not terminal can lead to. The probabilities sum to 1.
	AppendTransitions(dst []Transition, state, action int) []Transition

	// Terminal reports whether an episode is over in this state; nothing of value follows.
	Terminal(state int) bool
}

// Chance is a state and its probability.
type Chance struct {
	State int
	P     float64
}

// Transition is something that an action can lead to.
type Transition struct {
	Next   int
	P      float64 // probability
	Reward float64 // the environment's own
}

// Env is an environment that can say exactly what it does.
type Env interface {
	env.Env

	// Process returns the level of the present episode as a process.
	Process() Process

	// State returns the present state of the episode, as a state of Process.
	State() int

	// SetState puts the episode into a state; it runs on if that state is not terminal. The count of steps goes on,
	// and so do the sums in an Outcome.
	SetState(state int)
}

// Reward gives the reward for a transition.
type Reward func(state, action, next int) float64

// WithReward returns p with another reward: a hidden one, or one that was learnt.
func WithReward(p Process, r Reward) Process { return rewarded{p, r} }

type rewarded struct {
	Process
	reward Reward
}

func (r rewarded) AppendTransitions(dst []Transition, state, action int) []Transition {
	n := len(dst)
	dst = r.Process.AppendTransitions(dst, state, action)
	for i := n; i < len(dst); i++ {
		dst[i].Reward = r.reward(state, action, dst[i].Next)
	}
	return dst
}

// tables are a Process written out: the transitions of action a in state s are those numbered from
// first[s*actions+a] to the next one's.
type tables struct {
	states, actions int
	first           []int32
	transitions     []Transition
}

// tolerance is how far the sum of probabilities may be from 1.
const tolerance = 1e-9

// write writes p out. An error names a state, an action or a probability that breaks the law of a Process.
func write(p Process) (*tables, error) {
	t := &tables{states: p.States(), actions: p.Actions()}
	if t.states < 1 || t.actions < 1 {
		return nil, fmt.Errorf("tabular: process of %d states and %d actions; 1 of each is needed", t.states, t.actions)
	}
	t.first = make([]int32, 1, t.states*t.actions+1)
	for s := range t.states {
		terminal := p.Terminal(s)
		for a := range t.actions {
			if !terminal {
				n := len(t.transitions)
				t.transitions = p.AppendTransitions(t.transitions, s, a)
				if err := check(t.transitions[n:], t.states); err != nil {
					return nil, fmt.Errorf("tabular: state %d, action %d: %w", s, a, err)
				}
			}
			t.first = append(t.first, int32(len(t.transitions)))
		}
	}
	return t, nil
}

func check(transitions []Transition, states int) error {
	sum := 0.0
	for _, t := range transitions {
		switch {
		case t.Next < 0 || t.Next >= states:
			return fmt.Errorf("leads to state %d, outside 0 .. %d", t.Next, states-1)
		case !(t.P >= 0):
			return fmt.Errorf("leads to state %d with probability %v", t.Next, t.P)
		case math.IsNaN(t.Reward) || math.IsInf(t.Reward, 0):
			return fmt.Errorf("leads to state %d with reward %v", t.Next, t.Reward)
		}
		sum += t.P
	}
	if math.Abs(sum-1) > tolerance {
		return fmt.Errorf("probabilities sum to %v", sum)
	}
	return nil
}

// terminal reports whether nothing follows state s.
func (t *tables) terminal(s int) bool { return t.first[s*t.actions] == t.first[(s+1)*t.actions] }

// q is what action a in state s is worth if states are worth value afterwards.
func (t *tables) q(s, a int, discount float64, value []float64) float64 {
	i := s*t.actions + a
	sum := 0.0
	for _, tr := range t.transitions[t.first[i]:t.first[i+1]] {
		sum += tr.P * (tr.Reward + discount*value[tr.Next])
	}
	return sum
}

// best returns the first of the best actions in state s, and its worth.
func (t *tables) best(s int, discount float64, value []float64) (action int, worth float64) {
	worth = math.Inf(-1)
	for a := range t.actions {
		if q := t.q(s, a, discount, value); q > worth {
			action, worth = a, q
		}
	}
	return action, worth
}
