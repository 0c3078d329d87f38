// Package world learns a model of the world and of the people in it from recorded play: Step 1.
//
// The model has two halves, each a softmax network trained by maximum likelihood. One predicts what the person does
// next, from what it sees and what it did the step before. The other predicts how the world answers, from what is seen
// and what is done: how each dense feature of the observation changes, in bins, and whether the episode ends. No reward
// enters, since recorded play has none.
//
// How well the model predicts is measured on episodes that it was not trained on, of the same kinds of levels and of
// others, as log-likelihood per step in nats against baselines that see less; see Evaluate.
package world

import (
	"fmt"

	"goalgap/lib/env"
	"goalgap/lib/human"
	"goalgap/lib/nn"
)

// Model is a trained model. It is not for concurrent use.
type Model struct {
	Spec  env.Spec
	Heads []Head // what of the world's answer is predicted, besides the end

	person *nn.Net // observation and previous action, one-hot, to logits of the action
	world  *nn.Net // observation and action, one-hot, to logits of each head, and of the end at last

	input env.Batch // observations with an action appended to the dense part
}

// Head is one prediction of the world's answer: by how much a dense feature of the observation changes in a step.
type Head struct {
	Feature int       // index in the dense part
	Edges   []float32 // ascending; bin i holds the changes above Edges[i-1] and up to Edges[i]
}

// bin returns the bin of a change.
func (h *Head) bin(change float32) int {
	for i, e := range h.Edges {
		if change <= e {
			return i
		}
	}
	return len(h.Edges)
}

// endClasses is the size of the last head: whether the episode runs on, or was terminated. A time limit counts as
// running on, as it is not the world's doing.
const endClasses = 2

// outputs is the number of the world network's outputs.
func outputs(heads []Head) int {
	n := endClasses
	for _, h := range heads {
		n += len(h.Edges) + 1
	}
	return n
}

// targets writes the classes of the answers to one step to dst [len(Heads)+1].
func (m *Model) targets(dst []int32, d *human.Demonstrations, i int) {
	_, before := d.Obs.Row(i)
	_, after := d.Next.Row(i)
	for k := range m.Heads {
		f := m.Heads[k].Feature
		dst[k] = int32(m.Heads[k].bin(after[f] - before[f]))
	}
	dst[len(m.Heads)] = 0
	if d.End[i] == env.Terminated {
		dst[len(m.Heads)] = 1
	}
}

// withAction appends to the dense part of each observation a one-hot action (all zeros for -1). The sparse part is
// shared with obs.
func withAction(dst *env.Batch, obs env.Batch, action func(i int) int32, actions int) env.Batch {
	width := obs.Dense + actions
	if cap(dst.Features) < obs.N*width {
		dst.Features = make([]float32, obs.N*width)
	}
	b := env.Batch{N: obs.N, MaxActive: obs.MaxActive, Dense: width, Active: obs.Active, Features: dst.Features[:obs.N*width]}
	for i := range obs.N {
		row := b.Features[i*width : (i+1)*width]
		_, dense := obs.Row(i)
		copy(row, dense)
		clear(row[obs.Dense:])
		if a := action(i); a >= 0 {
			row[obs.Dense+int(a)] = 1
		}
	}
	*dst = b
	return b
}

// ActionLogProbs writes to dst [obs.N][Spec.Actions] the logarithm of the probability that the person takes each action
// on seeing obs after having done previous [obs.N] (-1: nothing yet).
func (m *Model) ActionLogProbs(dst []float32, obs env.Batch, previous []int32) {
	n := m.Spec.Actions
	in := withAction(&m.input, obs, func(i int) int32 { return previous[i] }, n)
	logits := m.person.Forward(in)
	for i := range obs.N {
		nn.LogSoftmax(dst[i*n:(i+1)*n], logits[i*n:(i+1)*n])
	}
}

// EndProbs writes to dst [obs.N] the probability that the rules end the episode when actions [obs.N] are taken.
func (m *Model) EndProbs(dst []float32, obs env.Batch, actions []int32) {
	in := withAction(&m.input, obs, func(i int) int32 { return actions[i] }, m.Spec.Actions)
	out, width := m.world.Forward(in), m.world.Shape.Out
	var p [endClasses]float32
	for i := range obs.N {
		nn.Softmax(p[:], out[(i+1)*width-endClasses:(i+1)*width])
		dst[i] = p[1]
	}
}

// fits returns an error if demonstrations are not of the model's shape.
func (m *Model) fits(d *human.Demonstrations) error {
	if d.Spec.Actions != m.Spec.Actions || d.Spec.Sparse != m.Spec.Sparse || d.Spec.Dense != m.Spec.Dense {
		return fmt.Errorf("world: demonstrations of %+v for a model of %+v", d.Spec, m.Spec)
	}
	return nil
}
