package reward

import (
	"context"
	"fmt"
	"math"
)

// choice is a conditional logit: in each of n cases one of some options is taken, with given shares.
type choice struct {
	n, options, k int
	phi           []float32 // [n][options][k]
	share         []float64 // [n][options], adding up to 1 in each case
	group         []int     // [n] cases of one group are resampled and held out together; 0 .. groups-1
	groups        int
	ridge         []float64 // [k] of the weights
}

// columns returns the same problem with some of the features only.
func (x *choice) columns(use []int) *choice {
	y := *x
	y.k = len(use)
	y.ridge = make([]float64, y.k)
	for j, f := range use {
		y.ridge[j] = x.ridge[f]
	}
	y.phi = make([]float32, x.n*x.options*y.k)
	for row := range x.n * x.options {
		for j, f := range use {
			y.phi[row*y.k+j] = x.phi[row*x.k+f]
		}
	}
	return &y
}

// standardize takes out of each feature its mean over the options of a case, which no choice depends on, divides it by
// its standard deviation over everything and returns the deviations.
func (x *choice) standardize() (spread []float64) {
	spread = make([]float64, x.k)
	mean := make([]float64, x.k)
	for i := range x.n {
		rows := x.phi[i*x.options*x.k : (i+1)*x.options*x.k]
		clear(mean)
		for j, f := range rows {
			mean[j%x.k] += float64(f) / float64(x.options)
		}
		for j := range rows {
			rows[j] -= float32(mean[j%x.k])
			spread[j%x.k] += float64(rows[j]) * float64(rows[j]) / float64(x.n*x.options)
		}
	}
	for j, s := range spread {
		// What rounding leaves of a feature that is the same for all options is no spread.
		if spread[j] = math.Sqrt(s); spread[j] < 1e-6 {
			spread[j] = 0
		}
	}
	for i := range x.phi {
		if s := spread[i%x.k]; s > 0 {
			x.phi[i] /= float32(s)
		} else {
			x.phi[i] = 0
		}
	}
	return spread
}

// newtonSteps bounds the iterations; the problem is convex and ten or so suffice.
const newtonSteps = 50

// solve returns the weights of highest likelihood, less the ridge, by Newton's method with step halving. times is how
// often each group counts (nil: once). start is where to begin (nil: 0).
func (x *choice) solve(ctx context.Context, times, start []float64) ([]float64, error) {
	k := x.k
	w, trial := make([]float64, k), make([]float64, k)
	copy(w, start)
	gradient, hessian := make([]float64, k), make([]float64, k*k)
	value := x.loss(w, times, gradient, hessian)
	for range newtonSteps {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("reward: stopped while fitting weights: %w", err)
		}
		step := append([]float64(nil), gradient...)
		if !solveSymmetric(hessian, step) {
			return nil, fmt.Errorf("reward: fitting weights: the curvature is not positive; try a larger Ridge")
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
			if x.loss(trial, times, nil, nil) <= value-1e-4*size*slope {
				break
			}
		}
		if size <= 1e-6 {
			break
		}
		copy(w, trial)
		value = x.loss(w, times, gradient, hessian)
	}
	return w, nil
}

// loss returns the mean negative log-likelihood plus the ridge and, where gradient is not nil, its derivatives.
func (x *choice) loss(w, times, gradient, hessian []float64) float64 {
	k := x.k
	clear(gradient)
	clear(hessian)
	p, mean, have, row := make([]float64, x.options), make([]float64, k), make([]float64, k), make([]float64, k)
	total, count := 0.0, 0.0
	for i := range x.n {
		c := 1.0
		if times != nil {
			if c = times[x.group[i]]; c == 0 {
				continue
			}
		}
		count += c
		total -= c * x.logLikelihood(i, w, p)
		if gradient == nil {
			continue
		}
		phi, share := x.phi[i*x.options*k:(i+1)*x.options*k], x.share[i*x.options:(i+1)*x.options]
		clear(mean)
		clear(have)
		for o := range p {
			for j, f := range phi[o*k : (o+1)*k] {
				mean[j] += p[o] * float64(f)
				have[j] += share[o] * float64(f)
			}
		}
		for j := range k {
			gradient[j] += c * (mean[j] - have[j])
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
		total += x.ridge[j] / 2 * v * v
		if gradient == nil {
			continue
		}
		gradient[j] = gradient[j]/count + x.ridge[j]*v
		for l := 0; l <= j; l++ {
			hessian[j*k+l] /= count
			hessian[l*k+j] = hessian[j*k+l]
		}
		hessian[j*k+j] += x.ridge[j]
	}
	return total
}

// logLikelihood returns the log-likelihood of case i and writes the probabilities of its options to p.
func (x *choice) logLikelihood(i int, w, p []float64) float64 {
	k := x.k
	phi := x.phi[i*x.options*k : (i+1)*x.options*k]
	top := math.Inf(-1)
	for o := range p {
		p[o] = 0
		for j, f := range phi[o*k : (o+1)*k] {
			p[o] += w[j] * float64(f)
		}
		top = max(top, p[o])
	}
	picked, sum := 0.0, 0.0
	for o, q := range x.share[i*x.options : (i+1)*x.options] {
		picked += q * p[o]
		p[o] = math.Exp(p[o] - top)
		sum += p[o]
	}
	for o := range p {
		p[o] /= sum
	}
	return picked - top - math.Log(sum)
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
