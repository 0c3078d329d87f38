package ppo

import (
	"context"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/cartpole"
)

// benchmark measures whole updates: collection, advantages and gradient steps.
func benchmark(b *testing.B, makeEnv func() (env.Env, error), cfg Config) {
	b.Helper()
	batch := cfg.Envs * cfg.Rollout
	cfg.Steps = batch * (b.N + 2)
	t, err := NewTrainer(makeEnv, env.Levels{}, cfg)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := t.RunUpdates(context.Background(), 2); err != nil { // everything is allocated
		b.Fatal(err)
	}
	b.ResetTimer()
	if _, err := t.RunUpdates(context.Background(), b.N); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(batch*b.N)/b.Elapsed().Seconds(), "steps/s")
}

func BenchmarkCartPoleSmall(b *testing.B) { benchmark(b, cartpole.Make, Default()) }

func BenchmarkCartPoleLarge(b *testing.B) {
	cfg := Default()
	cfg.Envs, cfg.Rollout, cfg.Minibatches = 1024, 64, 8
	benchmark(b, cartpole.Make, cfg)
}
