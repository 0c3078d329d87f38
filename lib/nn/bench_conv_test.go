package nn

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"goalgap/lib/env"
)

// jaxgmgShape is the network that JaxGMG trains on mazes of 13 × 13 cells.
func jaxgmgShape() Shape {
	return Shape{
		Sparse: 507, Image: env.Image{Height: 13, Width: 13, Channels: 3}, Conv: []int{16, 32, 32}, Hidden: []int{256, 256},
		Activation: ReLU, Out: 5, Value: true,
	}
}

// coinrunShape is the same network on CoinRun's pixels.
func coinrunShape() Shape {
	return Shape{
		Dense: 64 * 64 * 3, Image: env.Image{Height: 64, Width: 64, Channels: 3}, Conv: []int{16, 32, 32}, Hidden: []int{256},
		Activation: ReLU, Out: 10, Value: true,
	}
}

// multiplyAdds counts those of a network on one observation, borders of zeros included, and of them those of the first
// layer, which needs no derivatives with respect to its input.
func multiplyAdds(n *Net) (all, first float64) {
	for _, b := range n.trunk.blocks {
		for i, l := range b.conv {
			pixels := b.out.pixels()
			if i == 0 {
				pixels = b.in.pixels()
			}
			all += float64(l.in * l.out * pixels)
			if first == 0 {
				first = all
			}
		}
	}
	for _, l := range n.layers {
		all += float64(l.in * l.out)
	}
	return all, first
}

// BenchmarkConv measures a network with convolutions, acting on 16 observations on one core, as in a rollout, and learning
// from many: forward, and forward and backward. "GFLOP/s" counts two operations for each multiply-add of the
// definition, with those by the zeros around an image, which are left out here; "peak" is the share of the multiply-add peak
// of as many cores, measured next to it: the best of the rounds, as other work on the machine slows both.
func BenchmarkConv(b *testing.B) {
	for _, c := range []struct {
		name  string
		shape Shape
		rows  int
	}{{"13x13x3", jaxgmgShape(), 512}, {"64x64x3", coinrunShape(), 64}} {
		n, err := New(c.shape, 1, rand.New(rand.NewPCG(3, 1)))
		if err != nil {
			b.Fatal(err)
		}
		batch := env.NewBatch(env.Spec{Sparse: c.shape.Sparse, MaxActive: min(c.shape.Sparse, 90), Dense: c.shape.Dense}, c.rows)
		for i := range batch.Active {
			batch.Active[i] = rand.Int32N(int32(c.shape.Sparse))
		}
		for i := range batch.Features {
			batch.Features[i] = rand.Float32()
		}
		all, first := multiplyAdds(n)
		few := batch.Slice(0, 16)
		for _, form := range []struct {
			name       string
			cores      int
			operations float64
			run        func()
		}{
			{"act", 1, 2 * all * float64(few.N), func() { n.Forward(few) }},
			{"forward", runtime.GOMAXPROCS(0), 2 * all * float64(c.rows), func() { n.Forward(batch) }},
			{"learn", runtime.GOMAXPROCS(0), 2 * (3*all - first) * float64(c.rows), func() {
				Accumulate(Job{Net: n, Batch: batch, Loss: func(lo, hi int, out, dOut []float32) { copy(dOut, out) }})
			}},
		} {
			b.Run(c.name+"/"+form.name, func(b *testing.B) {
				procs := runtime.GOMAXPROCS(form.cores)
				defer runtime.GOMAXPROCS(procs)
				for b.Loop() {
					form.run()
				}
				rate, peak := 0.0, 0.0
				for range 20 {
					start := time.Now()
					form.run()
					rate = max(rate, form.operations/time.Since(start).Seconds())
					peak = max(peak, Peak(form.cores))
				}
				b.ReportMetric(rate/1e9, "GFLOP/s")
				b.ReportMetric(rate/peak, "peak")
			})
		}
	}
}
