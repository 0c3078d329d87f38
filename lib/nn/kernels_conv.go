package nn

// The kernels of convolutions and of what goes with them; see kernels.go.

// pair says which two matrices sumOfProducts multiplies, by their numbers in two rows of equally distant ones.
type pair struct{ a, b int32 }

// sumOfProductsPortable writes From + Σₜ Aₜ·Bₜ to C. C is m×n with row stride ldc, From is m×n with row stride ldf, 0 for a
// row of biases. For pair t, Aₜ is m×k and its element (i, l) is a[pairs[t].a*strideA+i*rsa+l*csa], and Bₜ is k×n, its row
// l beginning at b[pairs[t].b*strideB+l*ldb]. A convolution is such a sum over the places of its window, for each pixel;
// so are its two gradients.
func sumOfProductsPortable(m, n, k int, pairs []pair, a []float32, strideA, rsa, csa int, b []float32, strideB, ldb int, c []float32, ldc int, from []float32, ldf int) {
	for i := range m {
		row := c[i*ldc : i*ldc+n]
		copy(row, from[i*ldf:i*ldf+n])
		for _, t := range pairs {
			at, begin := int(t.a)*strideA+i*rsa, int(t.b)*strideB
			for range k {
				x, bl := a[at], b[begin:begin+len(row)]
				for j := range row {
					row[j] += x * bl[j]
				}
				at, begin = at+csa, begin+ldb
			}
		}
	}
}

// reluPortable writes max(x, 0) to y; NaN stays NaN.
func reluPortable(y, x []float32) {
	for i, v := range x[:len(y)] {
		y[i] = max(0, v)
	}
}

// reluGradPortable makes d 0 where the rectifier's output r is: its derivative is taken to be 0 at 0.
func reluGradPortable(d, r []float32) {
	for i, v := range r[:len(d)] {
		if !(v > 0) {
			d[i] = 0
		}
	}
}

// poolMaxPortable raises y to x where that is larger (or one of them NaN), and notes there in chosen that the largest came
// from the given place.
func poolMaxPortable(y, chosen, x []float32, place float32) {
	chosen, x = chosen[:len(y)], x[:len(y)]
	for i, v := range x {
		if !(v <= y[i]) {
			y[i], chosen[i] = v, place
		}
	}
}

// poolGradPortable adds dy to dx where the largest came from the given place.
func poolGradPortable(dx, dy, chosen []float32, place float32) {
	dy, chosen = dy[:len(dx)], chosen[:len(dx)]
	for i, c := range chosen {
		if c == place {
			dx[i] += dy[i]
		}
	}
}
