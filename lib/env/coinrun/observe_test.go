package coinrun

import (
	"math/rand/v2"
	"testing"

	"goalgap/lib/env"
)

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
