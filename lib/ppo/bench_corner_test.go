package ppo

import (
	"runtime"
	"testing"
	"time"

	"goalgap/lib/env/jaxgmg/corner"
	"goalgap/lib/nn"
)

// jaxgmg is the configuration with which JaxGMG trained the sweep of cheese in the corner.
func jaxgmg() Config {
	cfg := Default()
	cfg.Envs, cfg.Rollout, cfg.Epochs, cfg.Minibatches = 32, 256, 5, 1
	cfg.Conv, cfg.Hidden, cfg.Activation, cfg.Shared, cfg.LeCun = []int{16, 32, 32}, []int{256, 256}, nn.ReLU, true, true
	cfg.LearningRate, cfg.Anneal, cfg.AdamEps = 1e-4, false, 1e-8
	cfg.Gamma, cfg.Lambda, cfg.EntropyCoef = 0.995, 0.98, 1e-3
	return cfg
}

// BenchmarkCorner is a training as in the sweep: 197 701 parameters, whose convolutions and dense layers take 1.73 million
// multiply-adds for an observation. "peak" is the share of all cores' multiply-add peak, measured afterwards, that those of
// the definition amount to, forward once when acting, forward and backward in each epoch.
func BenchmarkCorner(b *testing.B) {
	cfg := jaxgmg()
	start := time.Now()
	benchmark(b, corner.Make(corner.Sweep(1)), cfg)
	first, all := 13.0*13*9*3*16, 0.0
	for _, products := range []float64{
		first, 4 * 7 * 7 * 9 * 16 * 16, // a block's first convolution, and its residual units
		7 * 7 * 9 * 16 * 32, 4 * 4 * 4 * 9 * 32 * 32,
		4 * 4 * 9 * 32 * 32, 4 * 2 * 2 * 9 * 32 * 32,
		2*2*32*256 + 256*256 + 256*5,
	} {
		all += products
	}
	steps := float64(cfg.Envs*cfg.Rollout*b.N) / b.Elapsed().Seconds()
	rate, peak := steps*2*(all+float64(cfg.Epochs)*(3*all-first)), 0.0
	for end := time.Now().Add(min(time.Second, time.Since(start))); time.Now().Before(end); {
		peak = max(peak, nn.Peak(runtime.GOMAXPROCS(0)))
	}
	b.ReportMetric(rate/1e9, "GFLOP/s")
	b.ReportMetric(rate/peak, "peak")
}
