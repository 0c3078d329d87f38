package world_test

import (
	"context"
	"errors"
	"math"
	"os/exec"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/human"
	"goalgap/lib/world"
)

// ring is five cells in a ring. Somebody prefers a side that depends on the cell; a step moves by one cell, and the
// episode ends after twenty.
type ring struct{ at, t int }

func (*ring) Spec() env.Spec {
	return env.Spec{Name: "ring", Actions: 2, Sparse: 5, MaxActive: 1, Dense: 1, MaxSteps: 20}
}
func (r *ring) Reset(seed int64) { *r = ring{at: int(seed % 5)} }
func (r *ring) Step(a int) (float32, env.End) {
	r.t++
	r.at = (r.at + 2*a + 4) % 5
	if r.t == 20 {
		return 0, env.Truncated
	}
	return 0, env.Running
}
func (r *ring) Observe(active []int32, dense []float32) {
	active[0], dense[0] = int32(r.at), float32(r.at)
}
func (r *ring) ActionValues(dst []float64) {
	dst[0], dst[1] = 0, preference[r.at]
}

// preference is log-odds of moving on.
var preference = [5]float64{2, -2, 1, -1, 0}

func watch(t *testing.T, episodes int, seed uint64) *human.Demonstrations {
	t.Helper()
	d, err := human.Demonstrate(context.Background(), []human.Kind{{
		Name: "ring", Make: func() (human.Player, error) { return new(ring), nil },
		Levels: env.Levels{Count: 5}, Episodes: episodes, Person: human.Person{Rationality: 1, Habit: 0.3},
	}}, human.Config{Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func train(t *testing.T, d *human.Demonstrations) *world.Model {
	t.Helper()
	cfg := world.Default()
	cfg.Hidden, cfg.Batch, cfg.LearningRate = []int{16}, 256, 1e-2
	m, err := world.Train(context.Background(), d, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestModelLearnsTheTrueProbabilities(t *testing.T) {
	seen, test := watch(t, 500, 1), watch(t, 300, 2)
	m := train(t, seen)
	baselines, err := m.Fit(seen)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Evaluate(test, nil, 1); err == nil || !strings.Contains(err.Error(), "without baselines") {
		t.Errorf("without baselines: %v", err)
	}
	r, err := m.Evaluate(test, baselines, 1)
	if err != nil {
		t.Fatal(err)
	}
	// The log-likelihood of the true probabilities on the same steps is the best that there is, on average.
	best, p := 0.0, make([]float64, 2)
	who := human.Person{Rationality: 1, Habit: 0.3}
	for i, a := range test.Action {
		p[0], p[1] = 0, preference[test.Obs.Active[i]]
		who.Probabilities(p, p, test.Previous[i])
		best += math.Log(p[a]) / float64(test.Len())
	}
	if r.Person.Mean < best-0.01 || r.Person.Mean > best+0.01 {
		t.Errorf("log-likelihood %v, of the truth %.4f", r.Person, best)
	}
	if math.Abs(r.Uniform.Mean+math.Ln2) > 1e-12 {
		t.Errorf("uniform baseline %v, want -log 2", r.Uniform)
	}
	if r.OverRepeat.Lo <= 0 || r.OverMarginal.Lo <= 0 {
		t.Errorf("no better than the baselines: over repetition %v, over frequencies %v", r.OverRepeat, r.OverMarginal)
	}
	if r.World.Mean < -0.02 {
		t.Errorf("log-likelihood of a deterministic world %v, want about 0", r.World)
	}
}

func TestTrainingDoesNotDependOnCores(t *testing.T) {
	d := watch(t, 60, 1)
	var got [2][]float32
	for i, procs := range []int{1, 4} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		got[i] = make([]float32, d.Len()*2)
		train(t, d).ActionLogProbs(got[i], d.Obs, d.Previous)
	}
	if !reflect.DeepEqual(got[0], got[1]) {
		t.Error("one core and four trained different models")
	}
}

func TestWrongConfigsAreRefused(t *testing.T) {
	d := watch(t, 10, 1)
	for field, change := range map[string]func(*world.Config){
		"LearningRate": func(c *world.Config) { c.LearningRate = math.NaN() },
		"Batch":        func(c *world.Config) { c.Batch = 0 },
		"Epochs":       func(c *world.Config) { c.Epochs = 0 },
		"Patience":     func(c *world.Config) { c.Patience = 0 },
		"HeldOut":      func(c *world.Config) { c.HeldOut = 1 },
		"Bins":         func(c *world.Config) { c.Bins = 1 },
		"Hidden[1]":    func(c *world.Config) { c.Hidden = []int{8, 0} },
	} {
		cfg := world.Default()
		change(&cfg)
		if _, err := world.Train(context.Background(), d, cfg); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("got error %v, want one that names %s", err, field)
		}
	}
	d.Spec.Actions, d.Spec.Heads = 0, env.Heads{2, 2}
	if _, err := world.Train(context.Background(), d, world.Default()); err == nil || !strings.Contains(err.Error(), "world: ring has multi-discrete actions") {
		t.Errorf("play with actions of two parts: error %v", err)
	}
	d.Spec.Actions, d.Spec.Heads = 2, env.Heads{}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := world.Train(ctx, d, world.Default()); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: got error %v", err)
	}
}

// A model of people that is told about a game could be told what is rewarded in it.
func TestPackageKnowsNoGame(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "goalgap/lib/world").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v: %s", err, out)
	}
	for _, name := range strings.Fields(string(out)) {
		// tabular is what environments are held against, not one of them.
		if strings.HasPrefix(name, "goalgap/lib/env/") && name != "goalgap/lib/env/tabular" {
			t.Errorf("depends on an environment: %s", name)
		}
	}
}
