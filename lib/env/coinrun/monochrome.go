package coinrun

import "math"

// MonochromeSize is the side of the picture of Monochrome in pixels.
const MonochromeSize = 64

// Black is the background in Monochrome's pictures.
const Black = 255

// Numbers of the original's pictures.
const (
	imageStanding = 0
	imageSaw      = 2 // and 3
	imageEnemy    = 6 // and 7
	imageWalking  = 12
	imageCrate    = 20
	imageTrail    = 59
)

// Monochrome draws the original's observation in its one-colour mode (use_monochrome_assets, without a background
// picture) to dst, 64 × 64 pixels from the top row down: a colour number 0 .. 63 for each, or Black. Number n stands
// for the colour of [MonochromeRGB]. It panics if dst is too short.
func (e *Env) Monochrome(dst []byte) {
	dst = dst[:MonochromeSize*MonochromeSize]
	for i := range dst {
		dst[i] = Black
	}
	c := newCamera(e.x, e.y)

	l := e.level
	for x := int(e.x - 7.5); x <= int(e.x+7.5); x++ {
		for y := int(e.y - 7.5); y <= int(e.y+7.5); y++ {
			id, theme := 0, 0
			switch l.At(x, y) {
			case WallInner:
				id, theme = 15, l.WallTheme
			case WallTop:
				id, theme = 16, l.WallTheme
			case FakeWall:
				id = 15
			case LavaInner:
				id = 17
			case LavaTop:
				id = 18
			case Coin:
				id = 1
			default:
				continue
			}
			c.fill(dst, float32(x), float32(y+1), 1, 1, 0.02, colour(id, theme))
		}
	}

	for _, s := range l.Entities {
		switch s.Kind {
		case Saw:
			c.box(dst, s.X, s.Y, rk, rk, colour(imageSaw+e.t%2, 0))
		case Crate:
			c.box(dst, s.X, s.Y, rk, rk, colour(imageCrate, s.Theme))
		}
	}
	for i := range e.nEnemies {
		e.trails(i, func(x, y, halfWidth, halfHeight, _ float32) {
			c.box(dst, x, y, halfWidth, halfHeight, colour(imageTrail, 0))
		})
	}
	image := imageWalking
	switch {
	case abs(e.vx) < 0.01 && e.ax == 0 && e.support:
		image = imageStanding
	case e.support && e.t/5%2 == 1:
		image = imageWalking + 1
	}
	c.box(dst, e.x, e.y, rx, ry, colour(image, l.AgentTheme))
	i := 0
	for _, s := range l.Entities {
		if s.Kind == Enemy {
			c.box(dst, e.enemies[i].x, s.Y, rk, rk, colour(imageEnemy+e.t/5%2, s.Theme))
			i++
		}
	}
}

// trails calls draw for the trail of discs behind enemy i, the oldest first: centre, half sizes and opacity. A trail
// is left at the end of each step, then rises, grows and fades for eight steps.
func (e *Env) trails(i int, draw func(x, y, halfWidth, halfHeight, alpha float32)) {
	m := &e.enemies[i]
	for age := min(8, e.t-1); age >= 0; age-- {
		x := m.x
		if age > 0 {
			x = m.past[(e.t-age)&7]
		}
		y := e.level.tracks[i].y - float32(rk*0.5)
		var w, h, alpha float32 = 0.3, 0.2, 0.5
		for range age {
			y += 0.01
			w *= 1.05
			h *= 1.05
			alpha *= 0.8
		}
		draw(x, y, w, h, alpha)
	}
}

func colour(id, theme int) byte { return byte((29*(id+1) + 19*theme) % 64) }

// MonochromeRGB returns the colour that the original paints for a number of Monochrome.
func MonochromeRGB(n byte) (r, g, b byte) {
	if n == Black {
		return 0, 0, 0
	}
	return 64*(n/16+1) - 1, 64*(n/4%4+1) - 1, 64*(n%4+1) - 1
}

// camera maps the world to the original's 64 × 64 pixels: 13 × 13 cells around the agent.
type camera struct{ unit, view, xo, yo float32 }

func newCamera(x, y float32) camera {
	raw := float32(64) / 13
	c := camera{unit: raw, view: float32(64.0 / float64(raw))}
	c.xo = c.unit * (x - c.view/2)
	c.yo = c.unit * (y - c.view/2)
	return c
}

// box fills the box of an entity.
func (c camera) box(dst []byte, x, y, halfWidth, halfHeight float32, n byte) {
	c.fill(dst, x-halfWidth, y+halfHeight, 2*halfWidth, 2*halfHeight, 0, n)
}

// fill fills the rectangle with the left edge x, the upper edge y, width w and height h, made larger by m on each side.
func (c camera) fill(dst []byte, x, y, w, h, m float32, n byte) {
	left := float64(float32((x-m)*c.unit) - c.xo)
	top := float64(float32((c.view-y-m)*c.unit) + c.yo)
	width := float64((w + float32(2*m)) * c.unit)
	height := float64((h + float32(2*m)) * c.unit)
	round := func(v float64) int { return min(max(int(math.Floor(v+0.5)), 0), MonochromeSize) }
	x0, x1 := round(left), round(left+width)
	y0, y1 := round(top), round(top+height)
	for row := y0; row < y1; row++ {
		for col := x0; col < x1; col++ {
			dst[row*MonochromeSize+col] = n
		}
	}
}
