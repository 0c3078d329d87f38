package nn

// The functions of kernels_amd64.s, which gen_amd64.go writes. They check nothing: see their callers.

//go:noescape
func gemm512x8x2(count, k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc int, from *float32, ldf int, h *float32, last, end int)

//go:noescape
func gemm512x8x1(count, k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc int, from *float32, ldf int, h *float32, last, end int)

//go:noescape
func gemm512x4x2(count, k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc int, from *float32, ldf int, h *float32, last, end int)

//go:noescape
func gemm512x4x1(count, k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc int, from *float32, ldf int, h *float32, last, end int)

//go:noescape
func gemm512x2x2(count, k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc int, from *float32, ldf int, h *float32, last, end int)

//go:noescape
func gemm512x2x1(count, k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc int, from *float32, ldf int, h *float32, last, end int)

//go:noescape
func gemm512x1x2(count, k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc int, from *float32, ldf int, h *float32, last, end int)

//go:noescape
func gemm512x1x1(count, k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc int, from *float32, ldf int, h *float32, last, end int)

//go:noescape
func gemm256x6x2(count, k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc int, from *float32, ldf int, h *float32, last, end int)

//go:noescape
func gemm256x6x1(count, k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc int, from *float32, ldf int, h *float32, last, end int)

//go:noescape
func gemm256x4x2(count, k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc int, from *float32, ldf int, h *float32, last, end int)

//go:noescape
func gemm256x4x1(count, k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc int, from *float32, ldf int, h *float32, last, end int)

//go:noescape
func gemm256x2x2(count, k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc int, from *float32, ldf int, h *float32, last, end int)

//go:noescape
func gemm256x2x1(count, k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc int, from *float32, ldf int, h *float32, last, end int)

//go:noescape
func gemm256x1x2(count, k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc int, from *float32, ldf int, h *float32, last, end int)

//go:noescape
func gemm256x1x1(count, k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc int, from *float32, ldf int, h *float32, last, end int)

//go:noescape
func sumRows512x4(y, w *float32, cols, rows, ld int, index *int32, n int) (ok bool)

//go:noescape
func addToRows512x4(y, w *float32, cols, rows, ld int, index *int32, n int) (ok bool)

//go:noescape
func sumRows256x8(y, w *float32, cols, rows, ld int, index *int32, n int) (ok bool)

//go:noescape
func addToRows256x8(y, w *float32, cols, rows, ld int, index *int32, n int) (ok bool)

//go:noescape
func sumRows256x1(y, w *float32, cols, rows, ld int, index *int32, n int) (ok bool)

//go:noescape
func addToRows256x1(y, w *float32, cols, rows, ld int, index *int32, n int) (ok bool)

//go:noescape
func tanh512(x *float32, n int)

//go:noescape
func tanhGrad512(d, h *float32, n int)

//go:noescape
func add512(dst, src *float32, n int)

//go:noescape
func sumSquares512(x *float32, n int, lanes *[16]float32)

//go:noescape
func adam512(p, m, v, grad *float32, n int, k *adamConst)

//go:noescape
func tanh256(x *float32, n int)

//go:noescape
func tanhGrad256(d, h *float32, n int)

//go:noescape
func add256(dst, src *float32, n int)

//go:noescape
func sumSquares256(x *float32, n int, lanes *[16]float32)

//go:noescape
func adam256(p, m, v, grad *float32, n int, k *adamConst)

//go:noescape
func compact512(dst, src *int32, n int) (count int)

//go:noescape
func exp512(x *float32, n int)

//go:noescape
func log512(x *float32, n int)

//go:noescape
func dots512(y, x, w, bias *float32, rows, k, n int)

//go:noescape
func peak512(n int)

//go:noescape
func exp256(x *float32, n int)

//go:noescape
func log256(x *float32, n int)

//go:noescape
func dots256(y, x, w, bias *float32, rows, k, n int)

//go:noescape
func peak256(n int)

//go:noescape
func transpose256(dst, src *float32, ldd, lds, n int)

//go:noescape
func sumOfProducts512x8x2(pairs *pair, count, k int, a *float32, stridea, rsa, csa int, b *float32, strideb, ldb int, c *float32, ldc int, from *float32, ldf int, last int)

//go:noescape
func sumOfProducts512x8x1(pairs *pair, count, k int, a *float32, stridea, rsa, csa int, b *float32, strideb, ldb int, c *float32, ldc int, from *float32, ldf int, last int)

//go:noescape
func sumOfProducts512x4x2(pairs *pair, count, k int, a *float32, stridea, rsa, csa int, b *float32, strideb, ldb int, c *float32, ldc int, from *float32, ldf int, last int)

//go:noescape
func sumOfProducts512x4x1(pairs *pair, count, k int, a *float32, stridea, rsa, csa int, b *float32, strideb, ldb int, c *float32, ldc int, from *float32, ldf int, last int)

//go:noescape
func sumOfProducts512x2x2(pairs *pair, count, k int, a *float32, stridea, rsa, csa int, b *float32, strideb, ldb int, c *float32, ldc int, from *float32, ldf int, last int)

//go:noescape
func sumOfProducts512x2x1(pairs *pair, count, k int, a *float32, stridea, rsa, csa int, b *float32, strideb, ldb int, c *float32, ldc int, from *float32, ldf int, last int)

//go:noescape
func sumOfProducts512x1x2(pairs *pair, count, k int, a *float32, stridea, rsa, csa int, b *float32, strideb, ldb int, c *float32, ldc int, from *float32, ldf int, last int)

//go:noescape
func sumOfProducts512x1x1(pairs *pair, count, k int, a *float32, stridea, rsa, csa int, b *float32, strideb, ldb int, c *float32, ldc int, from *float32, ldf int, last int)

//go:noescape
func relu512(y, x *float32, n int)

//go:noescape
func reluGrad512(y, x *float32, n int)

//go:noescape
func poolMax512(y, chosen, x *float32, n int, place float32)

//go:noescape
func poolGrad512(dx, dy, chosen *float32, n int, place float32)

//go:noescape
func sumOfProducts256x6x2(pairs *pair, count, k int, a *float32, stridea, rsa, csa int, b *float32, strideb, ldb int, c *float32, ldc int, from *float32, ldf int, last int)

//go:noescape
func sumOfProducts256x6x1(pairs *pair, count, k int, a *float32, stridea, rsa, csa int, b *float32, strideb, ldb int, c *float32, ldc int, from *float32, ldf int, last int)

//go:noescape
func sumOfProducts256x4x2(pairs *pair, count, k int, a *float32, stridea, rsa, csa int, b *float32, strideb, ldb int, c *float32, ldc int, from *float32, ldf int, last int)

//go:noescape
func sumOfProducts256x4x1(pairs *pair, count, k int, a *float32, stridea, rsa, csa int, b *float32, strideb, ldb int, c *float32, ldc int, from *float32, ldf int, last int)

//go:noescape
func sumOfProducts256x2x2(pairs *pair, count, k int, a *float32, stridea, rsa, csa int, b *float32, strideb, ldb int, c *float32, ldc int, from *float32, ldf int, last int)

//go:noescape
func sumOfProducts256x2x1(pairs *pair, count, k int, a *float32, stridea, rsa, csa int, b *float32, strideb, ldb int, c *float32, ldc int, from *float32, ldf int, last int)

//go:noescape
func sumOfProducts256x1x2(pairs *pair, count, k int, a *float32, stridea, rsa, csa int, b *float32, strideb, ldb int, c *float32, ldc int, from *float32, ldf int, last int)

//go:noescape
func sumOfProducts256x1x1(pairs *pair, count, k int, a *float32, stridea, rsa, csa int, b *float32, strideb, ldb int, c *float32, ldc int, from *float32, ldf int, last int)

//go:noescape
func relu256(y, x *float32, n int)

//go:noescape
func reluGrad256(y, x *float32, n int)

//go:noescape
func poolMax256(y, chosen, x *float32, n int, place float32)

//go:noescape
func poolGrad256(dx, dy, chosen *float32, n int, place float32)
