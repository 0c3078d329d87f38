// Package paint paints shapes with smooth edges: the pictures of the environments are made with it. Places and sizes
// are in cells, x to the right and y upwards.
package paint

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
)

// Picture is a drawing.
type Picture struct{ *image.RGBA }

// PNG returns the picture as a PNG file; notebooks display a value with this method.
func (p Picture) PNG() []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, p.RGBA); err != nil {
		return nil // an empty picture, which PNG cannot hold
	}
	return b.Bytes()
}

// smooth is the number of samples per pixel and axis that edges are smoothed with.
const smooth = 3

// Canvas is a piece of the world, x0 .. x0+width by y0 .. y0+height in cells, that shapes are painted on.
type Canvas struct {
	X0, Y1 float64     // upper left corner in the world
	Unit   float64     // samples per cell
	img    *image.RGBA // smooth times larger than the picture
}

// New returns a canvas for a picture with cellPixels pixels to the side of a cell.
func New(x0, y0, width, height float64, cellPixels int) *Canvas {
	unit := float64(cellPixels * smooth)
	w := int(math.Round(width*float64(cellPixels))) * smooth
	h := int(math.Round(height*float64(cellPixels))) * smooth
	return &Canvas{img: image.NewRGBA(image.Rect(0, 0, w, h)), X0: x0, Y1: y0 + height, Unit: unit}
}

// Bounds is the canvas in samples.
func (c *Canvas) Bounds() image.Rectangle { return c.img.Rect }

// Picture returns what was painted, with smoothed edges.
func (c *Canvas) Picture() Picture {
	w, h := c.img.Rect.Dx()/smooth, c.img.Rect.Dy()/smooth
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			var sum [3]int
			for dy := range smooth {
				p := c.img.Pix[c.img.PixOffset(x*smooth, y*smooth+dy):]
				for i := 0; i < 4*smooth; i += 4 {
					sum[0] += int(p[i])
					sum[1] += int(p[i+1])
					sum[2] += int(p[i+2])
				}
			}
			o := out.Pix[out.PixOffset(x, y):]
			for i, s := range sum {
				o[i] = uint8((s + smooth*smooth/2) / (smooth * smooth))
			}
			o[3] = 255
		}
	}
	return Picture{out}
}

// Paint gives the samples of the rectangle around (x, y), half sizes w and h, the colour that shade returns for their
// place relative to (x, y), in cells; its alpha is how much it covers.
func (c *Canvas) Paint(x, y, w, h float64, shade func(dx, dy float64) color.NRGBA) {
	b := c.img.Rect
	i0 := max(int((x-w-c.X0)*c.Unit), b.Min.X)
	i1 := min(int((x+w-c.X0)*c.Unit)+1, b.Max.X)
	j0 := max(int((c.Y1-y-h)*c.Unit), b.Min.Y)
	j1 := min(int((c.Y1-y+h)*c.Unit)+1, b.Max.Y)
	for j := j0; j < j1; j++ {
		dy := c.Y1 - (float64(j)+0.5)/c.Unit - y
		if dy < -h || dy >= h {
			continue
		}
		for i := i0; i < i1; i++ {
			dx := c.X0 + (float64(i)+0.5)/c.Unit - x
			if dx < -w || dx >= w {
				continue
			}
			s := shade(dx, dy)
			if s.A == 0 {
				continue
			}
			p := c.img.Pix[c.img.PixOffset(i, j):][:4]
			a := int(s.A)
			p[0] = uint8((int(s.R)*a + int(p[0])*(255-a)) / 255)
			p[1] = uint8((int(s.G)*a + int(p[1])*(255-a)) / 255)
			p[2] = uint8((int(s.B)*a + int(p[2])*(255-a)) / 255)
			p[3] = 255
		}
	}
}

// Box fills the rectangle with the given left, lower, right and upper edges.
func (c *Canvas) Box(x0, y0, x1, y1 float64, col color.NRGBA) {
	c.Paint((x0+x1)/2, (y0+y1)/2, (x1-x0)/2, (y1-y0)/2, func(_, _ float64) color.NRGBA { return col })
}

// RoundBox is Box with corners of radius r.
func (c *Canvas) RoundBox(x0, y0, x1, y1, r float64, col color.NRGBA) {
	w, h := (x1-x0)/2, (y1-y0)/2
	c.Paint((x0+x1)/2, (y0+y1)/2, w, h, func(dx, dy float64) color.NRGBA {
		qx, qy := math.Abs(dx)-(w-r), math.Abs(dy)-(h-r)
		if qx > 0 && qy > 0 && qx*qx+qy*qy > r*r {
			return color.NRGBA{}
		}
		return col
	})
}

// Disc fills a circle.
func (c *Canvas) Disc(x, y, r float64, col color.NRGBA) { c.Ring(x, y, 0, r, col) }

// Ring fills the circle of radius r but for the part within the radius inner.
func (c *Canvas) Ring(x, y, inner, r float64, col color.NRGBA) {
	c.Paint(x, y, r, r, func(dx, dy float64) color.NRGBA {
		if d := dx*dx + dy*dy; d > r*r || d < inner*inner {
			return color.NRGBA{}
		}
		return col
	})
}

// Ellipse fills an ellipse with half axes w and h.
func (c *Canvas) Ellipse(x, y, w, h float64, col color.NRGBA) {
	c.Paint(x, y, w, h, func(dx, dy float64) color.NRGBA {
		if dx*dx/(w*w)+dy*dy/(h*h) > 1 {
			return color.NRGBA{}
		}
		return col
	})
}

// Line draws a stroke of the given width with round ends.
func (c *Canvas) Line(x0, y0, x1, y1, width float64, col color.NRGBA) {
	mx, my, r := (x0+x1)/2, (y0+y1)/2, width/2
	ux, uy := (x1-x0)/2, (y1-y0)/2
	length2 := ux*ux + uy*uy
	c.Paint(mx, my, math.Abs(ux)+r, math.Abs(uy)+r, func(dx, dy float64) color.NRGBA {
		t := 0.0
		if length2 > 0 {
			t = max(-1, min(1, (dx*ux+dy*uy)/length2))
		}
		if math.Hypot(dx-t*ux, dy-t*uy) > r {
			return color.NRGBA{}
		}
		return col
	})
}

// RGB is an opaque colour in the usual hexadecimal notation.
func RGB(hex uint32) color.NRGBA {
	return color.NRGBA{R: uint8(hex >> 16), G: uint8(hex >> 8), B: uint8(hex), A: 255}
}

// Mix goes from a (t = 0) to b (t = 1).
func Mix(a, b color.NRGBA, t float64) color.NRGBA {
	m := func(x, y uint8) uint8 { return uint8(float64(x) + t*(float64(y)-float64(x)) + 0.5) }
	return color.NRGBA{R: m(a.R, b.R), G: m(a.G, b.G), B: m(a.B, b.B), A: m(a.A, b.A)}
}
