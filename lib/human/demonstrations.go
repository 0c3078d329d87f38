package human

import (
	"fmt"
	"math/rand/v2"

	"goalgap/lib/env"
)

// Demonstrations is recorded play: n steps, episode after episode. It holds no rewards.
type Demonstrations struct {
	Spec env.Spec

	Obs      env.Batch // [n] what the person saw
	Previous []int32   // [n] the action before; -1 at the start of an episode
	Action   []int32   // [n] what it did
	Next     env.Batch // [n] what it saw then, at the end of an episode too
	End      []env.End // [n] how the episode stood then

	Episodes []Episode
}

// Episode is where in the Demonstrations an episode lies, and what was played.
type Episode struct {
	Lo, Hi int    // steps Lo .. Hi-1
	Level  int64  // level seed
	Kind   string // name of the Kind
}

// Len returns the number of steps.
func (d *Demonstrations) Len() int { return len(d.Action) }

func newDemonstrations(spec env.Spec, steps int) *Demonstrations {
	return &Demonstrations{
		Spec: spec,
		Obs:  env.NewBatch(spec, steps), Next: env.NewBatch(spec, steps),
		Previous: make([]int32, 0, steps), Action: make([]int32, 0, steps), End: make([]env.End, 0, steps),
	}
}

// append adds an episode; the batches have room for it.
func (d *Demonstrations) append(p *recording, kind string) {
	lo, n := d.Len(), len(p.action)
	m, f := d.Spec.MaxActive, d.Spec.Dense
	copy(d.Obs.Active[lo*m:], p.active[:n*m])
	copy(d.Obs.Features[lo*f:], p.features[:n*f])
	copy(d.Next.Active[lo*m:], p.active[m:])
	copy(d.Next.Features[lo*f:], p.features[f:])
	previous := int32(-1)
	for t, a := range p.action {
		end := env.Running
		if t == n-1 {
			end = p.end
		}
		d.Previous, d.Action, d.End = append(d.Previous, previous), append(d.Action, a), append(d.End, end)
		previous = a
	}
	d.Episodes = append(d.Episodes, Episode{Lo: lo, Hi: lo + n, Level: p.level, Kind: kind})
}

// Select returns a copy of the episodes for which keep holds. It is an error if there are none.
func (d *Demonstrations) Select(keep func(Episode) bool) (*Demonstrations, error) {
	steps := 0
	for _, e := range d.Episodes {
		if keep(e) {
			steps += e.Hi - e.Lo
		}
	}
	if steps == 0 {
		return nil, fmt.Errorf("human: none of %d episodes selected", len(d.Episodes))
	}
	out := newDemonstrations(d.Spec, steps)
	for _, e := range d.Episodes {
		if !keep(e) {
			continue
		}
		lo := out.Len()
		for i := e.Lo; i < e.Hi; i++ {
			out.Obs.CopyRow(lo+i-e.Lo, d.Obs, i)
			out.Next.CopyRow(lo+i-e.Lo, d.Next, i)
		}
		out.Previous = append(out.Previous, d.Previous[e.Lo:e.Hi]...)
		out.Action = append(out.Action, d.Action[e.Lo:e.Hi]...)
		out.End = append(out.End, d.End[e.Lo:e.Hi]...)
		e.Lo, e.Hi = lo, lo+e.Hi-e.Lo
		out.Episodes = append(out.Episodes, e)
	}
	return out, nil
}

// Split divides the episodes at random: a share of them, rounded down but at least one, goes to the second part. It is
// an error if a part would be empty.
func (d *Demonstrations) Split(share float64, r *rand.Rand) (first, second *Demonstrations, err error) {
	n := len(d.Episodes)
	k := max(1, int(share*float64(n)))
	if !(share > 0 && share < 1) || k >= n {
		return nil, nil, fmt.Errorf("human: a share of %v of %d episodes leaves one part empty", share, n)
	}
	held := map[int]bool{}
	for _, i := range r.Perm(n)[:k] {
		held[d.Episodes[i].Lo] = true
	}
	if first, err = d.Select(func(e Episode) bool { return !held[e.Lo] }); err != nil {
		return nil, nil, err
	}
	second, err = d.Select(func(e Episode) bool { return held[e.Lo] })
	return first, second, err
}
