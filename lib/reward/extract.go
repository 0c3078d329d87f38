package reward

import (
	"context"
	"fmt"
	"math"
	"slices"

	"goalgap/lib/env"
	"goalgap/lib/rng"
)

// ActionModel predicts what people do; world.Model is one.
type ActionModel interface {
	// ActionLogProbs writes to dst [obs.N][actions] the logarithm of the probability of each action on seeing obs
	// after having done previous [obs.N] (-1: nothing yet).
	ActionLogProbs(dst []float32, obs env.Batch, previous []int32)
}

// Features is what a reward may depend on: numbers read off an observation, such as which things the agent touches.
type Features interface {
	// Names returns one name a feature.
	Names() []string
	// Features writes to dst [obs.N][len(Names())] the features of each observation.
	Features(dst []float32, obs env.Batch)
}

// Controls is what Features may have besides: which features are fitted but kept out of the reward. They stand for how
// skilled somebody is, which would otherwise be taken for what it wants.
type Controls interface {
	Controls() []bool // [len(Names())]
}

// Scene is one kind of level that the model of people is asked about. The environments' own rewards are not used.
type Scene struct {
	Make   func() (env.Env, error)
	Levels env.Levels // which levels are drawn
	Count  int        // how many
}

// Config is how to extract. Start from Default.
type Config struct {
	Seed        uint64  // of everything random; default 1
	Horizon     int     // steps of an episode, play and absorbing state together; default 200
	Discount    float64 // γ, by which a feature counts less with each step; default 0.99
	References  int     // episodes of the reference player on each level; default 3
	Temperature float64 // people are imagined with their choice probabilities to the power 1/Temperature; default 0.5
	Ridge       float64 // weight of the prior that preferences are small; default 1e-2
	Resamples   int     // bootstrap resamples of levels behind the intervals of the weights; default 400
	Certainty   float64 // standard errors that a weight must be away from 0 not to be taken as 0; default 4
	Least       float64 // share of the largest weight below which a weight is taken as 0; default 0.1

	Progress func(done, total int) `json:"-"` // called after each batch of levels; nil: not
}

// Default returns the defaults.
func Default() Config {
	return Config{Seed: 1, Horizon: 200, Discount: 0.99, References: 3, Temperature: 0.5,
		Ridge: 1e-2, Resamples: 400, Certainty: 4, Least: 0.1}
}

// Check returns an error that names the first field without a sensible value.
func (c Config) Check() error {
	wrong := func(field string, value any, want string) error {
		return fmt.Errorf("reward: config: %s is %v, want %s", field, value, want)
	}
	switch {
	case c.Horizon < 1:
		return wrong("Horizon", c.Horizon, "at least 1")
	case !(c.Discount > 0 && c.Discount <= 1):
		return wrong("Discount", c.Discount, "a number above 0 and up to 1")
	case c.References < 1:
		return wrong("References", c.References, "at least 1")
	case !(c.Temperature > 0) || math.IsInf(c.Temperature, 0):
		return wrong("Temperature", c.Temperature, "a positive number")
	case !(c.Ridge > 0) || math.IsInf(c.Ridge, 0):
		return wrong("Ridge", c.Ridge, "a positive number")
	case c.Resamples < 2:
		return wrong("Resamples", c.Resamples, "at least 2")
	case !(c.Certainty >= 0) || math.IsInf(c.Certainty, 0):
		return wrong("Certainty", c.Certainty, "0 or a positive number")
	case !(c.Least >= 0 && c.Least <= 1):
		return wrong("Least", c.Least, "a share")
	}
	return nil
}

// Extracted is a reward function pulled out of a model of people: the sum of Weight[j] times feature j of the next
// observation. It is not for concurrent use.
type Extracted struct {
	Names  []string
	Weight []float64 // the one of largest magnitude is 10 or -10, unless all are 0
	Lo, Hi []float64 // 95 % bootstrap interval of each weight before any was taken as 0, in the same unit
	Nats   float64   // what a reward of 10 is in nats of preference
	Levels int       // how many levels the model was asked about

	// Means over levels of the discounted sums of the features: what people bring about, and what the reference player
	// brings about.
	People, Reference []float64

	features Features
	scratch  []float32
}

// Extract pulls out a reward function by relative-entropy inverse reinforcement learning (Boularias, Kober and Peters
// 2011): people are told apart from somebody with the same habits who does not look.
//
// On each level the model of people is asked what people would do, step by step, which gives an episode; the
// probabilities of choices are sharpened by Temperature, as mistakes are not meant. So does a
// reference player, who draws the same actions as often, and repeats them as often, but blindly. Both play to a
// fixed horizon: after the rules have ended an episode an absorbing state follows, in which all features are 0, so its
// length gives nothing away and the end is worth nothing by itself. With Φ(τ) the discounted sum of the features φ(s')
// over an episode, people's episodes are distributed as
//
//	p(τ | level) ∝ p_reference(τ | level) exp(w·Φ(τ)),
//
// the distribution closest to the reference that brings about what people bring about (maximum entropy, Ziebart et al.
// 2008). w maximises the likelihood of picking, on each level, the person's episode out of that and the reference
// episodes (ranking noise-contrastive estimation, Ma and Collins 2018); that is a convex problem without a partition
// function and without learning to act. A ridge on w, in units of the spread of each Φ, stands for indifference to
// what does not show. Rewards are taken to be sparse: a weight within Certainty standard errors of 0 (by the bootstrap
// over levels), or below the share Least of the largest, is set to 0 and the others are fitted again. Without that a
// policy would find whatever pays a little for ever.
//
// What it cannot tell apart: people get further than the reference player, so they also meet more of what stands
// further on, and what they do badly (bumping into things) looks like what they do not mind.
//
// The reward is w·φ(s'), scaled. It does not see whether the episode ended, and a step without any feature has
// reward 0. No true reward enters.
//
// Wrong values of cfg and scenes are errors before work starts. When ctx is done it returns soon, with an error that
// wraps ctx.Err(). Progress counts levels.
func Extract(ctx context.Context, people ActionModel, scenes []Scene, features Features, cfg Config) (*Extracted, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	k := len(features.Names())
	if k == 0 {
		return nil, fmt.Errorf("reward: no features for a reward to depend on")
	}
	total := 0
	for i, s := range scenes {
		if s.Count < 1 {
			return nil, fmt.Errorf("reward: scene %d has %d levels; at least 1 is needed", i, s.Count)
		}
		total += s.Count
	}
	if total < 2 {
		return nil, fmt.Errorf("reward: %d levels to ask the model of people about; at least 2 are needed", total)
	}
	play := &episodes{people: people, features: features, k: k, cfg: cfg}
	if err := play.run(ctx, scenes, total); err != nil {
		return nil, err
	}
	x := &choice{n: total, options: 1 + cfg.References, k: k, phi: play.sums, ridge: cfg.Ridge}
	spread := x.standardize()
	r := &Extracted{
		Names: features.Names(), Levels: total, features: features,
		Lo: make([]float64, k), Hi: make([]float64, k), People: make([]float64, k), Reference: make([]float64, k),
	}
	for i := range total {
		for o := range x.options {
			for j := range k {
				f := float64(x.phi[(i*x.options+o)*k+j]) * spread[j] / float64(total)
				if o == 0 {
					r.People[j] += f
				} else {
					r.Reference[j] += f / float64(cfg.References)
				}
			}
		}
	}

	use := make([]bool, k)
	for j := range use {
		use[j] = spread[j] > 0
	}
	w, err := x.solve(ctx, nil, use, nil)
	if err != nil {
		return nil, err
	}
	resampled := make([][]float64, k)
	random := rng.New(cfg.Seed, "reward bootstrap", 0)
	for range cfg.Resamples {
		weight := make([]float64, total)
		for range total {
			weight[random.IntN(total)]++
		}
		b, err := x.solve(ctx, weight, use, w)
		if err != nil {
			return nil, err
		}
		for j := range k {
			resampled[j] = append(resampled[j], b[j])
		}
	}
	control := make([]bool, k)
	if c, ok := features.(Controls); ok {
		copy(control, c.Controls())
	}
	largest := 0.0
	for j, sd := range spread {
		if sd > 0 && !control[j] {
			largest = max(largest, math.Abs(w[j])/sd)
		}
	}
	any := false
	for j, b := range resampled {
		slices.Sort(b)
		r.Lo[j], r.Hi[j] = b[len(b)*25/1000], b[len(b)-1-len(b)*25/1000]
		use[j] = use[j] && math.Abs(w[j]) >= cfg.Certainty*deviation(b) && (control[j] || math.Abs(w[j])/spread[j] >= cfg.Least*largest)
		any = any || use[j]
	}
	if any {
		if w, err = x.solve(ctx, nil, use, nil); err != nil {
			return nil, err
		}
	} else {
		clear(w)
	}
	for j, sd := range spread {
		if sd > 0 {
			w[j], r.Lo[j], r.Hi[j] = w[j]/sd, r.Lo[j]/sd, r.Hi[j]/sd
		}
		if control[j] {
			w[j], r.Lo[j], r.Hi[j] = 0, 0, 0
		}
		r.Nats = max(r.Nats, math.Abs(w[j]))
	}
	r.Weight = w
	if r.Nats > 0 {
		for j := range w {
			r.Weight[j] *= 10 / r.Nats
			r.Lo[j] *= 10 / r.Nats
			r.Hi[j] *= 10 / r.Nats
		}
	}
	return r, nil
}

// deviation is the standard deviation of x.
func deviation(x []float64) float64 {
	mean, sum := 0.0, 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		sum += (v - mean) * (v - mean)
	}
	return math.Sqrt(sum / float64(len(x)))
}

// Rewards implements Func.
func (r *Extracted) Rewards(dst []float32, _ env.Batch, _ []int32, next env.Batch, _ []env.End) {
	r.State(dst, next)
}

// State writes to dst [next.N] the reward of arriving at each observation.
func (r *Extracted) State(dst []float32, next env.Batch) {
	k := len(r.Weight)
	if len(r.scratch) < next.N*k {
		r.scratch = make([]float32, next.N*k)
	}
	phi := r.scratch[:next.N*k]
	r.features.Features(phi, next)
	for i := range dst[:next.N] {
		sum := 0.0
		for j, w := range r.Weight {
			sum += w * float64(phi[i*k+j])
		}
		dst[i] = float32(sum)
	}
}
