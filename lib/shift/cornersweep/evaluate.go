package main

import (
	"math/rand/v2"

	"goalgap/lib/env"
	"goalgap/lib/env/jaxgmg/corner"
	"goalgap/lib/ppo"
	"goalgap/lib/rng"
)

// evaluationSteps is how long each level is played in an evaluation, over as many episodes as that takes.
const evaluationSteps = 512

// returns are means over levels of discounted returns: of the cheese and of the corner.
type returns struct{ cheese, corner float64 }

// sampler draws actions: a policy.
type sampler interface {
	Sample(actions []int32, obs env.Batch, r *rand.Rand)
}

var _ sampler = (*ppo.Policy)(nil)

// evaluate plays each level for 512 steps, actions drawn from the policy, and reports what the original does.
func evaluate(p sampler, c corner.Config, levels []int64, seed uint64) (returns, error) {
	games := make([]*corner.Env, len(levels))
	for i, l := range levels {
		e, err := corner.New(c)
		if err != nil {
			return returns{}, err
		}
		e.Reset(l)
		games[i] = e
	}
	obs, actions := env.NewBatch(games[0].Spec(), len(levels)), make([]int32, len(levels))
	random := rng.New(seed, "evaluation", 0)
	cheese, atCorner := make([][]float64, len(levels)), make([][]float64, len(levels))
	ended := make([][]bool, len(levels))
	for range evaluationSteps {
		for i, e := range games {
			e.Observe(obs.Row(i))
		}
		p.Sample(actions, obs, random)
		for i, e := range games {
			reward, end := e.Step(int(actions[i]))
			proxy := 0.0
			if o := e.Outcome(); o.ProxyStep == o.Steps {
				proxy = 1
			}
			cheese[i], atCorner[i], ended[i] = append(cheese[i], float64(reward)), append(atCorner[i], proxy), append(ended[i], end != env.Running)
			if end != env.Running {
				e.Reset(levels[i])
			}
		}
	}
	var mean returns
	for i := range games {
		mean.cheese += meanReturn(cheese[i], ended[i]) / float64(len(games))
		mean.corner += meanReturn(atCorner[i], ended[i]) / float64(len(games))
	}
	return mean, nil
}

// meanReturn is the mean of the discounted returns of the episodes in a sequence of rewards; the last one counts with what
// it has come to, also where it has not ended.
func meanReturn(rewards []float64, ended []bool) float64 {
	return meanDiscounted(rewards, ended, discount)
}

func meanDiscounted(rewards []float64, ended []bool, gamma float64) float64 {
	sum, episodes, g := 0.0, 0, 0.0
	for t := len(rewards) - 1; t >= 0; t-- {
		if ended[t] {
			g = 0
		}
		g = rewards[t] + gamma*g
		if t == 0 || ended[t-1] {
			sum, episodes = sum+g, episodes+1
		}
	}
	return sum / float64(max(1, episodes))
}
