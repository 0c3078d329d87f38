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

// sigmoid64 is the logistic function.
func sigmoid64(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// affine64 returns x·w + b for w [len(x)][len(b)].
func affine64(x, w, b []float64) []float64 {
	y := slices.Clone(b)
	for j := range y {
		for k, v := range x {
			y[j] += v * w[k*len(y)+j]
		}
	}
	return y
}

// step64 computes in float64, from the equations of PyTorch's nn.GRUCell, the outputs of a network with a GRU for row i of
// a batch and the state that follows h.
func step64(s Shape, param func(name string) []float64, b env.Batch, i int, h []float64) (out, next []float64) {
	last := fmt.Sprintf("layer%d.", len(s.Hidden))
	x := forwardConv64(s, func(name string) []float64 {
		return param(strings.Replace(name, last, "gru.input.", 1))
	}, b, i)
	u := affine64(h, param("gru.recurrent.weight"), param("gru.recurrent.bias"))
	next = make([]float64, s.GRU)
	for j := range next {
		r, z := sigmoid64(x[j]+u[j]), sigmoid64(x[s.GRU+j]+u[s.GRU+j])
		n := math.Tanh(x[2*s.GRU+j] + r*u[2*s.GRU+j])
		next[j] = (1-z)*n + z*h[j]
	}
	return affine64(next, param(last+"weight"), param(last+"bias")), next
}

// gruShapes have narrow and wide heads, units that fill vectors and that do not, and all kinds of layers before them.
var gruShapes = []Shape{
	{Dense: 3, GRU: 1, Out: 1},
	{Dense: 2, Hidden: []int{7}, GRU: 5, Out: 3, Value: true},
	{Sparse: 11, Dense: 2, Hidden: []int{17, 6}, Activation: ReLU, GRU: 33, Out: 12},
	{Sparse: 9, GRU: 16, Out: 9},
	{Sparse: 45, Dense: 2, Image: env.Image{Height: 5, Width: 4, Channels: 2}, Conv: []int{4, 3}, Hidden: []int{20}, Activation: ReLU, GRU: 8, Out: 3},
}

// episodes are sequences in a batch of which each row has a number of its own: rows of the batch in an order of time, and
// where something new begins in them.
type episodes struct {
	count, steps int
	rows         []int32
	begin        []bool
	state        []float32
	batch        env.Batch
}

// newEpisodes returns sequences that skip some of a batch's rows.
func newEpisodes(s Shape, count, steps int, r *rand.Rand) episodes {
	e := episodes{count: count, steps: steps}
	n := count*steps + 5
	e.batch = randomBatch(r, s.Sparse, s.Dense, n)
	e.state = make([]float32, n*s.GRU)
	for i := range e.state {
		e.state[i] = float32(0.5 * r.NormFloat64())
	}
	for _, row := range r.Perm(n)[:count*steps] {
		e.rows = append(e.rows, int32(row))
	}
	for range n {
		e.begin = append(e.begin, r.IntN(4) == 0)
	}
	return e
}

func (e episodes) job(n *Net, loss func(lo, hi int, out, dOut []float32)) Sequences {
	return Sequences{
		Job:   Job{Net: n, Batch: e.batch, Rows: e.rows, Loss: loss},
		Count: e.count, State: e.state, Begin: e.begin,
	}
}

// outputs64 computes all outputs in float64.
func (e episodes) outputs64(s Shape, param func(name string) []float64) (out [][]float64) {
	states := make([][]float64, e.count)
	for i := range states {
		r := int(e.rows[i])
		states[i] = float64s(e.state[r*s.GRU : (r+1)*s.GRU])
	}
	for i, row := range e.rows {
		h := &states[i%e.count]
		if e.begin[row] {
			*h = make([]float64, s.GRU)
		}
		var y []float64
		y, *h = step64(s, param, e.batch, int(row), *h)
		out = append(out, y)
	}
	return out
}

func TestGRUForwardAgainstFloat64(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		for _, s := range gruShapes {
			r := rand.New(rand.NewPCG(3, 1))
			for _, count := range []int{1, 3, 21} {
				n, _ := newConv(t, s, 0, r)
				e := newEpisodes(s, count, 9, r)
				param := wideTensors(n)
				want := e.outputs64(s, func(name string) []float64 { return param[name] })
				AccumulateThroughTime(e.job(n, func(lo, hi int, out, _ []float32) {
					for i, x := range out {
						if w := want[lo+i/s.Out][i%s.Out]; math.Abs(float64(x)-w) > 3e-5*max(1, math.Abs(w)) {
							t.Errorf("%+v: output %d of row %d is %v, want %v", s, i%s.Out, lo+i/s.Out, x, w)
						}
					}
				}))
			}
		}
	})
}

// The derivative of Σ c·y for random c through steps and beginnings, by central differences in float64: of every tensor
// some parameters.
func TestGRUGradientAgainstFiniteDifferences(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		for _, s := range gruShapes {
			r := rand.New(rand.NewPCG(3, 2))
			n, _ := newConv(t, s, 0, r)
			e := newEpisodes(s, 3, 7, r)
			c := make([]float32, len(e.rows)*s.Out)
			for i := range c {
				c[i] = float32(r.NormFloat64())
			}
			AccumulateThroughTime(e.job(n, func(lo, hi int, out, dOut []float32) { copy(dOut, c[lo*s.Out:hi*s.Out]) }))
			param := wideTensors(n)
			loss := func() (sum float64) {
				for i, y := range e.outputs64(s, func(name string) []float64 { return param[name] }) {
					for j, v := range y {
						sum += float64(c[i*s.Out+j]) * v
					}
				}
				return sum
			}
			size := 0
			for name, g := range n.tensors(n.Grad) {
				grad, x := g.Data.([]float32), param[name]
				size += len(x)
				for range min(12, len(x)) {
					const h = 1e-6
					i := r.IntN(len(x))
					was := x[i]
					x[i] = was + h
					up := loss()
					x[i] = was - h
					down := loss()
					x[i] = was
					if want := (up - down) / (2 * h); math.Abs(float64(grad[i])-want) > 1e-4*max(1, math.Abs(want)) {
						t.Errorf("%+v: derivative by number %d of %s is %v, by differences %v", s, i, name, grad[i], want)
					}
				}
			}
			if size != n.Size() {
				t.Errorf("%+v: tensors of %d parameters, Size says %d", s, size, n.Size())
			}
		}
	})
}

// What a sequence puts out step by step, alone or beside others, is to the bit what it puts out when it is learnt from.
func TestStepsGiveTheBitsThatAreLearntFrom(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		for _, s := range gruShapes {
			r := rand.New(rand.NewPCG(3, 3))
			n, _ := newConv(t, s, 0, r)
			const count, steps = 19, 11
			e := newEpisodes(s, count, steps, r)
			learnt := make([]float32, count*steps*s.Out)
			AccumulateThroughTime(e.job(n, func(lo, hi int, out, _ []float32) { copy(learnt[lo*s.Out:], out) }))
			for _, width := range []int{1, 4, count} {
				for first := 0; first < count; first += width {
					size := min(width, count-first)
					state := make([]float32, size*s.GRU)
					for i := range size {
						row := int(e.rows[first+i])
						copy(state[i*s.GRU:(i+1)*s.GRU], e.state[row*s.GRU:])
					}
					obs := env.NewBatch(env.Spec{Sparse: s.Sparse, MaxActive: e.batch.MaxActive, Dense: s.Dense}, size)
					for at := first; at < count*steps; at += count {
						for i := range size {
							row := int(e.rows[at+i])
							obs.CopyRow(i, e.batch, row)
							if e.begin[row] {
								clear(state[i*s.GRU : (i+1)*s.GRU])
							}
						}
						if got := n.Step(obs, state); !slices.Equal(got, learnt[at*s.Out:(at+size)*s.Out]) {
							t.Fatalf("%+v, %d side by side: outputs %v of row %d, but %v when learnt from", s, width, got, at, learnt[at*s.Out:(at+size)*s.Out])
						}
					}
				}
			}
		}
	})
}

// trainGRU takes some steps on sequences enough to be cut into parts and groups.
func trainGRU(t testing.TB) []float32 {
	r := rand.New(rand.NewPCG(3, 4))
	s := Shape{Sparse: 50, Dense: 3, Hidden: []int{20}, GRU: 24, Out: 5}
	n, _ := newConv(t, s, 0, r)
	e := newEpisodes(s, 40, 50, r)
	opt := NewAdam(n)
	for range 4 {
		AccumulateThroughTime(e.job(n, func(lo, hi int, out, dOut []float32) {
			for i := range out {
				dOut[i] = out[i] - 1
			}
		}))
		opt.Step(1e-3, 0.5)
	}
	return n.Param
}

func TestTrainingGRUsDoesNotDependOnTheNumberOfCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	want := trainGRU(t)
	for _, procs := range []int{2, 5} {
		runtime.GOMAXPROCS(procs)
		if !slices.Equal(trainGRU(t), want) {
			t.Errorf("GOMAXPROCS %d gives other bits than 1", procs)
		}
	}
}

func TestGRUsDoNotAllocate(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	s := gruShapes[2]
	n, _ := newConv(t, s, 0, r)
	e := newEpisodes(s, 20, 60, r)
	job := e.job(n, func(lo, hi int, out, dOut []float32) { copy(dOut, out) })
	obs, state := e.batch.Slice(0, 20), make([]float32, 20*s.GRU)
	opt := NewAdam(n)
	if got := testing.AllocsPerRun(5, func() {
		AccumulateThroughTime(job)
		n.Step(obs, state)
		opt.Step(1e-3, 0.5)
	}); got != 0 {
		t.Errorf("%v allocations an update", got)
	}
}

// The recurrent weights are orthonormal: of New as one matrix of three gates, of NewLeCun each gate's, as flax has it.
func TestInitialRecurrentWeightsAreOrthonormal(t *testing.T) {
	const w = 6
	s := Shape{Dense: 30, Hidden: []int{4}, GRU: w, Out: 2, Value: true}
	r := rand.New(rand.NewPCG(3, 6))
	plain, err := New(s, 0.01, r)
	if err != nil {
		t.Fatal(err)
	}
	lecun, err := NewLeCun(s, r)
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, vectors [][]float32) {
		for a, x := range vectors {
			for b, y := range vectors[:a+1] {
				dot, want := 0.0, 0.0
				for i := range x {
					dot += float64(x[i]) * float64(y[i])
				}
				if a == b {
					want = 1
				}
				if math.Abs(dot-want) > 1e-5 {
					t.Errorf("%s: product of vectors %d and %d is %v, want %v", what, a, b, dot, want)
				}
			}
		}
	}
	check("orthogonal, recurrent", slices.Collect(slices.Chunk(plain.Tensors()["gru.recurrent.weight"].Data.([]float32), 3*w)))
	check("orthogonal, input", slices.Collect(slices.Chunk(plain.Tensors()["gru.input.weight"].Data.([]float32), 3*w)))
	for gate := range 3 {
		var rows [][]float32
		for row := range slices.Chunk(lecun.Tensors()["gru.recurrent.weight"].Data.([]float32), 3*w) {
			rows = append(rows, row[gate*w:(gate+1)*w])
		}
		check(fmt.Sprintf("LeCun, gate %d", gate), rows)
	}
	for name, x := range plain.Tensors() {
		for _, v := range x.Data.([]float32) {
			if strings.HasSuffix(name, "bias") && v != 0 {
				t.Errorf("%s has %v", name, v)
			}
		}
	}
}

func TestWrongUsesOfGRUsPanic(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 7))
	if _, err := New(Shape{Dense: 1, GRU: -1, Out: 1}, 1, r); err == nil || !strings.Contains(err.Error(), "GRU of width -1") {
		t.Errorf("a GRU of width -1: error %v", err)
	}
	s := Shape{Dense: 3, GRU: 4, Out: 2}
	n, obs := newConv(t, s, 6, r)
	plain, _ := newConv(t, Shape{Dense: 3, Out: 2}, 6, r)
	loss := func(_, _ int, _, _ []float32) {}
	job := func(n *Net, count, states int, begin []bool) func() {
		return func() {
			AccumulateThroughTime(Sequences{
				Job: Job{Net: n, Batch: obs, Loss: loss}, Count: count, State: make([]float32, states), Begin: begin,
			})
		}
	}
	for want, f := range map[string]func(){
		"Forward of a network with a GRU":               func() { n.Forward(obs) },
		"Step of a network without a GRU":               func() { plain.Step(obs, nil) },
		"23 numbers as the states of 6 sequences":       func() { n.Step(obs, make([]float32, 23)) },
		"Accumulate for a network with a GRU":           func() { Accumulate(Job{Net: n, Batch: obs, Loss: loss}) },
		"ThroughTime for a network without a GRU":       job(plain, 2, 8, nil),
		"6 rows as steps of 4 sequences":                job(n, 4, 16, nil),
		"6 rows as steps of 0 sequences":                job(n, 0, 16, nil),
		"begins with row 1 of the batch, but 7 numbers": job(n, 2, 7, nil),
		"of which 5 are said to begin or not":           job(n, 2, 8, make([]bool, 5)),
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
					t.Errorf("panic %q, want one containing %q", got, want)
				}
			}()
			f()
		}()
	}
	job(n, 3, 12, nil)()
	job(n, 3, 12, make([]bool, 6))()
}
