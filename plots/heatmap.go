package plots

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"goalgap/lib/stats"
)

// HeatMap draws a table of shares between 0 and 1 as coloured cells, such as a phase diagram: values[i][j] belongs to
// rows[i], from the top, and columns[j]. Each cell has its percentage written in, and the limits of its interval below if
// it has one. A value that is NaN, or that is missing, is an empty cell.
func HeatMap(title, xLabel, yLabel string, columns, rows []string, values [][]stats.Interval) *Chart {
	c := NewChart(title, xLabel, yLabel)
	c.Plot = withoutGrid(c.Plot)
	c.Add(heat{len(columns), len(rows), values})
	c.X.Min, c.X.Max = -0.5, float64(max(1, len(columns)))-0.5
	c.Y.Min, c.Y.Max = -0.5, float64(max(1, len(rows)))-0.5
	across, down := make([]plot.Tick, len(columns)), make([]plot.Tick, len(rows))
	for j, name := range columns {
		across[j] = plot.Tick{Value: float64(j), Label: name}
	}
	for i, name := range rows {
		down[i] = plot.Tick{Value: float64(len(rows) - 1 - i), Label: name}
	}
	c.X.Tick.Marker, c.Y.Tick.Marker = plot.ConstantTicks(across), plot.ConstantTicks(down)
	for _, a := range []*plot.Axis{&c.X, &c.Y} {
		a.Tick.Length, a.LineStyle.Width = 0, 0
	}
	c.Height = vg.Length(1.1+0.4*float64(len(rows))) * vg.Inch
	return c
}

type heat struct {
	columns, rows int
	values        [][]stats.Interval
}

// The colours of 0 and 1, of which the share in between is mixed. The first is light and the second dark, so that print
// without colours keeps their order.
var cool, hot = color.NRGBA{0xf3, 0xf6, 0xfa, 0xff}, color.NRGBA{0xa8, 0x32, 0x00, 0xff}

func (h heat) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	big, small := label(p, 9), label(p, 7)
	big.XAlign, small.XAlign = draw.XCenter, draw.XCenter
	for i, row := range h.values[:min(h.rows, len(h.values))] {
		for j, v := range row[:min(h.columns, len(row))] {
			if math.IsNaN(v.Value) {
				continue
			}
			x, y := float64(j), float64(h.rows-1-i)
			left, right, low, high := tx(x-0.5)+1, tx(x+0.5)-1, ty(y-0.5)+1, ty(y+0.5)-1
			at := min(max(v.Value, 0), 1)
			c.FillPolygon(mix(at), []vg.Point{{X: left, Y: low}, {X: right, Y: low}, {X: right, Y: high}, {X: left, Y: high}})
			big, small := big, small
			if at > 0.5 {
				big.Color, small.Color = color.White, color.White
			}
			middle := vg.Point{X: tx(x), Y: ty(y)}
			if math.IsNaN(v.Low) || math.IsNaN(v.High) {
				c.FillText(big, middle, percent(v.Value)+"%")
				continue
			}
			c.FillText(big, vg.Point{X: middle.X, Y: middle.Y + 5}, percent(v.Value)+"%")
			c.FillText(small, vg.Point{X: middle.X, Y: middle.Y - 6}, fmt.Sprintf("[%s, %s]", percent(v.Low), percent(v.High)))
		}
	}
}

// percent shows a share in percent, with a digit more, or a sign, where it would be 0 or 100 and is not.
func percent(share float64) string {
	switch x := 100 * share; {
	case x > 0 && x < 0.05:
		return "<0.1"
	case x >= 99.95 && x < 100:
		return ">99.9"
	case x > 0 && x < 0.95 || x > 99 && x < 100:
		return fmt.Sprintf("%.1f", x)
	default:
		return fmt.Sprintf("%.0f", math.Round(x)+0) // no -0
	}
}

// mix returns the colour of a share.
func mix(share float64) color.NRGBA {
	between := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + share*(float64(b)-float64(a)))) }
	return color.NRGBA{between(cool.R, hot.R), between(cool.G, hot.G), between(cool.B, hot.B), 0xff}
}
