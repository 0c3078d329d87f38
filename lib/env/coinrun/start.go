package coinrun

// anywhere returns the cell in which an agent starts with Config.StartAnywhere, chosen by the level's seed alone: right
// or left of the coin, each half of the time where both sides have a fit cell, and there each fit cell as likely. Where
// there is none at all it is the usual start.
func (l *Level) anywhere() Point {
	var n [2]uint64 // fit cells left and right of the coin
	for p := range l.fitStarts {
		n[l.side(p)]++
	}
	if n[0]+n[1] == 0 {
		return l.Start
	}
	// The finaliser of SplitMix64 (Steele, Lea and Flood 2014) spreads the seed, so that this choice has nothing to do
	// with procgen's random numbers.
	z := uint64(l.Seed) + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	side := int(z & 1)
	if n[side] == 0 {
		side = 1 - side
	}
	pick := z >> 1 % n[side]
	for p := range l.fitStarts {
		if l.side(p) != side {
			continue
		}
		if pick == 0 {
			return p
		}
		pick--
	}
	return l.Start
}

// side is 0 left of the coin and 1 right of it.
func (l *Level) side(p Point) int {
	if p.X > l.Coin.X {
		return 1
	}
	return 0
}

// startDistance is how many columns a start is away from what one could touch at once.
const startDistance = 2

// fitStarts yields the cells from left to right in which an agent can be put down: space on top of the ground, with
// nothing in reach.
func (l *Level) fitStarts(yield func(Point) bool) {
	for i := range l.Sections {
		s := &l.Sections[i]
		if s.Pit {
			continue
		}
		for x := s.X; x < s.X+s.Width && x < l.End.X; x++ {
			if l.At(x, s.Y-1).Solid() && l.fits(x, s.Y) && !yield(Point{x, s.Y}) {
				return
			}
		}
	}
	for x := l.Start.X; x < 5; x++ { // the ground before the first section
		if l.fits(x, l.Start.Y) && !yield(Point{x, l.Start.Y}) {
			return
		}
	}
}

// fits reports whether the two cells in which the agent stands are free and nothing is near.
func (l *Level) fits(x, y int) bool {
	if l.At(x, y).Solid() || l.At(x, y+1).Solid() {
		return false
	}
	for dx := -startDistance; dx <= startDistance; dx++ {
		for dy := -1; dy <= 1; dy++ {
			if c := l.At(x+dx, y+dy); c == Coin || c == Marker || c.Lava() {
				return false
			}
		}
	}
	for _, e := range l.Entities {
		reach := float32(startDistance)
		switch e.Kind {
		case Enemy:
			reach = 2 * startDistance // it comes nearer
		case Crate:
			reach = 1 // it is harmless, but not to be started in
		}
		if d := e.X - (float32(x) + rx); d > -reach && d < reach && e.Y > float32(y)-1 && e.Y < float32(y)+2 {
			return false
		}
	}
	return true
}
