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

// randomBatch returns n observations with up to four ones among sparse and dense random numbers.
func randomBatch(r *rand.Rand, sparse, dense, n int) env.Batch {
	spec := env.Spec{Sparse: sparse, Dense: dense}
	if sparse > 0 {
		spec.MaxActive = 4
	}
	b := env.NewBatch(spec, n)
	for i := range b.Active {
		b.Active[i] = -1
		if r.IntN(4) > 0 {
			b.Active[i] = r.Int32N(int32(sparse))
		}
	}
	for i := range b.Features {
		b.Features[i] = float32(r.NormFloat64())
	}
	return b
}

// forward64 computes a network's outputs for row i of a batch in float64, from the definition.
func forward64(n *Net, param []float64, b env.Batch, i int) []float64 {
	active, dense := b.Row(i)
	x := make([]float64, n.Shape.Sparse+n.Shape.Dense)
	for _, a := range active {
		if a >= 0 {
			x[a]++
		}
	}
	for j, v := range dense {
		x[n.Shape.Sparse+j] = float64(v)
	}
	for i, l := range n.layers {
		y := append([]float64(nil), param[l.bias:l.bias+l.out]...)
		for j := range y {
			for k, v := range x {
				at := l.weight + k*l.out + j
				if l.narrow {
					at = l.weight + j*l.in + k
				}
				y[j] += v * param[at]
			}
			if i < len(n.layers)-1 {
				y[j] = math.Tanh(y[j])
			}
		}
		x = y
	}
	return x
}

func float64s(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

var shapes = []Shape{
	{Dense: 3, Out: 2},
	{Sparse: 9, Out: 1},
	{Dense: 4, Hidden: []int{8}, Out: 3},
	{Sparse: 11, Dense: 2, Hidden: []int{17, 5}, Out: 4},
	{Sparse: 30, Dense: 3, Hidden: []int{64, 64}, Out: 1},
	{Dense: 3, Hidden: []int{7, 33, 18}, Out: 20},
}

func TestForwardAgainstFloat64(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		for _, shape := range shapes {
			r := rand.New(rand.NewPCG(1, 1))
			n, err := New(shape, 1, r)
			if err != nil {
				t.Fatal(err)
			}
			for i := range n.Param {
				n.Param[i] += float32(r.NormFloat64()) * 0.1 // biases are 0 otherwise
			}
			for _, rows := range []int{0, 1, 5, Block, Block + 3, 9 * Block} {
				b := randomBatch(r, shape.Sparse, shape.Dense, rows)
				out := n.Forward(b)
				for i := range rows {
					for j, want := range forward64(n, float64s(n.Param), b, i) {
						if got := float64(out[i*shape.Out+j]); math.Abs(got-want) > 2e-5*max(1, math.Abs(want)) {
							t.Fatalf("%+v, %d rows: output %d of row %d is %v, want %v", shape, rows, j, i, got, want)
						}
					}
				}
			}
		}
	})
}

// The derivative of Σ c·y for random c, by central differences in float64.
func TestGradientAgainstFiniteDifferences(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		for _, shape := range shapes {
			r := rand.New(rand.NewPCG(1, 2))
			n, err := New(shape, 1, r)
			if err != nil {
				t.Fatal(err)
			}
			const rows = 6
			b := randomBatch(r, shape.Sparse, shape.Dense, rows)
			c := make([]float32, rows*shape.Out)
			for i := range c {
				c[i] = float32(r.NormFloat64())
			}
			order := []int32{3, 1, 4, 1, 5} // the loss of the second part: rows picked, one of them twice
			loss := func(param []float64) (all, picked float64) {
				y := make([][]float64, rows)
				for i := range y {
					y[i] = forward64(n, param, b, i)
					for j, v := range y[i] {
						all += float64(c[i*shape.Out+j]) * v
					}
				}
				for i, row := range order {
					for j, v := range y[row] {
						picked += float64(c[i*shape.Out+j]) * v
					}
				}
				return all, picked
			}
			Accumulate(Job{Net: n, Batch: b, Loss: func(lo, hi int, out, dOut []float32) { copy(dOut, c[lo*shape.Out:]) }})
			all := slices.Clone(n.Grad)
			clear(n.Grad)
			Accumulate(Job{Net: n, Batch: b, Rows: order, Loss: func(lo, hi int, out, dOut []float32) {
				copy(dOut, c[lo*shape.Out:hi*shape.Out])
			}})
			param := float64s(n.Param)
			for range 300 {
				const h = 1e-6
				i := r.IntN(len(param))
				was := param[i]
				param[i] = was + h
				a1, p1 := loss(param)
				param[i] = was - h
				a0, p0 := loss(param)
				param[i] = was
				for what, x := range map[string][2]float64{
					"all rows":    {float64(all[i]), (a1 - a0) / (2 * h)},
					"rows picked": {float64(n.Grad[i]), (p1 - p0) / (2 * h)},
				} {
					if math.Abs(x[0]-x[1]) > 2e-5*max(1, math.Abs(x[1])) {
						t.Fatalf("%s, %+v: derivative by parameter %d is %v, by differences %v", what, shape, i, x[0], x[1])
					}
				}
			}
		}
	})
}

func TestGradientsAccumulate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	n, _ := New(shapes[3], 1, r)
	job := Job{Net: n, Batch: randomBatch(r, 11, 2, 3), Loss: func(lo, hi int, out, dOut []float32) {
		for i := range dOut {
			dOut[i] = 1
		}
	}}
	Accumulate(job)
	once := slices.Clone(n.Grad)
	Accumulate(job)
	for i, g := range once {
		if got := n.Grad[i]; math.Abs(float64(got-2*g)) > 1e-5*max(1, math.Abs(float64(g))) {
			t.Fatalf("parameter %d: %v after one call, %v after two", i, g, got)
		}
	}
}

// train takes some steps on a batch large enough to be cut into parts.
func train(t testing.TB) []float32 {
	r := rand.New(rand.NewPCG(1, 4))
	var jobs []Job
	var nets []*Net
	for i := range 2 {
		n, err := New(Shape{Sparse: 500, Dense: 3, Hidden: []int{64, 30}, Out: 2}, 1, r)
		if err != nil {
			t.Fatal(err)
		}
		nets = append(nets, n)
		jobs = append(jobs, Job{Net: n, Batch: randomBatch(r, 500, 3, 3000+i), Loss: func(lo, hi int, out, dOut []float32) {
			for i := range out {
				dOut[i] = out[i] - 1
			}
		}})
	}
	opt := NewAdam(nets...)
	for range 5 {
		Accumulate(jobs...)
		opt.Step(1e-3, 0.5)
	}
	return slices.Concat(nets[0].Param, nets[1].Param)
}

func TestTrainingDoesNotDependOnTheNumberOfCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	want := train(t)
	for _, procs := range []int{2, 5} {
		runtime.GOMAXPROCS(procs)
		if !slices.Equal(train(t), want) {
			t.Errorf("GOMAXPROCS %d gives other bits than 1", procs)
		}
	}
}

func TestUpdatesDoNotAllocate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	n, _ := New(shapes[4], 1, r)
	b := randomBatch(r, 30, 3, 2000)
	opt := NewAdam(n)
	job := Job{Net: n, Batch: b, Loss: func(lo, hi int, out, dOut []float32) { copy(dOut, out) }}
	if got := testing.AllocsPerRun(10, func() {
		Accumulate(job)
		n.Forward(b)
		opt.Step(1e-3, 0.5)
	}); got != 0 {
		t.Errorf("%v allocations an update", got)
	}
}

func TestReplicaSharesParametersAndCloneDoesNot(t *testing.T) {
	n, _ := New(shapes[2], 1, rand.New(rand.NewPCG(1, 6)))
	replica, clone := n.Replica(), n.Clone()
	was := n.Param[0]
	n.Param[0]++
	if replica.Param[0] != was+1 || clone.Param[0] != was {
		t.Errorf("after adding 1 to %v: replica %v, clone %v", was, replica.Param[0], clone.Param[0])
	}
}

func TestOrthogonalInit(t *testing.T) {
	for _, s := range [][2]int{{20, 7}, {7, 20}, {16, 16}, {5, 1}} {
		n, err := New(Shape{Dense: s[0], Out: s[1]}, 0.5, rand.New(rand.NewPCG(1, 7)))
		if err != nil {
			t.Fatal(err)
		}
		w := n.layers[0].weights(n.Param)
		at := func(i, j int) float64 { return float64(w[i*s[1]+j]) }
		count, length, get := s[1], s[0], func(v, i int) float64 { return at(i, v) }
		if s[0] < s[1] {
			count, length, get = s[0], s[1], at
		}
		for a := range count {
			for b := range a + 1 {
				dot := 0.0
				for i := range length {
					dot += get(a, i) * get(b, i)
				}
				want := 0.0
				if a == b {
					want = 0.25 // the square of the gain
				}
				if math.Abs(dot-want) > 1e-6 {
					t.Errorf("%v: product of vectors %d and %d is %v, want %v", s, a, b, dot, want)
				}
			}
		}
		for _, x := range n.layers[0].biases(n.Param) {
			if x != 0 {
				t.Errorf("%v: bias %v", s, x)
			}
		}
	}
}

func TestWrongShapes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 8))
	for _, s := range []Shape{{Out: 1}, {Dense: 1}, {Dense: -1, Sparse: 3, Out: 1}, {Dense: 1, Hidden: []int{4, 0}, Out: 1}} {
		if _, err := New(s, 1, r); err == nil {
			t.Errorf("%+v was accepted", s)
		}
	}
	if _, err := New(shapes[0], math.NaN(), r); err == nil {
		t.Error("gain NaN was accepted")
	}
	n, _ := New(Shape{Sparse: 5, Out: 1}, 1, r)
	bad := env.Batch{N: 1, MaxActive: 1, Active: []int32{5}}
	func() {
		defer func() {
			if fmt.Sprint(recover()) != "nn: observation 0 has an index outside 0 .. 4: [5]" {
				t.Error("an index out of range did not panic with its value")
			}
		}()
		n.Forward(bad)
	}()
}

// Two steps by hand. Gradient 0.3, no clipping: m₁ = 0.03, v₁ = 0.00009, m̂ = 0.3, v̂ = 0.09, so the parameter moves by
// 0.01·0.3/(0.3+1e-5) = 0.00999966668. Then gradient -0.1: m₂ = 0.9·0.03-0.01 = 0.017, m̂ = 0.017/0.19 = 0.0894736842;
// v₂ = 0.999·0.00009+0.001·0.01 = 0.00009991, v̂ = 0.00009991/0.001999 = 0.0499799900, √v̂ = 0.223562050; it moves by
// 0.01·0.0894736842/0.223572050 = 0.00400200314.
func TestAdamByHand(t *testing.T) {
	n, _ := newNet(Shape{Dense: 1, Out: 1})
	opt := NewAdam(n)
	weight := &n.Param[n.layers[0].weight]
	*weight = 1
	for i, step := range []struct{ grad, want float64 }{
		{0.3, 1 - 0.00999966668},
		{-0.1, 1 - 0.00999966668 - 0.00400200314},
	} {
		n.Grad[n.layers[0].weight] = float32(step.grad)
		norm := opt.Step(0.01, 0)
		if math.Abs(float64(*weight)-step.want) > 2e-7 || math.Abs(norm-math.Abs(step.grad)) > 1e-7 {
			t.Errorf("step %d: weight %v, norm %v; want %v, %v", i+1, *weight, norm, step.want, math.Abs(step.grad))
		}
		if n.Grad[n.layers[0].weight] != 0 {
			t.Error("the gradient is not cleared")
		}
	}
}

// Gradients 3 and 4 in two networks have norm 5; clipped to 0.5 they are 0.3 and 0.4, and the first moments a tenth.
func TestGradientsAreClippedTogether(t *testing.T) {
	a, _ := newNet(Shape{Dense: 1, Out: 1})
	b, _ := newNet(Shape{Dense: 1, Out: 1})
	opt := NewAdam(a, b)
	a.Grad[0], b.Grad[0] = 3, 4
	if norm := opt.Step(0, 0.5); math.Abs(norm-5) > 1e-6 {
		t.Errorf("norm %v, want 5", norm)
	}
	if m := opt.moment1; math.Abs(float64(m[0][0])-0.03) > 1e-7 || math.Abs(float64(m[1][0])-0.04) > 1e-7 {
		t.Errorf("first moments %v and %v, want 0.03 and 0.04", m[0][0], m[1][0])
	}
}

func TestAdamRefusesWhatIsNotFinite(t *testing.T) {
	for _, bad := range []float32{nan, inf} {
		n, _ := newNet(Shape{Dense: 1, Out: 1})
		opt := NewAdam(n)
		n.Grad[0] = bad
		if norm := opt.Step(1, 0.5); norm < math.Inf(1) || n.Param[0] != 0 || opt.Steps() != 0 {
			t.Errorf("gradient %v: norm %v, parameter %v, %d steps", bad, norm, n.Param[0], opt.Steps())
		}
	}
}

func TestSoftmaxHelpers(t *testing.T) {
	for x := float32(-110); x < 90; x += 0.0137 {
		want := math.Exp(float64(x))
		if got := float64(Exp(x)); want > 1e-37 && want < math.MaxFloat32 && math.Abs(got/want-1) > 2e-7 || math.Abs(got-want) > 1e-37 && want < 1e-37 {
			t.Fatalf("exp(%v) = %v, want %v", x, got, want)
		}
	}
	if Exp(inf) != inf || Exp(-inf) != 0 || Exp(nan) == Exp(nan) || Exp(100) != inf || Exp(0) != 1 {
		t.Errorf("exp at ±Inf, NaN, 100, 0: %v %v %v %v %v", Exp(inf), Exp(-inf), Exp(nan), Exp(100), Exp(0))
	}
	r := rand.New(rand.NewPCG(1, 9))
	for range 200 {
		k := 1 + r.IntN(15)
		logits := make([]float32, k)
		for i := range logits {
			logits[i] = float32(r.NormFloat64() * 20)
		}
		sum := 0.0
		for _, x := range logits {
			sum += math.Exp(float64(x - slices.Max(logits)))
		}
		target, entropy := r.IntN(k), 0.0
		p, logp, d := make([]float32, k), make([]float32, k), make([]float32, k)
		Softmax(p, logits)
		LogSoftmax(logp, logits)
		loss := CrossEntropy(d, logits, target)
		for i, x := range logits {
			wantLog := float64(x-slices.Max(logits)) - math.Log(sum)
			want := math.Exp(wantLog)
			entropy -= want * wantLog
			if !near(float64(p[i]), want, 1, 1e-6) || !near(float64(logp[i]), wantLog, math.Abs(wantLog), 1e-6) {
				t.Errorf("probability %v, log %v, want %v, %v", p[i], logp[i], want, wantLog)
			}
			if i == target {
				if !near(float64(loss), -wantLog, math.Abs(wantLog), 1e-6) {
					t.Errorf("cross-entropy %v, want %v", loss, -wantLog)
				}
				want--
			}
			if !near(float64(d[i]), want, 1, 1e-6) {
				t.Errorf("derivative %v, want %v", d[i], want)
			}
		}
		if got := float64(Entropy(p, logp)); !near(got, entropy, 1, 1e-5) {
			t.Errorf("entropy %v, want %v", got, entropy)
		}
	}
}

// The log standard deviations are parameters like any other: shared, copied, saved, clipped and moved with them. With
// β₁ = 0.9 and β₂ = 0.999 Adam's first step is the learning rate against the gradient's sign.
func TestLogStd(t *testing.T) {
	shape := Shape{Dense: 3, Hidden: []int{5}, Out: 2}
	plain, err := New(shape, 1, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	shape.Gaussian = true
	n, err := New(shape, 1, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if len(plain.LogStd()) != 0 || len(plain.LogStdGrad()) != 0 {
		t.Error("a network that is not Gaussian has deviations")
	}
	if !slices.Equal(n.Param[:len(plain.Param)], plain.Param) || n.Size() != plain.Size()+2 {
		t.Errorf("%d parameters, %d without deviations; or other weights", n.Size(), plain.Size())
	}
	if !slices.Equal(n.LogStd(), []float32{0, 0}) {
		t.Errorf("initially %v", n.LogStd())
	}
	replica, clone := n.Replica(), n.Clone()
	opt := NewAdam(n)
	copy(n.LogStdGrad(), []float32{-3, 4}) // the gradient's whole length is 5
	if norm := opt.Step(0.25, 0); norm != 5 {
		t.Errorf("the gradient's length is %v, want 5", norm)
	}
	for i, want := range []float64{0.25, -0.25} {
		if math.Abs(float64(n.LogStd()[i])-want) > 1e-5 || replica.LogStd()[i] != n.LogStd()[i] || clone.LogStd()[i] != 0 {
			t.Errorf("after a step %v, the replica's %v, the clone's %v", n.LogStd(), replica.LogStd(), clone.LogStd())
		}
	}
	if !slices.Equal(n.LogStdGrad(), []float32{0, 0}) {
		t.Errorf("the gradient is %v after the step", n.LogStdGrad())
	}
	tensors := n.Tensors()
	if err := clone.SetTensors(tensors, ""); err != nil || !slices.Equal(clone.Param, n.Param) {
		t.Errorf("set from tensors: %v, %v", clone.LogStd(), err)
	}
	again := NewAdam(clone)
	if err := again.SetTensors(0, opt.Tensors(0, "a."), "a.", 1); err != nil || !slices.Equal(again.moment2[0], opt.moment2[0]) {
		t.Errorf("moments set from tensors: %v", err)
	}
	delete(tensors, "log_std")
	if err := clone.SetTensors(tensors, ""); err == nil || !strings.Contains(err.Error(), `"log_std" is missing`) {
		t.Errorf("without deviations: error %v", err)
	}
}
