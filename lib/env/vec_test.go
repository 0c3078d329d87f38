package env

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// walk is a world small enough to follow by hand: a walker starts at seed%5, action 1 goes right and action 0 left. It
// terminates with reward 1 at 5, and is truncated after 6 steps. Its one-hot part shows the place, its dense part the
// number of steps.
type walk struct {
	at, steps int
	over      bool
}

func (w *walk) Spec() Spec {
	return Spec{Name: "walk", Actions: 2, Sparse: 12, MaxActive: 2, Dense: 1, MaxSteps: 6}
}

func (w *walk) Reset(seed int64) { *w = walk{at: int(seed % 5)} }

func (w *walk) Step(action int) (float32, End) {
	if w.over {
		panic("walk: step after the end")
	}
	w.at += 2*action - 1
	w.steps++
	switch {
	case w.at == 5:
		w.over = true
		return 1, Terminated
	case w.steps == 6:
		w.over = true
		return 0, Truncated
	}
	return 0, Running
}

func (w *walk) Observe(active []int32, dense []float32) {
	active[0], active[1] = int32(w.at+6), -1
	dense[0] = float32(w.steps)
}

func makeWalk() (Env, error) { return new(walk), nil }

func TestVecResetsAtTheEndOfAnEpisode(t *testing.T) {
	v, err := NewVec(makeWalk, 2, Levels{Start: 3, Count: 1}, 1) // every level starts at 3
	if err != nil {
		t.Fatal(err)
	}
	place := func(b Batch, i int) int32 { return b.Active[i*b.MaxActive] - 6 }
	// Environment 0 goes right: 4, 5 (terminated, return 1, length 2). Environment 1 goes left: truncated at step 6.
	actions := []int32{1, 0}
	for step := 1; step <= 6; step++ {
		v.Step(actions)
		if step%2 == 1 {
			if v.End[0] != Running || place(v.Obs, 0) != 4 || place(v.Next, 0) != 4 || v.Reward[0] != 0 {
				t.Fatalf("step %d: %v at %d, next %d", step, v.End[0], place(v.Obs, 0), place(v.Next, 0))
			}
		} else {
			if v.End[0] != Terminated || place(v.Next, 0) != 5 || place(v.Obs, 0) != 3 || v.Reward[0] != 1 {
				t.Fatalf("step %d: %v, next %d, obs %d", step, v.End[0], place(v.Next, 0), place(v.Obs, 0))
			}
			if v.EpisodeReturn[0] != 1 || v.EpisodeLength[0] != 2 || v.EpisodeLevel[0] != 3 {
				t.Fatalf("step %d: episode %v, %d, %d", step, v.EpisodeReturn[0], v.EpisodeLength[0], v.EpisodeLevel[0])
			}
		}
	}
	if v.End[1] != Truncated || place(v.Next, 1) != -3 || v.Next.Features[1] != 6 || v.Obs.Features[1] != 0 {
		t.Errorf("environment 1: %v, next %d after %v steps", v.End[1], place(v.Next, 1), v.Next.Features[1])
	}
	if v.EpisodeReturn[1] != 0 || v.EpisodeLength[1] != 6 {
		t.Errorf("environment 1: return %v, length %d", v.EpisodeReturn[1], v.EpisodeLength[1])
	}
}

// trace plays random actions and writes down all that a Vec shows.
func trace(v *Vec, r *rand.Rand, steps int) (out []float64) {
	actions := make([]int32, v.N)
	for range steps {
		for i := range actions {
			actions[i] = r.Int32N(2)
		}
		v.Step(actions)
		for i := range v.N {
			out = append(out, float64(v.Obs.Active[2*i]), float64(v.Next.Active[2*i]), float64(v.Reward[i]),
				float64(v.End[i]), float64(v.Level[i]), float64(v.Obs.Features[i]))
			if v.End[i] != Running {
				out = append(out, v.EpisodeReturn[i], float64(v.EpisodeLength[i]))
			}
		}
	}
	return out
}

func TestVecDoesNotDependOnTheNumberOfCores(t *testing.T) {
	var first []float64
	for _, procs := range []int{1, 2, 4} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		v, err := NewVec(makeWalk, 37, Levels{}, 7)
		if err != nil {
			t.Fatal(err)
		}
		got := trace(v, rand.New(rand.NewPCG(1, 2)), 50)
		if first == nil {
			first = got
		} else if !reflect.DeepEqual(got, first) {
			t.Errorf("GOMAXPROCS %d gives another history than 1", procs)
		}
	}
}

func TestVecDrawsFromTheLevelsGiven(t *testing.T) {
	v, err := NewVec(makeWalk, 64, Levels{Start: 10, Count: 3}, 1)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int64]bool{}
	for _, l := range v.Level {
		seen[l] = true
	}
	if !reflect.DeepEqual(seen, map[int64]bool{10: true, 11: true, 12: true}) {
		t.Errorf("levels drawn: %v, want 10, 11 and 12", seen)
	}
}

func TestVecContinuesFromSavedEpisodes(t *testing.T) {
	a, _ := NewVec(makeWalk, 5, Levels{}, 7)
	trace(a, rand.New(rand.NewPCG(1, 2)), 23)
	b, _ := NewVec(makeWalk, 5, Levels{}, 99)
	for i := range a.N {
		e, err := a.Episode(i)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.SetEpisode(i, e); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(a.Obs, b.Obs) {
		t.Error("observations differ after restoring")
	}
	if !reflect.DeepEqual(trace(a, rand.New(rand.NewPCG(3, 4)), 40), trace(b, rand.New(rand.NewPCG(3, 4)), 40)) {
		t.Error("histories differ after restoring")
	}
	good, _ := a.Episode(0)
	for name, e := range map[string]Episode{
		"stream":  {Level: 1, Stream: []byte("no stream")},
		"action":  {Level: 1, Actions: []int32{2}, Stream: good.Stream},
		"too far": {Level: 4, Actions: []int32{1, 1}, Stream: good.Stream},
	} {
		if err := b.SetEpisode(0, e); err == nil {
			t.Errorf("%s: a malformed episode was accepted", name)
		}
	}
}

func TestVecStepDoesNotAllocate(t *testing.T) {
	v, _ := NewVec(makeWalk, 64, Levels{}, 1)
	actions := make([]int32, v.N)
	for i := range actions {
		actions[i] = int32(i % 2)
	}
	if n := testing.AllocsPerRun(100, func() { v.Step(actions) }); n != 0 {
		t.Errorf("%v allocations a step", n)
	}
}

// odd is a walk whose Spec the test chooses.
type odd struct {
	walk
	spec Spec
}

func (o *odd) Spec() Spec { return o.spec }

func TestNewVecNamesWhatIsWrong(t *testing.T) {
	failing := func() (Env, error) { return nil, errors.New("no assets") }
	with := func(s Spec) func() (Env, error) { return func() (Env, error) { return &odd{spec: s}, nil } }
	count := 0
	changing := func() (Env, error) {
		count++
		return &odd{spec: Spec{Name: "odd", Actions: count, Dense: 1}}, nil
	}
	for _, c := range []struct {
		name    string
		makeEnv func() (Env, error)
		n       int
		levels  Levels
		want    string
	}{
		{"no environments", makeWalk, 0, Levels{}, "vector of 0 environments"},
		{"negative levels", makeWalk, 1, Levels{Count: -2}, "count -2"},
		{"maker fails", failing, 3, Levels{}, "environment 0 of 3: no assets"},
		{"no actions", with(Spec{Name: "odd", Dense: 1}), 1, Levels{}, "0 actions"},
		{"no observation", with(Spec{Name: "odd", Actions: 1}), 1, Levels{}, "observes nothing"},
		{"half a sparse part", with(Spec{Name: "odd", Actions: 1, Sparse: 4}), 1, Levels{}, "length 4 with at most 0"},
		{"negative size", with(Spec{Name: "odd", Actions: 1, Dense: -1}), 1, Levels{}, "negative size"},
		{"different specs", changing, 2, Levels{}, "environment 1 is"},
	} {
		if _, err := NewVec(c.makeEnv, c.n, c.levels, 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one containing %q", c.name, err, c.want)
		}
	}
}
