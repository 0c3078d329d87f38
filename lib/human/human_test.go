package human_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/human"
)

func TestProbabilitiesAreTheStatedMixture(t *testing.T) {
	who := human.Person{Rationality: 2, Habit: 0.25, Mistake: 0.1}
	values := []float64{1, 1 + math.Ln2/2, 0} // softmax of 2·values: 1 : 2 : e⁻²
	got := make([]float64, 3)
	who.Probabilities(got, values, 0)
	z := 3 + math.Exp(-2)
	for i, choice := range []float64{1 / z, 2 / z, math.Exp(-2) / z} {
		want := 0.1/3 + 0.9*0.75*choice
		if i == 0 {
			want += 0.9 * 0.25
		}
		if math.Abs(got[i]-want) > 1e-12 {
			t.Errorf("action %d: probability %v, want %v", i, got[i], want)
		}
	}
	who.Probabilities(values, values, -1) // in place, and no habit before the first action
	if want := 0.1/3 + 0.9*2/z; math.Abs(values[1]-want) > 1e-12 {
		t.Errorf("first action: probability %v, want %v", values[1], want)
	}
}

// line is a walk along a line of cells; the right end pays.
type line struct{ at, t int }

func (*line) Spec() env.Spec {
	return env.Spec{Name: "line", Actions: 2, Sparse: 6, MaxActive: 1, Dense: 1, MaxSteps: 50}
}
func (l *line) Reset(seed int64) { *l = line{at: int(seed % 5)} }
func (l *line) Step(a int) (float32, env.End) {
	l.t++
	l.at = max(0, l.at+2*a-1)
	switch {
	case l.at == 5:
		return 1, env.Terminated
	case l.t == 50:
		return 0, env.Truncated
	}
	return 0, env.Running
}
func (l *line) Observe(active []int32, dense []float32) {
	active[0], dense[0] = int32(l.at), float32(l.at)
}
func (l *line) ActionValues(dst []float64) { dst[0], dst[1] = 0, 1 }

func kind() human.Kind {
	return human.Kind{
		Name: "line", Make: func() (human.Player, error) { return new(line), nil },
		Levels: env.Levels{Count: 5}, Episodes: 40, Person: human.Person{Rationality: 1},
	}
}

func TestDemonstrationsDoNotDependOnCores(t *testing.T) {
	var got [2]*human.Demonstrations
	for i, procs := range []int{1, 4} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		var err error
		if got[i], err = human.Demonstrate(context.Background(), []human.Kind{kind()}, human.Config{Seed: 3}); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(got[0], got[1]) {
		t.Error("one core and four recorded different play")
	}
}

func TestDemonstrationsAreConsistentEpisodes(t *testing.T) {
	d, err := human.Demonstrate(context.Background(), []human.Kind{kind()}, human.Config{Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Episodes) != 40 || d.Obs.N != d.Len() || d.Next.N != d.Len() {
		t.Fatalf("%d episodes; %d steps with %d observations and %d next ones", len(d.Episodes), d.Len(), d.Obs.N, d.Next.N)
	}
	for k, e := range d.Episodes {
		at, previous := float32(e.Level%5), int32(-1)
		for i := e.Lo; i < e.Hi; i++ {
			if d.Obs.Features[i] != at || d.Previous[i] != previous {
				t.Fatalf("episode %d step %d: at %v after %d, want %v after %d", k, i-e.Lo, d.Obs.Features[i], d.Previous[i], at, previous)
			}
			at, previous = d.Next.Features[i], d.Action[i]
			if (d.End[i] != env.Running) != (i == e.Hi-1) {
				t.Fatalf("episode %d step %d of %d: %v", k, i-e.Lo, e.Hi-e.Lo, d.End[i])
			}
		}
	}
	first, second, err := d.Split(0.25, rand.New(rand.NewPCG(1, 2)))
	if err != nil || len(second.Episodes) != 10 || first.Len()+second.Len() != d.Len() {
		t.Errorf("a quarter of 40 episodes split off: %d of %d steps, %v", len(second.Episodes), second.Len(), err)
	}
}

// steered is a line whose actions are real numbers.
type steered struct{ line }

func (*steered) Spec() env.Spec {
	return env.Spec{Name: "steered", Continuous: 1, Low: -1, High: 1, Dense: 1, MaxSteps: 50}
}

func TestWrongKindsAreRefused(t *testing.T) {
	for want, change := range map[string]func(*human.Kind){
		"0 episodes":                            func(k *human.Kind) { k.Episodes = 0 },
		"Mistake is 2":                          func(k *human.Kind) { k.Person.Mistake = 2 },
		"human: steered has continuous actions": func(k *human.Kind) { k.Make = func() (human.Player, error) { return new(steered), nil } },
		"no engine":                             func(k *human.Kind) { k.Make = func() (human.Player, error) { return nil, errors.New("no engine") } },
	} {
		k := kind()
		change(&k)
		if _, err := human.Demonstrate(context.Background(), []human.Kind{k}, human.Config{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := human.Demonstrate(ctx, []human.Kind{kind()}, human.Config{}); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: got error %v", err)
	}
}
