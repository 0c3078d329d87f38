package plots

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"goalgap/lib/stats"
)

// Group is a group of bars beside each other, one for each series.
type Group struct {
	Name   string
	Values []stats.Interval
}

// Bars draws groups of bars with their 95% intervals; the i-th value of each group belongs to the i-th series.
func Bars(title, yLabel string, series []string, groups ...Group) *Chart {
	c := NewChart(title, "", yLabel)
	c.Add(bars{series, groups})
	lo, hi := 0.0, 0.0
	for _, g := range groups {
		for _, v := range g.Values {
			for _, x := range []float64{v.Value, v.Low, v.High} {
				if !math.IsNaN(x) {
					lo, hi = min(lo, x), max(hi, x)
				}
			}
		}
	}
	room := 0.06 * (hi - lo)
	if hi > 0 {
		hi += room
	}
	if lo < 0 {
		lo -= room
	}
	if hi == lo {
		hi = lo + 1
	}
	c.Y.Min, c.Y.Max = lo, hi
	c.X.Min, c.X.Max = -0.5, float64(len(groups))-0.5
	names := make([]plot.Tick, len(groups))
	for i, g := range groups {
		names[i] = plot.Tick{Value: float64(i), Label: g.Name}
	}
	c.X.Tick.Marker = plot.ConstantTicks(names)
	c.X.Tick.Length, c.X.LineStyle.Width = 0, 0
	c.addHeader(series, Series)
	return c
}

type bars struct {
	series []string
	groups []Group
}

func (b bars) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	n := float64(len(b.series))
	width := 0.8 / n
	for i, g := range b.groups {
		for j, v := range g.Values {
			if math.IsNaN(v.Value) {
				continue
			}
			left := float64(i) - 0.4 + width*float64(j)
			x0, x1 := tx(left+0.06*width), tx(left+0.94*width)
			c.FillPolygon(faded(Series(j), 0xc8), []vg.Point{{X: x0, Y: ty(0)}, {X: x1, Y: ty(0)}, {X: x1, Y: ty(v.Value)}, {X: x0, Y: ty(v.Value)}})
			if math.IsNaN(v.Low) || math.IsNaN(v.High) {
				continue
			}
			x := (x0 + x1) / 2
			style := draw.LineStyle{Color: ink, Width: 1}
			c.StrokeLine2(style, x, ty(v.Low), x, ty(v.High))
			for _, y := range []float64{v.Low, v.High} {
				c.StrokeLine2(style, x-3, ty(y), x+3, ty(y))
			}
		}
	}
	c.StrokeLine2(draw.LineStyle{Color: inkLight, Width: 0.8}, c.Min.X, ty(0), c.Max.X, ty(0))
}
