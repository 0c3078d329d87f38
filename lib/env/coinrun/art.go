package coinrun

import (
	"image/color"
	"math"

	"goalgap/lib/env/internal/paint"
)

// speck returns a number in [0, 1) that depends on the cell and on n, for variety that stays where it is.
func speck(x, y, n int) float64 {
	h := uint32(x*374761393 + y*668265263 + n*974634533)
	h = (h ^ h>>13) * 1274126177
	return float64((h^h>>16)&0xffff) / 0x10000
}

// sky fills the canvas with a sky above hills.
func sky(c *paint.Canvas) {
	b := c.Bounds()
	w, h := float64(b.Dx())/c.Unit, float64(b.Dy())/c.Unit
	top, bottom := paint.RGB(0x6fb7e9), paint.RGB(0xe4f3fb)
	far, near := paint.RGB(0xb5d8dd), paint.RGB(0x9bcbb8)
	nearHills, farHills := make([]float64, b.Dx()+1), make([]float64, b.Dx()+1)
	for i := range nearHills {
		wx := c.X0 + float64(i)/c.Unit
		nearHills[i] = 3.2 + 1.1*math.Sin(wx*0.37) + 0.7*math.Sin(wx*0.83+2)
		farHills[i] = 5.6 + 1.3*math.Sin(wx*0.21+1) + 0.8*math.Sin(wx*0.53)
	}
	y := c.Y1 - h/2
	c.Paint(c.X0+w/2, y, w/2, h/2, func(dx, dy float64) color.NRGBA {
		i, wy := int((dx+w/2)*c.Unit), y+dy
		switch {
		case wy < nearHills[i]:
			return near
		case wy < farHills[i]:
			return far
		}
		return paint.Mix(bottom, top, max(0, min(1, wy/16)))
	})
	// One cloud for every nine columns, at heights of its own.
	white := color.NRGBA{255, 255, 255, 210}
	for k := int(math.Floor(c.X0/9)) - 1; float64(k)*9 < c.X0+w+3; k++ {
		cx, cy := float64(k)*9+6*speck(k, 1, 0), 9+5*speck(k, 2, 0)
		c.RoundBox(cx-1.3, cy-0.3, cx+1.3, cy+0.15, 0.22, white)
		c.Disc(cx-0.4, cy+0.15, 0.48, white)
		c.Disc(cx+0.4, cy+0.1, 0.36, white)
	}
}

func earth(c *paint.Canvas, x, y int) {
	fx, fy := float64(x), float64(y)
	c.Box(fx, fy, fx+1, fy+1, paint.RGB(0x8a6244))
	for n := range 3 {
		px, py := fx+0.15+0.7*speck(x, y, n), fy+0.15+0.7*speck(x, y, n+7)
		col := paint.RGB(0x785338)
		if speck(x, y, n+11) > 0.6 {
			col = paint.RGB(0x9c7454)
		}
		c.Ellipse(px, py, 0.07+0.06*speck(x, y, n+3), 0.05+0.03*speck(x, y, n+5), col)
	}
}

func grass(c *paint.Canvas, x, y int) {
	earth(c, x, y)
	fx, fy := float64(x), float64(y)
	c.Paint(fx+0.5, fy+0.5, 0.5, 0.5, func(dx, dy float64) color.NRGBA {
		fringe := 0.20 + 0.07*math.Abs(math.Sin((fx+dx)*math.Pi*2))
		switch {
		case dy > 0.40:
			return paint.RGB(0x8ed15a)
		case dy > fringe:
			return paint.RGB(0x5fae3c)
		}
		return color.NRGBA{}
	})
}

func bricks(c *paint.Canvas, x, y int) {
	fx, fy := float64(x), float64(y)
	c.Paint(fx+0.5, fy+0.5, 0.5, 0.5, func(dx, dy float64) color.NRGBA {
		wy := (dy + 0.5) * 3
		course := math.Floor(wy)
		wx := (dx+0.5)*1.5 + 0.5*math.Mod(course+3*fy+30, 2) + 1.5*fx
		inX, inY := wx-math.Floor(wx), wy-course
		if inX < 0.06 || inY < 0.12 {
			return paint.RGB(0x5f6470)
		}
		return paint.Mix(paint.RGB(0x858b98), paint.RGB(0x979dab), speck(int(math.Floor(wx)), y*3+int(course), 1))
	})
}

func lava(c *paint.Canvas, x, y int, top bool) {
	fx, fy := float64(x), float64(y)
	c.Paint(fx+0.5, fy+0.5, 0.5, 0.5, func(dx, dy float64) color.NRGBA {
		wave := 0.06 * math.Sin((fx+dx)*math.Pi*2)
		switch {
		case top && dy > 0.36+wave:
			return color.NRGBA{}
		case top && dy > 0.22+wave:
			return paint.RGB(0xffd257)
		case math.Sin((fx+dx)*5+2*math.Sin((fy+dy)*4)) > 0.75:
			return paint.RGB(0xf58a2c)
		}
		return paint.RGB(0xdf4b21)
	})
}

func coin(c *paint.Canvas, x, y float64) {
	c.Disc(x, y, 0.42, paint.RGB(0xa8720c))
	c.Disc(x, y, 0.37, paint.RGB(0xf6c62b))
	c.Ring(x, y, 0.25, 0.29, paint.RGB(0xd79a16))
	c.RoundBox(x-0.05, y-0.16, x+0.05, y+0.16, 0.04, paint.RGB(0xd79a16))
	c.Ellipse(x-0.17, y+0.2, 0.08, 0.06, paint.RGB(0xfff3b8))
}

// ghost marks where an invisible marker stands.
func ghost(c *paint.Canvas, x, y float64) {
	c.Paint(x, y, 0.42, 0.42, func(dx, dy float64) color.NRGBA {
		d := math.Hypot(dx, dy)
		dash := math.Mod(math.Atan2(dy, dx)+math.Pi, math.Pi/4) < math.Pi/6
		switch {
		case d > 0.42:
			return color.NRGBA{}
		case d > 0.36 && dash:
			return color.NRGBA{90, 70, 130, 200}
		case d > 0.36:
			return color.NRGBA{}
		}
		return color.NRGBA{255, 255, 255, 70}
	})
}

func saw(c *paint.Canvas, x, y float64, t int) {
	const teeth = 12
	turn := float64(t) * 0.35
	c.Paint(x, y, 0.5, 0.5, func(dx, dy float64) color.NRGBA {
		d := math.Hypot(dx, dy)
		phase := (math.Atan2(dy, dx) + turn + 100) * teeth / (2 * math.Pi)
		edge := 0.5 - 0.1*(phase-math.Floor(phase))
		switch {
		case d > edge:
			return color.NRGBA{}
		case d < 0.07:
			return paint.RGB(0x3d424b)
		case d < 0.15:
			return paint.RGB(0xb03a2e)
		case d > edge-0.05:
			return paint.RGB(0x555c68)
		case d > 0.27 && d < 0.3:
			return paint.RGB(0x7b8390)
		}
		return paint.RGB(0xa3acb8)
	})
}

func crate(c *paint.Canvas, x, y float64) {
	dark, wood, light := paint.RGB(0x6b431d), paint.RGB(0xb67c3f), paint.RGB(0xcf9858)
	c.Box(x-0.5, y-0.5, x+0.5, y+0.5, dark)
	c.Box(x-0.45, y-0.45, x+0.45, y+0.45, light)
	c.Box(x-0.32, y-0.32, x+0.32, y+0.32, dark)
	for i := range 3 {
		low := y - 0.29 + float64(i)*0.2
		c.Box(x-0.29, low, x+0.29, low+0.17, wood)
	}
	c.Line(x-0.27, y-0.27, x+0.27, y+0.27, 0.14, dark)
	c.Line(x-0.27, y-0.27, x+0.27, y+0.27, 0.09, light)
}

func slime(c *paint.Canvas, x, y float64, right bool, t int) {
	squash := 0.0
	if t/5%2 == 1 {
		squash = 0.06
	}
	body, shade := paint.RGB(0xb048b5), paint.RGB(0x7f2c86)
	c.Paint(x, y-0.5, 0.48, 0.95, func(dx, dy float64) color.NRGBA {
		h := 0.86 - squash
		d := dx*dx/(0.46*0.46) + dy*dy/(h*h)
		switch {
		case dy < 0 || d > 1:
			return color.NRGBA{}
		case d > 0.85 || dy < 0.05:
			return shade
		}
		return body
	})
	look := -1.0
	if right {
		look = 1
	}
	eyes := y + 0.02 - squash
	for _, dx := range [...]float64{-0.1, 0.22} {
		c.Disc(x+look*dx, eyes, 0.115, paint.RGB(0xffffff))
		c.Disc(x+look*(dx+0.04), eyes-0.01, 0.055, paint.RGB(0x241328))
	}
	c.Line(x-0.2, eyes+0.19, x+look*0.02, eyes+0.13, 0.05, shade)
}

// robot draws the agent, within its box.
func robot(c *paint.Canvas, e *Env) {
	x, low := float64(e.x), float64(e.y)-float64(ry)
	look := -1.0
	if e.facingRight {
		look = 1
	}
	outline, body, light := paint.RGB(0x1f3a5f), paint.RGB(0x2f74c0), paint.RGB(0x7db8ee)

	// Legs: apart in the air, striding when walking.
	left, right, liftLeft, liftRight := -0.16, 0.16, 0.0, 0.0
	switch {
	case !e.support:
		left, right, liftLeft, liftRight = -0.22, 0.24, 0.05, 0.1
	case abs(e.vx) > 0.01 && e.t/3%2 == 0:
		left, right, liftRight = -0.24, 0.2, 0.06
	case abs(e.vx) > 0.01:
		left, right, liftLeft = -0.08, 0.08, 0.06
	}
	c.Line(x-0.13, low+0.34, x+look*left, low+0.07+liftLeft, 0.13, outline)
	c.Line(x+0.13, low+0.34, x+look*right, low+0.07+liftRight, 0.13, outline)
	c.RoundBox(x+look*left-0.12, low+liftLeft, x+look*left+0.12, low+0.11+liftLeft, 0.05, outline)
	c.RoundBox(x+look*right-0.12, low+liftRight, x+look*right+0.12, low+0.11+liftRight, 0.05, outline)

	// Arm behind, trunk, arm before.
	c.Line(x-look*0.24, low+0.58, x-look*0.36, low+0.42, 0.1, outline)
	c.RoundBox(x-0.3, low+0.26, x+0.3, low+0.72, 0.1, outline)
	c.RoundBox(x-0.25, low+0.31, x+0.25, low+0.67, 0.07, body)
	c.Disc(x+look*0.06, low+0.49, 0.07, paint.RGB(0xf6c62b))

	// Head with a visor and an aerial.
	c.Line(x-look*0.08, low+1.02, x-look*0.12, low+1.12, 0.05, outline)
	c.Disc(x-look*0.12, low+1.11, 0.05, paint.RGB(0xe0523f))
	c.RoundBox(x-0.34, low+0.66, x+0.34, low+1.06, 0.15, outline)
	c.RoundBox(x-0.29, low+0.71, x+0.29, low+1.01, 0.11, light)
	c.RoundBox(x+look*0.06-0.2, low+0.77, x+look*0.06+0.2, low+0.94, 0.07, paint.RGB(0x14263d))
	c.Disc(x+look*0.06-0.08, low+0.855, 0.045, paint.RGB(0x9df3ff))
	c.Disc(x+look*0.06+0.08, low+0.855, 0.045, paint.RGB(0x9df3ff))
}
