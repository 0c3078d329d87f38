package exact

import (
	"fmt"
	"math"

	"goalgap/lib/env/tabular"
)

// AIRLConfig is how to extract by [AIRL]. Start from DefaultAIRL.
type AIRLConfig struct {
	Rounds       int     // of discriminator steps and a new policy; default 2000
	Updates      int     // discriminator steps a round; default 2 (imitation's)
	LearningRate float64 // of the discriminator's Adam, falling linearly to 0; default 0.3
	Ridge        float64 // weight of the prior that rewards are small, of half their squares; default 1e-6
}

// DefaultAIRL returns the defaults.
func DefaultAIRL() AIRLConfig {
	return AIRLConfig{Rounds: 2000, Updates: 2, LearningRate: 0.3, Ridge: 1e-6}
}

// AIRLResult is a reward found by [AIRL], in nats.
type AIRLResult struct {
	Linear              // g, with the shaping taken out
	Potential []float64 // [states] h
	Confusion float64   // mean probability that the discriminator gives the truth at the end; ½ if people and policy are alike

	w        *tabular.World
	of       []float64 // g of each state
	discount float64
}

// Shaped is f = g(s') + γh(s') - h(s), what the discriminator learns.
func (r *AIRLResult) Shaped() tabular.Reward {
	return func(s, _, next int) float64 { return r.of[next] + r.discount*r.Potential[next] - r.Potential[s] }
}

// AIRL extracts a reward by adversarial inverse reinforcement learning (Fu, Luo and Levine 2018): a discriminator
// D = exp f / (exp f + π(a|s)) tells people's steps from those of a policy π, which is trained on log D - log(1-D) =
// f - log π, that is, to be soft-optimal for f. f is a reward and a potential,
//
//	f(s,s') = g(s') + γ h(s') - h(s),
//
// with g linear in features and h free; g alone is the result, so that shaping is taken out. Both sides of the
// discriminator's loss are expectations over the exact occupancies, and the policy is the exact soft plan for f, which is
// that for g.
//
// The errors are those of [SoftQ], and also a policy that the discriminator still tells from people at the end.
// Where the world is deterministic and every state leads on to others in such a way that potentials cannot imitate rewards,
// g is people's reward but for a constant (their theorem 5.1).
func AIRL(w *tabular.World, people *Behaviour, f *Features, cfg AIRLConfig) (*AIRLResult, error) {
	if err := readable(w, people, f); err != nil {
		return nil, fmt.Errorf("exact: AIRL: %w", err)
	}
	if cfg.Rounds < 1 || cfg.Updates < 1 || !(cfg.LearningRate > 0) || !(cfg.Ridge >= 0) {
		return nil, fmt.Errorf("exact: AIRL: config %+v; want Rounds and Updates at least 1, LearningRate above 0 and Ridge 0 or more", cfg)
	}
	n, states, k, g := w.Actions(), w.States(), len(f.Names), people.Discount
	x := make([]float64, states+k) // h, then the weights of g
	for h := range x[:states] {    // the soft value of no reward, from which both sides start
		x[h] = math.Log(float64(n)) / (1 - g)
	}
	grad, of := make([]float64, len(x)), make([]float64, states)
	m1, m2 := make([]float64, len(x)), make([]float64, len(x))
	var plan *tabular.SoftPlan
	var start []float64
	steps := 0
	confusion := 0.0
	for round := range cfg.Rounds {
		var err error
		if plan, err = w.Soft(f.expected(w, x[states:]), g, 1, nil, start, 1e-5); err != nil {
			return nil, fmt.Errorf("exact: AIRL: round %d: %w", round, err)
		}
		start = plan.Value
		ours, err := w.Occupancy(plan.Policy, people.Start, g, 1e-5)
		if err != nil {
			return nil, fmt.Errorf("exact: AIRL: round %d: %w", round, err)
		}
		for range cfg.Updates {
			for s, row := range f.Of {
				of[s] = dot(x[states:], row)
			}
			clear(grad)
			confusion = 0
			for i, p := range plan.Policy {
				theirs, mine := people.Occupancy[i], ours[i]
				if theirs == 0 && mine == 0 {
					continue
				}
				s := i / n
				for _, m := range w.Moves(s, i%n) {
					logit := of[m.Next] + g*x[m.Next] - x[s] - math.Log(p)
					d := 1 / (1 + math.Exp(-logit))
					confusion += m.P * (theirs*d + mine*(1-d)) / 2
					slope := m.P * (mine*d - theirs*(1-d)) // of -E[log D] - E[log(1-D)]
					grad[m.Next] += g * slope
					grad[s] -= slope
					for j, v := range f.Of[m.Next] {
						grad[states+j] += slope * v
					}
				}
			}
			steps++
			rate := cfg.LearningRate * (1 - float64(round)/float64(cfg.Rounds))
			for j := range x {
				d := grad[j]
				if j >= states {
					d += cfg.Ridge * x[j]
				}
				m1[j] += 0.1 * (d - m1[j])
				m2[j] += 0.001 * (d*d - m2[j])
				step := rate * m1[j] / (1 - math.Pow(0.9, float64(steps))) / (math.Sqrt(m2[j]/(1-math.Pow(0.999, float64(steps)))) + 1e-8)
				if x[j] -= step; math.IsNaN(x[j]) {
					return nil, fmt.Errorf("exact: AIRL diverged in round %d; try a smaller LearningRate (it is %g)", round, cfg.LearningRate)
				}
			}
		}
	}
	for s, row := range f.Of {
		of[s] = dot(x[states:], row)
	}
	if confusion > 0.55 {
		return nil, fmt.Errorf("exact: AIRL: after %d rounds the discriminator still tells people from the policy (right with probability %.2f); raise Rounds", cfg.Rounds, confusion)
	}
	r := &AIRLResult{Linear: Linear{Names: f.Names, Weight: x[states:]}, Potential: x[:states], Confusion: confusion, w: w, of: of, discount: g}
	var err error
	if r.Ambiguous, err = f.ambiguous(w, g); err != nil {
		return nil, fmt.Errorf("exact: AIRL: %w", err)
	}
	return r, nil
}
