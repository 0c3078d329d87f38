package coinrun

import (
	"math/rand/v2"
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
