// Package ppo is proximal policy optimisation (Schulman et al. 2017) for environments with discrete, multi-discrete and
// continuous actions, with the 13 core implementation details of Huang et al., "The 37 implementation details of PPO"
// (2022), those for continuous and multi-discrete actions, and the defaults of CleanRL's ppo.py and
// ppo_continuous_action.py. Policy and value have a network each, or (Config.Shared) one with two heads; images go through
// the convolutions of IMPALA where Config.Conv asks for them, and Config.Memory gives the policy a memory.
//
// Train is the loop: collect a rollout, turn its rewards into advantages, and for some epochs of shuffled minibatches
// follow the gradient of the clipped losses. Everything is determined by Config.Seed, whatever GOMAXPROCS is.
//
// It differs from ppo.py in one point: where a time limit cuts an episode (env.Truncated), the value of the state that
// the episode was cut at stands in for the rewards that would have followed; ppo.py treats the cut like a death.
package ppo

import (
	"fmt"
	"math"

	"goalgap/lib/env"
	"goalgap/lib/nn"
)

// Rewarder gives the rewards to train on, in place of the environment's own: a reward model.
type Rewarder interface {
	// Rewards writes to dst[i] the reward for taking actions[i] on seeing row i of obs, which led to row i of next, and
	// with which the episode stood as end[i] says. The next state is the one before any reset. The rows are those of a
	// whole rollout, ordered by time and within a time by environment. Multi-discrete actions are [rows][Spec.Width()].
	// It is called once an update.
	Rewards(dst []float32, obs env.Batch, actions []int32, next env.Batch, end []env.End)
}

// ContinuousRewarder is what a Rewarder must be where actions are continuous; its Rewards is then not called.
type ContinuousRewarder interface {
	Rewarder
	// RewardsContinuous is Rewards for actions [rows][Spec.Continuous], clipped as the environments were handed them.
	RewardsContinuous(dst []float32, obs env.Batch, actions []float32, next env.Batch, end []env.End)
}

// Config is how to train. Start from Default.
type Config struct {
	Seed uint64 // of everything random; default 1

	Steps   int   // environment steps in all, rounded down to whole rollouts; default 500 000
	Envs    int   // environments side by side; default 4
	Rollout int   // steps of each environment between updates; default 128
	Hidden  []int // widths of the hidden layers, of the policy and of the value network; default 64, 64

	// Conv puts the residual convolutional network of IMPALA (Espeholt et al. 2018), as procgen and JaxGMG have it, before
	// the hidden layers: the channels of each of its blocks, such as 16, 32, 32. It needs environments whose Spec has an
	// Image, and the Activation is then ReLU. Default none: an image is a row of numbers like any other.
	Conv       []int         `json:",omitempty"`
	Activation nn.Activation `json:",omitempty"` // of the hidden layers; default nn.Tanh

	// Shared makes one network of policy and value: all layers but the last are common to both. Default false: two.
	Shared bool `json:",omitempty"`

	// Memory is the width of a gated recurrent unit (GRU) between the last hidden layer and the heads, by which actions
	// follow from all that was seen in the episode; default 0: none. It needs Shared, and Envs of at least Minibatches:
	// minibatches are then whole environments' steps of a rollout, through all of which the gradient goes, from the state
	// that the rollout began with (details 1 to 5 of LSTMs in Huang et al. 2022, whose unit is another). The states of
	// episodes that go on in the next rollout are carried over, as they are. The policy acts by way of Policy.NewMemory.
	Memory int `json:",omitempty"`

	// LeCun draws the initial weights as flax does unless told otherwise: see nn.NewLeCun. Default false: orthogonal ones,
	// see nn.New.
	LeCun bool `json:",omitempty"`

	LearningRate float64 // of Adam, at the start; default 2.5e-4
	Anneal       bool    // lower the learning rate linearly to 0; default true
	AnnealClip   bool    // lower Clip linearly to 0; default false
	AdamEps      float64 `json:",omitempty"` // added to the root of Adam's second moment; default 0, which is 1e-5
	MaxGradNorm  float64 // clip the gradient, of both networks together, to this length; 0: do not; default 0.5

	Gamma  float64 // discount factor of a step; default 0.99
	Lambda float64 // of generalised advantage estimation; default 0.95

	Epochs             int     // passes over each rollout; default 4
	Minibatches        int     // gradient steps in a pass; default 4
	NormalizeAdvantage bool    // to mean 0 and deviation 1 in each minibatch; default true
	Clip               float64 // of the probability ratio, and of the value's change; default 0.2
	ClipValue          bool    // clip the value's change; default true
	EntropyCoef        float64 // weight of the policy's entropy (nats) in the objective; default 0.01
	ValueCoef          float64 // weight of the value loss; default 0.5

	// LogStd is the logarithm of the standard deviation that continuous actions are drawn with at first, in the unit of
	// the actions; it is learnt from there on, a parameter for each of an action's numbers. Default 0: a deviation of 1.
	// It must be 0 where actions are not continuous.
	LogStd float64 `json:",omitempty"`

	// TargetKL ends an update before the gradient step whose minibatch shows an estimated divergence from the policy that
	// collected the rollout (as Point.ApproxKL, nats) of more than 1.5 times TargetKL; the first step is always taken. That
	// is target_kl of Stable-Baselines3's ppo.py; CleanRL's looks once an epoch, at its last minibatch, without the 1.5.
	// 0: never; default 0. Usual values are 0.01 to 0.05.
	TargetKL float64

	// NormalizeObservations brings the dense part of observations to mean 0 and deviation 1 by running statistics, which
	// become part of the policy, and cuts them to ±10; default false. Rewarders see them as they are.
	NormalizeObservations bool

	// ScaleReward divides rewards by the running deviation of their discounted sum (with the same Gamma) and clips them
	// to ±10, as for procgen; default false. Curves show unscaled rewards.
	ScaleReward bool

	// Start is a policy to go on from, whose weights and observation statistics are copied; nil: random weights. Its Spec
	// may differ from that of the environments by Name and MaxSteps only, and Hidden must be its own. LogStd is then not
	// used. Adam starts anew.
	Start *Policy `json:"-"`

	Reward   Rewarder       `json:"-"` // what to train on; nil: the environment's own reward
	Progress func(Progress) `json:"-"` // called after each update, on the goroutine that trains; nil: not

	// Callbacks are all called after each update, in order, after Progress; see Callback for how one stops the training,
	// and StopAtReturn, StopWithoutImprovement, SaveBest and SaveEvery for some that are there. Whether a callback stops
	// or fails, the update is complete, there is a result, and the training can be saved and go on. Default: none.
	Callbacks []Callback `json:"-"`

	// Evaluate asks for evaluations while training, such as in and out of the distribution of levels trained on. They
	// draw from random streams of their own: training takes the same course with and without. Their results are in
	// Progress, Result and checkpoints.
	Evaluate []Evaluation `json:"-"`
}

// Default returns the defaults of CleanRL's ppo.py.
func Default() Config {
	return Config{
		Seed:  1,
		Steps: 500_000, Envs: 4, Rollout: 128, Hidden: []int{64, 64},
		LearningRate: 2.5e-4, Anneal: true, MaxGradNorm: 0.5,
		Gamma: 0.99, Lambda: 0.95,
		Epochs: 4, Minibatches: 4, NormalizeAdvantage: true,
		Clip: 0.2, ClipValue: true, EntropyCoef: 0.01, ValueCoef: 0.5,
	}
}

// architecture returns what the configuration says of the networks.
func (c Config) architecture() Architecture {
	a := Architecture{Hidden: c.Hidden, Conv: c.Conv, Activation: c.Activation, Shared: c.Shared, Memory: c.Memory}.clone()
	if len(a.Conv) > 0 {
		a.Activation = nn.ReLU
	}
	return a
}

// DefaultContinuous returns the defaults of CleanRL's ppo_continuous_action.py, for environments with continuous actions:
// observations and rewards are normalised, one environment is stepped for long rollouts, and there is no entropy bonus.
func DefaultContinuous() Config {
	c := Default()
	c.Steps, c.Envs, c.Rollout = 1_000_000, 1, 2048
	c.LearningRate, c.Minibatches, c.Epochs, c.EntropyCoef = 3e-4, 32, 10, 0
	c.NormalizeObservations, c.ScaleReward = true, true
	return c
}

// checkActions returns an error if an option does not go with the kind of an environment's actions.
func checkActions(spec env.Spec, c Config) error {
	if _, ok := c.Reward.(ContinuousRewarder); c.Reward != nil && spec.Continuous > 0 && !ok {
		return fmt.Errorf("ppo: config: Reward is a %T, which has no method RewardsContinuous, but actions of %s are continuous",
			c.Reward, spec.Name)
	}
	if c.LogStd != 0 && spec.Continuous == 0 {
		return fmt.Errorf("ppo: config: LogStd is %v, but actions of %s are not continuous: it must be 0", c.LogStd, spec.Name)
	}
	return nil
}

// maxMemory is the largest Config.Memory.
const maxMemory = 1 << 14

// Check returns an error that names the first field that has no sensible value.
func (c Config) Check() error {
	wrong := func(field string, value any, want string) error {
		return fmt.Errorf("ppo: config: %s is %v, want %s", field, value, want)
	}
	for _, f := range []struct {
		name       string
		value      float64
		lo, hi     float64
		open       bool // lo itself is excluded
		wantPhrase string
	}{
		{"LearningRate", c.LearningRate, 0, math.MaxFloat32, true, "a positive number"},
		{"AdamEps", c.AdamEps, 0, math.MaxFloat32, false, "0 (for 1e-5) or a positive number"},
		{"MaxGradNorm", c.MaxGradNorm, 0, math.MaxFloat32, false, "0 (no clipping) or a positive number"},
		{"Gamma", c.Gamma, 0, 1, false, "a number from 0 to 1"},
		{"Lambda", c.Lambda, 0, 1, false, "a number from 0 to 1"},
		{"Clip", c.Clip, 0, math.MaxFloat32, true, "a positive number"},
		{"EntropyCoef", c.EntropyCoef, 0, math.MaxFloat32, false, "0 or a positive number"},
		{"ValueCoef", c.ValueCoef, 0, math.MaxFloat32, false, "0 or a positive number"},
		{"LogStd", c.LogStd, -20, 20, false, "a number from -20 to 20"},
		{"TargetKL", c.TargetKL, 0, math.MaxFloat32, false, "0 (no limit) or a positive number"},
	} {
		if !(f.value >= f.lo && f.value <= f.hi) || f.open && f.value == f.lo {
			return wrong(f.name, f.value, f.wantPhrase)
		}
	}
	for _, f := range []struct {
		name  string
		value int
	}{
		{"Steps", c.Steps}, {"Envs", c.Envs}, {"Rollout", c.Rollout}, {"Epochs", c.Epochs}, {"Minibatches", c.Minibatches},
	} {
		if f.value < 1 {
			return wrong(f.name, f.value, "at least 1")
		}
	}
	for i, h := range c.Hidden {
		if h < 1 {
			return wrong(fmt.Sprintf("Hidden[%d]", i), h, "at least 1")
		}
	}
	for i, n := range c.Conv {
		if n < 1 || n > 1024 {
			return wrong(fmt.Sprintf("Conv[%d]", i), n, "1 to 1024 channels")
		}
	}
	if c.Activation > nn.ReLU {
		return wrong("Activation", c.Activation, "nn.Tanh or nn.ReLU")
	}
	for i, f := range c.Callbacks {
		if f == nil {
			return wrong(fmt.Sprintf("Callbacks[%d]", i), "nil", "a function")
		}
	}
	batch := c.Envs * c.Rollout
	if c.Envs > math.MaxInt32/c.Rollout {
		return wrong("Envs × Rollout", fmt.Sprintf("%d × %d", c.Envs, c.Rollout), "at most 2³¹-1 steps in a rollout")
	}
	if c.Steps < batch {
		return wrong("Steps", c.Steps, fmt.Sprintf("at least one rollout, Envs × Rollout = %d", batch))
	}
	if c.Minibatches > batch/2 {
		return wrong("Minibatches", c.Minibatches, fmt.Sprintf("at most %d: at least 2 of a rollout's %d steps in each", batch/2, batch))
	}
	switch {
	case c.Memory < 0 || c.Memory > maxMemory:
		return wrong("Memory", c.Memory, fmt.Sprintf("0 (none) to %d", maxMemory))
	case c.Memory > 0 && !c.Shared:
		return wrong("Shared", c.Shared, fmt.Sprintf("true, as Memory is %d: what is remembered is the policy's and the value's alike", c.Memory))
	case c.Memory > 0 && c.Minibatches > c.Envs:
		return wrong("Minibatches", c.Minibatches, fmt.Sprintf("at most Envs, %d, as Memory is %d: a minibatch has whole environments", c.Envs, c.Memory))
	}
	return nil
}
