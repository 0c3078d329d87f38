// Package mountaincar is MountainCar-v0: a car in a valley, whose engine is too weak to climb the hill on the right from
// standing; it must swing back and forth to reach the flag there.
//
// Reward: -1 for every step, that of the arrival included, so the return is minus the episode's length. There is no
// tempting proxy and there is one distribution of levels: a level is only a starting position. It is here as the
// smallest test of exploration: plain PPO fails on it (-200), with normalised observations and rewards it learns.
//
// Rules: Gymnasium, gymnasium/envs/classic_control/mountain_car.py (after Moore 1990); the episode terminates at
// position 0.5 and is truncated at 200 steps.
package mountaincar

import (
	"fmt"
	"math"
	"math/rand/v2"

	"goalgap/lib/env"
)

// The actions.
const (
	Left  = 0
	Coast = 1
	Right = 2
)

// MaxSteps is the length at which an episode is truncated.
const MaxSteps = 200

// The constants of the source; a step is the unit of time.
const (
	leftEnd  = -1.2
	rightEnd = 0.6
	goal     = 0.5
	topSpeed = 0.07
	engine   = 0.001
	gravity  = 0.0025

	startLow  = -0.6
	startHigh = -0.4
)

// State is the physical state.
type State struct{ Position, Velocity float64 }

// Env is one MountainCar-v0. Its observation is dense: position, velocity.
type Env struct {
	state State
	steps int
	end   env.End
	pcg   rand.PCG
	rand  *rand.Rand
}

// New returns a MountainCar-v0 at the start of level 0.
func New() *Env {
	e := new(Env)
	e.rand = rand.New(&e.pcg)
	e.Reset(0)
	return e
}

// Make is New in the form that env.NewVec and ppo.Train ask for; its error is always nil.
func Make() (env.Env, error) { return New(), nil }

// Spec says: 3 actions, 2 dense features, at most 200 steps.
func (e *Env) Spec() env.Spec {
	return env.Spec{Name: "MountainCar-v0", Actions: 3, Dense: 2, MaxSteps: MaxSteps}
}

// Reset starts an episode at the level's position, uniform in -0.6 to -0.4, at rest.
func (e *Env) Reset(seed int64) {
	e.pcg.Seed(uint64(seed), 0x4d6f756e7461696e) // the second half is "Mountain": a stream of this environment's own
	e.state = State{Position: startLow + (startHigh-startLow)*e.rand.Float64()}
	e.steps = 0
	e.end = env.Running
}

// State returns the present state.
func (e *Env) State() State { return e.state }

// SetState puts the episode into a state, for pictures and tests; the count of steps goes on.
func (e *Env) SetState(s State) { e.state = s }

// Step runs the engine for a step and returns -1 and how the episode stands. It panics after the episode's end and for
// an action other than Left, Coast and Right.
func (e *Env) Step(action int) (reward float32, end env.End) {
	if e.end != env.Running {
		panic("mountaincar: step after the end of the episode")
	}
	if action < Left || action > Right {
		panic(fmt.Sprintf("mountaincar: action %d; the actions are 0 (left), 1 (coast) and 2 (right)", action))
	}
	s := &e.state
	s.Velocity += float64(action-Coast)*engine - math.Cos(3*s.Position)*gravity
	s.Velocity = max(-topSpeed, min(topSpeed, s.Velocity))
	s.Position = max(leftEnd, min(rightEnd, s.Position+s.Velocity))
	if s.Position == leftEnd && s.Velocity < 0 { // a wall that swallows the impact
		s.Velocity = 0
	}

	e.steps++
	switch {
	case s.Position >= goal && s.Velocity >= 0:
		e.end = env.Terminated
	case e.steps >= MaxSteps:
		e.end = env.Truncated
	}
	return -1, e.end
}

// Observe writes position and velocity.
func (e *Env) Observe(_ []int32, dense []float32) {
	dense[0], dense[1] = float32(e.state.Position), float32(e.state.Velocity)
}
