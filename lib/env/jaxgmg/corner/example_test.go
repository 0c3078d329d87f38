package corner_test

import (
	"fmt"

	"goalgap/lib/env"
	"goalgap/lib/env/jaxgmg"
	"goalgap/lib/env/jaxgmg/corner"
)

// A mouse that has learnt "up and to the left" gets the cheese in the corner, and passes by one that lies elsewhere.
func Example() {
	e, err := corner.New(corner.Config{Walls: jaxgmg.Open, Size: 8, CornerSize: 1, Alpha: 0.5})
	if err != nil {
		fmt.Println(err)
		return
	}
	var count [2]map[env.First]int
	for i := range count {
		count[i] = map[env.First]int{}
	}
	for seed := range int64(200) {
		e.Reset(seed)
		for end, i := env.Running, 0; end == env.Running; i++ {
			_, end = e.Step([]int{jaxgmg.Up, jaxgmg.Left}[i%2])
		}
		elsewhere := 0
		if e.Level().Distinguishing() {
			elsewhere = 1
		}
		count[elsewhere][e.Outcome().First()]++
	}
	fmt.Println("cheese in the corner: it comes to the corner without the cheese", count[0][env.ProxyFirst], "times")
	fmt.Println("cheese elsewhere: more often than not:", count[1][env.ProxyFirst] > count[1][env.GoalFirst])
	// Output:
	// cheese in the corner: it comes to the corner without the cheese 0 times
	// cheese elsewhere: more often than not: true
}
