package ppo

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"

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
}

// newPolicy returns an untrained policy.
func newPolicy(spec env.Spec, hidden []int, seed uint64) (*Policy, error) {
	actor, err := nn.New(nn.ShapeFor(spec, hidden, spec.Actions), 0.01, rng.New(seed, "policy weights", 0))
	if err != nil {
		return nil, err
	}
	critic, err := nn.New(nn.ShapeFor(spec, hidden, 1), 1, rng.New(seed, "value weights", 0))
	if err != nil {
		return nil, err
	}
	return &Policy{Spec: spec, Hidden: hidden, actor: actor, critic: critic}, nil
}

// Clone returns a copy that shares nothing with p.
func (p *Policy) Clone() *Policy {
	return &Policy{
		Spec: p.Spec, Hidden: append([]int(nil), p.Hidden...),
		actor: p.actor.Clone(), critic: p.critic.Clone(), normalizer: p.normalizer.clone(),
	}
}

// Sample draws an action for each observation; len(actions) must be obs.N. It takes one number from r for each
// observation, in order.
func (p *Policy) Sample(actions []int32, obs env.Batch, r *rand.Rand) {
	sample(actions[:obs.N], nil, p.actor.Forward(p.normalizer.batch(obs)), func(int) float32 { return r.Float32() })
}

// Greedy writes the most probable action for each observation, the first of several; len(actions) must be obs.N.
func (p *Policy) Greedy(actions []int32, obs env.Batch) {
	logits, n := p.actor.Forward(p.normalizer.batch(obs)), p.Spec.Actions
	for i := range actions[:obs.N] {
		best := 0
		row := logits[i*n : (i+1)*n]
		for j, x := range row {
			if x > row[best] {
				best = j
			}
		}
		actions[i] = int32(best)
	}
}

// Probabilities writes to dst [obs.N][Actions] the probability of each action.
func (p *Policy) Probabilities(dst []float32, obs env.Batch) {
	logits, n := p.actor.Forward(p.normalizer.batch(obs)), p.Spec.Actions
	for i := range obs.N {
		nn.Softmax(dst[i*n:(i+1)*n], logits[i*n:(i+1)*n])
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
// likewise "critic."; the metadata's "policy" is JSON with the Spec and the hidden layers. After training with
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
	// The sizes must agree with the tensors before networks of those sizes are made.
	want := append([]int{about.Spec.Sparse + about.Spec.Dense}, about.Hidden...)
	for i, in := range want {
		t := f.Tensors[fmt.Sprintf("actor.layer%d.weight", i)]
		out := about.Spec.Actions
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
