package ppo

import (
	"context"
	"runtime"
	"testing"
	"time"

	"goalgap/lib/env"
	"goalgap/lib/env/cartpole"
	"goalgap/lib/nn"
)

// benchmark measures whole updates: collection, advantages and gradient steps.
func benchmark(b *testing.B, makeEnv func() (env.Env, error), cfg Config) {
	b.Helper()
	batch := cfg.Envs * cfg.Rollout
	t := warm(b, makeEnv, cfg, b.N)
	b.ResetTimer()
	if _, err := t.RunUpdates(context.Background(), b.N); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(batch*b.N)/b.Elapsed().Seconds(), "steps/s")
}

// warm returns a training that has done two updates, so that everything is allocated, and has n left.
func warm(tb testing.TB, makeEnv func() (env.Env, error), cfg Config, n int) *Trainer {
	tb.Helper()
	cfg.Steps = cfg.Envs * cfg.Rollout * (n + 2)
	t, err := NewTrainer(makeEnv, env.Levels{}, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := t.RunUpdates(context.Background(), 2); err != nil {
		tb.Fatal(err)
	}
	return t
}

// large is the configuration of a training whose minibatches are large.
func large() Config {
	cfg := Default()
	cfg.Envs, cfg.Rollout, cfg.Minibatches = 1024, 64, 8
	return cfg
}

func BenchmarkCartPoleSmall(b *testing.B) { benchmark(b, cartpole.Make, Default()) }

func BenchmarkCartPoleLarge(b *testing.B) { benchmark(b, cartpole.Make, large()) }

// BenchmarkCartPoleMemory has a GRU as wide as the hidden layers; the steps of 16 environments are learnt from at a time.
func BenchmarkCartPoleMemory(b *testing.B) {
	cfg := large()
	cfg.Envs, cfg.Rollout, cfg.Minibatches, cfg.Shared, cfg.Memory = 64, 128, 4, true, 64
	benchmark(b, cartpole.Make, cfg)
}

// gradients takes the gradient steps of one update on the rollout that is there.
func (t *Trainer) gradients() error {
	for range t.cfg.Epochs {
		shuffle(t.order, t.shuffle)
		for m := range t.cfg.Minibatches {
			if err := t.learn.step(t.minibatchRows(m)); err != nil {
				return err
			}
		}
	}
	return nil
}

// operations counts the multiplications and additions of one update's matrix products.
func (t *Trainer) operations() float64 {
	sum := 0
	for _, out := range []int{t.policy.Spec.Actions, 1} {
		in := t.policy.Spec.Dense
		for i, width := range append(append([]int(nil), t.policy.Hidden...), out) {
			passes := 3 // forward, gradient of the weights, gradient of the input
			if i == 0 {
				passes = 2
			}
			sum += 2 * passes * in * width
			in = width
		}
	}
	return float64(sum) * float64(len(t.order)*t.cfg.Epochs)
}

// BenchmarkUpdate measures the gradient steps alone, everything between the rollout and the next policy: losses,
// clipping and Adam too. "peak" is the share of the multiply-add peak of all cores, measured next to it, that the
// matrix products alone amount to: the best of the rounds, as other work on the machine slows both.
func BenchmarkUpdate(b *testing.B) {
	for _, c := range []struct {
		name string
		cfg  Config
	}{{"CartPoleSmall", Default()}, {"CartPoleLarge", large()}} {
		b.Run(c.name, func(b *testing.B) {
			t := warm(b, cartpole.Make, c.cfg, 1)
			for b.Loop() {
				if err := t.gradients(); err != nil {
					b.Fatal(err)
				}
			}
			rate, peak := 0.0, 0.0
			for range 30 {
				for range max(1, 1<<14/len(t.order)) { // more than one: after the peak the helpers sleep
					start := time.Now()
					if err := t.gradients(); err != nil {
						b.Fatal(err)
					}
					rate = max(rate, t.operations()/time.Since(start).Seconds())
				}
				peak = max(peak, nn.Peak(runtime.GOMAXPROCS(0)))
			}
			b.ReportMetric(rate/1e9, "GFLOP/s")
			b.ReportMetric(rate/peak, "peak")
		})
	}
}

// BenchmarkScaling does the same work with GOMAXPROCS 1 and 2 in turns. "speedup" is the ratio of the best times.
func BenchmarkScaling(b *testing.B) {
	if runtime.NumCPU() < 2 {
		b.Skip("there is one core only")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, c := range []struct {
		name string
		cfg  Config
	}{{"CartPoleSmall", Default()}, {"CartPoleLarge", large()}} {
		b.Run(c.name, func(b *testing.B) {
			var best [2]time.Duration
			runtime.GOMAXPROCS(2) // for as many groups of environments
			t := warm(b, cartpole.Make, c.cfg, 1<<20)
			for b.Loop() {
				for i := range best {
					runtime.GOMAXPROCS(i + 1)
					start := time.Now()
					if _, err := t.RunUpdates(context.Background(), 1); err != nil {
						b.Fatal(err)
					}
					if elapsed := time.Since(start); best[i] == 0 || elapsed < best[i] {
						best[i] = elapsed
					}
				}
			}
			b.ReportMetric(float64(best[0])/float64(best[1]), "speedup")
		})
	}
}
