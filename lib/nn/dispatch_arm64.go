package nn

import "unsafe"

//go:generate sh -c "go run gen_arm64.go > kernels_arm64.s"

// The instruction sets that there are kernels for. Every arm64 processor has NEON.
const (
	portable = iota
	neon
)

// instructions is the set in use; tests change it.
var instructions = best()

func best() int { return neon }

// Kernels says which kernels are in use: "NEON" or "portable Go".
func Kernels() string { return [...]string{portable: "portable Go", neon: "NEON"}[instructions] }

// tileNEON is the two kernels for one height: one and two vectors wide.
type tileNEON struct {
	rows     int
	one, two func(k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc int, from *float32, ldf int)
}

// tilesNEON are the tiles, the highest first.
var tilesNEON = [...]tileNEON{
	{8, gemmNEON8x1, gemmNEON8x2},
	{4, gemmNEON4x1, gemmNEON4x2},
	{2, gemmNEON2x1, gemmNEON2x2},
	{1, gemmNEON1x1, gemmNEON1x2},
}

func gemmFrom(m, n, k int, a []float32, rsa, csa int, b []float32, ldb int, c []float32, ldc int, from []float32, ldf int, h []float32, end int) {
	if m <= 0 || n <= 0 {
		return
	}
	whole := n &^ 3 // columns in whole vectors
	if instructions == portable {
		whole = 0
	}
	if whole > 0 {
		productNEON(m, whole, k, a, rsa, csa, b, ldb, c, ldc, from, ldf)
		for i := range m {
			row := c[i*ldc : i*ldc+whole]
			switch end {
			case endTanh:
				tanh(row)
			case endTanhGrad:
				tanhGradPortable(row, h[i*ldc:i*ldc+whole])
			}
		}
	}
	if whole < n {
		if end == endTanhGrad {
			h = h[whole:]
		}
		if k > 0 {
			b = b[whole:]
		}
		gemmFromPortable(m, n-whole, k, a, rsa, csa, b, ldb, c[whole:], ldc, from[whole:], ldf, h, end)
	}
}

// productNEON writes From + A·B to C, for a multiple of four columns.
func productNEON(m, n, k int, a []float32, rsa, csa int, b []float32, ldb int, c []float32, ldc int, from []float32, ldf int) {
	// The assembly checks nothing.
	if k > 0 {
		_, _ = a[(m-1)*rsa+(k-1)*csa], b[(k-1)*ldb+n-1]
	}
	_, _ = c[(m-1)*ldc+n-1], from[(m-1)*ldf+n-1]
	pa, pb := unsafe.SliceData(a), unsafe.SliceData(b) // where k is 0 there need not be any
	for j := 0; j < n; j += 8 {
		two := n-j >= 8
		if k > 0 {
			pb = &b[j]
		}
		for i := 0; i < m; {
			t := &tilesNEON[0]
			for h := 1; t.rows > m-i; h++ {
				t = &tilesNEON[h]
			}
			f := t.one
			if two {
				f = t.two
			}
			if k > 0 {
				pa = &a[i*rsa]
			}
			f(k, pa, 4*rsa, 4*csa, pb, 4*ldb, &c[i*ldc+j], 4*ldc, &from[i*ldf+j], 4*ldf)
			i += t.rows
		}
	}
}

func sumOfProducts(m, n, k int, pairs []pair, a []float32, strideA, rsa, csa int, b []float32, strideB, ldb int, c []float32, ldc int, from []float32, ldf int) {
	if instructions == portable || m <= 0 || n < 4 || k <= 0 || len(pairs) == 0 {
		sumOfProductsPortable(m, n, k, pairs, a, strideA, rsa, csa, b, strideB, ldb, c, ldc, from, ldf)
		return
	}
	for _, t := range pairs {
		gemmFrom(m, n, k, a[int(t.a)*strideA:], rsa, csa, b[int(t.b)*strideB:], ldb, c, ldc, from, ldf, nil, endPlain)
		from, ldf = c, ldc
	}
}

var tanhConstants = [13]float32{tanhClamp, 1, tanhA13, tanhA11, tanhA9, tanhA7, tanhA5, tanhA3, tanhA1, tanhB6, tanhB4, tanhB2, tanhB0}

func tanh(x []float32) {
	if instructions == portable {
		tanhPortable(x)
		return
	}
	whole := len(x) &^ 3
	if whole > 0 {
		tanhNEON(&x[0], whole/4, &tanhConstants)
	}
	if whole < len(x) { // by the same instructions: an element's bits must not depend on its place
		var rest [4]float32
		copy(rest[:], x[whole:])
		tanhNEON(&rest[0], 1, &tanhConstants)
		copy(x[whole:], rest[:])
	}
}
