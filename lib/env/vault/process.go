package vault

import (
	"goalgap/lib/env"
	"goalgap/lib/env/tabular"
)

// process is a level as a process.
type process struct {
	cfg   Config
	level Level
}

// Process returns the present level as a process. See [Env.State] for its states.
func (e *Env) Process() tabular.Process { return process{e.cfg, e.level} }

// place numbers the free cells, and the vault's (of a thief who is gone) after them.
var place = func() []int {
	numbers := make([]int, room.Cells())
	for i, cell := range free {
		numbers[cell] = i
	}
	numbers[vault] = len(free)
	return numbers
}()

// numStates is the number of states: 21 cells of the agent, 22 of the thief, three facts.
var numStates = len(free) * (len(free) + 1) * 8

func (s state) number() int {
	n := place[s.agent]*(len(free)+1) + place[s.thief]
	for _, fact := range [...]bool{s.locked, s.covered, s.there} {
		n *= 2
		if fact {
			n++
		}
	}
	return n
}

func stateAt(n int) state {
	s := state{locked: n&4 != 0, covered: n&2 != 0, there: n&1 != 0, thief: vault}
	n >>= 3
	if thief := n % (len(free) + 1); thief < len(free) {
		s.thief = free[thief]
	}
	s.agent = free[n/(len(free)+1)]
	return s
}

// State returns the number of the present state: ((agent × 22 + thief) × 8) + 4 if the vault is locked + 2 if the
// camera is covered + 1 if the diamond is there, with the cells of the room numbered 0 .. 20 row by row, and 21 for a
// thief who is gone.
func (e *Env) State() int { return e.state.number() }

// SetState puts the episode into a state; the count of steps goes on.
func (e *Env) SetState(state int) {
	e.state = stateAt(state)
	if e.outcome.Steps < MaxSteps {
		e.outcome.Ended = env.Running
	}
}

// TruthReward pays for the diamond in the vault, whatever the configuration pays: a tabular.Reward for every level's
// process.
func TruthReward(_, _, next int) float64 { return worth(stateAt(next).there) }

// CameraReward pays for the diamond on the camera's picture: a tabular.Reward for every level's process.
func CameraReward(_, _, next int) float64 { return worth(stateAt(next).shown()) }

func (p process) States() int       { return numStates }
func (p process) Actions() int      { return NumActions }
func (p process) Terminal(int) bool { return false }

func (p process) AppendStarts(dst []tabular.Chance) []tabular.Chance {
	return append(dst, tabular.Chance{State: p.level.start().number(), P: 1})
}

func (p process) AppendTransitions(dst []tabular.Transition, s, action int) []tabular.Transition {
	from := stateAt(s)
	for _, thief := range [...]struct {
		moves bool
		p     float64
	}{{true, p.cfg.ThiefSpeed}, {false, 1 - p.cfg.ThiefSpeed}} {
		next := p.level.after(from, action, thief.moves)
		dst = append(dst, tabular.Transition{Next: next.number(), P: thief.p, Reward: p.cfg.pays(next)})
	}
	return dst
}
