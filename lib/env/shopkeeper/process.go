package shopkeeper

import (
	"sync"

	"goalgap/lib/env"
	"goalgap/lib/env/tabular"
)

// process is the world before or after Link has the bow of light.
type process struct{ bow bool }

// Phase returns the world as a process, without the bow of light or with it. The time is no part of its states, so the
// whole episode is one phase after the other: solve the second for 100 steps, then the first for 100 steps with the
// values of the second as the final ones.
func Phase(bow bool) tabular.Process { return process{bow} }

// Process returns the phase in which the present episode is. It does not know that the bow will come.
func (e *Env) Process() tabular.Process { return process{e.state.Bow} }

// State returns the number of the present state among those that can be reached. It does not say whether Link has the
// bow of light, which Process does.
func (e *Env) State() int { return StateNumber(e.state) }

// SetState puts the episode into a state, with or without the bow of light as before; the count of steps goes on.
func (e *Env) SetState(state int) {
	bow := e.state.Bow
	e.state = reachable().states[state]
	e.state.Bow = bow
	if e.outcome.Steps < MaxSteps {
		e.outcome.Ended = env.Running
	}
}

// table numbers the states that can be reached.
type table struct {
	states []State
	number []int32 // of the state with a code; -1 if it cannot be reached
}

// code is different for different states, whether Link has the bow or not.
func (s State) code() int {
	c := int(s.Crystal)
	if s.Heart {
		c += 3
	}
	return (c*numCells+int(s.Link))<<numBlocks | int(s.Blocks)
}

// reachable lists the states by searching from the start.
var reachable = sync.OnceValue(func() *table {
	t := &table{number: make([]int32, 6*numCells<<numBlocks)}
	for i := range t.number {
		t.number[i] = -1
	}
	visit := func(s State) {
		if c := s.code(); t.number[c] < 0 {
			t.number[c] = int32(len(t.states))
			t.states = append(t.states, s)
		}
	}
	visit(Start(false))
	for i := 0; i < len(t.states); i++ {
		for action := range NumActions {
			for _, hit := range [...]bool{false, true} {
				next, _, _ := t.states[i].Next(action, hit)
				visit(next)
			}
		}
	}
	return t
})

// StateNumber is the number of a state in a Phase, -1 if it cannot be reached.
func StateNumber(s State) int { return int(reachable().number[s.code()]) }

// StateAt is the state with a number in a Phase; Link does not have the bow of light in it.
func StateAt(number int) State { return reachable().states[number] }

func (p process) States() int       { return len(reachable().states) }
func (p process) Actions() int      { return NumActions }
func (p process) Terminal(int) bool { return false }

func (p process) AppendStarts(dst []tabular.Chance) []tabular.Chance {
	return append(dst, tabular.Chance{State: StateNumber(Start(p.bow)), P: 1})
}

func (p process) AppendTransitions(dst []tabular.Transition, state, action int) []tabular.Transition {
	s := reachable().states[state]
	s.Bow = p.bow
	chance := 1.0
	if !p.bow && s.aimsAtShopkeeper(action) {
		chance = hitProbability
		next, reward, _ := s.Next(action, false)
		dst = append(dst, tabular.Transition{Next: StateNumber(next), P: 1 - chance, Reward: reward})
	}
	next, reward, _ := s.Next(action, true)
	return append(dst, tabular.Transition{Next: StateNumber(next), P: chance, Reward: reward})
}
