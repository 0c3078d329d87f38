package plots_test

import (
	"fmt"
	"math"
	"strings"

	"goalgap/lib/stats"
	"goalgap/plots"
)

// The three gaps of an experiment with five training seeds. In a notebook the chart as the last expression of a cell
// shows itself; elsewhere PNG and SVG give the picture.
func ExampleGapChart() {
	goalIn := stats.Seeds([]float64{0.93, 0.95, 0.91, 0.94, 0.92})
	goalOut := stats.Seeds([]float64{0.22, 0.41, 0.18, 0.35, 0.29})
	chart := plots.GapChart("Three gaps", "coin at the end", "coin moved",
		plots.Gap{Name: "goal: the coin first", In: goalIn, Out: goalOut, Chance: math.NaN()})
	fmt.Println(strings.Contains(chart.SVG(), "-64 points"))
	// Output: true
}

// A learning curve of two training seeds: the mean of the runs with a band.
func ExampleLearningCurves() {
	run := func(scale float64) (r []plots.Point) {
		for i := 1; i <= 50; i++ {
			x := float64(i) * 1e4
			r = append(r, plots.Point{X: x, Y: scale * (1 - math.Exp(-x/1e5))})
		}
		return r
	}
	chart := plots.LearningCurves("CartPole", "return", plots.Curve{Name: "PPO", Runs: [][]plots.Point{run(480), run(500)}}).Size(5, 2.5)
	fmt.Println(chart.Title.Text, chart.X.Max)
	// Output: CartPole 500000
}

// What policies come to first, as shares of the test levels.
func ExampleOutcomes() {
	chart := plots.Outcomes("What comes first", []string{"coin", "end of the level", "death", "timeout"},
		plots.Share{Name: "coin at the end", Shares: []float64{0.93, 0, 0.06, 0.01}},
		plots.Share{Name: "coin moved", Shares: []float64{0.30, 0.58, 0.10, 0.02}})
	fmt.Println(strings.Contains(chart.SVG(), "58%"))
	// Output: true
}

// Likelihoods of a model and a baseline, with their intervals.
func ExampleBars() {
	chart := plots.Bars("How well people are predicted", "nats a step above uniform", []string{"world model", "frequencies"},
		plots.Group{Name: "levels seen", Values: []stats.Interval{{Value: 0.6, Low: 0.57, High: 0.63}, {Value: 0.4, Low: 0.38, High: 0.42}}})
	fmt.Println(strings.Contains(chart.SVG(), "levels seen"))
	// Output: true
}
