package world

import (
	"context"
	"fmt"
	"math"
	"sort"
	"time"

	"goalgap/lib/env"
	"goalgap/lib/human"
	"goalgap/lib/nn"
	"goalgap/lib/rng"
)

// Config is how to train. Start from Default.
type Config struct {
	Seed         uint64  // of everything random; default 1
	Hidden       []int   // widths of the hidden layers of both networks; default 64, 64
	LearningRate float64 // of Adam; default 2e-3
	Batch        int     // steps in a minibatch; default 1024
	Epochs       int     // most passes over the training part; default 30
	Patience     int     // passes without a better held-out likelihood before a network's training stops; default 3
	HeldOut      float64 // share of the episodes held out, by which training is stopped; default 0.2
	Bins         int     // most bins of a change of a dense feature; default 7

	Progress func(Progress) `json:"-"` // called after each epoch; nil: not
}

// Default returns the defaults.
func Default() Config {
	return Config{
		Seed: 1, Hidden: []int{64, 64}, LearningRate: 2e-3, Batch: 1024,
		Epochs: 30, Patience: 3, HeldOut: 0.2, Bins: 7,
	}
}

// Progress is handed to Config.Progress. Likelihoods are means over steps, in nats.
type Progress struct {
	Epoch, Epochs               int
	PersonTrain, PersonHeldOut  float64 // log-likelihood of the person's actions
	WorldTrain, WorldHeldOut    float64 // of the world's answers, all heads together
	PersonStopped, WorldStopped bool    // training of that half is over
	Elapsed                     time.Duration
}

// Check returns an error that names the first field without a sensible value.
func (c Config) Check() error {
	wrong := func(field string, value any, want string) error {
		return fmt.Errorf("world: config: %s is %v, want %s", field, value, want)
	}
	for i, h := range c.Hidden {
		if h < 1 {
			return wrong(fmt.Sprintf("Hidden[%d]", i), h, "at least 1")
		}
	}
	switch {
	case !(c.LearningRate > 0) || math.IsInf(c.LearningRate, 0):
		return wrong("LearningRate", c.LearningRate, "a positive number")
	case c.Batch < 1:
		return wrong("Batch", c.Batch, "at least 1")
	case c.Epochs < 1:
		return wrong("Epochs", c.Epochs, "at least 1")
	case c.Patience < 1:
		return wrong("Patience", c.Patience, "at least 1")
	case !(c.HeldOut > 0 && c.HeldOut < 1):
		return wrong("HeldOut", c.HeldOut, "a share between 0 and 1")
	case c.Bins < 2:
		return wrong("Bins", c.Bins, "at least 2")
	}
	return nil
}

// Train trains a model on demonstrations. Each half is trained until its likelihood on the held-out episodes has not
// risen for Patience epochs, and keeps the parameters with which it was highest. Wrong values of cfg, and too few
// episodes to hold some out, are errors before training starts. When ctx is done it returns within one minibatch, with
// an error that wraps ctx.Err().
func Train(ctx context.Context, d *human.Demonstrations, cfg Config) (*Model, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if err := d.Spec.RequireDiscrete("world"); err != nil {
		return nil, err
	}
	train, held, err := d.Split(cfg.HeldOut, rng.New(cfg.Seed, "world held out", 0))
	if err != nil {
		return nil, fmt.Errorf("world: holding episodes out: %w", err)
	}
	m := &Model{Spec: d.Spec, Heads: makeHeads(train, cfg.Bins)}
	shape := nn.ShapeFor(d.Spec, cfg.Hidden, d.Spec.Actions)
	shape.Dense += d.Spec.Actions
	if m.person, err = nn.New(shape, 0.01, rng.New(cfg.Seed, "person weights", 0)); err != nil {
		return nil, fmt.Errorf("world: making the model of the person: %w", err)
	}
	shape.Out = outputs(m.Heads)
	if m.world, err = nn.New(shape, 0.01, rng.New(cfg.Seed, "world weights", 0)); err != nil {
		return nil, fmt.Errorf("world: making the model of the world: %w", err)
	}

	halves := [2]*half{
		newHalf(m.person, m.personData(train), m.personData(held), cfg),
		newHalf(m.world, m.worldData(train), m.worldData(held), cfg),
	}
	start := time.Now()
	order := make([]int32, train.Len())
	for i := range order {
		order[i] = int32(i)
	}
	shuffle := rng.New(cfg.Seed, "world minibatches", 0)
	for epoch := 1; epoch <= cfg.Epochs && !(halves[0].stopped && halves[1].stopped); epoch++ {
		shuffle.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for lo := 0; lo < len(order); lo += cfg.Batch {
			if err := ctx.Err(); err != nil {
				return nil, fmt.Errorf("world: stopped in epoch %d of %d: %w", epoch, cfg.Epochs, err)
			}
			for _, h := range halves {
				if err := h.step(order[lo:min(lo+cfg.Batch, len(order))], epoch); err != nil {
					return nil, err
				}
			}
		}
		for _, h := range halves {
			h.finish(cfg.Patience)
		}
		if cfg.Progress != nil {
			cfg.Progress(Progress{
				Epoch: epoch, Epochs: cfg.Epochs,
				PersonTrain: halves[0].trained, PersonHeldOut: halves[0].likelihood,
				WorldTrain: halves[1].trained, WorldHeldOut: halves[1].likelihood,
				PersonStopped: halves[0].stopped, WorldStopped: halves[1].stopped,
				Elapsed: time.Since(start),
			})
		}
	}
	for _, h := range halves {
		copy(h.net.Param, h.bestParam)
	}
	return m, nil
}

// makeHeads makes a head for each dense feature that ever changes: quantile bins of its changes, fewer where changes
// are so often the same that quantiles coincide.
func makeHeads(d *human.Demonstrations, bins int) []Head {
	var heads []Head
	changes := make([]float32, d.Len())
	for f := range d.Spec.Dense {
		for i := range changes {
			changes[i] = d.Next.Features[i*d.Next.Dense+f] - d.Obs.Features[i*d.Obs.Dense+f]
		}
		sort.Slice(changes, func(i, j int) bool { return changes[i] < changes[j] })
		h := Head{Feature: f}
		for b := 1; b < bins; b++ {
			e := changes[len(changes)*b/bins]
			if e < changes[len(changes)-1] && (len(h.Edges) == 0 || e > h.Edges[len(h.Edges)-1]) {
				h.Edges = append(h.Edges, e)
			}
		}
		if len(h.Edges) > 0 {
			heads = append(heads, h)
		}
	}
	return heads
}

// data is what a half learns: inputs, and the classes of its heads.
type data struct {
	input   env.Batch
	sizes   []int   // classes of each head
	targets []int32 // [N][len(sizes)]
}

func (m *Model) personData(d *human.Demonstrations) data {
	return data{
		input:   withAction(new(env.Batch), d.Obs, func(i int) int32 { return d.Previous[i] }, m.Spec.Actions),
		sizes:   []int{m.Spec.Actions},
		targets: d.Action,
	}
}

func (m *Model) worldData(d *human.Demonstrations) data {
	x := data{input: withAction(new(env.Batch), d.Obs, func(i int) int32 { return d.Action[i] }, m.Spec.Actions)}
	for _, h := range m.Heads {
		x.sizes = append(x.sizes, len(h.Edges)+1)
	}
	x.sizes = append(x.sizes, endClasses)
	x.targets = make([]int32, d.Len()*len(x.sizes))
	for i := range d.Len() {
		m.targets(x.targets[i*len(x.sizes):(i+1)*len(x.sizes)], d, i)
	}
	return x
}

// logLikelihoods returns the log-likelihood of each row, over all heads.
func (x *data) logLikelihoods(net *nn.Net) []float64 {
	out := net.Forward(x.input)
	ll := make([]float64, x.input.N)
	scratch := make([]float32, net.Shape.Out)
	for i := range ll {
		at := i * net.Shape.Out
		for k, size := range x.sizes {
			nn.LogSoftmax(scratch[:size], out[at:at+size])
			ll[i] += float64(scratch[x.targets[i*len(x.sizes)+k]])
			at += size
		}
	}
	return ll
}

// half is the training of one network.
type half struct {
	net         *nn.Net
	adam        *nn.Adam
	rate        float64
	train, held data

	job    nn.Job
	losses []float64 // of each block of the minibatch
	sum    float64   // of the epoch so far
	count  int

	trained, likelihood float64 // mean log-likelihoods after the last epoch
	best                float64
	bestParam           []float32
	waited              int
	stopped             bool
}

func newHalf(net *nn.Net, train, held data, cfg Config) *half {
	h := &half{
		net: net, adam: nn.NewAdam(net), rate: cfg.LearningRate, train: train, held: held,
		losses: make([]float64, (cfg.Batch+nn.Block-1)/nn.Block), best: math.Inf(-1),
		bestParam: append([]float32(nil), net.Param...),
	}
	h.job = nn.Job{Net: net, Batch: train.input, Loss: h.loss}
	return h
}

// loss is the cross-entropy of all heads, for nn.Accumulate.
func (h *half) loss(lo, hi int, out, dOut []float32) {
	width, heads := h.net.Shape.Out, len(h.train.sizes)
	scale, sum := 1/float32(len(h.job.Rows)), 0.0
	for i, row := range h.job.Rows[lo:hi] {
		at := i * width
		for k, size := range h.train.sizes {
			sum += float64(nn.CrossEntropy(dOut[at:at+size], out[at:at+size], int(h.train.targets[int(row)*heads+k])))
			at += size
		}
	}
	for i := range dOut {
		dOut[i] *= scale
	}
	h.losses[lo/nn.Block] = sum
}

// step takes one gradient step.
func (h *half) step(rows []int32, epoch int) error {
	if h.stopped {
		return nil
	}
	h.job.Rows = rows
	nn.Accumulate(h.job)
	norm := h.adam.Step(h.rate, 1)
	for _, l := range h.losses[:(len(rows)+nn.Block-1)/nn.Block] {
		h.sum += l
	}
	h.count += len(rows)
	if math.IsNaN(h.sum) || math.IsInf(h.sum, 0) || math.IsNaN(norm) || math.IsInf(norm, 0) {
		return fmt.Errorf("world: the loss became %v and its gradient's norm %v in epoch %d; try a smaller LearningRate (it is %g)",
			h.sum/float64(h.count), norm, epoch, h.rate)
	}
	return nil
}

// finish ends an epoch.
func (h *half) finish(patience int) {
	if h.stopped {
		return
	}
	h.trained = -h.sum / float64(h.count)
	h.sum, h.count = 0, 0
	h.likelihood = mean(h.held.logLikelihoods(h.net))
	if h.likelihood > h.best {
		h.best, h.waited = h.likelihood, 0
		copy(h.bestParam, h.net.Param)
		return
	}
	h.waited++
	h.stopped = h.waited >= patience
}

func mean(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v
	}
	return s / float64(len(x))
}
