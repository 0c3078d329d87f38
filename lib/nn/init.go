package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// New returns a network with orthogonal weights, of gain √2 in the hidden layers and headGain in the head (0.01 for a
// policy, 1 for a value), and zero biases: detail 2 of "The 37 implementation details of PPO" (Huang et al. 2022),
// after Saxe et al. 2014. An error names a size that makes no network.
func New(shape Shape, headGain float64, r *rand.Rand) (*Net, error) {
	if math.IsNaN(headGain) || math.IsInf(headGain, 0) {
		return nil, fmt.Errorf("nn: gain %v of the head's initial weights", headGain)
	}
	n, err := newNet(shape)
	if err != nil {
		return nil, err
	}
	for i, l := range n.layers {
		gain := math.Sqrt2
		if i == len(n.layers)-1 {
			gain = headGain
		}
		w := make([]float32, l.in*l.out)
		orthogonal(w, l.in, l.out, gain, r)
		l.setWeights(n.Param, w)
	}
	return n, nil
}

// orthogonal fills w [rows][cols] with gain times a matrix whose rows or columns, whichever are fewer, are orthonormal,
// uniformly distributed among all such: Gaussian vectors made orthonormal one after the other.
func orthogonal(w []float32, rows, cols int, gain float64, r *rand.Rand) {
	count, length := cols, rows
	if rows < cols {
		count, length = rows, cols
	}
	vectors := make([][]float64, count)
	for i := range vectors {
		v := make([]float64, length)
		for {
			for j := range v {
				v[j] = r.NormFloat64()
			}
			before := norm(v)
			for range 2 { // twice is enough (Giraud, Langou and Rozložník 2005)
				for _, u := range vectors[:i] {
					d := 0.0
					for j := range v {
						d += u[j] * v[j]
					}
					for j := range v {
						v[j] -= d * u[j]
					}
				}
			}
			if after := norm(v); after > 1e-8*before {
				for j := range v {
					v[j] /= after
				}
				break
			}
		}
		vectors[i] = v
	}
	for i := range rows {
		for j := range cols {
			if rows < cols {
				w[i*cols+j] = float32(gain * vectors[i][j])
			} else {
				w[i*cols+j] = float32(gain * vectors[j][i])
			}
		}
	}
}

// norm returns the Euclidean length of v.
func norm(v []float64) float64 {
	s := 0.0
	for _, x := range v {
		s += x * x
	}
	return math.Sqrt(s)
}
