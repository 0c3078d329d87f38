package nn

import (
	"fmt"

	"goalgap/lib/env"
)

// The gated recurrent unit of a network whose Shape has a GRU, between the last hidden layer x and the head (Cho et al.
// 2014, in the form of cuDNN and of PyTorch's nn.GRUCell, where the reset gate comes after the recurrent product):
//
//	r  = σ(Wᵣ x + bᵣ + Uᵣ h + cᵣ)
//	z  = σ(W_z x + b_z + U_z h + c_z)
//	n  = tanh(Wₙ x + bₙ + r ⊙ (Uₙ h + cₙ))
//	h' = (1-z) ⊙ n + z ⊙ h
//
// W x + b, of all three, is the last of Net.layers, which sees nothing of the state: it is computed for many steps at a
// time. U h + c is another layer, of as many rows as there are sequences side by side.
//
// σ(x) is ½ + ½ tanh(x/2), and so has the kernel of tanh. It is called for each row on its own, so that a row's bits do
// not depend on its place in a vector.

// gru is the architecture of the unit and of the head after it.
type gru struct {
	width     int
	recurrent layer // U and c, of r, z and n in this order
	head      layer
}

// newGRU returns the unit for a shape, whose sizes have been checked; place finds room for so many parameters.
func newGRU(s Shape, place func(size int) int) *gru {
	g := &gru{width: s.GRU}
	g.recurrent = layer{in: s.GRU, out: 3 * s.GRU}
	g.head = layer{in: s.GRU, out: s.Out, narrow: s.Out <= narrowest}
	for _, l := range []*layer{&g.recurrent, &g.head} {
		l.weight, l.bias = place(l.in*l.out), place(l.out)
	}
	return g
}

// gruPart is the working memory of one part of a batch.
type gruPart struct {
	recurrent []float32 // [block][3 × GRU]
	out       []float32 // [block][Out]
	dOut      []float32 // [block][Out]
}

func (g *gru) newPart(block int) gruPart {
	return gruPart{aligned(block * g.recurrent.out), aligned(block * g.head.out), aligned(block * g.head.out)}
}

// transposed returns room for the transposed weights.
func (g *gru) transposed() (t [2][]float32) {
	t[0] = aligned(g.recurrent.in * g.recurrent.out)
	if !g.head.narrow {
		t[1] = aligned(g.head.in * g.head.out)
	}
	return t
}

// transpose brings the transposed weights up to date.
func (g *gru) transpose(n *Net) {
	for i, l := range [...]layer{g.recurrent, g.head} {
		if t := n.transposedGRU[i]; t != nil {
			transpose(t, l.weights(n.Param), l.in, l.out)
		}
	}
}

// Step returns the outputs [N][Out] for one observation of each of N sequences side by side, and moves their states
// [N][GRU] on by it; a sequence begins with a state of zeros. The outputs are the network's own memory: the next Step
// overwrites them. It allocates only when N is larger than ever before. It panics if the batch or the states do not fit
// the network, or the network has no GRU.
func (n *Net) Step(batch env.Batch, state []float32) []float32 {
	if n.gru == nil {
		panic("nn: Step of a network without a GRU: see Forward")
	}
	if len(state) != batch.N*n.gru.width {
		panic(fmt.Sprintf("nn: %d numbers as the states of %d sequences, want %d of each", len(state), batch.N, n.gru.width))
	}
	n.state = state
	out := n.run(batch)
	n.state = nil
	return out
}

// stepBlock does a Step for rows lo .. hi-1 of n.batch, at most a block, and writes the outputs to out.
func (n *Net) stepBlock(p *part, lo, hi int, out []float32) {
	g, count := n.gru, hi-lo
	gates, state := p.out[:count*3*g.width], n.state[lo*g.width:hi*g.width]
	n.forward(p, n.batch, nil, lo, hi, gates)
	g.advance(n, gates, p.gru.recurrent[:len(gates)], state, state)
	g.outputs(n, out, state, count)
}

// advance computes the states [rows][GRU] that follow prev [rows][GRU], which may be the same memory. gates [rows][3 ×
// GRU] holds Wx + b and becomes r, z and n; to recurrent, of the same shape, goes U h + c.
func (g *gru) advance(n *Net, gates, recurrent, prev, next []float32) {
	w := g.width
	rows := len(prev) / w
	gemmFrom(rows, 3*w, w, prev, w, 1, g.recurrent.weights(n.Param), 3*w, recurrent, 3*w, g.recurrent.biases(n.Param), 0, nil, endPlain)
	for i := range rows {
		x, u := gates[i*3*w:(i+1)*3*w], recurrent[i*3*w:(i+1)*3*w]
		rz := x[:2*w]
		for j, v := range u[:len(rz)] {
			rz[j] = 0.5 * (rz[j] + v)
		}
		tanh(rz)
		for j, v := range rz {
			rz[j] = 0.5 + 0.5*v
		}
		r, z, c := x[:w], x[w:2*w], x[2*w:]
		un := u[2*w:][:len(c)]
		for j := range c {
			c[j] += r[j] * un[j]
		}
		tanh(c)
		h, to := prev[i*w:(i+1)*w], next[i*w:(i+1)*w]
		for j, v := range c {
			to[j] = v + z[j]*(h[j]-v)
		}
	}
}

// outputs writes the head's outputs [rows][Out] for states [rows][GRU].
func (g *gru) outputs(n *Net, out, state []float32, rows int) {
	l := g.head
	w, bias := l.weights(n.Param), l.biases(n.Param)
	if l.narrow {
		dots(out, state, w, bias, rows, l.in, l.out)
	} else {
		gemmFrom(rows, l.out, l.in, state, l.in, 1, w, l.out, out, l.out, bias, 0, nil, endPlain)
	}
}

// outputsBack adds the head's gradient to grad, given the derivatives dOut [rows][Out] with respect to the outputs, and
// writes those with respect to the states to dState [rows][GRU].
func (g *gru) outputsBack(n *Net, dState, dOut, state, grad []float32, rows int) {
	l := g.head
	gw, wt := l.weights(grad), n.transposedGRU[1]
	sumRows(l.biases(grad), dOut, rows, all[:rows])
	if l.narrow {
		gemm(l.out, l.in, rows, dOut, 1, l.out, state, l.in, gw, l.in)
		wt = l.weights(n.Param)
	} else {
		gemm(l.in, l.out, rows, state, 1, l.in, dOut, l.out, gw, l.out)
	}
	clear(dState)
	gemm(rows, l.in, l.out, dOut, l.out, 1, wt, l.in, dState, l.in)
}

// retreat is the derivative of advance. dNext [rows][GRU] holds the derivatives with respect to the next states, and
// becomes those with respect to the previous ones; gates and recurrent, as advance has left them, become those with
// respect to what was Wx + b and U h + c.
func (g *gru) retreat(n *Net, gates, recurrent, prev, dNext []float32) {
	w := g.width
	rows := len(prev) / w
	for i := range rows {
		x, u := gates[i*3*w:(i+1)*3*w], recurrent[i*3*w:(i+1)*3*w]
		r, z, c := x[:w], x[w:2*w], x[2*w:]
		ur, uz, un := u[:w], u[w:2*w], u[2*w:]
		h, d := prev[i*w:(i+1)*w], dNext[i*w:(i+1)*w]
		for j, dj := range d {
			rj, zj, cj := r[j], z[j], c[j]
			dc := dj * (1 - zj) * (1 - cj*cj)
			dz := dj * (h[j] - cj) * zj * (1 - zj)
			dr := dc * un[j] * rj * (1 - rj)
			r[j], z[j], c[j] = dr, dz, dc
			ur[j], uz[j], un[j] = dr, dz, dc*rj
			d[j] = dj * zj
		}
	}
	gemm(rows, w, 3*w, recurrent, 3*w, 1, n.transposedGRU[0], w, dNext, w)
}

// recurrentBack adds the gradient of U and c to grad, given the derivatives [rows][3 × GRU] with respect to U h + c and
// the states h [rows][GRU].
func (g *gru) recurrentBack(recurrent, prev, grad []float32, rows int) {
	w := g.width
	sumRows(g.recurrent.biases(grad), recurrent, rows, all[:rows])
	gemm(w, 3*w, rows, prev, 1, w, recurrent, 3*w, g.recurrent.weights(grad), 3*w)
}
