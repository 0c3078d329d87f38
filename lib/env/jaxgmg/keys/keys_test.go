package keys

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/jaxgmg"
)

func make1(t *testing.T, cfg Config) *Env {
	t.Helper()
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func parse(t *testing.T, text string) *Level {
	t.Helper()
	l, err := ParseLevel(text)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func optimal(t *testing.T, l *Level, discount float64, steps int) float64 {
	t.Helper()
	v, err := l.Optimal(discount, steps)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestLaws(t *testing.T) {
	for _, cfg := range []Config{
		{}, {Alpha: 0.5}, {Keys: 10, Chests: 3},
		{Size: 7, Keys: 1, Chests: 2, ShiftKeys: 3, ShiftChests: 1, Alpha: 0.5, MaxSteps: 9},
		{Size: 7, Keys: 7, Chests: 17, ShiftKeys: 1, ShiftChests: 1, Walls: jaxgmg.Tree},
		{Size: 4, Keys: 1, Chests: 1, ShiftKeys: 2, ShiftChests: 1},
	} {
		if err := env.Check(func() env.Env { return make1(t, cfg) }, 0, 1, 2, 1<<40); err != nil {
			t.Error(err)
		}
	}
}

const mazeK = `
#######
#@.k..#
#.###c#
#.#k#.#
#k#.#.#
#..c.c#
#######`

// The best order was worked out by hand: key (4,1) in step 3, chest (5,3) in 6, key (3,3) in 8, chest (5,5) in 12, key
// (1,3) in 18, chest (2,5) in 21.
func TestOptimalByHand(t *testing.T) {
	l := parse(t, mazeK)
	for _, c := range []struct{ discount, want float64 }{{0.995, 2.826214}, {0.999, 2.964254}} {
		if got := optimal(t, l, c.discount, 128); math.Abs(got-c.want) > 5e-7 {
			t.Errorf("discount %v: %v, want %v", c.discount, got, c.want)
		}
	}
	e := make1(t, Config{Size: 7, Keys: 3, Chests: 3, ShiftKeys: 1, ShiftChests: 1})
	e.ResetLevel(l)
	sum, end := 0.0, env.Running
	for i, letter := range "DDDDRRUUDDRRUUUULLRRD" {
		if end != env.Running {
			t.Fatalf("%v after %d steps", end, i)
		}
		var r float32
		r, end = e.Step(strings.IndexRune("ULDR", letter))
		sum += float64(r) * math.Pow(0.995, float64(i))
	}
	if math.Abs(sum-2.826214) > 5e-7 || end != env.Terminated || e.Counts().Chests != 3 {
		t.Errorf("the best order returns %v, %v, %+v", sum, end, e.Counts())
	}
	for _, steps := range []int{5, 12, 20, 21} {
		if got, want := optimal(t, l, 0.995, steps), bestReturn(e, l, 0.995, steps); math.Abs(got-want) > 1e-12 {
			t.Errorf("in %d steps %v, want %v", steps, got, want)
		}
	}
}

// situation is all that matters in an episode.
type situation struct {
	mouse             int
	got, used, opened uint64
	ended             env.End
}

// bestReturn finds the best return by trying every action in every situation: another way than Optimal's, for small
// levels.
func bestReturn(e *Env, l *Level, discount float64, steps int) float64 {
	type key struct {
		situation
		left int
	}
	known := map[key]float64{}
	var value func(s situation, left int) float64
	value = func(s situation, left int) float64 {
		if left == 0 || s.ended == env.Terminated {
			return 0
		}
		k := key{s, left}
		if v, ok := known[k]; ok {
			return v
		}
		best := 0.0
		for action := range jaxgmg.NumActions {
			e.mouse, e.got, e.used, e.opened = s.mouse, s.got, s.used, s.opened
			e.outcome = env.Outcome{}
			e.counts = Counts{Chests: ones(s.opened)}
			r, end := e.Step(action)
			next := situation{e.mouse, e.got, e.used, e.opened, end}
			best = max(best, float64(r)+discount*value(next, left-1))
		}
		known[k] = best
		return best
	}
	e.ResetLevel(l)
	return value(situation{mouse: l.Mouse}, steps)
}

func ones(x uint64) (n int) {
	for ; x != 0; x &= x - 1 {
		n++
	}
	return n
}

func TestOptimalAgreesWithTryingEverything(t *testing.T) {
	for _, cfg := range []Config{
		{Size: 6, Keys: 2, Chests: 3, ShiftKeys: 1, ShiftChests: 1},
		{Size: 6, Keys: 3, Chests: 1, ShiftKeys: 1, ShiftChests: 1},
		{Size: 7, Keys: 2, Chests: 2, ShiftKeys: 1, ShiftChests: 1, Walls: jaxgmg.Tree},
	} {
		e := make1(t, cfg)
		for seed := range int64(8) {
			l, err := Generate(cfg, seed)
			if err != nil {
				t.Fatal(err)
			}
			for _, steps := range []int{6, 12, 40} {
				got, want := optimal(t, l, 0.9, steps), bestReturn(e, l, 0.9, steps)
				if math.Abs(got-want) > 1e-12 {
					t.Errorf("%v, level %d, %d steps: %v, want %v\n%v", cfg, seed, steps, got, want, l)
				}
			}
		}
	}
}

func TestRulesStepByStep(t *testing.T) {
	e := make1(t, Config{Size: 7, Keys: 3, Chests: 1, ShiftKeys: 1, ShiftChests: 1, MaxSteps: 20})
	l := parse(t, `
#######
#c@kkk#
#######
#######
#######
#######
#######`)
	e.ResetLevel(l)
	type result struct {
		reward float32
		end    env.End
		held   int
		proxy  bool
	}
	for i, c := range []struct {
		action int
		want   result
	}{
		{jaxgmg.Left, result{0, env.Running, 0, false}},   // a closed chest without a key
		{jaxgmg.Left, result{0, env.Running, 0, false}},   // against the wall
		{jaxgmg.Right, result{0, env.Running, 0, false}},  //
		{jaxgmg.Right, result{0, env.Running, 1, false}},  // one key for one chest
		{jaxgmg.Right, result{0, env.Running, 2, true}},   // one too many
		{jaxgmg.Left, result{0, env.Running, 2, true}},    // no key lies there any more
		{jaxgmg.Left, result{0, env.Running, 2, true}},    //
		{jaxgmg.Left, result{1, env.Terminated, 1, true}}, // as many chests as there can be
	} {
		reward, end := e.Step(c.action)
		if got := (result{reward, end, e.Held(), e.Outcome().Proxy()}); got != c.want {
			t.Errorf("step %d: %+v, want %+v", i+1, got, c.want)
		}
	}
	o, c := e.Outcome(), e.Counts()
	want := Counts{Keys: 2, Chests: 1, KeySteps: 1 + 2 + 2 + 2 + 1}
	if o.First() != env.ProxyFirst || o.GoalStep != 8 || o.ProxyStep != 5 || c != want {
		t.Errorf("%+v, %+v", o, c)
	}
}

// Things lie on different free cells, and a seed has one maze for every Alpha.
func TestLevels(t *testing.T) {
	const n = 1000
	shifted := 0
	for seed := range int64(n) {
		plain, err := Generate(Config{}, seed)
		if err != nil {
			t.Fatal(err)
		}
		mixed, _ := Generate(Config{Alpha: 0.3}, seed)
		seen := map[int]bool{mixed.Mouse: true}
		for _, cell := range append(append([]int(nil), mixed.Keys...), mixed.Chests...) {
			if seen[cell] || mixed.Wall[cell] {
				t.Fatalf("level %d: cell %d is used twice, or wall", seed, cell)
			}
			seen[cell] = true
		}
		columns := map[int]bool{}
		for _, c := range mixed.Columns {
			if columns[c] || c < 0 || c >= mixed.Size {
				t.Fatalf("level %d: columns %v", seed, mixed.Columns)
			}
			columns[c] = true
		}
		want := [2]int{3, 10}
		if mixed.Shifted {
			want = [2]int{10, 3}
			shifted++
		}
		if got := [2]int{len(mixed.Keys), len(mixed.Chests)}; got != want || len(columns) != want[0] {
			t.Fatalf("level %d: %v keys and chests, want %v", seed, got, want)
		}
		for i := range 3 {
			if plain.Keys[i] != mixed.Keys[i] || plain.Chests[i] != mixed.Chests[i] || plain.Mouse != mixed.Mouse {
				t.Fatalf("level %d differs under Alpha", seed)
			}
		}
	}
	if math.Abs(float64(shifted)-0.3*n) > 5*math.Sqrt(0.21*n) {
		t.Errorf("%d of %d levels are shifted", shifted, n)
	}
}

func TestErrorsNameTheField(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		says string
	}{
		{Config{Size: 70}, "size 70"}, {Config{Keys: 14}, "Keys 14"}, {Config{Chests: -1}, "Chests -1"},
		{Config{ShiftKeys: -2}, "ShiftKeys -2"}, {Config{ShiftChests: 64}, "ShiftChests 64"},
		{Config{Size: 5, Keys: 4, Chests: 4, ShiftKeys: 5, ShiftChests: 4}, "need 10"},
		{Config{Alpha: 2}, "Alpha 2"}, {Config{MaxSteps: -3}, "MaxSteps -3"},
	} {
		if _, err := New(c.cfg); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("error %v does not say %q", err, c.says)
		}
	}
	for _, text := range []string{"####\n#k.#\n#..#\n####", "####\n#k@#\n#x.#\n####"} {
		if _, err := ParseLevel(text); err == nil {
			t.Errorf("accepted:\n%s", text)
		}
	}
	l, err := Generate(Config{Size: 13, Keys: 13, Chests: 13}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Optimal(0.9, 100); err == nil {
		t.Error("a level with too many orders was solved")
	}
}

func TestCopiesAndPictures(t *testing.T) {
	a, b := make1(t, Config{}), make1(t, Config{})
	r := rand.New(rand.NewPCG(5, 6))
	for seed := range int64(10) {
		a.Reset(seed)
		for range 20 {
			a.Step(r.IntN(4))
		}
		b.CopyFrom(a)
		for a.Outcome().Ended == env.Running {
			action := r.IntN(4)
			a.Step(action)
			b.Step(action)
			if a.Outcome() != b.Outcome() || a.Counts() != b.Counts() || a.Mouse() != b.Mouse() {
				t.Fatalf("level %d: the copy goes another way", seed)
			}
		}
	}
	if n := testing.AllocsPerRun(100, func() { b.CopyFrom(a) }); n != 0 {
		t.Errorf("a copy makes %v allocations", n)
	}
	if p := a.Draw().Bounds(); p.Dx() != 13*32 || len(a.PNG()) == 0 || len(a.Level().PNG()) == 0 {
		t.Errorf("the picture is %v", p)
	}
}
