// Package grid is what the gridworlds share: maps, and pictures of them.
//
// A cell is a number, row*Columns + column, rows from the top. The gridworlds observe in the same way: a one at
// cell*kinds + kind for each thing that is in a cell, and nothing for bare floor.
package grid

import (
	"fmt"
	"strings"
)

// Map is a rectangle of cells, each with a letter.
type Map struct {
	Rows, Columns int
	Letters       []byte // [Rows × Columns]
}

// Parse reads a map with a line for each row; newlines at its ends do not matter. It panics if the lines are not
// equally long, because maps are part of programs.
func Parse(text string) Map {
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	m := Map{Rows: len(lines), Columns: len(lines[0])}
	for i, line := range lines {
		if len(line) != m.Columns {
			panic(fmt.Sprintf("grid: row %d of a map has %d cells and row 0 has %d", i, len(line), m.Columns))
		}
		m.Letters = append(m.Letters, line...)
	}
	return m
}

// Cells is the number of cells.
func (m Map) Cells() int { return m.Rows * m.Columns }

// Cell returns the number of a cell.
func (m Map) Cell(row, column int) int { return row*m.Columns + column }

// Position returns the row and the column of a cell.
func (m Map) Position(cell int) (row, column int) { return cell / m.Columns, cell % m.Columns }

// Find returns the first cell with a letter, -1 if there is none.
func (m Map) Find(letter byte) int { return strings.IndexByte(string(m.Letters), letter) }

// All returns the cells with a letter.
func (m Map) All(letter byte) []int {
	var cells []int
	for cell, l := range m.Letters {
		if l == letter {
			cells = append(cells, cell)
		}
	}
	return cells
}

// Neighbour returns the cell that is rows below and columns to the right of a cell; ok is false, and the cell the same,
// if that is outside the map.
func (m Map) Neighbour(cell, rows, columns int) (next int, ok bool) {
	r, c := m.Position(cell)
	r, c = r+rows, c+columns
	if r < 0 || r >= m.Rows || c < 0 || c >= m.Columns {
		return cell, false
	}
	return m.Cell(r, c), true
}

// Distance is the number of rows and of columns between two cells (Manhattan distance).
func (m Map) Distance(a, b int) int {
	ra, ca := m.Position(a)
	rb, cb := m.Position(b)
	return abs(ra-rb) + abs(ca-cb)
}

func abs(x int) int {
	if x < 0 {
		return -x
	}
	return x
}

// String returns the map with a line for each row.
func (m Map) String() string {
	rows := make([]string, m.Rows)
	for i := range rows {
		rows[i] = string(m.Letters[i*m.Columns : (i+1)*m.Columns])
	}
	return strings.Join(rows, "\n")
}

// Clone returns a copy that shares nothing with m.
func (m Map) Clone() Map {
	m.Letters = append([]byte(nil), m.Letters...)
	return m
}

// The actions of AI Safety Gridworlds, in its order.
const (
	Up = iota
	Down
	Left
	Right
)

// Move returns the cell that action Up, Down, Left or Right leads to from a cell, whatever is there, and the same cell
// at the edge of the map. It panics for another action.
func (m Map) Move(cell, action int) int {
	var next int
	switch action {
	case Up:
		next, _ = m.Neighbour(cell, -1, 0)
	case Down:
		next, _ = m.Neighbour(cell, 1, 0)
	case Left:
		next, _ = m.Neighbour(cell, 0, -1)
	case Right:
		next, _ = m.Neighbour(cell, 0, 1)
	default:
		panic(fmt.Sprintf("grid: action %d; the actions are 0 (up), 1 (down), 2 (left) and 3 (right)", action))
	}
	return next
}

// Spread turns the seed of a level into 64 bits that are as good as random and that depend on nothing else: the
// finaliser of SplitMix64 (Steele, Lea and Flood 2014). purpose keeps different choices for one level apart.
func Spread(seed int64, purpose uint64) uint64 {
	z := uint64(seed) + (purpose+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
