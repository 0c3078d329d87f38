package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// New returns a network with orthogonal weights, of gain √2 in the convolutions (as matrices [9 × channels][channels])
// and the hidden layers and headGain in the head (0.01 for a policy, 1 for a value, as a Shape's Value has), and zero biases: detail 2 of "The 37 implementation details of PPO" (Huang et al. 2022),
// after Saxe et al. 2014. The two matrices of a GRU have gain 1, each of them one of [in][3 × width], as there. An error names a size that makes no network.
func New(shape Shape, headGain float64, r *rand.Rand) (*Net, error) {
	if math.IsNaN(headGain) || math.IsInf(headGain, 0) {
		return nil, fmt.Errorf("nn: gain %v of the head's initial weights", headGain)
	}
	n, err := newNet(shape)
	if err != nil {
		return nil, err
	}
	layers := n.all()
	for i, l := range layers[:len(layers)-1] {
		w := make([]float32, l.in*l.out)
		gain := math.Sqrt2
		if n.gru != nil && i >= len(layers)-3 { // its input's part and the recurrent one
			gain = 1
		}
		orthogonal(w, l.in, l.out, gain, r)
		l.setWeights(n.Param, w)
	}
	head := layers[len(layers)-1]
	w := make([]float32, head.in*shape.actions())
	orthogonal(w, head.in, shape.actions(), headGain, r)
	if shape.Value {
		value := make([]float32, head.in)
		orthogonal(value, head.in, 1, 1, r)
		w = beside(w, value)
	}
	head.setWeights(n.Param, w)
	return n, nil
}

// beside returns the matrix of the columns of w and, at the right, the column v.
func beside(w, v []float32) []float32 {
	out, cols := make([]float32, 0, len(w)+len(v)), len(w)/len(v)
	for i, x := range v {
		out = append(append(out, w[i*cols:(i+1)*cols]...), x)
	}
	return out
}

// NewLeCun is New with weights from a normal distribution cut at two standard deviations, of variance 1/fan-in (9 ×
// channels of a convolution), in the heads too: what flax gives dense and convolutional layers unless told otherwise
// (LeCun et al. 1998). Biases are zero. The recurrent weights of a GRU are, as flax's, orthogonal for each gate.
func NewLeCun(shape Shape, r *rand.Rand) (*Net, error) {
	n, err := newNet(shape)
	if err != nil {
		return nil, err
	}
	for _, l := range n.all() {
		w := make([]float32, l.in*l.out)
		if n.gru != nil && l == n.gru.recurrent {
			for gate := range 3 {
				square := make([]float32, l.in*l.in)
				orthogonal(square, l.in, l.in, 1, r)
				for i := range l.in {
					copy(w[i*l.out+gate*l.in:], square[i*l.in:(i+1)*l.in])
				}
			}
		} else {
			lecun(w, l.in, r)
		}
		l.setWeights(n.Param, w)
	}
	return n, nil
}

// lecun fills w with numbers of variance 1/in, from a normal distribution cut at two standard deviations.
func lecun(w []float32, in int, r *rand.Rand) {
	const cut = 0.87962566103423978 // the standard deviation of a standard normal that is cut at ±2
	scale := 1 / (math.Sqrt(float64(in)) * cut)
	for i := range w {
		x := r.NormFloat64()
		for math.Abs(x) > 2 {
			x = r.NormFloat64()
		}
		w[i] = float32(x * scale)
	}
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
