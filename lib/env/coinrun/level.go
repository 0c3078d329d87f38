package coinrun

import (
	"fmt"
	"sync/atomic"
)

// Size is the width and the height of the world in cells. Cell (i, j) covers [i, i+1) × [j, j+1), x to the right and y
// upward.
const Size = 64

// pad cells of wall surround the stored grid, so that a window around any cell of the world lies inside it.
const (
	pad    = Radius
	stride = Size + 2*pad
)

// Cell is what a cell of the world holds, entities aside.
type Cell uint8

const (
	Space     Cell = iota
	WallInner      // solid; also everything outside the world
	WallTop        // solid; the grass on top of the ground
	LavaInner      // deadly
	LavaTop        // deadly
	Coin           // the coin: +10
	Barrier        // not shown; enemies turn at it, the agent passes
	Marker         // not shown; the invisible coin of the variants: touching it is recorded, nothing else
	FakeWall       // looks like WallInner, is like Space ([ModWall] only)
)

// String is the cell's name in lower case.
func (c Cell) String() string {
	if int(c) < len(cellNames) {
		return cellNames[c]
	}
	return fmt.Sprintf("Cell(%d)", uint8(c))
}

var cellNames = [...]string{
	"space", "wall", "wall top", "lava", "lava top", "coin", "barrier", "marker", "fake wall",
}

// Solid reports whether the agent cannot enter the cell.
func (c Cell) Solid() bool { return c == WallInner || c == WallTop }

// Lava reports whether the cell kills the agent.
func (c Cell) Lava() bool { return c == LavaInner || c == LavaTop }

// Kind is the kind of an entity; the numbers are procgen's.
type Kind uint8

const (
	Saw   Kind = 2  // deadly, at rest
	Enemy Kind = 5  // deadly, walks to and fro
	Crate Kind = 20 // carries the agent from above, does not block it otherwise
)

// String is "saw", "enemy" or "crate".
func (k Kind) String() string {
	switch k {
	case Saw:
		return "saw"
	case Enemy:
		return "enemy"
	case Crate:
		return "crate"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Entity is a saw, an enemy or a crate: a square of side 1 around (X, Y), in cells.
type Entity struct {
	Kind  Kind
	X, Y  float32 // centre
	VX    float32 // cells per step; 0 except for enemies
	Theme int     // which of the original's pictures shows it
}

// Point is a cell of the world.
type Point struct{ X, Y int }

// Danger is what the pits of a level hold.
type Danger uint8

const (
	LavaPits Danger = iota
	SawPits
	EnemyPits
)

// Section is one piece of a level, X .. X+Width-1. The agent walks on its ground at cell height Y, that is, the cells
// below Y are solid and those from Y upward are free, save for the pit.
type Section struct {
	X, Y, Width int
	Pit         bool
	PitX        int // first column of the pit
	PitWidth    int // 0 without a pit
}

// Level is a level of the game as it stands before the first step. It depends on its seed, Mode, Variant and
// RandomPercent only. A Level that was handed out is never changed by this package and must not be changed by others:
// copies of environments share it.
type Level struct {
	Seed          int64
	Mode          Mode
	Variant       Variant
	RandomPercent int

	Difficulty int       // 1 .. 3
	Danger     Danger    // what its pits would hold
	Sections   []Section // from left to right, 1 .. 5 of them

	Start Point // the agent's first cell
	Coin  Point // the coin
	End   Point // the end of the level: the cell in front of the end wall
	// RandomGoal: the coin stands at RandomPlace, and the marker at End. If false, the coin stands at End and, in
	// the variants, the marker at RandomPlace.
	RandomGoal  bool
	RandomPlace Point // start of a random section; (-1, -1) in the original game, which has none

	Entities []Entity // in procgen's order, without the agent

	Background            int     // number of the original's background picture
	BackgroundX           float32 // its offset, 0 .. 1
	AgentTheme, WallTheme int     // numbers of the original's colours
	Draws                 int     // 32-bit random numbers drawn to make the level

	// Each byte of grid is a Cell in its low four bits and, in its high four, one more than the plane that an
	// observation shows it in (0: none).
	grid   [stride * stride]uint8
	saws   []fixture
	crates []fixture
	tracks []track

	sawColumns, crateColumns uint64 // bit i: column i holds a saw or a crate

	shared atomic.Bool // somebody besides one Env may hold this level
}

// fixture is a saw or a crate.
type fixture struct{ x, y float32 }

// track is where an enemy walks: its row is fixed, and so are the cells at which it turns, since enemies know neither
// gravity nor one another.
type track struct {
	x, y, vx  float32 // at the start
	lo, hi    float32 // free from lo to hi; a corner of the enemy left of lo, or at or right of hi, turns it
	blockLo   bool    // the cell left of lo is an inner wall, which also costs the enemy speed
	blockHi   bool    // likewise at hi
	crates    int     // crates[crates:cratesEnd] include all that stand in its way
	cratesEnd int
}

// Generate makes the level of a seed (taken mod 2³²). It returns an error if the configuration is not valid. The fields
// ContinueAfterCoin and Blind have no influence.
func Generate(cfg Config, seed int64) (*Level, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	l := new(Level)
	l.shared.Store(true)
	l.generate(cfg, seed)
	return l, nil
}

// At returns the cell (x, y): WallInner outside the world.
func (l *Level) At(x, y int) Cell {
	if x < 0 || x >= Size || y < 0 || y >= Size {
		return WallInner
	}
	return Cell(l.grid[cellIndex(x, y)] & 15)
}

// Marker returns where the invisible marker stands, and false if the game has none (the original).
func (l *Level) Marker() (Point, bool) {
	switch {
	case l.Variant == Original:
		return Point{-1, -1}, false
	case l.RandomGoal:
		return l.End, true
	}
	return l.RandomPlace, true
}

// Crop returns the part of the world that holds everything of interest: columns 0 .. width-1, which end two columns
// behind the end of the level (with ModWall, behind the fake wall), and rows 0 .. height-1, which leave room for a
// jump above the highest ground.
func (l *Level) Crop() (width, height int) {
	width = l.End.X + 3
	if l.Variant == ModWall {
		width = l.End.X + 20
	}
	top := l.End.Y
	for _, s := range l.Sections {
		top = max(top, s.Y)
	}
	return min(width, Size), min(top+7, Size)
}

func cellIndex(x, y int) int { return (y+pad)*stride + x + pad }
