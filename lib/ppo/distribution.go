package ppo

import (
	"math/rand/v2"

	"goalgap/lib/nn"
)

// distribution is what a policy puts out for n observations: logits, or the means of continuous actions. Its methods are
// those of Policy and Memory with the same names, and overwrite it.
type distribution struct {
	policy *Policy
	n      int
	out    []float32 // [n][logits] or [n][Spec.Continuous]
}

func (d distribution) sample(actions []int32, r *rand.Rand) {
	heads := d.policy.heads
	sample(actions[:d.n*len(heads)], nil, d.out, heads, func(int) float32 { return r.Float32() })
}

func (d distribution) sampleContinuous(actions []float32, r *rand.Rand) {
	actions = actions[:len(d.out)]
	sampleGaussian(actions, nil, d.out, d.policy.actor.LogStd(), func(int) float32 { return float32(r.NormFloat64()) })
	d.policy.Spec.ClipAction(actions)
}

func (d distribution) greedy(actions []int32) {
	logits, heads := d.out, d.policy.heads
	for i := range actions[:d.n*len(heads)] {
		row := logits[:heads[i%len(heads)]]
		logits = logits[len(row):]
		best := 0
		for j, x := range row {
			if x > row[best] {
				best = j
			}
		}
		actions[i] = int32(best)
	}
}

func (d distribution) greedyContinuous(actions []float32) {
	d.policy.Spec.ClipAction(actions[:copy(actions[:len(d.out)], d.out)])
}

func (d distribution) probabilities(dst []float32) {
	logits := d.out
	for range d.n {
		for _, size := range d.policy.heads {
			nn.Softmax(dst[:size], logits[:size])
			dst, logits = dst[size:], logits[size:]
		}
	}
}

func (d distribution) logProbs(dst []float32, actions []int32) {
	logits, heads := d.out, d.policy.heads
	for i := range dst[:d.n] {
		dst[i] = 0
		for h, size := range heads {
			nn.LogSoftmax(logits[:size], logits[:size])
			dst[i] += logits[:size][actions[i*len(heads)+h]]
			logits = logits[size:]
		}
	}
}

func (d distribution) logProbsContinuous(dst []float32, actions []float32) {
	k := d.policy.Spec.Continuous
	for i := range dst[:d.n] {
		dst[i] = gaussianLogProb(actions[i*k:(i+1)*k], d.out[i*k:(i+1)*k], d.policy.actor.LogStd())
	}
}

func (d distribution) entropies(dst []float32) {
	if d.policy.Spec.Continuous > 0 {
		h := gaussianEntropy(d.policy.actor.LogStd())
		for i := range dst[:d.n] {
			dst[i] = h
		}
		return
	}
	logits := d.out
	for i := range dst[:d.n] {
		dst[i] = 0
		for _, size := range d.policy.heads {
			row := logits[:size]
			nn.LogSoftmax(row, row)
			for _, l := range row {
				dst[i] -= nn.Exp(l) * l
			}
			logits = logits[size:]
		}
	}
}
