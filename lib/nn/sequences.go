package nn

import (
	"fmt"

	"goalgap/lib/internal/fork"
)

// Sequences is a Job for a network with a GRU: its rows are steps of sequences that lie side by side, row t·Count + i of
// them being step t of sequence i.
type Sequences struct {
	Job
	Count int // sequences; the number of rows must be a multiple of it

	// State [·][GRU] holds the states before the first steps: that of the sequence whose first step is row r of the batch
	// is number r.
	State []float32

	// Begin [Batch.N] says before which rows of the batch the state becomes zero, as something new begins there; nil:
	// nowhere. No gradient goes back through such a place.
	Begin []bool
}

// throughTime is the state of one AccumulateThroughTime. What has to happen step after step, a product with the recurrent
// weights, is done for a group of sequences at a time; everything else is done, as by Accumulate, a block of rows at a
// time. What lies before the GRU is computed twice, so that of all the rows' activations only those of the GRU need be
// kept.
type throughTime struct {
	Sequences
	rows, groups int

	gates, recurrent []float32 // [rows][3 × GRU], as of gru.advance and then gru.retreat
	prev, next       []float32 // [rows][GRU], the states before and after each step
	dNext            []float32 // [rows][GRU], derivatives with respect to the states after each step

	inputs, forward, heads, backward, layers *fork.Fork
}

// sequencesPerGroup is the least number of sequences in a group: as many rows as a tile of the products has.
const sequencesPerGroup = 8

// AccumulateThroughTime is Accumulate for a network with a GRU: it runs the sequences through the network and adds the
// gradient through all their steps (backpropagation through time) to its Grad. Loss is called as by Accumulate. It keeps
// 9 × GRU numbers a row until the next call, and allocates nothing once it has been called with as many rows. It panics
// if the batch does not fit the network, an observation has an index out of range, the rows are no Count sequences, or
// State or Begin are too short.
func AccumulateThroughTime(s Sequences) {
	n := s.Net
	if n.gru == nil {
		panic("nn: AccumulateThroughTime for a network without a GRU: see Accumulate")
	}
	k := n.through
	if k == nil {
		k = new(throughTime)
		k.inputs, k.heads, k.layers = fork.New(k.inputsPart), fork.New(k.headsPart), fork.New(k.layersPart)
		k.forward, k.backward = fork.New(k.forwardGroup), fork.New(k.backwardGroup)
		n.through = k
	}
	a := n.accumulation()
	a.prepare(s.Job)
	k.prepare(s)
	k.inputs.Do(len(a.pieces))
	k.forward.Do(k.groups)
	k.heads.Do(len(a.pieces))
	k.backward.Do(k.groups)
	k.layers.Do(len(a.pieces))
	a.reduce.Do(len(a.spans))
	clear(a.jobs) // keep nobody's batch alive
	k.Sequences = Sequences{}
}

// prepare finds room for the sequences.
func (k *throughTime) prepare(s Sequences) {
	w := s.Net.gru.width
	k.Sequences, k.rows = s, s.rows()
	if s.Count < 1 || k.rows%s.Count != 0 {
		panic(fmt.Sprintf("nn: %d rows as steps of %d sequences", k.rows, s.Count))
	}
	if s.Begin != nil && len(s.Begin) < s.Batch.N {
		panic(fmt.Sprintf("nn: a batch of %d rows, of which %d are said to begin or not", s.Batch.N, len(s.Begin)))
	}
	for i := range min(s.Count, k.rows) {
		if r := k.row(i); (r+1)*w > len(s.State) {
			panic(fmt.Sprintf("nn: a sequence that begins with row %d of the batch, but %d numbers as states of width %d", r, len(s.State), w))
		}
	}
	k.groups = max(1, min(maxParts, s.Count/sequencesPerGroup))
	if len(k.prev) < k.rows*w {
		k.prev, k.next, k.dNext = aligned(k.rows*w), aligned(k.rows*w), aligned(k.rows*w)
		k.gates, k.recurrent = aligned(k.rows*3*w), aligned(k.rows*3*w)
	}
}

// row returns which row of the batch row i of the sequences is.
func (k *throughTime) row(i int) int {
	if k.Rows != nil {
		return int(k.Rows[i])
	}
	return i
}

// begins says whether something new begins with row i of the sequences.
func (k *throughTime) begins(i int) bool { return k.Begin != nil && k.Begin[k.row(i)] }

// part returns part i of the rows, where its gradient goes, and which rows it has.
func (k *throughTime) part(i int) (p *part, grad []float32, lo, hi int) {
	n := k.Net
	p, grad = n.parts[i], n.Grad
	if i > 0 {
		grad = p.grad
	}
	lo, hi = n.partRange(k.rows, n.partsOf(k.rows), i)
	return p, grad, lo, hi
}

// inputsPart computes Wx + b for one part of the rows.
func (k *throughTime) inputsPart(i int) {
	n := k.Net
	p, _, lo, hi := k.part(i)
	w := 3 * n.gru.width
	for ; lo < hi; lo += n.block {
		end := min(lo+n.block, hi)
		n.forward(p, k.Batch, k.Rows, lo, end, k.gates[lo*w:end*w])
	}
	p.dense = nil // keep nobody's batch alive
}

// forwardGroup takes one group of sequences through time.
func (k *throughTime) forwardGroup(i int) {
	n, g, w := k.Net, k.Net.gru, k.Net.gru.width
	first, last := k.Count*i/k.groups, k.Count*(i+1)/k.groups
	for at := 0; at < k.rows; at += k.Count {
		lo, hi := at+first, at+last
		for row := lo; row < hi; row++ {
			prev := k.prev[row*w : (row+1)*w]
			switch {
			case k.begins(row):
				clear(prev)
			case at == 0:
				copy(prev, k.State[k.row(row)*w:])
			default:
				copy(prev, k.next[(row-k.Count)*w:])
			}
		}
		g.advance(n, k.gates[lo*3*w:hi*3*w], k.recurrent[lo*3*w:hi*3*w], k.prev[lo*w:hi*w], k.next[lo*w:hi*w])
	}
}

// headsPart asks for the loss of one part of the rows and takes it back to the states.
func (k *throughTime) headsPart(i int) {
	n, g, w := k.Net, k.Net.gru, k.Net.gru.width
	p, grad, lo, hi := k.part(i)
	if i > 0 {
		clear(grad)
	}
	for ; lo < hi; lo += n.block {
		end := min(lo+n.block, hi)
		count := end - lo
		out, dOut, state := p.gru.out[:count*g.head.out], p.gru.dOut[:count*g.head.out], k.next[lo*w:end*w]
		g.outputs(n, out, state, count)
		clear(dOut)
		k.Loss(lo, end, out, dOut)
		g.outputsBack(n, k.dNext[lo*w:end*w], dOut, state, grad, count)
	}
}

// backwardGroup takes the derivatives of one group of sequences back through time.
func (k *throughTime) backwardGroup(i int) {
	n, g, w := k.Net, k.Net.gru, k.Net.gru.width
	first, last := k.Count*i/k.groups, k.Count*(i+1)/k.groups
	for at := k.rows - k.Count; at >= 0; at -= k.Count {
		lo, hi := at+first, at+last
		dNext := k.dNext[lo*w : hi*w]
		g.retreat(n, k.gates[lo*3*w:hi*3*w], k.recurrent[lo*3*w:hi*3*w], k.prev[lo*w:hi*w], dNext)
		if at == 0 {
			return
		}
		for row := lo; row < hi; row++ {
			if !k.begins(row) {
				add(k.dNext[(row-k.Count)*w:(row-k.Count+1)*w], dNext[(row-lo)*w:(row-lo+1)*w])
			}
		}
	}
}

// layersPart takes the derivatives of one part of the rows back through the layers before the GRU, and computes the
// gradient of the recurrent weights.
func (k *throughTime) layersPart(i int) {
	n, g, w := k.Net, k.Net.gru, k.Net.gru.width
	p, grad, lo, hi := k.part(i)
	for ; lo < hi; lo += n.block {
		end := min(lo+n.block, hi)
		n.forward(p, k.Batch, k.Rows, lo, end, p.out[:(end-lo)*3*w])
		n.backward(p, end-lo, k.gates[lo*3*w:end*3*w], grad)
		g.recurrentBack(k.recurrent[lo*3*w:end*3*w], k.prev[lo*w:end*w], grad, end-lo)
	}
	p.dense = nil // likewise
}
