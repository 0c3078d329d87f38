package shift_test

import (
	"context"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/coinrun"
	"goalgap/lib/human"
	"goalgap/lib/human/coinrunner"
	"goalgap/lib/ppo"
	"goalgap/lib/reward"
	"goalgap/lib/shift"
	"goalgap/lib/world"
)

// watch records people in the given games, some episodes in each.
func watch(t *testing.T, episodes int, levels env.Levels, seed uint64, games ...coinrun.Config) *human.Demonstrations {
	t.Helper()
	var kinds []human.Kind
	for _, g := range games {
		kinds = append(kinds, human.Kind{
			Name: g.String(), Make: coinrunner.Maker(g, coinrunner.Default()),
			Levels: levels, Episodes: episodes, Person: human.DefaultPerson(),
		})
	}
	d, err := human.Demonstrate(context.Background(), kinds, human.Config{Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The whole argument with one seed: people are watched in many kinds of levels, a world model learns to predict them, a
// reward is extracted from it, and PPO is trained on that reward with the coin always at the end. The reward should
// still tell coins from all else where the coin is moved, and the policy should do as well as one trained on the true
// reward, which need not be well.
func TestChain(t *testing.T) {
	if testing.Short() {
		t.Skip("trains a world model and three policies")
	}
	ctx := context.Background()
	hardEnd, hardMoved := coinrun.Config{Variant: coinrun.RandomCoin}, coinrun.Config{Variant: coinrun.RandomCoin, RandomPercent: 100}
	wall := coinrun.Config{Variant: coinrun.ModWall, Mode: coinrun.Easy, RandomPercent: 100}
	half := end
	half.RandomPercent = 50
	seen := env.Levels{Start: 10_000_000, Count: 1_000_000}
	fresh := env.Levels{Start: 20_000_000, Count: 1_000_000}
	kinds := []coinrun.Config{end, moved, hardEnd, hardMoved}

	d := watch(t, 750, seen, 1, kinds...)
	model, err := world.Train(ctx, d, world.Default())
	if err != nil {
		t.Fatal(err)
	}
	baselines, err := model.Fit(d)
	if err != nil {
		t.Fatal(err)
	}
	var scenes []reward.Scene
	for _, g := range kinds {
		scenes = append(scenes, reward.Scene{
			Make:   func() (env.Env, error) { return coinrun.New(g) },
			Levels: seen, Count: 250,
		})
	}
	found, err := reward.Extract(ctx, model, scenes, shift.Contacts{}, reward.Default())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%v: %.2f, from %.2f to %.2f", found.Names, found.Weight, found.Lo, found.Hi)
	for _, g := range append(kinds, wall) {
		test := watch(t, 100, fresh, 2, g)
		r, err := model.Evaluate(test, baselines, 1)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%v: person %v, over frequencies %v, over repetition %v; world %v, over frequencies %v",
			g, r.Person, r.OverMarginal, r.OverRepeat, r.World, r.WorldOver)
		for _, f := range []reward.Func{found, reward.Ended{}} {
			q, err := reward.Compare(f, shift.CoinReward{}, test, reward.DefaultEPIC())
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%v: %T: AUROC %v, among %d + %d endings %v; EPIC %v", g, f, q.AUROC, q.Events, q.OtherEndings, q.AUROCEndings, q.EPIC)
			if f == reward.Func(found) && q.AUROC.Estimate < 0.99 {
				t.Errorf("%v: AUROC %v of the extracted reward, want at least 0.99", g, q.AUROC)
			}
		}
	}

	var coins []float64
	for _, run := range []struct {
		name   string
		reward ppo.Rewarder
		game   coinrun.Config
	}{{"true reward", nil, end}, {"extracted reward", found, end}, {"true reward, coin moved in half of the levels", nil, half}} {
		cfg := ppo.Default()
		cfg.Steps, cfg.Envs, cfg.Rollout = 1_500_000, 64, 128
		cfg.Minibatches, cfg.Epochs, cfg.LearningRate = 8, 3, 1e-3
		cfg.Reward, cfg.ScaleReward = run.reward, true
		result, err := ppo.Train(ctx, func() (env.Env, error) { return coinrun.New(run.game) }, env.Levels{Count: 100_000}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		var levels []int64
		for i := range int64(500) {
			levels = append(levels, 1_000_000+i)
		}
		out, err := shift.Evaluate(ctx, []shift.Policy{shift.PPO(run.name, result.Policy)}, []coinrun.Config{end, moved}, levels, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range out {
			s := e.Summarize(nil)
			t.Logf("%s (%.1f s), in %v: coin %v, end %v, death %v, timeout %v", run.name, result.Elapsed.Seconds(), e.Game, s.Coin, s.End, s.Death, s.Timeout)
			coins = append(coins, s.Coin.Share())
		}
	}
	if coins[2] < coins[0]-0.15 {
		t.Errorf("with the coin at the end, the extracted reward teaches %.2f coins, the true one %.2f", coins[2], coins[0])
	}
}
