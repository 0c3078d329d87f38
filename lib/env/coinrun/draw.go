package coinrun

import (
	"image"
	"image/color"
	"image/draw"

	"goalgap/lib/env/internal/paint"
)

// Picture is a drawing; its method PNG gives it as a file.
type Picture = paint.Picture

// Artist draws the game in artwork of our own. The zero value draws with its defaults.
type Artist struct {
	// CellPixels is the side of a cell in pixels; default 24.
	CellPixels int

	// ShowMarker draws the invisible marker as a faint ring. The agent does not see it. Default false.
	ShowMarker bool

	// Path are states of the agent to mark with dots, such as those of the steps so far; default none.
	Path []Agent
}

// Window draws what the agent sees: 13 × 13 cells around its exact place.
func (a Artist) Window(e *Env) Picture {
	half := float64(Window) / 2
	x, y := float64(e.x), float64(e.y)
	c := paint.New(x-half, y-half, Window, Window, a.cellPixels())
	a.scene(c, e.level, e, int(x)-Radius-1, int(y)-Radius-1, int(x)+Radius+1, int(y)+Radius+1)
	return c.Picture()
}

// Strip draws the whole level, cropped to the part in use (see [Level.Crop]), in the present state of e's episode.
func (a Artist) Strip(e *Env) Picture { return a.strip(e.level, e) }

// Level draws the whole level as it is before the first step, cropped to the part in use.
func (a Artist) Level(l *Level) Picture {
	e := Env{}
	e.begin(l)
	return a.strip(l, &e)
}

func (a Artist) strip(l *Level, e *Env) Picture {
	w, h := l.Crop()
	c := paint.New(0, 0, float64(w), float64(h), a.cellPixels())
	a.scene(c, l, e, 0, 0, w-1, h-1)
	return c.Picture()
}

func (a Artist) cellPixels() int {
	if a.CellPixels <= 0 {
		return 24
	}
	return a.CellPixels
}

// Draw draws what the agent sees with the default [Artist].
func (e *Env) Draw() Picture { return Artist{}.Window(e) }

// PNG returns Draw's picture as a PNG file, nil before the first Reset; notebooks display a value with this method.
func (e *Env) PNG() []byte {
	if e.level == nil {
		return nil
	}
	return e.Draw().PNG()
}

// Draw draws the whole level with the default [Artist].
func (l *Level) Draw() Picture { return Artist{}.Level(l) }

// PNG returns Draw's picture as a PNG file; notebooks display a value with this method.
func (l *Level) PNG() []byte { return l.Draw().PNG() }

// scene paints the cells x0 .. x1 by y0 .. y1 and everything in them, in the original's order.
func (a Artist) scene(c *paint.Canvas, l *Level, e *Env, x0, y0, x1, y1 int) {
	sky(c)
	for x := x0; x <= x1; x++ {
		for y := y0; y <= y1; y++ {
			switch cell := l.At(x, y); cell {
			case WallInner, FakeWall:
				if x == 0 || x > l.End.X || y < 0 || x < 0 {
					bricks(c, x, y)
				} else {
					earth(c, x, y)
				}
			case WallTop:
				if l.At(x, y+1).Lava() {
					earth(c, x, y)
				} else {
					grass(c, x, y)
				}
			case LavaInner, LavaTop:
				lava(c, x, y, cell == LavaTop)
			case Coin:
				coin(c, float64(x)+0.5, float64(y)+0.5)
			case Marker:
				if a.ShowMarker {
					ghost(c, float64(x)+0.5, float64(y)+0.5)
				}
			}
		}
	}
	for _, s := range l.Entities {
		switch s.Kind {
		case Saw:
			saw(c, float64(s.X), float64(s.Y), e.t)
		case Crate:
			crate(c, float64(s.X), float64(s.Y))
		}
	}
	for i := range e.nEnemies {
		e.trails(i, func(x, y, w, h, alpha float32) {
			c.Ellipse(float64(x), float64(y), float64(w), float64(h), color.NRGBA{255, 255, 255, uint8(160 * alpha)})
		})
	}
	for _, p := range a.Path {
		c.Disc(float64(p.X), float64(p.Y), 0.09, color.NRGBA{40, 60, 110, 170})
	}
	robot(c, e)
	for i := range e.nEnemies {
		slime(c, float64(e.enemies[i].x), float64(l.tracks[i].y), e.enemies[i].vx > 0, e.t)
	}
}

// Film joins pictures into one, from left to right on white, with gap pixels between them: a film strip of an episode
// if the pictures are windows of its steps.
func Film(gap int, frames ...Picture) Picture {
	width, height := 0, 0
	for i, f := range frames {
		if i > 0 {
			width += gap
		}
		width += f.Bounds().Dx()
		height = max(height, f.Bounds().Dy())
	}
	film := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.Draw(film, film.Rect, image.White, image.Point{}, draw.Src)
	x := 0
	for _, f := range frames {
		draw.Draw(film, image.Rect(x, 0, x+f.Bounds().Dx(), f.Bounds().Dy()), f, f.Bounds().Min, draw.Src)
		x += f.Bounds().Dx() + gap
	}
	return Picture{RGBA: film}
}
