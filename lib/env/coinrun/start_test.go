package coinrun

import (
	"testing"

	"goalgap/lib/env"
)

func TestStartAnywhere(t *testing.T) {
	left, right := 0, 0
	columns := map[int]int{}
	for _, mode := range []Mode{Easy, Hard} {
		usual, err := New(Config{Mode: mode, Variant: RandomCoin, RandomPercent: 100})
		if err != nil {
			t.Fatal(err)
		}
		e, err := New(Config{Mode: mode, Variant: RandomCoin, RandomPercent: 100, StartAnywhere: true})
		if err != nil {
			t.Fatal(err)
		}
		for seed := range int64(500) {
			usual.Reset(seed)
			e.Reset(seed)
			if e.Level().String() != usual.Level().String() {
				t.Fatalf("seed %d: the layout changed", seed)
			}
			start := e.Agent()
			columns[int(start.X)]++
			if coin := float32(e.Level().Coin.X); start.X > coin {
				left++
			} else {
				right++
			}
			// Whoever stands still for three steps is alive, has touched nothing and has not fallen.
			for range 3 {
				if _, end := e.Step(Action(0, 0)); end != env.Running {
					t.Fatalf("seed %d: the start at %v ends the episode: %+v", seed, start, e.Outcome())
				}
			}
			if a := e.Agent(); a.X != start.X || a.Y > start.Y || start.Y-a.Y > 0.1 || e.Outcome().CoinStep != 0 {
				t.Fatalf("seed %d: the agent did not stand at %+v but came to %+v", seed, start, a)
			}
			e.Reset(seed)
			if e.Agent() != start {
				t.Fatalf("seed %d: the start changed from %+v to %+v", seed, start, e.Agent())
			}
		}
	}
	if left < 200 || right < 200 || len(columns) < 15 {
		t.Errorf("%d starts have the coin on the left, %d on the right, in %d columns", left, right, len(columns))
	}
}
