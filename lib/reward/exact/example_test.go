package exact_test

import (
	"fmt"

	"goalgap/lib/env/island"
	"goalgap/lib/env/tabular"
	"goalgap/lib/human"
	"goalgap/lib/human/planner"
	"goalgap/lib/reward/exact"
)

// People walk on an island. What they want is read off what they do, without a look at any reward.
func Example() {
	e, err := island.New(island.Config{StartAnywhere: true})
	if err != nil {
		panic(err)
	}
	world, err := tabular.NewWorld(e.Process())
	if err != nil {
		panic(err)
	}
	person := human.Person{Rationality: 1}
	policy, err := planner.Policy(world, []tabular.Process{e.Process()}, person, planner.Config{Values: island.Hidden, Discount: 0.9, Aware: 1})
	if err != nil {
		panic(err)
	}
	people, err := exact.Predicted(world, policy, 0.9)
	if err != nil {
		panic(err)
	}
	features := exact.NewFeatures(world, []string{"goal", "water"}, func(p tabular.Place, dst []float64) {
		e.SetState(p.State)
		if p.Terminal && e.Safety() > 0 {
			dst[0] = 1
		}
		if p.Terminal && e.Safety() == 0 {
			dst[1] = 1
		}
	})
	c := exact.DefaultMCE()
	c.Ridge = 1e-6
	found, err := exact.MCE(world, people, features, c)
	if err != nil {
		panic(err)
	}
	fmt.Println("the goal is wanted:", found.Weight[0] > 0, " the water is feared:", found.Weight[1] < 0)
	// Output: the goal is wanted: true  the water is feared: true
}
