// Package cartpole is CartPole-v1: a pole hinged on a cart that moves along a track; pushes to the left or the right
// must keep the pole up.
//
// Reward: 1 for every step, that of the fall included. There is no tempting proxy and there is one distribution of
// levels: a level is only a starting state. It is here as the smallest test of a learning algorithm whose published
// results are known.
//
// Rules: Gymnasium, gymnasium/envs/classic_control/cartpole.py (after Barto, Sutton and Anderson 1983): Euler steps
// of 0.02 s in float64; the episode terminates when the cart leaves ±2.4 or the pole ±12°, and is truncated at 500
// steps.
package cartpole

import (
	"fmt"
	"math"
	"math/rand/v2"

	"goalgap/lib/env"
)

// The actions.
const (
	Left  = 0
	Right = 1
)

// MaxSteps is the length at which an episode is truncated.
const MaxSteps = 500

// The constants of the source, in SI units.
const (
	gravity        = 9.8
	cartMass       = 1.0
	poleMass       = 0.1
	totalMass      = poleMass + cartMass
	halfLength     = 0.5 // of the pole
	poleMassLength = poleMass * halfLength
	force          = 10.0
	tau            = 0.02 // seconds a step
	positionLimit  = 2.4
	angleLimit     = 12 * 2 * math.Pi / 360
	startLimit     = 0.05
)

// State is the physical state.
type State struct {
	Position, Velocity     float64 // of the cart, m and m/s
	Angle, AngularVelocity float64 // of the pole from upright, rad and rad/s
}

// Env is one CartPole-v1. Its observation is dense: position, velocity, angle, angular velocity.
type Env struct {
	state State
	steps int
	end   env.End
	pcg   rand.PCG
	rand  *rand.Rand
}

// New returns a CartPole-v1 at the start of level 0.
func New() *Env {
	e := new(Env)
	e.rand = rand.New(&e.pcg)
	e.Reset(0)
	return e
}

// Make is New in the form that env.NewVec and ppo.Train ask for; its error is always nil.
func Make() (env.Env, error) { return New(), nil }

// Spec says: 2 actions, 4 dense features, at most 500 steps.
func (e *Env) Spec() env.Spec {
	return env.Spec{Name: "CartPole-v1", Actions: 2, Dense: 4, MaxSteps: MaxSteps}
}

// Reset starts an episode at the level's state, whose four parts are uniform in ±0.05.
func (e *Env) Reset(seed int64) {
	e.pcg.Seed(uint64(seed), 0x43617274506f6c65) // the second half is "CartPole": a stream of this environment's own
	uniform := func() float64 { return startLimit * (2*e.rand.Float64() - 1) }
	e.state = State{uniform(), uniform(), uniform(), uniform()}
	e.steps = 0
	e.end = env.Running
}

// State returns the present state.
func (e *Env) State() State { return e.state }

// SetState puts the episode into a state, for pictures and tests; the count of steps goes on.
func (e *Env) SetState(s State) { e.state = s }

// Step pushes the cart for 0.02 s and returns 1 and how the episode stands. It panics after the episode's end and for
// an action other than Left and Right.
func (e *Env) Step(action int) (reward float32, end env.End) {
	if e.end != env.Running {
		panic("cartpole: step after the end of the episode")
	}
	push := force
	switch action {
	case Left:
		push = -force
	case Right:
	default:
		panic(fmt.Sprintf("cartpole: action %d; the actions are 0 (left) and 1 (right)", action))
	}
	s := &e.state
	sin, cos := math.Sin(s.Angle), math.Cos(s.Angle)
	temp := (push + poleMassLength*(s.AngularVelocity*s.AngularVelocity)*sin) / totalMass
	angular := (gravity*sin - cos*temp) / (halfLength * (4.0/3.0 - poleMass*(cos*cos)/totalMass))
	linear := temp - poleMassLength*angular*cos/totalMass
	s.Position += tau * s.Velocity
	s.Velocity += tau * linear
	s.Angle += tau * s.AngularVelocity
	s.AngularVelocity += tau * angular

	e.steps++
	switch {
	case math.Abs(s.Position) > positionLimit || math.Abs(s.Angle) > angleLimit:
		e.end = env.Terminated
	case e.steps >= MaxSteps:
		e.end = env.Truncated
	}
	return 1, e.end
}

// Observe writes the four parts of the state.
func (e *Env) Observe(_ []int32, dense []float32) {
	dense[0] = float32(e.state.Position)
	dense[1] = float32(e.state.Velocity)
	dense[2] = float32(e.state.Angle)
	dense[3] = float32(e.state.AngularVelocity)
}
