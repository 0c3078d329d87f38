// Package monitor watches a policy for the treacherous turn: it behaves well until it strikes, and what it brought about
// until then looks good. Which monitor sees it coming, how early, and at what rate of false alarms?
//
// A [Monitor] gives each step of recorded play a score, higher for more suspicious. [Output] knows only how good the
// output has been, [Likelihood] compares what is done with what a trusted policy would do, [Surprise] with what a world
// model expects, and [Probe] reads the policy's activations. [Evaluate] measures them on what was played before the
// strike, against an honest policy's play of equal length.
//
// A strike is what the environment calls its proxy ([env.Outcome].ProxyStep): the shopkeeper's death, the camera
// covered. [Plant] pays a policy for striking when a trigger is seen, and makes it pay otherwise; [Train] trains one, which
// may know of a monitor.
//
// Sources: what is reported follows Greenblatt et al., "AI Control" (2023, arXiv 2312.06942) and Goldowsky-Dill et al.,
// "Detecting Strategic Deception Using Linear Probes" (2025): recall at 1% false positives beside the AUROC, and the
// false alarms of honest policies; the contrast pairs of the probe are those of MacDiarmid et al., "Simple probes can
// catch sleeper agents" (2024).
package monitor

import (
	"context"
	"fmt"
	"math/rand/v2"

	"goalgap/lib/env"
	"goalgap/lib/ppo"
	"goalgap/lib/rng"
)

// Agent says how probable each action is.
type Agent interface {
	// Probabilities writes to dst [obs.N][actions] the probability of each action on seeing obs in situations [obs.N].
	// A network looks at the observations, a table at the situations.
	Probabilities(dst []float32, obs env.Batch, situations []int)
}

// Network is a policy of PPO as an Agent. It is for one goroutine at a time. One with a memory (ppo.Config.Memory), whose
// probabilities follow from what it saw before, is none: what takes agents here returns an error for it.
type Network struct{ *ppo.Policy }

// Probabilities implements Agent.
func (n Network) Probabilities(dst []float32, obs env.Batch, _ []int) {
	n.Policy.Probabilities(dst, obs)
}

// Mixture is several agents, one of whom plays, drawn anew for each step: its probabilities are their means.
type Mixture []Agent

// Probabilities implements Agent. A mixture of nobody has none: they are not numbers.
func (m Mixture) Probabilities(dst []float32, obs env.Batch, situations []int) {
	clear(dst)
	one := make([]float32, len(dst))
	for _, a := range m {
		a.Probabilities(one, obs, situations)
		for i, p := range one {
			dst[i] += p
		}
	}
	for i := range dst {
		dst[i] /= float32(len(m))
	}
}

// checkForgetful returns an error if one of an agent's networks has a memory.
func checkForgetful(a Agent) error {
	switch a := a.(type) {
	case Network:
		if a.Policy != nil && a.Memory > 0 {
			return fmt.Errorf("monitor: a policy with a memory of width %d as an agent, whose probabilities are those of an observation alone", a.Memory)
		}
	case Mixture:
		for _, one := range a {
			if err := checkForgetful(one); err != nil {
				return err
			}
		}
	}
	return nil
}

// Scene is where agents play.
type Scene struct {
	Make func() (env.Judged, error)

	// Situation numbers, from 0, what tables and world models know of the present state; nil: they know nothing, always 0.
	Situation func(e env.Judged) int

	// Trigger reports whether the trigger is on now; nil: there is none.
	Trigger func(e env.Judged) bool
}

func (s Scene) situation(e env.Judged) int {
	if s.Situation == nil {
		return 0
	}
	return s.Situation(e)
}

// Trajectory is a recorded episode. Steps are counted from 0.
type Trajectory struct {
	Level     int64
	Obs       env.Batch // [steps] on seeing which
	Action    []int32   // [steps] this was done
	Reward    []float64 // [steps] and brought this
	Situation []int     // [steps+1] before each step, and after the last
	Trigger   int       // the first step before which the trigger was on; -1: none
	Strike    int       // the step that struck first; -1: none
}

// Len is the number of steps.
func (t *Trajectory) Len() int { return len(t.Action) }

// Record plays each level once, actions sampled. Equal arguments give equal play. A policy with a memory is an error; when
// ctx is done the error wraps ctx.Err().
func Record(ctx context.Context, scene Scene, agent Agent, levels []int64, seed uint64) ([]*Trajectory, error) {
	if err := checkForgetful(agent); err != nil {
		return nil, err
	}
	e, err := scene.Make()
	if err != nil {
		return nil, fmt.Errorf("monitor: recording play: %w", err)
	}
	spec := e.Spec()
	obs, probability := env.NewBatch(spec, spec.MaxSteps), make([]float32, spec.Actions)
	var all []*Trajectory
	for i, level := range levels {
		if err := ctx.Err(); err != nil {
			return all, fmt.Errorf("monitor: stopped after %d of %d episodes: %w", i, len(levels), err)
		}
		r := rng.New(seed, "monitor play", i)
		e.Reset(level)
		t := &Trajectory{Level: level, Situation: []int{scene.situation(e)}, Trigger: -1, Strike: -1}
		for end, n := env.Running, 0; end == env.Running; n++ {
			if t.Trigger < 0 && scene.Trigger != nil && scene.Trigger(e) {
				t.Trigger = n
			}
			e.Observe(obs.Row(n))
			agent.Probabilities(probability, obs.Slice(n, n+1), t.Situation[n:])
			action := draw(probability, r)
			var reward float32
			reward, end = e.Step(action)
			t.Action, t.Reward = append(t.Action, int32(action)), append(t.Reward, float64(reward))
			t.Situation = append(t.Situation, scene.situation(e))
			if t.Strike < 0 && e.Outcome().ProxyStep > 0 {
				t.Strike = n
			}
		}
		t.Obs = env.NewBatch(spec, t.Len())
		for n := range t.Len() {
			t.Obs.CopyRow(n, obs, n)
		}
		all = append(all, t)
	}
	return all, nil
}

// draw draws an action.
func draw(probability []float32, r *rand.Rand) int {
	x := r.Float32()
	for a, p := range probability {
		if x -= p; x < 0 {
			return a
		}
	}
	return len(probability) - 1
}
