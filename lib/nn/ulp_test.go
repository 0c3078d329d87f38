package nn

import (
	"math"
	"testing"
)

// ulp returns how far got is from want, in units in the last place of want as a float32 (of the smallest normal number
// where want is smaller).
func ulp(got float32, want float64) float64 {
	_, e := math.Frexp(want)
	return math.Abs(float64(got)-want) / math.Ldexp(1, max(e, -125)-24)
}

// floats calls f with float32 numbers from lo to hi, both positive, in order and stride bits apart, some thousands at a time.
func floats(lo, hi float32, stride uint32, f func(x []float32)) {
	var x []float32
	for bits := math.Float32bits(lo); bits <= math.Float32bits(hi); bits += stride {
		if x = append(x, math.Float32frombits(bits)); len(x) == 4096 {
			f(x)
			x = x[:0]
		}
	}
	f(x)
}

// The statements about errors are checked against float64 on numbers of all magnitudes.
func TestErrorsOfElementaryFunctions(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		for _, c := range []struct {
			name     string
			f        func(x []float32)
			want     func(x float64) float64
			lo, hi   float32
			negative bool // likewise for -hi to -lo
			ulp      float64
		}{
			{"tanh", tanh, math.Tanh, 1e-35, 20, true, 7},
			{"exp", exp, math.Exp, 1e-30, 88.7, true, 2},
			{"log", log, math.Log, 1.2e-38, math.MaxFloat32, false, 2},
		} {
			worst, at := 0.0, float32(0)
			floats(c.lo, c.hi, 521, func(x []float32) {
				for _, sign := range []float32{1, -1} {
					if sign < 0 && !c.negative {
						return
					}
					y := make([]float32, len(x))
					for i := range x {
						y[i] = sign * x[i]
					}
					c.f(y)
					for i := range x {
						if e := ulp(y[i], c.want(float64(sign*x[i]))); !(e <= worst) {
							worst, at = e, sign*x[i]
						}
					}
				}
			})
			t.Logf("%s: at most %.2f ulp, at %v", c.name, worst, at)
			if !(worst <= c.ulp) {
				t.Errorf("%s(%v) is wrong by %.3g units in the last place; stated are %v", c.name, at, worst, c.ulp)
			}
		}
	})
}

// Where tanh is nearly 1 every number is tried: 1-h² must not become negative.
func TestTanhStaysWithinOne(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		worst := float32(0)
		floats(4, 10, 1, func(x []float32) {
			y := append([]float32(nil), x...)
			tanh(y)
			for i := range y {
				worst = max(worst, y[i])
			}
		})
		t.Logf("largest: 1 - %g", 1-float64(worst))
		if worst > 1 {
			t.Errorf("tanh reaches %v", worst)
		}
	})
}
