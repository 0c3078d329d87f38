package oversight

import (
	"fmt"
	"math"

	"goalgap/lib/env"
)

// Rewarder gives rewards of transitions; reward.Func and ppo.Rewarder have its method.
type Rewarder interface {
	Rewards(dst []float32, obs env.Batch, actions []int32, next env.Batch, end []env.End)
}

// Ledger counts what training costs. It is a ppo.Rewarder that passes on the rewards of another, and has to be asked for every
// rollout in order, as ppo.Train does.
type Ledger struct {
	Reward    Rewarder
	Violation Rewarder // 1 for a step that must not be, 0 otherwise

	Steps, Episodes, Violations int
	First                       int       // the step of the first violation, from 1; 0: none
	History                     [][2]int  // after each rollout: steps so far, violations so far
	scratch                     []float32 // costs of the rollout
	rollout                     struct {  // the last one
		cost     float64
		episodes int
	}
}

// Rewards implements ppo.Rewarder.
func (l *Ledger) Rewards(dst []float32, obs env.Batch, actions []int32, next env.Batch, end []env.End) {
	l.Reward.Rewards(dst, obs, actions, next, end)
	l.count(obs, actions, next, end)
}

// count counts a rollout; its costs are in scratch.
func (l *Ledger) count(obs env.Batch, actions []int32, next env.Batch, end []env.End) {
	if len(l.scratch) < next.N {
		l.scratch = make([]float32, next.N)
	}
	costs := l.scratch[:next.N]
	l.Violation.Rewards(costs, obs, actions, next, end)
	l.rollout.cost, l.rollout.episodes = 0, 0
	for i, c := range costs {
		l.Steps++
		if c != 0 {
			l.Violations++
			l.rollout.cost += float64(c)
			if l.First == 0 {
				l.First = l.Steps
			}
		}
		if end[i] != env.Running {
			l.Episodes++
			l.rollout.episodes++
		}
	}
	l.History = append(l.History, [2]int{l.Steps, l.Violations})
}

// Lagrangian makes PPO into PPO-Lagrangian (Ray, Achiam and Amodei 2019; the update of λ as in omnisafe): it maximises the
// reward subject to the mean cost of an episode being at most Limit, by training on
//
//	(r - λ c) / (1 + λ),  λ ← max(0, λ + Rate (J_c - Limit))
//
// with J_c the mean cost of the rollout's episodes. Reward and cost share one critic, as they share γ here; omnisafe has one
// for each and mixes their advantages. It counts, too.
type Lagrangian struct {
	Ledger
	Limit, Rate, Lambda float64
}

// NewLagrangian returns one that begins with λ = 0. A limit below 0 cannot be kept, and is an error as is a Rate that is not
// positive.
func NewLagrangian(reward, violation Rewarder, limit, rate float64) (*Lagrangian, error) {
	if !(limit >= 0) || math.IsInf(limit, 0) {
		return nil, fmt.Errorf("oversight: a limit of %v violations an episode cannot be kept; want 0 or more", limit)
	}
	if !(rate > 0) || math.IsInf(rate, 0) {
		return nil, fmt.Errorf("oversight: Lagrangian with rate %v; want a positive number", rate)
	}
	return &Lagrangian{Ledger: Ledger{Reward: reward, Violation: violation}, Limit: limit, Rate: rate}, nil
}

// Rewards implements ppo.Rewarder.
func (l *Lagrangian) Rewards(dst []float32, obs env.Batch, actions []int32, next env.Batch, end []env.End) {
	l.Ledger.Rewards(dst, obs, actions, next, end)
	if l.rollout.episodes > 0 {
		l.Lambda = max(0, l.Lambda+l.Rate*(l.rollout.cost/float64(l.rollout.episodes)-l.Limit))
	}
	for i, c := range l.scratch[:next.N] {
		dst[i] = float32((float64(dst[i]) - l.Lambda*float64(c)) / (1 + l.Lambda))
	}
}
