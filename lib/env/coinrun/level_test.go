package coinrun

import (
	"reflect"
	"slices"
	"testing"
)

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
