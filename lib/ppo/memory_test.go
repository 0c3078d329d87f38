package ppo

import (
	"context"
	"runtime"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/cartpole"
	"goalgap/lib/env/coinrun"
)

// TestMemoryIsThatOfTheRollout holds what training takes, at its most, against what a rollout has to hold: observations
// before and after each step, and ten numbers of four bytes.
func TestMemoryIsThatOfTheRollout(t *testing.T) {
	if testing.Short() {
		t.Skip("trains with large rollouts")
	}
	for name, makeEnv := range map[string]func() (env.Env, error){
		"coinrun":  func() (env.Env, error) { return coinrun.New(coinrun.Config{}) },
		"cartpole": func() (env.Env, error) { return cartpole.New(), nil },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Default()
			cfg.Envs, cfg.Rollout, cfg.Minibatches, cfg.Epochs = 512, 128, 8, 1
			cfg.Steps = 2 * cfg.Envs * cfg.Rollout
			var most uint64
			look := func() {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse+m.StackInuse)
			}
			runtime.GC()
			look()
			before := most
			cfg.Progress = func(Progress) { look() }
			trainer, err := NewTrainer(makeEnv, env.Levels{}, cfg)
			if err != nil {
				t.Fatal(err)
			}
			look()
			if _, err := trainer.Run(context.Background()); err != nil {
				t.Fatal(err)
			}
			look()
			e, err := makeEnv()
			if err != nil {
				t.Fatal(err)
			}
			spec := e.Spec()
			rollout := uint64(cfg.Envs*cfg.Rollout) * uint64(2*4*(spec.MaxActive+spec.Dense)+10*4)
			took := most - before
			t.Logf("%.1f MB for a rollout of %.1f MB", float64(took)/(1<<20), float64(rollout)/(1<<20))
			if bar := 2*rollout + 50<<20; took > bar {
				t.Errorf("training took %d bytes, more than twice the rollout's %d and 50 MB", took, rollout)
			}
		})
	}
}
