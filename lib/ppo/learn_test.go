package ppo

import (
	"context"
	"math/rand/v2"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/cartpole"
)

// evaluate returns the mean return of the policy, sampled, over the first n levels from 1 000 000 on.
func evaluate(p *Policy, n int) float64 {
	e, r := cartpole.New(), rand.New(rand.NewPCG(1, 1))
	obs, action := env.NewBatch(p.Spec, 1), make([]int32, 1)
	sum := 0.0
	for level := range int64(n) {
		e.Reset(1_000_000 + level)
		for end := env.Running; end == env.Running; {
			e.Observe(obs.Row(0))
			p.Sample(action, obs, r)
			var reward float32
			reward, end = e.Step(int(action[0]))
			sum += float64(reward)
		}
	}
	return sum / float64(n)
}

// CleanRL's documentation reports 490.04 ± 6.12 after 500 000 steps with these defaults.
func TestCartPoleIsLearnt(t *testing.T) {
	if testing.Short() {
		t.Skip("trains three policies for 500 000 steps each")
	}
	for _, seed := range []uint64{1, 2, 3} {
		cfg := Default()
		cfg.Seed = seed
		result, err := Train(context.Background(), cartpole.Make, env.Levels{}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		got := evaluate(result.Policy, 100)
		t.Logf("seed %d: mean return %.1f over 100 episodes, actions sampled; %.1f s of training", seed, got, result.Elapsed.Seconds())
		if got < 475 {
			t.Errorf("seed %d: mean return %.1f over 100 episodes, want at least 475", seed, got)
		}
	}
}
