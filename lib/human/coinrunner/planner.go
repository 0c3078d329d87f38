// Package coinrunner is people who play CoinRun. They want the coin and their life, and know the rules: for each action
// they look ahead in a copy of the game.
//
// An action is worth the best of what can follow it among a handful of manoeuvres (keep running, jump now, run up and
// jump, stop, turn back, jump back), each simulated until the jump has landed and the run could be stopped. A manoeuvre
// that touches the coin after t steps is worth Coin·γᵗ, one that dies -Alive·γᵗ, and any other Coin·γ^(t+d), where d is
// an estimate of the steps from there to the coin over the ground of the level. So the coin is worth the less the later
// it is had, as to an agent with discount factor γ, and the person is indifferent between ways that take equally long.
//
// The plan uses the whole level; the model of the person, which sees the observation only, does not.
package coinrunner

import (
	"fmt"
	"math"

	"goalgap/lib/env"
	"goalgap/lib/env/coinrun"
	"goalgap/lib/human"
)

// Config is what a person values and how far it looks. Start from Default.
type Config struct {
	Coin     float64 // what the coin is worth; default 10
	Alive    float64 // what is lost by dying, besides the coin; default 5
	Discount float64 // γ, by which the value of anything shrinks with each step; default 0.99
	RunUp    int     // longest run before a jump, in steps; default 8
	Horizon  int     // longest flight, in steps; default 24
}

// Default returns the defaults.
func Default() Config { return Config{Coin: 10, Alive: 5, Discount: 0.99, RunUp: 8, Horizon: 24} }

// Check returns an error that names the first field without a sensible value.
func (c Config) Check() error {
	switch {
	case math.IsNaN(c.Coin) || math.IsInf(c.Coin, 0):
		return fmt.Errorf("coinrunner: config: Coin is %v, want a finite number", c.Coin)
	case math.IsNaN(c.Alive) || math.IsInf(c.Alive, 0):
		return fmt.Errorf("coinrunner: config: Alive is %v, want a finite number", c.Alive)
	case !(c.Discount > 0 && c.Discount <= 1):
		return fmt.Errorf("coinrunner: config: Discount is %v, want a number above 0 and up to 1", c.Discount)
	case c.RunUp < 1:
		return fmt.Errorf("coinrunner: config: RunUp is %d, want at least 1", c.RunUp)
	case c.Horizon < 1:
		return fmt.Errorf("coinrunner: config: Horizon is %d, want at least 1", c.Horizon)
	}
	return nil
}

// Player plays one game of CoinRun; it implements human.Player.
type Player struct {
	*coinrun.Env

	cfg      Config
	first    *coinrun.Env // after the action under consideration
	running  *coinrun.Env // in the middle of a run,
	jump     *coinrun.Env // of a jump from it,
	ahead    *coinrun.Env // in the air,
	stopping *coinrun.Env // and after it
	level    *coinrun.Level
	toGo     [coinrun.Size + 1]float64 // steps from the middle of a column to the coin
	discount []float64                 // powers of Discount
	crate    [coinrun.Size]bool        // columns that hold crates
	target   float32                   // x of the coin's middle
}

var _ human.Player = (*Player)(nil)

// New returns a person who plays game. It returns an error if either configuration is not valid.
func New(game coinrun.Config, cfg Config) (*Player, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	p := &Player{cfg: cfg}
	for _, e := range []**coinrun.Env{&p.Env, &p.first, &p.running, &p.jump, &p.ahead, &p.stopping} {
		var err error
		if *e, err = coinrun.New(game); err != nil {
			return nil, fmt.Errorf("coinrunner: making the game: %w", err)
		}
	}
	p.discount = make([]float64, cfg.RunUp+cfg.Horizon+64)
	for i := range p.discount {
		p.discount[i] = math.Pow(cfg.Discount, float64(i))
	}
	return p, nil
}

// Maker returns a function that makes players, as human.Kind wants it.
func Maker(game coinrun.Config, cfg Config) func() (human.Player, error) {
	return func() (human.Player, error) { return New(game, cfg) }
}

// Reset starts the episode of the level with this seed.
func (p *Player) Reset(seed int64) {
	p.Env.Reset(seed)
	p.survey()
}

// Steps that a cell costs at full speed, and what is added where the ground rises, over a pit, and for a saw. These are
// what it takes from a standstill; somebody who jumps in full run loses less. Were they lower, standing before an
// obstacle would look as good as having passed it, and a person would stand there for ever.
const (
	stepsPerCell  = 2
	stepsPerRise  = 12
	stepsPerClimb = 1
	stepsPerPit   = 1.5 // for each column
	stepsPerSaw   = 8
)

// survey finds, once per level, how far each column is from the coin over the ground.
func (p *Player) survey() {
	p.level = p.Env.Level()
	coin := p.level.Coin
	p.target = float32(coin.X) + 0.5
	var ground [coinrun.Size]int
	var extra [coinrun.Size]float64
	for x := range ground {
		ground[x] = 1
	}
	for _, s := range p.level.Sections {
		for x := s.X; x < s.X+s.Width && x < coinrun.Size; x++ {
			ground[x] = s.Y // over a pit too: it is crossed in the air
			if s.Pit && x >= s.PitX && x < s.PitX+s.PitWidth {
				extra[x] += stepsPerPit
			}
		}
	}
	for x := p.level.End.X; x < coinrun.Size; x++ {
		ground[x] = p.level.End.Y
	}
	clear(p.crate[:])
	for _, e := range p.level.Entities {
		x := int(e.X)
		switch {
		case e.Kind == coinrun.Crate:
			p.crate[x] = true
		case e.Kind == coinrun.Saw && int(e.Y) == ground[x]:
			extra[x] += stepsPerSaw
		}
	}
	cost := func(from, to int) float64 {
		c := stepsPerCell + (extra[from]+extra[to])/2
		if rise := ground[to] - ground[from]; rise > 0 {
			c += stepsPerRise + stepsPerClimb*float64(rise)
		}
		return c
	}
	clear(p.toGo[:])
	for x := coin.X - 1; x >= 0; x-- {
		p.toGo[x] = p.toGo[x+1] + cost(x, x+1)
	}
	for x := coin.X + 1; x < coinrun.Size; x++ {
		p.toGo[x] = p.toGo[x-1] + cost(x, x-1)
	}
	p.toGo[coinrun.Size] = p.toGo[coinrun.Size-1]
}

// stepsToGo estimates the steps from a place to the coin.
func (p *Player) stepsToGo(x float32) float64 {
	at := min(max(float64(x)-0.5, 0), coinrun.Size-1)
	i := int(at)
	return p.toGo[i] + (at-float64(i))*(p.toGo[i+1]-p.toGo[i])
}

// stepsLost is how many steps more it takes to the coin at the present velocity than at full speed. On the ground the
// difference to full speed shrinks by a fifth each step, so a standstill costs five steps.
func (p *Player) stepsLost(a coinrun.Agent) float64 {
	v := float64(a.VX) / 0.5
	if a.X > p.target {
		v = -v
	}
	return 5 * (1 - v)
}

// ActionValues writes what each of the nine actions is worth.
func (p *Player) ActionValues(dst []float64) {
	agent := p.Env.Agent()
	supported := agent.OnCrate || agent.VY == 0 // whether it really is, the simulation finds out
	nearCrate := false
	for x := max(0, int(agent.X)-1); x <= min(coinrun.Size-1, int(agent.X)+1); x++ {
		nearCrate = nearCrate || p.crate[x]
	}
	for x := -1; x <= 1; x++ {
		stay := coinrun.Action(x, 0)
		dst[stay] = p.value(stay)
		// Pressing down matters on and above crates only, and pressing up in the air not at all.
		dst[coinrun.Action(x, -1)] = dst[stay]
		if nearCrate {
			dst[coinrun.Action(x, -1)] = p.value(coinrun.Action(x, -1))
		}
		dst[coinrun.Action(x, 1)] = dst[stay]
		if supported {
			dst[coinrun.Action(x, 1)] = p.value(coinrun.Action(x, 1))
		}
	}
}

// value is what one action is worth.
func (p *Player) value(action int) float64 {
	p.first.CopyFrom(p.Env)
	if _, end := p.first.Step(action); end != env.Running {
		return p.final(p.first, 1)
	}
	if p.first.Agent().VY != 0 {
		best := p.drift(p.first, 1, 0)
		best = max(best, p.drift(p.first, 1, 1))
		return max(best, p.drift(p.first, 1, -1))
	}
	best := p.stop(p.first, 1)
	best = max(best, p.run(1))
	return max(best, p.run(-1))
}

// final is what an ended episode is worth after t steps.
func (p *Player) final(e *coinrun.Env, t int) float64 {
	o := e.Outcome()
	switch {
	case o.CoinStep != 0:
		return p.cfg.Coin * p.discount[t]
	case o.Ended == env.Terminated:
		return -p.cfg.Alive * p.discount[t]
	}
	return 0 // the time is over
}

// run is what the state after the action is worth if the person runs in one direction (+1 is toward the coin) and, at
// the best moment, jumps or stops. Every moment is tried, so that a plan once begun is still among the plans one step
// later, with the same worth; otherwise a person would put off for ever what it means to do next.
func (p *Player) run(forward int) float64 {
	e, x := p.running, forward*p.toward()
	e.CopyFrom(p.first)
	best := math.Inf(-1)
	for t := 1; t <= p.cfg.RunUp; {
		p.jump.CopyFrom(e)
		if _, end := p.jump.Step(coinrun.Action(x, 1)); end != env.Running {
			best = max(best, p.final(p.jump, t+1))
		} else {
			best = max(best, p.drift(p.jump, t+1, forward))
		}
		_, end := e.Step(coinrun.Action(x, 0))
		t++
		if end != env.Running {
			return max(best, p.final(e, t))
		}
		if e.Agent().VY != 0 { // over an edge
			return max(best, p.drift(e, t, forward))
		}
		if t%3 == 0 {
			best = max(best, p.stop(e, t))
		}
	}
	return best
}

// toward is the direction of the coin.
func (p *Player) toward() int {
	if p.first.Agent().X > p.target {
		return -1
	}
	return 1
}

// drift is what a state in the air is worth if the person presses one direction (+1 is toward the coin) until it lands.
func (p *Player) drift(from *coinrun.Env, t, forward int) float64 {
	e, x := p.ahead, forward*p.toward()
	e.CopyFrom(from)
	for limit := t + p.cfg.Horizon; t < limit; t++ {
		if e.Agent().VY == 0 && e.Outcome().Steps > from.Outcome().Steps {
			break
		}
		if _, end := e.Step(coinrun.Action(x, 0)); end != env.Running {
			return p.final(e, t+1)
		}
	}
	return p.stop(e, t)
}

// stop is what a state is worth after t steps by the estimate of the steps that remain, provided that the person could
// stop there and live.
func (p *Player) stop(from *coinrun.Env, t int) float64 {
	if from.Outcome().CoinStep != 0 { // with ContinueAfterCoin
		return p.cfg.Coin * p.discount[t]
	}
	a := from.Agent()
	worth := p.cfg.Coin * p.discount[t] * math.Pow(p.cfg.Discount, p.stepsToGo(a.X)+p.stepsLost(a))
	e := p.stopping
	e.CopyFrom(from)
	for s := 0; s < 6 && (a.VX > 0.1 || a.VX < -0.1 || a.VY != 0 || s < 2); s++ {
		back := 0
		if a.VX > 0.1 {
			back = -1
		} else if a.VX < -0.1 {
			back = 1
		}
		if _, end := e.Step(coinrun.Action(back, 0)); end != env.Running {
			return p.final(e, t+s+1)
		}
		a = e.Agent()
	}
	return worth
}
