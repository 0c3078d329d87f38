package nn

import "fmt"

// Tensors returns the parameters by name, "layer0.weight" [in][out], "layer0.bias" [out] and so on, where the inputs of
// layer 0 are the sparse ones and then the dense ones, and "log_std", one for each mean, where the Shape is Gaussian.
// Convolutions, of which each block has five in the order in which they are computed, are "conv0.weight" [3][3][in][out]
// (rows, columns, channels), "conv0.bias" [out] and so on. A GRU has "gru.input.weight" [in][3 × GRU], of r, z and n in this
// order, "gru.input.bias" [3 × GRU], "gru.recurrent.weight" [GRU][3 × GRU] and "gru.recurrent.bias" [3 × GRU]: the transposes
// of PyTorch's weight_ih and weight_hh, and bias_ih and bias_hh. They are copies.
func (n *Net) Tensors() map[string]Tensor { return n.tensors(n.Param) }

// tensors is Tensors for any slice laid out like Param.
func (n *Net) tensors(x []float32) map[string]Tensor {
	out := map[string]Tensor{}
	for _, l := range n.named() {
		name := l.name
		out[name+".weight"] = Tensor{l.shape, l.copyWeights(x)}
		out[name+".bias"] = Tensor{[]int{l.out}, append([]float32(nil), l.biases(x)...)}
	}
	if n.Shape.Gaussian {
		out["log_std"] = Tensor{[]int{n.Shape.actions()}, append([]float32(nil), n.logStds(x)...)}
	}
	return out
}

// TensorShapes returns the shapes of the tensors that a network of this Shape has, by name. An error names a size that
// makes no network.
func (s Shape) TensorShapes() (map[string][]int, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	out, in := map[string][]int{}, s.Sparse+s.Dense
	if len(s.Conv) > 0 {
		height, width, channels, number := s.Image.Height, s.Image.Width, s.Image.Channels, 0
		for _, c := range s.Conv {
			for range 5 {
				name := fmt.Sprintf("conv%d", number)
				out[name+".weight"], out[name+".bias"] = []int{3, 3, channels, c}, []int{c}
				channels, number = c, number+1
			}
			height, width = (height+1)/2, (width+1)/2
		}
		in += height*width*channels - s.Image.Len()
	}
	for i, size := range append(append([]int(nil), s.Hidden...), s.Out) {
		if i == len(s.Hidden) && s.GRU > 0 {
			for name, from := range map[string]int{"gru.input": in, "gru.recurrent": s.GRU} {
				out[name+".weight"], out[name+".bias"] = []int{from, 3 * s.GRU}, []int{3 * s.GRU}
			}
			in = s.GRU
		}
		name := fmt.Sprintf("layer%d", i)
		out[name+".weight"], out[name+".bias"] = []int{in, size}, []int{size}
		in = size
	}
	if s.Gaussian {
		out["log_std"] = []int{s.actions()}
	}
	return out, nil
}

// named is a layer with the name and the shape of its weights.
type named struct {
	layer
	name  string
	shape []int
}

// named returns all layers.
func (n *Net) named() (out []named) {
	for i, l := range n.trunk.convolutions() {
		out = append(out, named{l, fmt.Sprintf("conv%d", i), []int{3, 3, l.in / places, l.out}})
	}
	dense := append([]layer(nil), n.layers...)
	if n.gru != nil {
		input := &dense[len(dense)-1]
		out = append(out, named{*input, "gru.input", []int{input.in, input.out}})
		out = append(out, named{n.gru.recurrent, "gru.recurrent", []int{n.gru.width, 3 * n.gru.width}})
		*input = n.gru.head
	}
	for i, l := range dense {
		out = append(out, named{l, fmt.Sprintf("layer%d", i), []int{l.in, l.out}})
	}
	return out
}

// SetTensors sets the parameters from tensors named and shaped as by Tensors, each name preceded by prefix. Other names
// are ignored. Where one is missing or has another type or shape the error says so and nothing changes.
func (n *Net) SetTensors(tensors map[string]Tensor, prefix string) error {
	return n.setTensors(n.Param, tensors, prefix)
}

func (n *Net) setTensors(dst []float32, tensors map[string]Tensor, prefix string) error {
	find := func(name string, shape ...int) ([]float32, error) {
		t, ok := tensors[prefix+name]
		if !ok {
			return nil, fmt.Errorf("nn: tensor %q is missing", prefix+name)
		}
		data, ok := t.Data.([]float32)
		want, _ := elements(shape)
		if !ok || fmt.Sprint(t.Shape) != fmt.Sprint(shape) || len(data) != want {
			return nil, fmt.Errorf("nn: tensor %q is %T of shape %v; the network has []float32 of shape %v", prefix+name, t.Data, t.Shape, shape)
		}
		return data, nil
	}
	fresh := make([]float32, len(dst))
	for _, l := range n.named() {
		name := l.name
		w, err := find(name+".weight", l.shape...)
		if err != nil {
			return err
		}
		b, err := find(name+".bias", l.out)
		if err != nil {
			return err
		}
		l.setWeights(fresh, w)
		copy(l.biases(fresh), b)
	}
	if n.Shape.Gaussian {
		x, err := find("log_std", n.Shape.actions())
		if err != nil {
			return err
		}
		copy(n.logStds(fresh), x)
	}
	copy(dst, fresh)
	return nil
}

// Tensors returns Adam's moments of network i by name, "first.layer0.weight" and so on, each with a prefix of
// the caller's; SetTensors takes them back.
func (a *Adam) Tensors(i int, prefix string) map[string]Tensor {
	out := map[string]Tensor{}
	for moment, x := range map[string][]float32{"first.": a.moment1[i], "second.": a.moment2[i]} {
		for name, t := range a.nets[i].tensors(x) {
			out[prefix+moment+name] = t
		}
	}
	return out
}

// SetTensors restores the moments of network i and the number of steps taken.
func (a *Adam) SetTensors(i int, tensors map[string]Tensor, prefix string, steps int) error {
	if steps < 0 {
		return fmt.Errorf("nn: %d steps of Adam", steps)
	}
	if err := a.nets[i].setTensors(a.moment1[i], tensors, prefix+"first."); err != nil {
		return err
	}
	if err := a.nets[i].setTensors(a.moment2[i], tensors, prefix+"second."); err != nil {
		return err
	}
	a.steps = steps
	return nil
}
