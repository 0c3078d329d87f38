package coinrun_test

import (
	"fmt"

	"goalgap/lib/env"
	"goalgap/lib/env/coinrun"
)

// An agent that only runs and jumps to the right, on a level whose coin stands at a random place: it jumps past the
// coin and stays at the end of the level until the time is up.
func Example() {
	e, err := coinrun.New(coinrun.Config{
		Mode: coinrun.Easy, Variant: coinrun.RandomCoin, RandomPercent: 100,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	e.Reset(19)
	for end := env.Running; end == env.Running; {
		_, end = e.Step(coinrun.Action(1, 1))
	}
	o := e.Outcome()
	fmt.Println("first:", o.First(), "return:", o.Return, "episode:", o.Ended)
	// Output: first: end return: 0 episode: truncated
}

// A seed has one layout whatever the share of random coins; only coin and marker change places.
func ExampleGenerate() {
	for _, percent := range []int{0, 100} {
		l, err := coinrun.Generate(coinrun.Config{
			Mode: coinrun.Easy, Variant: coinrun.RandomCoin, RandomPercent: percent,
		}, 1)
		if err != nil {
			fmt.Println(err)
			return
		}
		marker, _ := l.Marker()
		fmt.Println("coin", l.Coin, "end", l.End, "marker", marker)
	}
	// Output:
	// coin {18 5} end {18 5} marker {13 5}
	// coin {13 5} end {18 5} marker {18 5}
}

func ExampleDescribeIndex() {
	fmt.Println(coinrun.DescribeIndex(coinrun.Index(coinrun.PlaneCoin, 3, 1)))
	fmt.Println(coinrun.DescribeIndex(coinrun.Index(coinrun.PlaneSaw, -2, 0)))
	// Output:
	// coin, 3 right, 1 up
	// saw, 2 left
}
