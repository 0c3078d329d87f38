package nn

import (
	"sync"
	"unsafe"

	"golang.org/x/sys/cpu"
)

//go:generate sh -c "go run gen_amd64.go > kernels_amd64.s"

// The instruction sets that there are kernels for.
const (
	portable = iota
	avx2
	avx512
)

// instructions is the set in use; tests change it.
var instructions = best()

// best returns the best set that the processor and the operating system allow.
func best() int {
	switch x := &cpu.X86; {
	case x.HasAVX512F && x.HasAVX512VL && x.HasAVX2 && x.HasFMA:
		return avx512
	case x.HasAVX2 && x.HasFMA:
		return avx2
	}
	return portable
}

// Kernels says which kernels are in use: "AVX-512", "AVX2", "NEON" or "portable Go".
func Kernels() string {
	return [...]string{portable: "portable Go", avx2: "AVX2", avx512: "AVX-512"}[instructions]
}

func gemmFrom(m, n, k int, a []float32, rsa, csa int, b []float32, ldb int, c []float32, ldc int, from []float32, ldf int, h []float32, end int) {
	if m <= 0 || n <= 0 {
		return
	}
	// The assembly checks nothing.
	if k > 0 {
		_, _ = a[(m-1)*rsa+(k-1)*csa], b[(k-1)*ldb+n-1]
	}
	_, _ = c[(m-1)*ldc+n-1], from[(m-1)*ldf+n-1]
	if end == endTanhGrad {
		_ = h[(m-1)*ldc+n-1]
	}
	for most := panelSize / panelWidth(); instructions != portable && m >= 64 && k > most; {
		gemmFrom(m, n, most, a, rsa, csa, b, ldb, c, ldc, from, ldf, nil, endPlain)
		k, a, b, from, ldf = k-most, a[most*csa:], b[most*ldb:], c, ldc
	}
	switch {
	case instructions == portable:
		gemmFromPortable(m, n, k, a, rsa, csa, b, ldb, c, ldc, from, ldf, h, end)
	case crowded(m, k, ldb):
		gemmPacked(m, n, k, a, rsa, csa, b, ldb, c, ldc, from, ldf, h, end)
	default:
		gemmTiles(m, n, k, a, rsa, csa, b, ldb, c, ldc, from, ldf, h, end)
	}
}

// gemmTiles has the tiles of C computed one after the other.
func gemmTiles(m, n, k int, a []float32, rsa, csa int, b []float32, ldb int, c []float32, ldc int, from []float32, ldf int, h []float32, end int) {
	if instructions == avx512 {
		gemm512(m, n, k, a, rsa, csa, b, ldb, c, ldc, from, ldf, h, end)
	} else {
		gemm256(m, n, k, a, rsa, csa, b, ldb, c, ldc, from, ldf, h, end)
	}
}

// tiles512Of returns how high the next tiles are where so many rows are left, and how many of them.
func tiles512Of(left int) (rows, count int) {
	for rows = 8; rows > left; rows /= 2 {
	}
	return rows, left / rows
}

// tiles256Of does likewise. Eight rows are two tiles of four, as one of two could not keep the multipliers busy.
func tiles256Of(left int) (rows, count int) {
	switch {
	case left == 8:
		return 4, 2
	case left >= 6 && left%6 == 2:
		return 6, left/6 - 1
	case left >= 6:
		return 6, left / 6
	case left >= 4:
		return 4, 1
	case left >= 2:
		return 2, 1
	}
	return 1, 1
}

// gemm512 cuts C into tiles of up to 8 rows and 32 columns.
func gemm512(m, n, k int, a []float32, rsa, csa int, b []float32, ldb int, c []float32, ldc int, from []float32, ldf int, h []float32, end int) {
	pb := unsafe.SliceData(b) // where k is 0 there need not be any
	for j := 0; j < n; j += 32 {
		cols := min(32, n-j)
		two := cols > 16
		last := cols
		if two {
			last -= 16
		}
		if k > 0 {
			pb = &b[j]
		}
		pa, ph := unsafe.SliceData(a), unsafe.SliceData(h)
		for i := 0; i < m; {
			pc, pf := &c[i*ldc+j], &from[i*ldf+j]
			if k > 0 {
				pa = &a[i*rsa]
			}
			if end == endTanhGrad {
				ph = &h[i*ldc+j]
			}
			rows, count := tiles512Of(m - i)
			switch {
			case rows == 8 && two:
				gemm512x8x2(count, k, pa, 4*rsa, 4*csa, pb, 4*ldb, pc, 4*ldc, pf, 4*ldf, ph, last, end)
			case rows == 8:
				gemm512x8x1(count, k, pa, 4*rsa, 4*csa, pb, 4*ldb, pc, 4*ldc, pf, 4*ldf, ph, last, end)
			case rows == 4 && two:
				gemm512x4x2(count, k, pa, 4*rsa, 4*csa, pb, 4*ldb, pc, 4*ldc, pf, 4*ldf, ph, last, end)
			case rows == 4:
				gemm512x4x1(count, k, pa, 4*rsa, 4*csa, pb, 4*ldb, pc, 4*ldc, pf, 4*ldf, ph, last, end)
			case rows == 2 && two:
				gemm512x2x2(count, k, pa, 4*rsa, 4*csa, pb, 4*ldb, pc, 4*ldc, pf, 4*ldf, ph, last, end)
			case rows == 2:
				gemm512x2x1(count, k, pa, 4*rsa, 4*csa, pb, 4*ldb, pc, 4*ldc, pf, 4*ldf, ph, last, end)
			case two:
				gemm512x1x2(count, k, pa, 4*rsa, 4*csa, pb, 4*ldb, pc, 4*ldc, pf, 4*ldf, ph, last, end)
			default:
				gemm512x1x1(count, k, pa, 4*rsa, 4*csa, pb, 4*ldb, pc, 4*ldc, pf, 4*ldf, ph, last, end)
			}
			i += rows * count
		}
	}
}

// gemm256 cuts C into tiles of up to 6 rows and 16 columns.
func gemm256(m, n, k int, a []float32, rsa, csa int, b []float32, ldb int, c []float32, ldc int, from []float32, ldf int, h []float32, end int) {
	pb := unsafe.SliceData(b) // where k is 0 there need not be any
	for j := 0; j < n; j += 16 {
		cols := min(16, n-j)
		two := cols > 8
		last := cols
		if two {
			last -= 8
		}
		if k > 0 {
			pb = &b[j]
		}
		pa, ph := unsafe.SliceData(a), unsafe.SliceData(h)
		for i := 0; i < m; {
			pc, pf := &c[i*ldc+j], &from[i*ldf+j]
			if k > 0 {
				pa = &a[i*rsa]
			}
			if end == endTanhGrad {
				ph = &h[i*ldc+j]
			}
			rows, count := tiles256Of(m - i)
			switch {
			case rows == 6 && two:
				gemm256x6x2(count, k, pa, 4*rsa, 4*csa, pb, 4*ldb, pc, 4*ldc, pf, 4*ldf, ph, last, end)
			case rows == 6:
				gemm256x6x1(count, k, pa, 4*rsa, 4*csa, pb, 4*ldb, pc, 4*ldc, pf, 4*ldf, ph, last, end)
			case rows == 4 && two:
				gemm256x4x2(count, k, pa, 4*rsa, 4*csa, pb, 4*ldb, pc, 4*ldc, pf, 4*ldf, ph, last, end)
			case rows == 4:
				gemm256x4x1(count, k, pa, 4*rsa, 4*csa, pb, 4*ldb, pc, 4*ldc, pf, 4*ldf, ph, last, end)
			case rows == 2 && two:
				gemm256x2x2(count, k, pa, 4*rsa, 4*csa, pb, 4*ldb, pc, 4*ldc, pf, 4*ldf, ph, last, end)
			case rows == 2:
				gemm256x2x1(count, k, pa, 4*rsa, 4*csa, pb, 4*ldb, pc, 4*ldc, pf, 4*ldf, ph, last, end)
			case two:
				gemm256x1x2(count, k, pa, 4*rsa, 4*csa, pb, 4*ldb, pc, 4*ldc, pf, 4*ldf, ph, last, end)
			default:
				gemm256x1x1(count, k, pa, 4*rsa, 4*csa, pb, 4*ldb, pc, 4*ldc, pf, 4*ldf, ph, last, end)
			}
			i += rows * count
		}
	}
}

// panelSize is how much of B a product works with before it turns to the next rows of B: half of the first-level cache.
const panelSize = 4096

// panelWidth returns how many columns of C are computed at a time.
func panelWidth() int {
	if instructions == avx512 {
		return 32
	}
	return 16
}

// crowded says whether the rows of B lie so far apart, by a multiple of 1 KiB, that a panel of them competes for a few
// sets of the cache, and are read often enough that it pays to copy them.
func crowded(m, k, ldb int) bool { return ldb%256 == 0 && m >= 64 && k > 8 }

// gemmPacked is gemmTiles with each panel of B copied to where it lies in one piece, and a transposed A, whose columns are
// then as crowded as B's rows, in blocks. A panel of k rows is at most panelSize.
func gemmPacked(m, n, k int, a []float32, rsa, csa int, b []float32, ldb int, c []float32, ldc int, from []float32, ldf int, h []float32, end int) {
	var panel [panelSize]float32
	width := panelWidth()
	height, blocks := m, a
	if rsa == 1 && csa%256 == 0 && n >= 64 {
		packed := transposedBlocks.Get().(*[]float32)
		defer transposedBlocks.Put(packed)
		height = blockRows()
		blocks, csa = packBlocks(packed, m, k, a, csa, height), height
	}
	for j := 0; j < n; j += width {
		cols := min(width, n-j)
		packRows(panel[:width*k], b[j:], k, ldb, cols, width)
		for i := 0; i < m; i += height {
			ai, hi := blocks[i*rsa:], h
			if height < m {
				ai = blocks[i*k:]
			}
			if end == endTanhGrad {
				hi = h[i*ldc+j:]
			}
			gemmTiles(min(height, m-i), cols, k, ai, rsa, csa, panel[:], width, c[i*ldc+j:], ldc, from[i*ldf+j:], ldf, hi, end)
		}
	}
}

// blockRows returns how many rows a block of a packed A has: two tiles, which with a panel of B fit in the first-level
// cache.
func blockRows() int {
	if instructions == avx512 {
		return 16
	}
	return 12
}

// transposedBlocks are the memories of packBlocks that nobody uses.
var transposedBlocks = sync.Pool{New: func() any { return new([]float32) }}

// packBlocks copies an m×k matrix, whose columns are contiguous and csa apart, so that the columns of as many rows as
// height says (12 or 16) lie one behind the other. It leaves the blocks in memory, which it makes longer if need be.
func packBlocks(memory *[]float32, m, k int, a []float32, csa, height int) []float32 {
	size := (m + height - 1) / height * height * k
	if len(*memory) < size {
		*memory = aligned(size)
	}
	to := *memory
	for i := 0; i < m; i += height {
		packRows(to[i*k:][:height*k], a[i:], k, csa, min(height, m-i), height)
	}
	return to[:size]
}

// packRows copies rows of so many numbers, which lie ld apart, to where they lie width apart.
func packRows(to, from []float32, rows, ld, numbers, width int) {
	for l := range rows {
		switch to, from := to[l*width:], from[l*ld:]; numbers { // a copy of a fixed length costs less than a call of copy
		case 12:
			*(*[12]float32)(to) = *(*[12]float32)(from)
		case 16:
			*(*[16]float32)(to) = *(*[16]float32)(from)
		case 32:
			*(*[32]float32)(to) = *(*[32]float32)(from)
		default:
			copy(to[:numbers], from)
		}
	}
}

func dots(y, x, w, bias []float32, rows, k, n int) {
	if rows <= 0 || n <= 0 {
		return
	}
	y, x, w, bias = y[:rows*n], x[:rows*k], w[:n*k], bias[:n]
	switch {
	case instructions == portable || k == 0:
		dotsPortable(y, x, w, bias, rows, k, n)
	case instructions == avx512:
		dots512(&y[0], &x[0], &w[0], &bias[0], rows, k, n)
	default:
		dots256(&y[0], &x[0], &w[0], &bias[0], rows, k, n)
	}
}

func transpose(dst, src []float32, rows, cols int) {
	dst, src = dst[:rows*cols], src[:rows*cols]
	whole, tiles := 0, cols/8
	if instructions != portable && tiles > 0 {
		for whole = 0; whole+8 <= rows; whole += 8 {
			transpose256(&dst[whole], &src[whole*cols], 4*rows, 4*cols, tiles)
		}
		transposePortable(dst, src, rows, cols, 0, whole, 8*tiles)
	}
	transposePortable(dst, src, rows, cols, whole, rows, 0)
}

func sumRows(y, w []float32, rows int, index []int32) bool {
	if instructions == portable || len(y) == 0 || len(index) == 0 || rows == 0 {
		return sumRowsPortable(y, w, rows, index)
	}
	n := len(y)
	_ = w[rows*n-1]
	for j := 0; j < n; {
		cols, ok := min(64, n-j), false
		switch {
		case instructions == avx512:
			ok = sumRows512x4(&y[j], &w[j], cols, rows, 4*n, &index[0], len(index))
		case cols == 64:
			ok = sumRows256x8(&y[j], &w[j], cols, rows, 4*n, &index[0], len(index))
		default:
			cols = min(8, cols)
			ok = sumRows256x1(&y[j], &w[j], cols, rows, 4*n, &index[0], len(index))
		}
		if !ok {
			return false
		}
		j += cols
	}
	return true
}

func addToRows(w, d []float32, rows int, index []int32) bool {
	if instructions == portable || len(d) == 0 || len(index) == 0 || rows == 0 {
		return addToRowsPortable(w, d, rows, index)
	}
	n := len(d)
	_ = w[rows*n-1]
	for j := 0; j < n; {
		cols, ok := min(64, n-j), false
		switch {
		case instructions == avx512:
			ok = addToRows512x4(&d[j], &w[j], cols, rows, 4*n, &index[0], len(index))
		case cols == 64:
			ok = addToRows256x8(&d[j], &w[j], cols, rows, 4*n, &index[0], len(index))
		default:
			cols = min(8, cols)
			ok = addToRows256x1(&d[j], &w[j], cols, rows, 4*n, &index[0], len(index))
		}
		if !ok {
			return false
		}
		j += cols
	}
	return true
}

// compact copies src to dst, which must be compactSlack longer, and returns how many numbers it wrote. It may leave out
// negative ones.
func compact(dst, src []int32) int {
	_ = dst[:len(src)+compactSlack]
	if instructions != avx512 || len(src) == 0 {
		return copy(dst, src)
	}
	return compact512(&dst[0], &src[0], len(src))
}

func tanh(x []float32) {
	switch {
	case len(x) == 0:
	case instructions == avx512:
		tanh512(&x[0], len(x))
	case instructions == avx2:
		tanh256(&x[0], len(x))
	default:
		tanhPortable(x)
	}
}

func exp(x []float32) {
	switch {
	case len(x) == 0:
	case instructions == avx512:
		exp512(&x[0], len(x))
	case instructions == avx2:
		exp256(&x[0], len(x))
	default:
		expPortable(x)
	}
}

func log(x []float32) {
	switch {
	case len(x) == 0:
	case instructions == avx512:
		log512(&x[0], len(x))
	case instructions == avx2:
		log256(&x[0], len(x))
	default:
		logPortable(x)
	}
}

// peakRounds runs n rounds of multiply-adds on registers alone and returns how many floating-point operations they were.
func peakRounds(n int) float64 {
	const each = 12 * 2 // registers, operations
	switch instructions {
	case avx512:
		peak512(n)
		return each * 16 * float64(n)
	case avx2:
		peak256(n)
		return each * 8 * float64(n)
	}
	return peakPortable(n)
}

func tanhGrad(d, h []float32) {
	h = h[:len(d)]
	switch {
	case len(d) == 0:
	case instructions == avx512:
		tanhGrad512(&d[0], &h[0], len(d))
	case instructions == avx2:
		tanhGrad256(&d[0], &h[0], len(d))
	default:
		tanhGradPortable(d, h)
	}
}

func add(dst, src []float32) {
	src = src[:len(dst)]
	switch {
	case len(dst) == 0:
	case instructions == avx512:
		add512(&dst[0], &src[0], len(dst))
	case instructions == avx2:
		add256(&dst[0], &src[0], len(dst))
	default:
		addPortable(dst, src)
	}
}

func sumSquares(x []float32) (sum float64) {
	if instructions == portable || len(x) == 0 {
		return sumSquaresPortable(x)
	}
	var lanes [16]float32
	if instructions == avx512 {
		sumSquares512(&x[0], len(x), &lanes)
	} else {
		sumSquares256(&x[0], len(x), &lanes)
	}
	for _, s := range lanes {
		sum += float64(s)
	}
	return sum
}

func adam(p, m, v, g []float32, k *adamConst) {
	m, v, g = m[:len(p)], v[:len(p)], g[:len(p)]
	switch {
	case len(p) == 0:
	case instructions == avx512:
		adam512(&p[0], &m[0], &v[0], &g[0], len(p), k)
	case instructions == avx2:
		adam256(&p[0], &m[0], &v[0], &g[0], len(p), k)
	default:
		adamPortable(p, m, v, g, k)
	}
}
