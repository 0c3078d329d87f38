package tabular

import (
	"fmt"
	"math"

	"goalgap/lib/env"
	"goalgap/lib/rng"
)

// Check plays the levels with these seeds (level 0 if there are none), with random actions, and reports the first step
// in which an environment does what its Process rules out: a state that has no probability there, another reward, an
// end in a state that is not terminal or none in one that is. It also reports a Process that breaks its own laws, and
// a SetState that does not lead where State says.
func Check(makeEnv func() Env, seeds ...int64) error {
	if len(seeds) == 0 {
		seeds = []int64{0}
	}
	e, other := makeEnv(), makeEnv()
	name := e.Spec().Name
	for _, seed := range seeds {
		e.Reset(seed)
		other.Reset(seed)
		if err := e.Spec().RequireDiscrete("tabular"); err != nil {
			return err
		}
		p := e.Process()
		if _, err := write(p); err != nil {
			return fmt.Errorf("%s, level %d: %w", name, seed, err)
		}
		if p.Actions() != e.Spec().Actions {
			return fmt.Errorf("tabular: check %s, level %d: the process has %d actions and the environment %d",
				name, seed, p.Actions(), e.Spec().Actions)
		}
		if err := starts(p, e.State()); err != nil {
			return fmt.Errorf("tabular: check %s, level %d: %w", name, seed, err)
		}
		r := rng.New(uint64(seed), "tabular check", 0)
		end := env.Running
		for i := 0; end == env.Running; i++ {
			if i%8 == 7 {
				other.SetState(e.State())
				if other.State() != e.State() {
					return fmt.Errorf("tabular: check %s, level %d: set to state %d, it is in state %d",
						name, seed, e.State(), other.State())
				}
			}
			state, action := e.State(), r.IntN(p.Actions())
			var reward float32
			reward, end = e.Step(action)
			if err := agrees(p, state, action, e.State(), reward, end); err != nil {
				return fmt.Errorf("tabular: check %s, level %d, step %d: %w", name, seed, i+1, err)
			}
		}
	}
	return nil
}

func starts(p Process, state int) error {
	sum, found := 0.0, false
	for _, c := range p.AppendStarts(nil) {
		if c.State < 0 || c.State >= p.States() || !(c.P >= 0) {
			return fmt.Errorf("an episode begins in state %d with probability %v", c.State, c.P)
		}
		sum += c.P
		found = found || c.State == state && c.P > 0
	}
	if math.Abs(sum-1) > tolerance {
		return fmt.Errorf("the probabilities of the first states sum to %v", sum)
	}
	if !found {
		return fmt.Errorf("the episode begins in state %d, which has no probability", state)
	}
	return nil
}

func agrees(p Process, state, action, next int, reward float32, end env.End) error {
	found := false
	for _, t := range p.AppendTransitions(nil, state, action) {
		found = found || t.Next == next && t.P > 0 && float32(t.Reward) == reward
	}
	if !found {
		return fmt.Errorf("action %d leads from state %d to %d with reward %v, which has no probability",
			action, state, next, reward)
	}
	if (end == env.Terminated) != p.Terminal(next) {
		return fmt.Errorf("state %d: terminal is %v, but the episode is %v", next, p.Terminal(next), end)
	}
	return nil
}
