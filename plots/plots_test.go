package plots

import (
	"bytes"
	"image/png"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"

	"goalgap/kernel/display"
	"goalgap/lib/stats"
)

func interval(v, d float64) stats.Interval {
	return stats.Interval{Value: v, Low: v - d, High: v + d, N: 5}
}

func runs(n int, f func(seed int, x float64) float64) [][]Point {
	var all [][]Point
	for s := range n {
		var r []Point
		for i := range 100 {
			x := float64(i+1) * 1e4
			r = append(r, Point{x, f(s, x)})
		}
		all = append(all, r)
	}
	return all
}

// charts are one of each kind, with the words that must be readable in it.
func charts() map[string]struct {
	chart *Chart
	words []string
} {
	type entry = struct {
		chart *Chart
		words []string
	}
	return map[string]entry{
		"learning curves": {LearningCurves("Learning", "return", Curve{"a method", runs(5, func(s int, x float64) float64 { return x / 1e5 * float64(s) })}),
			[]string{"Learning", "return", "a method", "environment steps", "1M"}},
		"gap": {GapChart("Gaps", "inside", "outside", Gap{"one", interval(0.9, 0.05), interval(0.4, 0.1), math.NaN()}, Gap{"two", interval(0.99, 0.01), interval(math.NaN(), 0), 0.5}),
			[]string{"Gaps", "inside", "outside", "one", "two", "-50 points", "not measured", "100%"}},
		"outcomes": {Outcomes("What they do", []string{"coin", "end"}, Share{"policy", []float64{0.75, 0.25}}),
			[]string{"What they do", "coin", "end", "policy", "75%", "25%"}},
		"bars": {Bars("Likelihood", "nats", []string{"model", "baseline"}, Group{"in", []stats.Interval{interval(1, 0.1), interval(-0.5, 0.1)}}),
			[]string{"Likelihood", "nats", "model", "baseline", "in"}},
		"heat map": {HeatMap("Phases", "delay", "harm", []string{"soon", "late"}, []string{"little", "much"},
			[][]stats.Interval{{interval(0.25, 0.05), interval(0.004, math.NaN())}, {interval(math.NaN(), 0), interval(1, 0)}}),
			[]string{"Phases", "delay", "harm", "soon", "late", "little", "much", "25%", "[20, 30]", "0.4%", "100%", "[100, 100]"}},
	}
}

func TestChartsContainTheirWords(t *testing.T) {
	for name, c := range charts() {
		svg := c.chart.SVG()
		for _, w := range c.words {
			if !strings.Contains(svg, ">"+w+"<") {
				t.Errorf("%s: the word %q is missing", name, w)
			}
		}
	}
}

func TestPicturesAreSharpAndSized(t *testing.T) {
	for name, c := range charts() {
		d := c.chart.Render()
		img, err := png.Decode(bytes.NewReader(d.Data[display.TypePNG].([]byte)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		md := d.Metadata[display.TypePNG].(map[string]any)
		if w := md["width"].(float64); math.Abs(float64(img.Bounds().Dx())-2*w) > 2 {
			t.Errorf("%s: %d pixels are shown %v wide", name, img.Bounds().Dx(), w)
		}
	}
}

// fills returns the bounding boxes of everything that a chart fills with the colour of a series.
func fills(t *testing.T, c *Chart, series int) []vg.Rectangle {
	t.Helper()
	var rec recorder.Canvas
	c.Plot.Draw(draw.NewCanvas(&rec, c.Width, c.Height))
	want := Series(series)
	var boxes []vg.Rectangle
	match := false
	for _, a := range rec.Actions {
		switch a := a.(type) {
		case *recorder.SetColor:
			r, g, b, _ := a.Color.RGBA()
			wr, wg, wb, _ := want.RGBA()
			match = r == wr && g == wg && b == wb
		case *recorder.Fill:
			if !match {
				continue
			}
			box := vg.Rectangle{Min: vg.Point{X: math.MaxFloat64, Y: math.MaxFloat64}, Max: vg.Point{X: -math.MaxFloat64, Y: -math.MaxFloat64}}
			for _, p := range a.Path {
				if p.Type == vg.MoveComp || p.Type == vg.LineComp {
					box.Min.X, box.Min.Y = min(box.Min.X, p.Pos.X), min(box.Min.Y, p.Pos.Y)
					box.Max.X, box.Max.Y = max(box.Max.X, p.Pos.X), max(box.Max.Y, p.Pos.Y)
				}
			}
			boxes = append(boxes, box)
		}
	}
	return boxes
}

// A share three times as large must be drawn three times as long.
func TestOutcomeBarsAreAsLongAsTheirShares(t *testing.T) {
	c := Outcomes("", []string{"a", "b"}, Share{"policy", []float64{0.75, 0.25}})
	widest := func(series int) vg.Length {
		var w vg.Length
		for _, b := range fills(t, c, series) {
			w = max(w, b.Max.X-b.Min.X)
		}
		return w
	}
	long, short := widest(2), widest(4) // the colours of the first two outcomes
	if short == 0 || math.Abs(float64(long/short)-3) > 1e-6 {
		t.Errorf("shares of 75%% and 25%% are %v and %v long", long, short)
	}
}

// The middle of the curve is the interquartile mean of the runs, so one run far off does not move it.
func TestLearningCurveIsTheInterquartileMean(t *testing.T) {
	r := runs(5, func(s int, x float64) float64 {
		if s == 4 {
			return 1000
		}
		return float64(s) // 0, 1, 2, 3: the middle three of five values are 1, 2, 3
	})
	x, mid, low, high := summarise(r)
	if len(x) == 0 {
		t.Fatal("no points")
	}
	for i := range x {
		if mid[i] != 2 || low[i] > 2 || high[i] < 2 {
			t.Fatalf("at %v: %v in [%v, %v]", x[i], mid[i], low[i], high[i])
		}
	}
}

func TestRunsOfDifferentLengthAreSummarisedWhereAllAre(t *testing.T) {
	short := []Point{{1, 1}, {2, 1}}
	long := []Point{{1, 3}, {2, 3}, {3, 3}, {4, 3}}
	x, mid, _, _ := summarise([][]Point{short, long})
	for i := range x {
		if x[i] > 2 || mid[i] != 2 {
			t.Errorf("at %v: %v", x[i], mid[i])
		}
	}
	if x, _, _, _ := summarise([][]Point{short, nil}); x != nil {
		t.Error("an empty run was summarised")
	}
}

func TestNiceTicks(t *testing.T) {
	for _, r := range [][2]float64{{0, 10}, {0, 2e6}, {-0.3, 0.7}, {0, 1}, {3, 3.01}, {0, 0.45}} {
		ticks := niceTicks{}.Ticks(r[0], r[1])
		if len(ticks) < 3 || len(ticks) > 8 {
			t.Errorf("%v has %d ticks", r, len(ticks))
		}
		for i, k := range ticks {
			if k.Value < r[0]-1e-9 || k.Value > r[1]+1e-9 || k.Label == "" {
				t.Errorf("%v has the tick %+v", r, k)
			}
			if i > 1 && math.Abs((k.Value-ticks[i-1].Value)-(ticks[1].Value-ticks[0].Value)) > 1e-9*math.Abs(k.Value) {
				t.Errorf("%v has uneven ticks", r)
			}
		}
	}
}

// Darker means more, and what is missing has no cell.
func TestHeatMapCells(t *testing.T) {
	dark := func(share float64) int {
		c := mix(share)
		return -int(c.R) - int(c.G) - int(c.B)
	}
	for x := 0.05; x <= 1; x += 0.05 {
		if dark(x) <= dark(x-0.05) {
			t.Errorf("a share of %v is not darker than %v", x, x-0.05)
		}
	}
	svg := HeatMap("", "", "", []string{"a", "b"}, []string{"c", "d"}, [][]stats.Interval{{interval(0.5, math.NaN())}, {interval(math.NaN(), 0)}, {interval(0.75, 0)}}).SVG()
	if n := strings.Count(svg, "%<"); n != 1 {
		t.Errorf("%d cells, want 1", n)
	}
	if HeatMap("nothing", "", "", nil, nil, nil).PNG() == nil {
		t.Error("no picture of nothing")
	}
}

func TestPercent(t *testing.T) {
	for share, want := range map[float64]string{0: "0", 1e-9: "<0.1", 0.0006: "0.1", 0.009: "0.9", 0.0097: "1", 0.25: "25", 0.984: "98", 0.993: "99.3", 0.99999: ">99.9", 1: "100", -0.001: "0", -0.3: "-30"} {
		if got := percent(share); got != want {
			t.Errorf("%v: %s, want %s", share, got, want)
		}
	}
}
