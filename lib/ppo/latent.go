package ppo

import (
	"fmt"
	"math"

	"goalgap/lib/env"
	"goalgap/lib/nn"
	"goalgap/lib/rng"
)

// Latent returns [obs.N][width] the activations of the last hidden layer of the network that chooses actions: what a
// linear probe reads. width is that of the last hidden layer. A policy without hidden layers is an error,
// and so is one with a memory, as that is what its heads read: see Memory.State.
func (p *Policy) Latent(obs env.Batch) ([][]float64, error) {
	if p.body == nil {
		body, err := p.upToLastHidden()
		if err != nil {
			return nil, fmt.Errorf("ppo: activations: %w", err)
		}
		p.body = body
	}
	out, width := p.body.Forward(p.normalizer.batch(obs)), p.body.Shape.Out
	latent, all := make([][]float64, obs.N), make([]float64, obs.N*width)
	for i, x := range out[:len(all)] {
		if p.Activation == nn.ReLU {
			all[i] = max(0, float64(x))
		} else {
			all[i] = math.Tanh(float64(x))
		}
	}
	for i := range latent {
		latent[i] = all[i*width : (i+1)*width]
	}
	return latent, nil
}

// upToLastHidden returns the network up to the last hidden layer, before its activation: its linear head is that layer.
func (p *Policy) upToLastHidden() (*nn.Net, error) {
	if p.Memory > 0 {
		return nil, fmt.Errorf("the heads read a memory of width %d, which an observation alone does not determine: see Memory.State", p.Memory)
	}
	if len(p.Hidden) == 0 {
		return nil, fmt.Errorf("the policy has no hidden layer")
	}
	shape := p.actor.Shape
	shape.Value, shape.Gaussian = false, false
	shape.Hidden, shape.Out = p.Hidden[:len(p.Hidden)-1], p.Hidden[len(p.Hidden)-1]
	body, err := nn.New(shape, 1, rng.New(0, "policy latent", 0))
	if err != nil {
		return nil, err
	}
	return body, body.SetTensors(p.actor.Tensors(), "")
}
