package nn

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// BenchmarkGEMM measures the products of a layer, named batch × inputs × outputs: forward Y = X·W + bias, its weights'
// gradient dW = Xᵀ·dY, and the gradient of its input dX = dY·Wᵀ (with Wᵀ prepared). The metric "peak" is the share of
// the multiply-add peak of this core, measured next to each product, as other work on the machine changes it.
func BenchmarkGEMM(b *testing.B) {
	random := func(n int) []float32 {
		x := aligned(n)
		for i := range x {
			x[i] = rand.Float32() - 0.5
		}
		return x
	}
	shapes := [][3]int{
		{4, 64, 64}, {128, 64, 64}, {256, 64, 64}, {1024, 64, 64}, {1024, 256, 256}, {2048, 512, 256},
		{128, 4, 64}, {128, 64, 1}, {128, 64, 2}, {128, 64, 5}, {2, 64, 2},
	}
	for _, s := range shapes {
		batch, in, out := s[0], s[1], s[2]
		narrow := out <= narrowest
		x, w, y, wt, bias := random(batch*in), random(in*out), random(batch*out), random(in*out), random(out)
		for _, form := range []struct {
			name string
			run  func()
		}{
			{"forward", func() {
				if narrow {
					dots(y, x, w, bias, batch, in, out)
				} else {
					gemmFrom(batch, out, in, x, in, 1, w, out, y, out, bias, 0, nil, endPlain)
				}
			}},
			{"dW", func() {
				if narrow {
					gemm(out, in, batch, y, 1, out, x, in, w, in)
				} else {
					gemm(in, out, batch, x, 1, in, y, out, w, out)
				}
			}},
			{"dX", func() { gemmFrom(batch, in, out, y, out, 1, wt, in, x, in, zeros[:], 0, nil, endPlain) }},
		} {
			b.Run(fmt.Sprintf("%dx%dx%d/%s", batch, in, out, form.name), func(b *testing.B) {
				operations := 2 * float64(batch) * float64(in) * float64(out)
				for b.Loop() {
					form.run()
				}
				rate, share := fastest(operations, form.run)
				b.ReportMetric(rate/1e9, "GFLOP/s")
				b.ReportMetric(share, "peak")
			})
		}
	}
}

// fastest returns the rate at which f does its operations, and its share of the peak, in operations a second: the best
// of rounds in which the two take turns, as other work on the machine slows both.
func fastest(operations float64, f func()) (rate, share float64) {
	calls := max(1, int(2e7/operations))
	peak := 0.0
	for range 30 {
		start := time.Now()
		for range calls {
			f()
		}
		rate = max(rate, operations*float64(calls)/time.Since(start).Seconds())
		start = time.Now()
		did := peakRounds(1 << 16)
		peak = max(peak, did/time.Since(start).Seconds())
	}
	return rate, rate / peak
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
