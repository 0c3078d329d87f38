package island

import (
	"goalgap/lib/env"
	"goalgap/lib/env/tabular"
)

// process is the island as a process: its states are the cells, walls included.
type process struct{ start int }

// Process returns the island as a process whose states are the cells and which begins where the present level does
// not say otherwise: in the usual cell, or with StartAnywhere in each dry one.
func (e *Env) Process() tabular.Process {
	if e.cfg.StartAnywhere {
		return process{-1}
	}
	return process{start}
}

// State returns the agent's cell.
func (e *Env) State() int { return e.agent }

// SetState puts the agent into a cell.
func (e *Env) SetState(state int) {
	e.agent = state
	e.outcome.Ended = env.Running
	if terminal(state) {
		e.outcome.Ended = env.Terminated
	}
}

// Hidden is the reward that the makers want to see and the agent does not: a tabular.Reward for the island's process.
func Hidden(_, _, next int) float64 {
	_, hidden := rewards(next)
	return hidden
}

func (p process) States() int         { return island.Cells() }
func (p process) Actions() int        { return NumActions }
func (p process) Terminal(s int) bool { return terminal(s) }

func (p process) AppendStarts(dst []tabular.Chance) []tabular.Chance {
	if p.start >= 0 {
		return append(dst, tabular.Chance{State: p.start, P: 1})
	}
	for _, cell := range dry {
		dst = append(dst, tabular.Chance{State: cell, P: 1 / float64(len(dry))})
	}
	return dst
}

func (p process) AppendTransitions(dst []tabular.Transition, state, action int) []tabular.Transition {
	next := move(state, action)
	reward, _ := rewards(next)
	return append(dst, tabular.Transition{Next: next, P: 1, Reward: reward})
}
