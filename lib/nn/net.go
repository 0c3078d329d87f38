package nn

import (
	"fmt"
	"unsafe"

	"goalgap/lib/env"
	"goalgap/lib/internal/fork"
)

// Shape is a network's architecture: sparse and dense inputs, convolutions where the input is a picture, hidden layers, a
// memory, a linear head.
type Shape struct {
	Sparse int   // length of the one-hot part of the input; 0 if there is none
	Dense  int   // length of the dense part of the input; 0 if there is none
	Hidden []int // widths of the hidden layers; empty for a linear network
	Out    int   // outputs

	// Conv asks for the residual convolutional network of IMPALA before the hidden layers: the channels of each of its
	// blocks, each of which halves the picture's sides. Empty: none. See conv.go for what it consists of.
	Conv  []int
	Image env.Image // the picture in the input, as by env.Spec; it counts only where there is Conv

	Activation Activation // of the hidden layers; default Tanh

	// GRU is the width of a gated recurrent unit between the last hidden layer and the head; 0: none. A network that has
	// one is run by Step and learns by AccumulateThroughTime. See gru.go for its equations.
	GRU int

	// Value makes the last output the value of a state beside a policy: it begins with weights of gain 1, and it is no
	// mean of a Gaussian.
	Value bool

	// Gaussian makes the outputs (but for a Value) the means of a diagonal Gaussian, whose log standard deviations, one
	// for each mean, are parameters that do not depend on the input: see Net.LogStd.
	Gaussian bool
}

// ShapeFor returns the Shape of a network that takes an environment's observations, without convolutions.
func ShapeFor(spec env.Spec, hidden []int, out int) Shape {
	return Shape{Sparse: spec.Sparse, Dense: spec.Dense, Image: spec.Image, Hidden: append([]int(nil), hidden...), Out: out}
}

// actions returns how many of the outputs are no Value.
func (s Shape) actions() int {
	if s.Value {
		return s.Out - 1
	}
	return s.Out
}

// check reports sizes that make no network.
func (s Shape) check() error {
	switch {
	case s.Sparse < 0 || s.Dense < 0:
		return fmt.Errorf("nn: input of %d sparse and %d dense values; neither may be negative", s.Sparse, s.Dense)
	case s.Sparse == 0 && s.Dense == 0:
		return fmt.Errorf("nn: network without inputs")
	case s.Out < 1:
		return fmt.Errorf("nn: network with %d outputs; at least 1 is needed", s.Out)
	case s.actions() < 1:
		return fmt.Errorf("nn: network with %d outputs, of which the last is a value; at least 2 are needed", s.Out)
	case s.Activation > ReLU:
		return fmt.Errorf("nn: activation %d is neither Tanh nor ReLU", s.Activation)
	}
	if len(s.Conv) > 0 {
		if s.Image == (env.Image{}) {
			return fmt.Errorf("nn: convolutions of %v channels, but the input is no image", s.Conv)
		}
		if err := s.checkImage(); err != nil {
			return err
		}
	}
	for i, c := range s.Conv {
		if c < 1 || c > zerosLength {
			return fmt.Errorf("nn: block %d of the convolutions has %d channels, want 1 .. %d", i, c, zerosLength)
		}
	}
	for i, h := range s.Hidden {
		if h < 1 {
			return fmt.Errorf("nn: hidden layer %d is %d wide; at least 1 is needed", i, h)
		}
	}
	if s.GRU < 0 {
		return fmt.Errorf("nn: GRU of width %d, which may not be negative", s.GRU)
	}
	return nil
}

// checkImage reports an image for which the input has no room.
func (s Shape) checkImage() error {
	m, size := s.Image, s.Sparse
	if s.Sparse == 0 {
		size = s.Dense
	}
	if m.Height < 1 || m.Width < 1 || m.Channels < 1 || m.Height > size || m.Width > size || m.Channels > size || m.Len() > size {
		return fmt.Errorf("nn: image of %d × %d pixels with %d channels in an input of %d numbers", m.Height, m.Width, m.Channels, size)
	}
	return nil
}

// Net is a multilayer perceptron, with convolutions before it where its Shape has Conv and a memory before its head where
// that has a GRU. Its outputs and gradients belong to it, so it is not for concurrent use; Replica makes another that
// shares its parameters.
type Net struct {
	Shape Shape
	Param []float32 // all parameters, layer after layer, weights before biases; with padding, see Tensors for their order
	Grad  []float32 // the gradient, laid out like Param; Accumulate adds to it, Adam.Step clears it

	logStd     int         // where in Param the log standard deviations begin
	trunk      *trunk      // nil: no convolutions
	layers     []layer     // with a GRU the last of them is its input's part, and the head is not among them
	gru        *gru        // nil: no memory
	transposed [][]float32 // for each layer that is neither narrow nor the network's first its weights, [out][in]

	transposedConv [][]float32 // for each convolution but the first its weights, [9][out][in]

	transposedGRU [2][]float32 // the recurrent weights, [3 × GRU][GRU], and the head's [Out][GRU] unless it is narrow

	block int // rows at a time

	parts  []*part // one for each piece of a batch that is worked on at the same time
	acc    *accumulation
	out    []float32
	batch  env.Batch // of the last Forward
	state  []float32 // of the last Step
	pieces int       // into how many it was cut
	blocks *fork.Fork

	through *throughTime // nil until AccumulateThroughTime is called
}

// layer says where a layer's parameters lie in Param: weights [in][out], or [out][in] where it is narrow, then biases
// [out].
type layer struct {
	in, out, weight, bias int
	narrow                bool
}

// narrowest is the most outputs for which a layer (other than the first) is narrow: computed as dot products of the
// input's and the weights' rows, where the usual product would leave most lanes of a vector idle.
const narrowest = 8

// alignment of the start of every tensor in Param: a cache line, which a vector load must not straddle.
const alignment = 16

// newNet returns a network whose parameters are zero.
func newNet(shape Shape) (*Net, error) {
	if err := shape.check(); err != nil {
		return nil, err
	}
	n := &Net{Shape: shape}
	at, in := 0, shape.Sparse+shape.Dense
	place := func(size int) int {
		p := at
		at += (size + alignment - 1) / alignment * alignment
		return p
	}
	if len(shape.Conv) > 0 {
		n.trunk = newTrunk(shape, place)
		in = n.trunk.width()
	}
	last := shape.Out
	if shape.GRU > 0 {
		last = 3 * shape.GRU
	}
	for _, out := range append(append([]int(nil), shape.Hidden...), last) {
		l := layer{in: in, out: out, narrow: (len(n.layers) > 0 || n.trunk != nil) && out <= narrowest}
		l.weight, l.bias = place(in*out), place(out)
		n.layers = append(n.layers, l)
		in = out
	}
	if shape.GRU > 0 {
		n.gru = newGRU(shape, place)
	}
	if n.logStd = at; shape.Gaussian {
		place(shape.actions())
	}
	n.Param, n.Grad = aligned(at), aligned(at)
	n.initWork()
	return n, nil
}

// Replica returns a network with the same parameters (the same memory) and its own gradient and outputs, for use on
// another goroutine while the parameters do not change.
func (n *Net) Replica() *Net {
	r := &Net{Shape: n.Shape, Param: n.Param, Grad: aligned(len(n.Grad)), trunk: n.trunk, layers: n.layers, gru: n.gru, logStd: n.logStd}
	r.initWork()
	return r
}

// Clone returns a network with a copy of the parameters.
func (n *Net) Clone() *Net {
	c := n.Replica()
	c.Param = aligned(len(n.Param))
	copy(c.Param, n.Param)
	return c
}

// Size returns the number of parameters.
func (n *Net) Size() (size int) {
	for _, l := range n.all() {
		size += l.in*l.out + l.out
	}
	return size + len(n.LogStd())
}

// all returns all layers, the head last.
func (n *Net) all() []layer {
	all := append(n.trunk.convolutions(), n.layers...)
	if n.gru != nil {
		all = append(all, n.gru.recurrent, n.gru.head)
	}
	return all
}

// LogStd returns the log standard deviations, one for each mean, of a network whose Shape is Gaussian, 0 at first, and an empty slice
// otherwise. They are part of Param: Adam moves them by LogStdGrad, to which, unlike that of the layers, whoever computes
// the loss adds after Accumulate.
func (n *Net) LogStd() []float32 { return n.logStds(n.Param) }

// LogStdGrad returns the gradient of LogStd. It is part of Grad.
func (n *Net) LogStdGrad() []float32 { return n.logStds(n.Grad) }

// logStds returns the log standard deviations in x, which is laid out like Param.
func (n *Net) logStds(x []float32) []float32 {
	if !n.Shape.Gaussian {
		return nil
	}
	end := n.logStd + n.Shape.actions()
	return x[n.logStd:end:end]
}

// aligned returns n zeros that start at a cache line.
func aligned(n int) []float32 {
	s := make([]float32, n+alignment-1)
	skip := 0
	if off := uintptr(unsafe.Pointer(unsafe.SliceData(s))) % (4 * alignment); off != 0 {
		skip = int(4*alignment-off) / 4
	}
	return s[skip : skip+n : skip+n]
}

// weights returns the weights of a layer, in its own order, in x, which is laid out like Param.
func (l layer) weights(x []float32) []float32 { return x[l.weight : l.weight+l.in*l.out] }

// setWeights sets the weights of a layer in x from w [in][out].
func (l layer) setWeights(x, w []float32) {
	if l.narrow {
		transpose(l.weights(x), w, l.in, l.out)
	} else {
		copy(l.weights(x), w)
	}
}

// copyWeights returns a copy [in][out] of the weights of a layer in x.
func (l layer) copyWeights(x []float32) []float32 {
	w := append([]float32(nil), l.weights(x)...)
	if l.narrow {
		transpose(w, l.weights(x), l.out, l.in)
	}
	return w
}

// biases returns the biases [out] of a layer in x.
func (l layer) biases(x []float32) []float32 { return x[l.bias : l.bias+l.out] }

// transpose brings the transposed weights up to date.
func (n *Net) transpose() {
	for i, t := range n.transposed {
		if l := n.layers[i]; t != nil {
			transpose(t, l.weights(n.Param), l.in, l.out)
		}
	}
	if n.gru != nil {
		n.gru.transpose(n)
	}
	if n.trunk == nil {
		return
	}
	number := 0
	for i := range n.trunk.blocks {
		for _, l := range n.trunk.blocks[i].conv {
			if t := n.transposedConv[number]; t != nil {
				transposePlaces(t, l.weights(n.Param), l)
			}
			number++
		}
	}
}
