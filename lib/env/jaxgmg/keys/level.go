package keys

import (
	"fmt"

	"goalgap/lib/env/grid"
	"goalgap/lib/env/jaxgmg"
)

// Level is a maze with keys, chests and the mouse's start. Cells are numbered row by row, Size to a row, border
// included.
type Level struct {
	jaxgmg.Maze
	Mouse  int
	Keys   []int // cells
	Chests []int // cells

	// Columns are where each key is shown when it is held: columns of row 0.
	Columns []int

	// Shifted: the level has the numbers of keys and chests of the shifted distribution (see Config.Alpha).
	Shifted bool

	seed int64
	made bool // by Generate from seed
}

// Openable is the number of chests that must be opened for the episode to end: no more than there are keys.
func (l *Level) Openable() int { return min(len(l.Keys), len(l.Chests)) }

// String returns the level with a line for each row: # wall, . free, @ mouse, k key, c chest.
func (l *Level) String() string {
	letters := map[int]byte{l.Mouse: '@'}
	for _, cell := range l.Keys {
		letters[cell] = 'k'
	}
	for _, cell := range l.Chests {
		letters[cell] = 'c'
	}
	return l.Text(letters)
}

// ParseLevel reads what String writes; keys are shown in the first columns when they are held. An error names what is
// wrong.
func ParseLevel(text string) (*Level, error) {
	m, letters, err := jaxgmg.Parse(text)
	if err != nil {
		return nil, err
	}
	l := &Level{Maze: m, Keys: letters['k'], Chests: letters['c']}
	if len(letters['@']) != 1 {
		return nil, fmt.Errorf("keys: level with %d mice @; it must have one", len(letters['@']))
	}
	if len(l.Keys) > m.Size || len(l.Keys) > maxItems || len(l.Chests) > maxItems {
		return nil, fmt.Errorf("keys: level of size %d with %d keys and %d chests; there can be %d keys and %d chests at most",
			m.Size, len(l.Keys), len(l.Chests), min(m.Size, maxItems), maxItems)
	}
	l.Mouse = letters['@'][0]
	for i := range l.Keys {
		l.Columns = append(l.Columns, i)
	}
	for letter := range letters {
		if letter != '@' && letter != 'k' && letter != 'c' {
			return nil, fmt.Errorf("keys: level with an unknown letter %q", letter)
		}
	}
	return l, nil
}

// Draw draws the level as it is at first.
func (l *Level) Draw() grid.Picture { return l.draw(l.Mouse, 0, 0, 0) }

// PNG returns Draw's picture as a PNG file; notebooks display a value with this method.
func (l *Level) PNG() []byte { return l.Draw().PNG() }

func (l *Level) draw(mouse int, got, used, opened uint64) grid.Picture {
	s := l.Scene()
	add := func(cell int, tile grid.Tile) { s.Add(cell/l.Size, cell%l.Size, tile) }
	for i, cell := range l.Keys {
		if got>>i&1 == 0 {
			add(cell, grid.Key)
		} else if used>>i&1 == 0 {
			add(l.Columns[i], grid.HeldKey)
		}
	}
	for i, cell := range l.Chests {
		if opened>>i&1 == 0 {
			add(cell, grid.Chest)
		}
	}
	add(mouse, grid.Mouse)
	return s.Draw(0)
}

// generator makes levels in memory that it keeps.
type generator struct {
	cfg     Config
	builder *jaxgmg.Builder
	bits    []uint32
	cells   []int // free cells, then walls
	columns []int
	keys    []int // room for the level's
	chests  []int
}

func newGenerator(cfg Config) (*generator, error) {
	builder, err := jaxgmg.NewBuilder(cfg.Walls, cfg.Size)
	if err != nil {
		return nil, err
	}
	inside := (cfg.Size - 2) * (cfg.Size - 2)
	return &generator{
		cfg: cfg, builder: builder, bits: make([]uint32, inside+cfg.Size),
		cells: make([]int, 0, inside), columns: make([]int, cfg.Size),
		keys: make([]int, cfg.mostKeys()), chests: make([]int, cfg.mostChests()),
	}, nil
}

// Generate makes the level with this seed: walls, then the mouse, the keys and the chests on different free cells, each
// as likely. A seed has the same maze, mouse and first keys and chests for every Alpha. An error names what is wrong
// with cfg.
func Generate(cfg Config, seed int64) (*Level, error) {
	cfg = cfg.withDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	g, err := newGenerator(cfg)
	if err != nil {
		return nil, err
	}
	l := new(Level)
	g.generate(l, seed)
	return l, nil
}

// generate makes a level in l's memory for walls and in the generator's for the rest.
func (g *generator) generate(l *Level, seed int64) {
	n := g.cfg.Size
	if len(l.Wall) != n*n {
		l.Wall = make([]bool, n*n)
	}
	l.Size, l.seed, l.made = n, seed, true
	walls, k := jaxgmg.NewKey(seed).Split()
	items, k := k.Split()
	columns, k := k.Split()
	g.builder.Build(walls, l.Wall)

	// The free cells come first in the shuffled order, and walls make room if there are too few of them.
	g.cells = g.cells[:0]
	for cell, wall := range l.Wall {
		if !wall {
			g.cells = append(g.cells, cell)
		}
	}
	free := len(g.cells)
	for cell, wall := range l.Wall {
		if row, column := cell/n, cell%n; wall && row > 0 && row < n-1 && column > 0 && column < n-1 {
			g.cells = append(g.cells, cell)
		}
	}
	items.Bits(g.bits)
	shuffle(g.cells[:free], g.bits[:free])
	shuffle(g.cells[free:], g.bits[free:])
	copy(g.keys, g.cells[1:])
	copy(g.chests, g.cells[1+len(g.keys):])
	for _, cell := range g.cells[:1+len(g.keys)+len(g.chests)] {
		l.Wall[cell] = false
	}
	for i := range g.columns {
		g.columns[i] = i
	}
	columns.Bits(g.bits)
	shuffle(g.columns, g.bits)

	l.Shifted = false
	if g.cfg.Alpha > 0 {
		shift, _ := k.Split()
		l.Shifted = float64(shift.Uniform()) < g.cfg.Alpha
	}
	nKeys, nChests := g.cfg.Keys, g.cfg.Chests
	if l.Shifted {
		nKeys, nChests = g.cfg.ShiftKeys, g.cfg.ShiftChests
	}
	l.Mouse, l.Keys, l.Chests, l.Columns = g.cells[0], g.keys[:nKeys], g.chests[:nChests], g.columns[:nKeys]
}

// shuffle puts values into an order that bits, at least as many, decide (Fisher and Yates).
func shuffle(values []int, bits []uint32) {
	for i := len(values) - 1; i > 0; i-- {
		j := int(uint64(bits[i]) * uint64(i+1) >> 32)
		values[i], values[j] = values[j], values[i]
	}
}
