package world

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"goalgap/lib/human"
	"goalgap/lib/rng"
)

// Score is a mean log-likelihood per step, in nats, with a 95 % bootstrap interval over episodes.
type Score struct{ Mean, Lo, Hi float64 }

// String is such as "-1.234 [-1.301, -1.170]".
func (s Score) String() string { return fmt.Sprintf("%.3f [%.3f, %.3f]", s.Mean, s.Lo, s.Hi) }

// Report says how well a model predicts recorded play. Scores are log-likelihoods per step; higher is better.
type Report struct {
	Steps, Episodes int

	Person       Score // of the person's actions, by the model
	Uniform      Score // by a uniform distribution
	Marginal     Score // by the frequencies of actions in the baseline's play
	Repeat       Score // by the action before with a fixed probability, else the frequencies; see Baselines
	OverMarginal Score // Person - Marginal, in pairs
	OverRepeat   Score // Person - Repeat, in pairs

	World         Score // of the world's answers, by the model, all heads together
	WorldMarginal Score // by the frequencies of answers
	WorldOver     Score // World - WorldMarginal, in pairs
}

// Baselines predicts without looking: what there is to gain is measured against it. Fit makes one.
type Baselines struct {
	Action []float64   // [Actions] frequencies
	Repeat float64     // share of the actions before that are repeated beyond chance
	Answer [][]float64 // for each head, and the end at last, the frequencies of its classes
}

// Fit returns the baselines fitted to recorded play, which should be what the model was trained on. Frequencies have
// one count added to each class (Laplace), so that nothing is impossible.
func (m *Model) Fit(d *human.Demonstrations) (*Baselines, error) {
	if err := m.fits(d); err != nil {
		return nil, err
	}
	b := &Baselines{Action: make([]float64, m.Spec.Actions)}
	count(b.Action, d.Action, 1, 0)
	x := m.worldData(d)
	for k, size := range x.sizes {
		f := make([]float64, size)
		count(f, x.targets, len(x.sizes), k)
		b.Answer = append(b.Answer, f)
	}
	// The repeat probability of highest likelihood. The likelihood is concave in it: bisect on its slope.
	lo, hi := 0.0, 1-1e-9
	for range 50 {
		r, slope := (lo+hi)/2, 0.0
		for i, a := range d.Action {
			if d.Previous[i] < 0 {
				continue
			}
			f, same := b.Action[a], 0.0
			if a == d.Previous[i] {
				same = 1
			}
			slope += (same - f) / (r*same + (1-r)*f)
		}
		if slope > 0 {
			lo = r
		} else {
			hi = r
		}
	}
	b.Repeat = (lo + hi) / 2
	return b, nil
}

// count writes the relative frequencies of the classes in column k of targets [n][heads].
func count(dst []float64, targets []int32, heads, k int) {
	for i := range dst {
		dst[i] = 1
	}
	total := float64(len(dst))
	for i := k; i < len(targets); i += heads {
		dst[targets[i]]++
		total++
	}
	for i := range dst {
		dst[i] /= total
	}
}

// bootstraps is the number of resamples behind an interval.
const bootstraps = 1000

// Evaluate measures the model on recorded play against baselines. seed is that of the bootstrap.
func (m *Model) Evaluate(d *human.Demonstrations, b *Baselines, seed uint64) (*Report, error) {
	if err := m.fits(d); err != nil {
		return nil, err
	}
	if b == nil {
		return nil, errors.New("world: evaluating a model without baselines; Fit makes them from play")
	}
	if len(b.Action) != m.Spec.Actions || len(b.Answer) != len(m.Heads)+1 {
		return nil, fmt.Errorf("world: baselines of %d actions and %d heads for a model of %d and %d",
			len(b.Action), len(b.Answer), m.Spec.Actions, len(m.Heads)+1)
	}
	p, w := m.personData(d), m.worldData(d)
	person, world := p.logLikelihoods(m.person), w.logLikelihoods(m.world)
	n := d.Len()
	uniform, marginal, repeat, answer := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	for i, a := range d.Action {
		uniform[i] = -math.Log(float64(m.Spec.Actions))
		f := b.Action[a]
		marginal[i], repeat[i] = math.Log(f), math.Log(f)
		if d.Previous[i] >= 0 {
			q := (1 - b.Repeat) * f
			if a == d.Previous[i] {
				q += b.Repeat
			}
			repeat[i] = math.Log(q)
		}
		for k := range w.sizes {
			answer[i] += math.Log(b.Answer[k][w.targets[i*len(w.sizes)+k]])
		}
	}
	score := func(x, minus []float64) Score { return bootstrap(d.Episodes, x, minus, seed) }
	return &Report{
		Steps: n, Episodes: len(d.Episodes),
		Person: score(person, nil), Uniform: score(uniform, nil), Marginal: score(marginal, nil), Repeat: score(repeat, nil),
		OverMarginal: score(person, marginal), OverRepeat: score(person, repeat),
		World: score(world, nil), WorldMarginal: score(answer, nil), WorldOver: score(world, answer),
	}, nil
}

// bootstrap returns the mean over steps of x (less minus, where given) and the percentile interval that resampling
// whole episodes gives.
func bootstrap(episodes []human.Episode, x, minus []float64, seed uint64) Score {
	sums := make([]float64, len(episodes))
	total, steps := 0.0, 0
	for k, e := range episodes {
		for i := e.Lo; i < e.Hi; i++ {
			sums[k] += x[i]
			if minus != nil {
				sums[k] -= minus[i]
			}
		}
		total += sums[k]
		steps += e.Hi - e.Lo
	}
	r := rng.New(seed, "world bootstrap", 0)
	means := make([]float64, bootstraps)
	for j := range means {
		s, n := 0.0, 0
		for range episodes {
			k := r.IntN(len(episodes))
			s += sums[k]
			n += episodes[k].Hi - episodes[k].Lo
		}
		means[j] = s / float64(n)
	}
	slices.Sort(means)
	return Score{Mean: total / float64(steps), Lo: means[bootstraps*25/1000], Hi: means[bootstraps*975/1000-1]}
}
