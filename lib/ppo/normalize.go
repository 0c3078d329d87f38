package ppo

import (
	"fmt"
	"math"

	"goalgap/lib/env"
	"goalgap/lib/nn"
)

// normalizer brings the dense part of observations to mean 0 and deviation 1, as VecNormalize of OpenAI baselines does
// (detail 6 and 7 of continuous actions in Huang et al. 2022): x becomes (x-μ)/√(σ²+1e-8), cut to ±10, with the mean μ
// and the variance σ² of all that was observed before the present rollout; in the first one they are 0 and 1.
type normalizer struct {
	count          float64
	mean, variance []float64 // [Dense]
	seen           []float32 // normalised observations of a Policy
}

// Constants of baselines' VecNormalize.
const (
	smallestVariance = 1e-8
	observationLimit = 10
)

func newNormalizer(dense int) *normalizer {
	z := &normalizer{mean: make([]float64, dense), variance: make([]float64, dense)}
	for i := range z.variance {
		z.variance[i] = 1
	}
	return z
}

func (z *normalizer) clone() *normalizer {
	if z == nil {
		return nil
	}
	return &normalizer{
		count: z.count, mean: append([]float64(nil), z.mean...), variance: append([]float64(nil), z.variance...),
	}
}

// apply writes the normalised features [n][Dense] to dst.
func (z *normalizer) apply(dst, features []float32) {
	dense := len(z.mean)
	for j := range dense {
		mean, scale := z.mean[j], 1/math.Sqrt(z.variance[j]+smallestVariance)
		for i := j; i < len(features); i += dense {
			x := (float64(features[i]) - mean) * scale
			dst[i] = float32(max(-observationLimit, min(observationLimit, x)))
		}
	}
}

// batch returns a batch with normalised features; without a normalizer it is the batch itself.
func (z *normalizer) batch(b env.Batch) env.Batch {
	if z == nil {
		return b
	}
	n := b.N * b.Dense
	if cap(z.seen) < n {
		z.seen = make([]float32, n)
	}
	z.apply(z.seen[:n], b.Features[:n])
	b.Features = z.seen[:n]
	return b
}

// observe adds features [n][Dense] to the running mean and variance (Chan, Golub and LeVeque 1979).
func (z *normalizer) observe(features []float32) {
	dense := len(z.mean)
	n := float64(len(features) / dense)
	total := z.count + n
	for j := range dense {
		mean, sum := 0.0, 0.0
		for i := j; i < len(features); i += dense {
			mean += float64(features[i])
		}
		mean /= n
		for i := j; i < len(features); i += dense {
			d := float64(features[i]) - mean
			sum += d * d
		}
		delta := mean - z.mean[j]
		z.variance[j] = (z.variance[j]*z.count + sum + delta*delta*z.count*n/total) / total
		z.mean[j] += delta * n / total
	}
	z.count = total
}

// tensors adds the state to f.
func (z *normalizer) tensors(f *nn.File) {
	for name, x := range map[string][]float64{"mean": z.mean, "variance": z.variance, "count": {z.count}} {
		f.Tensors["observation."+name] = nn.Tensor{Shape: []int{len(x)}, Data: append([]float64(nil), x...)}
	}
}

// normalizerFrom reads the state of a normalizer from f; it is nil if there is none.
func normalizerFrom(f *nn.File, dense int) (*normalizer, error) {
	if _, ok := f.Tensors["observation.count"]; !ok {
		return nil, nil
	}
	count, err := tensor[float64](f, "observation.count", 1)
	if err != nil {
		return nil, err
	}
	z := &normalizer{count: count[0]}
	if z.mean, err = tensor[float64](f, "observation.mean", dense); err != nil {
		return nil, err
	}
	if z.variance, err = tensor[float64](f, "observation.variance", dense); err != nil {
		return nil, err
	}
	for j, v := range z.variance {
		if !(v >= 0) || !finite(z.mean[j]) {
			return nil, fmt.Errorf("observations of mean %v and variance %v", z.mean[j], v)
		}
	}
	return z.clone(), nil
}
