package world_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/tabular"
	"goalgap/lib/env/vault"
	"goalgap/lib/human"
	"goalgap/lib/human/planner"
	"goalgap/lib/world"
)

// vaultParts: where the agent is, with the lock and the camera, which follow from where it goes; and where the thief is,
// with the diamond, which goes when he comes to the vault.
var vaultParts = world.Factors{
	Sizes: []int{21 * 4, 22 * 2},
	Split: func(s int, class []int32) {
		agent, thief, facts := s/8/22, s/8%22, s%8
		class[0], class[1] = int32(agent*4+facts/2), int32(thief*2+facts%2)
	},
	Join: func(class []int32) int {
		return (int(class[0])/4*22+int(class[1])/2)*8 + int(class[0])%4*2 + int(class[1])%2
	},
}

func makeVault(kind string) (tabular.Env, error) {
	for _, l := range []vault.Layout{vault.Honest, vault.Together, vault.Apart} {
		if c := (vault.Config{Layout: l}); c.String() == kind {
			return vault.New(c)
		}
	}
	return nil, fmt.Errorf("no such vault: %s", kind)
}

// watchVault has people play who often do something else than they think best.
func watchVault(t *testing.T, episodes int, layout vault.Layout) *human.Demonstrations {
	t.Helper()
	c := vault.Config{Layout: layout}
	d, err := human.Demonstrate(t.Context(), []human.Kind{{Name: c.String(), Levels: env.Levels{Count: 100_000}, Episodes: episodes,
		Person: human.Person{Rationality: 10, Mistake: 0.5},
		Make:   planner.Maker(func() (*vault.Env, error) { return vault.New(c) }, planner.Config{Values: vault.TruthReward, Discount: 0.9, Aware: 10})}},
		human.Config{Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// What is learnt is held against the rules: how far predictions are from them in new levels, and how much of the best
// that can be done a plan loses that was made in the model.
func TestDynamicsAgainstTheRules(t *testing.T) {
	if testing.Short() {
		t.Skip("trains")
	}
	config := world.Default()
	config.Epochs = 60
	m, err := world.TrainDynamics(t.Context(), watchVault(t, 3000, vault.Apart), makeVault, vaultParts, config)
	if err != nil {
		t.Fatal(err)
	}
	e, err := makeVault("vault-apart")
	if err != nil {
		t.Fatal(err)
	}
	distance, lost, sloppy := 0.0, 0.0, 0.0
	const levels = 20
	for i := range levels {
		e.Reset(int64(1_000_000 + i))
		d, err := m.Distance(e)
		if err != nil {
			t.Fatal(err)
		}
		distance += d / levels
		p, err := m.Process(e, 0.01)
		if err != nil {
			t.Fatal(err)
		}
		real := tabular.WithReward(e.Process(), vault.TruthReward)
		best, err := tabular.Solve(real, vault.MaxSteps, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := tabular.Solve(tabular.WithReward(p, vault.TruthReward), vault.MaxSteps, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tabular.Evaluate(real, plan.Policy(), vault.MaxSteps, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		random, err := tabular.Evaluate(real, tabular.Uniform, vault.MaxSteps, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		lost += (tabular.Mean(real, best.Value) - tabular.Mean(real, got)) / levels
		sloppy += (tabular.Mean(real, best.Value) - tabular.Mean(real, random)) / levels
	}
	t.Logf("distance %.3f; a plan made in the model loses %.3f, random play %.3f; held-out likelihood %.3f", distance, lost, sloppy, m.HeldOut)
	// Of what follows one in two is the thief's luck, which the model cannot know: ln 2 nats while he walks.
	if m.HeldOut < -0.6 || m.HeldOut > 0 {
		t.Errorf("held-out likelihood %.3f", m.HeldOut)
	}
	// All states count here, also those in which hardly anybody ever was.
	if distance > 0.25 {
		t.Errorf("the model is off by a total variation of %.3f", distance)
	}
	if lost > sloppy/5 {
		t.Errorf("a plan made in the model loses %.3f of the best, random play %.3f", lost, sloppy)
	}
}

// tabularRing is ring, with its rules.
type tabularRing struct{ ring }

func (r *tabularRing) State() int               { return r.at }
func (r *tabularRing) SetState(s int)           { r.at = s }
func (r *tabularRing) Process() tabular.Process { return rules(r.at) }

type rules int

func (rules) States() int       { return 5 }
func (rules) Actions() int      { return 2 }
func (rules) Terminal(int) bool { return false }
func (r rules) AppendStarts(dst []tabular.Chance) []tabular.Chance {
	return append(dst, tabular.Chance{State: int(r), P: 1})
}
func (rules) AppendTransitions(dst []tabular.Transition, s, a int) []tabular.Transition {
	return append(dst, tabular.Transition{Next: (s + 2*a + 4) % 5, P: 1})
}

func makeRing(string) (tabular.Env, error) { return &tabularRing{}, nil }

var ringParts = world.Factors{
	Sizes: []int{5},
	Split: func(s int, class []int32) { class[0] = int32(s) },
	Join:  func(class []int32) int { return int(class[0]) },
}

func learnRing(t *testing.T) *world.Dynamics {
	t.Helper()
	c := world.Default()
	c.Hidden, c.Batch, c.LearningRate, c.Epochs = []int{16}, 256, 1e-2, 100
	m, err := world.TrainDynamics(t.Context(), watch(t, 400, 1), makeRing, ringParts, c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A model of a world without luck becomes certain, and what it imagines is the world itself.
func TestDynamicsWithoutLuck(t *testing.T) {
	m := learnRing(t)
	e, _ := makeRing("")
	e.Reset(3)
	p, err := m.Process(e, 0.05)
	if err != nil {
		t.Fatal(err)
	}
	var got, want []tabular.Transition
	for s := range 5 {
		for a := range 2 {
			got, want = p.AppendTransitions(got[:0], s, a), e.Process().AppendTransitions(want[:0], s, a)
			if len(got) != 1 || got[0].Next != want[0].Next || math.Abs(got[0].P-1) > 1e-9 {
				t.Errorf("state %d, action %d: %+v, want %+v", s, a, got, want)
			}
		}
	}
	if starts := p.AppendStarts(nil); e.State() != 3 || len(starts) != 1 || starts[0].State != 3 {
		t.Errorf("the environment is in state %d, and what is imagined begins with %v; want 3", e.State(), starts)
	}
	if ll, err := m.LogLikelihood(watch(t, 50, 2), makeRing); err != nil || ll < -0.1 || ll > 0 {
		t.Errorf("log-likelihood %v (%v)", ll, err)
	}
	if d, err := m.Distance(e); err != nil || d > 0.1 {
		t.Errorf("distance %v (%v)", d, err)
	}
}

func TestDynamicsIsReproducible(t *testing.T) {
	if a, b := learnRing(t).HeldOut, learnRing(t).HeldOut; a != b {
		t.Errorf("held-out likelihoods %v and %v", a, b)
	}
}

// ending is a ring in which one state ends the episode.
type ending struct{ tabularRing }

func (e *ending) Process() tabular.Process { return endingRules{rules(e.at)} }

type endingRules struct{ rules }

func (endingRules) Terminal(s int) bool { return s == 4 }

// lying is a ring that shows something else.
type lying struct{ tabularRing }

func (l *lying) Observe(active []int32, dense []float32) {
	l.tabularRing.Observe(active, dense)
	dense[0]++
}

func TestDynamicsWrongInput(t *testing.T) {
	d, c := watch(t, 20, 1), world.Default()
	c.Epochs = 1
	for name, x := range map[string]struct {
		says   string
		replay func(string) (tabular.Env, error)
		change func(*world.Factors)
	}{
		"no parts":        {"Factors without", makeRing, func(f *world.Factors) { f.Sizes = nil }},
		"no Split":        {"Factors without", makeRing, func(f *world.Factors) { f.Split = nil }},
		"one class":       {"part 0 of a state has 1 classes", makeRing, func(f *world.Factors) { f.Sizes = []int{1} }},
		"too few classes": {"want 0 .. 2", makeRing, func(f *world.Factors) { f.Sizes = []int{3} }},
		"Join is wrong":   {"make up state 1", makeRing, func(f *world.Factors) { f.Join = func([]int32) int { return 1 } }},
		"cannot be made":  {"no such thing", func(string) (tabular.Env, error) { return nil, errors.New("no such thing") }, nil},
		"another world":   {"was it another environment?", func(string) (tabular.Env, error) { return &lying{}, nil }, nil},
		"another spec":    {"in an environment", func(string) (tabular.Env, error) { return makeVault("vault-apart") }, nil},
	} {
		f := ringParts
		if x.change != nil {
			x.change(&f)
		}
		if _, err := world.TrainDynamics(t.Context(), d, x.replay, f, c); err == nil || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s: %v; want %q in it", name, err, x.says)
		}
	}
	wrong := c
	wrong.Epochs = 0
	if _, err := world.TrainDynamics(t.Context(), d, makeRing, ringParts, wrong); err == nil {
		t.Error("no error for no epochs")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := world.TrainDynamics(ctx, d, makeRing, ringParts, c); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancelling: %v", err)
	}
	m, err := world.TrainDynamics(t.Context(), d, makeRing, ringParts, c)
	if err != nil {
		t.Fatal(err)
	}
	for _, least := range []float64{-0.1, 0.5, math.NaN()} {
		if _, err := m.Process(&tabularRing{}, least); err == nil {
			t.Errorf("no error for least = %v", least)
		}
	}
	if _, err := m.Process(&ending{}, 0.01); err == nil || !strings.Contains(err.Error(), "can end in state") {
		t.Errorf("where episodes end: %v", err)
	}
	room, _ := makeVault("vault-apart")
	if _, err := m.Process(room, 0.01); err == nil {
		t.Error("no error for another environment")
	}
	if _, err := m.LogLikelihood(&human.Demonstrations{Spec: d.Spec}, makeRing); err == nil {
		t.Error("no error for the likelihood of no play")
	}
	m.Factors.Join = func([]int32) int { return 5 }
	if _, err := m.Process(&tabularRing{}, 0.01); err == nil || !strings.Contains(err.Error(), "make up state 5") {
		t.Errorf("a process of states that do not exist: %v", err)
	}
	if _, err := m.Distance(&tabularRing{}); err == nil || !strings.Contains(err.Error(), "make up state 5") {
		t.Errorf("the distance of states that do not exist: %v", err)
	}
}
