package world

import (
	"context"
	"fmt"
	"math"
	"slices"

	"goalgap/lib/env"
	"goalgap/lib/env/tabular"
	"goalgap/lib/human"
	"goalgap/lib/nn"
	"goalgap/lib/rng"
)

// Factors says of which parts a state of a tabular environment is put together, each one of a few classes. Given a state
// and an action a Dynamics predicts the parts of the next state independently of each other, so what comes about
// together must be one part.
type Factors struct {
	Sizes []int                          // classes of each part, 2 or more
	Split func(state int, class []int32) // writes the class of each part [len(Sizes)]
	Join  func(class []int32) int        // the state of which these are the parts
}

// Dynamics is a model of how the states of a tabular environment follow each other, learnt from recorded play: what is
// seen, and an action, to a distribution of the next state. It is not for concurrent use.
type Dynamics struct {
	Spec    env.Spec
	Factors Factors
	HeldOut float64 // log-likelihood of the next state in held-out episodes, nats a step

	net *nn.Net

	// Working memory.
	input, seen env.Batch
	action      []int32
	classes     [][]chance // of each part, those that are held for possible
	class       []int32
	softmax     []float32
}

// TrainDynamics learns from recorded play. A recording shows what was seen; which states that were is found by playing
// it again: replay makes an environment of each Kind of episode, by name, and rewards are not looked at. cfg is that of
// Train, and so is how training is stopped and what is an error; so are a kind that cannot be replayed, an environment
// that answers otherwise than was recorded, and parts that do not make up the states.
func TrainDynamics(ctx context.Context, d *human.Demonstrations, replay func(kind string) (tabular.Env, error), f Factors, cfg Config) (*Dynamics, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if err := d.Spec.RequireDiscrete("world"); err != nil {
		return nil, err
	}
	if len(f.Sizes) == 0 || f.Split == nil || f.Join == nil {
		return nil, fmt.Errorf("world: dynamics: Factors without Sizes, Split or Join")
	}
	outputs := 0
	for i, n := range f.Sizes {
		if n < 2 {
			return nil, fmt.Errorf("world: dynamics: part %d of a state has %d classes; want 2 or more", i, n)
		}
		outputs += n
	}
	train, held, err := d.Split(cfg.HeldOut, rng.New(cfg.Seed, "dynamics held out", 0))
	if err != nil {
		return nil, fmt.Errorf("world: holding episodes out: %w", err)
	}
	m := &Dynamics{Spec: d.Spec, Factors: f}
	learn, err := m.data(train, replay)
	if err != nil {
		return nil, err
	}
	test, err := m.data(held, replay)
	if err != nil {
		return nil, err
	}
	shape := nn.ShapeFor(d.Spec, cfg.Hidden, outputs)
	shape.Dense += d.Spec.Actions
	if m.net, err = nn.New(shape, 0.01, rng.New(cfg.Seed, "dynamics weights", 0)); err != nil {
		return nil, fmt.Errorf("world: making the model of the dynamics: %w", err)
	}
	h := newHalf(m.net, learn, test, cfg)
	order := make([]int32, train.Len())
	for i := range order {
		order[i] = int32(i)
	}
	shuffle := rng.New(cfg.Seed, "dynamics minibatches", 0)
	for epoch := 1; epoch <= cfg.Epochs && !h.stopped; epoch++ {
		shuffle.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for lo := 0; lo < len(order); lo += cfg.Batch {
			if err := ctx.Err(); err != nil {
				return nil, fmt.Errorf("world: stopped in epoch %d of %d: %w", epoch, cfg.Epochs, err)
			}
			if err := h.step(order[lo:min(lo+cfg.Batch, len(order))], epoch); err != nil {
				return nil, err
			}
		}
		h.finish(cfg.Patience)
	}
	copy(m.net.Param, h.bestParam)
	m.HeldOut = h.best
	return m, nil
}

// LogLikelihood is the mean log-likelihood, in nats a step, of the next states in recorded play; replay and errors are
// those of TrainDynamics.
func (m *Dynamics) LogLikelihood(d *human.Demonstrations, replay func(kind string) (tabular.Env, error)) (float64, error) {
	if d.Len() == 0 {
		return 0, fmt.Errorf("world: dynamics: the likelihood of no play")
	}
	if err := m.fits(d.Spec); err != nil {
		return 0, err
	}
	x, err := m.data(d, replay)
	if err != nil {
		return 0, err
	}
	return mean(x.logLikelihoods(m.net)), nil
}

// data plays d again, and returns what was seen and done, and the parts of the states that followed.
func (m *Dynamics) data(d *human.Demonstrations, replay func(kind string) (tabular.Env, error)) (data, error) {
	parts := len(m.Factors.Sizes)
	x := data{
		input:   withAction(new(env.Batch), d.Obs, func(i int) int32 { return d.Action[i] }, m.Spec.Actions),
		sizes:   m.Factors.Sizes,
		targets: make([]int32, d.Len()*parts),
	}
	made := map[string]tabular.Env{}
	seen := env.NewBatch(d.Spec, 1)
	for _, p := range d.Episodes {
		e := made[p.Kind]
		if e == nil {
			var err error
			if e, err = replay(p.Kind); err != nil {
				return x, fmt.Errorf("world: dynamics: replaying %q: %w", p.Kind, err)
			}
			if s := e.Spec(); s.Actions != d.Spec.Actions || s.Sparse != d.Spec.Sparse || s.Dense != d.Spec.Dense || s.MaxActive != d.Spec.MaxActive {
				return x, fmt.Errorf("world: dynamics: play of %+v in an environment %+v", d.Spec, s)
			}
			made[p.Kind] = e
		}
		e.Reset(p.Level)
		active, dense := seen.Row(0)
		for i := p.Lo; i < p.Hi; i++ {
			e.Observe(active, dense)
			if a, f := d.Obs.Row(i); !slices.Equal(active, a) || !slices.Equal(dense, f) {
				return x, fmt.Errorf("world: dynamics: level %d of %q does not show in step %d what was recorded; was it another environment?", p.Level, p.Kind, i-p.Lo)
			}
			e.Step(int(d.Action[i]))
			class := x.targets[i*parts : (i+1)*parts]
			m.Factors.Split(e.State(), class)
			for k, c := range class {
				if c < 0 || int(c) >= m.Factors.Sizes[k] {
					return x, fmt.Errorf("world: dynamics: part %d of state %d is %d; want 0 .. %d", k, e.State(), c, m.Factors.Sizes[k]-1)
				}
			}
			if back := m.Factors.Join(class); back != e.State() {
				return x, fmt.Errorf("world: dynamics: the parts of state %d make up state %d", e.State(), back)
			}
		}
	}
	return x, nil
}

// Process is the world as the model expects it to go on from e's present state: for planning. What it holds for less
// probable than least, part by part, it takes for impossible (0 .. 0.5, 0.5 excluded). Only states to which it thinks
// that one can come lead anywhere, the others to themselves. e should be a copy for the purpose: it is put into these
// states, and then back. Rewards are 0. An environment with states in which episodes end is an error: ends are not
// predicted.
func (m *Dynamics) Process(e tabular.Env, least float64) (tabular.Process, error) {
	if !(least >= 0 && least < 0.5) {
		return nil, fmt.Errorf("world: dynamics: least is %v; want 0 .. 0.5, 0.5 excluded", least)
	}
	if err := m.fits(e.Spec()); err != nil {
		return nil, err
	}
	real, actions, start := e.Process(), m.Spec.Actions, e.State()
	defer e.SetState(start)
	out := &imagined{start: start, actions: actions, ranges: make([][2]int32, real.States()*actions)}
	known := make([]bool, real.States())
	known[start] = true
	for open := []int{start}; len(open) > 0; {
		now := open[:min(atOnce, len(open))]
		open = open[len(now):]
		for _, s := range now {
			if real.Terminal(s) {
				return nil, fmt.Errorf("world: dynamics: an episode can end in state %d of %s; ends are not predicted", s, e.Spec().Name)
			}
		}
		logits := m.ask(e, now)
		width := m.net.Shape.Out
		for i := range len(now) * actions {
			lo := len(out.all)
			out.all = m.expand(out.all, logits[i*width:(i+1)*width], least)
			for _, t := range out.all[lo:] {
				if t.Next < 0 || t.Next >= len(known) {
					return nil, fmt.Errorf("world: dynamics: parts that are held for possible make up state %d; want 0 .. %d", t.Next, len(known)-1)
				}
				if !known[t.Next] {
					known[t.Next] = true
					open = append(open, t.Next)
				}
			}
			out.ranges[now[i/actions]*actions+i%actions] = [2]int32{int32(lo), int32(len(out.all))}
		}
	}
	return out, nil
}

// atOnce is how many states are asked about at a time.
const atOnce = 256

// ask returns the network's outputs for at most atOnce states and each action in them. It puts e into these states.
func (m *Dynamics) ask(e tabular.Env, states []int) []float32 {
	actions := m.Spec.Actions
	if m.seen.N == 0 {
		m.seen, m.action = env.NewBatch(m.Spec, atOnce*actions), make([]int32, atOnce*actions)
		for i := range m.action {
			m.action[i] = int32(i % actions)
		}
	}
	for i, s := range states {
		e.SetState(s)
		for a := range actions {
			e.Observe(m.seen.Row(i*actions + a))
		}
	}
	return m.net.Forward(withAction(&m.input, m.seen.Slice(0, len(states)*actions), func(i int) int32 { return m.action[i] }, actions))
}

// fits returns an error if an environment is not of the model's shape.
func (m *Dynamics) fits(s env.Spec) error {
	if s.Actions != m.Spec.Actions || s.Sparse != m.Spec.Sparse || s.Dense != m.Spec.Dense || s.MaxActive != m.Spec.MaxActive {
		return fmt.Errorf("world: dynamics of %+v for an environment %+v", m.Spec, s)
	}
	return nil
}

// expand appends the distribution of the next state from the outputs for one state and action.
func (m *Dynamics) expand(dst []tabular.Transition, logits []float32, least float64) []tabular.Transition {
	if m.classes == nil {
		m.classes, m.class = make([][]chance, len(m.Factors.Sizes)), make([]int32, len(m.Factors.Sizes))
		m.softmax = make([]float32, slices.Max(m.Factors.Sizes))
	}
	for k, size := range m.Factors.Sizes {
		p := m.softmax[:size]
		nn.Softmax(p, logits[:size])
		logits = logits[size:]
		most := slices.Max(p)
		m.classes[k] = m.classes[k][:0]
		for c, x := range p {
			// The most probable class is always held for possible.
			if x > 0 && (float64(x) >= least || x == most) {
				m.classes[k] = append(m.classes[k], chance{int32(c), float64(x)})
			}
		}
	}
	lo, sum := len(dst), 0.0
	var combine func(k int, p float64)
	combine = func(k int, p float64) {
		if k < 0 {
			sum += p
			dst = append(dst, tabular.Transition{Next: m.Factors.Join(m.class), P: p})
			return
		}
		for _, c := range m.classes[k] {
			m.class[k] = c.class
			combine(k-1, p*c.p)
		}
	}
	combine(len(m.classes)-1, 1)
	for i := range dst[lo:] {
		dst[lo+i].P /= sum
	}
	return dst
}

// chance is a class of a part, and how probable it is.
type chance struct {
	class int32
	p     float64
}

// Distance is the mean, over the states that the real world can come to from e's present state and all actions, of the
// total variation distance between what the model expects next and what is so, 0 .. 1. e is put into these states, and
// then back; that it is another environment than the model's is an error.
func (m *Dynamics) Distance(e tabular.Env) (float64, error) {
	if err := m.fits(e.Spec()); err != nil {
		return 0, err
	}
	real, actions, start := e.Process(), m.Spec.Actions, e.State()
	defer e.SetState(start)
	known, mass := make([]bool, real.States()), make([]float64, real.States())
	known[start] = true
	sum, count := 0.0, 0
	var expected, truth []tabular.Transition
	for open := []int{start}; len(open) > 0; {
		now := open[:min(atOnce, len(open))]
		open = open[len(now):]
		logits := m.ask(e, now)
		for i := range len(now) * actions {
			if real.Terminal(now[i/actions]) {
				continue
			}
			expected = m.expand(expected[:0], logits[i*m.net.Shape.Out:(i+1)*m.net.Shape.Out], 1e-4)
			truth = real.AppendTransitions(truth[:0], now[i/actions], i%actions)
			for _, t := range expected {
				if t.Next < 0 || t.Next >= len(mass) {
					return 0, fmt.Errorf("world: dynamics: parts that are held for possible make up state %d; want 0 .. %d", t.Next, len(mass)-1)
				}
				mass[t.Next] += t.P
			}
			for _, t := range truth {
				mass[t.Next] -= t.P
				if !known[t.Next] {
					known[t.Next] = true
					open = append(open, t.Next)
				}
			}
			for _, list := range [][]tabular.Transition{expected, truth} {
				for _, t := range list {
					sum += math.Abs(mass[t.Next]) / 2
					mass[t.Next] = 0
				}
			}
			count++
		}
	}
	if count == 0 {
		return 0, fmt.Errorf("world: dynamics: nothing follows state %d", start)
	}
	return sum / float64(count), nil
}

// imagined is a tabular.Process.
type imagined struct {
	start, actions int
	all            []tabular.Transition
	ranges         [][2]int32 // [states × actions], within all; empty where nobody is thought to come
}

func (p *imagined) States() int       { return len(p.ranges) / p.actions }
func (p *imagined) Actions() int      { return p.actions }
func (p *imagined) Terminal(int) bool { return false }

func (p *imagined) AppendStarts(dst []tabular.Chance) []tabular.Chance {
	return append(dst, tabular.Chance{State: p.start, P: 1})
}

func (p *imagined) AppendTransitions(dst []tabular.Transition, state, action int) []tabular.Transition {
	r := p.ranges[state*p.actions+action]
	if r[0] == r[1] {
		return append(dst, tabular.Transition{Next: state, P: 1})
	}
	return append(dst, p.all[r[0]:r[1]]...)
}
