package tabular

import (
	"fmt"
	"math"
	"slices"
)

// World is one level or several, written out once for algorithms that go over all of it many times: the states that an
// episode can come to, numbered anew, level after level. It differs from the levels' processes in three ways.
//
//   - A terminal state is absorbing: it leads to itself for ever. Play goes on for everybody for equally long, so that
//     the length of an episode says nothing about what is wanted in it (the trap of variable horizons, documentation of
//     imitation).
//   - It has no rewards. What is extracted from a World cannot have seen the true one; see [World.Own].
//   - A level is drawn first, all with the same probability.
//
// A World is a Process without rewards and without terminal states, so Solve, Evaluate and WithReward take it. It never
// changes.
type World struct {
	Places []Place   // [states] where each state is from
	Start  []float64 // [states] the probability that play begins there

	actions int
	first   []int32
	moves   []Move
	index   []map[int]int // of each level
}

// Place is a state of a level.
type Place struct {
	Level, State int
	Terminal     bool
}

// Move is something that an action can lead to.
type Move struct {
	Next int
	P    float64
}

// NewWorld writes levels out. Levels with different numbers of actions are an error, and so is a process that breaks
// its laws; its rewards are not looked at.
func NewWorld(levels ...Process) (*World, error) {
	if len(levels) == 0 {
		return nil, fmt.Errorf("tabular: a world without levels")
	}
	w := &World{actions: levels[0].Actions(), first: []int32{0}}
	for l, p := range levels {
		if p.Actions() != w.actions {
			return nil, fmt.Errorf("tabular: level %d has %d actions and level 0 has %d; a world has one kind of level", l, p.Actions(), w.actions)
		}
		if err := w.add(l, p); err != nil {
			return nil, fmt.Errorf("tabular: level %d: %w", l, err)
		}
	}
	for s := range w.Start {
		w.Start[s] /= float64(len(levels))
	}
	return w, nil
}

// add numbers the states of a level in the order in which they are found.
func (w *World) add(level int, p Process) error {
	index := map[int]int{}
	w.index = append(w.index, index)
	number := func(state int) int {
		i, ok := index[state]
		if !ok {
			i = len(w.Places)
			index[state] = i
			w.Places = append(w.Places, Place{level, state, p.Terminal(state)})
			w.Start = append(w.Start, 0)
		}
		return i
	}
	sum := 0.0
	begin := len(w.Places)
	for _, c := range p.AppendStarts(nil) {
		if c.State < 0 || c.State >= p.States() || !(c.P >= 0) {
			return fmt.Errorf("an episode begins in state %d with probability %v", c.State, c.P)
		}
		sum += c.P
		if c.P > 0 {
			w.Start[number(c.State)] += c.P
		}
	}
	if math.Abs(sum-1) > tolerance {
		return fmt.Errorf("the probabilities of the first states sum to %v", sum)
	}
	var out []Transition
	for s := begin; s < len(w.Places); s++ {
		for a := range w.actions {
			place := w.Places[s]
			if place.Terminal {
				w.moves = append(w.moves, Move{s, 1})
			} else {
				out = p.AppendTransitions(out[:0], place.State, a)
				for i := range out {
					out[i].Reward = 0
				}
				if err := check(out, p.States()); err != nil {
					return fmt.Errorf("state %d, action %d: %w", place.State, a, err)
				}
				for _, t := range out {
					if t.P > 0 {
						w.moves = append(w.moves, Move{number(t.Next), t.P})
					}
				}
			}
			w.first = append(w.first, int32(len(w.moves)))
		}
	}
	return nil
}

// States is the number of states.
func (w *World) States() int { return len(w.Places) }

// Actions is the number of actions.
func (w *World) Actions() int { return w.actions }

// Levels is the number of levels.
func (w *World) Levels() int { return len(w.index) }

// Moves returns what an action can lead to, for reading.
func (w *World) Moves(state, action int) []Move {
	i := state*w.actions + action
	return w.moves[w.first[i]:w.first[i+1]]
}

// Index returns the number of a level's state, -1 if no episode comes to it.
func (w *World) Index(level, state int) int {
	if i, ok := w.index[level][state]; ok {
		return i
	}
	return -1
}

// Terminal implements Process: play never ends.
func (w *World) Terminal(int) bool { return false }

// AppendStarts implements Process.
func (w *World) AppendStarts(dst []Chance) []Chance {
	for s, p := range w.Start {
		if p > 0 {
			dst = append(dst, Chance{s, p})
		}
	}
	return dst
}

// AppendTransitions implements Process, with rewards of 0.
func (w *World) AppendTransitions(dst []Transition, state, action int) []Transition {
	for _, m := range w.Moves(state, action) {
		dst = append(dst, Transition{Next: m.Next, P: m.P})
	}
	return dst
}

// Lift turns a reward of the levels' own states into one of w's. What follows upon a terminal state is a step from it
// to itself, to which r is applied as to any other.
func (w *World) Lift(r Reward) Reward {
	return func(state, action, next int) float64 { return r(w.Places[state].State, action, w.Places[next].State) }
}

// Own is the levels' own reward, for measuring against it; levels are those of NewWorld. It is 0 after the end of an
// episode and for a step that is not possible.
func (w *World) Own(levels ...Process) (Reward, error) {
	if len(levels) != w.Levels() {
		return nil, fmt.Errorf("tabular: the rewards of %d levels for a world of %d", len(levels), w.Levels())
	}
	paid := make([]float64, len(w.moves))
	var out []Transition
	for s, place := range w.Places {
		if place.Terminal {
			continue
		}
		for a := range w.actions {
			out = levels[place.Level].AppendTransitions(out[:0], place.State, a)
			out = slices.DeleteFunc(out, func(t Transition) bool { return !(t.P > 0) })
			i := int(w.first[s*w.actions+a])
			if len(out) != len(w.Moves(s, a)) {
				return nil, fmt.Errorf("tabular: level %d is another one than the world was made of", place.Level)
			}
			for j, t := range out {
				if w.Places[w.moves[i+j].Next].State != t.Next {
					return nil, fmt.Errorf("tabular: level %d is another one than the world was made of", place.Level)
				}
				paid[i+j] = t.Reward
			}
		}
	}
	return func(state, action, next int) float64 {
		i := state*w.actions + action
		for j := w.first[i]; j < w.first[i+1]; j++ {
			if w.moves[j].Next == next {
				return paid[j]
			}
		}
		return 0
	}, nil
}

// Expected returns [states × actions] the expectation of a reward over what each action leads to. A reward that is not
// finite is an error.
func (w *World) Expected(r Reward) ([]float64, error) {
	out := make([]float64, w.States()*w.actions)
	for i := range out {
		s, a := i/w.actions, i%w.actions
		for _, m := range w.Moves(s, a) {
			x := r(s, a, m.Next)
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return nil, fmt.Errorf("tabular: the reward for action %d from state %d to %d is %v", a, s, m.Next, x)
			}
			out[i] += m.P * x
		}
	}
	return out, nil
}
