package exact

import (
	"fmt"
	"math"

	"goalgap/lib/env"
	"goalgap/lib/env/tabular"
	"goalgap/lib/reward"
)

// Ask puts a model of people into every state of a world and returns the policy [states × actions] that it predicts, with
// habit taken out: an action's probability is averaged over the previous actions other than it, as in reward.Extract.
// levels are environments, each in the level of that number in w; their rewards are not looked at, and they are left in
// another state. After the end of an episode every action is as probable. It is an error if the levels are not those of w.
func Ask(w *tabular.World, people reward.ActionModel, levels []tabular.Env) ([]float64, error) {
	if len(levels) != w.Levels() {
		return nil, fmt.Errorf("exact: asking a model in %d levels of a world of %d", len(levels), w.Levels())
	}
	n := w.Actions()
	spec := levels[0].Spec()
	if err := spec.RequireDiscrete("exact"); err != nil {
		return nil, err
	}
	if spec.Actions != n {
		return nil, fmt.Errorf("exact: asking a model in levels of %d actions of a world of %d", spec.Actions, n)
	}
	policy := make([]float64, w.States()*n)
	obs := env.NewBatch(spec, n)
	previous, logProbs := make([]int32, n), make([]float32, n*n)
	for a := range previous {
		previous[a] = int32(a)
	}
	for s, place := range w.Places {
		row := policy[s*n : (s+1)*n]
		if place.Terminal {
			fill(row, 1/float64(n))
			continue
		}
		e := levels[place.Level]
		e.SetState(place.State)
		for a := range n {
			e.Observe(obs.Row(a))
		}
		people.ActionLogProbs(logProbs, obs, previous)
		sum := 0.0
		for a := range row {
			for before := range n {
				if before != a || n == 1 {
					row[a] += math.Exp(float64(logProbs[before*n+a]))
				}
			}
			sum += row[a]
		}
		for a := range row {
			row[a] /= sum
		}
	}
	if err := w.CheckPolicy(policy); err != nil {
		return nil, fmt.Errorf("exact: what the model of people predicts: %w", err)
	}
	return policy, nil
}
