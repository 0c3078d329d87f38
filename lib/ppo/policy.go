package ppo

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"goalgap/lib/env"
	"goalgap/lib/nn"
	"goalgap/lib/rng"
)

// Architecture says what the networks of a policy look like.
type Architecture struct {
	Hidden     []int         // widths of the hidden layers
	Conv       []int         `json:",omitempty"` // channels of the blocks of convolutions before them; empty: none
	Activation nn.Activation `json:",omitempty"` // of the hidden layers
	Shared     bool          `json:",omitempty"` // one network has both heads, the policy's and the value's
	Memory     int           `json:",omitempty"` // width of a GRU before the heads, which needs Shared; 0: none
}

// clone returns a copy that shares no memory with a.
func (a Architecture) clone() Architecture {
	a.Hidden, a.Conv = append([]int(nil), a.Hidden...), append([]int(nil), a.Conv...)
	return a
}

// equal says whether a and b are the same.
func (a Architecture) equal(b Architecture) bool {
	return slices.Equal(a.Hidden, b.Hidden) && slices.Equal(a.Conv, b.Conv) && a.Activation == b.Activation && a.Shared == b.Shared && a.Memory == b.Memory
}

// shapes returns the shapes of the networks: with a shared one that alone.
func (a Architecture) shapes(spec env.Spec) []nn.Shape {
	actor := nn.ShapeFor(spec, a.Hidden, outputs(spec))
	actor.Conv, actor.Activation = append([]int(nil), a.Conv...), a.Activation
	critic := actor
	actor.Gaussian = spec.Continuous > 0
	if a.Shared {
		actor.Out, actor.Value, actor.GRU = actor.Out+1, true, a.Memory
		return []nn.Shape{actor}
	}
	critic.Out = 1
	return []nn.Shape{actor, critic}
}

// Policy is a trained agent: a network that chooses actions and one that values states, or one network with a head for
// each. One with a memory acts by way of NewMemory. It is not for concurrent use: take a Clone for each goroutine.
type Policy struct {
	Spec env.Spec // of the environments that it plays
	Architecture

	actor      *nn.Net     // chooses actions; where Architecture.Shared its last output is the value
	critic     *nn.Net     // values states; nil where Architecture.Shared
	normalizer *normalizer // of what the networks see; nil: they see observations as they are
	heads      []int       // logits of each part of an action; nil where actions are continuous
	body       *nn.Net     // the actor up to its last hidden layer; nil until Latent is asked
}

// network is one of a policy's networks with the prefix of its tensors' names.
type network struct {
	*nn.Net
	prefix string
}

// networks returns the policy's networks.
func (p *Policy) networks() []network {
	prefixes := prefixesOf(p.Architecture)
	if p.Shared {
		return []network{{p.actor, prefixes[0]}}
	}
	return []network{{p.actor, prefixes[0]}, {p.critic, prefixes[1]}}
}

// prefixesOf returns the prefixes of the names of the networks' tensors.
func prefixesOf(a Architecture) []string {
	if a.Shared {
		return []string{"shared."}
	}
	return []string{"actor.", "critic."}
}

// newPolicy returns an untrained policy; lecun says which initial weights it has, as Config.LeCun.
func newPolicy(spec env.Spec, a Architecture, lecun bool, seed uint64) (*Policy, error) {
	p := &Policy{Spec: spec, Architecture: a, heads: headsOf(spec)}
	for i, shape := range a.shapes(spec) {
		random, gain, net := rng.New(seed, "policy weights", 0), 0.01, &p.actor
		if i == 1 {
			random, gain, net = rng.New(seed, "value weights", 0), 1, &p.critic
		}
		var err error
		if lecun {
			*net, err = nn.NewLeCun(shape, random)
		} else {
			*net, err = nn.New(shape, gain, random)
		}
		if err != nil {
			return nil, err
		}
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
		Spec: p.Spec, Architecture: p.Architecture.clone(),
		actor: p.actor.Clone(), normalizer: p.normalizer.clone(), heads: p.heads,
	}
	if p.critic != nil {
		c.critic = p.critic.Clone()
	}
	if p.body != nil {
		c.body = p.body.Clone()
	}
	return c
}

// WithValues returns a copy of p that values states as other does: a critic belongs to the training more than to the
// policy, and one that was trained on another reward expects what is not paid any more. The two must have been trained on
// the same observations, with the same architecture, Config.Shared and NormalizeObservations false; everything else is an
// error.
func (p *Policy) WithValues(other *Policy) (*Policy, error) {
	if p.Shared || other.Shared {
		return nil, errors.New("ppo: policies whose values are computed by the network that chooses actions cannot take each other's values")
	}
	if p.Spec.Sparse != other.Spec.Sparse || p.Spec.Dense != other.Spec.Dense || p.Spec.Image != other.Spec.Image || !p.Architecture.equal(other.Architecture) {
		return nil, fmt.Errorf("ppo: a policy for %+v with %+v cannot take the values of one for %+v with %+v", p.Spec, p.Architecture, other.Spec, other.Architecture)
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
	asked := cfg.architecture()
	switch {
	case fitted(spec, p.Spec) != p.Spec:
		return nil, fmt.Errorf("ppo: config: Start is a policy for %+v, but the environments are %+v", p.Spec, spec)
	case !slices.Equal(p.Hidden, cfg.Hidden):
		return nil, fmt.Errorf("ppo: config: Start has hidden layers %v, but Hidden is %v", p.Hidden, cfg.Hidden)
	case !p.Architecture.equal(asked):
		return nil, fmt.Errorf("ppo: config: Start has the architecture %+v, but Conv, Activation, Shared and Memory ask for %+v", p.Architecture, asked)
	case (p.normalizer != nil) != cfg.NormalizeObservations:
		return nil, fmt.Errorf("ppo: config: NormalizeObservations is %v, but Start was trained otherwise", cfg.NormalizeObservations)
	}
	c := p.Clone()
	c.Spec, c.body = spec, nil // training changes the weights
	return c, nil
}

// fitted returns spec with the name and the length of episodes of a policy's own Spec, which do not matter to the policy;
// nor does it that observations are known to be pictures where the policy was trained without knowing.
func fitted(spec, own env.Spec) env.Spec {
	spec.Name, spec.MaxSteps = own.Name, own.MaxSteps
	if own.Image == (env.Image{}) {
		spec.Image = own.Image
	}
	return spec
}

// run returns what the policy network puts out for observations. It panics if the policy's actions are not of the kind
// that a method is for, or it has a memory.
func (p *Policy) run(method string, continuous bool, obs env.Batch) distribution {
	p.checkKind(method, continuous)
	p.checkForgetful(method)
	out := p.actor.Forward(p.normalizer.batch(obs))
	if p.Shared {
		out = withoutValues(nil, out, obs.N)
	}
	return distribution{p, obs.N, out}
}

// checkKind panics if the policy's actions are not of the kind that a method is for.
func (p *Policy) checkKind(method string, continuous bool) {
	if continuous != (p.Spec.Continuous > 0) {
		panic(fmt.Sprintf("ppo: %s of a policy for %+v: continuous actions have methods of their own", method, p.Spec))
	}
}

// checkForgetful panics if the policy has a memory, so that an observation alone does not say what it does.
func (p *Policy) checkForgetful(method string) {
	if p.Memory > 0 {
		panic(fmt.Sprintf("ppo: %s of a policy with a memory of width %d, which depends on what was seen before: see Policy.NewMemory", method, p.Memory))
	}
}

// withoutValues returns n rows of outputs of a shared network without the last of each, in the same memory. The last ones
// are written to values, unless that is nil.
func withoutValues(values, out []float32, n int) []float32 {
	if n == 0 {
		return out
	}
	width := len(out)/n - 1
	for i := range n {
		row := out[i*(width+1) : (i+1)*(width+1)]
		if values != nil {
			values[i] = row[width]
		}
		copy(out[i*width:], row[:width])
	}
	return out[:n*width]
}

// Sample draws an action for each observation; actions are [obs.N], and multi-discrete ones [obs.N][Spec.Width()]. It
// takes one number from r for each part of each observation's action, in order. It panics if actions are continuous (see
// SampleContinuous) or the policy has a memory (see NewMemory), and so do the methods below.
func (p *Policy) Sample(actions []int32, obs env.Batch, r *rand.Rand) {
	p.run("Sample", false, obs).sample(actions, r)
}

// SampleContinuous draws an action for each observation into actions [obs.N][Spec.Continuous], clipped to the bounds as
// environments take them. It panics if actions are not continuous.
func (p *Policy) SampleContinuous(actions []float32, obs env.Batch, r *rand.Rand) {
	p.run("SampleContinuous", true, obs).sampleContinuous(actions, r)
}

// Greedy writes the most probable action for each observation, the first of several; actions are as of Sample, and each
// part of a multi-discrete one is its most probable. It panics if actions are continuous: see GreedyContinuous.
func (p *Policy) Greedy(actions []int32, obs env.Batch) { p.run("Greedy", false, obs).greedy(actions) }

// GreedyContinuous writes the mean of the distribution of actions, which is its most probable action, for each
// observation to actions [obs.N][Spec.Continuous], clipped to the bounds. It panics if actions are not continuous.
func (p *Policy) GreedyContinuous(actions []float32, obs env.Batch) {
	p.run("GreedyContinuous", true, obs).greedyContinuous(actions)
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
	p.run("Probabilities", false, obs).probabilities(dst)
}

// LogProbs writes to dst [obs.N] the logarithm of the probability of each observation's action; actions are as of
// Sample. It panics if actions are continuous, or one is out of range.
func (p *Policy) LogProbs(dst []float32, obs env.Batch, actions []int32) {
	p.run("LogProbs", false, obs).logProbs(dst, actions)
}

// LogProbsContinuous writes to dst [obs.N] the logarithm of the density of the Gaussian, before any clipping, at each
// observation's action; actions are [obs.N][Spec.Continuous]. It panics if actions are not continuous.
func (p *Policy) LogProbsContinuous(dst []float32, obs env.Batch, actions []float32) {
	p.run("LogProbsContinuous", true, obs).logProbsContinuous(dst, actions)
}

// Entropies writes to dst [obs.N] the entropy of the distribution of actions, nats: the sum of those of the parts, and
// where actions are continuous the differential entropy before clipping, the same for every observation.
func (p *Policy) Entropies(dst []float32, obs env.Batch) {
	if p.Spec.Continuous > 0 {
		distribution{p, obs.N, nil}.entropies(dst) // nothing needs to be computed for it
		return
	}
	p.run("Entropies", false, obs).entropies(dst)
}

// Values writes to dst [obs.N] the discounted return that the value network expects. Where Config.ScaleReward was set
// it is in units of scaled reward.
func (p *Policy) Values(dst []float32, obs env.Batch) {
	p.checkForgetful("Values")
	p.values(dst[:obs.N], p.normalizer.batch(obs))
}

// values writes to dst [obs.N] the values of observations as the networks see them.
func (p *Policy) values(dst []float32, seen env.Batch) {
	if !p.Shared {
		copy(dst, p.critic.Forward(seen))
		return
	}
	withoutValues(dst, p.actor.Forward(seen), seen.N)
}

// description is the metadata of a policy's file.
type description struct {
	Spec env.Spec
	Architecture
}

// tensors adds the parameters to f, and what is needed to make the networks again.
func (p *Policy) tensors(f *nn.File) error {
	about, err := json.Marshal(description{p.Spec, p.Architecture})
	if err != nil {
		return err
	}
	f.Metadata["policy"] = string(about)
	for _, n := range p.networks() {
		for name, t := range n.Tensors() {
			f.Tensors[n.prefix+name] = t
		}
	}
	if p.normalizer != nil {
		p.normalizer.tensors(f)
	}
	return nil
}

// Save writes the policy as a safetensors file: "actor.layer0.weight" [in][out], "actor.layer0.bias" [out] and so on,
// likewise "critic."; "actor.log_std" [Spec.Continuous] where actions are continuous; with Config.Shared "shared." in place
// of both, the value being the last output; convolutions as nn.Net.Tensors names them. The metadata's "policy" is JSON with
// the Spec and the Architecture. After training with Config.NormalizeObservations there are also "observation.mean" and "observation.variance" [Dense], float64, and
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
	var about description
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
	if about.Memory != 0 && !about.Shared {
		return nil, fmt.Errorf("metadata %q: a memory of width %d, but two networks", "policy", about.Memory)
	}
	// The sizes must agree with the tensors before networks of those sizes are made.
	for i, shape := range about.shapes(about.Spec) {
		sizes, err := shape.TensorShapes()
		if err != nil {
			return nil, fmt.Errorf("metadata %q: %w", "policy", err)
		}
		prefix := prefixesOf(about.Architecture)[i]
		for _, name := range slices.Sorted(maps.Keys(sizes)) {
			want := sizes[name]
			if !strings.HasSuffix(name, ".weight") { // the others' sizes follow
				continue
			}
			if got := f.Tensors[prefix+name].Shape; !slices.Equal(got, want) {
				return nil, fmt.Errorf("tensor %q is of shape %v, but the metadata says %v", prefix+name, got, want)
			}
		}
	}
	p, err := newPolicy(about.Spec, about.Architecture, true, 0)
	if err != nil {
		return nil, err
	}
	for _, n := range p.networks() {
		if err := n.SetTensors(f.Tensors, n.prefix); err != nil {
			return nil, err
		}
	}
	p.normalizer, err = normalizerFrom(f, about.Spec.Dense)
	return p, err
}
