package env

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// lock is a multi-discrete walk: the first part moves by -1, 0 or 1, the second pays what it says. It ends like walk.
type lock struct{ walk }

func (l *lock) Spec() Spec {
	return Spec{Name: "lock", Heads: Heads{3, 4}, Sparse: 12, MaxActive: 2, Dense: 1, MaxSteps: 6}
}

func (l *lock) Step(int) (float32, End) { panic("lock: actions have two parts") }

func (l *lock) StepHeads(action []int32) (float32, End) {
	if l.over || len(action) != 2 || action[0] < 0 || action[0] > 2 || action[1] < 0 || action[1] > 3 {
		panic("lock: no action, or the end")
	}
	l.at += int(action[0]) - 1
	l.steps++
	end := Running
	switch {
	case l.at == 5:
		end = Terminated
	case l.steps == 6:
		end = Truncated
	}
	l.over = end != Running
	return float32(action[1]), end
}

// dial is continuous: the numbers, from -1 to 3, add up to a place that is shown; its reward is the first.
type dial struct {
	at    float64
	steps int
}

func (d *dial) Spec() Spec {
	return Spec{Name: "dial", Continuous: 2, Low: -1, High: 3, Dense: 1, MaxSteps: 6}
}
func (d *dial) Reset(seed int64)        { *d = dial{at: float64(seed % 5)} }
func (d *dial) Step(int) (float32, End) { panic("dial: actions are continuous") }
func (d *dial) StepContinuous(action []float32) (float32, End) {
	if len(action) != 2 || action[0] != action[0] || action[1] != action[1] || d.steps == 6 {
		panic("dial: no action")
	}
	d.at += float64(action[0]) + float64(action[1])
	if d.steps++; d.steps == 6 {
		return action[0], Truncated
	}
	return action[0], Running
}
func (d *dial) Observe(_ []int32, dense []float32) { dense[0] = float32(d.at) }

func makeLock() (Env, error) { return new(lock), nil }
func makeDial() (Env, error) { return new(dial), nil }

// traceActions plays random actions of any kind and writes down all that a Vec shows.
func traceActions(v *Vec, r *rand.Rand, steps int) (out []float64) {
	width := v.Spec.Width()
	actions, numbers := make([]int32, v.N*width), make([]float32, v.N*v.Spec.Continuous)
	for range steps {
		if v.Spec.Continuous > 0 {
			for i := range numbers {
				numbers[i] = float32(3 * r.NormFloat64()) // often beyond the bounds
			}
			v.StepContinuous(numbers)
		} else {
			for i := range actions {
				actions[i] = r.Int32N(int32(v.Spec.Heads[i%width]))
			}
			v.Step(actions)
		}
		for _, x := range [][]float32{v.Reward, v.Obs.Features, v.Next.Features} {
			for _, y := range x {
				out = append(out, float64(y))
			}
		}
		for i, end := range v.End {
			if out = append(out, float64(end), float64(v.Level[i])); end != Running {
				out = append(out, v.EpisodeReturn[i], float64(v.EpisodeLength[i]))
			}
		}
	}
	return out
}

func TestVecOfOtherActions(t *testing.T) {
	for name, makeEnv := range map[string]func() (Env, error){"multi-discrete": makeLock, "continuous": makeDial} {
		t.Run(name, func(t *testing.T) {
			if err := Check(func() Env { e, _ := makeEnv(); return e }, 0, 3); err != nil {
				t.Fatal(err)
			}
			var first []float64
			for _, procs := range []int{1, 2, 4} {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
				v, err := NewVec(makeEnv, 37, Levels{}, 7)
				if err != nil {
					t.Fatal(err)
				}
				got := traceActions(v, rand.New(rand.NewPCG(1, 2)), 50)
				if first == nil {
					first = got
				} else if !slices.Equal(got, first) {
					t.Errorf("GOMAXPROCS %d gives another history than 1", procs)
				}
			}
			a, _ := NewVec(makeEnv, 5, Levels{}, 7)
			traceActions(a, rand.New(rand.NewPCG(1, 2)), 22)
			b, _ := NewVec(makeEnv, 5, Levels{}, 99)
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
			if !slices.Equal(traceActions(a, rand.New(rand.NewPCG(3, 4)), 40), traceActions(b, rand.New(rand.NewPCG(3, 4)), 40)) {
				t.Error("histories differ after restoring")
			}
			actions, numbers := make([]int32, 10), make([]float32, 10)
			n := testing.AllocsPerRun(100, func() {
				if a.Spec.Continuous > 0 {
					a.StepContinuous(numbers)
				} else {
					a.Step(actions)
				}
			})
			if n != 0 {
				t.Errorf("%v allocations a step", n)
			}
		})
	}
}

// Two dials start at 0. Of the actions -5, 1 and 7, 3 the environments see -1, 1 and 3, 3.
func TestContinuousActionsAreClipped(t *testing.T) {
	v, err := NewVec(makeDial, 2, Levels{Count: 1}, 1)
	if err != nil {
		t.Fatal(err)
	}
	actions := []float32{-5, 1, 7, 3}
	v.StepContinuous(actions)
	if !slices.Equal(v.Reward, []float32{-1, 3}) || !slices.Equal(v.Obs.Features, []float32{0, 6}) {
		t.Errorf("rewards %v, places %v; want -1 3 and 0 6", v.Reward, v.Obs.Features)
	}
	if !slices.Equal(actions, []float32{-5, 1, 7, 3}) {
		t.Errorf("the caller's actions became %v", actions)
	}
	e, _ := v.Episode(0)
	if !slices.Equal(e.Continuous, []float32{-1, 1}) {
		t.Errorf("the episode's actions are %v, want -1 1", e.Continuous)
	}
}

func TestActionsThatDoNotFitPanic(t *testing.T) {
	dials, _ := NewVec(makeDial, 2, Levels{}, 1)
	locks, _ := NewVec(makeLock, 2, Levels{}, 1)
	nan := float32(math.NaN())
	for _, c := range []struct {
		step func()
		want string
	}{
		{func() { dials.StepContinuous(make([]float32, 3)) }, "3 real numbers as actions for 2 environments"},
		{func() { dials.StepContinuous([]float32{0, 1, nan, 1}) }, "the action [NaN 1] for environment 1 of dial is not a number"},
		{func() { dials.Step(make([]int32, 4)) }, "4 numbers as actions"},
		{func() { locks.Step(make([]int32, 2)) }, "2 numbers as actions for 2 environments"},
		{func() { locks.StepContinuous(make([]float32, 4)) }, "4 real numbers"},
	} {
		func() {
			defer func() {
				if s := fmt.Sprint(recover()); !strings.Contains(s, c.want) {
					t.Errorf("panic %q, want one containing %q", s, c.want)
				}
			}()
			c.step()
		}()
	}
}

func TestEpisodesOfOtherActionsAreChecked(t *testing.T) {
	dials, _ := NewVec(makeDial, 1, Levels{}, 1)
	locks, _ := NewVec(makeLock, 1, Levels{}, 1)
	nan := float32(math.NaN())
	for _, c := range []struct {
		vec  *Vec
		e    Episode
		want string
	}{
		{dials, Episode{Continuous: []float32{1}}, "do not fit"},
		{dials, Episode{Actions: []int32{1, 1}}, "do not fit"},
		{dials, Episode{Continuous: []float32{1, 3.5}}, "action 3.5 at step 0"},
		{dials, Episode{Continuous: []float32{1, 1, nan, 0}}, "action NaN at step 1"},
		{locks, Episode{Continuous: []float32{1, 1}}, "do not fit"},
		{locks, Episode{Actions: []int32{2, 3, 1}}, "do not fit"},
		{locks, Episode{Actions: []int32{2, 3, 1, 4}}, "action 4 at step 1; lock has actions 0 to 3"},
		{locks, Episode{Actions: []int32{3, 0}}, "action 3 at step 0; lock has actions 0 to 2"},
	} {
		good, err := c.vec.Episode(0)
		if err != nil {
			t.Fatal(err)
		}
		c.e.Stream = good.Stream
		if err := c.vec.SetEpisode(0, c.e); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want one containing %q", c.e, err, c.want)
		}
	}
}

func TestActionSpacesAreChecked(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		spec Spec
		want string // "": sound
	}{
		{Spec{Actions: 2}, ""},
		{Spec{Continuous: 3, Low: -1, High: 1}, ""},
		{Spec{Heads: Heads{2, 3}}, ""},
		{Spec{Heads: Heads{1, 1, 1, 1, 1, 1, 1, 2}}, ""},
		{Spec{}, "0 actions"},
		{Spec{Actions: 2, Continuous: 1, High: 1}, "only one of them may be set"},
		{Spec{Actions: 2, Heads: Heads{2}}, "only one of them may be set"},
		{Spec{Continuous: -1, High: 1}, "actions of -1 numbers"},
		{Spec{Continuous: 1}, "Low = 0 to High = 0"},
		{Spec{Continuous: 1, Low: 2, High: 1}, "Low = 2 to High = 1"},
		{Spec{Continuous: 1, Low: nan, High: 1}, "Low = NaN"},
		{Spec{Continuous: 1, Low: 0, High: nan}, "High = NaN"},
		{Spec{Continuous: 1, Low: -inf, High: 1}, "Low = -Inf"},
		{Spec{Continuous: 1, Low: 0, High: inf}, "High = +Inf"},
		{Spec{Actions: 2, High: 1}, "its actions are not continuous"},
		{Spec{Heads: Heads{2, -1}}, "positive sizes must come first"},
		{Spec{Heads: Heads{0, 2}}, "positive sizes must come first"},
		{Spec{Heads: Heads{2, 0, 2}}, "positive sizes must come first"},
	} {
		c.spec.Name, c.spec.Dense = "odd", 1
		err := c.spec.Check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: error %v, want one containing %q", c.spec, err, c.want)
		}
	}
	for want, spec := range map[string]Spec{
		"no method StepContinuous": {Name: "odd", Continuous: 1, High: 1, Dense: 1},
		"no method StepHeads":      {Name: "odd", Heads: Heads{2, 2}, Dense: 1},
	} {
		if _, err := NewVec(func() (Env, error) { return &odd{spec: spec}, nil }, 1, Levels{}, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one containing %q", err, want)
		}
	}
}

func TestRequireDiscrete(t *testing.T) {
	if err := new(walk).Spec().RequireDiscrete("x"); err != nil {
		t.Error(err)
	}
	for want, s := range map[string]Spec{
		"x: lock has multi-discrete actions, of parts with [3 4] values": new(lock).Spec(),
		"x: dial has continuous actions, of 2 real numbers each":         new(dial).Spec(),
	} {
		if err := s.RequireDiscrete("x"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one containing %q", err, want)
		}
	}
}
