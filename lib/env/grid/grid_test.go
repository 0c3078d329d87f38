package grid

import (
	"bytes"
	"slices"
	"testing"
)

func TestMap(t *testing.T) {
	m := Parse("\nab c\n de \n")
	if m.Rows != 2 || m.Columns != 4 || m.Cells() != 8 || m.String() != "ab c\n de " {
		t.Fatalf("%d × %d: %q", m.Rows, m.Columns, m)
	}
	if m.Find('d') != 5 || m.Find('x') != -1 || !slices.Equal(m.All(' '), []int{2, 4, 7}) {
		t.Errorf("d is at %d, x at %d, spaces at %v", m.Find('d'), m.Find('x'), m.All(' '))
	}
	d := m.Find('d')
	for action, want := range []int{m.Find('b'), d, 4, m.Find('e')} {
		if got := m.Move(d, action); got != want {
			t.Errorf("action %d leads to %d, want %d", action, got, want)
		}
	}
	if m.Distance(0, 7) != 4 || m.Distance(7, 0) != 4 || m.Distance(3, 3) != 0 {
		t.Errorf("distances %d, %d, %d", m.Distance(0, 7), m.Distance(7, 0), m.Distance(3, 3))
	}
	c := m.Clone()
	c.Letters[0] = 'z'
	if m.Letters[0] != 'a' {
		t.Error("a clone shares its letters")
	}
	for cell := range m.Cells() {
		if row, column := m.Position(cell); m.Cell(row, column) != cell {
			t.Errorf("cell %d is at %d, %d", cell, row, column)
		}
	}
}

// Every tile is painted inside its own cell only, and looks different from every other.
func TestTiles(t *testing.T) {
	const pixels = 24
	bare := NewScene(3, 3).Draw(pixels)
	seen := map[string]Tile{}
	for tile := range Framed + 1 {
		s := NewScene(3, 3)
		s.Add(1, 1, tile)
		p := s.Draw(pixels)
		var inside []byte
		for y := range 3 * pixels {
			for x := range 3 * pixels {
				if x/pixels == 1 && y/pixels == 1 {
					c := p.RGBAAt(x, y)
					inside = append(inside, c.R, c.G, c.B)
				} else if p.RGBAAt(x, y) != bare.RGBAAt(x, y) {
					t.Fatalf("tile %d paints outside of its cell, at %d, %d", tile, x, y)
				}
			}
		}
		if other, ok := seen[string(inside)]; ok {
			t.Errorf("tiles %d and %d look alike", other, tile)
		}
		seen[string(inside)] = tile
	}
	if !bytes.HasPrefix(bare.PNG(), []byte("\x89PNG")) {
		t.Error("PNG is no PNG file")
	}
}
