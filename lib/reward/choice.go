package reward

import (
	"context"
	"fmt"
	"math"
)

// choice is a conditional logit: option 0 was picked out of some in each of n cases.
type choice struct {
	n, options, k int
	phi           []float32 // [n][options][k]
	ridge         float64
}

// standardize divides each feature by its standard deviation over all cases and options and returns the deviations.
func (x *choice) standardize() (spread []float64) {
	rows := float64(x.n * x.options)
	mean := make([]float64, x.k)
	spread = make([]float64, x.k)
	for i, f := range x.phi {
		mean[i%x.k] += float64(f) / rows
	}
	for i, f := range x.phi {
		spread[i%x.k] += (float64(f) - mean[i%x.k]) * (float64(f) - mean[i%x.k]) / rows
	}
	for j := range spread {
		spread[j] = math.Sqrt(spread[j])
	}
	for i := range x.phi {
		if sd := spread[i%x.k]; sd > 0 {
			x.phi[i] /= float32(sd)
		}
	}
	return spread
}

// newtonSteps bounds the iterations; the problem is convex and ten or so suffice.
const newtonSteps = 50

// solve returns the weights of highest likelihood, less the ridge, by Newton's method with step halving. weight is how
// often each case counts (nil: once); only the features in use get a weight other than 0. start is where to begin (nil: 0).
func (x *choice) solve(ctx context.Context, weight []float64, use []bool, start []float64) ([]float64, error) {
	k := x.k
	w, trial := make([]float64, k), make([]float64, k)
	copy(w, start)
	gradient, hessian := make([]float64, k), make([]float64, k*k)
	value := x.loss(w, weight, gradient, hessian)
	for range newtonSteps {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("reward: stopped while fitting weights: %w", err)
		}
		for j := range k {
			if use[j] {
				continue
			}
			gradient[j] = 0
			for l := range k {
				hessian[j*k+l], hessian[l*k+j] = 0, 0
			}
			hessian[j*k+j] = 1
		}
		step := append([]float64(nil), gradient...)
		if !solveSymmetric(hessian, step) {
			return nil, fmt.Errorf("reward: fitting weights: the curvature is not positive; try a larger Ridge (it is %g)", x.ridge)
		}
		slope := 0.0
		for j, s := range step {
			slope += s * gradient[j]
		}
		if slope < 1e-9 {
			break
		}
		size := 1.0
		for ; size > 1e-6; size /= 2 {
			for j := range trial {
				trial[j] = w[j] - size*step[j]
			}
			if x.loss(trial, weight, nil, nil) <= value-1e-4*size*slope {
				break
			}
		}
		if size <= 1e-6 {
			break
		}
		copy(w, trial)
		value = x.loss(w, weight, gradient, hessian)
	}
	return w, nil
}

// loss returns the mean negative log-likelihood plus the ridge and, where gradient is not nil, its derivatives.
func (x *choice) loss(w, weight, gradient, hessian []float64) float64 {
	k := x.k
	clear(gradient)
	clear(hessian)
	p, mean, row := make([]float64, x.options), make([]float64, k), make([]float64, k)
	total, count := 0.0, 0.0
	for i := range x.n {
		c := 1.0
		if weight != nil {
			if c = weight[i]; c == 0 {
				continue
			}
		}
		count += c
		phi := x.phi[i*x.options*k : (i+1)*x.options*k]
		top := math.Inf(-1)
		for o := range p {
			p[o] = 0
			for j, f := range phi[o*k : (o+1)*k] {
				p[o] += w[j] * float64(f)
			}
			top = max(top, p[o])
		}
		sum, first := 0.0, p[0]
		for o := range p {
			p[o] = math.Exp(p[o] - top)
			sum += p[o]
		}
		total += c * (top + math.Log(sum) - first)
		if gradient == nil {
			continue
		}
		clear(mean)
		for o := range p {
			p[o] /= sum
			for j, f := range phi[o*k : (o+1)*k] {
				mean[j] += p[o] * float64(f)
			}
		}
		for j := range k {
			gradient[j] += c * (mean[j] - float64(phi[j]))
		}
		for o, q := range p {
			for j, f := range phi[o*k : (o+1)*k] {
				row[j] = float64(f) - mean[j]
				for l := 0; l <= j; l++ {
					hessian[j*k+l] += c * q * row[j] * row[l]
				}
			}
		}
	}
	total /= count
	for j, v := range w {
		total += x.ridge / 2 * v * v
		if gradient == nil {
			continue
		}
		gradient[j] = gradient[j]/count + x.ridge*v
		for l := 0; l <= j; l++ {
			hessian[j*k+l] /= count
			hessian[l*k+j] = hessian[j*k+l]
		}
		hessian[j*k+j] += x.ridge
	}
	return total
}

// solveSymmetric replaces b by the solution of a·x = b for a positive definite a [m][m], whose lower triangle it
// overwrites with its Cholesky factor. It returns false if a is not positive definite.
func solveSymmetric(a, b []float64) bool {
	m := len(b)
	for j := range m {
		for i := j; i < m; i++ {
			s := a[i*m+j]
			for l := range j {
				s -= a[i*m+l] * a[j*m+l]
			}
			if i == j {
				if !(s > 0) {
					return false
				}
				a[j*m+j] = math.Sqrt(s)
			} else {
				a[i*m+j] = s / a[j*m+j]
			}
		}
	}
	for i := range m {
		for l := range i {
			b[i] -= a[i*m+l] * b[l]
		}
		b[i] /= a[i*m+i]
	}
	for i := m - 1; i >= 0; i-- {
		for l := i + 1; l < m; l++ {
			b[i] -= a[l*m+i] * b[l]
		}
		b[i] /= a[i*m+i]
	}
	return true
}
