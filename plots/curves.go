package plots

import (
	"cmp"
	"image/color"
	"math"
	"slices"
	"sync"
	"time"

	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"goalgap/kernel/display"
	"goalgap/lib/stats"
)

// Point is a point of a learning curve.
type Point struct {
	X, Y float64 // environment steps, return
}

// Curve is one method's learning curve: one run for each training seed.
type Curve struct {
	Name string
	Runs [][]Point
}

// curvePoints is how many places of the x axis a learning curve is summarised at.
const curvePoints = 60

// LearningCurves draws for each curve the interquartile mean over its runs, with a band that holds 95% of bootstrap
// samples of the runs; of a single run, the run. Runs may have been logged at different steps: each is averaged in the
// same windows of x.
func LearningCurves(title, yLabel string, curves ...Curve) *Chart {
	c := NewChart(title, "environment steps", yLabel)
	var names []string
	var colours []color.NRGBA
	for i, curve := range curves {
		x, mid, low, high := summarise(curve.Runs)
		if len(x) == 0 {
			continue
		}
		colour := Series(i)
		if len(curve.Runs) > 1 {
			band := make(plotter.XYs, 0, 2*len(x))
			for j := range x {
				band = append(band, plotter.XY{X: x[j], Y: high[j]})
			}
			for j := len(x) - 1; j >= 0; j-- {
				band = append(band, plotter.XY{X: x[j], Y: low[j]})
			}
			if poly, err := plotter.NewPolygon(band); err == nil {
				poly.Color = faded(colour, 0x38)
				poly.LineStyle.Width = 0
				c.Add(poly)
			}
		}
		line := make(plotter.XYs, len(x))
		for j := range x {
			line[j] = plotter.XY{X: x[j], Y: mid[j]}
		}
		if l, err := plotter.NewLine(line); err == nil {
			l.Color, l.Width = colour, vg.Points(1.6)
			c.Add(l)
		}
		names, colours = append(names, curve.Name), append(colours, colour)
		c.X.Max = max(c.X.Max, curve.Runs[0][len(curve.Runs[0])-1].X)
	}
	c.X.Min = 0
	c.addHeader(names, func(i int) color.NRGBA { return colours[i] })
	return c
}

// summarise averages each run in common windows and takes the interquartile mean and its limits over the runs.
func summarise(runs [][]Point) (x, mid, low, high []float64) {
	last := math.Inf(1) // where the shortest run ends
	most := 0
	for _, r := range runs {
		if len(r) == 0 {
			return nil, nil, nil, nil
		}
		last = min(last, slices.MaxFunc(r, func(a, b Point) int { return cmp.Compare(a.X, b.X) }).X)
		most = max(most, len(r))
	}
	if len(runs) == 0 {
		return nil, nil, nil, nil
	}
	windows := min(curvePoints, most)
	width := last / float64(windows)
	for w := range windows {
		from, to := float64(w)*width, float64(w+1)*width
		var values []float64
		for _, r := range runs {
			var sum float64
			n := 0
			for _, p := range r {
				if p.X > from && p.X <= to && !math.IsNaN(p.Y) {
					sum += p.Y
					n++
				}
			}
			if n > 0 {
				values = append(values, sum/float64(n))
			}
		}
		if len(values) < len(runs) {
			continue // a run has nothing in this window
		}
		x = append(x, (from+to)/2)
		if len(values) == 1 {
			mid, low, high = append(mid, values[0]), append(low, values[0]), append(high, values[0])
			continue
		}
		b := stats.Bootstrap(values, stats.IQM, 1)
		mid, low, high = append(mid, b.Value), append(low, b.Low), append(high, b.High)
	}
	return x, mid, low, high
}

// LiveCurves is a chart of learning curves that grows in the notebook while training runs. Its methods may be called
// from any goroutine.
type LiveCurves struct {
	Title, YLabel string
	// Every is the shortest time between two drawings; default 700 ms. It is looked at when the chart appears.
	Every time.Duration

	live *display.Live
	once sync.Once
	draw *display.Redraw

	mu     sync.Mutex
	names  []string
	points map[string][]Point
}

// NewLiveCurves returns a chart that appears with the second point of a curve.
func NewLiveCurves(title, yLabel string) *LiveCurves {
	return &LiveCurves{Title: title, YLabel: yLabel, Every: 700 * time.Millisecond, live: display.NewLive(), points: map[string][]Point{}}
}

// Add appends a point to the curve of that name.
func (l *LiveCurves) Add(name string, x, y float64) {
	l.mu.Lock()
	if _, ok := l.points[name]; !ok {
		l.names = append(l.names, name)
	}
	if !math.IsNaN(y) && !math.IsInf(y, 0) {
		l.points[name] = append(l.points[name], Point{x, y})
	}
	line := len(l.points[name]) > 1
	l.mu.Unlock()
	if line {
		l.redraw().Changed()
	}
}

// Finish draws what has not been drawn yet, which the end of the cell does too.
func (l *LiveCurves) Finish() { l.redraw().Now() }

func (l *LiveCurves) redraw() *display.Redraw {
	l.once.Do(func() { l.draw = display.NewRedraw(l.Every, l.update) })
	return l.draw
}

func (l *LiveCurves) update() {
	l.mu.Lock()
	var curves []Curve
	for _, n := range l.names {
		if len(l.points[n]) > 1 {
			curves = append(curves, Curve{n, [][]Point{slices.Clone(l.points[n])}})
		}
	}
	l.mu.Unlock()
	if len(curves) > 0 {
		l.live.Update(LearningCurves(l.Title, l.YLabel, curves...).Size(6, 2.6))
	}
}
