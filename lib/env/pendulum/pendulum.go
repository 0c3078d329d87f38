// Package pendulum is Pendulum-v1: a rod hangs from a motor too weak to lift it at once; it must be swung up and held.
//
// Reward: -(θ² + 0.1 θ̇² + 0.001 u²), with the angle θ from upright in [-π, π), the angular velocity θ̇ and the torque
// u, all before the step; it is at most 0 and at least -16.2736. There is no tempting proxy and there is one
// distribution of levels: a level is only a starting state. It is here as the smallest test of a learning algorithm with
// continuous actions whose published results are known.
//
// Rules: Gymnasium, gymnasium/envs/classic_control/pendulum.py, and its registration with a time limit of 200 steps:
// semi-implicit Euler steps of 0.05 s in float64; no state ends an episode, so each is truncated at 200 steps.
package pendulum

import (
	"fmt"
	"math"
	"math/rand/v2"

	"goalgap/lib/env"
)

// MaxSteps is the length at which an episode is truncated.
const MaxSteps = 200

// The constants of the source, in SI units.
const (
	maxSpeed  = 8.0
	maxTorque = 2.0
	tau       = 0.05 // seconds a step
	gravity   = 10.0
	mass      = 1.0
	length    = 1.0
)

// State is the physical state.
type State struct {
	Angle           float64 // from upright, rad; it counts full turns
	AngularVelocity float64 // rad/s
}

// Env is one Pendulum-v1. Its observation is dense: cos θ, sin θ and the angular velocity.
type Env struct {
	state State
	steps int
	end   env.End
	pcg   rand.PCG
	rand  *rand.Rand
}

// New returns a Pendulum-v1 at the start of level 0.
func New() *Env {
	e := new(Env)
	e.rand = rand.New(&e.pcg)
	e.Reset(0)
	return e
}

// Make is New in the form that env.NewVec and ppo.Train ask for; its error is always nil.
func Make() (env.Env, error) { return New(), nil }

// Spec says: actions of one number, the torque from -2 to 2 N·m; 3 dense features; 200 steps.
func (e *Env) Spec() env.Spec {
	return env.Spec{Name: "Pendulum-v1", Continuous: 1, Low: -maxTorque, High: maxTorque, Dense: 3, MaxSteps: MaxSteps}
}

// Reset starts an episode at the level's state: the angle is uniform in ±π, the angular velocity in ±1.
func (e *Env) Reset(seed int64) {
	e.pcg.Seed(uint64(seed), 0x50656e64756c756d) // the second half is "Pendulum": a stream of this environment's own
	uniform := func(limit float64) float64 { return limit * (2*e.rand.Float64() - 1) }
	e.state = State{uniform(math.Pi), uniform(1)}
	e.steps = 0
	e.end = env.Running
}

// State returns the present state.
func (e *Env) State() State { return e.state }

// SetState puts the episode into a state, for pictures and tests; the count of steps goes on.
func (e *Env) SetState(s State) { e.state = s }

// Step panics: actions are continuous.
func (e *Env) Step(int) (reward float32, end env.End) {
	panic("pendulum: step with a discrete action; actions are continuous, see StepContinuous")
}

// StepContinuous applies the torque action[0] in N·m, clipped to ±2, for 0.05 s. It panics after the episode's end and
// for an action that is not one number.
func (e *Env) StepContinuous(action []float32) (reward float32, end env.End) {
	if e.end != env.Running {
		panic("pendulum: step after the end of the episode")
	}
	if len(action) != 1 || action[0] != action[0] {
		panic(fmt.Sprintf("pendulum: action %v; an action is one number, the torque from -2 to 2", action))
	}
	u := max(-maxTorque, min(maxTorque, float64(action[0])))
	s := &e.state
	angle := normalize(s.Angle)
	cost := angle*angle + 0.1*(s.AngularVelocity*s.AngularVelocity) + 0.001*(u*u)
	s.AngularVelocity += (3*gravity/(2*length)*math.Sin(s.Angle) + 3.0/(mass*length*length)*u) * tau
	s.AngularVelocity = max(-maxSpeed, min(maxSpeed, s.AngularVelocity))
	s.Angle += s.AngularVelocity * tau

	e.steps++
	if e.steps >= MaxSteps {
		e.end = env.Truncated
	}
	return float32(-cost), e.end
}

// normalize brings an angle to [-π, π): Python's ((x+π) mod 2π) - π, whose remainder is never negative.
func normalize(x float64) float64 {
	r := math.Mod(x+math.Pi, 2*math.Pi)
	if r < 0 {
		r += 2 * math.Pi
	}
	return r - math.Pi
}

// Observe writes cos θ, sin θ and the angular velocity.
func (e *Env) Observe(_ []int32, dense []float32) {
	sin, cos := math.Sincos(e.state.Angle)
	dense[0], dense[1], dense[2] = float32(cos), float32(sin), float32(e.state.AngularVelocity)
}
