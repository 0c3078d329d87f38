package nn

import (
	"math"

	"goalgap/lib/internal/fork"
)

// Adam is the optimiser of Kingma and Ba 2015, over one or more networks whose gradients are clipped together.
type Adam struct {
	Beta1, Beta2 float64 // decay of the two moments; defaults 0.9 and 0.999
	Eps          float64 // added to the root of the second moment; default 1e-5 (PPO's, where PyTorch has 1e-8)

	nets    []*Net
	moment1 [][]float32 // for each network, laid out like Param
	moment2 [][]float32
	steps   int

	spans   []span
	squares []float64 // of each span
	constK  adamConst
	measure *fork.Fork
	update  *fork.Fork
}

// NewAdam returns an optimiser of the networks' parameters with the default constants.
func NewAdam(nets ...*Net) *Adam {
	a := &Adam{Beta1: 0.9, Beta2: 0.999, Eps: 1e-5, nets: nets}
	for i, n := range nets {
		a.moment1 = append(a.moment1, aligned(len(n.Param)))
		a.moment2 = append(a.moment2, aligned(len(n.Param)))
		for lo := 0; lo < len(n.Param); lo += spanLength {
			a.spans = append(a.spans, span{i, lo, min(lo+spanLength, len(n.Param))})
		}
	}
	a.squares = make([]float64, len(a.spans))
	a.measure = fork.New(func(i int) {
		s := a.spans[i]
		a.squares[i] = sumSquares(a.nets[s.job].Grad[s.lo:s.hi])
	})
	a.update = fork.New(func(i int) {
		s := a.spans[i]
		n, g := a.nets[s.job], a.nets[s.job].Grad[s.lo:s.hi]
		adam(n.Param[s.lo:s.hi], a.moment1[s.job][s.lo:s.hi], a.moment2[s.job][s.lo:s.hi], g, &a.constK)
		clear(g)
	})
	return a
}

// Step moves the parameters against the gradients with learning rate lr, clears the gradients, and returns their norm:
// the Euclidean length of all networks' gradients together. Where it is above maxNorm the gradients are scaled down to
// it first (as by PyTorch's clip_grad_norm_); 0 means no clipping. If the norm is not finite nothing changes.
func (a *Adam) Step(lr, maxNorm float64) (norm float64) {
	a.measure.Do(len(a.spans))
	for _, s := range a.squares {
		norm += s
	}
	norm = math.Sqrt(norm)
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		return norm
	}
	scale := 1.0
	if maxNorm > 0 {
		scale = min(1, maxNorm/(norm+1e-6))
	}
	a.steps++
	t := float64(a.steps)
	a.constK = adamConst{
		Scale: float32(scale),
		Beta1: float32(a.Beta1), Gamma1: float32(1 - a.Beta1),
		Beta2: float32(a.Beta2), Gamma2: float32(1 - a.Beta2),
		Root2: float32(1 / math.Sqrt(1-math.Pow(a.Beta2, t))),
		Eps:   float32(a.Eps),
		Rate:  float32(lr / (1 - math.Pow(a.Beta1, t))),
	}
	a.update.Do(len(a.spans))
	return norm
}

// Steps returns the number of steps taken.
func (a *Adam) Steps() int { return a.steps }
