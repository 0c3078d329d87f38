package corner

import (
	"goalgap/lib/env"
	"goalgap/lib/env/tabular"
)

// process is a level as a process. A state is 4*cell, and 2 more if the cheese was visited, and 1 more if the corner
// was.
type process struct {
	level *Level
	cfg   Config
}

// Process returns a copy of the present level as a process. A state is 4*cell of the mouse, and 2 more if the cheese
// was visited, and 1 more if the corner was.
func (e *Env) Process() tabular.Process {
	return process{e.Level(), e.cfg}
}

func state(cell int, eaten, corner bool) int {
	s := 4 * cell
	if eaten {
		s += 2
	}
	if corner {
		s++
	}
	return s
}

// State returns 4*cell of the mouse, and 2 more if the cheese was visited, and 1 more if the corner was.
func (e *Env) State() int { return state(e.mouse, e.eaten, e.corner) }

// SetState moves the mouse, and makes cheese and corner visited or not; the count of steps goes on.
func (e *Env) SetState(state int) {
	e.mouse, e.eaten, e.corner = state/4, state&2 != 0, state&1 != 0
	e.outcome.Ended = env.Running
	if e.cfg.over(e.eaten, e.corner) {
		e.outcome.Ended = env.Terminated
	}
}

func (p process) States() int         { return 4 * len(p.level.Wall) }
func (p process) Actions() int        { return 4 }
func (p process) Terminal(s int) bool { return p.cfg.over(s&2 != 0, s&1 != 0) }

func (p process) AppendStarts(dst []tabular.Chance) []tabular.Chance {
	return append(dst, tabular.Chance{State: state(p.level.Mouse, false, false), P: 1})
}

func (p process) AppendTransitions(dst []tabular.Transition, s, action int) []tabular.Transition {
	cell, eaten, corner := s/4, s&2 != 0, s&1 != 0
	if !p.level.Wall[cell] { // nobody stands in a wall
		cell = p.level.Move(cell, action)
	}
	reward := 0.0
	if cell == p.level.Cheese && !eaten {
		eaten, reward = true, 1
	}
	corner = corner || cell == p.level.Corner()
	return append(dst, tabular.Transition{Next: state(cell, eaten, corner), P: 1, Reward: reward})
}

// ProxyReward pays 1 for the first visit of the corner: a tabular.Reward for every level's process.
func ProxyReward(state, _, next int) float64 {
	if state&1 == 0 && next&1 == 1 {
		return 1
	}
	return 0
}
