package planner_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/jaxgmg/corner"
	"goalgap/lib/env/tabular"
	"goalgap/lib/human"
	"goalgap/lib/human/planner"
)

var small = corner.Config{Size: 7, CornerSize: 5, MaxSteps: 30}

func make7() (*corner.Env, error) { return corner.New(small) }

// arrived pays for the step that takes the cheese (bit 1 of a state).
func arrived(s, _, next int) float64 {
	if s&2 == 0 && next&2 != 0 {
		return 1
	}
	return 0
}

func player(t *testing.T, cfg planner.Config) *planner.Player {
	t.Helper()
	e, err := make7()
	if err != nil {
		t.Fatal(err)
	}
	p, err := planner.New(e, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Somebody who looks γ far and wants the cheese values a step by γ^(moves to the cheese from where it leads).
func TestPlanIsTheShortestPath(t *testing.T) {
	for _, discount := range []float64{0.9, 0.5} {
		p := player(t, planner.Config{Values: arrived, Discount: discount})
		values := make([]float64, 4)
		for seed := range int64(30) {
			p.Reset(seed)
			l := p.Env.(*corner.Env).Level()
			far := l.Distances(l.Cheese)
			p.ActionValues(values)
			for a, v := range values {
				want := 0.0
				if d := far[l.Move(l.Mouse, a)]; d >= 0 {
					want = math.Pow(discount, float64(d))
				}
				if math.Abs(v-want) > 1e-3 {
					t.Errorf("γ = %v, level %d: action %d is worth %v, want %v", discount, seed, a, v, want)
				}
			}
		}
	}
}

// proxy is the level as somebody sees it who believes that the corner holds a cheese, too.
type proxy struct{ tabular.Process }

func (p proxy) AppendTransitions(dst []tabular.Transition, s, a int) []tabular.Transition {
	n := len(dst)
	dst = p.Process.AppendTransitions(dst, s, a)
	for i := n; i < len(dst); i++ {
		if s&1 == 0 && dst[i].Next&1 != 0 {
			dst[i].Next |= 2
		}
	}
	return dst
}

// A mistaken belief moves people, not what they want: they go for the nearer of cheese and corner, and for the cheese once
// they have seen that the corner holds none.
func TestBelief(t *testing.T) {
	cfg := planner.Config{Values: arrived, Belief: func(p tabular.Process) tabular.Process { return proxy{p} }}
	p := player(t, cfg)
	values := make([]float64, 4)
	checked := 0
	for seed := range int64(60) {
		p.Reset(seed)
		l := p.Env.(*corner.Env).Level()
		cheese, both := l.Distances(l.Cheese), l.Distances(l.Corner())
		if l.Wall[l.Corner()] || cheese[l.Mouse] < 0 || both[l.Mouse] < 0 {
			continue
		}
		checked++
		p.ActionValues(values)
		for a, v := range values {
			next := l.Move(l.Mouse, a)
			if want := math.Pow(0.9, float64(min(cheese[next], both[next]))); math.Abs(v-want) > 1e-3 {
				t.Errorf("level %d: action %d is worth %v, want %v", seed, a, v, want)
			}
		}
		p.SetState(p.State() | 1)
		p.ActionValues(values)
		for a, v := range values {
			if want := math.Pow(0.9, float64(cheese[l.Move(l.Mouse, a)])); math.Abs(v-want) > 1e-3 {
				t.Errorf("level %d, corner seen: action %d is worth %v, want %v", seed, a, v, want)
			}
		}
	}
	if checked < 10 {
		t.Errorf("only %d levels had a corner", checked)
	}
}

// The likelihood of people's own play is that of their probabilities; of somebody indifferent it is log ¼; another
// environment is noticed.
func TestLogLikelihood(t *testing.T) {
	cfg := planner.Config{Values: arrived, Aware: 8}
	who := human.Person{Rationality: 8, Habit: 0.2, Mistake: 0.1}
	d, err := human.Demonstrate(context.Background(), []human.Kind{{Name: "small", Make: planner.Maker(make7, cfg),
		Levels: env.Levels{Start: 0, Count: 50}, Episodes: 300, Person: who}}, human.Config{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	own, err := player(t, cfg).LogLikelihood(who, d)
	if err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]human.Person{
		"without habit":   {Rationality: 8, Mistake: 0.1},
		"more rational":   {Rationality: 30, Habit: 0.2, Mistake: 0.1},
		"without mistake": {Rationality: 8, Habit: 0.2},
	} {
		l, err := player(t, cfg).LogLikelihood(other, d)
		if err != nil {
			t.Fatal(err)
		}
		if l >= own {
			t.Errorf("somebody %s explains the play better (%v) than who played (%v)", name, l, own)
		}
	}
	indifferent, err := player(t, cfg).LogLikelihood(human.Person{}, d)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(indifferent-math.Log(0.25)) > 1e-12 {
		t.Errorf("indifference has a log-likelihood of %v", indifferent)
	}
	elsewhere, err := corner.New(corner.Config{Size: 7, CornerSize: 2, MaxSteps: 30})
	if err != nil {
		t.Fatal(err)
	}
	other, err := planner.New(elsewhere, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.LogLikelihood(who, d); err == nil || !strings.Contains(err.Error(), "another environment") {
		t.Errorf("play of another environment: %v", err)
	}
}

// Policy is what a player does, state by state.
func TestPolicyIsWhatAPlayerDoes(t *testing.T) {
	cfg := planner.Config{Values: arrived, Aware: 8, Belief: func(p tabular.Process) tabular.Process { return proxy{p} }}
	who := human.Person{Rationality: 8, Mistake: 0.1, Habit: 0.3}
	p := player(t, cfg)
	var levels []tabular.Process
	for seed := range int64(4) {
		p.Reset(seed)
		levels = append(levels, p.Process())
	}
	w, err := tabular.NewWorld(levels...)
	if err != nil {
		t.Fatal(err)
	}
	policy, err := planner.Policy(w, levels, who, cfg)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float64, 4)
	for s, place := range w.Places {
		p.Reset(int64(place.Level))
		p.SetState(place.State)
		p.ActionValues(want)
		who.Probabilities(want, want, -1)
		for a, x := range want {
			if math.Abs(policy[s*4+a]-x) > 1e-4 {
				t.Fatalf("level %d, state %d: %v, want %v", place.Level, place.State, policy[s*4:s*4+4], want)
			}
		}
	}
	if _, err := planner.Policy(w, levels[1:], who, cfg); err == nil {
		t.Error("a level is missing, and that is no error")
	}
}

func TestConfigErrors(t *testing.T) {
	e, err := make7()
	if err != nil {
		t.Fatal(err)
	}
	for field, cfg := range map[string]planner.Config{
		"Values": {}, "Discount": {Values: arrived, Discount: 1}, "Aware": {Values: arrived, Aware: -1},
	} {
		if _, err := planner.New(e, cfg); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}
