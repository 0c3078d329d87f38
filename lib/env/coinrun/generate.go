package coinrun

// A jump rises at most maxDY cells and reaches at most maxDX, which is what the generator builds for.
const (
	maxDY = 5
	maxDX = 7
)

// Bounds that follow from the generator: difficulty 3 has at most five sections; a pit is at most maxDX wide and holds
// one enemy per column; open ground holds a saw, an enemy and two piles of three crates.
const (
	maxSections = 5
	maxEnemies  = maxSections * maxDX
	maxEntities = maxSections * 8
)

// blankWorld is the grid before the generator: walls around, ground below, nothing else.
var blankWorld = func() (grid [stride * stride]uint8) {
	for i := range grid {
		grid[i] = cellByte[WallInner]
	}
	for y := 0; y < Size-1; y++ {
		for x := 1; x < Size-1; x++ {
			grid[cellIndex(x, y)] = cellByte[Space]
		}
	}
	for x := 1; x < Size-1; x++ {
		grid[cellIndex(x, 0)] = cellByte[WallTop]
	}
	return grid
}()

// cellByte is how a cell is stored in Level.grid.
var cellByte = func() (b [FakeWall + 1]uint8) {
	plane := map[Cell]Plane{
		WallInner: PlaneWall, FakeWall: PlaneWall, WallTop: PlaneWallTop,
		LavaInner: PlaneLava, LavaTop: PlaneLavaTop, Coin: PlaneCoin,
	}
	for c := range b {
		b[c] = uint8(c)
		if p, shown := plane[Cell(c)]; shown {
			b[c] |= uint8(p+1) << 4
		}
	}
	return b
}()

// rowOf[c] is a row full of cells c.
var rowOf = func() (rows [FakeWall + 1][Size]uint8) {
	for c := range rows {
		for x := range rows[c] {
			rows[c][x] = cellByte[c]
		}
	}
	return rows
}()

// builder makes one level.
type builder struct {
	*Level
	g mt19937
}

// generate makes l the level of cfg and seed, reusing l's memory. Every random number is drawn where procgen draws it.
func (l *Level) generate(cfg Config, seed int64) {
	l.Seed, l.Mode, l.Variant, l.RandomPercent = seed, cfg.Mode, cfg.Variant, cfg.RandomPercent
	if l.Entities == nil {
		l.Sections = make([]Section, 0, maxSections)
		l.Entities = make([]Entity, 0, maxEntities)
		l.saws = make([]fixture, 0, maxEntities)
		l.crates = make([]fixture, 0, maxEntities)
		l.tracks = make([]track, 0, maxEnemies)
	}
	l.Sections, l.Entities = l.Sections[:0], l.Entities[:0]
	l.saws, l.crates, l.tracks = l.saws[:0], l.crates[:0], l.tracks[:0]
	l.sawColumns, l.crateColumns = 0, 0
	l.grid = blankWorld

	b := builder{Level: l}
	g := &b.g
	g.seed(seed)
	l.BackgroundX = g.rand01()
	l.Background = g.randn(62)
	g.rand01() // a start position that procgen draws
	g.rand01() // and then overwrites
	if l.Mode == Hard {
		l.AgentTheme = g.randn(5)
		l.WallTheme = g.randn(6)
	} else {
		l.Background, l.AgentTheme, l.WallTheme = 0, 0, 0
	}
	switch l.Variant {
	case Original:
		l.RandomGoal = false
	case AlwaysRandomCoin:
		l.RandomGoal = true
	default:
		l.RandomGoal = g.randn(100) < l.RandomPercent
	}
	b.terrain()
	for i, c := range l.crates {
		l.crateColumns |= 1 << uint(c.x)
		b.show(l.crates[i], PlaneCrate)
	}
	for i, s := range l.saws {
		l.sawColumns |= 1 << uint(s.x)
		b.show(l.saws[i], PlaneSaw)
	}
	for i := range l.tracks {
		b.layTrack(&l.tracks[i])
	}
	l.Draws = g.draws
}

// terrain builds the sections from left to right, and the end.
func (b *builder) terrain() {
	g := &b.g
	dif := g.randn(3) + 1
	sections := g.randn(dif) + dif
	extra := dif / 3
	cx, cy := 5, 1
	b.Difficulty, b.Danger = dif, Danger(g.randn(3))
	b.Start, b.RandomPlace = Point{1, 1}, Point{-1, -1}
	coinSection := -1
	if b.Variant != Original {
		coinSection = g.randn(sections)
	}
	randomCoin, endCoin := Marker, Coin
	if b.RandomGoal {
		randomCoin, endCoin = Coin, Marker
	}

	for s := range sections {
		if cx+15 >= Size {
			break
		}
		dy := min(g.randn(4)+1+extra, maxDY)
		if cy >= 20 || cy >= 5 && g.randn(2) == 1 {
			dy = -dy
		}
		dx := g.randn(2*dif) + 3 + extra
		cy = max(cy+dy, 1)
		if s == coinSection {
			b.RandomPlace = Point{cx, cy}
			b.put(cx, cy, randomCoin)
		}
		b.Sections = append(b.Sections, Section{X: cx, Y: cy, Width: dx})
		if dx > maxDX && cy > 3 && g.randn(20) >= dif {
			b.pit(&b.Sections[s])
		} else {
			b.openGround(cx, cy, dx, dif)
		}
		if !b.At(cx-1, cy).Solid() {
			b.put(cx-1, cy, Barrier)
		}
		cx += dx
		b.put(cx, cy, Barrier)
	}

	b.End = Point{cx, cy}
	b.Coin = b.End
	if b.RandomGoal {
		b.Coin = b.RandomPlace
	}
	b.put(cx, cy, endCoin)
	b.ground(cx, 0, 1, cy)
	behind, width := WallInner, Size-(cx+1)
	if b.Variant == ModWall {
		// The original aborts where its 15 columns do not fit into the world (End.X > 48); they are cut here.
		behind, width = FakeWall, min(width, 15)
	}
	for y := range Size {
		copy(b.grid[cellIndex(cx+1, y):][:width], rowOf[behind][:])
	}
}

// pit builds a section with a pit.
func (b *builder) pit(s *Section) {
	g := &b.g
	x1 := g.randn(3) + 1
	x2 := g.randn(3) + 1
	width := s.Width - x1 - x2
	if width > maxDX {
		width = maxDX
		x2 = s.Width - x1 - width
	}
	left := s.X + x1
	s.Pit, s.PitX, s.PitWidth = true, left, width
	b.ground(s.X, 0, x1, s.Y)
	b.ground(s.X+s.Width-x2, 0, x2, s.Y)
	lavaHeight := g.randn(s.Y-3) + 1
	switch b.Danger {
	case LavaPits:
		b.block(left, 1, width, lavaHeight, LavaInner, LavaTop)
	case SawPits:
		for e := range width {
			b.saw(left+e, 1)
		}
	case EnemyPits:
		for e := range width {
			b.enemy(left+e, 1)
		}
	}
	if width > 4 {
		var x3, w1 int
		switch width {
		case 5:
			x3 = 1 + g.randn(2)
			w1 = 1 + g.randn(2)
		case 6:
			x3 = 2 + g.randn(2)
			w1 = 1 + g.randn(2)
		default:
			x3 = 2 + g.randn(2)
			x4 := 2 + g.randn(2)
			w1 = width - x3 - x4
		}
		b.ground(left+x3, s.Y-1, w1, 1)
	}
}

// openGround builds a section without a pit.
func (b *builder) openGround(cx, cy, dx, dif int) {
	g := &b.g
	b.ground(cx, 0, dx, cy)
	sawX, enemyX := -1, -1
	if g.randn(10) < 2*dif && dx > 3 {
		sawX = cx + g.randn(dx-2) + 1
		b.saw(sawX, cy)
	}
	if g.randn(10) < dif && dx > 3 && b.Mode == Hard {
		enemyX = cx + g.randn(dx-2) + 1
		b.enemy(enemyX, cy)
	}
	for range 2 {
		x := cx + g.randn(dx-2) + 1
		if g.randn(2) == 1 && x != sawX && x != enemyX {
			for j := range g.randn(3) + 1 {
				b.crate(x, cy+j)
			}
		}
	}
}

func (b *builder) put(x, y int, c Cell) { b.grid[cellIndex(x, y)] = cellByte[c] }

// block fills the cells x .. x+w-1, y .. y+h-1, the uppermost row with top.
func (b *builder) block(x, y, w, h int, fill, top Cell) {
	for i := x; i < x+w; i++ {
		for j := y; j < y+h-1; j++ {
			b.put(i, j, fill)
		}
		b.put(i, y+h-1, top)
	}
}

func (b *builder) ground(x, y, w, h int) { b.block(x, y, w, h, WallInner, WallTop) }

func (b *builder) add(kind Kind, x, y int, vx float32, theme int) {
	b.Entities = append(b.Entities, Entity{Kind: kind, X: float32(x) + 0.5, Y: float32(y) + 0.5, VX: vx, Theme: theme})
}

func (b *builder) saw(x, y int) {
	b.add(Saw, x, y, 0, 0)
	b.saws = append(b.saws, fixture{float32(x) + 0.5, float32(y) + 0.5})
}

func (b *builder) crate(x, y int) {
	b.add(Crate, x, y, 0, b.g.randn(4))
	b.crates = append(b.crates, fixture{float32(x) + 0.5, float32(y) + 0.5})
}

func (b *builder) enemy(x, y int) {
	vx := float32(-0.15)
	if b.g.randn(2) == 1 {
		vx = 0.15
	}
	b.add(Enemy, x, y, vx, b.g.randn(9))
	b.tracks = append(b.tracks, track{x: float32(x) + 0.5, y: float32(y) + 0.5, vx: vx})
}

// show makes the observation show a plane where a saw or crate stands. That is always a free cell of the section's
// own ground or pit, and no cell holds both, so each cell of the grid shows at most one plane.
func (b *builder) show(f fixture, p Plane) {
	i := cellIndex(int(f.x), int(f.y))
	b.grid[i] = b.grid[i]&15 | uint8(p+1)<<4
}

// layTrack finds the cells between which an enemy walks.
func (b *builder) layTrack(t *track) {
	turns := func(c Cell) bool { return c.Solid() || c == Barrier }
	y := int(t.y)
	lo, hi := int(t.x), int(t.x)
	for !turns(b.At(lo, y)) {
		lo--
	}
	for !turns(b.At(hi, y)) {
		hi++
	}
	t.lo, t.blockLo = float32(lo+1), b.At(lo, y) == WallInner
	t.hi, t.blockHi = float32(hi), b.At(hi, y) == WallInner
	for i, c := range b.crates {
		if c.y == t.y && c.x > t.lo-1 && c.x < t.hi+1 {
			if t.cratesEnd == 0 {
				t.crates = i
			}
			t.cratesEnd = i + 1
		}
	}
}
