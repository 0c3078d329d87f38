package coinrun

import (
	"encoding/binary"
	"fmt"
)

// The observation's window of cells.
const (
	Radius      = 6            // cells shown on each side of the agent's own
	Window      = 2*Radius + 1 // cells in a row of the window
	WindowCells = Window * Window
)

// Plane is one of the things that a cell of the window can show.
type Plane uint8

const (
	PlaneWall       Plane = iota // WallInner, FakeWall, and everything outside the world
	PlaneWallTop                 // WallTop
	PlaneLava                    // LavaInner
	PlaneLavaTop                 // LavaTop
	PlaneCoin                    // Coin
	PlaneSaw                     // the centre of a saw
	PlaneCrate                   // the centre of a crate
	PlaneEnemyLeft               // the centre of an enemy that walks left (or has come to rest)
	PlaneEnemyRight              // the centre of an enemy that walks right
	NumPlanes       = iota
)

// String is the plane's name, such as "wall top" or "enemy walking left".
func (p Plane) String() string {
	if int(p) < len(planeNames) {
		return planeNames[p]
	}
	return fmt.Sprintf("Plane(%d)", uint8(p))
}

var planeNames = [NumPlanes]string{
	"wall", "wall top", "lava", "lava top", "coin", "saw", "crate", "enemy walking left", "enemy walking right",
}

// Planes is a set of planes: bit p is plane p.
type Planes uint16

// SetOf returns the set of the given planes.
func SetOf(planes ...Plane) Planes {
	var s Planes
	for _, p := range planes {
		s |= 1 << p
	}
	return s
}

// Indices of the dense part of an observation.
const (
	DenseVX      = iota // horizontal velocity as a share of the top speed, -1 .. 1
	DenseVY             // vertical velocity as a share of a jump's, -1 .. 1
	DenseOffsetX        // position inside its cell, 0 (left) .. 1
	DenseOffsetY        // position inside its cell, 0 (below) .. 1
	DenseSupport        // 1 if the agent stood on something when the last step began, else 0
	DenseLen     = iota // length of the dense part
)

// maxActive bounds the ones of an observation: a cell of the window shows at most one of the planes up to PlaneCrate
// (see builder.show), and each enemy adds one at most.
const maxActive = WindowCells + maxEnemies

// Index returns the index, in the sparse part of an observation, of a plane at the cell that is dx cells to the right
// of the agent's and dy cells above it, both -Radius .. Radius. The planes follow one another; in a plane the rows
// come from the uppermost down, each from left to right, as in a picture. Index panics outside the window.
func Index(p Plane, dx, dy int) int {
	if p >= NumPlanes || dx < -Radius || dx > Radius || dy < -Radius || dy > Radius {
		panic(fmt.Sprintf("coinrun: Index(%d, %d, %d) is outside the observation", p, dx, dy))
	}
	return int(p)*WindowCells + (Radius-dy)*Window + Radius + dx
}

// Locate is the inverse of Index.
func Locate(index int) (p Plane, dx, dy int) {
	if index < 0 || index >= NumPlanes*WindowCells {
		panic(fmt.Sprintf("coinrun: Locate(%d) is outside the observation", index))
	}
	cell := index % WindowCells
	return Plane(index / WindowCells), cell%Window - Radius, Radius - cell/Window
}

// DescribeIndex says what an index of the sparse part means, such as "coin, 3 right, 1 up" or "saw, here".
func DescribeIndex(index int) string {
	p, dx, dy := Locate(index)
	s := p.String()
	if dx == 0 && dy == 0 {
		return s + ", here"
	}
	switch {
	case dx > 0:
		s += fmt.Sprintf(", %d right", dx)
	case dx < 0:
		s += fmt.Sprintf(", %d left", -dx)
	}
	switch {
	case dy > 0:
		s += fmt.Sprintf(", %d up", dy)
	case dy < 0:
		s += fmt.Sprintf(", %d down", -dy)
	}
	return s
}

// DescribeDense says what an index of the dense part means.
func DescribeDense(index int) string {
	return [DenseLen]string{
		"horizontal velocity", "vertical velocity", "horizontal offset in the cell", "vertical offset in the cell", "support",
	}[index]
}

// Observe writes what the picture would show. The sparse part is a window of 13 × 13 cells around the one that holds
// the agent's centre: the indices (see [Index]) of all planes shown, each once. A cell without an index is free space;
// barriers and the invisible marker look like that. The dense part is described at [DenseVX] and the constants after
// it. Where in the world the agent stands is not observed.
func (e *Env) Observe(active []int32, dense []float32) {
	active = active[:maxActive]
	px, py := int(e.x), int(e.y)
	grid := &e.level.grid
	n := 0
	at := int32(0)
	start := cellIndex(px-Radius, py+Radius)
	for range Window {
		cells := (*[Window]uint8)(grid[start:])
		// Most of a window is sky or rock, so eight cells at a time are tried first.
		switch shown := binary.LittleEndian.Uint64(cells[:8]) & showsMask; shown {
		case 0:
			at += 8
		case e.allWall:
			eight := (*[8]int32)(active[n:])
			for i := range eight {
				eight[i] = at
				at++
			}
			n += 8
		default:
			for _, c := range cells[:8] {
				active[n] = planeStart[c>>4] + at
				n += int(e.visible[c>>4])
				at++
			}
		}
		switch shown := binary.LittleEndian.Uint64(cells[5:]) >> 24 & showsMask; shown {
		case 0:
			at += 5
		case e.allWall >> 24:
			five := (*[5]int32)(active[n:])
			for i := range five {
				five[i] = at
				at++
			}
			n += 5
		default:
			for _, c := range cells[8:] {
				active[n] = planeStart[c>>4] + at
				n += int(e.visible[c>>4])
				at++
			}
		}
		start -= stride
	}
	if e.nEnemies > 0 {
		n = e.observeEnemies(active, n, px, py)
	}
	for i := n; i < len(active); i++ {
		active[i] = -1
	}

	dense = dense[:DenseLen]
	dense[DenseVX] = e.vx / maxSpeed
	dense[DenseVY] = e.vy / maxJump
	dense[DenseOffsetX] = e.x - float32(px)
	dense[DenseOffsetY] = e.y - float32(py)
	dense[DenseSupport] = 0
	if e.support {
		dense[DenseSupport] = 1
	}
}

// showsMask selects what eight cells of the grid show; wallMask is what they show if all are PlaneWall, whose indices
// begin at 0.
const (
	showsMask = 0xf0f0f0f0f0f0f0f0
	wallMask  = 0x1010101010101010 * (uint64(PlaneWall) + 1)
)

// planeStart[p+1] is the first index of plane p.
var planeStart = func() (start [16]int32) {
	for p := range int32(NumPlanes) {
		start[p+1] = p * WindowCells
	}
	return start
}()

// observeEnemies appends the indices of the enemies in the window to active[:n], each once, and returns the new n.
func (e *Env) observeEnemies(active []int32, n, px, py int) int {
	first := n
	for i := range e.nEnemies {
		dx, dy := int(e.enemies[i].x)-px, int(e.level.tracks[i].y)-py
		if dx < -Radius || dx > Radius || dy < -Radius || dy > Radius {
			continue
		}
		p := PlaneEnemyLeft
		if e.enemies[i].vx > 0 {
			p = PlaneEnemyRight
		}
		if e.visible[p+1] == 0 {
			continue
		}
		index := int32(p)*WindowCells + int32((Radius-dy)*Window+Radius+dx)
		seen := false
		for _, other := range active[first:n] {
			seen = seen || other == index
		}
		if !seen {
			active[n] = index
			n++
		}
	}
	return n
}
