package coinrun

import (
	"bytes"
	"encoding/binary"
	"math"
)

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
	copy(dst, allBlack)
	c := newCamera(e.x, e.y)
	l := e.level
	e.cells(dst, c)

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

// cells draws the level's cells, column by column from the left and each from the bottom, as the original does: they are
// drawn a little larger than they are, so what comes later covers the edge of what came before.
func (e *Env) cells(dst []byte, c camera) {
	l := e.level
	x0, x1 := int(e.x-7.5), int(e.x+7.5)
	y0, y1 := int(e.y-7.5), int(e.y+7.5)
	var top, bottom [17]int // pixel rows of the cells of a column
	for y := y0; y <= y1; y++ {
		top[y-y0], bottom[y-y0] = c.rows(float32(y+1), 1, 0.02)
	}
	wall, wallTop := colour(15, l.WallTheme), colour(16, l.WallTheme)
	for x := x0; x <= x1; x++ {
		left, right := c.columns(float32(x), 1, 0.02)
		if left >= right {
			continue
		}
		// A cell is five or six pixels wide. They are written with their neighbours, which stay as they are, eight at once.
		at := min(left, MonochromeSize-8)
		mask := (^uint64(0) >> (64 - 8*(right-left))) << (8 * (left - at))
		for y := y0; y <= y1; y++ {
			var n byte
			switch l.At(x, y) {
			case WallInner:
				n = wall
			case WallTop:
				n = wallTop
			case FakeWall:
				n = colour(15, 0)
			case LavaInner:
				n = colour(17, 0)
			case LavaTop:
				n = colour(18, 0)
			case Coin:
				n = colour(1, 0)
			default:
				continue
			}
			paint := uint64(n) * 0x0101010101010101 & mask
			for row := top[y-y0]; row < bottom[y-y0]; row++ {
				p := dst[row*MonochromeSize+at:][:8]
				binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)&^mask|paint)
			}
		}
	}
}

var allBlack = bytes.Repeat([]byte{Black}, MonochromeSize*MonochromeSize)

// PixelsLen is the number of bytes of the picture of Pixels.
const PixelsLen = MonochromeSize * MonochromeSize * 3

// Pixels draws what Monochrome draws in colours: to dst, 64 × 64 × 3 bytes, the observation of the original in its
// one-colour mode, rows from the top down, red, green and blue of each pixel. It panics if dst is too short.
func (e *Env) Pixels(dst []byte) {
	dst = dst[:PixelsLen]
	clear(dst)
	if e.picture == nil {
		e.picture = make([]byte, MonochromeSize*MonochromeSize)
	}
	e.Monochrome(e.picture)
	const last = MonochromeSize*MonochromeSize - 8
	for i := 0; i <= last; i += 8 {
		numbers := binary.LittleEndian.Uint64(e.picture[i:])
		if numbers == ^uint64(0) { // all black
			continue
		}
		p := dst[3*i : 3*i+24 : 3*i+24]
		// Each pixel is written as four bytes, the fourth of which the next one covers.
		binary.LittleEndian.PutUint32(p[0:], palette[byte(numbers)])
		binary.LittleEndian.PutUint32(p[3:], palette[byte(numbers>>8)])
		binary.LittleEndian.PutUint32(p[6:], palette[byte(numbers>>16)])
		binary.LittleEndian.PutUint32(p[9:], palette[byte(numbers>>24)])
		binary.LittleEndian.PutUint32(p[12:], palette[byte(numbers>>32)])
		binary.LittleEndian.PutUint32(p[15:], palette[byte(numbers>>40)])
		binary.LittleEndian.PutUint32(p[18:], palette[byte(numbers>>48)])
		binary.LittleEndian.PutUint16(p[21:], uint16(palette[byte(numbers>>56)]))
		p[23] = byte(palette[byte(numbers>>56)] >> 16)
	}
}

// palette holds the colours of Monochrome's numbers, red in the lowest byte.
var palette = func() (p [256]uint32) {
	for n := range p {
		r, g, b := MonochromeRGB(byte(n))
		p[n] = uint32(r) | uint32(g)<<8 | uint32(b)<<16
	}
	return p
}()

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
	left, right := c.columns(x, w, m)
	top, bottom := c.rows(y, h, m)
	for row := top; row < bottom; row++ {
		line := dst[row*MonochromeSize+left : row*MonochromeSize+max(left, right)]
		for i := range line {
			line[i] = n
		}
	}
}

// columns returns the first pixel column of what begins at x and is w wide, made larger by m on each side, and the one
// behind its last.
func (c camera) columns(x, w, m float32) (left, right int) {
	at := float64(float32((x-m)*c.unit) - c.xo)
	return pixel(at), pixel(at + float64((w+float32(2*m))*c.unit))
}

// rows is columns for what reaches down by h from y.
func (c camera) rows(y, h, m float32) (top, bottom int) {
	at := float64(float32((c.view-y-m)*c.unit) + c.yo)
	return pixel(at), pixel(at + float64((h+float32(2*m))*c.unit))
}

func pixel(v float64) int { return min(max(int(math.Floor(v+0.5)), 0), MonochromeSize) }
