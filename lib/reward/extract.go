package reward

import (
	"context"
	"fmt"
	"math"
	"slices"

	"goalgap/lib/env"
	"goalgap/lib/human"
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

// Scene is one kind of level that the model of people is asked about. The environments' own rewards are not used.
type Scene struct {
	Make   func() (env.Env, error)
	Levels env.Levels // which levels are drawn
	Count  int        // how many
}

// Config is how to extract. Start from Default.
type Config struct {
	Seed        uint64  // of everything random; default 1
	Decisions   int     // moments of each level in which the model of people is asked what they would do; default 6
	Horizon     int     // steps for which the consequences of an action are imagined; what follows then is predicted from recorded futures; default 1
	Discount    float64 // γ, by which people are taken to value a thing less with each step until they have it; default 0.99
	Temperature float64 // after the action in question, people are imagined with their choice probabilities to the power 1/Temperature, as mistakes are not meant; default 0.5
	Ridge       float64 // weight of the prior that rewards are small, of the squared reward in nats for each unit of a feature; default 1e-3
	Folds       int     // parts of the levels that are held out in turn; default 5
	Certainty   float64 // standard errors by which a feature must raise the held-out likelihood to count; default 2
	Share       float64 // of the rise that the first feature brought, which a further one must bring to count; default 1/2
	Most        int     // most features that can count; default 12
	Resamples   int     // bootstrap resamples of levels behind the intervals of the weights; default 200

	Hidden       []int   // widths of the hidden layers of the network that predicts people's futures; default 64, 64
	LearningRate float64 // of its Adam, falling linearly to 0; default 2e-3
	Batch        int     // steps in a minibatch; default 512
	Epochs       int     // passes over the recorded play; default 12

	Progress func(done, total int) `json:"-"` // called now and then with the decisions whose consequences are known; nil: not
}

// Default returns the defaults.
func Default() Config {
	return Config{Seed: 1, Decisions: 6, Horizon: 1, Discount: 0.99, Temperature: 0.5, Ridge: 1e-3, Folds: 5, Certainty: 2,
		Share: 0.5, Most: 12, Resamples: 200, Hidden: []int{64, 64}, LearningRate: 2e-3, Batch: 512, Epochs: 12}
}

// Check returns an error that names the first field without a sensible value.
func (c Config) Check() error {
	wrong := func(field string, value any, want string) error {
		return fmt.Errorf("reward: config: %s is %v, want %s", field, value, want)
	}
	positive := func(x float64) bool { return x > 0 && !math.IsInf(x, 0) }
	for i, h := range c.Hidden {
		if h < 1 {
			return wrong(fmt.Sprintf("Hidden[%d]", i), h, "at least 1")
		}
	}
	switch {
	case c.Decisions < 1:
		return wrong("Decisions", c.Decisions, "at least 1")
	case c.Horizon < 1:
		return wrong("Horizon", c.Horizon, "at least 1")
	case !(c.Discount > 0 && c.Discount <= 1):
		return wrong("Discount", c.Discount, "a number above 0 and up to 1")
	case !positive(c.Temperature):
		return wrong("Temperature", c.Temperature, "a positive number")
	case !positive(c.Ridge):
		return wrong("Ridge", c.Ridge, "a positive number")
	case c.Folds < 2:
		return wrong("Folds", c.Folds, "at least 2")
	case !(c.Certainty >= 0) || math.IsInf(c.Certainty, 0):
		return wrong("Certainty", c.Certainty, "0 or a positive number")
	case !(c.Share >= 0 && c.Share <= 1):
		return wrong("Share", c.Share, "a share")
	case c.Most < 1:
		return wrong("Most", c.Most, "at least 1")
	case c.Resamples < 2:
		return wrong("Resamples", c.Resamples, "at least 2")
	case !positive(c.LearningRate):
		return wrong("LearningRate", c.LearningRate, "a positive number")
	case c.Batch < 1:
		return wrong("Batch", c.Batch, "at least 1")
	case c.Epochs < 1:
		return wrong("Epochs", c.Epochs, "at least 1")
	}
	return nil
}

// Extracted is a reward function pulled out of a model of people: the sum of Weight[j] times feature j of the next
// observation. It is not for concurrent use.
type Extracted struct {
	Names  []string
	Weight []float64 // 0 for features that do not count; the one of largest magnitude is 10 or -10, unless all are 0
	Lo, Hi []float64 // 95 % bootstrap interval over levels of each weight that counts, in the same unit
	Order  []int     // features that count, in the order in which they were found

	Nats      float64 // what a reward of 10 is in nats of preference
	Gain      float64 // rise of the held-out log-likelihood of people's choices by the reward, nats a decision
	Decisions int     // how many choices it was read off

	features Features
	scratch  []float32
}

// Extract pulls out a reward function by inverse soft-Q learning with successor features.
//
// Somebody who is Boltzmann-rational chooses action a in state s with log π(a|s) = β Q(s,a) + const(s). If the reward is
// linear in features, r = w·φ(s'), then Q(s,a) = w·ψ(s,a), where ψ, the successor features, are what the action brings
// about: the discounted sum of φ over what follows. So w is a linear model of what people choose, explained by what
// would have come of each choice (Filos et al. 2021, "PsiPhi-Learning"; the choice model is that of maximum entropy
// inverse reinforcement learning, Ziebart et al. 2008).
//
// What people choose comes from the model of people: on each level it is asked to play, and at some moments how probable
// each action is, with habit taken out by averaging over the previous actions other than the action itself. What an
// action brings about comes from the world and from recorded play: the state at which the action arrives, and then a
// network that predicts, from the observation there, the discounted sums of the features that people went on to collect.
// With Horizon above 1 the model of people is let play on for that many steps before the network takes over; its play is
// worse than that of the people it was learned from, which makes what kills them look wanted. After the rules have ended
// an episode an absorbing state follows, in which all features are 0: the end is worth nothing by itself, and the length
// of an episode gives nothing away (the trap of variable horizons). No reward enters: that of the environments is not
// looked at, and recorded play has none.
//
// Rewards are taken to be sparse. Features are added one by one, each time the one that raises the likelihood of held-out
// levels most, until the rise is less than Certainty standard errors or less than Share of what the first one brought.
// Without that a policy would find whatever pays a little for ever. It is an error if no feature explains anything: then
// people's choices show no preference for what the features describe.
//
// What the features are decides what can be found. Of features that say what the agent touches, the right one is found;
// of features that say what stands in the cells around it, places on the way explain people's steps as well as the goal
// does, and the reward is no good (see the tests of lib/shift).
//
// The reward is w·φ(s'), scaled. It does not see whether the episode ended, and a step without any feature that counts
// has reward 0. Wrong values of cfg and scenes are errors before work starts, and so is a d without
// play; it is an error if a scene's Spec differs from d's in more than Name and MaxSteps. When ctx is done it returns
// soon, with an error that wraps ctx.Err().
func Extract(ctx context.Context, people ActionModel, d *human.Demonstrations, scenes []Scene, features Features, cfg Config) (*Extracted, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	k := len(features.Names())
	if k == 0 {
		return nil, fmt.Errorf("reward: no features for a reward to depend on")
	}
	levels := 0
	for i, s := range scenes {
		if s.Count < 1 {
			return nil, fmt.Errorf("reward: scene %d has %d levels; at least 1 is needed", i, s.Count)
		}
		levels += s.Count
	}
	if levels < 2*cfg.Folds {
		return nil, fmt.Errorf("reward: %d levels to ask the model of people about; at least %d are needed", levels, 2*cfg.Folds)
	}
	if d == nil || d.Len() == 0 {
		return nil, fmt.Errorf("reward: no recorded play to learn people's futures from")
	}
	if err := d.Spec.RequireDiscrete("reward"); err != nil {
		return nil, err
	}
	future, err := learnFutures(ctx, d, features, cfg)
	if err != nil {
		return nil, err
	}
	x, err := ask(ctx, people, future, scenes, features, cfg)
	if err != nil {
		return nil, err
	}
	spread := x.standardize()
	x.ridge = make([]float64, k)
	for j, sd := range spread {
		x.ridge[j] = 1
		if sd > 0 {
			x.ridge[j] = cfg.Ridge / (sd * sd)
		}
	}
	use, gain, err := x.sparsest(ctx, cfg.Folds, min(cfg.Most, k), cfg.Certainty, cfg.Share)
	if err != nil {
		return nil, err
	}
	if len(use) == 0 {
		return nil, fmt.Errorf("reward: none of the %d features explains what people choose in %d decisions on %d levels; try more levels, people who are more rational, or other features", k, x.n, levels)
	}
	y := x.columns(use)
	w, err := y.solve(ctx, nil, nil)
	if err != nil {
		return nil, err
	}
	resampled := make([][]float64, len(use))
	random := rng.New(cfg.Seed, "reward bootstrap", 0)
	times := make([]float64, levels)
	for range cfg.Resamples {
		clear(times)
		for range levels {
			times[random.IntN(levels)]++
		}
		b, err := y.solve(ctx, times, w)
		if err != nil {
			return nil, err
		}
		for j := range use {
			resampled[j] = append(resampled[j], b[j])
		}
	}
	r := &Extracted{
		Names: features.Names(), Weight: make([]float64, k), Lo: make([]float64, k), Hi: make([]float64, k),
		Order: use, Gain: gain, Decisions: x.n, features: features,
	}
	for j, f := range use {
		r.Nats = max(r.Nats, math.Abs(w[j])/spread[f])
	}
	for j, f := range use {
		unit := 10 / r.Nats / spread[f]
		b := resampled[j]
		slices.Sort(b)
		r.Weight[f], r.Lo[f], r.Hi[f] = w[j]*unit, b[len(b)*25/1000]*unit, b[len(b)-1-len(b)*25/1000]*unit
	}
	return r, nil
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
		for _, j := range r.Order {
			sum += r.Weight[j] * float64(phi[i*k+j])
		}
		dst[i] = float32(sum)
	}
}
