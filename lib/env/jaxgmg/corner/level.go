package corner

import (
	"fmt"
	"math"

	"goalgap/lib/env/grid"
	"goalgap/lib/env/jaxgmg"
)

// Level is a maze with a cheese and the mouse's start. Cells are numbered row by row, Size to a row, border included.
type Level struct {
	jaxgmg.Maze
	Cheese, Mouse int

	// Shifted: the cheese was placed in the larger corner (see Config.Alpha).
	Shifted bool

	seed int64
	made bool // by Generate from seed
}

// Corner is the cell of the proxy: row 1, column 1.
func (l *Level) Corner() int { return l.Size + 1 }

// Distinguishing reports whether the cheese lies elsewhere than in the corner.
func (l *Level) Distinguishing() bool { return l.Cheese != l.Corner() }

// Distance is the number of moves on a shortest path from the mouse to a cell, -1 if there is none.
func (l *Level) Distance(cell int) int { return l.Distances(cell)[l.Mouse] }

// Optimal is the best expected discounted return of an episode of at most maxSteps steps: discount^(d-1) for a cheese d
// moves away, and 0 for one that cannot be reached in time.
func (l *Level) Optimal(discount float64, maxSteps int) float64 {
	if d := l.Distance(l.Cheese); d >= 1 && d <= maxSteps {
		return math.Pow(discount, float64(d-1))
	}
	return 0
}

// Benchmark is what JaxGMG records as a level's optimal value: discount^d if d is less than maxSteps, otherwise 0. It
// has one factor of the discount more than [Level.Optimal].
func (l *Level) Benchmark(discount float64, maxSteps int) float64 {
	if d := l.Distance(l.Cheese); d >= 0 && d < maxSteps {
		return math.Pow(discount, float64(d))
	}
	return 0
}

// String returns the level with a line for each row: # wall, . free, @ mouse, * cheese.
func (l *Level) String() string { return l.Text(map[int]byte{l.Mouse: '@', l.Cheese: '*'}) }

// ParseLevel reads what String writes. An error names what is wrong.
func ParseLevel(text string) (*Level, error) {
	m, letters, err := jaxgmg.Parse(text)
	if err != nil {
		return nil, err
	}
	if len(letters['@']) != 1 || len(letters['*']) != 1 || len(letters) != 2 {
		return nil, fmt.Errorf("corner: level with %d mice @, %d cheeses * and %d kinds of things; it must have one of each",
			len(letters['@']), len(letters['*']), len(letters))
	}
	return &Level{Maze: m, Mouse: letters['@'][0], Cheese: letters['*'][0]}, nil
}

// Draw draws the level as it is at first.
func (l *Level) Draw() grid.Picture { return l.draw(l.Mouse, false) }

// PNG returns Draw's picture as a PNG file; notebooks display a value with this method.
func (l *Level) PNG() []byte { return l.Draw().PNG() }

func (l *Level) draw(mouse int, eaten bool) grid.Picture {
	s := l.Scene()
	add := func(cell int, tile grid.Tile) { s.Add(cell/l.Size, cell%l.Size, tile) }
	if !l.Wall[l.Corner()] {
		add(l.Corner(), grid.Corner)
	}
	if !eaten {
		add(l.Cheese, grid.Cheese)
	}
	add(mouse, grid.Mouse)
	return s.Draw(0)
}

// generator makes levels in memory that it keeps.
type generator struct {
	cfg     Config
	builder *jaxgmg.Builder
	mask    []bool
}

func newGenerator(cfg Config) (*generator, error) {
	builder, err := jaxgmg.NewBuilder(cfg.Walls, cfg.Size)
	if err != nil {
		return nil, err
	}
	return &generator{cfg: cfg, builder: builder, mask: make([]bool, cfg.Size*cfg.Size)}, nil
}

// Generate makes the level with this seed: walls, then the cheese, then the mouse, each from a key of its own, so the
// same seed has the same walls for every corner. An error names what is wrong with cfg.
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

func (g *generator) generate(l *Level, seed int64) {
	n := g.cfg.Size
	if len(l.Wall) != n*n {
		l.Wall = make([]bool, n*n)
	}
	l.Size, l.seed, l.made = n, seed, true
	walls, k := jaxgmg.NewKey(seed).Split()
	cheese, k := k.Split()
	mouse, k := k.Split()
	g.builder.Build(walls, l.Wall)

	l.Shifted = false
	if g.cfg.Alpha > 0 { // JaxGMG draws this apart from its levels; one more key leaves the others as they are
		shift, _ := k.Split()
		l.Shifted = float64(shift.Uniform()) < g.cfg.Alpha
	}
	corner := g.cfg.CornerSize
	if l.Shifted {
		corner = g.cfg.ShiftCornerSize
	}
	free := 0
	for cell := range g.mask {
		g.mask[cell] = inCorner(cell, n, corner) && !l.Wall[cell]
		if g.mask[cell] {
			free++
		}
	}
	if free == 0 { // then the cheese makes room for itself
		for cell := range g.mask {
			g.mask[cell] = inCorner(cell, n, corner)
		}
	}
	l.Cheese = cheese.Choose(g.mask)
	l.Wall[l.Cheese] = false

	for cell := range g.mask {
		g.mask[cell] = !l.Wall[cell] && cell != l.Cheese
	}
	l.Mouse = mouse.Choose(g.mask)
	if l.Mouse < 0 { // all else is wall, which the original does not provide for; so does the mouse, here
		for cell := range g.mask {
			g.mask[cell] = inCorner(cell, n, n-2) && cell != l.Cheese
		}
		l.Mouse = mouse.Choose(g.mask)
		l.Wall[l.Mouse] = false
	}
}

// inCorner reports whether a cell is in rows and columns 1 .. size of a grid of n × n.
func inCorner(cell, n, size int) bool {
	row, column := cell/n, cell%n
	return row >= 1 && row <= size && column >= 1 && column <= size
}
