package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

var nan, inf = float32(math.NaN()), float32(math.Inf(1))

// guard is written around what a kernel may touch.
const guard = 12345

// guarded returns n random numbers in the midst of guards.
func guarded(r *rand.Rand, n int) (all, mid []float32) {
	all = make([]float32, n+64)
	for i := range all {
		all[i] = guard
	}
	mid = all[32 : 32+n : 32+n]
	for i := range mid {
		mid[i] = float32(r.NormFloat64())
	}
	return all, mid
}

// checkGuards fails if anything around the middle has changed.
func checkGuards(t *testing.T, what string, all []float32) {
	t.Helper()
	for i, x := range all {
		if (i < 32 || i >= len(all)-32) && x != guard {
			t.Errorf("%s wrote outside its slice, at %d", what, i-32)
			return
		}
	}
}

// near compares with a tolerance relative to scale; NaN equals NaN and infinities themselves.
func near(got, want, scale, tolerance float64) bool {
	if math.IsNaN(want) || math.IsInf(want, 0) {
		return math.IsNaN(got) == math.IsNaN(want) && (math.IsNaN(want) || got == want)
	}
	return math.Abs(got-want) <= tolerance*max(1, scale)
}

var sizes = []int{1, 2, 3, 5, 7, 8, 9, 13, 15, 16, 17, 31, 32, 33, 47, 64, 65, 100}

func TestGEMM(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 1))
		for trial := range 1500 {
			pick := func() int { return sizes[r.IntN(len(sizes))] }
			m, n, k := pick(), pick(), pick()
			lda, ldb, ldc := k+r.IntN(3), n+r.IntN(3), n+r.IntN(3)
			rsa, csa := lda, 1
			sizeA := (m-1)*lda + k
			if trial%2 == 1 { // a transposed A
				lda = m + r.IntN(3)
				rsa, csa, sizeA = 1, lda, (k-1)*lda+m
			}
			_, a := guarded(r, sizeA)
			_, b := guarded(r, (k-1)*ldb+n)
			all, c := guarded(r, (m-1)*ldc+n)
			if trial%5 == 0 {
				a[r.IntN(len(a))] = []float32{nan, inf, -inf}[r.IntN(3)]
				b[r.IntN(len(b))] = []float32{nan, inf, -inf}[r.IntN(3)]
			}
			before := append([]float32(nil), c...)
			gemm(m, n, k, a, rsa, csa, b, ldb, c, ldc)
			checkGuards(t, "gemm", all)
			for i := range len(c) {
				row, col := i/ldc, i%ldc
				want, scale := float64(before[i]), math.Abs(float64(before[i]))
				if col < n {
					for l := range k {
						x := float64(a[row*rsa+l*csa]) * float64(b[l*ldb+col])
						want += x
						scale += math.Abs(x)
					}
				}
				if !near(float64(c[i]), want, scale, 1e-6) {
					t.Fatalf("%d×%d×%d: element (%d, %d) is %v, want %v", m, n, k, row, col, c[i], want)
				}
			}
		}
		gemm(0, 3, 3, nil, 1, 1, nil, 1, nil, 1)
		gemm(3, 3, 0, nil, 1, 1, nil, 1, nil, 1)
	})
}

// Large products are cut along k, and B is copied where its rows are multiples of 1 KiB apart. The numbers are whole, so
// that sums are exact in any order.
func TestLargeGEMM(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 12))
		whole := func(n int) []float32 {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(r.IntN(9) - 4)
			}
			return x
		}
		for _, s := range [][5]int{{3, 5, 1030, 0, 5}, {70, 5, 300, 0, 7}, {70, 77, 259, 0, 256}, {64, 256, 128, 0, 256}, {65, 33, 9, 0, 512},
			{70, 77, 259, 256, 256}, {256, 70, 131, 256, 512}, {97, 64, 128, 512, 256}} {
			// Of the transposed A, the columns are csa apart; 0: A is not transposed.
			m, n, k, csa, ldb := s[0], s[1], s[2], s[3], s[4]
			for _, end := range []int{endPlain, endTanhGrad} {
				rsa, stride := k, 1
				a, b, from, h := whole(m*k), whole(k*ldb), whole(m*n), whole(m*n)
				if csa > 0 {
					a, rsa, stride = whole(k*csa), 1, csa
				}
				c := make([]float32, m*n)
				gemmFrom(m, n, k, a, rsa, stride, b, ldb, c, n, from, n, h, end)
				for i := range c {
					want := from[i]
					for l := range k {
						want += a[i/n*rsa+l*stride] * b[l*ldb+i%n]
					}
					if end == endTanhGrad {
						want *= 1 - h[i]*h[i]
					}
					if c[i] != want {
						t.Fatalf("%d×%d×%d, columns of A %d apart, end %d: element %d is %v, want %v", m, n, k, stride, end, i, c[i], want)
					}
				}
			}
		}
	})
}

// What gemmFrom adds to gemm: where the sums begin, and what is done with them at the end.
func TestGEMMFrom(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 8))
		for trial := range 1500 {
			m, n, k := sizes[r.IntN(len(sizes))], sizes[r.IntN(len(sizes))], r.IntN(20)
			ldc := n + r.IntN(3)
			_, a := guarded(r, m*k)
			_, b := guarded(r, k*n)
			all, c := guarded(r, (m-1)*ldc+n)
			_, h := guarded(r, len(c))
			from, ldf := c, ldc
			if trial%2 == 1 {
				_, from = guarded(r, n)
				ldf = 0
			}
			if trial%5 == 0 {
				from[r.IntN(len(from))] = []float32{nan, inf, -inf, 1e-40}[r.IntN(4)]
			}
			start, before, end := append([]float32(nil), from...), append([]float32(nil), c...), trial%3
			if end != endTanhGrad {
				h = nil
			}
			gemmFrom(m, n, k, a, k, 1, b, n, c, ldc, from, ldf, h, end)
			checkGuards(t, "gemmFrom", all)
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
				for l := range k {
					x := float64(a[row*k+l]) * float64(b[l*n+col])
					want += x
					scale += math.Abs(x)
				}
				switch end {
				case endTanh:
					want = math.Tanh(want)
				case endTanhGrad:
					if math.IsInf(want, 0) {
						continue // Inf - Inf·h² is NaN, as in tanhGrad
					}
					want *= 1 - float64(h[i])*float64(h[i])
					scale *= 1 + float64(h[i])*float64(h[i])
				}
				if !near(float64(c[i]), want, scale, 2e-6) {
					t.Fatalf("%d×%d×%d, end %d: element (%d, %d) is %v, want %v", m, n, k, end, row, col, c[i], want)
				}
			}
		}
	})
}

func TestDots(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 9))
		for trial := range 1500 {
			rows, k, n := 1+r.IntN(11), sizes[r.IntN(len(sizes))], 1+r.IntN(narrowest)
			_, x := guarded(r, rows*k)
			_, w := guarded(r, n*k)
			_, bias := guarded(r, n)
			all, y := guarded(r, rows*n)
			if trial%4 == 0 {
				x[r.IntN(len(x))] = []float32{nan, inf, -inf, 1e-40}[r.IntN(4)]
			}
			dots(y, x, w, bias, rows, k, n)
			checkGuards(t, "dots", all)
			one := make([]float32, n)
			for i := range rows {
				dots(one, x[i*k:(i+1)*k], w, bias, 1, k, n)
				for j := range n {
					want := float64(bias[j])
					scale := math.Abs(want)
					for l := range k {
						p := float64(x[i*k+l]) * float64(w[j*k+l])
						want += p
						scale += math.Abs(p)
					}
					got := y[i*n+j]
					if !near(float64(got), want, scale, 1e-6) {
						t.Fatalf("%d rows of %d, %d outputs: element (%d, %d) is %v, want %v", rows, k, n, i, j, got, want)
					}
					if math.Float32bits(one[j]) != math.Float32bits(got) && got == got {
						t.Fatalf("row %d of %d: %v alone and %v among others", i, rows, one[j], got)
					}
				}
			}
		}
		y := []float32{0, 0}
		dots(y, nil, nil, []float32{3}, 2, 0, 1)
		if y[0] != 3 || y[1] != 3 {
			t.Errorf("without inputs the outputs are %v, want the bias 3", y)
		}
	})
}

func TestTranspose(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 10))
		for _, rows := range sizes {
			for _, cols := range sizes {
				_, src := guarded(r, rows*cols)
				all, dst := guarded(r, rows*cols)
				transpose(dst, src, rows, cols)
				checkGuards(t, "transpose", all)
				for i := range src {
					if got := dst[i%cols*rows+i/cols]; got != src[i] {
						t.Fatalf("%d×%d: element %d became %v, want %v", rows, cols, i, got, src[i])
					}
				}
			}
		}
	})
}

// A row of the result must have the same bits wherever it stands: on this rests that results do not depend on how a
// batch is cut.
func TestGEMMRowsDoNotDependOnTheirPlace(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		const m, n, k = 29, 50, 37
		_, a := guarded(r, m*k)
		_, b := guarded(r, k*n)
		whole, one := make([]float32, m*n), make([]float32, n)
		gemm(m, n, k, a, k, 1, b, n, whole, n)
		for i := range m {
			clear(one)
			gemm(1, n, k, a[i*k:], k, 1, b, n, one, n)
			for j := range one {
				if one[j] != whole[i*n+j] {
					t.Fatalf("element (%d, %d) is %v alone and %v among others", i, j, one[j], whole[i*n+j])
				}
			}
		}
	})
}

func TestSparseRows(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 3))
		for range 400 {
			width, rows := sizes[r.IntN(len(sizes))]+r.IntN(2)*64, 1+r.IntN(20)
			index := make([]int32, r.IntN(12))
			for i := range index {
				index[i] = int32(r.IntN(rows+1) - 1) // -1 among them, and numbers that come twice
			}
			allW, w := guarded(r, rows*width)
			allY, y := guarded(r, width)
			if rows%4 == 0 {
				w[r.IntN(len(w))], y[r.IntN(width)] = nan, inf
			}
			wantY, wantW := make([]float64, width), make([]float64, len(w))
			for j := range y {
				wantY[j] = float64(y[j])
			}
			for j := range w {
				wantW[j] = float64(w[j])
			}
			for _, i := range index {
				for j := range width {
					if i >= 0 {
						wantY[j] += float64(w[int(i)*width+j])
						wantW[int(i)*width+j] += float64(y[j])
					}
				}
			}
			sum := append([]float32(nil), y...)
			if !sumRows(sum, w, rows, index) || !addToRows(w, y, rows, index) {
				t.Fatalf("indices %v of %d rows were refused", index, rows)
			}
			checkGuards(t, "addToRows", allW)
			checkGuards(t, "sumRows", allY)
			for j := range sum {
				if !near(float64(sum[j]), wantY[j], 10, 1e-6) {
					t.Fatalf("width %d: sum %d is %v, want %v", width, j, sum[j], wantY[j])
				}
			}
			for j := range w {
				if !near(float64(w[j]), wantW[j], 10, 1e-6) {
					t.Fatalf("width %d: weight %d is %v, want %v", width, j, w[j], wantW[j])
				}
			}
		}
		for _, bad := range []int32{4, 5, math.MaxInt32} {
			w, y := make([]float32, 4*10), make([]float32, 10)
			if sumRows(y, w, 4, []int32{0, bad}) || addToRows(w, y, 4, []int32{0, bad}) {
				t.Errorf("index %d of 4 rows was accepted", bad)
			}
		}
		w, y := make([]float32, 40), make([]float32, 10)
		if !sumRows(y, w, 4, []int32{math.MinInt32, -7, -1}) || !addToRows(w, y, 4, []int32{math.MinInt32}) {
			t.Error("negative indices are to be skipped")
		}
	})
}

func TestCompact(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 7))
		for range 500 {
			src := make([]int32, r.IntN(70))
			var want []int32
			for i := range src {
				if src[i] = r.Int32N(9) - 4; src[i] >= 0 {
					want = append(want, src[i])
				}
			}
			dst := make([]int32, len(src)+compactSlack+1)
			dst[len(dst)-1] = guard
			got := slices.DeleteFunc(dst[:compact(dst, src)], func(x int32) bool { return x < 0 })
			if !slices.Equal(got, want) || dst[len(dst)-1] != guard {
				t.Fatalf("%v became %v", src, got)
			}
		}
	})
}

func TestTanh(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		worst := 0.0
		var x []float32
		for v := -12.0; v <= 12; v += 1.0 / 4096 {
			x = append(x, float32(v))
		}
		for e := -140; e < 5; e++ {
			x = append(x, float32(math.Ldexp(1, e)), -float32(math.Ldexp(1.3, e)))
		}
		x = append(x, 100, -1e30, math.MaxFloat32)
		y := append([]float32(nil), x...)
		tanh(y)
		for i := range x {
			worst = max(worst, math.Abs(float64(y[i])-math.Tanh(float64(x[i]))))
			if y[i] > 1 || y[i] < -1 {
				t.Fatalf("tanh(%v) = %v is beyond ±1", x[i], y[i])
			}
		}
		if worst > 4e-7 {
			t.Errorf("worst error %.3g, want at most 4e-7", worst)
		}
		for _, n := range sizes {
			r := rand.New(rand.NewPCG(1, 4))
			all, x := guarded(r, n)
			x[n/2] = nan
			x[n-1] = -inf
			before := append([]float32(nil), x...)
			tanh(x)
			checkGuards(t, "tanh", all)
			for i := range x {
				if !near(float64(x[i]), math.Tanh(float64(before[i])), 1, 4e-7) {
					t.Errorf("n %d: tanh(%v) = %v", n, before[i], x[i])
				}
			}
		}
	})
}

func TestExpAndLogOfSpecialNumbers(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		for _, n := range sizes {
			r := rand.New(rand.NewPCG(1, 11))
			all, x := guarded(r, n)
			for i, v := range []float32{nan, inf, -inf, 1e-40, -1e-40, 0, 89, -87.5, -95, -103.9, -200, 1e30} {
				if i < n {
					x[i] = v
				}
			}
			before := append([]float32(nil), x...)
			exp(x)
			checkGuards(t, "exp", all)
			for i := range x {
				want := float64(float32(math.Exp(float64(before[i]))))
				if !near(float64(x[i]), want, want, 3e-7) || want < 1e-37 && math.Abs(float64(x[i])-want) > 3e-45 {
					t.Errorf("n %d: exp(%v) = %v, want %v", n, before[i], x[i], want)
				}
			}
			all, x = guarded(r, n)
			for i := range x {
				x[i] = float32(math.Exp(float64(x[i]) * 10))
			}
			x[n-1] = nan
			before = append([]float32(nil), x...)
			log(x)
			checkGuards(t, "log", all)
			for i := range x {
				if want := math.Log(float64(before[i])); !near(float64(x[i]), want, math.Abs(want), 2e-7) {
					t.Errorf("n %d: log(%v) = %v, want %v", n, before[i], x[i], want)
				}
			}
		}
	})
}

func TestElementwiseKernels(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		for _, n := range sizes {
			for _, special := range []float32{0.5, nan, inf} {
				r := rand.New(rand.NewPCG(1, 5))
				what := fmt.Sprintf("n %d, with %v", n, special)
				allD, d := guarded(r, n)
				_, h := guarded(r, n)
				d[n/2] = special
				sum := append([]float32(nil), d...)
				squares := 0.0
				for _, x := range d {
					squares += float64(x) * float64(x)
				}
				if got := sumSquares(d); !near(got, squares, squares, 1e-6) {
					t.Errorf("%s: sum of squares %v, want %v", what, got, squares)
				}
				add(sum, h)
				before := append([]float32(nil), d...)
				tanhGrad(d, h)
				checkGuards(t, "tanhGrad", allD)
				for i := range d {
					x, y := float64(before[i]), float64(h[i])
					if !near(float64(sum[i]), x+y, 4, 1e-7) {
						t.Errorf("%s: %v + %v = %v", what, x, y, sum[i])
					}
					if want := x * (1 - y*y); !near(float64(d[i]), want, 20, 1e-6) && !math.IsInf(x, 0) {
						t.Errorf("%s: %v·(1-%v²) = %v, want %v", what, x, y, d[i], want)
					}
				}
			}
		}
	})
}

// The formulas are those of Adam (Kingma and Ba 2015, algorithm 1), in float64.
func TestAdamKernel(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		for _, n := range sizes {
			r := rand.New(rand.NewPCG(1, 6))
			all, p := guarded(r, n)
			allM, m := guarded(r, n)
			allV, v := guarded(r, n)
			_, g := guarded(r, n)
			for i := range v {
				v[i] *= v[i]
			}
			g[n/2] = 0
			k := &adamConst{Scale: 0.5, Beta1: 0.9, Beta2: 0.999, Gamma1: 0.1, Gamma2: 0.001, Root2: 3, Eps: 1e-5, Rate: 0.01}
			p0, m0, v0 := append([]float32(nil), p...), append([]float32(nil), m...), append([]float32(nil), v...)
			adam(p, m, v, g, k)
			for _, a := range [][]float32{all, allM, allV} {
				checkGuards(t, "adam", a)
			}
			for i := range p {
				x := 0.5 * float64(g[i])
				wantM := 0.9*float64(m0[i]) + 0.1*x
				wantV := 0.999*float64(v0[i]) + 0.001*x*x
				want := float64(p0[i]) - 0.01*wantM/(3*math.Sqrt(wantV)+1e-5)
				if !near(float64(m[i]), wantM, 1, 1e-6) || !near(float64(v[i]), wantV, 1, 1e-6) || !near(float64(p[i]), want, 1, 2e-6) {
					t.Errorf("n %d, element %d: %v %v %v, want %v %v %v", n, i, p[i], m[i], v[i], want, wantM, wantV)
				}
			}
		}
	})
}
