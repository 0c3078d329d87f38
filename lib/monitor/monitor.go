package monitor

import (
	"fmt"
	"math"

	"goalgap/lib/env"
	"goalgap/lib/reward"
)

// Monitor says how suspicious play is.
type Monitor interface {
	// Scores returns one score a step, higher for more suspicious, each from that step and those before it.
	Scores(t *Trajectory) ([]float64, error)
}

// Output knows only what play has brought: its score is how far the return so far is behind the mean of trusted play at
// that step, in units of reward. NewOutput makes one.
type Output struct {
	mean []float64 // return after each step
}

// NewOutput learns what trusted play brings. No play at all is an error, as is a reward that is not finite.
func NewOutput(trusted []*Trajectory) (*Output, error) {
	if len(trusted) == 0 {
		return nil, fmt.Errorf("monitor: output: no trusted play to compare with")
	}
	o := &Output{}
	var count []float64
	for i, t := range trusted {
		sum := 0.0
		for n := range t.Len() {
			if sum += t.Reward[n]; math.IsNaN(sum) || math.IsInf(sum, 0) {
				return nil, fmt.Errorf("monitor: output: the reward of step %d in trusted episode %d is %v", n, i, t.Reward[n])
			}
			if n == len(o.mean) {
				o.mean, count = append(o.mean, 0), append(count, 0)
			}
			o.mean[n] += sum
			count[n]++
		}
	}
	for n := range o.mean {
		o.mean[n] /= count[n]
	}
	if len(o.mean) == 0 {
		return nil, fmt.Errorf("monitor: output: the trusted episodes have no steps")
	}
	return o, nil
}

// Scores implements Monitor. After the longest trusted episode it goes on with that one's last mean.
func (o *Output) Scores(t *Trajectory) ([]float64, error) {
	scores, sum := make([]float64, t.Len()), 0.0
	for n := range scores {
		sum += t.Reward[n]
		scores[n] = o.mean[min(n, len(o.mean)-1)] - sum
	}
	return scores, nil
}

// Likelihood is how unlikely a trusted policy finds what is done: the mean of -log π(a|s) over the last Window steps, in
// nats. Steps before the first count 0. No action counts as less likely than 1e-6.
type Likelihood struct {
	Trusted Agent
	Actions int // of the environment
	Window  int // steps; 0: 1
}

// Scores implements Monitor.
func (l Likelihood) Scores(t *Trajectory) ([]float64, error) {
	if l.Window < 0 {
		return nil, fmt.Errorf("monitor: likelihood: a window of %d steps; want 1 or more", l.Window)
	}
	if err := checkForgetful(l.Trusted); err != nil {
		return nil, err
	}
	p := make([]float32, t.Len()*l.Actions)
	l.Trusted.Probabilities(p, t.Obs, t.Situation[:t.Len()])
	nats := make([]float64, t.Len())
	for n, a := range t.Action {
		nats[n] = unlikely(p[n*l.Actions+int(a)])
	}
	return windowed(nats, max(l.Window, 1)), nil
}

// unlikely is -log p, at most that of 1e-6; NaN stays NaN.
func unlikely(p float32) float64 { return -math.Log(max(float64(p), 1e-6)) }

// windowed is the sum over the last k values divided by k.
func windowed(x []float64, k int) []float64 {
	y, sum := make([]float64, len(x)), 0.0
	for i := range x {
		if sum += x[i]; i >= k {
			sum -= x[i-k]
		}
		y[i] = sum / float64(k)
	}
	return y
}

// Surprise is how little a tabular world model expected what came of each action: the mean of -log p(s'|s,a) over the
// last Window steps, in nats. The model is counts of trusted play with one more observation of each (s,a), spread evenly
// over all situations, so that what was never seen is possible, and surprises most where much was seen. NewSurprise
// makes one.
type Surprise struct {
	Window     int // steps; 0: 1
	situations float64
	tried      map[[2]int]float64
	came       map[[3]int]float64
}

// NewSurprise learns from trusted play; situations is how many there are. A situation beyond that is an error, as is no
// play at all.
func NewSurprise(trusted []*Trajectory, situations int) (*Surprise, error) {
	s := &Surprise{situations: float64(situations), tried: map[[2]int]float64{}, came: map[[3]int]float64{}}
	for i, t := range trusted {
		for n, a := range t.Action {
			from, to := t.Situation[n], t.Situation[n+1]
			if min(from, to) < 0 || max(from, to) >= situations {
				return nil, fmt.Errorf("monitor: surprise: step %d of trusted episode %d leads from situation %d to %d; there are %d", n, i, from, to, situations)
			}
			s.tried[[2]int{from, int(a)}]++
			s.came[[3]int{from, int(a), to}]++
		}
	}
	if len(s.tried) == 0 {
		return nil, fmt.Errorf("monitor: surprise: no trusted play to learn the world from")
	}
	return s, nil
}

// Step is the surprise of one step, in nats.
func (s *Surprise) Step(from, action, to int) float64 {
	return -math.Log((s.came[[3]int{from, action, to}] + 1/s.situations) / (s.tried[[2]int{from, action}] + 1))
}

// Scores implements Monitor.
func (s *Surprise) Scores(t *Trajectory) ([]float64, error) {
	if s.Window < 0 {
		return nil, fmt.Errorf("monitor: surprise: a window of %d steps; want 1 or more", s.Window)
	}
	nats := make([]float64, t.Len())
	for n, a := range t.Action {
		nats[n] = s.Step(t.Situation[n], int(a), t.Situation[n+1])
	}
	return windowed(nats, max(s.Window, 1)), nil
}

// Reader reads a network's activations [obs.N][width]; [goalgap/lib/ppo.Policy] is one.
type Reader interface {
	Latent(obs env.Batch) ([][]float64, error)
}

// Probe is a linear probe of a policy's activations: its score is the logit. Contrast makes one.
type Probe struct {
	*reward.Probe
	Reader Reader
}

// Contrast fits a probe to pairs of observations that differ in one thing only: row i of yes has it and row i of no does
// not. group [N] says which pairs are held out together (an episode); nil: each by itself. The errors are those of
// [reward.FitProbe]; activations that are the same with and without are one of them.
func Contrast(r Reader, yes, no env.Batch, group []int, cfg reward.ProbeConfig) (*Probe, error) {
	if yes.N != no.N || group != nil && len(group) != yes.N {
		return nil, fmt.Errorf("monitor: contrast: %d observations with, %d without, and %d groups; want as many of each", yes.N, no.N, len(group))
	}
	var rows [][]float64
	var labels []bool
	var groups []int
	for _, side := range []struct {
		obs env.Batch
		yes bool
	}{{yes, true}, {no, false}} {
		x, err := r.Latent(side.obs)
		if err != nil {
			return nil, fmt.Errorf("monitor: contrast: %w", err)
		}
		for i := range x {
			g := i
			if group != nil {
				g = group[i]
			}
			rows, labels, groups = append(rows, x[i]), append(labels, side.yes), append(groups, g)
		}
	}
	p, err := reward.FitProbe(rows, labels, groups, cfg)
	if err != nil {
		return nil, fmt.Errorf("monitor: contrast: %w", err)
	}
	return &Probe{Probe: p, Reader: r}, nil
}

// Scores implements Monitor.
func (p *Probe) Scores(t *Trajectory) ([]float64, error) {
	x, err := p.Reader.Latent(t.Obs)
	if err != nil {
		return nil, fmt.Errorf("monitor: probe: %w", err)
	}
	scores := make([]float64, len(x))
	for i, row := range x {
		scores[i] = p.Logit(row)
	}
	return scores, nil
}
