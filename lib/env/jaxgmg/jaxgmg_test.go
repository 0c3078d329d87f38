package jaxgmg

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// The first value is the known answer of Random123; the others are of JAX with the generator's old layout.
func TestThreefry(t *testing.T) {
	if a, b := (Key{}).block(0, 0); a != 0x6b200159 || b != 0x99ba4efe {
		t.Errorf("block of zeros is %08x %08x", a, b)
	}
	k := NewKey(42)
	a, b := k.Split()
	if a != (Key{2465931498, 3679230171}) || b != (Key{255383827, 267815257}) {
		t.Errorf("split into %v and %v", a, b)
	}
	three := make([]uint32, 3)
	k.Bits(three)
	if !slices.Equal(three, []uint32{2465931498, 430176367, 255383827}) {
		t.Errorf("bits %v", three)
	}
	if s := k.Shuffle(8); !slices.Equal(s, []int{6, 0, 3, 7, 2, 5, 4, 1}) {
		t.Errorf("shuffled %v", s)
	}
	for _, seed := range []int64{0, 42, 1<<31 - 1, -1, math.MinInt64, math.MaxInt64} {
		if got := NewKey(seed).Seed(); got != seed {
			t.Errorf("seed %d becomes %d", seed, got)
		}
	}
}

func TestChoiceIsUniform(t *testing.T) {
	mask := []bool{false, true, false, true, true, false}
	count := make([]int, len(mask))
	const n = 30000
	for seed := range int64(n) {
		count[NewKey(seed).Choose(mask)]++
	}
	for i, m := range mask {
		if !m && count[i] != 0 {
			t.Errorf("place %d was chosen", i)
		} else if m && math.Abs(float64(count[i])-n/3) > 5*math.Sqrt(n*2/9.0) {
			t.Errorf("place %d was chosen %d times of %d", i, count[i], n)
		}
	}
	if got := NewKey(1).Choose(make([]bool, 3)); got != -1 {
		t.Errorf("of nothing, %d was chosen", got)
	}
}

// What each kind of maze has to be, and how much of it is wall.
func TestMazes(t *testing.T) {
	const size = 13
	for _, walls := range []Walls{Blocks, Tree, Edges, Open} {
		b, err := NewBuilder(walls, size)
		if err != nil {
			t.Fatal(err)
		}
		m := Maze{Size: size, Wall: make([]bool, size*size)}
		inner, distinct := 0, map[string]bool{}
		const n = 400
		for seed := range int64(n) {
			b.Build(NewKey(seed), m.Wall)
			distinct[m.Text(nil)] = true
			d := m.Distances(size + 1)
			joined := 0
			for cell, wall := range m.Wall {
				row, column := cell/size, cell%size
				edge := row == 0 || row == size-1 || column == 0 || column == size-1
				if edge && !wall {
					t.Fatalf("%v, level %d: the edge is open at %d, %d", walls, seed, row, column)
				}
				if !edge && wall {
					inner++
				}
				if d[cell] >= 0 {
					joined++
				}
				if (walls == Tree || walls == Edges) && !edge && row%2 == column%2 && wall != (row%2 == 0) {
					t.Fatalf("%v, level %d: wall at %d, %d is %v", walls, seed, row, column, wall)
				}
			}
			// A tree on 36 nodes has 35 edges, and all of it is joined: 71 cells, or 50 walls inside.
			if walls == Tree && joined != 71 {
				t.Fatalf("tree, level %d: %d cells are joined\n%s", seed, joined, m.Text(nil))
			}
		}
		// The interior has 121 cells: 25 with even row and column, 60 edges, 36 nodes.
		want := map[Walls]float64{Blocks: 121 * 0.25, Tree: 50, Edges: 25 + 60*0.25, Open: 0}[walls]
		if got := float64(inner) / n; math.Abs(got-want) > 5*math.Sqrt(121*0.1875/n)*1.001 {
			t.Errorf("%v: %v walls on average, want %v", walls, got, want)
		}
		if walls != Open && len(distinct) != n {
			t.Errorf("%v: %d different mazes of %d", walls, len(distinct), n)
		}
	}
}

func TestDistances(t *testing.T) {
	m, letters, err := Parse(`
#######
#c..@.#
#.###*#
#.#.#.#
#.###.#
#.....#
#######`)
	if err != nil {
		t.Fatal(err)
	}
	d := m.Distances(letters['@'][0])
	if d[letters['*'][0]] != 2 || d[letters['c'][0]] != 3 || d[m.Size*5+3] != 7 || d[m.Size*3+3] != -1 || d[0] != -1 {
		t.Errorf("distances %v", d)
	}
	if again, _, err := Parse(m.Text(nil)); err != nil || !slices.Equal(again.Wall, m.Wall) {
		t.Errorf("parsed again: %v", err)
	}
}

func TestErrorsNameWhatIsWrong(t *testing.T) {
	parse := func(text string) error {
		_, _, err := Parse(text)
		return err
	}
	for _, c := range []struct {
		err  error
		says string
	}{
		{Walls(9).Validate(13), "walls 9"},
		{Blocks.Validate(3), "size 3"},
		{Blocks.Validate(64), "size 64"},
		{Tree.Validate(12), "size 12 is even"},
		{parse("###\n###\n###"), "3 rows"},
		{parse("####\n####\n###\n####"), "row 2"},
		{parse("####\n#..#\n#...\n####"), "row 2 and column 3"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("error %v does not say %q", c.err, c.says)
		}
	}
}
