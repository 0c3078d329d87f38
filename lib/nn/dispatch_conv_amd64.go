package nn

// tile is the two kernels of sumOfProducts for one height: one and two vectors wide, the last of them partial or not.
type tile struct {
	rows     int
	one, two func(pairs *pair, count, k int, a *float32, stridea, rsa, csa int, b *float32, strideb, ldb int, c *float32, ldc int, from *float32, ldf int, last int)
}

// The tiles, the highest first.
var (
	tiles512 = [...]tile{
		{8, sumOfProducts512x8x1, sumOfProducts512x8x2},
		{4, sumOfProducts512x4x1, sumOfProducts512x4x2},
		{2, sumOfProducts512x2x1, sumOfProducts512x2x2},
		{1, sumOfProducts512x1x1, sumOfProducts512x1x2},
	}
	tiles256 = [...]tile{
		{6, sumOfProducts256x6x1, sumOfProducts256x6x2},
		{4, sumOfProducts256x4x1, sumOfProducts256x4x2},
		{2, sumOfProducts256x2x1, sumOfProducts256x2x2},
		{1, sumOfProducts256x1x1, sumOfProducts256x1x2},
	}
)

func sumOfProducts(m, n, k int, pairs []pair, a []float32, strideA, rsa, csa int, b []float32, strideB, ldb int, c []float32, ldc int, from []float32, ldf int) {
	if instructions == portable || m <= 0 || n <= 0 || k <= 0 || len(pairs) == 0 {
		sumOfProductsPortable(m, n, k, pairs, a, strideA, rsa, csa, b, strideB, ldb, c, ldc, from, ldf)
		return
	}
	// The assembly checks nothing.
	least, most := pairs[0], pairs[0]
	for _, t := range pairs {
		least.a, most.a = min(least.a, t.a), max(most.a, t.a)
		least.b, most.b = min(least.b, t.b), max(most.b, t.b)
	}
	_, _ = a[int(least.a)*strideA], a[int(most.a)*strideA+(m-1)*rsa+(k-1)*csa]
	_, _ = b[int(least.b)*strideB], b[int(most.b)*strideB+(k-1)*ldb+n-1]
	_, _ = c[(m-1)*ldc+n-1], from[(m-1)*ldf+n-1]
	lanes, tiles := 16, tiles512[:]
	if instructions == avx2 {
		lanes, tiles = 8, tiles256[:]
	}
	for j := 0; j < n; j += 2 * lanes {
		last, two := min(2*lanes, n-j), false
		if last > lanes {
			last, two = last-lanes, true
		}
		for i := 0; i < m; {
			t := &tiles[0]
			for h := 1; t.rows > m-i; h++ {
				t = &tiles[h]
			}
			f := t.one
			if two {
				f = t.two
			}
			f(&pairs[0], len(pairs), k, &a[i*rsa], 4*strideA, 4*rsa, 4*csa, &b[j], 4*strideB, 4*ldb,
				&c[i*ldc+j], 4*ldc, &from[i*ldf+j], 4*ldf, last)
			i += t.rows
		}
	}
}

// relu writes max(x, 0) to y, which may be x.
func relu(y, x []float32) {
	x = x[:len(y)]
	switch {
	case len(y) == 0:
	case instructions == avx512:
		relu512(&y[0], &x[0], len(y))
	case instructions == avx2:
		relu256(&y[0], &x[0], len(y))
	default:
		reluPortable(y, x)
	}
}

func reluGrad(d, r []float32) {
	r = r[:len(d)]
	switch {
	case len(d) == 0:
	case instructions == avx512:
		reluGrad512(&d[0], &r[0], len(d))
	case instructions == avx2:
		reluGrad256(&d[0], &r[0], len(d))
	default:
		reluGradPortable(d, r)
	}
}

func poolMax(y, chosen, x []float32, place float32) {
	chosen, x = chosen[:len(y)], x[:len(y)]
	switch {
	case len(y) == 0:
	case instructions == avx512:
		poolMax512(&y[0], &chosen[0], &x[0], len(y), place)
	case instructions == avx2:
		poolMax256(&y[0], &chosen[0], &x[0], len(y), place)
	default:
		poolMaxPortable(y, chosen, x, place)
	}
}

func poolGrad(dx, dy, chosen []float32, place float32) {
	dy, chosen = dy[:len(dx)], chosen[:len(dx)]
	switch {
	case len(dx) == 0:
	case instructions == avx512:
		poolGrad512(&dx[0], &dy[0], &chosen[0], len(dx), place)
	case instructions == avx2:
		poolGrad256(&dx[0], &dy[0], &chosen[0], len(dx), place)
	default:
		poolGradPortable(dx, dy, chosen, place)
	}
}
