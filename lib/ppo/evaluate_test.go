package ppo

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/cartpole"
	"goalgap/lib/rng"
)

// One episode at a time on each level, with greedy actions, gives the same as Evaluate, for each kind of action.
func TestEvaluateAgainstPlainPlay(t *testing.T) {
	for name, makeEnv := range kinds {
		p, e := moved(t, makeEnv), Evaluation{Name: "plain", Make: makeEnv, Levels: env.Levels{Start: 7, Count: 90}, Episodes: 70, Greedy: true}
		got, err := Evaluate(context.Background(), p, e, 5)
		if err != nil {
			t.Fatal(err)
		}
		world, _ := makeEnv()
		random := rng.New(5, "evaluation levels", 0)
		obs, action, numbers := env.NewBatch(p.Spec, 1), make([]int32, p.Spec.Width()), make([]float32, p.Spec.Width())
		var sum, squares, steps float64
		for range e.Episodes {
			world.Reset(e.Levels.Draw(random))
			total := 0.0
			for end := env.Running; end == env.Running; steps++ {
				world.Observe(obs.Row(0))
				var reward float32
				switch w := world.(type) {
				case env.Continuous:
					p.GreedyContinuous(numbers, obs)
					reward, end = w.StepContinuous(numbers)
				case env.MultiDiscrete:
					p.Greedy(action, obs)
					reward, end = w.StepHeads(action)
				default:
					p.Greedy(action, obs)
					reward, end = w.Step(int(action[0]))
				}
				total += float64(reward)
			}
			sum += total
			squares += total * total
		}
		n := float64(e.Episodes)
		deviation := math.Sqrt(max(0, (squares-sum*sum/n)/(n-1)))
		if math.Abs(got.Return-sum/n) > 1e-9*math.Abs(sum) || math.Abs(got.StdDev-deviation) > 1e-5 || math.Abs(got.Length-steps/n) > 1e-9 ||
			got.Name != "plain" || got.Episodes != 70 || got.Steps != 0 {
			t.Errorf("%s: %+v, want return %v ± %v and length %v", name, got, sum/n, deviation, steps/n)
		}
	}
}

func TestEvaluateDoesNotDependOnTheNumberOfCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for name, makeEnv := range kinds {
		p, e := moved(t, makeEnv), Evaluation{Name: "x", Make: makeEnv, Episodes: 100}
		var first Evaluated
		for i, procs := range []int{1, 2, 4} {
			runtime.GOMAXPROCS(procs)
			got, err := Evaluate(context.Background(), p, e, 5)
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				first = got
			} else if got != first {
				t.Errorf("%s: %d cores give %+v, one %+v", name, procs, got, first)
			}
		}
		if other, err := Evaluate(context.Background(), p, e, 6); err != nil || other == first {
			t.Errorf("%s: another seed gives the same, or error %v", name, err)
		}
	}
}

// easy is a counter that starts at 4, where its levels start at 0, 1 or 2.
type easy struct{ counter }

func (e *easy) Reset(int64) { e.count, e.steps = 4, 0 }
func (e *easy) Spec() env.Spec {
	s := e.counter.Spec()
	s.Name = "easy"
	return s
}

func TestEvaluationWhileTraining(t *testing.T) {
	cfg := small() // rollouts of 192 steps, 960 in all
	want := fingerprint(train(t, makeCounter, cfg))
	cfg.Evaluate = []Evaluation{
		{Name: "same", Episodes: 40, Every: 300},
		{Name: "easy", Make: func() (env.Env, error) { return &easy{counter{limit: 9}}, nil }, Episodes: 3, Every: 5000, Greedy: true},
	}
	var seen []Evaluated
	cfg.Progress = func(p Progress) {
		for _, e := range p.Evaluated {
			if e.Steps != p.Steps {
				t.Errorf("after %d steps came an evaluation after %d", p.Steps, e.Steps)
			}
		}
		seen = append(seen, p.Evaluated...)
	}
	r := train(t, makeCounter, cfg)
	if !slices.Equal(fingerprint(r), want) {
		t.Error("training takes another course with evaluations")
	}
	var when []int
	for _, e := range r.Evaluated {
		if e.Name == "same" {
			when = append(when, e.Steps)
		}
	}
	// Passed are 300 by 384, 600 by 768, 900 by 960.
	if !slices.Equal(when, []int{384, 768, 960}) || len(r.Evaluated) != 4 || !slices.Equal(seen, r.Evaluated) {
		t.Errorf("evaluated %+v, told of %+v", r.Evaluated, seen)
	}
	// From 4 one step up ends an episode that returns 1.
	if last := r.Evaluated[3]; last.Name != "easy" || last.Episodes != 3 || last.Return != 1 && last.Return != 0 || last.StdDev != 0 {
		t.Errorf("the easy game: %+v", last)
	}

	// What was evaluated before a checkpoint is there after it.
	tr, err := NewTrainer(makeCounter, env.Levels{Count: 50}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.RunUpdates(context.Background(), 3); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "checkpoint")
	if err := tr.Save(path); err != nil {
		t.Fatal(err)
	}
	again, err := Resume(path, makeCounter, env.Levels{Count: 50}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	resumed, err := again.Run(context.Background())
	if err != nil || !reflect.DeepEqual(resumed.Evaluated, r.Evaluated) || !slices.Equal(fingerprint(resumed), want) {
		t.Errorf("resumed: %v; evaluated %+v, want %+v", err, resumed.Evaluated, r.Evaluated)
	}

	var b bytes.Buffer
	if err := WriteEvaluatedCSV(&b, append(r.Evaluated, Evaluated{Name: `a "b", c`, Steps: 3, Return: -0.5})); err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(records) != 6 || !slices.Equal(records[0], []string{"Name", "Steps", "Episodes", "Return", "StdDev", "Length"}) ||
		!slices.Equal(records[5], []string{`a "b", c`, "3", "0", "-0.5", "0", "0"}) {
		t.Errorf("CSV %q, %v", records, err)
	}
}

// mad pays NaN.
type mad struct{ counter }

func (m *mad) Step(action int) (float32, env.End) {
	_, end := m.counter.Step(action)
	return float32(math.NaN()), end
}

func TestWrongEvaluations(t *testing.T) {
	for want, e := range map[string][]Evaluation{
		"no Name":                         {{Episodes: 1, Every: 1}},
		`"x": Episodes is 0`:              {{Name: "x", Every: 1}},
		`"x": Every is 0`:                 {{Name: "x", Episodes: 1}},
		`"x": Levels start at -1`:         {{Name: "x", Episodes: 1, Every: 1, Levels: env.Levels{Start: -1}}},
		`two evaluations are named "x"`:   {{Name: "x", Episodes: 1, Every: 1}, {Name: "x", Episodes: 2, Every: 1}},
		`"x": its environment is {Name:C`: {{Name: "x", Episodes: 1, Every: 1, Make: cartpole.Make}},
		`"x": making an environment: no`: {{Name: "x", Episodes: 1, Every: 1, Make: func() (env.Env, error) {
			return nil, errors.New("no luck")
		}}},
	} {
		cfg := small()
		cfg.Evaluate = e
		if _, err := NewTrainer(makeCounter, env.Levels{}, cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one containing %q", err, want)
		}
	}
	p := moved(t, makeCounter)
	if _, err := Evaluate(context.Background(), p, Evaluation{Name: "x", Episodes: 1}, 1); err == nil || !strings.Contains(err.Error(), "Make is nil") {
		t.Errorf("no environment: error %v", err)
	}
	e := Evaluation{Name: "x", Episodes: 9, Make: func() (env.Env, error) { return &mad{counter{limit: 9}}, nil }}
	if _, err := Evaluate(context.Background(), p, e, 1); err == nil || !strings.Contains(err.Error(), "the mean return is NaN") {
		t.Errorf("NaN as reward: error %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	e.Make = makeCounter
	if _, err := Evaluate(ctx, p, e, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: error %v", err)
	}
}
