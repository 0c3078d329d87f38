package ppo

import (
	"math"

	"goalgap/lib/nn"
)

// The policy of continuous actions is a diagonal Gaussian (details 1 to 3 of continuous actions in Huang et al. 2022):
// its means are what the network puts out, its log standard deviations parameters of their own, the same in every state.
// An action is a vector of k independent numbers, so that
//
//	log π(a|s) = Σⱼ -½ zⱼ² - log σⱼ - ½ log 2π,   zⱼ = (aⱼ - μⱼ) / σⱼ,
//	H          = Σⱼ log σⱼ + ½ log 2πe.
//
// Environments are handed actions clipped to their bounds; the probability is that of the action before.

// halfLogTau is ½ log 2π.
const halfLogTau = 0.91893853320467274178

// sampleGaussian draws an action [k] around each row of mean [n][k], normal(i) being standard normal for row i and asked
// for in order, k times a row, and writes the logarithms of their densities to logProb [n], unless that is nil.
func sampleGaussian(action, logProb, mean, logStd []float32, normal func(i int) float32) {
	k := len(logStd)
	for i := range len(mean) / k {
		row, mu := action[i*k:(i+1)*k], mean[i*k:(i+1)*k]
		for j, m := range mu {
			row[j] = m + nn.Exp(logStd[j])*normal(i)
		}
		if logProb != nil {
			logProb[i] = gaussianLogProb(row, mu, logStd)
		}
	}
}

// gaussianLogProb returns the logarithm of the density at an action [k].
func gaussianLogProb(action, mean, logStd []float32) float32 {
	sum := float32(0)
	for j, s := range logStd {
		z := (action[j] - mean[j]) * nn.Exp(-s)
		sum -= 0.5*z*z + s + halfLogTau
	}
	return sum
}

// gaussianEntropy returns the differential entropy, nats.
func gaussianEntropy(logStd []float32) float32 {
	h := float32(0)
	for _, s := range logStd {
		h += s + 0.5 + halfLogTau
	}
	return h
}

// gaussian is gradient for continuous actions: it writes to d [n][k] the derivative with respect to the means [n][k]
// (or more in a row, of which the rest is left alone) of rate times the sum over the samples of the loss, and adds that with respect to the log standard deviations to dLogStd
// [k]. Sample i took the action [k] at rows[i] of action. inverseStd [k] is exp(-logStd).
func (b *policyBatch) gaussian(d, mean, action []float32, rows []int32, logStd, inverseStd []float32, dLogStd []float64, clip, entropyCoef, rate float32, s *stats) {
	k, width := len(logStd), len(mean)/b.n
	logRatio, ratio := b.logRatio[:b.n], b.ratio[:b.n]
	for i, row := range rows {
		a, mu, z := action[int(row)*k:(int(row)+1)*k], mean[i*width:][:k], d[i*width:][:k]
		sum := float32(0)
		for j, s := range logStd {
			x := (a[j] - mu[j]) * inverseStd[j]
			sum -= 0.5*x*x + s + halfLogTau
			z[j] = x
		}
		logRatio[i] = sum - b.oldLogProb[i]
	}
	copy(ratio, logRatio)
	nn.ExpEach(ratio)

	entropy := float64(gaussianEntropy(logStd))
	for i, ratio := range ratio {
		loss, g := surrogate(b.advantage[i], ratio, clip)
		z := d[i*width:][:k]
		for j, x := range z {
			dLogStd[j] += float64(rate) * (float64(g)*(float64(x)*float64(x)-1) - float64(entropyCoef))
			z[j] = rate * g * x * inverseStd[j]
		}
		s.count(loss, ratio, logRatio[i], clip)
		s.entropy += entropy
	}
}

// notFinite returns the first index at which actions are NaN or infinite, -1 if there is none.
func notFinite(action []float32) int {
	for i, x := range action {
		if !(math.Abs(float64(x)) <= math.MaxFloat32) {
			return i
		}
	}
	return -1
}
