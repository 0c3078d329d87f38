package keys

import (
	"fmt"
	"math"
	"math/bits"
)

// maxOrders limits the work of Optimal: the number of ways to have some keys and some chests and to be somewhere.
const maxOrders = 4_000_000

// Optimal is the best discounted return of an episode of at most maxSteps steps, and an error if the level has too many
// keys and chests for it to be found: discount^(t-1) for every chest, opened in step t.
//
// It is the best order in which to visit keys and chests, each by a shortest path, with no more keys than there are
// chests to be opened. A path may come upon other keys and chests, and take and open them earlier than the order says,
// which never makes it worse: any key opens any chest, and one chest is worth as much as another.
func (l *Level) Optimal(discount float64, maxSteps int) (float64, error) {
	if !(discount >= 0 && discount <= 1) {
		return 0, fmt.Errorf("keys: optimal value with discount %v; it must be in 0 .. 1", discount)
	}
	if n := l.orders(); n > maxOrders || len(l.Keys)+len(l.Chests) > 64 {
		return 0, fmt.Errorf("keys: optimal value of a level with %d keys and %d chests, which can be had in too many ways",
			len(l.Keys), len(l.Chests))
	}
	p := &planner{keys: len(l.Keys), need: l.Openable(), discount: discount, best: map[visit]float64{}}
	places := append(append([]int(nil), l.Keys...), l.Chests...)
	for _, from := range append(append([]int(nil), places...), l.Mouse) {
		d := l.Distances(from)
		row := make([]int, len(places))
		for i, to := range places {
			row[i] = d[to]
		}
		p.distance = append(p.distance, row)
	}
	start := visit{at: int8(len(places))}
	if value := p.value(start); p.length(start) <= maxSteps {
		return value, nil
	}
	p.limit, p.best = maxSteps, map[visit]float64{}
	return p.value(start), nil
}

// orders is the number of ways to have some keys and some chests and to be somewhere.

func (l *Level) orders() float64 {
	subsets := func(n int) (sum float64) {
		term := 1.0
		for k := 0; k <= min(n, l.Openable()); k++ {
			sum += term
			term *= float64(n-k) / float64(k+1)
		}
		return sum
	}
	return subsets(len(l.Keys)) * subsets(len(l.Chests)) * float64(len(l.Keys)+len(l.Chests))
}

// planner finds the best order.
type planner struct {
	keys, need int     // places 0 .. keys-1 are keys, those after them chests
	distance   [][]int // from each place, and from the start, to each place; -1 if there is no path
	discount   float64
	limit      int // in steps; 0 for none
	best       map[visit]float64
}

// visit is being at a place after other places in some order.
type visit struct {
	done uint64 // bit i: place i was visited
	at   int8
	time int32 // steps so far; always 0 if there is no limit
}

// value is the best sum of discount^(s-1) over the chests that are opened s steps later.
func (p *planner) value(v visit) float64 {
	if value, ok := p.best[v]; ok {
		return value
	}
	value, _, _ := p.choose(v)
	p.best[v] = value
	return value
}

// choose returns the best value of a visit, the visit that should be next, and how many steps away that is; 0 if there
// is none.
func (p *planner) choose(v visit) (value float64, next visit, steps int) {
	got := bits.OnesCount64(v.done & (1<<p.keys - 1))
	opened := bits.OnesCount64(v.done >> p.keys)
	if opened == p.need {
		return 0, v, 0
	}
	for place, d := range p.distance[v.at] {
		chest := place >= p.keys
		switch {
		case v.done>>place&1 == 1 || d < 1:
			continue
		case chest && got == opened || !chest && got == p.need:
			continue
		case p.limit > 0 && int(v.time)+d > p.limit:
			continue
		}
		to := visit{done: v.done | 1<<place, at: int8(place)}
		if p.limit > 0 {
			to.time = v.time + int32(d)
		}
		w := math.Pow(p.discount, float64(d)) * p.value(to)
		if chest {
			w += math.Pow(p.discount, float64(d-1))
		}
		if w > value {
			value, next, steps = w, to, d
		}
	}
	return value, next, steps
}

// length is the number of steps of the best order after a visit.
func (p *planner) length(v visit) int {
	sum := 0
	for {
		_, next, steps := p.choose(v)
		if steps == 0 {
			return sum
		}
		v = next
		sum += steps
	}
}
