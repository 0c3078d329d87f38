package nn

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkGEMM measures the products of a layer: forward Y = X·W, its weights' gradient dW = Xᵀ·dY, and the gradient of
// its input dX = dY·Wᵀ (with Wᵀ prepared). "peak" is the inner tile on operands that stay in registers and the first
// line of the cache: as fast as multiply-adds can be on this core at this time.
func BenchmarkGEMM(b *testing.B) {
	random := func(n int) []float32 {
		x := aligned(n)
		for i := range x {
			x[i] = rand.Float32() - 0.5
		}
		return x
	}
	report := func(b *testing.B, m, n, k int) {
		b.ReportMetric(2*float64(m)*float64(n)*float64(k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	}
	b.Run("peak", func(b *testing.B) {
		const m, n, k = 24, 32, 1 << 14 // 24 rows: three tiles of AVX-512, four of AVX2
		x, w, y := random(m), random(n), random(m*n)
		for b.Loop() {
			gemm(m, n, k, x, 1, 0, w, 0, y, n)
		}
		report(b, m, n, k)
	})
	for _, s := range [][3]int{{2, 64, 64}, {128, 64, 64}, {128, 4, 64}, {128, 64, 2}, {128, 256, 256}} {
		batch, in, out := s[0], s[1], s[2]
		x, w, y := random(batch*in), random(in*out), random(batch*out)
		name := fmt.Sprintf("%dx%dx%d", batch, in, out)
		b.Run(name+"/forward", func(b *testing.B) {
			for b.Loop() {
				gemm(batch, out, in, x, in, 1, w, out, y, out)
			}
			report(b, batch, in, out)
		})
		b.Run(name+"/dW", func(b *testing.B) {
			for b.Loop() {
				gemm(in, out, batch, x, 1, in, y, out, w, out)
			}
			report(b, batch, in, out)
		})
		b.Run(name+"/dX", func(b *testing.B) {
			for b.Loop() {
				gemm(batch, in, out, y, out, 1, w, in, x, in)
			}
			report(b, batch, in, out)
		})
	}
}

// BenchmarkSparse measures the first layer of a network on one observation with 90 ones among 2000, 64 wide.
func BenchmarkSparse(b *testing.B) {
	const rows, width, active, observations = 2000, 64, 90, 256
	w, y := aligned(rows*width), aligned(width)
	index := make([]int32, active*observations)
	for i := range index {
		index[i] = rand.Int32N(rows)
	}
	b.Run("forward", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			o := i % observations * active
			sumRows(y, w, rows, index[o:o+active])
		}
	})
	b.Run("backward", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			o := i % observations * active
			addToRows(w, y, rows, index[o:o+active])
		}
	})
}

func BenchmarkElementwise(b *testing.B) {
	const n = 8192
	x, h, m, v := aligned(n), aligned(n), aligned(n), aligned(n)
	for i := range x {
		x[i], h[i] = rand.Float32()-0.5, rand.Float32()-0.5
	}
	for _, k := range []struct {
		name string
		f    func()
	}{
		{"tanh", func() { tanh(x) }},
		{"tanhGrad", func() { tanhGrad(x, h) }},
		{"adam", func() {
			adam(x, m, v, h, &adamConst{Beta1: .9, Beta2: .999, Gamma1: .1, Gamma2: .001, Root2: 1, Eps: 1, Scale: 1})
		}},
		{"transpose", func() { transpose(x[:4096], h, 64, 64) }},
	} {
		b.Run(k.name, func(b *testing.B) {
			for b.Loop() {
				k.f()
			}
			b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds()/1e9, "elements/ns")
		})
	}
}
