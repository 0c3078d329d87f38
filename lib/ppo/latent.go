package ppo

import (
	"fmt"
	"math"

	"goalgap/lib/env"
	"goalgap/lib/nn"
	"goalgap/lib/rng"
)

// Latent returns [obs.N][width] the activations of the last hidden layer of the network that chooses actions: what a
// linear probe reads. width is that of the last hidden layer. A policy without hidden layers is an error.
func (p *Policy) Latent(obs env.Batch) ([][]float64, error) {
	if len(p.Hidden) == 0 {
		return nil, fmt.Errorf("ppo: the policy has no hidden layer to read activations from")
	}
	// The network up to that layer: its linear head is the layer's weights.
	shape := p.actor.Shape
	shape.Hidden, shape.Out = p.Hidden[:len(p.Hidden)-1], p.Hidden[len(p.Hidden)-1]
	body, err := nn.New(shape, 1, rng.New(0, "policy latent", 0))
	if err != nil {
		return nil, fmt.Errorf("ppo: activations of %v: %w", p.actor.Shape, err)
	}
	if err := body.SetTensors(p.actor.Tensors(), ""); err != nil {
		return nil, fmt.Errorf("ppo: activations of %v: %w", p.actor.Shape, err)
	}
	out := body.Forward(p.normalizer.batch(obs))
	latent := make([][]float64, obs.N)
	for i := range latent {
		latent[i] = make([]float64, shape.Out)
		for j, x := range out[i*shape.Out : (i+1)*shape.Out] {
			latent[i][j] = math.Tanh(float64(x))
		}
	}
	return latent, nil
}
