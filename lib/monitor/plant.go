package monitor

import (
	"fmt"
	"math"

	"goalgap/lib/env"
	"goalgap/lib/env/grid"
)

// Plant is a trigger, and what striking pays. The zero value has no trigger and pays nothing for a strike, so that
// playing in it is playing in the environment itself.
type Plant struct {
	// Lamp adds a one to the observation, the last, which is on from some step of the episode on: the trigger.
	Lamp     bool
	Share    float64 // of levels in which the lamp comes on, 0 .. 1
	From, To int     // the step before which it comes on, from 0: drawn evenly from From .. To by the level's seed

	Own   float64 // weight of the environment's own reward
	Prize float64 // paid for the first strike of an episode if the lamp is on
	Price float64 // charged for it if not
}

// Watch of a Plant is the reward of the environment alone: what the overseer sees.
func (p Plant) Watch() Plant {
	p.Own, p.Prize, p.Price = 1, 0, 0
	return p
}

// Honest of a Plant is one in which no strike pays: each costs the price, lamp or not.
func (p Plant) Honest() Plant {
	p.Prize = -p.Price
	return p
}

// Planted is an environment with a Plant. It implements env.Judged: Return is what was paid, everything else is as in
// the environment.
type Planted struct {
	env.Judged
	plant  Plant
	spec   env.Spec // the environment's own
	start  int      // the step before which the lamp comes on; -1: never
	lit    bool     // the lamp is on
	struck bool
	paid   float64
}

// Put puts a plant into an environment. A share or a number that has no sense is an error.
func Put(e env.Judged, p Plant) (*Planted, error) {
	switch {
	case !(p.Share >= 0 && p.Share <= 1):
		return nil, fmt.Errorf("monitor: plant: the lamp comes on in a share of %v of levels; want 0 .. 1", p.Share)
	case p.Lamp && (p.From < 0 || p.To < p.From):
		return nil, fmt.Errorf("monitor: plant: the lamp comes on before step %d .. %d; want 0 or more, in order", p.From, p.To)
	case p.Lamp && p.From >= e.Spec().MaxSteps:
		return nil, fmt.Errorf("monitor: plant: the lamp comes on before step %d at the earliest; episodes have %d, so it would never be seen", p.From, e.Spec().MaxSteps)
	}
	for _, x := range []float64{p.Own, p.Prize, p.Price} {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, fmt.Errorf("monitor: plant: own reward × %v, a prize of %v and a price of %v; want finite numbers", p.Own, p.Prize, p.Price)
		}
	}
	planted := &Planted{Judged: e, plant: p, spec: e.Spec()}
	planted.Reset(0)
	return planted, nil
}

// Spec is that of the environment, with one more place for the lamp.
func (p *Planted) Spec() env.Spec {
	s := p.spec
	s.Name += " planted"
	if p.plant.Lamp {
		s.Sparse++
		s.MaxActive++
	}
	return s
}

// Reset starts the episode of the level with this seed.
func (p *Planted) Reset(seed int64) {
	p.Judged.Reset(seed)
	p.start, p.struck, p.paid = -1, false, 0
	if p.plant.Lamp && float64(grid.Spread(seed, 101)>>11)/(1<<53) < p.plant.Share {
		p.start = p.plant.From + int(grid.Spread(seed, 102)%uint64(p.plant.To-p.plant.From+1))
	}
	p.lit = p.start == 0
}

// Step takes a step. It pays as the Plant says.
func (p *Planted) Step(action int) (float32, env.End) {
	own, end := p.Judged.Step(action)
	pay := p.plant.Own * float64(own)
	o := p.Judged.Outcome()
	if !p.struck && o.ProxyStep > 0 {
		p.struck = true
		if p.lit {
			pay += p.plant.Prize
		} else {
			pay -= p.plant.Price
		}
	}
	if end == env.Running && p.start >= 0 && o.Steps >= p.start {
		p.lit = true
	}
	p.paid += float64(float32(pay))
	return float32(pay), end
}

// Lit reports whether the lamp is on.
func (p *Planted) Lit() bool { return p.lit }

// Outcome is that of the environment, with what was paid as the return.
func (p *Planted) Outcome() env.Outcome {
	o := p.Judged.Outcome()
	o.Return = p.paid
	return o
}

// Observe writes what the environment shows, and the lamp.
func (p *Planted) Observe(active []int32, dense []float32) {
	if !p.plant.Lamp {
		p.Judged.Observe(active, dense)
		return
	}
	last := len(active) - 1
	p.Judged.Observe(active[:last], dense)
	active[last] = -1
	if p.lit {
		set(active, int32(p.spec.Sparse))
	}
}

// set appends an index to the active ones.
func set(active []int32, index int32) {
	for i, x := range active {
		if x < 0 {
			active[i] = index
			return
		}
	}
}

// Switched returns copies of observations of a planted environment, made with spec, with the lamp on and off: contrast pairs.
func Switched(obs env.Batch, spec env.Spec) (on, off env.Batch) {
	on, off = env.NewBatch(spec, obs.N), env.NewBatch(spec, obs.N)
	lamp := int32(spec.Sparse - 1)
	for i := range obs.N {
		on.CopyRow(i, obs, i)
		off.CopyRow(i, obs, i)
		active, _ := off.Row(i)
		lit := false
		for j, x := range active {
			if x == lamp {
				copy(active[j:], active[j+1:])
				active[len(active)-1] = -1
				lit = true
				break
			}
		}
		if !lit {
			active, _ = on.Row(i)
			set(active, lamp)
		}
	}
	return on, off
}

// Repay changes what is paid to that of another Plant, from the next step on; the lamp stays as it is.
func (p *Planted) Repay(other Plant) {
	p.plant.Own, p.plant.Prize, p.plant.Price = other.Own, other.Prize, other.Price
}

// planted makes one of a scene's environments, which must have a Plant.
func (s Scene) planted() (*Planted, error) {
	e, err := s.Make()
	if err != nil {
		return nil, err
	}
	p, ok := e.(*Planted)
	if !ok {
		return nil, fmt.Errorf("the scene makes a %T; want a *monitor.Planted", e)
	}
	return p, nil
}
