// Package reward pulls a reward function out of a model of people (Step 2), and measures how far a reward function is
// from another one.
//
// Func is what a reward function is; an extraction method returns one, and ppo.Config.Reward takes one. Extract is the
// method: inverse soft-Q learning with successor features. Compare measures (AUROC, EPIC) a reward function against the
// true one; extraction itself never sees the true one.
package reward

import "goalgap/lib/env"

// Func is a reward function of transitions. Its method set is that of ppo.Rewarder.
type Func interface {
	// Rewards writes to dst[i] the reward for taking actions[i] on seeing row i of obs, which led to row i of next, and
	// with which the episode stood as end[i] says.
	Rewards(dst []float32, obs env.Batch, actions []int32, next env.Batch, end []env.End)
}

// Ended is the reward of a learner that has noticed nothing but that play stops where people got what they wanted: 1
// where the rules ended the episode and 0 elsewhere. It is the baseline that shows what the length of episodes gives
// away (the documentation of imitation calls this the trap of variable horizons): where episodes end at the rewarded
// event it ranks events perfectly against ordinary steps, and knows nothing about which ending was a good one.
type Ended struct{}

// Rewards implements Func.
func (Ended) Rewards(dst []float32, _ env.Batch, _ []int32, _ env.Batch, end []env.End) {
	for i, e := range end {
		dst[i] = 0
		if e == env.Terminated {
			dst[i] = 1
		}
	}
}
