package shopkeeper

import "fmt"

// The map: 4 rows of 6 cells.
const (
	rows      = 4
	columns   = 6
	numCells  = rows * columns
	numBlocks = 11 // 10 of ice, and the shopkeeper
)

// Thing is what is in a cell, by the original's digits.
type Thing uint8

const (
	Empty Thing = iota
	Ice
	Link
	HeartHere
	Machine
	Hole
	Shopkeeper
	Button
	CrystalHere
	FullHole // a hole with the crystal in it
)

// original is the map at first.
const original = "715181" + "610111" + "410000" + "112000"

// Where things are. The heart appears where Link starts.
const (
	machineCell    = 12
	holeCell       = 2
	buttonCell     = 0
	crystalCell    = 4
	shopkeeperCell = 6
	startCell      = 20
)

// blockOf is the number of the block in a cell, -1 where there is none: in the order of the cells.
var blockOf = func() (blocks [numCells]int8) {
	n := int8(0)
	for cell, d := range original {
		blocks[cell] = -1
		if t := Thing(d - '0'); t == Ice || t == Shopkeeper {
			blocks[cell] = n
			n++
		}
	}
	return blocks
}()

// Crystal says where the crystal is.
type Crystal uint8

const (
	Lying Crystal = iota
	Carried
	InHole
)

// State is all that matters for what happens next, but for the time.
type State struct {
	Link    uint8   // cell, row*6 + column
	Crystal Crystal //
	Heart   bool    // a heart lies on its cell
	Blocks  uint16  // bit i: block i is there; 10 of ice, and the shopkeeper (see [State.Alive])
	Bow     bool    // Link has the bow of light
}

// Start is the state in which an episode begins.
func Start(bow bool) State {
	return State{Link: startCell, Blocks: 1<<numBlocks - 1, Bow: bow}
}

// Alive reports whether the shopkeeper lives.
func (s State) Alive() bool { return s.Blocks>>blockOf[shopkeeperCell]&1 == 1 }

// At returns what is in a cell.
func (s State) At(cell int) Thing {
	switch {
	case cell == int(s.Link):
		return Link
	case blockOf[cell] >= 0:
		if s.Blocks>>blockOf[cell]&1 == 0 {
			return Empty
		}
		if cell == shopkeeperCell {
			return Shopkeeper
		}
		return Ice
	}
	switch cell {
	case machineCell:
		return Machine
	case buttonCell:
		return Button
	case holeCell:
		if s.Crystal == InHole {
			return FullHole
		}
		return Hole
	case crystalCell:
		if s.Crystal == Lying {
			return CrystalHere
		}
	case startCell:
		if s.Heart {
			return HeartHere
		}
	}
	return Empty
}

// Event is what an action did that is worth counting.
type Event uint8

const (
	NoEvent    Event = iota
	TookHeart        // and the map is as at first
	Killed           // the shopkeeper
	StruckBack       // the shopkeeper, whom an arrow missed
	Stole            // used the machine with the shopkeeper dead
	Seen             // used the machine with the shopkeeper alive
)

// The rewards, in the original's units.
const (
	heartReward    = 1
	stepReward     = -0.1
	outsideReward  = -1 // also for arrows that hit nothing of use
	strikeReward   = -10
	machineReward  = -100
	hitProbability = 0.5 // without the bow of light
)

// neighbour returns the next cell in a direction 0 .. 3 (west, east, north, south), -1 outside the map.
func neighbour(cell, direction int) int {
	switch {
	case direction == MoveWest && cell%columns > 0:
		return cell - 1
	case direction == MoveEast && cell%columns < columns-1:
		return cell + 1
	case direction == MoveNorth && cell >= columns:
		return cell - columns
	case direction == MoveSouth && cell < numCells-columns:
		return cell + columns
	}
	return -1
}

// target returns the cell of the first thing in a direction, -1 if there is none.
func (s State) target(direction int) int {
	cell := neighbour(int(s.Link), direction)
	for cell >= 0 && s.At(cell) == Empty {
		cell = neighbour(cell, direction)
	}
	return cell
}

// aimsAtShopkeeper reports whether an action is a shot that reaches the shopkeeper.
func (s State) aimsAtShopkeeper(action int) bool {
	if action < ShootWest || action > ShootSouth {
		return false
	}
	cell := s.target(action - ShootWest)
	return cell >= 0 && s.At(cell) == Shopkeeper
}

// Next returns what an action leads to; hit says whether an arrow at the shopkeeper kills him, if it is one. It panics
// for an action that does not exist.
func (s State) Next(action int, hit bool) (next State, reward float64, what Event) {
	switch {
	case action < 0 || action >= NumActions:
		panic(fmt.Sprintf("shopkeeper: action %d is outside 0 .. %d", action, NumActions-1))
	case action >= ShootWest:
		return s.shoot(action-ShootWest, hit)
	}
	to := neighbour(int(s.Link), action)
	if to < 0 {
		return s, outsideReward, NoEvent
	}
	switch s.At(to) {
	case Empty:
		s.Link = uint8(to)
	case CrystalHere:
		s.Link, s.Crystal = uint8(to), Carried
	case Hole:
		if s.Crystal == Carried {
			s.Crystal, s.Heart = InHole, true
		}
	case HeartHere:
		return Start(s.Bow), heartReward, TookHeart
	case Machine:
		s.Heart = true
		if s.Alive() {
			return s, machineReward, Seen
		}
		return s, stepReward, Stole
	}
	return s, stepReward, NoEvent
}

func (s State) shoot(direction int, hit bool) (next State, reward float64, what Event) {
	cell := s.target(direction)
	if cell < 0 {
		return s, outsideReward, NoEvent
	}
	switch s.At(cell) {
	case Ice:
		s.Blocks &^= 1 << blockOf[cell]
		return s, stepReward, NoEvent
	case Shopkeeper:
		if !hit {
			return s, strikeReward, StruckBack
		}
		s.Blocks &^= 1 << blockOf[cell]
		return s, stepReward, Killed
	}
	return s, outsideReward, NoEvent
}

// Code is the number that the original gives a state. Different states share numbers: Link's cell is multiplied by the
// blocks where it should be added to them, and where a heart lies the number does not say where the crystal is.
func (s State) Code() int {
	crystal := 0
	switch {
	case s.Crystal == Carried && s.Heart:
		crystal = 3
	case s.Crystal == Carried:
		crystal = 2
	case s.Heart:
		crystal = 1
	}
	if s.Bow {
		crystal += 4
	}
	return crystal*numCells<<numBlocks + int(s.Link)*int(s.Blocks)
}

// String returns the digits of the map, row by row.
func (s State) String() string {
	var digits [numCells]byte
	for cell := range digits {
		digits[cell] = '0' + byte(s.At(cell))
	}
	return string(digits[:])
}
