// Package oversight watches over agents that learn: what unsafe exploration costs, and what tames it. A [Shield] keeps an
// agent from what it must not do, a [Lagrangian] charges for it, and a [Ledger] counts it.
package oversight

import (
	"fmt"

	"goalgap/lib/env"
	"goalgap/lib/env/tabular"
)

// Shield says which actions are safe in each state of a process: those after which, whatever happens, one can go on being
// safe for ever. It is the winning strategy of the safety game of Alshiekh et al. 2018 ("Safe Reinforcement Learning via
// Shielding", arXiv 1708.08611), the largest there is.
type Shield struct {
	actions int
	safe    []bool // [states × actions]
}

// NewShield computes the shield of a process against some states. What it promises holds of the process: if that is a right
// abstraction of the world, no unsafe state is ever entered; if it was learnt (see [Learned]), that is as good as what was
// learnt. It is an error if a start is unsafe or every action there may lead to harm in the end, and if the process breaks
// its laws.
func NewShield(p tabular.Process, unsafe func(state int) bool) (*Shield, error) {
	if _, err := tabular.NewWorld(p); err != nil {
		return nil, fmt.Errorf("oversight: shield: %w", err)
	}
	n := p.Actions()
	s := &Shield{actions: n, safe: make([]bool, p.States()*n)}
	lost := make([]bool, p.States()) // harm cannot be ruled out
	for state := range lost {
		lost[state] = unsafe(state)
	}
	var out []tabular.Transition
	for changed := true; changed; {
		changed = false
		for state := range lost {
			if lost[state] || p.Terminal(state) {
				continue
			}
			any := false
			for a := range n {
				out = p.AppendTransitions(out[:0], state, a)
				ok := true
				for _, t := range out {
					ok = ok && !(t.P > 0 && lost[t.Next])
				}
				s.safe[state*n+a] = ok
				any = any || ok
			}
			if !any {
				lost[state], changed = true, true
			}
		}
	}
	for _, c := range p.AppendStarts(nil) {
		if c.P > 0 && lost[c.State] {
			return nil, fmt.Errorf("oversight: shield: from state %d, in which an episode may begin, no action rules harm out; allow more, or begin elsewhere", c.State)
		}
	}
	return s, nil
}

// Safe reports whether an action is safe in a state.
func (s *Shield) Safe(state, action int) bool { return s.safe[state*s.actions+action] }

// Substitute returns the action itself if it is safe, and otherwise the next safe one in the order of actions, from the action
// on and around; the action itself if there is none, as in states that the shield keeps one out of.
func (s *Shield) Substitute(state, action int) int {
	for i := range s.actions {
		if a := (action + i) % s.actions; s.Safe(state, a) {
			return a
		}
	}
	return action
}

// Shielded is an environment in which unsafe actions are replaced by safe ones (post-posed shielding): the agent sees what
// came of what was done in its place. It implements env.Env.
type Shielded struct {
	tabular.Env
	Corrections int // actions replaced so far, in all episodes

	make    func(tabular.Process) (*Shield, error)
	shields map[int64]*Shield
	now     *Shield
}

// Protect puts a shield before an environment; of makes it for a level, once. The error is that of the shield of level 0. It
// is an error, too, if the shield has another number of actions.
func Protect(e tabular.Env, of func(tabular.Process) (*Shield, error)) (*Shielded, error) {
	p := &Shielded{Env: e, make: of, shields: map[int64]*Shield{}}
	s, err := of(e.Process())
	if err != nil {
		return nil, err
	}
	if err := e.Spec().RequireDiscrete("oversight"); err != nil {
		return nil, err
	}
	if s.actions != e.Spec().Actions {
		return nil, fmt.Errorf("oversight: a shield of %d actions for an environment of %d", s.actions, e.Spec().Actions)
	}
	p.Reset(0)
	return p, nil
}

// Reset starts the episode of a level. It panics if there is no shield for it.
func (p *Shielded) Reset(seed int64) {
	p.Env.Reset(seed)
	s, ok := p.shields[seed]
	if !ok {
		var err error
		if s, err = p.make(p.Process()); err != nil {
			panic(fmt.Sprintf("oversight: level %d: %v", seed, err))
		}
		p.shields[seed] = s
	}
	p.now = s
}

// Step takes the action, or the safe one in its place.
func (p *Shielded) Step(action int) (float32, env.End) {
	if action >= 0 && action < p.now.actions {
		a := p.now.Substitute(p.State(), action)
		if a != action {
			p.Corrections++
		}
		action = a
	}
	return p.Env.Step(action)
}

// Learned is a process as it was learnt from recorded steps: what was never tried leads to a state of its own, Unknown.
type Learned struct {
	states, actions int
	starts          []tabular.Chance
	outcomes        map[[2]int]map[int]int // of a state and an action: how often each state followed
	ended           map[int]bool
}

// Learn counts steps of a world with so many states and actions, whose episodes begin in a known place. Steps are of the
// world's own states.
func Learn(p tabular.Process) *Learned {
	return &Learned{states: p.States(), actions: p.Actions(), starts: p.AppendStarts(nil), outcomes: map[[2]int]map[int]int{}, ended: map[int]bool{}}
}

// Add records a step, and whether the rules ended the episode with it. A state or action that does not exist is an error.
func (l *Learned) Add(state, action, next int, ended bool) error {
	if state < 0 || state >= l.states || next < 0 || next >= l.states || action < 0 || action >= l.actions {
		return fmt.Errorf("oversight: learning from action %d from state %d to %d in a world of %d states and %d actions", action, state, next, l.states, l.actions)
	}
	key := [2]int{state, action}
	if l.outcomes[key] == nil {
		l.outcomes[key] = map[int]int{}
	}
	l.outcomes[key][next]++
	if ended {
		l.ended[next] = true
	}
	return nil
}

// Unknown is the state that what was never tried leads to. A shield that holds it for unsafe is cautious, one that does not is
// optimistic.
func (l *Learned) Unknown() int { return l.states }

// States implements tabular.Process.
func (l *Learned) States() int { return l.states + 1 }

// Actions implements tabular.Process.
func (l *Learned) Actions() int { return l.actions }

// Terminal implements tabular.Process.
func (l *Learned) Terminal(state int) bool { return state == l.states || l.ended[state] }

// AppendStarts implements tabular.Process.
func (l *Learned) AppendStarts(dst []tabular.Chance) []tabular.Chance {
	return append(dst, l.starts...)
}

// AppendTransitions implements tabular.Process: shares of what was seen. Its rewards are 0.
func (l *Learned) AppendTransitions(dst []tabular.Transition, state, action int) []tabular.Transition {
	seen := l.outcomes[[2]int{state, action}]
	total := 0
	for _, count := range seen {
		total += count
	}
	if total == 0 {
		return append(dst, tabular.Transition{Next: l.states, P: 1})
	}
	for next := range l.states { // in order, so that the same steps give the same process
		if count := seen[next]; count > 0 {
			dst = append(dst, tabular.Transition{Next: next, P: float64(count) / float64(total)})
		}
	}
	return dst
}
