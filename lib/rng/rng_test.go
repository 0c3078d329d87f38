package rng

import (
	"math"
	"testing"
)

func TestSameArgumentsSameStream(t *testing.T) {
	a, b := New(7, "actions", 3), New(7, "actions", 3)
	for range 100 {
		if x, y := a.Uint64(), b.Uint64(); x != y {
			t.Fatalf("streams with equal arguments differ: %d and %d", x, y)
		}
	}
}

// Streams of neighbouring arguments must not be correlated: over n pairs of uniform numbers the sample correlation has
// a standard deviation of 1/sqrt(n), so 5 of them is a bound that a sound generator practically never breaks.
func TestNeighbouringStreamsAreUncorrelated(t *testing.T) {
	const n = 20000
	base := [3]any{uint64(1), "actions", 0}
	for _, other := range [][3]any{{uint64(2), "actions", 0}, {uint64(1), "weights", 0}, {uint64(1), "actions", 1}} {
		a := New(base[0].(uint64), base[1].(string), base[2].(int))
		b := New(other[0].(uint64), other[1].(string), other[2].(int))
		var sum float64
		for range n {
			sum += (a.Float64() - 0.5) * (b.Float64() - 0.5)
		}
		if r := sum / n * 12; math.Abs(r) > 5/math.Sqrt(n) {
			t.Errorf("correlation with stream %v is %.4f", other, r)
		}
	}
}
