// Package plots draws the charts of experiments on gonum/plot: learning curves with bands, the OOD gap chart, outcome
// rates, grouped bars with intervals, heat maps. A chart is a Chart, which shows itself as the value of a cell; it is a gonum plot
// with a size, so everything that gonum/plot can do to it can be done.
package plots

import (
	"bytes"
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"goalgap/kernel/display"
)

// Chart is a plot with a size.
type Chart struct {
	*plot.Plot
	Width, Height vg.Length
}

// Default size of a chart: it fits the width of a notebook.
const (
	DefaultWidth  = 7.2 * vg.Inch
	DefaultHeight = 3.4 * vg.Inch
)

// screenDPI and pictureDPI: pictures have twice as many pixels as they take on the screen, so that they stay sharp.
const (
	screenDPI  = 96
	pictureDPI = 2 * screenDPI
)

// NewChart returns an empty chart in the house style: light grid, no box, the title on the left.
func NewChart(title, xLabel, yLabel string) *Chart {
	p := plot.New()
	sans := func(size vg.Length) font.Font { return font.Font{Typeface: "Liberation", Variant: "Sans", Size: size} }
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, xLabel, yLabel
	p.Title.TextStyle.Font = sans(12)
	p.Title.Padding = 8
	p.X.Label.TextStyle.Font, p.Y.Label.TextStyle.Font = sans(10), sans(10)
	p.X.Tick.Label.Font, p.Y.Tick.Label.Font = sans(9), sans(9)
	p.Legend.TextStyle.Font = sans(9.5)
	p.Legend.Top, p.Legend.Left = true, false
	p.Legend.Padding, p.Legend.ThumbnailWidth = 2, 16
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Color, a.Tick.Color, a.Tick.Label.Color, a.Label.TextStyle.Color = inkLight, inkLight, ink, ink
		a.Tick.LineStyle.Width, a.LineStyle.Width = 0.5, 0.5
		a.Padding = 4
	}
	p.X.Tick.Marker, p.Y.Tick.Marker = niceTicks{}, niceTicks{}
	p.Title.TextStyle.Color, p.Legend.TextStyle.Color = ink, ink
	p.Add(grid{})
	return &Chart{Plot: p, Width: DefaultWidth, Height: DefaultHeight}
}

// Size sets the size in inches and returns the chart.
func (c *Chart) Size(width, height float64) *Chart {
	c.Width, c.Height = vg.Length(width)*vg.Inch, vg.Length(height)*vg.Inch
	return c
}

// margin keeps text at the edges from being cut.
const margin = 8

func (c *Chart) draw(canvas vg.CanvasSizer) {
	dc := draw.New(canvas)
	c.Plot.Draw(draw.Crop(dc, margin, -margin, margin, -margin))
}

// PNG draws the chart as a picture with 192 dots per inch.
func (c *Chart) PNG() []byte {
	canvas := vgimg.NewWith(vgimg.UseWH(c.Width, c.Height), vgimg.UseDPI(pictureDPI), vgimg.UseBackgroundColor(color.White))
	c.draw(canvas)
	var b bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(&b); err != nil {
		panic(fmt.Sprintf("plots: writing a picture to memory: %v", err))
	}
	return b.Bytes()
}

// SVG draws the chart as a vector picture.
func (c *Chart) SVG() string {
	canvas := vgsvg.New(c.Width, c.Height)
	c.draw(canvas)
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		panic(fmt.Sprintf("plots: writing a picture to memory: %v", err))
	}
	return b.String()
}

// Render shows the chart as a PNG picture at its size on the screen. SVG would be smaller only for charts with few
// points, and front ends draw its text with whatever font they have.
func (c *Chart) Render() display.Data {
	text := c.Title.Text
	if text == "" {
		text = "chart"
	}
	return display.Data{
		Data: display.MIMEMap{display.TypePNG: c.PNG(), display.TypeText: text},
		Metadata: display.MIMEMap{display.TypePNG: map[string]any{
			"width":  math.Round(float64(c.Width/vg.Inch) * screenDPI),
			"height": math.Round(float64(c.Height/vg.Inch) * screenDPI),
		}},
	}
}

// Colours. Series takes those of Okabe and Ito (2008), which people with any colour vision can tell apart.
var (
	ink      = color.NRGBA{0x2b, 0x2f, 0x36, 0xff}
	inkLight = color.NRGBA{0x9a, 0xa1, 0xab, 0xff}
	gridInk  = color.NRGBA{0xe6, 0xe8, 0xec, 0xff}
	palette  = []color.NRGBA{
		{0x00, 0x72, 0xb2, 0xff}, {0xd5, 0x5e, 0x00, 0xff}, {0x00, 0x9e, 0x73, 0xff}, {0xcc, 0x79, 0xa7, 0xff},
		{0xe6, 0x9f, 0x00, 0xff}, {0x56, 0xb4, 0xe9, 0xff}, {0x4d, 0x4d, 0x4d, 0xff},
	}
)

// Series returns the colour of the i-th series of a chart.
func Series(i int) color.NRGBA { return palette[i%len(palette)] }

func faded(c color.NRGBA, alpha uint8) color.NRGBA {
	c.A = alpha
	return c
}

// grid draws horizontal lines at the major ticks of y.
type grid struct{}

func (grid) Plot(c draw.Canvas, p *plot.Plot) {
	_, y := p.Transforms(&c)
	style := draw.LineStyle{Color: gridInk, Width: 0.6}
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		if !t.IsMinor() && t.Value >= p.Y.Min && t.Value <= p.Y.Max {
			c.StrokeLine2(style, c.Min.X, y(t.Value), c.Max.X, y(t.Value))
		}
	}
}

// niceTicks puts four to seven ticks at multiples of 1, 2 or 5 times a power of ten, labelled in thousands and millions.
type niceTicks struct{}

func (niceTicks) Ticks(lo, hi float64) []plot.Tick {
	if !(hi > lo) {
		return []plot.Tick{{Value: lo, Label: Short(lo)}}
	}
	step := math.Pow(10, math.Floor(math.Log10((hi-lo)/4)))
	for _, m := range []float64{5, 2} {
		if (hi-lo)/(step*m) >= 3.5 {
			step *= m
			break
		}
	}
	var t []plot.Tick
	for i := math.Ceil(lo/step - 1e-9); i*step <= hi+1e-9*step; i++ {
		v := i*step + 0 // not -0
		t = append(t, plot.Tick{Value: v, Label: Short(v)})
	}
	return t
}

// Short writes a number with k for thousands and M for millions.
func Short(v float64) string {
	switch a := math.Abs(v); {
	case a >= 1e6:
		return fmt.Sprintf("%.3gM", v/1e6)
	case a >= 1e3:
		return fmt.Sprintf("%.3gk", v/1e3)
	}
	return fmt.Sprintf("%.3g", v)
}

// percentTicks labels a rate axis in percent, at every quarter.
type percentTicks struct{}

func (percentTicks) Ticks(lo, hi float64) []plot.Tick {
	var t []plot.Tick
	for i := 0; i <= 4; i++ {
		v := float64(i) / 4
		if v >= lo-1e-9 && v <= hi+1e-9 {
			t = append(t, plot.Tick{Value: v, Label: fmt.Sprintf("%.0f%%", 100*v)})
		}
	}
	return t
}
