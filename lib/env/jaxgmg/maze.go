// Package jaxgmg is what the environments of JaxGMG share: its random numbers, its mazes and the paths in them. The
// environments are in the folders below: corner (cheese in the corner) and keys (keys and chests).
//
// Source: repository matomatical/jaxgmg, commits 12221b4 (the recorded sweep) and ea3ac87; Abdel Sadek et al.,
// "Mitigating Goal Misgeneralization via Minimax Regret" (arXiv 2507.03068).
package jaxgmg

import (
	"fmt"
	"strings"

	"goalgap/lib/env/grid"
)

// The actions of all of JaxGMG's grids.
const (
	Up = iota
	Left
	Down
	Right
	NumActions
)

// Walls is a kind of maze. The cells at the edge of the grid are always wall.
type Walls uint8

const (
	// Blocks: each cell is wall with probability 1/4. The default, and that of all published runs.
	Blocks Walls = iota
	// Tree: the cells with odd row and column are free and joined by a random spanning tree (Kruskal's algorithm on
	// shuffled edges). The size must be odd.
	Tree
	// Edges: the cells with odd row and column are free, those with even row and column are wall, and each of the
	// others is free with probability 3/4.
	Edges
	// Open: no walls inside.
	Open
)

// String returns "blocks", "tree", "edges" or "open".
func (w Walls) String() string {
	switch w {
	case Blocks:
		return "blocks"
	case Tree:
		return "tree"
	case Edges:
		return "edges"
	case Open:
		return "open"
	}
	return fmt.Sprintf("Walls(%d)", uint8(w))
}

// Sizes of grids, border included.
const (
	MinSize = 4
	MaxSize = 63
)

// Validate returns an error that names what is wrong with mazes of this kind and size.
func (w Walls) Validate(size int) error {
	switch {
	case w > Open:
		return fmt.Errorf("jaxgmg: walls %d are neither Blocks nor Tree nor Edges nor Open", w)
	case size < MinSize || size > MaxSize:
		return fmt.Errorf("jaxgmg: size %d is outside %d .. %d", size, MinSize, MaxSize)
	case w == Tree && size%2 == 0:
		return fmt.Errorf("jaxgmg: size %d is even; Tree needs an odd one", size)
	}
	return nil
}

// Maze is a square of cells, row by row from the top, of which some are wall; all at the edge are.
type Maze struct {
	Size int
	Wall []bool // [Size × Size]
}

// Builder makes mazes of one kind and size, in memory that it keeps.
type Builder struct {
	walls Walls
	size  int
	bits  []uint32
	edges []int // cells between two nodes, for Tree
	root  []int // of each cell's tree, for Tree
}

// NewBuilder returns a Builder, or an error if walls and size do not go together (see [Walls.Validate]).
func NewBuilder(walls Walls, size int) (*Builder, error) {
	if err := walls.Validate(size); err != nil {
		return nil, err
	}
	b := &Builder{walls: walls, size: size, bits: make([]uint32, (size-2)*(size-2))}
	if walls == Tree {
		b.edges = make([]int, 0, size*size)
		b.root = make([]int, size*size)
	}
	return b, nil
}

// Build writes the maze that the key gives into wall, of length size × size. Blocks are JaxGMG's to the bit; the random
// choices of the other kinds are ours.
func (b *Builder) Build(k Key, wall []bool) {
	n := b.size
	for cell := range wall {
		row, column := cell/n, cell%n
		wall[cell] = row == 0 || row == n-1 || column == 0 || column == n-1
	}
	k.Bits(b.bits)
	next := 0
	b.edges = b.edges[:0]
	for row := 1; row < n-1; row++ {
		for column := 1; column < n-1; column++ {
			u := unit(b.bits[next])
			next++
			cell := row*n + column
			switch b.walls {
			case Blocks:
				wall[cell] = u < 0.25
			case Edges:
				wall[cell] = row%2 == 0 && column%2 == 0 || row%2 != column%2 && u >= 0.75
			case Tree:
				wall[cell] = row%2 == 0 || column%2 == 0
				if row%2 != column%2 {
					b.edges = append(b.edges, cell)
				}
			}
		}
	}
	if b.walls == Tree {
		b.tree(wall)
	}
}

// tree opens the edges of a spanning tree; b.bits are random and long enough to shuffle the edges.
func (b *Builder) tree(wall []bool) {
	for i := len(b.edges) - 1; i > 0; i-- {
		j := int(uint64(b.bits[i]) * uint64(i+1) >> 32)
		b.edges[i], b.edges[j] = b.edges[j], b.edges[i]
	}
	for cell := range b.root {
		b.root[cell] = cell
	}
	find := func(cell int) int {
		for b.root[cell] != cell {
			cell = b.root[cell]
		}
		return cell
	}
	for _, edge := range b.edges {
		step := b.size
		if edge/b.size%2 == 1 { // between two nodes of one row
			step = 1
		}
		if one, other := find(edge-step), find(edge+step); one != other {
			b.root[one] = other
			wall[edge] = false
		}
	}
}

// Move returns where an action leads from a cell: the next cell, or the same one if there is a wall. It panics for an
// action that does not exist.
func (m Maze) Move(cell, action int) int {
	next := cell
	switch action {
	case Up:
		next -= m.Size
	case Left:
		next--
	case Down:
		next += m.Size
	case Right:
		next++
	default:
		panic(fmt.Sprintf("jaxgmg: action %d; the actions are 0 (up), 1 (left), 2 (down) and 3 (right)", action))
	}
	if m.Wall[next] {
		return cell
	}
	return next
}

// Distances returns the number of moves from a cell to each cell, -1 where no path leads. The number from each cell to
// this one is the same.
func (m Maze) Distances(from int) []int {
	d := make([]int, len(m.Wall))
	for i := range d {
		d[i] = -1
	}
	d[from] = 0
	queue := []int{from}
	for len(queue) > 0 {
		cell := queue[0]
		queue = queue[1:]
		for action := range NumActions {
			if next := m.Move(cell, action); d[next] < 0 {
				d[next] = d[cell] + 1
				queue = append(queue, next)
			}
		}
	}
	return d
}

// Scene returns a drawing of the walls.
func (m Maze) Scene() *grid.Scene {
	s := grid.NewScene(m.Size, m.Size)
	for cell, wall := range m.Wall {
		if wall {
			s.Add(cell/m.Size, cell%m.Size, grid.Wall)
		}
	}
	return s
}

// Text returns the maze with a line for each row: # for wall, . for free, and what letters says for single cells.
func (m Maze) Text(letters map[int]byte) string {
	var b strings.Builder
	for cell, wall := range m.Wall {
		if cell > 0 && cell%m.Size == 0 {
			b.WriteByte('\n')
		}
		letter, ok := letters[cell]
		switch {
		case ok:
			b.WriteByte(letter)
		case wall:
			b.WriteByte('#')
		default:
			b.WriteByte('.')
		}
	}
	return b.String()
}

// Parse reads what Text writes; letters other than # and . are free cells, and returned. An error names what is wrong:
// the maze must be square, of a size that is allowed, and have walls all around.
func Parse(text string) (Maze, map[byte][]int, error) {
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	m := Maze{Size: len(lines)}
	letters := map[byte][]int{}
	if m.Size < MinSize || m.Size > MaxSize {
		return Maze{}, nil, fmt.Errorf("jaxgmg: maze of %d rows; %d .. %d are allowed", m.Size, MinSize, MaxSize)
	}
	for row, line := range lines {
		if len(line) != m.Size {
			return Maze{}, nil, fmt.Errorf("jaxgmg: row %d of a maze of %d rows has %d cells", row, m.Size, len(line))
		}
		for column, letter := range []byte(line) {
			wall := letter == '#'
			if !wall && (row == 0 || row == m.Size-1 || column == 0 || column == m.Size-1) {
				return Maze{}, nil, fmt.Errorf("jaxgmg: no wall at the edge of a maze, in row %d and column %d", row, column)
			}
			if !wall && letter != '.' {
				letters[letter] = append(letters[letter], len(m.Wall))
			}
			m.Wall = append(m.Wall, wall)
		}
	}
	return m, letters, nil
}
