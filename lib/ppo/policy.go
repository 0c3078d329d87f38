package ppo

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"goalgap/lib/env"
	"goalgap/lib/nn"
	"goalgap/lib/rng"
)

// Policy is a trained agent: a network that chooses actions and one that values states. It is not for concurrent use:
// take a Clone for each goroutine.
type Policy struct {
	Spec   env.Spec // of the environments that it plays
	Hidden []int    // widths of the hidden layers

	actor, critic *nn.Net
	normalizer    *normalizer // of what the networks see; nil: they see observations as they are
	heads         []int       // logits of each part of an action; nil where actions are continuous
	body          *nn.Net     // the actor up to its last hidden layer; nil until Latent is asked
}

// newPolicy returns an untrained policy.
func newPolicy(spec env.Spec, hidden []int, seed uint64) (*Policy, error) {
	p := &Policy{Spec: spec, Hidden: hidden, heads: headsOf(spec)}
	shape := nn.ShapeFor(spec, hidden, outputs(spec))
	shape.Gaussian = spec.Continuous > 0
	var err error
	if p.actor, err = nn.New(shape, 0.01, rng.New(seed, "policy weights", 0)); err != nil {
		return nil, err
	}
	if p.critic, err = nn.New(nn.ShapeFor(spec, hidden, 1), 1, rng.New(seed, "value weights", 0)); err != nil {
		return nil, err
	}
	return p, nil
}

// headsOf returns how many logits each part of an action has: one part where an action is one of a few, none where
// actions are continuous.
func headsOf(spec env.Spec) []int {
	switch {
	case spec.Continuous > 0:
		return nil
	case spec.Heads != env.Heads{}:
		return append([]int(nil), spec.Heads[:spec.Heads.Len()]...)
	}
	return []int{spec.Actions}
}

// outputs returns how many numbers the policy network puts out: logits, or the means of continuous actions.
func outputs(spec env.Spec) int {
	n := spec.Continuous
	for _, size := range headsOf(spec) {
		n += size
	}
	return n
}

// Clone returns a copy that shares nothing with p.
func (p *Policy) Clone() *Policy {
	c := &Policy{
		Spec: p.Spec, Hidden: append([]int(nil), p.Hidden...),
		actor: p.actor.Clone(), critic: p.critic.Clone(), normalizer: p.normalizer.clone(), heads: p.heads,
	}
	if p.body != nil {
		c.body = p.body.Clone()
	}
	return c
}

// WithValues returns a copy of p that values states as other does: a critic belongs to the training more than to the
// policy, and one that was trained on another reward expects what is not paid any more. The two must have been trained on
// the same observations, with the same hidden layers and NormalizeObservations false; everything else is an error.
func (p *Policy) WithValues(other *Policy) (*Policy, error) {
	if p.critic.Shape.Sparse != other.critic.Shape.Sparse || p.critic.Shape.Dense != other.critic.Shape.Dense || !slices.Equal(p.Hidden, other.Hidden) {
		return nil, fmt.Errorf("ppo: a policy for %+v with hidden layers %v cannot take the values of one for %+v with %v", p.Spec, p.Hidden, other.Spec, other.Hidden)
	}
	if p.normalizer != nil || other.normalizer != nil {
		return nil, errors.New("ppo: policies that normalise observations cannot take each other's values")
	}
	c := p.Clone()
	c.critic = other.critic.Clone()
	return c, nil
}

// continued returns a copy of p to train on in environments of a Spec.
func (p *Policy) continued(spec env.Spec, cfg Config) (*Policy, error) {
	own := p.Spec
	own.Name, own.MaxSteps = spec.Name, spec.MaxSteps
	switch {
	case own != spec:
		return nil, fmt.Errorf("ppo: config: Start is a policy for %+v, but the environments are %+v", p.Spec, spec)
	case !slices.Equal(p.Hidden, cfg.Hidden):
		return nil, fmt.Errorf("ppo: config: Start has hidden layers %v, but Hidden is %v", p.Hidden, cfg.Hidden)
	case (p.normalizer != nil) != cfg.NormalizeObservations:
		return nil, fmt.Errorf("ppo: config: NormalizeObservations is %v, but Start was trained otherwise", cfg.NormalizeObservations)
	}
	c := p.Clone()
	c.Spec, c.body = spec, nil // training changes the weights
	return c, nil
}

// run returns the policy network's outputs for observations. It panics if the policy's actions are not of the kind that
// a method is for.
func (p *Policy) run(method string, continuous bool, obs env.Batch) []float32 {
	if continuous != (p.Spec.Continuous > 0) {
		panic(fmt.Sprintf("ppo: %s of a policy for %+v: continuous actions have methods of their own", method, p.Spec))
	}
	return p.actor.Forward(p.normalizer.batch(obs))
}

// Sample draws an action for each observation; actions are [obs.N], and multi-discrete ones [obs.N][Spec.Width()]. It
// takes one number from r for each part of each observation's action, in order. It panics if actions are continuous:
// see SampleContinuous.
func (p *Policy) Sample(actions []int32, obs env.Batch, r *rand.Rand) {
	logits := p.run("Sample", false, obs)
	sample(actions[:obs.N*len(p.heads)], nil, logits, p.heads, func(int) float32 { return r.Float32() })
}

// SampleContinuous draws an action for each observation into actions [obs.N][Spec.Continuous], clipped to the bounds as
// environments take them. It panics if actions are not continuous.
func (p *Policy) SampleContinuous(actions []float32, obs env.Batch, r *rand.Rand) {
	mean := p.run("SampleContinuous", true, obs)
	actions = actions[:len(mean)]
	sampleGaussian(actions, nil, mean, p.actor.LogStd(), func(int) float32 { return float32(r.NormFloat64()) })
	p.Spec.ClipAction(actions)
}

// Greedy writes the most probable action for each observation, the first of several; actions are as of Sample, and each
// part of a multi-discrete one is its most probable. It panics if actions are continuous: see GreedyContinuous.
func (p *Policy) Greedy(actions []int32, obs env.Batch) {
	logits := p.run("Greedy", false, obs)
	for i := range actions[:obs.N*len(p.heads)] {
		row := logits[:p.heads[i%len(p.heads)]]
		logits = logits[len(row):]
		best := 0
		for j, x := range row {
			if x > row[best] {
				best = j
			}
		}
		actions[i] = int32(best)
	}
}

// GreedyContinuous writes the mean of the distribution of actions, which is its most probable action, for each
// observation to actions [obs.N][Spec.Continuous], clipped to the bounds. It panics if actions are not continuous.
func (p *Policy) GreedyContinuous(actions []float32, obs env.Batch) {
	mean := p.run("GreedyContinuous", true, obs)
	p.Spec.ClipAction(actions[:copy(actions[:len(mean)], mean)])
}

// StdDev writes to dst [Spec.Continuous] the standard deviations of continuous actions, before clipping and in the unit
// of the actions; they are the same in every state. It panics if actions are not continuous.
func (p *Policy) StdDev(dst []float32) {
	if p.Spec.Continuous == 0 {
		panic(fmt.Sprintf("ppo: StdDev of a policy for %+v: its actions are not continuous", p.Spec))
	}
	for j, s := range p.actor.LogStd() {
		dst[j] = nn.Exp(s)
	}
}

// Probabilities writes to dst [obs.N][Actions] the probability of each action; of multi-discrete actions those of the
// first part, then those of the second and so on, [obs.N][sum of Spec.Heads]. It panics if actions are continuous.
func (p *Policy) Probabilities(dst []float32, obs env.Batch) {
	logits := p.run("Probabilities", false, obs)
	for range obs.N {
		for _, size := range p.heads {
			nn.Softmax(dst[:size], logits[:size])
			dst, logits = dst[size:], logits[size:]
		}
	}
}

// LogProbs writes to dst [obs.N] the logarithm of the probability of each observation's action; actions are as of
// Sample. It panics if actions are continuous, or one is out of range.
func (p *Policy) LogProbs(dst []float32, obs env.Batch, actions []int32) {
	logits := p.run("LogProbs", false, obs)
	for i := range dst[:obs.N] {
		dst[i] = 0
		for h, size := range p.heads {
			nn.LogSoftmax(logits[:size], logits[:size])
			dst[i] += logits[:size][actions[i*len(p.heads)+h]]
			logits = logits[size:]
		}
	}
}

// LogProbsContinuous writes to dst [obs.N] the logarithm of the density of the Gaussian, before any clipping, at each
// observation's action; actions are [obs.N][Spec.Continuous]. It panics if actions are not continuous.
func (p *Policy) LogProbsContinuous(dst []float32, obs env.Batch, actions []float32) {
	mean, k := p.run("LogProbsContinuous", true, obs), p.Spec.Continuous
	for i := range dst[:obs.N] {
		dst[i] = gaussianLogProb(actions[i*k:(i+1)*k], mean[i*k:(i+1)*k], p.actor.LogStd())
	}
}

// Entropies writes to dst [obs.N] the entropy of the distribution of actions, nats: the sum of those of the parts, and
// where actions are continuous the differential entropy before clipping, the same for every observation.
func (p *Policy) Entropies(dst []float32, obs env.Batch) {
	if p.Spec.Continuous > 0 {
		h := gaussianEntropy(p.actor.LogStd())
		for i := range dst[:obs.N] {
			dst[i] = h
		}
		return
	}
	logits := p.run("Entropies", false, obs)
	for i := range dst[:obs.N] {
		dst[i] = 0
		for _, size := range p.heads {
			row := logits[:size]
			nn.LogSoftmax(row, row)
			for _, l := range row {
				dst[i] -= nn.Exp(l) * l
			}
			logits = logits[size:]
		}
	}
}

// Values writes to dst [obs.N] the discounted return that the value network expects. Where Config.ScaleReward was set
// it is in units of scaled reward.
func (p *Policy) Values(dst []float32, obs env.Batch) {
	copy(dst[:obs.N], p.critic.Forward(p.normalizer.batch(obs)))
}

// tensors adds the parameters to f, and what is needed to make the networks again.
func (p *Policy) tensors(f *nn.File) error {
	about, err := json.Marshal(struct {
		Spec   env.Spec
		Hidden []int
	}{p.Spec, p.Hidden})
	if err != nil {
		return err
	}
	f.Metadata["policy"] = string(about)
	for prefix, n := range map[string]*nn.Net{"actor.": p.actor, "critic.": p.critic} {
		for name, t := range n.Tensors() {
			f.Tensors[prefix+name] = t
		}
	}
	if p.normalizer != nil {
		p.normalizer.tensors(f)
	}
	return nil
}

// Save writes the policy as a safetensors file: "actor.layer0.weight" [in][out], "actor.layer0.bias" [out] and so on,
// likewise "critic."; "actor.log_std" [Spec.Continuous] where actions are continuous; the metadata's "policy" is JSON with the Spec and the hidden layers. After training with
// Config.NormalizeObservations there are also "observation.mean" and "observation.variance" [Dense], float64, and
// "observation.count" [1].
func (p *Policy) Save(path string) error {
	f := &nn.File{Metadata: map[string]string{}, Tensors: map[string]nn.Tensor{}}
	err := p.tensors(f)
	if err == nil {
		err = f.WriteFile(path)
	}
	if err != nil {
		return fmt.Errorf("ppo: saving the policy: %w", err)
	}
	return nil
}

// LoadPolicy reads a policy from a file written by Policy.Save or Trainer.Save.
func LoadPolicy(path string) (*Policy, error) {
	f, err := nn.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("ppo: loading a policy: %w", err)
	}
	p, err := policyFrom(f)
	if err != nil {
		return nil, fmt.Errorf("ppo: loading a policy from %s: %w", path, err)
	}
	return p, nil
}

// policyFrom reads a policy from a file's content.
func policyFrom(f *nn.File) (*Policy, error) {
	var about struct {
		Spec   env.Spec
		Hidden []int
	}
	text, ok := f.Metadata["policy"]
	if !ok {
		return nil, fmt.Errorf("the metadata has no entry %q", "policy")
	}
	if err := json.Unmarshal([]byte(text), &about); err != nil {
		return nil, fmt.Errorf("metadata %q: %w", "policy", err)
	}
	if err := about.Spec.Check(); err != nil {
		return nil, fmt.Errorf("metadata %q: %w", "policy", err)
	}
	// The sizes must agree with the tensors before networks of those sizes are made.
	want := append([]int{about.Spec.Sparse + about.Spec.Dense}, about.Hidden...)
	for i, in := range want {
		t := f.Tensors[fmt.Sprintf("actor.layer%d.weight", i)]
		out := outputs(about.Spec)
		if i < len(about.Hidden) {
			out = about.Hidden[i]
		}
		if len(t.Shape) != 2 || t.Shape[0] != in || t.Shape[1] != out {
			return nil, fmt.Errorf("layer %d of the actor is of shape %v, but the metadata says [%d %d]", i, t.Shape, in, out)
		}
	}
	p, err := newPolicy(about.Spec, about.Hidden, 0)
	if err != nil {
		return nil, err
	}
	if err := p.actor.SetTensors(f.Tensors, "actor."); err != nil {
		return nil, err
	}
	if p.normalizer, err = normalizerFrom(f, about.Spec.Dense); err != nil {
		return nil, err
	}
	return p, p.critic.SetTensors(f.Tensors, "critic.")
}
