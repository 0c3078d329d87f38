package nn

import "goalgap/lib/env"

// The convolutional trunk of a network whose Shape has Conv: that of IMPALA (Espeholt et al. 2018, figure 3, right, but
// for its LSTM), as procgen and JaxGMG use it. For each number of channels in Shape.Conv there is a block,
//
//	x = conv(x);  x = maxpool(x);  twice: x += conv(relu(conv(relu(x)))),
//
// of convolutions 3×3 of stride 1 and pooling 3×3 of stride 2, both padded so that all of the image counts (SAME, as in
// TensorFlow and JAX). The numbers of the last block, through relu, are then the inputs of layer 0, row by row, within a
// row by column and within a pixel by channel, followed by what an observation has beside its picture.
//
// Images are held pixel by pixel, [pixels][rows][channels]: the rows of a batch at one pixel are a matrix, and a
// convolution is, for each pixel, the sum over its neighbours of such matrices times the weights for that place. Nothing
// has to be copied or padded, and neighbours outside the image are left out instead of being multiplied by 0.

// places is how many pixels a window has.
const places = 9

// plane is an image's size, and which of its pixels are neighbours. For place t of a convolution's window, row t/3 and
// column t%3 of it, a pixel's neighbour is t/3-1 rows below and t%3-1 columns to the right.
type plane struct {
	height, width int
	inputs        [][]pair       // of each pixel {neighbour, place}
	outputs       [][]pair       // of each pixel {a pixel whose neighbour it is, place}
	meetings      [places][]pair // of each place {neighbour, pixel}
}

func newPlane(height, width int) *plane {
	p := &plane{height: height, width: width, inputs: make([][]pair, height*width), outputs: make([][]pair, height*width)}
	for t := range int32(places) {
		for y := range height {
			for x := range width {
				ny, nx := y+int(t)/3-1, x+int(t)%3-1
				if ny < 0 || ny >= height || nx < 0 || nx >= width {
					continue
				}
				pixel, neighbour := int32(y*width+x), int32(ny*width+nx)
				p.inputs[pixel] = append(p.inputs[pixel], pair{neighbour, t})
				p.outputs[neighbour] = append(p.outputs[neighbour], pair{pixel, t})
				p.meetings[t] = append(p.meetings[t], pair{neighbour, pixel})
			}
		}
	}
	return p
}

// pixels returns how many pixels the plane has.
func (p *plane) pixels() int { return p.height * p.width }

// pooled returns the plane that pooling makes of p, and for each of its pixels those of p in its window, from the top
// left: TensorFlow's SAME, whose padding is as even as can be and the smaller half first.
func (p *plane) pooled() (*plane, [][]int32) {
	half := func(n int) (out, before int) {
		out = (n + 1) / 2
		return out, max((out-1)*2+3-n, 0) / 2
	}
	height, top := half(p.height)
	width, left := half(p.width)
	windows := make([][]int32, height*width)
	for i := range windows {
		for t := range places {
			y, x := i/width*2-top+t/3, i%width*2-left+t%3
			if y >= 0 && y < p.height && x >= 0 && x < p.width {
				windows[i] = append(windows[i], int32(y*p.width+x))
			}
		}
	}
	return newPlane(height, width), windows
}

// trunk is the architecture of the convolutions.
type trunk struct {
	image    env.Image
	blocks   []residualBlock
	features int // that the last block has
	sparse   int // numbers that follow the picture in the one-hot part of an observation
	dense    int // numbers that follow it in the dense part, or all of it
}

// residualBlock is one block of the trunk.
type residualBlock struct {
	in, out  *plane // before and after pooling
	windows  [][]int32
	channels int      // of all but the input
	conv     [5]layer // before pooling, then two of each residual unit; layer.in is 9 × channels
}

// newTrunk returns the trunk for a shape, whose sizes have been checked; place finds room for so many parameters.
func newTrunk(s Shape, place func(size int) int) *trunk {
	t := &trunk{image: s.Image, sparse: s.Sparse, dense: s.Dense}
	if s.Sparse > 0 {
		t.sparse -= s.Image.Len()
	} else {
		t.dense -= s.Image.Len()
	}
	at, channels := newPlane(s.Image.Height, s.Image.Width), s.Image.Channels
	for _, out := range s.Conv {
		b := residualBlock{in: at, channels: out}
		b.out, b.windows = at.pooled()
		for i := range b.conv {
			b.conv[i] = layer{in: places * channels, out: out}
			b.conv[i].weight, b.conv[i].bias = place(places*channels*out), place(out)
			channels = out
		}
		t.blocks = append(t.blocks, b)
		at = b.out
	}
	t.features = at.pixels() * channels
	return t
}

// width returns how many numbers the trunk puts out.
func (t *trunk) width() int { return t.features + t.sparse + t.dense }

// convolutions returns all convolutions in order.
func (t *trunk) convolutions() (all []layer) {
	if t != nil {
		for _, b := range t.blocks {
			all = append(all, b.conv[:]...)
		}
	}
	return all
}

// rows returns how many images go through the network at a time: eight at least, a tile of the products' rows, and up to
// half a Block if what they leave behind is no more than 2 MiB. That is more than the second-level cache holds, but of it
// one or two layers are in use at a time, and the dense layers' weights are read the less often, the more images there
// are.
func (t *trunk) rows() int {
	const most = 2 << 20 // bytes
	each, widest := t.image.Len(), 0
	for _, b := range t.blocks {
		each += 9 * b.out.pixels() * b.channels
		widest = max(widest, b.in.pixels()*b.channels)
	}
	rows := 8
	for rows < Block/2 && 4*(each+widest)*2*rows <= most {
		rows *= 2
	}
	return rows
}

// trunkWork is the working memory of the trunk for one part of a batch.
type trunkWork struct {
	image  []float32 // [pixels][rows][channels]
	wide   []float32 // a block's first convolution, before pooling, or the derivatives with respect to it
	blocks []blockWork
	delta  [3][]float32

	features []float32 // [rows][width]
}

// blockWork is what one block leaves behind, each [pixels][rows][channels].
type blockWork struct {
	chosen []float32    // which pixel of its window pooling took
	r      [4][]float32 // the inputs of the residual units' convolutions
	x      []float32    // the output
}

func (t *trunk) newWork(rows int) *trunkWork {
	w := &trunkWork{image: aligned(rows * t.image.Len()), features: aligned(rows * t.width())}
	widest, most := 0, 0
	for _, b := range t.blocks {
		size := rows * b.out.pixels() * b.channels
		k := blockWork{chosen: aligned(size), x: aligned(size)}
		for i := range k.r {
			k.r[i] = aligned(size)
		}
		w.blocks = append(w.blocks, k)
		widest, most = max(widest, rows*b.in.pixels()*b.channels), max(most, size)
	}
	w.wide = aligned(widest)
	for i := range w.delta {
		w.delta[i] = aligned(most)
	}
	return w
}

// transposedConvolutions returns room for the transposed weights of all convolutions but the first, which needs none.
func (t *trunk) transposedConvolutions() (all [][]float32) {
	for i, l := range t.convolutions() {
		if i == 0 {
			all = append(all, nil)
		} else {
			all = append(all, aligned(l.in*l.out))
		}
	}
	return all
}

// transposePlaces writes the weights [9][in][out] of a convolution as [9][out][in].
func transposePlaces(dst, src []float32, l layer) {
	in := l.in / places
	for t := range places {
		lo, hi := t*in*l.out, (t+1)*in*l.out
		transpose(dst[lo:hi], src[lo:hi], in, l.out)
	}
}

// convolve writes to y [pixels][rows][out] the convolution of x [pixels][rows][in] and the biases.
func convolve(y, x, w, bias []float32, p *plane, l layer, rows int) {
	in := l.in / places
	for i, pairs := range p.inputs {
		sumOfProducts(rows, l.out, in, pairs, x, rows*in, in, 1, w, in*l.out, l.out, y[i*rows*l.out:], l.out, bias, 0)
	}
}

// convolveBack writes to dx [pixels][rows][in] the derivatives with respect to a convolution's input, given those dy with
// respect to its output and its transposed weights.
func convolveBack(dx, dy, wt []float32, p *plane, l layer, rows int) {
	in := l.in / places
	for i, pairs := range p.outputs {
		sumOfProducts(rows, in, l.out, pairs, dy, rows*l.out, l.out, 1, wt, in*l.out, in, dx[i*rows*in:], in, zeros[:], 0)
	}
}

// convolveGrad adds to the gradient of a convolution's weights and biases.
func convolveGrad(grad, x, dy []float32, p *plane, l layer, rows int) {
	in, w := l.in/places, l.weights(grad)
	for t, pairs := range p.meetings {
		if len(pairs) == 0 { // the image is too small for the place ever to lie in it
			continue
		}
		c := w[t*in*l.out:]
		sumOfProducts(in, l.out, rows, pairs, x, rows*in, 1, in, dy, rows*l.out, l.out, c, l.out, c, l.out)
	}
	bias := l.biases(grad)
	for i := range p.pixels() {
		sumRows(bias, dy[i*rows*l.out:(i+1)*rows*l.out], rows, all[:rows])
	}
}

// forward computes the inputs of layer 0 for the rows of a batch whose numbers are in index, and leaves in w what
// backward needs.
func (t *trunk) forward(n *Net, w *trunkWork, b env.Batch, index []int32) []float32 {
	rows := len(index)
	t.expand(w, b, index)
	x, in := w.image, t.image.Channels
	for i := range t.blocks {
		k, work := &t.blocks[i], &w.blocks[i]
		size := k.out.pixels() * rows * k.channels
		wide := w.wide[:k.in.pixels()*rows*k.channels]
		n.convolve(wide, x[:k.in.pixels()*rows*in], k.in, k.conv[0], rows)
		pool(work.x[:size], work.chosen[:size], wide, k.windows)
		x = work.x[:size]
		for unit := range 2 {
			first, second, sum := work.r[2*unit][:size], work.r[2*unit+1][:size], w.delta[0][:size]
			relu(first, x)
			n.convolve(second, first, k.out, k.conv[1+2*unit], rows)
			relu(second, second)
			n.convolve(sum, second, k.out, k.conv[2+2*unit], rows)
			add(x, sum)
		}
		in = k.channels
	}
	t.flatten(w, x, rows)
	return w.features[:rows*t.width()]
}

// convolve is the function of this name for one of the network's layers.
func (n *Net) convolve(y, x []float32, p *plane, l layer, rows int) {
	convolve(y, x, l.weights(n.Param), l.biases(n.Param), p, l, rows)
}

// expand writes the pictures of a batch's rows to w.image, and what is beside them to w.features.
func (t *trunk) expand(w *trunkWork, b env.Batch, index []int32) {
	rows, channels, size, width := len(index), t.image.Channels, t.image.Len(), t.width()
	image := w.image[:rows*size]
	if b.MaxActive == 0 {
		for i, r := range index {
			dense := b.Features[int(r)*b.Dense : (int(r)+1)*b.Dense]
			at := i * channels
			for len(dense) > t.dense {
				copy(image[at:at+channels], dense)
				dense, at = dense[channels:], at+rows*channels
			}
			copy(w.features[i*width+t.features:(i+1)*width], dense)
		}
		return
	}
	clear(image)
	for i, r := range index {
		rest := w.features[i*width+t.features : (i+1)*width]
		clear(rest[:t.sparse])
		copy(rest[t.sparse:], b.Features[int(r)*b.Dense:(int(r)+1)*b.Dense])
		active := b.Active[int(r)*b.MaxActive : (int(r)+1)*b.MaxActive]
		for _, a := range active {
			switch a := int(a); {
			case a < 0:
			case a < size:
				image[a/channels*rows*channels+i*channels+a%channels]++
			case a < size+t.sparse:
				rest[a-size]++
			default:
				panicOutside(r, size+t.sparse, active)
			}
		}
	}
}

// flatten writes the rectified output x [pixels][rows][channels] of the last block to the rows of w.features.
func (t *trunk) flatten(w *trunkWork, x []float32, rows int) {
	last := &t.blocks[len(t.blocks)-1]
	c, width := last.channels, t.width()
	for p := range last.out.pixels() {
		for i := range rows {
			relu(w.features[i*width+p*c:i*width+(p+1)*c], x[(p*rows+i)*c:])
		}
	}
}

// pool writes to y the largest numbers of each window of x, and to chosen which pixel of the window has it: the first.
func pool(y, chosen, x []float32, windows [][]int32) {
	n := len(y) / len(windows)
	clear(chosen)
	for i, window := range windows {
		y, chosen := y[i*n:(i+1)*n], chosen[i*n:(i+1)*n]
		for place, pixel := range window {
			x := x[int(pixel)*n : (int(pixel)+1)*n]
			if place == 0 {
				copy(y, x)
			} else {
				poolMax(y, chosen, x, float32(place))
			}
		}
	}
}

// poolBack writes to dx the derivatives with respect to pooling's input.
func poolBack(dx, dy, chosen []float32, windows [][]int32) {
	n := len(dy) / len(windows)
	clear(dx)
	for i, window := range windows {
		for place, pixel := range window {
			poolGrad(dx[int(pixel)*n:(int(pixel)+1)*n], dy[i*n:(i+1)*n], chosen[i*n:(i+1)*n], float32(place))
		}
	}
}

// backward adds to grad the gradient of the convolutions, given the derivatives [rows][width] with respect to what
// forward put out. It overwrites them.
func (t *trunk) backward(n *Net, w *trunkWork, dFeatures []float32, rows int, grad []float32) {
	last := &t.blocks[len(t.blocks)-1]
	width, c := t.width(), last.channels
	reluGrad(dFeatures, w.features[:rows*width])
	for p := range last.out.pixels() {
		for i := range rows {
			copy(w.delta[0][(p*rows+i)*c:(p*rows+i+1)*c], dFeatures[i*width+p*c:])
		}
	}
	number := 5 * len(t.blocks) // of the convolution after the present one
	for i := len(t.blocks) - 1; i >= 0; i-- {
		k, work := &t.blocks[i], &w.blocks[i]
		size := k.out.pixels() * rows * k.channels
		dx, middle, first := w.delta[0][:size], w.delta[1][:size], w.delta[2][:size]
		for unit := 1; unit >= 0; unit-- {
			number -= 2
			convolveGrad(grad, work.r[2*unit+1][:size], dx, k.out, k.conv[2+2*unit], rows)
			convolveBack(middle, dx, n.transposedConv[number+1], k.out, k.conv[2+2*unit], rows)
			reluGrad(middle, work.r[2*unit+1][:size])
			convolveGrad(grad, work.r[2*unit][:size], middle, k.out, k.conv[1+2*unit], rows)
			convolveBack(first, middle, n.transposedConv[number], k.out, k.conv[1+2*unit], rows)
			reluGrad(first, work.r[2*unit][:size])
			add(dx, first)
		}
		number--
		wide := w.wide[:k.in.pixels()*rows*k.channels]
		poolBack(wide, dx, work.chosen[:size], k.windows)
		if i == 0 {
			convolveGrad(grad, w.image[:rows*t.image.Len()], wide, k.in, k.conv[0], rows)
			return
		}
		x := w.blocks[i-1].x[:k.in.pixels()*rows*t.blocks[i-1].channels]
		convolveGrad(grad, x, wide, k.in, k.conv[0], rows)
		convolveBack(w.delta[0][:len(x)], wide, n.transposedConv[number], k.in, k.conv[0], rows)
	}
}
