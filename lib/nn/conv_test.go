package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"goalgap/lib/env"
)

// image64 is a picture in float64, [row][column][channel].
type image64 [][][]float64

func newImage64(h, w, c int) image64 {
	m := make(image64, h)
	for y := range m {
		m[y] = make([][]float64, w)
		for x := range m[y] {
			m[y][x] = make([]float64, c)
		}
	}
	return m
}

// conv64 is a 3×3 convolution with a border of zeros, from its definition: w [3][3][in][out].
func conv64(m image64, w, bias []float64) image64 {
	in, out := len(m[0][0]), len(bias)
	y := newImage64(len(m), len(m[0]), out)
	for r := range y {
		for c := range y[r] {
			copy(y[r][c], bias)
			for dr := -1; dr <= 1; dr++ {
				for dc := -1; dc <= 1; dc++ {
					if r+dr < 0 || r+dr >= len(m) || c+dc < 0 || c+dc >= len(m[0]) {
						continue
					}
					for i, v := range m[r+dr][c+dc] {
						for o := range out {
							y[r][c][o] += v * w[(((dr+1)*3+dc+1)*in+i)*out+o]
						}
					}
				}
			}
		}
	}
	return y
}

// pool64 is max-pooling 3×3 of stride 2 on the picture with a border of -Inf of which the smaller half comes first.
func pool64(m image64) image64 {
	size := func(n int) (out, before int) {
		out = int(math.Ceil(float64(n) / 2))
		total := max((out-1)*2+3-n, 0)
		return out, total / 2
	}
	h, top := size(len(m))
	w, left := size(len(m[0]))
	y := newImage64(h, w, len(m[0][0]))
	for r := range y {
		for c := range y[r] {
			for k := range y[r][c] {
				y[r][c][k] = math.Inf(-1)
				for i := 2*r - top; i < 2*r-top+3; i++ {
					for j := 2*c - left; j < 2*c-left+3; j++ {
						if i >= 0 && i < len(m) && j >= 0 && j < len(m[0]) {
							y[r][c][k] = max(y[r][c][k], m[i][j][k])
						}
					}
				}
			}
		}
	}
	return y
}

func relu64(m image64) image64 {
	y := newImage64(len(m), len(m[0]), len(m[0][0]))
	for r := range y {
		for c := range y[r] {
			for k, v := range m[r][c] {
				y[r][c][k] = max(v, 0)
			}
		}
	}
	return y
}

// forwardConv64 computes the outputs of a network, with or without convolutions, for row i of a batch in float64. param
// gives each tensor of Tensors by name.
func forwardConv64(s Shape, param func(name string) []float64, b env.Batch, i int) []float64 {
	active, dense := b.Row(i)
	sparse := make([]float64, s.Sparse)
	for _, a := range active {
		if a >= 0 {
			sparse[a]++
		}
	}
	pixels, rest := sparse, float64s(dense)
	if s.Sparse == 0 {
		pixels, rest = rest, nil
	}
	m, n := newImage64(s.Image.Height, s.Image.Width, s.Image.Channels), 0
	for r := range m {
		for c := range m[r] {
			for k := range m[r][c] {
				m[r][c][k] = pixels[n]
				n++
			}
		}
	}
	rest = append(slices.Clone(pixels[n:]), rest...)
	number := 0
	conv := func(m image64) image64 {
		name := fmt.Sprintf("conv%d.", number)
		number++
		return conv64(m, param(name+"weight"), param(name+"bias"))
	}
	for range s.Conv {
		m = pool64(conv(m))
		for range 2 {
			change := conv(relu64(conv(relu64(m))))
			for r := range m {
				for c := range m[r] {
					for k := range m[r][c] {
						m[r][c][k] += change[r][c][k]
					}
				}
			}
		}
	}
	var x []float64
	if len(s.Conv) > 0 {
		m = relu64(m)
	}
	for _, row := range m {
		for _, pixel := range row {
			x = append(x, pixel...)
		}
	}
	x = append(x, rest...)
	for i := range len(s.Hidden) + 1 {
		w, y := param(fmt.Sprintf("layer%d.weight", i)), slices.Clone(param(fmt.Sprintf("layer%d.bias", i)))
		for j := range y {
			for k, v := range x {
				y[j] += v * w[k*len(y)+j]
			}
			if i < len(s.Hidden) && s.Activation == ReLU {
				y[j] = max(0, y[j])
			} else if i < len(s.Hidden) {
				y[j] = math.Tanh(y[j])
			}
		}
		x = y
	}
	return x
}

// convShapes have pictures of odd sizes, one-hot and dense, with and without something beside them, with channels and
// widths that fill vectors and that do not, and a head that is narrow and one that is not.
var convShapes = []Shape{
	{Dense: 1, Image: env.Image{Height: 1, Width: 1, Channels: 1}, Conv: []int{1}, Out: 1},
	{Sparse: 18, Image: env.Image{Height: 2, Width: 3, Channels: 3}, Conv: []int{5}, Hidden: []int{7}, Activation: ReLU, Out: 9},
	{Sparse: 45, Dense: 2, Image: env.Image{Height: 5, Width: 4, Channels: 2}, Conv: []int{16, 3}, Hidden: []int{20, 11}, Activation: ReLU, Out: 3},
	{Dense: 64, Image: env.Image{Height: 4, Width: 5, Channels: 3}, Conv: []int{17, 33}, Hidden: []int{6}, Out: 2},
	{Sparse: 507, Image: env.Image{Height: 13, Width: 13, Channels: 3}, Conv: []int{3, 16, 4}, Hidden: []int{32, 24}, Activation: ReLU, Out: 5, Value: true},
}

// newConv returns a network of the shape with random biases, and observations for it.
func newConv(t testing.TB, s Shape, rows int, r *rand.Rand) (*Net, env.Batch) {
	t.Helper()
	n, err := New(s, 1, r)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n.Param {
		n.Param[i] += float32(0.05 * r.NormFloat64())
	}
	return n, randomBatch(r, s.Sparse, s.Dense, rows)
}

// wideTensors returns the network's parameters in float64 by name.
func wideTensors(n *Net) map[string][]float64 {
	out := map[string][]float64{}
	for name, t := range n.Tensors() {
		out[name] = float64s(t.Data.([]float32))
	}
	return out
}

func TestConvolutionsForwardAgainstFloat64(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		for _, s := range convShapes {
			r := rand.New(rand.NewPCG(2, 1))
			for _, rows := range []int{1, 3, 70} {
				n, b := newConv(t, s, rows, r)
				param := wideTensors(n)
				out := n.Forward(b)
				for i := 0; i < rows; i += 1 + rows/4 {
					for j, want := range forwardConv64(s, func(name string) []float64 { return param[name] }, b, i) {
						if got := float64(out[i*s.Out+j]); math.Abs(got-want) > 3e-5*max(1, math.Abs(want)) {
							t.Fatalf("%+v, %d rows: output %d of row %d is %v, want %v", s, rows, j, i, got, want)
						}
					}
				}
			}
		}
	})
}

// The derivative of Σ c·y for random c, by central differences in float64: of every tensor some parameters.
func TestConvolutionsGradientAgainstFiniteDifferences(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		for _, s := range convShapes {
			r := rand.New(rand.NewPCG(2, 2))
			const rows = 3
			probes := max(2, min(12, 400/s.Image.Len()))
			n, b := newConv(t, s, rows, r)
			c := make([]float32, rows*s.Out)
			for i := range c {
				c[i] = float32(r.NormFloat64())
			}
			order := []int32{2, 0, 2, 1}
			weight := []int{0, 1, 2, 0} // whose c each of them has
			Accumulate(Job{Net: n, Batch: b, Rows: order, Loss: func(lo, hi int, out, dOut []float32) {
				for i, w := range weight[lo:hi] {
					copy(dOut[i*s.Out:(i+1)*s.Out], c[w*s.Out:])
				}
			}})
			param := wideTensors(n)
			loss := func() (sum float64) {
				var y [rows][]float64
				for i := range y {
					y[i] = forwardConv64(s, func(name string) []float64 { return param[name] }, b, i)
				}
				for i, row := range order {
					for j, v := range y[row] {
						sum += float64(c[weight[i]*s.Out+j]) * v
					}
				}
				return sum
			}
			size := 0
			for name, g := range n.tensors(n.Grad) {
				grad, x := g.Data.([]float32), param[name]
				size += len(x)
				for range min(probes, len(x)) {
					const h = 1e-6
					i := r.IntN(len(x))
					was := x[i]
					x[i] = was + h
					up := loss()
					x[i] = was - h
					down := loss()
					x[i] = was
					if want := (up - down) / (2 * h); math.Abs(float64(grad[i])-want) > 1e-4*max(1, math.Abs(want)) {
						t.Fatalf("%+v: derivative by number %d of %s is %v, by differences %v", s, i, name, grad[i], want)
					}
				}
			}
			if size != n.Size() {
				t.Errorf("%+v: tensors of %d parameters, Size says %d", s, size, n.Size())
			}
		}
	})
}

// The count is JaxGMG's for cheese in the corner: 97 600 in the convolutions (448 + 4·2320; 4640 + 4·9248; 5·9248), then
// 33 024 + 65 792 in the dense layers and 1285 in the heads of 4 actions and a value.
func TestParametersOfJaxGMGsNetwork(t *testing.T) {
	n, err := NewLeCun(Shape{
		Sparse: 507, Image: env.Image{Height: 13, Width: 13, Channels: 3}, Conv: []int{16, 32, 32}, Hidden: []int{256, 256},
		Activation: ReLU, Out: 5, Value: true,
	}, rand.New(rand.NewPCG(2, 3)))
	if err != nil {
		t.Fatal(err)
	}
	if n.Size() != 197_701 {
		t.Errorf("%d parameters, want 197701", n.Size())
	}
}

// trainConv takes some steps on a batch of several blocks.
func trainConv(t testing.TB) []float32 {
	r := rand.New(rand.NewPCG(2, 4))
	n, b := newConv(t, convShapes[4], 150, r)
	job := Job{Net: n, Batch: b, Loss: func(lo, hi int, out, dOut []float32) {
		for i := range out {
			dOut[i] = out[i] - 1
		}
	}}
	opt := NewAdam(n)
	for range 3 {
		Accumulate(job)
		opt.Step(1e-3, 0.5)
	}
	if got := testing.AllocsPerRun(2, func() {
		Accumulate(job)
		n.Forward(b)
		opt.Step(1e-3, 0.5)
	}); got != 0 {
		t.Errorf("%v allocations an update", got)
	}
	return n.Param
}

func TestTrainingConvolutionsDoesNotDependOnTheNumberOfCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	want := trainConv(t)
	for _, procs := range []int{2, 5} {
		runtime.GOMAXPROCS(procs)
		if !slices.Equal(trainConv(t), want) {
			t.Errorf("GOMAXPROCS %d gives other bits than 1", procs)
		}
	}
}

// What is computed of an observation does not depend on how many others there are: acting and learning agree to the bit.
func TestConvolutionsOfARowDependOnTheRowAlone(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		for _, s := range convShapes {
			n, b := newConv(t, s, 37, rand.New(rand.NewPCG(2, 5)))
			all := slices.Clone(n.Forward(b))
			for i := range b.N {
				if one := n.Forward(b.Slice(i, i+1)); !slices.Equal(one, all[i*s.Out:(i+1)*s.Out]) {
					t.Fatalf("%+v: row %d alone gives %v, among %d rows %v", s, i, one, b.N, all[i*s.Out:(i+1)*s.Out])
				}
			}
		}
	})
}

// Biases are 0. Weights are within 2 standard deviations of the normal distribution that is cut, 2/0.87962566/√fan-in,
// and have the variance 1/fan-in: within 5 standard errors, √((kurtosis-1)/n) of it, where the kurtosis of a normal
// distribution cut at ±2 is 2.3656.
func TestLeCunInit(t *testing.T) {
	n, err := NewLeCun(Shape{
		Sparse: 507, Image: env.Image{Height: 13, Width: 13, Channels: 3}, Conv: []int{16, 32}, Hidden: []int{256, 256},
		Activation: ReLU, Out: 5, Value: true,
	}, rand.New(rand.NewPCG(2, 6)))
	if err != nil {
		t.Fatal(err)
	}
	fan := map[string]float64{"conv0": 27, "conv1": 144, "conv5": 144, "conv9": 288, "layer0": 512, "layer1": 256, "layer2": 256}
	for name, x := range wideTensors(n) {
		layer, kind, _ := strings.Cut(name, ".")
		if kind == "bias" {
			if slices.Max(x) != 0 || slices.Min(x) != 0 {
				t.Errorf("%s is not 0", name)
			}
			continue
		}
		in, ok := fan[layer]
		if !ok {
			continue
		}
		sum, limit := 0.0, 2/0.87962566/math.Sqrt(in)
		for _, v := range x {
			sum += v * v * in
			if math.Abs(v) > limit*1.0001 {
				t.Errorf("%s: weight %v beyond %v", name, v, limit)
			}
		}
		if got, error := sum/float64(len(x)), math.Sqrt(1.3656/float64(len(x))); math.Abs(got-1) > 5*error {
			t.Errorf("%s: variance %v of what it should be, standard error %v", name, got, error)
		}
	}
}

// The weights of a convolution are, as a matrix [9·in][out], orthogonal with gain √2; those of the value's head have
// gain 1, those of the policy's head the one that is asked for.
func TestOrthogonalInitOfConvolutionsAndHeads(t *testing.T) {
	n, err := New(Shape{
		Sparse: 507, Image: env.Image{Height: 13, Width: 13, Channels: 3}, Conv: []int{16}, Hidden: []int{40},
		Activation: ReLU, Out: 5, Value: true,
	}, 0.01, rand.New(rand.NewPCG(2, 7)))
	if err != nil {
		t.Fatal(err)
	}
	w := wideTensors(n)
	for _, c := range []struct {
		name string
		cols int
		want func(i int) float64 // squared length of column i
	}{
		{"conv2.weight", 16, func(int) float64 { return 2 }},
		{"layer1.weight", 5, func(i int) float64 {
			if i == 4 {
				return 1
			}
			return 1e-4
		}},
	} {
		x := w[c.name]
		for i := range c.cols {
			for j := range i + 1 {
				dot := 0.0
				for k := 0; k < len(x); k += c.cols {
					dot += x[k+i] * x[k+j]
				}
				want := 0.0
				if i == j {
					want = c.want(i)
				} else if c.name == "layer1.weight" && i == 4 {
					continue // the two heads are drawn apart
				}
				if math.Abs(dot-want) > 1e-6 {
					t.Errorf("%s: product of columns %d and %d is %v, want %v", c.name, i, j, dot, want)
				}
			}
		}
	}
}

func TestTensorShapesAreTheTensors(t *testing.T) {
	gaussian := Shape{Dense: 3, Hidden: []int{4}, Out: 3, Value: true, Gaussian: true}
	for _, s := range append(slices.Concat(convShapes, shapes, gruShapes), gaussian) {
		n, err := New(s, 1, rand.New(rand.NewPCG(2, 8)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.TensorShapes()
		if err != nil {
			t.Fatal(err)
		}
		tensors := n.Tensors()
		if len(got) != len(tensors) {
			t.Errorf("%+v: %d shapes for %d tensors", s, len(got), len(tensors))
		}
		for name, x := range tensors {
			if !slices.Equal(got[name], x.Shape) {
				t.Errorf("%+v: %s is %v, said to be %v", s, name, x.Shape, got[name])
			}
		}
		again, _ := newNet(s)
		if err := again.SetTensors(tensors, ""); err != nil || !slices.Equal(again.Param, n.Param) {
			t.Errorf("%+v: set from tensors: %v, or other parameters", s, err)
		}
	}
	if _, err := (Shape{}).TensorShapes(); err == nil {
		t.Error("a network without inputs has shapes")
	}
}

func TestWrongConvolutionsAreNamed(t *testing.T) {
	image := env.Image{Height: 4, Width: 4, Channels: 2}
	for want, s := range map[string]Shape{
		"but the input is no image":                               {Dense: 32, Conv: []int{4}, Out: 1},
		"image of 4 × 4 pixels with 2 channels in an input of 31": {Dense: 31, Conv: []int{4}, Image: image, Out: 1},
		"block 1 of the convolutions has 0 channels":              {Dense: 32, Conv: []int{4, 0}, Image: image, Out: 1},
		"activation 2 is neither":                                 {Dense: 32, Activation: 2, Out: 1},
		"of which the last is a value":                            {Dense: 32, Value: true, Out: 1},
	} {
		if _, err := New(s, 1, rand.New(rand.NewPCG(2, 9))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want one containing %q", s, err, want)
		}
	}
	n, b := newConv(t, convShapes[1], 1, rand.New(rand.NewPCG(2, 10)))
	b.Active[0] = 18
	defer func() {
		if got := fmt.Sprint(recover()); !strings.Contains(got, "observation 0 has an index outside 0 .. 17") {
			t.Errorf("an index out of range: %v", got)
		}
	}()
	n.Forward(b)
}

func TestActivationNames(t *testing.T) {
	for _, a := range []Activation{Tanh, ReLU} {
		text, err := a.MarshalText()
		var b Activation
		if err != nil || b.UnmarshalText(text) != nil || b != a {
			t.Errorf("%v became %v by %q, %v", a, b, text, err)
		}
	}
	if _, err := Activation(9).MarshalText(); err == nil {
		t.Error("activation 9 has a name")
	}
	var a Activation
	if err := a.UnmarshalText([]byte("gelu")); err == nil || !strings.Contains(err.Error(), `"gelu"`) {
		t.Errorf("gelu: %v", err)
	}
}
