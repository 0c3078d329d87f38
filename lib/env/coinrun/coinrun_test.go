package coinrun

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"goalgap/lib/env"
)

func mustNew(t testing.TB, cfg Config) *Env {
	t.Helper()
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func mustGenerate(t testing.TB, cfg Config, seed int64) *Level {
	t.Helper()
	l, err := Generate(cfg, seed)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestMersenneTwisterCheckValue(t *testing.T) {
	// The C++ standard, [rand.predef]: the 10000th output of a default-constructed mt19937.
	var g mt19937
	g.seed(5489)
	for range 9999 {
		g.uint32()
	}
	if got := g.uint32(); got != 4123659995 {
		t.Errorf("10000th output %d, want 4123659995", got)
	}
}

func TestWrongConfigsAreRefused(t *testing.T) {
	for _, c := range []struct {
		cfg   Config
		names string
	}{
		{Config{Mode: 2}, "Mode"},
		{Config{Variant: 4}, "Variant"},
		{Config{Variant: RandomCoin, RandomPercent: -1}, "RandomPercent"},
		{Config{Variant: RandomCoin, RandomPercent: 101}, "RandomPercent"},
		{Config{RandomPercent: 10}, "RandomPercent"},
		{Config{Variant: AlwaysRandomCoin, RandomPercent: 10}, "RandomPercent"},
		{Config{ContinueAfterCoin: true}, "ContinueAfterCoin"},
		{Config{Blind: 1 << NumPlanes}, "Blind"},
	} {
		if _, err := New(c.cfg); err == nil || !strings.Contains(err.Error(), c.names) {
			t.Errorf("New(%+v): error %v does not name %s", c.cfg, err, c.names)
		}
		if _, err := Generate(c.cfg, 0); err == nil {
			t.Errorf("Generate(%+v): no error", c.cfg)
		}
	}
	for _, s := range []Seeds{{NumLevels: -1}, {NumLevels: 10, StartLevel: 1 << 31}} {
		if _, err := s.Streams(1); err == nil {
			t.Errorf("%+v: no error", s)
		}
	}
}

func TestStepPanicsOnMisuse(t *testing.T) {
	panics := func(f func()) (p bool) {
		defer func() { p = recover() != nil }()
		f()
		return false
	}
	e := mustNew(t, Config{})
	if !panics(func() { e.Step(4) }) {
		t.Error("Step before Reset did not panic")
	}
	e.Reset(1)
	if !panics(func() { e.Step(15) }) || !panics(func() { e.Step(-1) }) {
		t.Error("Step with a wrong action did not panic")
	}
	for end := env.Running; end == env.Running; {
		_, end = e.Step(4)
	}
	if !panics(func() { e.Step(4) }) {
		t.Error("Step after the end did not panic")
	}
}

func TestWaitingTimesOut(t *testing.T) {
	e := mustNew(t, Config{Mode: Easy})
	e.Reset(3)
	for step := 1; step <= MaxSteps; step++ {
		reward, end := e.Step(4)
		want := env.Running
		if step == MaxSteps {
			want = env.Truncated
		}
		if reward != 0 || end != want {
			t.Fatalf("step %d: reward %v, %v", step, reward, end)
		}
	}
	if o := e.Outcome(); o.First() != TimeoutFirst || o.Died() || o.Steps != MaxSteps {
		t.Errorf("outcome %+v", o)
	}
}

// asWritten is a level without the parts that say which configuration made it.
func asWritten(l *Level) *Level {
	return &Level{
		Seed: l.Seed, Mode: l.Mode, Difficulty: l.Difficulty, Danger: l.Danger, Sections: slices.Clone(l.Sections),
		Start: l.Start, End: l.End, RandomPlace: l.RandomPlace, Entities: slices.Clone(l.Entities),
		Background: l.Background, BackgroundX: l.BackgroundX, AgentTheme: l.AgentTheme, WallTheme: l.WallTheme,
		Draws: l.Draws,
	}
}

func TestLevelIsAFunctionOfItsSeed(t *testing.T) {
	used := mustNew(t, Config{}) // makes all its levels in the same memory
	for seed := range int64(300) {
		used.Reset(seed)
		fresh := mustGenerate(t, Config{}, seed)
		if !reflect.DeepEqual(asWritten(used.level), asWritten(fresh)) || used.level.grid != fresh.grid ||
			!slices.Equal(used.level.tracks, fresh.tracks) {
			t.Fatalf("seed %d: reused memory gives another level", seed)
		}
	}
}

func TestLayoutIsTheSameForAllPercentages(t *testing.T) {
	for _, variant := range []Variant{RandomCoin, ModWall} {
		random := map[int]int{}
		for seed := range int64(200) {
			base := mustGenerate(t, Config{Variant: variant}, seed)
			if base.RandomGoal || base.Coin != base.End {
				t.Fatalf("seed %d: random goal at 0 %%", seed)
			}
			before := false
			for _, percent := range []int{2, 50, 100} {
				l := mustGenerate(t, Config{Variant: variant, RandomPercent: percent}, seed)
				if !reflect.DeepEqual(asWritten(l), asWritten(base)) {
					t.Fatalf("%v, seed %d: %d %% changes the layout", variant, seed, percent)
				}
				for x := range Size {
					for y := range Size {
						p := Point{x, y}
						if p != l.End && p != l.RandomPlace && l.At(x, y) != base.At(x, y) {
							t.Fatalf("%v, seed %d: %d %% changes cell %v", variant, seed, percent, p)
						}
					}
				}
				marker, ok := l.Marker()
				if !ok || l.At(l.Coin.X, l.Coin.Y) != Coin || l.At(marker.X, marker.Y) != Marker || marker == l.Coin {
					t.Fatalf("%v, seed %d: coin at %v, marker at %v", variant, seed, l.Coin, marker)
				}
				if before && !l.RandomGoal {
					t.Fatalf("%v, seed %d: random goal lost at %d %%", variant, seed, percent)
				}
				before = l.RandomGoal
				if l.RandomGoal {
					random[percent]++
				}
			}
		}
		if random[100] != 200 || random[50] < 70 || random[50] > 130 || random[2] > 15 {
			t.Errorf("%v: random goals in 200 levels: %v", variant, random)
		}
	}
}

// The statistics are those of an independent tabulation of the rules: the end of the level is at column 8 to 50, and a
// third of the levels have one section only.
func TestLevelStatistics(t *testing.T) {
	const n = 200000
	single, sum := 0, 0
	var l Level
	for seed := range int64(n) {
		l.generate(Config{}, seed)
		if l.End.X < 8 || l.End.X > 50 || len(l.Sections) > maxSections || len(l.Entities) > maxEntities || len(l.tracks) > maxEnemies {
			t.Fatalf("seed %d: end %v, %d sections, %d entities", seed, l.End, len(l.Sections), len(l.Entities))
		}
		if len(l.Sections) == 1 {
			single++
		}
		sum += l.End.X
		for _, s := range l.Entities {
			if c := l.At(int(s.X), int(s.Y)); c != Space {
				t.Fatalf("seed %d: %v at %v, %v stands in %v", seed, s.Kind, s.X, s.Y, c)
			}
		}
		for _, s := range l.saws {
			for _, c := range l.crates {
				if s == c {
					t.Fatalf("seed %d: saw and crate in one cell", seed)
				}
			}
		}
		for _, tr := range l.tracks {
			if tr.hi-tr.lo < 2 {
				t.Fatalf("seed %d: an enemy walks between %v and %v", seed, tr.lo, tr.hi)
			}
		}
	}
	if share := float64(single) / n; share < 0.32 || share > 0.35 {
		t.Errorf("%.3f of the levels have one section, want 1/3", share)
	}
	if mean := float64(sum) / n; mean < 18.4 || mean > 18.8 {
		t.Errorf("mean end %.2f, want 18.6", mean)
	}
}

func TestObservationsAreLegalAndComplete(t *testing.T) {
	for _, cfg := range []Config{{}, {Mode: Easy}, {Variant: ModWall, RandomPercent: 50}, {Variant: AlwaysRandomCoin}} {
		e := mustNew(t, cfg)
		spec := e.Spec()
		rnd := rand.New(rand.NewPCG(2, 3))
		actions := sticky{r: rnd}
		active, dense := make([]int32, spec.MaxActive), make([]float32, spec.Dense)
		for range 150 {
			e.Reset(rnd.Int64N(1 << 31))
			for end := env.Running; end == env.Running; {
				e.Observe(active, dense)
				checkObservation(t, e, active, dense)
				_, end = e.Step(actions.next())
			}
			e.Observe(active, dense)
			checkObservation(t, e, active, dense)
		}
	}
}

// checkObservation compares an observation with one built from the level's cells and entities.
func checkObservation(t *testing.T, e *Env, active []int32, dense []float32) {
	t.Helper()
	want := map[int32]bool{}
	planes := map[Cell]Plane{
		WallInner: PlaneWall, FakeWall: PlaneWall, WallTop: PlaneWallTop, LavaInner: PlaneLava, LavaTop: PlaneLavaTop,
		Coin: PlaneCoin,
	}
	px, py := int(e.x), int(e.y)
	for dx := -Radius; dx <= Radius; dx++ {
		for dy := -Radius; dy <= Radius; dy++ {
			if p, shown := planes[e.level.At(px+dx, py+dy)]; shown {
				want[int32(Index(p, dx, dy))] = true
			}
		}
	}
	for _, s := range e.AppendEntities(nil) {
		dx, dy := int(s.X)-px, int(s.Y)-py
		if max(dx, -dx, dy, -dy) > Radius {
			continue
		}
		p := PlaneSaw
		switch {
		case s.Kind == Crate:
			p = PlaneCrate
		case s.Kind == Enemy && s.VX > 0:
			p = PlaneEnemyRight
		case s.Kind == Enemy:
			p = PlaneEnemyLeft
		}
		want[int32(Index(p, dx, dy))] = true
	}
	n := 0
	for ; n < len(active) && active[n] >= 0; n++ {
		if !want[active[n]] {
			t.Fatalf("seed %d, step %d: %q is wrong or there twice", e.level.Seed, e.t, DescribeIndex(int(active[n])))
		}
		delete(want, active[n])
	}
	if len(want) != 0 {
		t.Fatalf("seed %d, step %d: %v missing", e.level.Seed, e.t, want)
	}
	for _, i := range active[n:] {
		if i != -1 {
			t.Fatalf("seed %d, step %d: %d after the first -1", e.level.Seed, e.t, i)
		}
	}
	for i, v := range dense {
		if lo := float32(-1); !(v >= lo && v <= 1) || i >= DenseOffsetX && v < 0 {
			t.Fatalf("seed %d, step %d: %s is %v", e.level.Seed, e.t, DescribeDense(i), v)
		}
	}
}

func TestBlindPlanesAreLeftOut(t *testing.T) {
	for _, planes := range []Planes{SetOf(PlaneCoin, PlaneEnemyLeft, PlaneEnemyRight), SetOf(PlaneWall, PlaneSaw)} {
		testBlind(t, planes)
	}
}

func testBlind(t *testing.T, planes Planes) {
	see, blind := mustNew(t, Config{}), mustNew(t, Config{Blind: planes})
	a, b, dense := make([]int32, see.Spec().MaxActive), make([]int32, blind.Spec().MaxActive), make([]float32, DenseLen)
	actions := sticky{r: rand.New(rand.NewPCG(4, 4))}
	hidden := 0
	for seed := range int64(50) {
		see.Reset(seed)
		blind.Reset(seed)
		for end := env.Running; end == env.Running; {
			see.Observe(a, dense)
			blind.Observe(b, dense)
			n := 0
			for _, i := range a {
				if i < 0 {
					break
				}
				if p, _, _ := Locate(int(i)); planes>>p&1 != 0 {
					hidden++
					continue
				}
				if b[n] != i {
					t.Fatalf("seed %d: %d, want %d", seed, b[n], i)
				}
				n++
			}
			if n < len(b) && b[n] != -1 {
				t.Fatalf("seed %d: %s is seen", seed, DescribeIndex(int(b[n])))
			}
			action := actions.next()
			_, end = see.Step(action)
			blind.Step(action)
		}
	}
	if hidden == 0 {
		t.Error("nothing to hide in 50 episodes")
	}
}

func TestIndexAndLocateAreInverse(t *testing.T) {
	for i := range NumPlanes * WindowCells {
		p, dx, dy := Locate(i)
		if Index(p, dx, dy) != i {
			t.Fatalf("Locate(%d) = %v, %d, %d", i, p, dx, dy)
		}
	}
}

func TestNothingIsAllocated(t *testing.T) {
	e, ahead := mustNew(t, Config{}), mustNew(t, Config{})
	active, dense := make([]int32, e.Spec().MaxActive), make([]float32, DenseLen)
	actions := sticky{r: rand.New(rand.NewPCG(5, 5))}
	seed := int64(0)
	episode := func() {
		seed++
		e.Reset(seed)
		for end := env.Running; end == env.Running; {
			_, end = e.Step(actions.next())
			e.Observe(active, dense)
		}
		e.Outcome()
	}
	episode()
	if n := testing.AllocsPerRun(200, episode); n != 0 {
		t.Errorf("an episode allocates %v times", n)
	}
	e.Reset(1)
	if n := testing.AllocsPerRun(200, func() {
		ahead.CopyFrom(e)
		ahead.Step(8)
	}); n != 0 {
		t.Errorf("looking ahead allocates %v times", n)
	}
}

func TestACopyContinuesAlike(t *testing.T) {
	cfg := Config{Variant: RandomCoin, RandomPercent: 50}
	e, ahead, again := mustNew(t, cfg), mustNew(t, cfg), mustNew(t, cfg)
	rnd := rand.New(rand.NewPCG(6, 6))
	actions := sticky{r: rnd}
	picture, copied := make([]byte, 4096), make([]byte, 4096)
	for range 300 {
		seed := rnd.Int64N(1 << 31)
		e.Reset(seed)
		end := env.Running
		for range rnd.IntN(60) {
			if end == env.Running {
				_, end = e.Step(actions.next())
			}
		}
		ahead.CopyFrom(e)
		// The original goes on to another level: that must not disturb the copy.
		before := goldenState(e)
		again.CopyFrom(e)
		e.Reset(seed + 1)
		if goldenState(ahead) != before {
			t.Fatalf("seed %d: the copy changed", seed)
		}
		for end == env.Running {
			action := actions.next()
			r1, e1 := ahead.Step(action)
			r2, e2 := again.Step(action)
			ahead.Monochrome(picture)
			again.Monochrome(copied)
			if r1 != r2 || e1 != e2 || goldenState(ahead) != goldenState(again) || ahead.Outcome() != again.Outcome() ||
				ahead.LastTie() != again.LastTie() || !slices.Equal(picture, copied) {
				t.Fatalf("seed %d: copies part at step %d", seed, ahead.Steps())
			}
			end = e1
		}
	}
}

// An agent that looks neither left nor right: run, and jump whenever it can.
func TestRunnerSeparatesCoinFromEnd(t *testing.T) {
	e := mustNew(t, Config{Variant: AlwaysRandomCoin, Mode: Easy})
	count := map[First]int{}
	for seed := range int64(300) {
		e.Reset(seed)
		l := e.Level()
		for end := env.Running; end == env.Running; {
			_, end = e.Step(Action(1, 1))
		}
		o := e.Outcome()
		count[o.First()]++
		switch o.First() {
		case EndFirst:
			if o.MarkerStep != o.EndStep || o.EndStep == 0 || o.MaxX < float32(l.End.X)-0.5 {
				t.Fatalf("seed %d: %+v", seed, o)
			}
		case CoinFirst:
			if o.Return != 10 || o.Ended != env.Terminated || o.Causes&ByCoin == 0 {
				t.Fatalf("seed %d: %+v", seed, o)
			}
		case DeathFirst:
			if !o.Died() || o.Return != 0 {
				t.Fatalf("seed %d: %+v", seed, o)
			}
		}
	}
	if count[EndFirst] == 0 || count[CoinFirst] == 0 || count[DeathFirst] == 0 || count[Nothing] != 0 {
		t.Errorf("outcomes %v", count)
	}
}

func TestSequentialSeedsFollowACompletedLevel(t *testing.T) {
	streams, err := Seeds{RandSeed: 1, Sequential: true}.Streams(1)
	if err != nil {
		t.Fatal(err)
	}
	first := streams[0].Next(false)
	if second := streams[0].Next(true); second != first+997 {
		t.Errorf("after level %d came %d", first, second)
	}
}

func TestResetLevelPlaysThatLevel(t *testing.T) {
	a, b := mustNew(t, Config{}), mustNew(t, Config{})
	a.Reset(17)
	b.ResetLevel(mustGenerate(t, Config{}, 17))
	actions := sticky{r: rand.New(rand.NewPCG(8, 8))}
	for end := env.Running; end == env.Running; {
		action := actions.next()
		_, end = a.Step(action)
		b.Step(action)
		if goldenState(a) != goldenState(b) {
			t.Fatalf("step %d differs", a.Steps())
		}
	}
}

// BenchmarkStep plays hard levels with the actions of an erratic runner, observes every step, and counts resets in.
func BenchmarkStep(b *testing.B) {
	e := mustNew(b, Config{})
	active, dense := make([]int32, e.Spec().MaxActive), make([]float32, DenseLen)
	src := sticky{r: rand.New(rand.NewPCG(7, 7))}
	var actions [1 << 14]uint8
	for i := range actions {
		actions[i] = uint8(src.next())
	}
	seed := int64(0)
	e.Reset(seed)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if _, end := e.Step(int(actions[i%len(actions)])); end != env.Running {
			seed++
			e.Reset(seed)
		}
		e.Observe(active, dense)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "steps/s")
	b.ReportMetric(float64(b.N)/float64(seed+1), "steps/episode")
}

func BenchmarkCopyFrom(b *testing.B) {
	e, ahead := mustNew(b, Config{}), mustNew(b, Config{})
	e.Reset(1)
	for range b.N {
		ahead.CopyFrom(e)
	}
}

func BenchmarkReset(b *testing.B) {
	e := mustNew(b, Config{})
	for i := range b.N {
		e.Reset(int64(i))
	}
}
