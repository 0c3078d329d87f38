//go:build !amd64 && !arm64

package nn

// Kernels says which kernels are in use: "AVX-512", "AVX2", "NEON" or "portable Go".
func Kernels() string { return "portable Go" }

func gemmFrom(m, n, k int, a []float32, rsa, csa int, b []float32, ldb int, c []float32, ldc int, from []float32, ldf int, h []float32, end int) {
	gemmFromPortable(m, n, k, a, rsa, csa, b, ldb, c, ldc, from, ldf, h, end)
}

func tanh(x []float32) { tanhPortable(x) }

func sumOfProducts(m, n, k int, pairs []pair, a []float32, strideA, rsa, csa int, b []float32, strideB, ldb int, c []float32, ldc int, from []float32, ldf int) {
	sumOfProductsPortable(m, n, k, pairs, a, strideA, rsa, csa, b, strideB, ldb, c, ldc, from, ldf)
}
