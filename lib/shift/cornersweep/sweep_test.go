package main

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/jaxgmg"
	"goalgap/lib/env/jaxgmg/corner"
)

// By hand: episodes begin at steps 0 and 3, and return 0.5² and, unfinished, 0.
func TestReturnsAreAveragedOverEpisodesTheUnfinishedOneIncluded(t *testing.T) {
	got := meanDiscounted([]float64{0, 0, 1, 0, 0}, []bool{false, false, true, false, false}, 0.5)
	if got != 0.125 {
		t.Errorf("mean return %v, want 0.125", got)
	}
	if got := meanDiscounted([]float64{1, 0, 1}, []bool{true, false, true}, 0.5); got != (1+0.5)/2 {
		t.Errorf("mean return %v of two finished episodes, want 0.75", got)
	}
}

// uniform draws all actions with the same probability.
type uniform struct{}

func (uniform) Sample(actions []int32, obs env.Batch, r *rand.Rand) {
	for i := range actions[:obs.N] {
		actions[i] = int32(r.IntN(jaxgmg.NumActions))
	}
}

// What random actions get on the recorded levels was simulated independently, 4000 times: means, and standard deviations
// of one evaluation.
func TestRandomActionsGetWhatTheyGetInTheOriginal(t *testing.T) {
	_, on, off := corner.SweepSeeds()
	const runs = 4
	for _, c := range []struct {
		name          string
		size          int
		levels        []int64
		quantity      func(returns) float64
		mean, deviate float64
	}{
		{"off", 11, off, func(r returns) float64 { return r.cheese }, 0.1595, 0.0060},
		{"off, corner", 11, off, func(r returns) float64 { return r.corner }, 0.0723, 0.0040},
		{"on, size 1", 1, on, func(r returns) float64 { return r.cheese }, 0.0696, 0.0033},
		{"on, size 2", 2, on, func(r returns) float64 { return r.cheese }, 0.0944, 0.0040},
		{"on, size 2, corner", 2, on, func(r returns) float64 { return r.corner }, 0.0475, 0.0026},
	} {
		sum := 0.0
		for seed := range runs {
			r, err := evaluate(uniform{}, corner.Sweep(c.size), c.levels, uint64(seed))
			if err != nil {
				t.Fatal(err)
			}
			sum += c.quantity(r) / runs
		}
		if limit := 4 * c.deviate / math.Sqrt(runs); math.Abs(sum-c.mean) > limit {
			t.Errorf("%s: %.4f, want %.4f ± %.4f", c.name, sum, c.mean, limit)
		}
	}
}

func TestPlayersFollowTheSchedule(t *testing.T) {
	const cycles = 3
	makeEnv, err := players(11, cycles)
	if err != nil {
		t.Fatal(err)
	}
	seeds, _, _ := corner.SweepSeeds()
	schedule, err := corner.SweepSchedule(cycles)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 1))
	for i := range corner.SweepBatch {
		e, err := makeEnv()
		if err != nil {
			t.Fatal(err)
		}
		p := e.(*player)
		p.Reset(12345)
		length := 0
		for step := range cycles * cycleSteps {
			want, err := corner.Generate(corner.Sweep(11), seeds[schedule[step/cycleSteps][i]])
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Level(); got.String() != want.String() {
				t.Fatalf("environment %d plays in step %d\n%v\nwant\n%v", i, step, got, want)
			}
			_, end := p.Step(random.IntN(jaxgmg.NumActions))
			length++
			last := (step+1)%cycleSteps == 0
			over := p.Outcome().Ended != env.Running
			switch {
			case over && end != env.Terminated:
				t.Fatalf("an episode of %d steps ended as %v", length, end)
			case !over && last && end != env.Truncated:
				t.Fatalf("at the end of a cycle an episode was %v", end)
			case !over && !last && end != env.Running:
				t.Fatalf("after %d steps an episode was %v", length, end)
			}
			if end != env.Running {
				p.Reset(0)
				length = 0
			}
		}
	}
	if _, err := makeEnv(); err == nil {
		t.Error("a 33rd environment was made")
	}
}

func TestWrongInputIsNamed(t *testing.T) {
	record := "../../env/jaxgmg/corner/testdata/corner13-curves.csv"
	for name, err := range map[string]error{
		"size 12":          sweep("1,12", 1, 0, "1/1", "", record),
		"no size":          sweep("", 1, 0, "1/1", "", record),
		"no seed":          sweep("1", 0, 0, "1/1", "", record),
		"cycle 63":         sweep("1", 1, 63, "1/1", "", record),
		"part 3/2":         sweep("1", 1, 0, "3/2", "", record),
		"no record":        sweep("1", 1, 0, "1/1", "", "nowhere.csv"),
		"other csv":        sweep("1", 1, 0, "1/1", "", "testdata/sweep.csv"),
		"part not a share": sweep("1", 1, 0, "half", "", record),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestRowsAreReadAsTheyWereWritten(t *testing.T) {
	rows := []row{{size: 1, seed: 2, cycle: 64, on: returns{0.25, 0.5}, off: returns{0.125, 0.75}}}
	file := filepath.Join(t.TempDir(), "rows.csv")
	if err := write(file, rows); err != nil {
		t.Fatal(err)
	}
	got, err := read(file)
	if err != nil || !slices.Equal(got, rows) {
		t.Errorf("%v, %v", got, err)
	}
	if err := os.WriteFile(file, []byte("a,b\n1,2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := read(file); err == nil {
		t.Error("a table of something else was read")
	}
}
