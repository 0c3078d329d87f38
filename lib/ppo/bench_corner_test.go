package ppo

import (
	"testing"

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
// multiply-adds for an observation.
func BenchmarkCorner(b *testing.B) { benchmark(b, corner.Make(corner.Sweep(1)), jaxgmg()) }
