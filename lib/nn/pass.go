package nn

import (
	"fmt"

	"goalgap/lib/env"
	"goalgap/lib/internal/fork"
)

// Block is how many rows go through a network without convolutions at a time, and the most that go through any: few
// enough that what they leave behind stays in the processor's second-level cache. Accumulate's loss is called once a
// block; see Net.Block.
const Block = 128

// A batch is cut into at most maxParts pieces, of at least blocksPerPart blocks each (imagesPerPart where there are
// convolutions, which take longer), which different cores may work on. The numbers are fixed, as the order in which
// gradients are summed follows from them.
const (
	maxParts      = 8
	blocksPerPart = 4
	imagesPerPart = 1
)

// Block returns how many rows go through the network at a time: the constant of this name, or fewer where there are
// convolutions, as follows from the Shape. Networks whose Shapes differ in Out, Value and Gaussian alone have the same.
func (n *Net) Block() int { return n.block }

// part is the working memory of one piece of a batch.
type part struct {
	x      []float32 // [block][Dense], rows gathered
	dense  []float32 // the dense inputs of the block's rows: x, or the batch's own memory
	index  []int32   // [block], the numbers of the rows
	active []int32   // the rows' one-hot parts, one after the other, from starts[i] to ends[i]
	starts [Block]int
	ends   [Block]int
	hidden [][]float32 // [block][width] for each hidden layer
	out    []float32   // [block][outputs of the last of Net.layers]
	dOut   []float32   // likewise
	gru    gruPart     // of use where there is a GRU
	delta  [2][]float32
	grad   []float32  // laid out like Param; nil for part 0, which adds to the network's own
	trunk  *trunkWork // nil where there are no convolutions
}

// initWork prepares what Forward needs.
func (n *Net) initWork() {
	n.transposed = make([][]float32, len(n.layers))
	for i, l := range n.layers {
		if (i > 0 || n.trunk != nil) && !l.narrow {
			n.transposed[i] = aligned(l.in * l.out)
		}
	}
	n.block = Block
	if n.trunk != nil {
		n.block = n.trunk.rows()
		n.transposedConv = n.trunk.transposedConvolutions()
	}
	if n.gru != nil {
		n.transposedGRU = n.gru.transposed()
	}
	n.blocks = fork.New(n.forwardPart)
	n.part(0)
}

// part returns part i, made at its first use.
func (n *Net) part(i int) *part {
	for len(n.parts) <= i {
		widest, last := 0, n.lastWidth()
		p := &part{
			index: make([]int32, n.block),
			out:   aligned(n.block * last),
			dOut:  aligned(n.block * last),
		}
		if n.gru != nil {
			p.gru = n.gru.newPart(n.block)
		}
		if n.trunk != nil {
			p.trunk = n.trunk.newWork(n.block)
			widest = n.trunk.width()
		} else {
			p.x = aligned(n.block * n.Shape.Dense)
		}
		for _, h := range n.Shape.Hidden {
			p.hidden = append(p.hidden, aligned(n.block*h))
			widest = max(widest, h)
		}
		p.delta[0], p.delta[1] = aligned(n.block*widest), aligned(n.block*widest)
		n.parts = append(n.parts, p)
	}
	return n.parts[i]
}

// lastWidth returns how many numbers the last of the layers puts out: Shape.Out, but for a GRU.
func (n *Net) lastWidth() int { return n.layers[len(n.layers)-1].out }

// partsOf returns into how many parts a batch of that many rows is cut.
func (n *Net) partsOf(rows int) int {
	least := blocksPerPart
	if n.trunk != nil {
		least = imagesPerPart
	}
	return max(1, min(maxParts, n.blocksOf(rows)/least))
}

// blocksOf returns how many blocks so many rows are.
func (n *Net) blocksOf(rows int) int { return (rows + n.block - 1) / n.block }

// partRange returns the rows lo .. hi-1 of part i of so many: whole blocks, as evenly as can be.
func (n *Net) partRange(rows, parts, i int) (lo, hi int) {
	blocks := n.blocksOf(rows)
	return blocks * i / parts * n.block, min(rows, blocks*(i+1)/parts*n.block)
}

// Forward returns the outputs [N][Out] for a batch. They are the network's own memory: the next Forward overwrites
// them. It allocates only when N is larger than ever before. It panics if the batch does not fit the network, or the
// network has a GRU: see Step.
func (n *Net) Forward(batch env.Batch) []float32 {
	if n.gru != nil {
		panic("nn: Forward of a network with a GRU, whose outputs follow from a state too: see Step")
	}
	return n.run(batch)
}

// run is Forward for any network.
func (n *Net) run(batch env.Batch) []float32 {
	n.fits(batch)
	size := batch.N * n.Shape.Out
	if cap(n.out) < size {
		n.out = aligned(size)
	}
	n.out = n.out[:size]
	n.batch = batch
	n.pieces = max(1, min(maxParts, n.blocksOf(batch.N)))
	n.part(n.pieces - 1)
	n.blocks.Do(n.pieces)
	return n.out
}

// forwardPart computes the outputs of one piece of n.batch.
func (n *Net) forwardPart(i int) {
	p := n.parts[i]
	lo, hi := n.partRange(n.batch.N, n.pieces, i)
	for ; lo < hi; lo += n.block {
		end := min(lo+n.block, hi)
		out := n.out[lo*n.Shape.Out : end*n.Shape.Out]
		if n.gru != nil {
			n.stepBlock(p, lo, end, out)
			continue
		}
		n.forward(p, n.batch, nil, lo, end, out)
	}
	p.dense = nil
}

// fits panics if a batch is not of the network's shape.
func (n *Net) fits(b env.Batch) {
	if b.Dense != n.Shape.Dense || (b.MaxActive > 0) != (n.Shape.Sparse > 0) {
		panic(fmt.Sprintf("nn: batch with %d dense values and up to %d ones for a network of %d dense and %d sparse inputs",
			b.Dense, b.MaxActive, n.Shape.Dense, n.Shape.Sparse))
	}
	if len(b.Active) < b.N*b.MaxActive || len(b.Features) < b.N*b.Dense {
		panic(fmt.Sprintf("nn: batch of %d rows holds only %d indices and %d features", b.N, len(b.Active), len(b.Features)))
	}
}

// forward computes the outputs of the last of n.layers, for rows lo .. hi-1 (at most a block), into out; where rows is not
// nil it lists which rows of the batch are meant. It leaves the hidden layers in p.
func (n *Net) forward(p *part, b env.Batch, rows []int32, lo, hi int, out []float32) {
	count := hi - lo
	index := p.index[:count]
	if rows != nil {
		copy(index, rows[lo:hi])
	} else {
		for i := range index {
			index[i] = int32(lo + i)
		}
	}
	var x []float32
	if n.trunk != nil {
		x = n.trunk.forward(n, p.trunk, b, index)
	}
	for i, l := range n.layers {
		y, end := out, endPlain
		if i < len(n.layers)-1 {
			y = p.hidden[i][:count*l.out]
			if n.Shape.Activation == Tanh {
				end = endTanh
			}
		}
		w, bias := l.weights(n.Param), l.biases(n.Param)
		switch {
		case i == 0 && n.trunk == nil:
			from, ldf := bias, 0
			if n.Shape.Sparse > 0 {
				n.sparseForward(y, w, bias, p, b, index)
				from, ldf = y, l.out
			}
			d := n.Shape.Dense
			p.dense = n.gather(p, b, rows != nil, lo, hi)
			gemmFrom(count, l.out, d, p.dense, d, 1, w[n.Shape.Sparse*l.out:], l.out, y, l.out, from, ldf, nil, end)
		case l.narrow:
			dots(y, x, w, bias, count, l.in, l.out)
			if end == endTanh {
				tanh(y)
			}
		default:
			gemmFrom(count, l.out, l.in, x, l.in, 1, w, l.out, y, l.out, bias, 0, nil, end)
		}
		if i < len(n.layers)-1 && n.Shape.Activation == ReLU {
			relu(y, y)
		}
		x = y
	}
}

// gather returns the dense inputs of a block as consecutive rows; they are the batch's own where its rows are.
func (n *Net) gather(p *part, b env.Batch, picked bool, lo, hi int) []float32 {
	d := n.Shape.Dense
	if !picked {
		return b.Features[lo*d : hi*d]
	}
	x, index := p.x[:(hi-lo)*d], p.index[:hi-lo]
	if d == 4 { // a copy of four numbers costs less than a call of copy
		for i, r := range index {
			*(*[4]float32)(x[4*i:]) = *(*[4]float32)(b.Features[4*int(r):])
		}
		return x
	}
	for i, r := range index {
		copy(x[i*d:(i+1)*d], b.Features[int(r)*d:])
	}
	return x
}

// gatherActive brings the one-hot parts of a block together. Shuffled rows lie far apart in memory: fetched all at once
// they cost a fraction of what they would cost one by one, each before the sum that needs it.
func (n *Net) gatherActive(p *part, b env.Batch, index []int32) {
	if size := len(index)*b.MaxActive + compactSlack; len(p.active) < size {
		p.active = make([]int32, n.block*b.MaxActive+compactSlack)
	}
	at := 0
	for i, r := range index {
		p.starts[i] = at
		at += compact(p.active[at:], b.Active[int(r)*b.MaxActive:(int(r)+1)*b.MaxActive])
		p.ends[i] = at
	}
}

// sparseForward writes to each row of y the biases and the sum of the rows of w that its observation names.
func (n *Net) sparseForward(y, w, bias []float32, p *part, b env.Batch, index []int32) {
	n.gatherActive(p, b, index)
	width := n.layers[0].out
	for i, r := range index {
		active, row := p.active[p.starts[i]:p.ends[i]], y[i*width:(i+1)*width]
		copy(row, bias)
		if !sumRows(row, w, n.Shape.Sparse, active) {
			panicOutside(r, n.Shape.Sparse, active)
		}
	}
}

// panicOutside panics because one of an observation's indices is not below sparse.
func panicOutside(observation int32, sparse int, active []int32) {
	panic(fmt.Sprintf("nn: observation %d has an index outside 0 .. %d: %v", observation, sparse-1, active))
}

// all is the numbers of a block's rows, and zeros is where sums begin that begin with nothing.
var (
	all = func() (x [Block]int32) {
		for i := range x {
			x[i] = int32(i)
		}
		return x
	}()
	zeros [zerosLength]float32
)

// zerosLength is the widest layer whose input may begin its sums at zeros.
const zerosLength = 1024

// backward adds to grad the gradient from the rows of the last forward on p, given the derivatives delta with respect to
// what that put out.
func (n *Net) backward(p *part, count int, delta, grad []float32) {
	for i := len(n.layers) - 1; i >= 0; i-- {
		l := n.layers[i]
		gw := l.weights(grad)
		sumRows(l.biases(grad), delta, count, all[:count])
		if i == 0 && n.trunk == nil {
			n.sparseBackward(gw, delta, p, count)
			d := n.Shape.Dense
			gemm(d, l.out, count, p.dense, 1, d, delta, l.out, gw[n.Shape.Sparse*l.out:], l.out)
			return
		}
		var h []float32
		if i == 0 {
			h = p.trunk.features[:count*l.in]
		} else {
			h = p.hidden[i-1][:count*l.in]
		}
		next, wt := p.delta[i&1][:count*l.in], n.transposed[i]
		if l.narrow {
			gemm(l.out, l.in, count, delta, 1, l.out, h, l.in, gw, l.in)
			wt = l.weights(n.Param)
		} else {
			gemm(l.in, l.out, count, h, 1, l.in, delta, l.out, gw, l.out)
		}
		from, ldf := zeros[:], 0
		if l.in > zerosLength {
			from, ldf = next, l.in
			clear(next)
		}
		if i > 0 && n.Shape.Activation == Tanh {
			gemmFrom(count, l.in, l.out, delta, l.out, 1, wt, l.in, next, l.in, from, ldf, h, endTanhGrad)
		} else {
			gemmFrom(count, l.in, l.out, delta, l.out, 1, wt, l.in, next, l.in, from, ldf, nil, endPlain)
		}
		if i == 0 {
			n.trunk.backward(n, p.trunk, next, count, grad)
			return
		}
		if n.Shape.Activation == ReLU {
			reluGrad(next, h)
		}
		delta = next
	}
}

// sparseBackward adds each row of delta to the rows of gw that its observation names.
func (n *Net) sparseBackward(gw, delta []float32, p *part, rows int) {
	if n.Shape.Sparse == 0 {
		return
	}
	width := n.layers[0].out
	for i := range rows {
		addToRows(gw, delta[i*width:(i+1)*width], n.Shape.Sparse, p.active[p.starts[i]:p.ends[i]])
	}
}
