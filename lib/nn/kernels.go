package nn

import (
	"math"
	"sync/atomic"
)

// The kernels: the loops in which all the time goes. Each has a portable version here and versions in assembly, which
// the functions in dispatch_*.go choose between. All of them compute an output row from its own input row alone and
// sum in an order that is the same for every row, so that the bits of a row do not depend on the rows around it.

// The ends that gemmFrom can put to a sum.
const (
	endPlain    = 0
	endTanh     = 1 // its hyperbolic tangent
	endTanhGrad = 2 // times 1-h², the derivative of h = tanh
)

// gemm adds A·B to C. C is m×n with row stride ldc, B is k×n with row stride ldb, and element (i, l) of A is
// a[i*rsa+l*csa], so that a transposed A needs no copy.
func gemm(m, n, k int, a []float32, rsa, csa int, b []float32, ldb int, c []float32, ldc int) {
	if k > 0 {
		gemmFrom(m, n, k, a, rsa, csa, b, ldb, c, ldc, c, ldc, nil, endPlain)
	}
}

// gemmFromPortable writes From + A·B to C and puts an end to it. From is m×n with row stride ldf: C itself, or a row of
// biases with stride 0. Where the end is endTanhGrad, h is laid out like C. k may be 0.
func gemmFromPortable(m, n, k int, a []float32, rsa, csa int, b []float32, ldb int, c []float32, ldc int, from []float32, ldf int, h []float32, end int) {
	for i := range m {
		row := c[i*ldc : i*ldc+n]
		copy(row, from[i*ldf:i*ldf+n])
		l := 0
		for ; l+4 <= k; l += 4 { // four rows of B at a time: a quarter of the traffic on C
			at := i*rsa + l*csa
			x0, x1, x2, x3 := a[at], a[at+csa], a[at+2*csa], a[at+3*csa]
			b0 := b[l*ldb : l*ldb+len(row)]
			b1 := b[(l+1)*ldb : (l+1)*ldb+len(row)]
			b2 := b[(l+2)*ldb : (l+2)*ldb+len(row)]
			b3 := b[(l+3)*ldb : (l+3)*ldb+len(row)]
			for j := range row {
				row[j] = row[j] + x0*b0[j] + x1*b1[j] + x2*b2[j] + x3*b3[j]
			}
		}
		for ; l < k; l++ {
			x := a[i*rsa+l*csa]
			bl := b[l*ldb : l*ldb+len(row)]
			for j := range row {
				row[j] += x * bl[j]
			}
		}
		switch end {
		case endTanh:
			tanhPortable(row)
		case endTanhGrad:
			tanhGradPortable(row, h[i*ldc:i*ldc+n])
		}
	}
}

// dotsPortable writes X·Wᵀ + bias to Y: X is rows×k, W is n×k, Y is rows×n. For few outputs it is faster than a product
// that computes many outputs of a row at a time.
func dotsPortable(y, x, w, bias []float32, rows, k, n int) {
	for i := range rows {
		row := x[i*k : (i+1)*k]
		for j := range n {
			col := w[j*k : (j+1)*k]
			var s [4]float32
			l := 0
			for ; l+4 <= k; l += 4 {
				s[0] += row[l] * col[l]
				s[1] += row[l+1] * col[l+1]
				s[2] += row[l+2] * col[l+2]
				s[3] += row[l+3] * col[l+3]
			}
			for ; l < k; l++ {
				s[0] += row[l] * col[l]
			}
			y[i*n+j] = (s[0] + s[1]) + (s[2] + s[3]) + bias[j]
		}
	}
}

// transposePortable writes the transpose [cols][rows] of src [rows][cols] to dst, for the rows lo .. hi-1 of src and its
// columns from first on.
func transposePortable(dst, src []float32, rows, cols, lo, hi, first int) {
	const tile = 8 // rows a time: eight lines of src stay in the cache while dst is written in order
	for ; lo < hi; lo += tile {
		end := min(lo+tile, hi)
		for c := first; c < cols; c++ {
			out := dst[c*rows+lo : c*rows+end]
			at := lo*cols + c
			for i := range out {
				out[i] = src[at]
				at += cols
			}
		}
	}
}

// sumRowsPortable adds to y the rows of w (each as long as y) whose numbers are in index; negative numbers are skipped.
// It returns false, with y undefined, if a number is not below rows.
func sumRowsPortable(y, w []float32, rows int, index []int32) bool {
	for _, r := range index {
		if r < 0 {
			continue
		}
		if int(r) >= rows {
			return false
		}
		row := w[int(r)*len(y) : (int(r)+1)*len(y)]
		for j := range y {
			y[j] += row[j]
		}
	}
	return true
}

// compactSlack is how much more room than numbers compact needs: it writes whole vectors.
const compactSlack = 16

// addToRowsPortable adds d to the rows of w (each as long as d) whose numbers are in index; negative numbers are
// skipped. It returns false, with w partly changed, if a number is not below rows.
func addToRowsPortable(w, d []float32, rows int, index []int32) bool {
	for _, r := range index {
		if r < 0 {
			continue
		}
		if int(r) >= rows {
			return false
		}
		row := w[int(r)*len(d) : (int(r)+1)*len(d)]
		for j := range d {
			row[j] += d[j]
		}
	}
	return true
}

// The hyperbolic tangent as x·P(x²)/Q(x²), of degree 13 over 6, with x clamped to ±tanhClamp: the coefficients of
// Eigen's generic_fast_tanh_float. It is wrong by less than 7 units in the last place where |x| ≥ 1e-35, and by less
// than 1e-42 below, and never beyond ±1, without which 1-tanh² could become negative.
const (
	tanhClamp = 7.90531110763549805

	tanhA1  = 4.89352455891786e-03
	tanhA3  = 6.37261928875436e-04
	tanhA5  = 1.48572235717979e-05
	tanhA7  = 5.12229709037114e-08
	tanhA9  = -8.60467152213735e-11
	tanhA11 = 2.00018790482477e-13
	tanhA13 = -2.76076847742355e-16

	tanhB0 = 4.89352518554385e-03
	tanhB2 = 2.26843463243900e-03
	tanhB4 = 1.18534705686654e-04
	tanhB6 = 1.19825839466702e-06
)

// tanhPortable replaces each element by its hyperbolic tangent. NaN stays NaN.
func tanhPortable(x []float32) {
	for i, v := range x {
		v = max(-tanhClamp, min(tanhClamp, v)) // the built-ins hand NaN on
		s := v * v
		p := ((((((tanhA13*s+tanhA11)*s+tanhA9)*s+tanhA7)*s+tanhA5)*s+tanhA3)*s + tanhA1) * v
		q := ((tanhB6*s+tanhB4)*s+tanhB2)*s + tanhB0
		x[i] = max(-1, min(1, p/q))
	}
}

// expPortable replaces each number by its exponential, which is wrong by less than 2 units in the last place where it is
// normal; ±Inf and NaN are as of math.Exp.
func expPortable(x []float32) {
	for i, v := range x {
		x[i] = Exp(v)
	}
}

// logPortable replaces each number, which must be positive and normal or NaN, by its logarithm, which is wrong by less
// than 2 units in the last place.
func logPortable(x []float32) {
	for i, v := range x {
		x[i] = float32(math.Log(float64(v)))
	}
}

// peakPortable is peakRounds in plain Go.
func peakPortable(n int) float64 {
	var s [8]float32
	x, y := float32(1), float32(n)
	for range n {
		s[0] += x * y
		s[1] += x * y
		s[2] += x * y
		s[3] += x * y
		s[4] += x * y
		s[5] += x * y
		s[6] += x * y
		s[7] += x * y
	}
	peakSink.Store(math.Float32bits(s[0] + s[1] + s[2] + s[3] + s[4] + s[5] + s[6] + s[7]))
	return 16 * float64(n)
}

// peakSink keeps the compiler from leaving peakPortable's sums out.
var peakSink atomic.Uint32

// tanhGradPortable multiplies d by the derivative 1-h² of h = tanh(x).
func tanhGradPortable(d, h []float32) {
	h = h[:len(d)]
	for i, v := range h {
		d[i] -= d[i] * v * v
	}
}

// addPortable adds src to dst.
func addPortable(dst, src []float32) {
	src = src[:len(dst)]
	for i, v := range src {
		dst[i] += v
	}
}

// sumSquaresPortable returns the sum of the squares.
func sumSquaresPortable(x []float32) float64 {
	var s [4]float64
	i := 0
	for ; i+4 <= len(x); i += 4 {
		s[0] += float64(x[i]) * float64(x[i])
		s[1] += float64(x[i+1]) * float64(x[i+1])
		s[2] += float64(x[i+2]) * float64(x[i+2])
		s[3] += float64(x[i+3]) * float64(x[i+3])
	}
	for ; i < len(x); i++ {
		s[0] += float64(x[i]) * float64(x[i])
	}
	return (s[0] + s[1]) + (s[2] + s[3])
}

// adamConst is what is the same for all parameters in a step of Adam. The assembly reads it by offset.
type adamConst struct {
	Scale  float32 // of the gradient (clipping)
	Beta1  float32
	Beta2  float32
	Gamma1 float32 // 1-Beta1
	Gamma2 float32 // 1-Beta2
	Root2  float32 // 1/√(1-β₂ᵗ)
	Eps    float32
	Rate   float32 // lr/(1-β₁ᵗ)
}

// adamPortable does one step of Adam on p, with moments m and v and gradient g.
func adamPortable(p, m, v, g []float32, k *adamConst) {
	m, v, g = m[:len(p)], v[:len(p)], g[:len(p)]
	for i, x := range g {
		x *= k.Scale
		mi := k.Beta1*m[i] + k.Gamma1*x
		vi := k.Beta2*v[i] + k.Gamma2*x*x
		m[i], v[i] = mi, vi
		p[i] -= k.Rate * mi / (float32(math.Sqrt(float64(vi)))*k.Root2 + k.Eps)
	}
}
