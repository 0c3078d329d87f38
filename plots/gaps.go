package plots

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"goalgap/lib/stats"
)

// Gap is one line of the OOD gap chart: the same measure in the distribution of training and out of it, both between 0
// (bad) and 1 (good).
type Gap struct {
	Name    string // what is measured, in a few words
	In, Out stats.Interval
	Chance  float64 // what a method that knows nothing scores; NaN if there is no such value
}

// GapChart draws each gap as two points with their 95% intervals, joined by a line: the longer the line, the wider the
// gap between what holds in training and what holds out of distribution.
func GapChart(title, inName, outName string, gaps ...Gap) *Chart {
	c := NewChart(title, "", "")
	c.Plot = withoutGrid(c.Plot)
	c.Add(gapPlot{gaps})
	c.X.Min, c.X.Max = 0, 1
	c.X.Tick.Marker = percentTicks{}
	c.Y.Min, c.Y.Max = -0.5, float64(len(gaps))-0.5
	names := make([]plot.Tick, len(gaps))
	for i, g := range gaps {
		names[i] = plot.Tick{Value: float64(len(gaps) - 1 - i), Label: g.Name}
	}
	c.Y.Tick.Marker = plot.ConstantTicks(names)
	c.Y.Tick.Length = 0
	c.Y.LineStyle.Width = 0
	c.addHeader([]string{inName, outName}, Series)
	c.Height = vg.Length(1.25+0.62*float64(len(gaps))) * vg.Inch
	return c
}

// withoutGrid returns a plot of the same style without the horizontal lines, which mean nothing where y has names.
func withoutGrid(p *plot.Plot) *plot.Plot {
	q := plot.New()
	q.Title, q.X, q.Y, q.Legend = p.Title, p.X, p.Y, p.Legend
	return q
}

type gapPlot struct{ gaps []Gap }

func (g gapPlot) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	for _, v := range []float64{0, 0.25, 0.5, 0.75, 1} {
		c.StrokeLine2(draw.LineStyle{Color: gridInk, Width: 0.6}, tx(v), c.Min.Y, tx(v), c.Max.Y)
	}
	small := label(p, 9)
	for i, gap := range g.gaps {
		y := ty(float64(len(g.gaps) - 1 - i))
		if !math.IsNaN(gap.Chance) {
			c.StrokeLine2(draw.LineStyle{Color: inkLight, Width: 1, Dashes: []vg.Length{2, 2}}, tx(gap.Chance), y-14, tx(gap.Chance), y+14)
		}
		if math.IsNaN(gap.In.Value) || math.IsNaN(gap.Out.Value) {
			c.FillText(small, vg.Point{X: tx(0.02), Y: y}, "not measured")
			continue
		}
		c.StrokeLine2(draw.LineStyle{Color: faded(Series(1), 0x60), Width: 4}, tx(gap.In.Value), y, tx(gap.Out.Value), y)
		point(c, tx, y+5, gap.In, Series(0))
		point(c, tx, y-5, gap.Out, Series(1))
		mid := small
		mid.XAlign, mid.YAlign = draw.XCenter, draw.YBottom
		difference := 100 * (gap.Out.Value - gap.In.Value)
		at := tx((gap.In.Value + gap.Out.Value) / 2)
		c.FillText(mid, vg.Point{X: min(max(at, c.Min.X+24), c.Max.X-24), Y: y + 11}, fmt.Sprintf("%+.0f points", math.Round(difference)+0))
	}
}

// point draws an estimate with its interval, horizontally.
func point(c draw.Canvas, tx func(float64) vg.Length, y vg.Length, v stats.Interval, colour color.Color) {
	if !math.IsNaN(v.Low) && !math.IsNaN(v.High) {
		style := draw.LineStyle{Color: colour, Width: 1.4}
		c.StrokeLine2(style, tx(v.Low), y, tx(v.High), y)
		for _, x := range []float64{v.Low, v.High} {
			c.StrokeLine2(style, tx(x), y-3, tx(x), y+3)
		}
	}
	c.DrawGlyph(draw.GlyphStyle{Color: colour, Radius: 3.6, Shape: draw.CircleGlyph{}}, vg.Point{X: tx(v.Value), Y: y})
}

func label(p *plot.Plot, size vg.Length) text.Style {
	return text.Style{Color: ink, Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: size},
		YAlign: draw.YCenter, Handler: p.TextHandler}
}

// Share is one bar of the outcome chart: shares that add up to 1.
type Share struct {
	Name   string
	Shares []float64
}

// Outcomes draws a horizontal bar for each Share, divided into the categories, with the percentages written in.
func Outcomes(title string, categories []string, bars ...Share) *Chart {
	c := NewChart(title, "", "")
	c.Plot = withoutGrid(c.Plot)
	c.Add(stacked{bars})
	c.X.Min, c.X.Max = 0, 1
	c.X.Tick.Marker = percentTicks{}
	c.Y.Min, c.Y.Max = -0.5, float64(len(bars))-0.5
	names := make([]plot.Tick, len(bars))
	for i, b := range bars {
		names[i] = plot.Tick{Value: float64(len(bars) - 1 - i), Label: b.Name}
	}
	c.Y.Tick.Marker = plot.ConstantTicks(names)
	c.Y.Tick.Length, c.Y.LineStyle.Width = 0, 0
	c.addHeader(categories, outcomeColour)
	c.Height = vg.Length(1.3+0.36*float64(len(bars))) * vg.Inch
	return c
}

// OutcomeColours are those of the outcome chart's categories, in their order: reached the goal, pursued the proxy, died,
// ran out of time.
var OutcomeColours = []color.NRGBA{Series(2), Series(4), Series(1), {0xb4, 0xb9, 0xc1, 0xff}}

func outcomeColour(i int) color.NRGBA { return OutcomeColours[i%len(OutcomeColours)] }

type stacked struct{ bars []Share }

func (s stacked) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	white := label(p, 9)
	white.XAlign, white.Color = draw.XCenter, color.White
	half := (ty(1) - ty(0)) * 0.36
	for i, b := range s.bars {
		y := ty(float64(len(s.bars) - 1 - i))
		at := 0.0
		for j, share := range b.Shares {
			x0, x1 := tx(at), tx(at+share)
			c.FillPolygon(outcomeColour(j), []vg.Point{{X: x0, Y: y - half}, {X: x1, Y: y - half}, {X: x1, Y: y + half}, {X: x0, Y: y + half}})
			if share >= 0.04 {
				c.FillText(white, vg.Point{X: (x0 + x1) / 2, Y: y}, fmt.Sprintf("%.0f%%", 100*share))
			}
			at += share
		}
	}
}

// header writes names over the plot, each behind a square of its colour, in as many lines as they take.
type header struct {
	names  []string
	colour func(i int) color.NRGBA
}

const headerLine = 14 // height

// addHeader makes room for a header between the title and the plot of a chart, and adds it.
func (c *Chart) addHeader(names []string, colour func(i int) color.NRGBA) {
	h := header{names, colour}
	c.Add(h)
	lines := len(h.lines(c.Plot, DefaultWidth-vg.Inch)) // less what the labels of y take
	c.Title.Padding = vg.Length(12 + headerLine*lines)
}

// lines divides the names, by their indices, into lines of a width.
func (h header) lines(p *plot.Plot, width vg.Length) (lines [][]int) {
	used := width
	for i, name := range h.names {
		w := h.width(p, name)
		if used+w > width+headerGap || len(lines) == 0 {
			lines, used = append(lines, nil), 0
		}
		lines[len(lines)-1] = append(lines[len(lines)-1], i)
		used += w
	}
	return lines
}

const headerGap = 16 // between names

func (header) width(p *plot.Plot, name string) vg.Length {
	return 12 + label(p, 9.5).Width(name) + headerGap
}

func (h header) Plot(c draw.Canvas, p *plot.Plot) {
	style := label(p, 9.5)
	lines := h.lines(p, c.Max.X-c.Min.X)
	for n, line := range lines {
		x, y := c.Min.X, c.Max.Y+10+vg.Length(headerLine*(len(lines)-1-n))
		for _, i := range line {
			c.FillPolygon(h.colour(i), []vg.Point{{X: x, Y: y - 5}, {X: x + 8, Y: y - 5}, {X: x + 8, Y: y + 3}, {X: x, Y: y + 3}})
			c.FillText(style, vg.Point{X: x + 12, Y: y}, h.names[i])
			x += h.width(p, h.names[i])
		}
	}
}
