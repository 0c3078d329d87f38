package world

import (
	"fmt"
	"math"

	"goalgap/lib/env"
	"goalgap/lib/nn"
	"goalgap/lib/rng"
)

// Latent returns [obs.N][width] the activations of the last hidden layer of the half that predicts people, on seeing
// obs after having done previous [obs.N] (-1: nothing yet): what a linear probe reads. width is that of the last hidden
// layer. A model without hidden layers is an error.
func (m *Model) Latent(obs env.Batch, previous []int32) ([][]float64, error) {
	hidden := m.person.Shape.Hidden
	if len(hidden) == 0 {
		return nil, fmt.Errorf("world: the model has no hidden layer to read activations from")
	}
	// The network up to that layer: its linear head is the layer's weights.
	shape := m.person.Shape
	shape.Hidden, shape.Out = hidden[:len(hidden)-1], hidden[len(hidden)-1]
	body, err := nn.New(shape, 1, rng.New(0, "world latent", 0))
	if err != nil {
		return nil, fmt.Errorf("world: activations of %v: %w", m.person.Shape, err)
	}
	if err := body.SetTensors(m.person.Tensors(), ""); err != nil {
		return nil, fmt.Errorf("world: activations of %v: %w", m.person.Shape, err)
	}
	out := body.Forward(withAction(&m.input, obs, func(i int) int32 { return previous[i] }, m.Spec.Actions))
	latent := make([][]float64, obs.N)
	for i := range latent {
		latent[i] = make([]float64, shape.Out)
		for j, x := range out[i*shape.Out : (i+1)*shape.Out] {
			latent[i][j] = math.Tanh(float64(x))
		}
	}
	return latent, nil
}
