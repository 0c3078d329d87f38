package supervisor

import (
	"goalgap/lib/env"
	"goalgap/lib/env/tabular"
)

// process is the room as a process. A state is 2*cell, plus 1 if the supervisor is present.
type process struct{ present bool }

// Process returns the present level as a process. A state is 2*cell, and 1 more if the supervisor is present.
func (e *Env) Process() tabular.Process { return process{e.present} }

func state(cell int, present bool) int {
	if present {
		return 2*cell + 1
	}
	return 2 * cell
}

// State returns 2*cell of the agent, and 1 more if the supervisor is present.
func (e *Env) State() int { return state(e.agent, e.present) }

// SetState puts the agent into a cell and the supervisor into place or away.
func (e *Env) SetState(state int) {
	e.agent, e.present = state/2, state%2 == 1
	e.outcome.Ended = env.Running
	if e.agent == goal {
		e.outcome.Ended = env.Terminated
	}
}

// Hidden is the reward that the makers want to see and the agent does not: a tabular.Reward for the room's process.
func Hidden(_, _, next int) float64 {
	_, hidden := rewards(next/2, next%2 == 1)
	return hidden
}

func (p process) States() int         { return 2 * room.Cells() }
func (p process) Actions() int        { return NumActions }
func (p process) Terminal(s int) bool { return s/2 == goal }

func (p process) AppendStarts(dst []tabular.Chance) []tabular.Chance {
	return append(dst, tabular.Chance{State: state(start, p.present), P: 1})
}

func (p process) AppendTransitions(dst []tabular.Transition, s, action int) []tabular.Transition {
	cell, present := s/2, s%2 == 1
	next := move(cell, action)
	reward, _ := rewards(next, present)
	return append(dst, tabular.Transition{Next: state(next, present), P: 1, Reward: reward})
}
