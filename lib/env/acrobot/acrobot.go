// Package acrobot is Acrobot-v1: two links that hang from a fixed point, with a motor at the joint between them only,
// which must swing the free end above a height.
//
// Reward: -1 for every step but the one that reaches the height, so the return is 1 minus the episode's length where it
// is reached. There is no tempting proxy and there is one distribution of levels: a level is only a starting state. It
// is here as a test of a learning algorithm whose published results are known.
//
// Rules: Gymnasium, gymnasium/envs/classic_control/acrobot.py, with the dynamics of Sutton and Barto's book: one step of
// the fourth-order Runge-Kutta method for 0.2 s; the episode terminates when the free end is more than 1 m above the
// fixed point and is truncated at 500 steps.
package acrobot

import (
	"fmt"
	"math"
	"math/rand/v2"

	"goalgap/lib/env"
)

// MaxSteps is the length at which an episode is truncated.
const MaxSteps = 500

// The constants of the source, in SI units; the two links are alike.
const (
	mass      = 1.0
	length    = 1.0
	center    = 0.5 // of mass, from the link's upper end
	inertia   = 1.0 // about the centre of mass
	gravity   = 9.8
	tau       = 0.2 // seconds a step
	topSpeed1 = 4 * math.Pi
	topSpeed2 = 9 * math.Pi
	height    = 1.0 // to be reached, above the fixed point
	start     = 0.1
)

// State is the physical state: Angle1 of the upper link from hanging down, Angle2 of the lower link from the direction
// of the upper one, in rad from -π to π, and their rates in rad/s.
type State struct{ Angle1, Angle2, Rate1, Rate2 float64 }

// Env is one Acrobot-v1. Its observation is dense: cosine and sine of the first angle, those of the second, and the two
// rates.
type Env struct {
	state State
	steps int
	end   env.End
	pcg   rand.PCG
	rand  *rand.Rand
}

// New returns an Acrobot-v1 at the start of level 0.
func New() *Env {
	e := new(Env)
	e.rand = rand.New(&e.pcg)
	e.Reset(0)
	return e
}

// Make is New in the form that env.NewVec and ppo.Train ask for; its error is always nil.
func Make() (env.Env, error) { return New(), nil }

// Spec says: 3 actions (a torque of -1, 0 and 1 N m at the joint), 6 dense features, at most 500 steps.
func (e *Env) Spec() env.Spec {
	return env.Spec{Name: "Acrobot-v1", Actions: 3, Dense: 6, MaxSteps: MaxSteps}
}

// Reset starts an episode at the level's state, whose four parts are uniform in ±0.1.
func (e *Env) Reset(seed int64) {
	e.pcg.Seed(uint64(seed), 0x4163726f626f7421) // the second half is "Acrobot!": a stream of this environment's own
	uniform := func() float64 { return start * (2*e.rand.Float64() - 1) }
	e.state = State{uniform(), uniform(), uniform(), uniform()}
	e.steps = 0
	e.end = env.Running
}

// State returns the present state.
func (e *Env) State() State { return e.state }

// SetState puts the episode into a state, for pictures and tests; the count of steps goes on.
func (e *Env) SetState(s State) { e.state = s }

// plus returns s + h·d.
func (s State) plus(h float64, d State) State {
	return State{s.Angle1 + h*d.Angle1, s.Angle2 + h*d.Angle2, s.Rate1 + h*d.Rate1, s.Rate2 + h*d.Rate2}
}

// derivative returns the rates of change of a state under a torque at the joint: Sutton and Barto's equations of
// motion, in which d1, d2 and d3 are the inertias of the two links against the two angles, and phi1 and phi2 the moments
// of gravity, and of rotation, about the fixed point and the joint.
func (s State) derivative(torque float64) State {
	sin2, cos2 := math.Sincos(s.Angle2)
	d1 := mass*center*center + mass*(length*length+center*center+2*length*center*cos2) + 2*inertia
	d2 := mass*(center*center+length*center*cos2) + inertia
	const d3 = mass*center*center + inertia
	phi2 := mass * center * gravity * math.Sin(s.Angle1+s.Angle2)
	phi1 := -mass*length*center*(s.Rate2*s.Rate2+2*s.Rate2*s.Rate1)*sin2 +
		(mass*center+mass*length)*gravity*math.Sin(s.Angle1) + phi2
	rate2 := (torque + d2/d1*phi1 - mass*length*center*s.Rate1*s.Rate1*sin2 - phi2) / (d3 - d2*d2/d1)
	return State{s.Rate1, s.Rate2, -(d2*rate2 + phi1) / d1, rate2}
}

// Step applies the torque action-1 for 0.2 s and returns -1, or 0 when the height is reached, and how the episode
// stands. It panics after the episode's end and for an action other than 0, 1 and 2.
func (e *Env) Step(action int) (reward float32, end env.End) {
	if e.end != env.Running {
		panic("acrobot: step after the end of the episode")
	}
	if action < 0 || action > 2 {
		panic(fmt.Sprintf("acrobot: action %d; the actions are 0, 1 and 2", action))
	}
	torque, s := float64(action-1), e.state
	k1 := s.derivative(torque)
	k2 := s.plus(tau/2, k1).derivative(torque)
	k3 := s.plus(tau/2, k2).derivative(torque)
	k4 := s.plus(tau, k3).derivative(torque)
	s = s.plus(tau/6, k1).plus(tau/3, k2).plus(tau/3, k3).plus(tau/6, k4)
	s.Angle1, s.Angle2 = wrap(s.Angle1), wrap(s.Angle2)
	s.Rate1 = max(-topSpeed1, min(topSpeed1, s.Rate1))
	s.Rate2 = max(-topSpeed2, min(topSpeed2, s.Rate2))
	e.state = s

	e.steps++
	switch {
	case -length*math.Cos(s.Angle1)-length*math.Cos(s.Angle1+s.Angle2) > height:
		e.end = env.Terminated
		return 0, e.end
	case e.steps >= MaxSteps:
		e.end = env.Truncated
	}
	return -1, e.end
}

// wrap brings an angle to -π to π.
func wrap(angle float64) float64 {
	for angle > math.Pi {
		angle -= 2 * math.Pi
	}
	for angle < -math.Pi {
		angle += 2 * math.Pi
	}
	return angle
}

// Observe writes the six features.
func (e *Env) Observe(_ []int32, dense []float32) {
	sin1, cos1 := math.Sincos(e.state.Angle1)
	sin2, cos2 := math.Sincos(e.state.Angle2)
	dense[0], dense[1], dense[2], dense[3] = float32(cos1), float32(sin1), float32(cos2), float32(sin2)
	dense[4], dense[5] = float32(e.state.Rate1), float32(e.state.Rate2)
}
