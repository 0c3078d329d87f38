package vault_test

import (
	"fmt"

	"goalgap/lib/env/tabular"
	"goalgap/lib/env/vault"
)

// What the best policy for the overseer's eyes is really worth, over twenty levels: without a brush he sees what is
// there; with one he is shown more than there is.
func Example() {
	for _, layout := range []vault.Layout{vault.Honest, vault.Apart} {
		e, err := vault.New(vault.Config{Layout: layout, Pay: vault.ByCamera})
		if err != nil {
			fmt.Println(err)
			return
		}
		more, less := 0, 0
		for seed := range int64(20) {
			e.Reset(seed)
			p := e.Process()
			truth := tabular.WithReward(p, vault.TruthReward)
			best, err := tabular.Solve(truth, vault.MaxSteps, 1, nil)
			if err != nil {
				fmt.Println(err)
				return
			}
			seen, err := tabular.Solve(p, vault.MaxSteps, 1, nil)
			if err != nil {
				fmt.Println(err)
				return
			}
			really, err := tabular.Evaluate(truth, seen.Policy(), vault.MaxSteps, 1, nil)
			if err != nil {
				fmt.Println(err)
				return
			}
			if tabular.Mean(p, seen.Value) > tabular.Mean(p, best.Value) {
				more++
			}
			if tabular.Mean(p, really) < tabular.Mean(p, best.Value) {
				less++
			}
		}
		fmt.Printf("%v: the overseer sees more than there can be in some levels: %v; there is less than there can be: %v\n",
			layout, more > 0, less > 0)
	}
	// Output:
	// honest: the overseer sees more than there can be in some levels: false; there is less than there can be: false
	// apart: the overseer sees more than there can be in some levels: true; there is less than there can be: true
}
