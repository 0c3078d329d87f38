package exact

import (
	"math"
	"testing"

	"goalgap/lib/rng"
)

// By listing all action sequences of a deterministic world: the best policy weighs a path by prior × exp(β × reward), so its
// divergence and its returns are sums over paths.
func TestRegularisedByListingPaths(t *testing.T) {
	const steps, beta = 4, 1.7
	w := world(t, field{side: 3, from: []int{4}})
	of, reward := cells(w, 1, 1)
	gold, truth := cells(w, 1, 2)
	prior := make([]float64, w.States()*4)
	for s := range w.States() {
		copy(prior[s*4:], []float64{0.1, 0.2, 0.3, 0.4})
	}
	var z, sum, paid, logs float64
	for path := range 256 {
		s, p, r, g := w.Index(0, 4), 1.0, 0.0, 0.0
		for code, i := path, 0; i < steps; i, code = i+1, code/4 {
			a := code % 4
			p *= prior[s*4+a]
			s = w.Moves(s, a)[0].Next
			r += of[s]
			g += gold[s]
		}
		x := p * math.Exp(beta*r)
		z += x
		sum += x * r
		paid += x * g
		logs += x * beta * r
	}
	got, err := Regularised(w, reward, prior, steps, beta, reward, truth)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "reward", got.Sums[0], sum/z, 1e-12)
	near(t, "measure", got.Sums[1], paid/z, 1e-12)
	near(t, "KL", got.KL, logs/z-math.Log(z), 1e-12)
	random := rng.New(1, "test sample", 0)
	mean := 0.0
	const episodes = 20_000
	for range episodes {
		for _, x := range got.Sample(w, random.Float64) {
			mean += gold[x.Next] / episodes
		}
	}
	near(t, "mean of samples", mean, paid/z, 0.05)

	if _, err := Regularised(w, reward, prior[:8], steps, beta); err == nil {
		t.Error("a prior of another world is no error")
	}
	_, err = Regularised(w, func(_, _, _ int) float64 { return math.NaN() }, prior, steps, beta)
	says(t, "NaN", err, "is NaN")
	_, err = Regularised(w, reward, prior, 0, beta)
	says(t, "no steps", err, "0 steps")
}
