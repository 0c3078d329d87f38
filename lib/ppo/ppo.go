package ppo

import (
	"context"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"time"

	"goalgap/lib/env"
	"goalgap/lib/internal/fork"
	"goalgap/lib/nn"
	"goalgap/lib/rng"
)

// Train trains a new policy on episodes of levels drawn from the given distribution.
//
// When ctx is done it returns within one rollout, one minibatch or the evaluations after one update, with the result so
// far and an error that wraps ctx.Err(). When one of Config.Callbacks stops the training it returns the result so far, in
// which Stopped says why, and no error; when one fails, the result so far and its error, wrapped. If training diverges it
// returns the result so far and an error that says which quantity did, at which update, and what to try. Wrong values of
// cfg, and environments that cannot be made, are errors before training starts.
func Train(ctx context.Context, makeEnv func() (env.Env, error), levels env.Levels, cfg Config) (*Result, error) {
	t, err := NewTrainer(makeEnv, levels, cfg)
	if err != nil {
		return nil, err
	}
	return t.Run(ctx)
}

// Result is what training gave.
type Result struct {
	Policy    *Policy
	Curve     []Point       // one point an update
	Evaluated []Evaluated   // what Config.Evaluate asked for, in order of time
	Steps     int           // environment steps taken
	Elapsed   time.Duration // time spent training; evaluations and callbacks are not in it

	// Stopped says why the training ended: what a callback stopped it with, which wraps ErrStop, or else the error that
	// came with this result; nil if all updates that were asked for were done.
	Stopped error
}

// Trainer is a training that can be stopped, saved and continued. It is not for concurrent use.
type Trainer struct {
	cfg     Config
	levels  env.Levels
	updates int // in all

	vec    *env.Vec
	policy *Policy
	adam   *nn.Adam

	update    int // updates that are complete
	curve     []Point
	evaluated []Evaluated
	elapsed   time.Duration
	failed    error // once training has diverged
	stop      error // what a callback stopped the training with, until Run has reported it

	// Where in the update the training stands: an interrupted update goes on where it stopped.
	collected        bool
	epoch, minibatch int

	rollout  rollout
	order    []int32 // the rollout's rows, shuffled
	shuffled []int32 // what is shuffled: the environments where the policy has a memory, otherwise order itself
	shuffle  *rand.PCG
	episodes episodes
	scale    scale
	learn    learner

	evaluators []*evaluator

	groups []group
	act    *fork.Fork
}

// NewTrainer prepares a training. See Train for the errors.
func NewTrainer(makeEnv func() (env.Env, error), levels env.Levels, cfg Config) (*Trainer, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	cfg.Hidden, cfg.Conv = append([]int(nil), cfg.Hidden...), append([]int(nil), cfg.Conv...)
	cfg.Callbacks = append([]Callback(nil), cfg.Callbacks...)
	vec, err := env.NewVec(makeEnv, cfg.Envs, levels, cfg.Seed)
	if err != nil {
		return nil, fmt.Errorf("ppo: preparing to train: %w", err)
	}
	if len(cfg.Conv) > 0 && vec.Spec.Image == (env.Image{}) {
		return nil, fmt.Errorf("ppo: config: Conv is %v, but observations of %s are no image", cfg.Conv, vec.Spec.Name)
	}
	policy, err := newPolicy(vec.Spec, cfg.architecture(), cfg.LeCun, cfg.Seed)
	if err != nil {
		return nil, fmt.Errorf("ppo: preparing to train: %w", err)
	}
	if cfg.NormalizeObservations {
		if vec.Spec.Dense == 0 {
			return nil, fmt.Errorf("ppo: config: NormalizeObservations is true, but observations of %s have no dense part", vec.Spec.Name)
		}
		policy.normalizer = newNormalizer(vec.Spec.Dense)
	}
	if err := checkActions(vec.Spec, cfg); err != nil {
		return nil, err
	}
	for j := range policy.actor.LogStd() {
		policy.actor.LogStd()[j] = float32(cfg.LogStd)
	}
	if cfg.Start != nil {
		if policy, err = cfg.Start.continued(vec.Spec, cfg); err != nil {
			return nil, err
		}
	}
	batch := cfg.Envs * cfg.Rollout
	t := &Trainer{
		cfg: cfg, levels: levels, updates: cfg.Steps / batch,
		vec: vec, policy: policy, adam: newAdam(policy, cfg),
		rollout:  newRollout(vec.Spec, cfg.Envs, cfg.Rollout, cfg.NormalizeObservations, cfg.Memory),
		order:    make([]int32, batch),
		shuffle:  rng.NewSource(cfg.Seed, "minibatches", 0),
		episodes: newEpisodes(cfg.Envs),
		scale:    newScale(cfg.Envs),
	}
	if t.shuffled = t.order; cfg.Memory > 0 {
		t.shuffled = make([]int32, cfg.Envs)
	}
	if vec.Spec.Continuous > 0 && cfg.Reward != nil {
		t.rollout.clipped = make([]float32, len(t.rollout.continuous))
	}
	if err := t.prepareEvaluations(makeEnv); err != nil {
		return nil, err
	}
	t.learn.init(t)
	t.makeGroups()
	return t, nil
}

// newAdam returns the optimiser of a policy's networks.
func newAdam(p *Policy, cfg Config) *nn.Adam {
	var nets []*nn.Net
	for _, n := range p.networks() {
		nets = append(nets, n.Net)
	}
	adam := nn.NewAdam(nets...)
	if cfg.AdamEps > 0 {
		adam.Eps = cfg.AdamEps
	}
	return adam
}

// Run trains until all of Config.Steps are done, or ctx or one of Config.Callbacks stops it. See Train for what it
// returns. After a stop it can be called again and goes on where it stopped, to the same bits as if it had never been
// stopped.
func (t *Trainer) Run(ctx context.Context) (*Result, error) {
	return t.RunUpdates(ctx, t.updates)
}

// RunUpdates is Run for at most n updates, for a caller who changes something between them, such as the reward.
func (t *Trainer) RunUpdates(ctx context.Context, n int) (*Result, error) {
	for end := min(t.updates, t.update+n); t.update < end && t.stop == nil; {
		if err := t.runUpdate(ctx); err != nil {
			return t.result(err), err
		}
	}
	if stop := t.stop; stop != nil {
		t.stop = nil
		return t.result(stop), nil
	}
	return t.result(t.failed), t.failed
}

// Done says whether all of Config.Steps are done.
func (t *Trainer) Done() bool { return t.update >= t.updates }

// Config returns how the training was asked for.
func (t *Trainer) Config() Config {
	c := t.cfg
	c.Hidden, c.Conv = append([]int(nil), c.Hidden...), append([]int(nil), c.Conv...)
	return c
}

// Policy returns a copy of the policy as it is now.
func (t *Trainer) Policy() *Policy { return t.policy.Clone() }

// result returns what there is so far.
func (t *Trainer) result(stopped error) *Result {
	return &Result{
		Policy:    t.policy.Clone(),
		Curve:     append([]Point(nil), t.curve...),
		Evaluated: append([]Evaluated(nil), t.evaluated...),
		Steps:     t.update * len(t.order), Elapsed: t.elapsed,
		Stopped: stopped,
	}
}

// runUpdate does one update, or what is left of it, and tells of it.
func (t *Trainer) runUpdate(ctx context.Context) error {
	start := time.Now()
	err := t.improve(ctx)
	t.elapsed += time.Since(start)
	if err != nil {
		return err
	}
	return t.record()
}

// improve is one update: Algorithm 1 of Schulman et al. 2017.
func (t *Trainer) improve(ctx context.Context) error {
	if t.failed != nil {
		return t.failed
	}
	if err := t.stopped(ctx); err != nil {
		return err
	}
	if !t.collected {
		if t.failed = t.collect(); t.failed != nil {
			return t.failed
		}
		t.collected, t.epoch, t.minibatch = true, 0, 0
		t.learn.begin()
		if t.failed = t.observed(); t.failed != nil {
			return t.failed
		}
		if t.failed = t.reward(); t.failed != nil {
			return t.failed
		}
		if t.failed = t.estimate(); t.failed != nil {
			return t.failed
		}
		for i := range t.shuffled {
			t.shuffled[i] = int32(i)
		}
	}
epochs:
	for ; t.epoch < t.cfg.Epochs; t.epoch++ {
		if t.minibatch == 0 {
			t.deal()
		}
		for t.minibatch < t.cfg.Minibatches {
			if t.failed = t.learn.step(t.minibatchRows(t.minibatch)); t.failed != nil {
				return t.failed
			}
			if t.learn.tooFar {
				break epochs
			}
			t.minibatch++
			if err := t.stopped(ctx); err != nil {
				return err
			}
		}
		t.minibatch = 0
	}
	if z := t.policy.normalizer; z != nil {
		z.observe(t.rollout.obs.Features)
	}
	t.collected = false
	t.update++
	return nil
}

// deal shuffles the rows for another epoch. Where the policy has a memory the environments are shuffled, and a minibatch
// has all rows of some of them, ordered by time.
func (t *Trainer) deal() {
	shuffle(t.shuffled, t.shuffle)
	if t.cfg.Memory == 0 {
		return
	}
	for m := range t.cfg.Minibatches {
		lo, hi := t.minibatchRange(m)
		rows, some := t.minibatchRows(m), t.shuffled[lo:hi]
		for i := range rows {
			rows[i] = int32(i/len(some)*t.cfg.Envs) + some[i%len(some)]
		}
	}
}

// minibatchRange returns which of t.shuffled the present epoch's minibatch i has.
func (t *Trainer) minibatchRange(i int) (lo, hi int) {
	return len(t.shuffled) * i / t.cfg.Minibatches, len(t.shuffled) * (i + 1) / t.cfg.Minibatches
}

// minibatchRows returns the rows of the present epoch's minibatch i.
func (t *Trainer) minibatchRows(i int) []int32 {
	lo, hi := t.minibatchRange(i)
	rows := len(t.order) / len(t.shuffled) // of each
	return t.order[lo*rows : hi*rows]
}

// stopped returns an error if the context is done.
func (t *Trainer) stopped(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("ppo: stopped in update %d of %d: %w", t.update+1, t.updates, err)
	}
	return nil
}

// learningRate returns the learning rate of the present update.
func (t *Trainer) learningRate() float64 {
	if !t.cfg.Anneal {
		return t.cfg.LearningRate
	}
	return t.cfg.LearningRate * (1 - float64(t.update)/float64(t.updates))
}

// clip returns the clip range of the present update.
func (t *Trainer) clip() float32 {
	if !t.cfg.AnnealClip {
		return float32(t.cfg.Clip)
	}
	return float32(t.cfg.Clip * (1 - float64(t.update)/float64(t.updates)))
}

// diverged returns the error for a quantity that is not finite.
func (t *Trainer) diverged(quantity string, value float64) error {
	return fmt.Errorf("ppo: %s became %v in update %d of %d (after %d environment steps); try a smaller LearningRate (it is %g), a MaxGradNorm above 0 (it is %g), or smaller rewards (ScaleReward)",
		quantity, value, t.update+1, t.updates, (t.update+1)*len(t.order), t.cfg.LearningRate, t.cfg.MaxGradNorm)
}

// shuffle permutes x uniformly (Fisher and Yates).
func shuffle(x []int32, src *rand.PCG) {
	for i := len(x) - 1; i > 0; i-- {
		// Lemire's multiplication; its bias of i/2⁶⁴ is beyond notice.
		high, _ := bits.Mul64(src.Uint64(), uint64(i+1))
		j := int(high)
		x[i], x[j] = x[j], x[i]
	}
}

// finite says whether x is neither NaN nor infinite.
func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
