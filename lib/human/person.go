// Package human simulates people who play a game: they plan toward what they value, choose the better actions more
// often than the worse ones, repeat themselves out of habit, and make mistakes. Their play is recorded, without any
// reward, as demonstrations for a world model to learn from.
//
// A person's choice is Boltzmann-rational (Ziebart 2010; Ramachandran and Amir, "Bayesian Inverse Reinforcement
// Learning", 2007): with Q(s,a) what the person believes action a to be worth,
//
//	π(a | s, previous) = ε/|A| + (1-ε) [ η 1(a = previous) + (1-η) exp(β Q(s,a)) / Σ exp(β Q(s,·)) ],
//
// where β is the rationality, η the habit and ε the rate of mistakes. What the person values and how it plans depends
// on the game and is the business of a Player, one package a game (coinrunner below this folder).
package human

import (
	"fmt"
	"math"

	"goalgap/lib/env"
)

// Person is how somebody turns the worth of actions into a choice. Start from DefaultPerson.
type Person struct {
	// Rationality is β, in nats per unit of value; 0 is indifference; default 100.
	Rationality float64
	// Habit is η, the probability of doing what was done the step before; default 0.05.
	Habit float64
	// Mistake is ε, the probability of an action drawn uniformly; default 0.02.
	Mistake float64
}

// DefaultPerson returns the defaults.
func DefaultPerson() Person { return Person{Rationality: 100, Habit: 0.05, Mistake: 0.02} }

// Check returns an error that names the first field without a sensible value.
func (p Person) Check() error {
	switch {
	case !(p.Rationality >= 0) || math.IsInf(p.Rationality, 0):
		return fmt.Errorf("human: person: Rationality is %v, want a number from 0 up", p.Rationality)
	case !(p.Habit >= 0 && p.Habit <= 1):
		return fmt.Errorf("human: person: Habit is %v, want a probability", p.Habit)
	case !(p.Mistake >= 0 && p.Mistake <= 1):
		return fmt.Errorf("human: person: Mistake is %v, want a probability", p.Mistake)
	}
	return nil
}

// Probabilities writes to dst [actions] the probability of each action, given what each is worth and the action before
// (-1 where there was none, and with it no habit). dst may be values itself.
func (p Person) Probabilities(dst, values []float64, previous int32) {
	dst = dst[:len(values)]
	top := math.Inf(-1)
	for _, v := range values {
		top = max(top, v)
	}
	sum := 0.0
	for i, v := range values {
		dst[i] = math.Exp(p.Rationality * (v - top))
		sum += dst[i]
	}
	habit := p.Habit
	if previous < 0 {
		habit = 0
	}
	for i := range dst {
		dst[i] = p.Mistake/float64(len(dst)) + (1-p.Mistake)*(1-habit)*dst[i]/sum
	}
	if previous >= 0 {
		dst[previous] += (1 - p.Mistake) * habit
	}
}

// Player is a game together with somebody's opinion about it.
type Player interface {
	env.Env

	// ActionValues writes to dst [Spec().Actions] what each action is worth to the person in the present state: the
	// return it expects, in the units of its own values. It leaves the game as it is.
	ActionValues(dst []float64)
}
