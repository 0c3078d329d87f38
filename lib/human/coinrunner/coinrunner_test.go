package coinrunner

import (
	"context"
	"testing"
	"time"

	"goalgap/lib/env/coinrun"
	"goalgap/lib/human"
)

// success returns the share of levels whose coin is had.
func success(t *testing.T, game coinrun.Config, n int) float64 {
	t.Helper()
	levels := make([]int64, n)
	for i := range levels {
		levels[i] = 500_000 + int64(i)
	}
	start := time.Now()
	out, err := Outcomes(context.Background(), game, Default(), human.DefaultPerson(), levels, 1)
	if err != nil {
		t.Fatal(err)
	}
	coins, steps := 0, 0
	first := map[coinrun.First]int{}
	for _, o := range out {
		first[o.First()]++
		steps += o.Steps
		if o.CoinStep != 0 {
			coins++
		}
	}
	t.Logf("%v: %d of %d coins; first %v; %.1f steps and %.2f ms an episode", game, coins, n, first,
		float64(steps)/float64(n), float64(time.Since(start).Milliseconds())/float64(n))
	return float64(coins) / float64(n)
}

func TestPeopleAreCompetent(t *testing.T) {
	n := 400
	if testing.Short() {
		n = 150
	}
	for _, c := range []struct {
		game  coinrun.Config
		least float64
	}{
		{coinrun.Config{Variant: coinrun.RandomCoin, Mode: coinrun.Easy}, 0.9},
		{coinrun.Config{Variant: coinrun.RandomCoin, Mode: coinrun.Easy, RandomPercent: 100}, 0.9},
		{coinrun.Config{Variant: coinrun.RandomCoin}, 0.75},
		{coinrun.Config{Variant: coinrun.RandomCoin, RandomPercent: 100}, 0.75},
		{coinrun.Config{Variant: coinrun.ModWall, Mode: coinrun.Easy}, 0.9},
	} {
		if got := success(t, c.game, n); got < c.least {
			t.Errorf("%v: %.1f%% of the coins, want at least %.0f%%", c.game, 100*got, 100*c.least)
		}
	}
}
