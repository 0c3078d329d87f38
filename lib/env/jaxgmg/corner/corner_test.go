package corner

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/jaxgmg"
	"goalgap/lib/env/tabular"
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

const mazeA = `
#######
#..#..#
##.#.##
#.....#
#.###.#
#*#..@#
#######`

func TestLaws(t *testing.T) {
	for _, cfg := range []Config{
		{}, Sweep(1), Sweep(11), {Size: 4, Walls: jaxgmg.Open}, {Size: 9, Walls: jaxgmg.Tree, Alpha: 0.5},
		{Size: 8, Walls: jaxgmg.Edges, CornerSize: 2, MaxSteps: 5},
	} {
		if err := env.Check(func() env.Env { return make1(t, cfg) }, 0, 1, 2, -5, 1<<40); err != nil {
			t.Error(err)
		}
		if err := tabular.Check(func() tabular.Env { return make1(t, cfg) }, 0, 1, 2, 3); err != nil {
			t.Error(err)
		}
	}
}

// Two mazes whose values were worked out by hand: in the first the cheese is 8 moves away (0.995⁸ = 0.960693, and
// 0.995⁷ = 0.965521 is what can be had), in the second it cannot be reached.
func TestOptimalByHand(t *testing.T) {
	a := parse(t, mazeA)
	if d, c := a.Distance(a.Cheese), a.Distance(a.Corner()); d != 8 || c != 8 {
		t.Fatalf("distance %d, of the corner %d, want 8", d, c)
	}
	for _, c := range []struct{ got, want float64 }{
		{a.Benchmark(0.995, 64), 0.960693}, {a.Optimal(0.995, 64), 0.965521},
		{a.Benchmark(0.999, 64), 0.992028}, {a.Optimal(0.999, 64), 0.993021},
		{a.Optimal(0.999, 8), 0.993021}, {a.Optimal(0.999, 7), 0}, {a.Benchmark(0.999, 8), 0},
	} {
		if math.Abs(c.got-c.want) > 5e-7 {
			t.Errorf("value %v, want %v", c.got, c.want)
		}
	}
	b := parse(t, `
#######
#*#...#
###.#.#
#...#.#
#.#.#.#
#....@#
#######`)
	if b.Distance(b.Cheese) != -1 || b.Optimal(0.995, 64) != 0 || b.Benchmark(0.995, 64) != 0 {
		t.Errorf("the cheese out of reach is worth %v", b.Optimal(0.995, 64))
	}
}

// Two ways to the same number: shortest paths, and backward induction over all states.
func TestOptimalAgreesWithBackwardInduction(t *testing.T) {
	for _, cfg := range []Config{
		Sweep(11), {Size: 13, CornerSize: 11}, {Size: 9, CornerSize: 7, MaxSteps: 9}, {Size: 9, Walls: jaxgmg.Tree},
	} {
		e := make1(t, cfg)
		for seed := range int64(12) {
			e.Reset(seed)
			plan, err := tabular.Solve(e.Process(), e.Spec().MaxSteps, 0.97, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, want := tabular.Mean(e.Process(), plan.Value), e.Level().Optimal(0.97, e.Spec().MaxSteps)
			if math.Abs(got-want) > 1e-12 {
				t.Errorf("%v, level %d: %v by induction, %v by paths", cfg, seed, got, want)
			}
		}
	}
}

// The mouse at (2, 2), the cheese at (1, 2), the corner at (1, 1).
func TestRulesStepByStep(t *testing.T) {
	l := parse(t, `
#######
#.*#..#
##@#.##
#.....#
#.###.#
#.#...#
#######`)
	type result struct {
		reward float32
		proxy  bool
		end    env.End
	}
	for _, c := range []struct {
		cfg     Config
		actions []int
		want    []result
	}{
		{Config{Size: 7}, []int{jaxgmg.Left, jaxgmg.Up}, []result{{0, false, env.Running}, {1, false, env.Terminated}}},
		{Config{Size: 7, UntilBoth: true}, []int{jaxgmg.Left, jaxgmg.Up, jaxgmg.Up, jaxgmg.Left},
			[]result{{0, false, env.Running}, {1, false, env.Running}, {0, false, env.Running}, {0, true, env.Terminated}}},
		{Config{Size: 7, UntilBoth: true, MaxSteps: 3}, []int{jaxgmg.Left, jaxgmg.Up, jaxgmg.Up},
			[]result{{0, false, env.Running}, {1, false, env.Running}, {0, false, env.Truncated}}},
	} {
		e := make1(t, c.cfg)
		e.ResetLevel(l)
		for i, action := range c.actions {
			reward, end := e.Step(action)
			if got := (result{reward, e.Outcome().Proxy(), end}); got != c.want[i] {
				t.Errorf("%v, step %d: %+v, want %+v", c.cfg, i+1, got, c.want[i])
			}
		}
	}
	// A mouse that starts in the corner gets the proxy by a step that ends there, be it against the wall.
	e := make1(t, Config{Size: 7})
	e.ResetLevel(parse(t, strings.Replace(strings.Replace(mazeA, "@", ".", 1), "#..#..#", "#@.#..#", 1)))
	if e.Outcome().Proxy() {
		t.Error("the start in the corner counts")
	}
	if e.Step(jaxgmg.Up); e.Outcome().ProxyStep != 1 || e.Outcome().First() != env.ProxyFirst {
		t.Errorf("against the wall in the corner: %+v", e.Outcome())
	}
}

// meanReturn is how the sweep measures a level: the mean discounted return over all episodes begun in 512 steps of
// random actions, the unfinished last one included; and the same for the proxy.
func meanReturn(e *Env, seed int64, r *rand.Rand) (goal, proxy float64) {
	const steps, discount = 512, 0.995
	episodes := 0
	for t := 0; t < steps; episodes++ {
		e.Reset(seed)
		for end := env.Running; t < steps && end == env.Running; t++ {
			_, end = e.Step(r.IntN(jaxgmg.NumActions))
		}
		if o := e.Outcome(); o.Goal() {
			goal += math.Pow(discount, float64(o.GoalStep-1))
		}
		if o := e.Outcome(); o.Proxy() {
			proxy += math.Pow(discount, float64(o.ProxyStep-1))
		}
	}
	return goal / float64(episodes), proxy / float64(episodes)
}

// Means over 4000 runs of random actions on the sweep's levels, of an independent program, and the standard deviation
// of a single run of 256 levels. The rules of the sweep (until both, 64 steps) and others are well apart.
func TestRandomActionsOnTheSweepsLevels(t *testing.T) {
	_, on, off := SweepSeeds()
	both, cheese := Sweep(11), Sweep(11)
	cheese.UntilBoth = false
	two := Sweep(2)
	twoCheese := two
	twoCheese.UntilBoth = false
	long := both
	long.MaxSteps = 128
	const runs = 20
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name        string
		cfg         Config
		seeds       []int64
		goal, proxy float64 // proxy 0: not known
		sd          float64
	}{
		{"off, until both", both, off, 0.1595, 0.0723, 0.0060},
		{"off, until the cheese", cheese, off, 0.1485, 0.0659, 0.0060},
		{"off, until both, 128 steps", long, off, 0.2165, 0, 0.0070},
		{"on, corner 1", Sweep(1), on, 0.0696, 0, 0.0033},
		{"on, corner 2, until both", two, on, 0.0944, 0.0475, 0.0040},
		{"on, corner 2, until the cheese", twoCheese, on, 0.0912, 0.0304, 0.0040},
	} {
		e := make1(t, c.cfg)
		var goal, proxy float64
		for range runs {
			for _, seed := range c.seeds {
				g, p := meanReturn(e, seed, r)
				goal += g / float64(runs*len(c.seeds))
				proxy += p / float64(runs*len(c.seeds))
			}
		}
		limit := 4*c.sd/math.Sqrt(runs) + 0.00005 // and their rounding
		if math.Abs(goal-c.goal) > limit || c.proxy != 0 && math.Abs(proxy-c.proxy) > limit {
			t.Errorf("%s: %.4f, proxy %.4f, want %.4f, %.4f to within %.4f", c.name, goal, proxy, c.goal, c.proxy, limit)
		}
	}
}

// A seed has one maze for every corner size and for every share of shifted levels, but for the wall that makes room
// for the cheese.
func TestSeedsPairLevels(t *testing.T) {
	shifted, cheeseShifted := 0, 0
	const n = 2000
	for seed := range int64(n) {
		plain, err := Generate(Config{}, seed)
		if err != nil {
			t.Fatal(err)
		}
		mixed, _ := Generate(Config{Alpha: 0.3}, seed)
		all, _ := Generate(Config{Alpha: 1}, seed)
		anywhere, _ := Generate(Config{CornerSize: 11}, seed)
		if plain.Distinguishing() || plain.Shifted || !all.Shifted {
			t.Fatalf("level %d: cheese at %d, shifted %v and %v", seed, plain.Cheese, plain.Shifted, all.Shifted)
		}
		want := plain
		if mixed.Shifted {
			shifted++
			want = all
		}
		if mixed.String() != want.String() || all.String() != anywhere.String() {
			t.Fatalf("level %d of the mixture is of neither distribution", seed)
		}
		if all.Distinguishing() {
			cheeseShifted++
		}
		for cell, wall := range plain.Wall {
			if wall != all.Wall[cell] && cell != plain.Cheese && cell != all.Cheese {
				t.Fatalf("level %d: the mazes differ", seed)
			}
		}
	}
	if math.Abs(float64(shifted)-0.3*n) > 5*math.Sqrt(0.21*n) {
		t.Errorf("%d of %d levels are shifted, want 0.3", shifted, n)
	}
	if cheeseShifted < n*97/100 {
		t.Errorf("only %d of %d cheeses lie outside the corner", cheeseShifted, n)
	}
}

func TestErrorsNameTheField(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		says string
	}{
		{Config{Size: 3}, "size 3"},
		{Config{Size: 12, Walls: jaxgmg.Tree}, "size 12"},
		{Config{CornerSize: 12}, "CornerSize 12"},
		{Config{CornerSize: -1}, "CornerSize -1"},
		{Config{ShiftCornerSize: 12}, "ShiftCornerSize 12"},
		{Config{Alpha: 1.5}, "Alpha 1.5"},
		{Config{Alpha: math.NaN()}, "Alpha NaN"},
		{Config{MaxSteps: -1}, "MaxSteps -1"},
	} {
		if _, err := New(c.cfg); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("error %v does not say %q", err, c.says)
		}
	}
	if _, err := ParseLevel("####\n#@.#\n#..#\n####"); err == nil {
		t.Error("a level without cheese was accepted")
	}
	if _, err := SweepSchedule(2442); err == nil {
		t.Error("a schedule of too many cycles was accepted")
	}
}

func TestCopies(t *testing.T) {
	a, b := make1(t, Sweep(11)), make1(t, Sweep(11))
	r := rand.New(rand.NewPCG(3, 4))
	for seed := range int64(20) {
		a.Reset(seed)
		for range 10 {
			a.Step(r.IntN(4))
		}
		b.CopyFrom(a)
		for range 30 {
			if a.Outcome().Ended != env.Running {
				break
			}
			action := r.IntN(4)
			ra, ea := a.Step(action)
			rb, eb := b.Step(action)
			if ra != rb || ea != eb || a.State() != b.State() || a.Outcome() != b.Outcome() {
				t.Fatalf("level %d: the copy goes another way", seed)
			}
		}
		b.Reset(seed)
		if b.Level().String() != a.Level().String() {
			t.Fatalf("level %d is another one after a copy", seed)
		}
	}
	if n := testing.AllocsPerRun(100, func() { b.CopyFrom(a) }); n != 0 {
		t.Errorf("a copy makes %v allocations", n)
	}
	if p := a.Draw().Bounds(); p.Dx() != 13*32 || p.Dy() != 13*32 || len(a.PNG()) == 0 || len(a.Level().PNG()) == 0 {
		t.Errorf("the picture is %v", p)
	}
}

func BenchmarkStep(b *testing.B) {
	e, err := New(Sweep(11))
	if err != nil {
		b.Fatal(err)
	}
	active := make([]int32, e.Spec().MaxActive)
	seed := int64(0)
	for i := 0; b.Loop(); i++ {
		if _, end := e.Step(i * 7 & 3); end != env.Running {
			seed++
			e.Reset(seed)
		}
		e.Observe(active, nil)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "steps/s")
}

// The ones of an observation are those of the picture that Spec declares: index (row·Width+column)·Channels+channel, with
// the walls of the border in every row and column at the edge.
func TestObservationIsTheImage(t *testing.T) {
	e, err := New(Sweep(11))
	if err != nil {
		t.Fatal(err)
	}
	s := e.Spec()
	if s.Image != (env.Image{Height: 13, Width: 13, Channels: 3}) || s.Sparse != s.Image.Len() {
		t.Fatalf("image %+v of %d numbers", s.Image, s.Sparse)
	}
	active := make([]int32, s.MaxActive)
	e.Observe(active, nil)
	shown := map[int32]bool{}
	mice := 0
	for _, a := range active {
		shown[a] = true
		if a >= 0 && a%3 == KindMouse {
			mice++
		}
	}
	for i := range int32(13) {
		for _, cell := range []int32{i, 12*13 + i, i * 13, i*13 + 12} {
			if !shown[cell*3+KindWall] {
				t.Errorf("cell %d at the edge shows no wall", cell)
			}
		}
	}
	if mice != 1 {
		t.Errorf("%d mice", mice)
	}
}
