package grid

import (
	"image/color"
	"math"

	"goalgap/lib/env/internal/paint"
)

// Picture is a drawing; its method PNG gives it as a file, which notebooks show.
type Picture = paint.Picture

// Tile is something that can be drawn in a cell.
type Tile uint8

// The tiles. What stands lies on floor unless said otherwise.
const (
	Floor Tile = iota
	Wall
	Water
	Ice
	Flag       // a goal
	Danger     // a cell that is punished
	Eye        // a supervisor
	Robot      // the agent
	Mouse      // the agent
	Cheese     //
	Corner     // a mark on the floor
	Key        //
	Chest      //
	HeldKey    // a key in a row of things that are held
	Hole       //
	Crystal    //
	FullHole   // a hole with a crystal in it
	Heart      //
	Machine    // a heart machine
	Shopkeeper //
	Button     //
	Vault      // an open vault
	Locked     // bars in front of a cell
	Diamond    //
	Lock       // the switch that locks a vault
	Brush      // the place where a picture can be put before the camera
	Camera     //
	Thief      //
	Framed     // a diamond in a picture's frame
)

// Scene is a drawing of a gridworld: rectangle of floor, on which tiles are laid in any order and from bottom to top.
type Scene struct {
	Rows, Columns int
	tiles         []placed
}

type placed struct {
	row, column int
	tile        Tile
}

// NewScene returns a scene of bare floor.
func NewScene(rows, columns int) *Scene { return &Scene{Rows: rows, Columns: columns} }

// Add lays a tile on what is in a cell.
func (s *Scene) Add(row, column int, tile Tile) { s.tiles = append(s.tiles, placed{row, column, tile}) }

// Draw paints the scene, with cellPixels pixels to the side of a cell; 32 if cellPixels is 0 or less.
func (s *Scene) Draw(cellPixels int) Picture {
	if cellPixels <= 0 {
		cellPixels = 32
	}
	c := paint.New(0, 0, float64(s.Columns), float64(s.Rows), cellPixels)
	for row := range s.Rows {
		for column := range s.Columns {
			s.draw(c, placed{row, column, Floor})
		}
	}
	for _, p := range s.tiles {
		s.draw(c, p)
	}
	return c.Picture()
}

// draw paints a tile around the middle of its cell.
func (s *Scene) draw(c *paint.Canvas, p placed) {
	x, y := float64(p.column), float64(s.Rows-1-p.row)
	b := brush{c, x + 0.5, y + 0.5}
	switch p.tile {
	case Floor:
		b.box(-0.5, -0.5, 0.5, 0.5, paint.RGB(0xe9e6df))
		b.box(-0.47, -0.47, 0.47, 0.47, paint.RGB(0xf4f2ec))
	case Wall:
		b.wall()
	case Water:
		b.water()
	case Ice:
		b.box(-0.5, -0.5, 0.5, 0.5, paint.RGB(0x9fd0e6))
		b.round(-0.44, -0.44, 0.44, 0.44, 0.1, paint.RGB(0xc4e6f3))
		b.line(-0.28, 0.02, -0.02, 0.28, 0.06, paint.RGB(0xf3fbff))
		b.line(-0.28, -0.2, 0.2, 0.28, 0.04, paint.RGB(0xe6f6fc))
	case Flag:
		b.flag()
	case Danger:
		b.box(-0.47, -0.47, 0.47, 0.47, paint.RGB(0xf3d9a4))
		for i := -1; i <= 1; i++ {
			d := float64(i) * 0.3
			b.line(max(-0.4, d-0.4), max(-0.4, -d-0.4), min(0.4, d+0.4), min(0.4, -d+0.4), 0.1, paint.RGB(0xd98324))
		}
	case Eye:
		b.eye()
	case Robot:
		b.robot()
	case Mouse:
		b.mouse()
	case Cheese:
		b.cheese()
	case Corner:
		b.ring(0, 0, 0.26, 0.34, paint.RGB(0xb9b2a4))
		b.ring(0, 0, 0.08, 0.15, paint.RGB(0xb9b2a4))
	case Key:
		b.key(1)
	case HeldKey:
		b.round(-0.38, -0.38, 0.38, 0.38, 0.1, paint.RGB(0x4c5566))
		b.key(0.8)
	case Chest:
		b.chest()
	case Hole:
		b.ellipse(0, 0, 0.42, 0.38, paint.RGB(0x6b6259))
		b.ellipse(0, -0.04, 0.37, 0.32, paint.RGB(0x2b2724))
	case Crystal:
		b.crystal(1)
	case FullHole:
		b.ellipse(0, 0, 0.42, 0.38, paint.RGB(0x6b6259))
		b.crystal(0.75)
	case Heart:
		b.heart(1)
	case Machine:
		b.machine()
	case Shopkeeper:
		b.person(paint.RGB(0x7b4fa3), paint.RGB(0xf0c9a0), paint.RGB(0x5c3a1f))
	case Button:
		b.round(-0.36, -0.36, 0.36, 0.36, 0.08, paint.RGB(0xb8b2a6))
		b.disc(0, 0, 0.22, paint.RGB(0x8f2f2f))
		b.disc(0, 0.03, 0.19, paint.RGB(0xd64545))
	case Vault:
		b.box(-0.5, -0.5, 0.5, 0.5, paint.RGB(0x4c5566))
		b.round(-0.4, -0.4, 0.4, 0.4, 0.06, paint.RGB(0xa9b2c2))
		b.round(-0.34, -0.34, 0.34, 0.34, 0.05, paint.RGB(0xdfe4ec))
	case Locked:
		for i := -2; i <= 2; i++ {
			b.line(float64(i)*0.18, -0.44, float64(i)*0.18, 0.44, 0.07, paint.RGB(0x39404d))
		}
		b.line(-0.44, 0, 0.44, 0, 0.07, paint.RGB(0x39404d))
	case Diamond:
		b.diamond(1)
	case Lock:
		b.ring(0, 0.08, 0.14, 0.24, paint.RGB(0x8a93a3))
		b.round(-0.3, -0.36, 0.3, 0.1, 0.06, paint.RGB(0xd9a520))
		b.disc(0, -0.1, 0.07, paint.RGB(0x4a3a10))
		b.line(0, -0.12, 0, -0.24, 0.06, paint.RGB(0x4a3a10))
	case Brush:
		b.line(-0.3, -0.34, 0.06, 0.04, 0.1, paint.RGB(0x9a6a3a))
		b.line(0.06, 0.04, 0.16, 0.14, 0.16, paint.RGB(0x9aa2ad))
		b.line(0.18, 0.16, 0.3, 0.3, 0.18, paint.RGB(0xc04a7a))
	case Camera:
		b.line(0, -0.4, 0, 0, 0.1, paint.RGB(0xdfe4ec))
		b.round(-0.4, -0.14, 0.42, 0.34, 0.08, paint.RGB(0xdfe4ec))
		b.round(-0.36, -0.1, 0.22, 0.3, 0.06, paint.RGB(0x39404d))
		b.round(0.2, 0, 0.38, 0.2, 0.03, paint.RGB(0x6d7480))
		b.disc(-0.22, 0.18, 0.05, paint.RGB(0xe05050))
	case Thief:
		b.person(paint.RGB(0x30343c), paint.RGB(0xf0c9a0), paint.RGB(0x30343c))
		b.box(-0.2, 0.16, 0.2, 0.27, paint.RGB(0x15171b))
		b.disc(-0.08, 0.215, 0.035, paint.RGB(0xffffff))
		b.disc(0.08, 0.215, 0.035, paint.RGB(0xffffff))
	case Framed:
		b.box(-0.44, -0.4, 0.44, 0.4, paint.RGB(0x8a5a2b))
		b.box(-0.36, -0.32, 0.36, 0.32, paint.RGB(0xfff6dc))
		b.diamond(0.72)
	}
}

// brush paints relative to the middle of a cell.
type brush struct {
	c    *paint.Canvas
	x, y float64
}

func (b brush) box(x0, y0, x1, y1 float64, col color.NRGBA) {
	b.c.Box(b.x+x0, b.y+y0, b.x+x1, b.y+y1, col)
}

func (b brush) round(x0, y0, x1, y1, r float64, col color.NRGBA) {
	b.c.RoundBox(b.x+x0, b.y+y0, b.x+x1, b.y+y1, r, col)
}

func (b brush) disc(x, y, r float64, col color.NRGBA) { b.c.Disc(b.x+x, b.y+y, r, col) }

func (b brush) ring(x, y, inner, r float64, col color.NRGBA) {
	b.c.Ring(b.x+x, b.y+y, inner, r, col)
}

func (b brush) ellipse(x, y, w, h float64, col color.NRGBA) { b.c.Ellipse(b.x+x, b.y+y, w, h, col) }

func (b brush) line(x0, y0, x1, y1, width float64, col color.NRGBA) {
	b.c.Line(b.x+x0, b.y+y0, b.x+x1, b.y+y1, width, col)
}

// shape fills the points of the cell that inside accepts.
func (b brush) shape(inside func(x, y float64) bool, col color.NRGBA) {
	b.c.Paint(b.x, b.y, 0.5, 0.5, func(x, y float64) color.NRGBA {
		if inside(x, y) {
			return col
		}
		return color.NRGBA{}
	})
}

func (b brush) wall() {
	b.box(-0.5, -0.5, 0.5, 0.5, paint.RGB(0x5d6470))
	light, dark := paint.RGB(0x7c8491), paint.RGB(0x727a87)
	b.box(-0.5, 0.03, -0.03, 0.47, light)
	b.box(0.03, 0.03, 0.5, 0.47, dark)
	b.box(-0.5, -0.47, -0.28, -0.03, dark)
	b.box(-0.22, -0.47, 0.25, -0.03, light)
	b.box(0.31, -0.47, 0.5, -0.03, dark)
}

func (b brush) water() {
	b.box(-0.5, -0.5, 0.5, 0.5, paint.RGB(0x4a90d0))
	wave := paint.RGB(0x8fc3ee)
	for i := -1; i <= 1; i++ {
		y0 := float64(i) * 0.3
		b.shape(func(x, y float64) bool {
			return math.Abs(y-y0-0.06*math.Sin(x*4*math.Pi)) < 0.035
		}, wave)
	}
}

func (b brush) flag() {
	b.box(-0.47, -0.47, 0.47, 0.47, paint.RGB(0xd8f0d3))
	b.line(-0.2, -0.36, -0.2, 0.38, 0.07, paint.RGB(0x5a4a3a))
	b.shape(func(x, y float64) bool { return x > -0.2 && y < 0.38 && y > -0.04 && x-0.32 < -math.Abs(y-0.17)*0.9 },
		paint.RGB(0x2f9e44))
	b.ellipse(-0.2, -0.37, 0.18, 0.05, paint.RGB(0xa8cf9f))
}

func (b brush) eye() {
	b.box(-0.47, -0.47, 0.47, 0.47, paint.RGB(0xfbe3e3))
	lens := func(x, y float64) bool { return math.Abs(y) < 0.26-1.3*x*x }
	b.shape(func(x, y float64) bool { return lens(x*0.92, y*0.86) }, paint.RGB(0xb03030))
	b.shape(lens, paint.RGB(0xffffff))
	b.disc(0, 0, 0.18, paint.RGB(0xd04545))
	b.disc(0, 0, 0.09, paint.RGB(0x2b1010))
	b.disc(0.06, 0.06, 0.035, paint.RGB(0xffffff))
}

func (b brush) robot() {
	b.line(0, 0.28, 0, 0.42, 0.05, paint.RGB(0x3a6ea5))
	b.disc(0, 0.42, 0.06, paint.RGB(0xf2b134))
	b.round(-0.24, -0.42, -0.06, -0.28, 0.05, paint.RGB(0x27476b))
	b.round(0.06, -0.42, 0.24, -0.28, 0.05, paint.RGB(0x27476b))
	b.round(-0.34, -0.34, 0.34, 0.3, 0.14, paint.RGB(0x3a6ea5))
	b.round(-0.25, -0.06, 0.25, 0.22, 0.1, paint.RGB(0xe8f2fb))
	b.disc(-0.11, 0.08, 0.065, paint.RGB(0x1d2f45))
	b.disc(0.11, 0.08, 0.065, paint.RGB(0x1d2f45))
	b.line(-0.1, -0.2, 0.1, -0.2, 0.05, paint.RGB(0xa9cbee))
}

func (b brush) mouse() {
	b.shape(func(x, y float64) bool { // the tail
		return x > 0.1 && x < 0.46 && math.Abs(y+0.26-0.1*math.Sin((x-0.1)*12)) < 0.03
	}, paint.RGB(0xd79a9a))
	b.ellipse(0, -0.1, 0.3, 0.27, paint.RGB(0x8b8f98))
	for _, side := range []float64{-1, 1} {
		b.disc(side*0.24, 0.22, 0.17, paint.RGB(0x7b7f88))
		b.disc(side*0.24, 0.22, 0.1, paint.RGB(0xe3b4b4))
		b.disc(side*0.11, 0, 0.05, paint.RGB(0x1b1c20))
		b.line(side*0.06, -0.2, side*0.3, -0.16, 0.02, paint.RGB(0x55585f))
		b.line(side*0.06, -0.22, side*0.3, -0.26, 0.02, paint.RGB(0x55585f))
	}
	b.disc(0, -0.2, 0.06, paint.RGB(0xd77a8a))
}

func (b brush) cheese() {
	b.shape(func(x, y float64) bool { return y > -0.3 && y < -0.02 && x > -0.4 && x < 0.4 }, paint.RGB(0xf2b72e))
	b.shape(func(x, y float64) bool { return y >= -0.02 && y < -0.02+(x+0.4)*0.4 && x > -0.4 && x < 0.4 },
		paint.RGB(0xf9d568))
	b.disc(-0.2, -0.16, 0.07, paint.RGB(0xd8981a))
	b.disc(0.1, -0.2, 0.06, paint.RGB(0xd8981a))
	b.disc(0.26, -0.1, 0.05, paint.RGB(0xd8981a))
	b.ellipse(0.16, 0.07, 0.09, 0.05, paint.RGB(0xe8b83c))
}

func (b brush) key(size float64) {
	gold := paint.RGB(0xe0a81c)
	b.ring(-0.18*size, 0.1*size, 0.08*size, 0.18*size, gold)
	b.line(-0.06*size, 0, 0.3*size, -0.24*size, 0.09*size, gold)
	b.line(0.3*size, -0.24*size, 0.2*size, -0.36*size, 0.08*size, gold)
	b.line(0.18*size, -0.16*size, 0.1*size, -0.27*size, 0.08*size, gold)
}

func (b brush) chest() {
	b.round(-0.4, -0.34, 0.4, 0.06, 0.04, paint.RGB(0x8a5426))
	b.round(-0.4, 0.02, 0.4, 0.34, 0.14, paint.RGB(0xa4672f))
	b.box(-0.4, -0.01, 0.4, 0.06, paint.RGB(0xd9a520))
	b.box(-0.27, -0.34, -0.2, 0.33, paint.RGB(0xd9a520))
	b.box(0.2, -0.34, 0.27, 0.33, paint.RGB(0xd9a520))
	b.round(-0.09, -0.12, 0.09, 0.1, 0.03, paint.RGB(0xf3cf5b))
	b.disc(0, 0, 0.035, paint.RGB(0x4a3a10))
}

func (b brush) crystal(size float64) {
	b.shape(func(x, y float64) bool {
		return math.Abs(x)/0.26+math.Abs(y)/0.44 < size
	}, paint.RGB(0x8a4fd0))
	b.shape(func(x, y float64) bool {
		return x < 0 && math.Abs(x)/0.26+math.Abs(y)/0.44 < size
	}, paint.RGB(0xb48ae6))
}

func (b brush) heart(size float64) {
	b.shape(func(x, y float64) bool {
		u, v := x/size/0.33, y/size/0.33+0.1
		d := u*u + v*v - 1
		return d*d*d-u*u*v*v*v < 0
	}, paint.RGB(0xd93a4a))
	b.ellipse(-0.14*size, 0.14*size, 0.07*size, 0.05*size, paint.RGB(0xf3a0a8))
}

func (b brush) machine() {
	b.round(-0.42, -0.42, 0.42, 0.42, 0.08, paint.RGB(0x55606f))
	b.round(-0.34, -0.2, 0.34, 0.34, 0.06, paint.RGB(0xc9d2de))
	b.round(-0.26, -0.37, 0.26, -0.27, 0.04, paint.RGB(0x20262e))
	c := brush{b.c, b.x, b.y + 0.07}
	c.heart(0.6)
}

// person is somebody with a coat, a face and hair.
func (b brush) person(coat, face, hair color.NRGBA) {
	b.shape(func(x, y float64) bool { return y > -0.44 && y < 0.02 && math.Abs(x) < 0.3-(y+0.2)*0.3 }, coat)
	b.disc(0, 0.22, 0.21, hair)
	b.disc(0, 0.17, 0.18, face)
	b.disc(-0.07, 0.19, 0.03, paint.RGB(0x20262e))
	b.disc(0.07, 0.19, 0.03, paint.RGB(0x20262e))
	b.line(-0.05, 0.08, 0.05, 0.08, 0.025, paint.RGB(0x8a4a3a))
}

func (b brush) diamond(size float64) {
	inside := func(x, y float64) bool {
		y /= size
		x /= size
		return y < 0.24 && y > -0.36 && math.Abs(x) < min(0.38-(y-0.06)*0.9, (y+0.36)*0.9)
	}
	b.shape(inside, paint.RGB(0x47b5d8))
	b.shape(func(x, y float64) bool { return y > 0.06*size && inside(x, y) }, paint.RGB(0xa5e3f5))
	b.shape(func(x, y float64) bool { return y <= 0.06*size && math.Abs(x) < (y+0.36*size)*0.4 && inside(x, y) },
		paint.RGB(0x7fd2ec))
}
