package nn

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The kernel against its definition in float64, for every remainder of tiles and vectors, with rows of biases or of C to
// begin with, with A as it is and transposed, and with nothing written outside C.
func TestSumOfProducts(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(4, 1))
		for trial := range 1200 {
			m, n, k := 1+r.IntN(19), 1+r.IntN(70), 1+r.IntN(20)
			const as, bs = 3, 4 // how many matrices there are
			strideA, strideB := m*k+r.IntN(3), k*n+r.IntN(3)
			rsa, csa := k, 1
			if trial%2 == 0 {
				rsa, csa = 1, m
			}
			ldc := n + r.IntN(4)
			_, a := guarded(r, as*strideA)
			_, b := guarded(r, bs*strideB)
			all, c := guarded(r, (m-1)*ldc+n)
			from, ldf := c, ldc
			if trial%3 == 0 {
				_, from = guarded(r, n)
				ldf = 0
			}
			if trial%7 == 0 {
				a[r.IntN(len(a))] = []float32{nan, inf, -inf, 1e-40}[r.IntN(4)]
			}
			pairs := make([]pair, 1+r.IntN(11))
			for i := range pairs {
				pairs[i] = pair{r.Int32N(as), r.Int32N(bs)}
			}
			start, before := append([]float32(nil), from...), append([]float32(nil), c...)
			sumOfProducts(m, n, k, pairs, a, strideA, rsa, csa, b, strideB, n, c, ldc, from, ldf)
			checkGuards(t, "sumOfProducts", all)
			for i := range c {
				row, col := i/ldc, i%ldc
				if col >= n {
					if math.Float32bits(c[i]) != math.Float32bits(before[i]) {
						t.Fatalf("%d×%d×%d: wrote between the rows", m, n, k)
					}
					continue
				}
				want := float64(start[row*ldf+col])
				scale := math.Abs(want)
				for _, p := range pairs {
					for l := range k {
						x := float64(a[int(p.a)*strideA+row*rsa+l*csa]) * float64(b[int(p.b)*strideB+l*n+col])
						want += x
						scale += math.Abs(x)
					}
				}
				if !near(float64(c[i]), want, scale, 3e-6) {
					t.Fatalf("%d×%d×%d, %d pairs: element (%d, %d) is %v, want %v", m, n, k, len(pairs), row, col, c[i], want)
				}
			}
		}
		c := []float32{1, 2}
		sumOfProducts(1, 2, 3, nil, nil, 0, 0, 0, nil, 0, 0, c, 2, []float32{5, 6}, 0)
		if c[0] != 5 || c[1] != 6 {
			t.Errorf("without pairs the sum is %v, want what it begins with, 5 and 6", c)
		}
	})
}

func TestRectifierAndPooling(t *testing.T) {
	special := []float32{nan, inf, -inf, 0, float32(math.Copysign(0, -1)), 1e-42}
	eachKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(4, 2))
		for _, n := range sizes {
			for range 20 {
				all, y := guarded(r, n)
				_, x := guarded(r, n)
				chosenAll, chosen := guarded(r, n)
				for i := range n {
					chosen[i] = float32(r.IntN(3))
					if r.IntN(5) == 0 {
						x[i] = special[r.IntN(len(special))]
					}
				}
				bits := math.Float32bits
				before, first := append([]float32(nil), y...), append([]float32(nil), chosen...)

				poolMax(y, chosen, x, 7)
				for i, v := range x {
					want, from := before[i], first[i]
					if v > want || v != v {
						want, from = v, 7
					}
					if bits(y[i]) != bits(want) && want == want || (y[i] == y[i]) != (want == want) || chosen[i] != from {
						t.Fatalf("the larger of %v and %v is %v from %v, want %v from %v", before[i], v, y[i], chosen[i], want, from)
					}
				}
				copy(y, before)
				copy(chosen, first)
				poolGrad(y, x, chosen, 1)
				for i, v := range x {
					want := before[i]
					if first[i] == 1 {
						want += v
					}
					if y[i] != want && want == want {
						t.Fatalf("%v with %v added for place %v is %v", before[i], v, first[i], y[i])
					}
				}
				copy(y, before)
				reluGrad(y, x)
				for i, v := range x {
					want := float32(0)
					if v > 0 {
						want = before[i]
					}
					if y[i] != want {
						t.Fatalf("%v where the rectifier gave %v became %v, want %v", before[i], v, y[i], want)
					}
				}
				relu(y, x)
				for i, v := range x {
					if want := max(v, 0); y[i] != want && want == want || v != v && y[i] == y[i] {
						t.Fatalf("rectified %v is %v, want %v", v, y[i], want)
					}
				}
				checkGuards(t, "the rectifier or pooling", all)
				checkGuards(t, "pooling", chosenAll)
			}
		}
	})
}

// The windows for sides of 13, 7 and 4 begin one pixel before the picture, one pixel before and at its edge, as
// TensorFlow's rule has it.
func TestPoolingWindows(t *testing.T) {
	for side, want := range map[int][][]int32{
		13: {{0, 1}, {1, 2, 3}, {3, 4, 5}, {5, 6, 7}, {7, 8, 9}, {9, 10, 11}, {11, 12}},
		7:  {{0, 1}, {1, 2, 3}, {3, 4, 5}, {5, 6}},
		4:  {{0, 1, 2}, {2, 3}},
		2:  {{0, 1}},
		1:  {{0}},
	} {
		out, windows := newPlane(1, side).pooled()
		if out.height != 1 || out.width != len(want) {
			t.Errorf("1 × %d becomes %d × %d, want 1 × %d", side, out.height, out.width, len(want))
		}
		for i, w := range windows {
			if len(w) != len(want[i]) || w[0] != want[i][0] {
				t.Errorf("side %d: window %d has %v, want %v", side, i, w, want[i])
			}
		}
	}
}
