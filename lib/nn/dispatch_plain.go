//go:build !amd64

package nn

// What has kernels on amd64 alone.

func dots(y, x, w, bias []float32, rows, k, n int) { dotsPortable(y, x, w, bias, rows, k, n) }

func transpose(dst, src []float32, rows, cols int) {
	transposePortable(dst, src, rows, cols, 0, rows, 0)
}

func sumRows(y, w []float32, rows int, index []int32) bool { return sumRowsPortable(y, w, rows, index) }

func addToRows(w, d []float32, rows int, index []int32) bool {
	return addToRowsPortable(w, d, rows, index)
}

// compact copies src to dst, which must be compactSlack longer, and returns how many numbers it wrote. It may leave out
// negative ones.
func compact(dst, src []int32) int { return copy(dst, src) }

func exp(x []float32) { expPortable(x) }

func log(x []float32) { logPortable(x) }

// peakRounds runs n rounds of multiply-adds on registers alone and returns how many floating-point operations they were.
func peakRounds(n int) float64 { return peakPortable(n) }

func tanhGrad(d, h []float32) { tanhGradPortable(d, h) }

func add(dst, src []float32) { addPortable(dst, src) }

func sumSquares(x []float32) float64 { return sumSquaresPortable(x) }

func adam(p, m, v, g []float32, k *adamConst) { adamPortable(p, m, v, g, k) }

// relu writes max(x, 0) to y, which may be x.
func relu(y, x []float32) { reluPortable(y, x) }

func reluGrad(d, r []float32) { reluGradPortable(d, r) }

func poolMax(y, chosen, x []float32, place float32) { poolMaxPortable(y, chosen, x, place) }

func poolGrad(dx, dy, chosen []float32, place float32) { poolGradPortable(dx, dy, chosen, place) }
