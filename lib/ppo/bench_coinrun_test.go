package ppo

import (
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/coinrun"
)

// BenchmarkCoinRun is a training as for procgen (64 environments, 256 steps, 3 epochs of 8 minibatches), on the
// one-hot observation.
func BenchmarkCoinRun(b *testing.B) {
	cfg := Default()
	cfg.Envs, cfg.Rollout, cfg.Minibatches, cfg.Epochs = 64, 256, 8, 3
	cfg.Gamma, cfg.LearningRate, cfg.ScaleReward, cfg.Anneal = 0.999, 5e-4, true, false
	benchmark(b, func() (env.Env, error) { return coinrun.New(coinrun.Config{}) }, cfg)
}
