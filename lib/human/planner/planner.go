// Package planner simulates people in environments whose states can be listed: they plan toward what they value, in the
// world as they believe it to be. What is wrong with their plans is a setting each: how far they look (Discount), what
// they believe about the world (Belief), and how they turn plans into choices, with noise, habit and mistakes
// (human.Person).
package planner

import (
	"fmt"
	"math"
	"slices"

	"goalgap/lib/env"
	"goalgap/lib/env/tabular"
	"goalgap/lib/human"
)

// Config is what people want, and how they plan.
type Config struct {
	// Values is what a person values in a step, of a level's own states. A terminal state goes on for ever as a step to
	// itself, to which it is applied, too.
	Values tabular.Reward

	// Discount is γ, by which a person values a thing less with each step until it has it: 0 up to below 1. Less than the
	// discount that one would judge it by is myopia. Default 0.9 (which 0 means, too; 1e-9 is as good as 0).
	Discount float64

	// Aware is the inverse temperature β of the soft plan of a person who knows that it will not always choose the best
	// (tabular.World.Soft), in nats per unit of value. Give human.Person.Rationality the same value, and the person is what
	// inverse reinforcement learning by maximum causal entropy takes people to be. Default 0: the person plans as if it
	// would never err.
	Aware float64

	// Belief returns the level as the person believes it to be, of the same states and actions. nil: as it is.
	Belief func(tabular.Process) tabular.Process
}

// Player is an environment with somebody's opinion about it; it implements human.Player. Plans are kept, one a level.
type Player struct {
	tabular.Env
	cfg   Config
	plans map[int64]*plan
	level int64
}

// plan is Q of the states of a level.
type plan struct {
	world *tabular.World
	q     []float64
}

// New returns a player of e, at the start of level 0. It returns an error if there are no Values or a number has no sensible value.
func New(e tabular.Env, cfg Config) (*Player, error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	if err := e.Spec().RequireDiscrete("planner"); err != nil {
		return nil, err
	}
	p := &Player{Env: e, cfg: cfg, plans: map[int64]*plan{}}
	p.Reset(0)
	return p, nil
}

// check returns the configuration with its defaults, or an error that names the first field without a sensible value.
func (c Config) check() (Config, error) {
	if c.Discount == 0 {
		c.Discount = 0.9
	}
	switch {
	case c.Values == nil:
		return c, fmt.Errorf("planner: Config.Values is nil; a person wants something")
	case !(c.Discount > 0 && c.Discount < 1):
		return c, fmt.Errorf("planner: Config.Discount %v is not from 0 to below 1", c.Discount)
	case !(c.Aware >= 0) || math.IsInf(c.Aware, 0):
		return c, fmt.Errorf("planner: Config.Aware %v is not a number from 0 up", c.Aware)
	}
	return c, nil
}

// Maker returns a function that makes players, as human.Kind wants it.
func Maker[E tabular.Env](make func() (E, error), cfg Config) func() (human.Player, error) {
	return func() (human.Player, error) {
		e, err := make()
		if err != nil {
			return nil, err
		}
		return New(e, cfg)
	}
}

// Reset implements env.Env.
func (p *Player) Reset(seed int64) {
	p.Env.Reset(seed)
	p.level = seed
}

// ActionValues implements human.Player: Q of the person's plan. It panics if Belief or Values break the laws of a Process.
func (p *Player) ActionValues(dst []float64) {
	known, ok := p.plans[p.level]
	if !ok {
		known = p.think(p.Process())
	}
	n := known.world.Actions()
	i := known.world.Index(0, p.State())
	if i < 0 { // a state that the person did not believe it could come to: another plan, for every state
		known = p.think(anywhere{p.Process()})
		i = known.world.Index(0, p.State())
	}
	copy(dst, known.q[i*n:(i+1)*n])
}

// anywhere is a process that may begin in every state.
type anywhere struct{ tabular.Process }

func (a anywhere) AppendStarts(dst []tabular.Chance) []tabular.Chance {
	for s := range a.States() {
		dst = append(dst, tabular.Chance{State: s, P: 1 / float64(a.States())})
	}
	return dst
}

// precision is that of plans, in units of value.
const precision = 1e-6

// think plans for the present level, and keeps the plan.
func (p *Player) think(process tabular.Process) *plan {
	q, w, err := p.cfg.plan(process)
	if err != nil {
		panic(fmt.Sprintf("planner: level %d as it is believed to be: %v", p.level, err))
	}
	known := &plan{w, q}
	p.plans[p.level] = known
	return known
}

// plan returns Q [states × actions] of the states of a level, numbered as in the world that it returns.
func (c Config) plan(process tabular.Process) ([]float64, *tabular.World, error) {
	if c.Belief != nil {
		if every, ok := process.(anywhere); ok {
			process = anywhere{c.Belief(every.Process)}
		} else {
			process = c.Belief(process)
		}
	}
	w, err := tabular.NewWorld(process)
	if err != nil {
		return nil, nil, err
	}
	values := w.Lift(c.Values)
	q, err := w.Expected(values)
	if err != nil {
		return nil, nil, err
	}
	var worth []float64
	if c.Aware > 0 {
		soft, err := w.Soft(q, c.Discount, c.Aware, nil, nil, precision)
		if err != nil {
			return nil, nil, err
		}
		worth = soft.Value
	} else {
		best, err := tabular.SolveForever(tabular.WithReward(w, values), c.Discount, precision)
		if err != nil {
			return nil, nil, err
		}
		worth = best.Value
	}
	for i := range q {
		for _, m := range w.Moves(i/w.Actions(), i%w.Actions()) {
			q[i] += c.Discount * m.P * worth[m.Next]
		}
	}
	return q, w, nil
}

// Policy returns the probability of each action [states × actions] in every state of a world, for a person without a step
// before, that is, without habit: what a perfect model of the person would predict. levels are those that w was made of. The
// errors are those of New and of a Belief or Values that break the laws of a Process.
func Policy(w *tabular.World, levels []tabular.Process, who human.Person, cfg Config) ([]float64, error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	if err := who.Check(); err != nil {
		return nil, err
	}
	if len(levels) != w.Levels() {
		return nil, fmt.Errorf("planner: policy in %d levels of a world of %d", len(levels), w.Levels())
	}
	n := w.Actions()
	policy := make([]float64, w.States()*n)
	level := -1
	var q []float64
	var believed *tabular.World
	for s, place := range w.Places {
		if place.Level != level {
			level = place.Level
			if q, believed, err = cfg.plan(anywhere{levels[level]}); err != nil {
				return nil, fmt.Errorf("planner: level %d as it is believed to be: %w", level, err)
			}
		}
		i := believed.Index(0, place.State)
		who.Probabilities(policy[s*n:(s+1)*n], q[i*n:(i+1)*n], -1)
	}
	return policy, nil
}

// LogLikelihood returns the mean log-probability, in nats a step, that a person of this player's plans gives to recorded
// actions: the most that any model of such a person can predict. The play is replayed, so the environment must answer as
// it did; it is an error if it shows something else.
func (p *Player) LogLikelihood(who human.Person, d *human.Demonstrations) (float64, error) {
	if err := who.Check(); err != nil {
		return 0, err
	}
	if d.Len() == 0 {
		return 0, fmt.Errorf("planner: the likelihood of no play")
	}
	actions := p.Spec().Actions
	if d.Spec.Actions != actions || d.Spec.Sparse != p.Spec().Sparse {
		return 0, fmt.Errorf("planner: play of %+v in an environment %+v", d.Spec, p.Spec())
	}
	probability := make([]float64, actions)
	seen := env.NewBatch(p.Spec(), 1)
	sum := 0.0
	for _, e := range d.Episodes {
		p.Reset(e.Level)
		for i := e.Lo; i < e.Hi; i++ {
			active, dense := seen.Row(0)
			p.Observe(active, dense)
			if was, _ := d.Obs.Row(i); !slices.Equal(active, was) {
				return 0, fmt.Errorf("planner: level %d does not show in step %d what was recorded; was it another environment?", e.Level, i-e.Lo)
			}
			p.ActionValues(probability)
			who.Probabilities(probability, probability, d.Previous[i])
			sum += math.Log(probability[d.Action[i]])
			p.Step(int(d.Action[i]))
		}
	}
	return sum / float64(d.Len()), nil
}
