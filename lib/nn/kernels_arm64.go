package nn

// In kernels_arm64.s. Strides are in bytes; nothing is checked.

//go:noescape
func gemmNEON8x2(k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc int, from *float32, ldf int)

//go:noescape
func gemmNEON8x1(k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc int, from *float32, ldf int)

//go:noescape
func gemmNEON4x2(k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc int, from *float32, ldf int)

//go:noescape
func gemmNEON4x1(k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc int, from *float32, ldf int)

//go:noescape
func gemmNEON2x2(k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc int, from *float32, ldf int)

//go:noescape
func gemmNEON2x1(k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc int, from *float32, ldf int)

//go:noescape
func gemmNEON1x2(k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc int, from *float32, ldf int)

//go:noescape
func gemmNEON1x1(k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc int, from *float32, ldf int)

//go:noescape
func tanhNEON(x *float32, n int, constants *[13]float32)
