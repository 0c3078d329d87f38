package ppo

import (
	"math"

	"goalgap/lib/env"
	"goalgap/lib/nn"
)

// learner takes the gradient steps of an update.
type learner struct {
	t      *Trainer
	actor  nn.Job
	critic nn.Job // of no use where the network is shared
	block  int    // rows that a loss is asked of at a time

	rows       []int32   // of the present minibatch
	normalized []float32 // advantage of each row of the minibatch, normalised
	rate       float32   // 1 / rows in the minibatch

	// Of a Gaussian policy with actions of k numbers.
	inverseStd []float32 // [k]
	dLogStd    []float64 // [blocks][k], gradient from each block of the minibatch

	blocks []stats // of each block of the minibatch
	total  stats   // of the update
	norm   float64 // sum over the update's steps
	steps  int     // taken in the update
	tooFar bool    // the policy is beyond Config.TargetKL: the update is over
}

// stats are sums over samples.
type stats struct {
	policyLoss, valueLoss, entropy, kl float64
	clipped, samples                   int
}

func (s *stats) add(x stats) {
	s.policyLoss += x.policyLoss
	s.valueLoss += x.valueLoss
	s.entropy += x.entropy
	s.kl += x.kl
	s.clipped += x.clipped
	s.samples += x.samples
}

func (l *learner) init(t *Trainer) {
	l.t = t
	batch := len(t.order)
	l.normalized = make([]float32, batch)
	l.block = t.policy.actor.Block()
	l.blocks = make([]stats, (batch+l.block-1)/l.block)
	l.actor = nn.Job{Net: t.policy.actor, Batch: t.rollout.seen, Loss: l.discreteLoss}
	switch k := t.policy.Spec.Continuous; {
	case k > 0:
		l.actor.Loss = l.gaussianLoss
		l.inverseStd, l.dLogStd = make([]float32, k), make([]float64, len(l.blocks)*k)
	case len(t.policy.heads) > 1:
		l.actor.Loss = l.multiDiscreteLoss
	}
	if t.policy.Shared {
		policyLoss := l.actor.Loss
		l.actor.Loss = func(lo, hi int, out, dOut []float32) {
			policyLoss(lo, hi, out, dOut)
			l.valueLoss(lo, hi, out, dOut)
		}
		return
	}
	l.critic = nn.Job{Net: t.policy.critic, Batch: t.rollout.seen, Loss: l.valueLoss}
}

// begin starts an update.
func (l *learner) begin() { l.total, l.norm, l.steps, l.tooFar = stats{}, 0, 0, false }

// step takes one gradient step on the given rows of the rollout, unless they show that the policy has moved too far: the
// gradient, which comes with the estimate of how far, is then let go.
func (l *learner) step(rows []int32) error {
	t := l.t
	l.rows, l.rate = rows, 1/float32(len(rows))
	l.normalize()
	blocks := l.blocks[:(len(rows)+l.block-1)/l.block]
	clear(blocks)
	l.actor.Rows, l.critic.Rows = rows, rows
	l.beginLogStd()
	switch r := &t.rollout; {
	case t.policy.Memory > 0:
		nn.AccumulateThroughTime(nn.Sequences{Job: l.actor, Count: len(rows) / r.steps, State: r.initial, Begin: r.begin})
	case t.policy.Shared:
		nn.Accumulate(l.actor)
	default:
		nn.Accumulate(l.actor, l.critic)
	}
	l.addLogStd(len(blocks))
	var sum stats
	for _, b := range blocks {
		sum.add(b)
	}
	n := float64(len(rows))
	switch {
	case !finite(sum.policyLoss):
		return t.diverged("the policy loss", sum.policyLoss/n)
	case !finite(sum.valueLoss):
		return t.diverged("the value loss", sum.valueLoss/n)
	}
	sum.samples = len(rows)
	l.total.add(sum)
	// Before the first step the policy is the one that collected; what the estimate says of it is rounding.
	if limit := 1.5 * t.cfg.TargetKL; limit > 0 && l.steps > 0 && sum.kl/n > limit {
		l.tooFar = true
		for _, n := range t.policy.networks() {
			clear(n.Grad)
		}
		return nil
	}
	norm := t.adam.Step(t.learningRate(), t.cfg.MaxGradNorm)
	if !finite(norm) {
		return t.diverged("the norm of the gradient", norm)
	}
	l.norm += norm
	l.steps++
	return nil
}

// normalize brings the minibatch's advantages to mean 0 and deviation 1.
func (l *learner) normalize() {
	adv, x := l.t.rollout.advantage, l.normalized[:len(l.rows)]
	for i, r := range l.rows {
		x[i] = adv[r]
	}
	if !l.t.cfg.NormalizeAdvantage {
		return
	}
	n, mean, sum := float64(len(x)), 0.0, 0.0
	for _, a := range x {
		mean += float64(a)
	}
	mean /= n
	for _, a := range x {
		d := float64(a) - mean
		sum += d * d
	}
	scale := 1 / (math.Sqrt(sum/(n-1)) + 1e-8)
	for i, a := range x {
		x[i] = float32((float64(a) - mean) * scale)
	}
}

// beginLogStd prepares the gradient of a Gaussian policy's log standard deviations.
func (l *learner) beginLogStd() {
	clear(l.dLogStd)
	for j, s := range l.t.policy.actor.LogStd() {
		l.inverseStd[j] = nn.Exp(-s)
	}
}

// addLogStd adds up the blocks' gradients, in order.
func (l *learner) addLogStd(blocks int) {
	grad := l.t.policy.actor.LogStdGrad()
	for j := range grad {
		sum := 0.0
		for b := range blocks {
			sum += l.dLogStd[b*len(grad)+j]
		}
		grad[j] += float32(sum)
	}
}

// discreteLoss is the actor's loss for nn.Accumulate where an action is one of a few.
func (l *learner) discreteLoss(lo, hi int, out, dOut []float32) {
	var heads [1]head
	l.policyLoss(lo, hi, out, dOut, heads[:])
}

// multiDiscreteLoss is the actor's loss where an action has several parts.
func (l *learner) multiDiscreteLoss(lo, hi int, out, dOut []float32) {
	var heads [env.MaxHeads]head
	l.policyLoss(lo, hi, out, dOut, heads[:len(l.t.policy.heads)])
}

// policyLoss is the loss of both.
func (l *learner) policyLoss(lo, hi int, out, dOut []float32, heads []head) {
	r := &l.t.rollout
	var x policyBatch
	x.n, x.advantage = hi-lo, l.normalized[lo:hi]
	for i, row := range l.rows[lo:hi] {
		x.oldLogProb[i] = r.logProb[row]
	}
	for h := range heads {
		heads[h].size = l.t.policy.heads[h]
		for i, row := range l.rows[lo:hi] {
			heads[h].action[i] = r.action[int(row)*len(heads)+h]
		}
	}
	x.gradient(dOut, out, heads, l.t.clip(), float32(l.t.cfg.EntropyCoef), l.rate, &l.blocks[lo/l.block])
}

// gaussianLoss is the actor's loss where actions are continuous.
func (l *learner) gaussianLoss(lo, hi int, out, dOut []float32) {
	r, k := &l.t.rollout, len(l.inverseStd)
	var x policyBatch
	x.n, x.advantage = hi-lo, l.normalized[lo:hi]
	for i, row := range l.rows[lo:hi] {
		x.oldLogProb[i] = r.logProb[row]
	}
	block := lo / l.block
	x.gaussian(dOut, out, r.continuous, l.rows[lo:hi], l.t.policy.actor.LogStd(), l.inverseStd,
		l.dLogStd[block*k:(block+1)*k], l.t.clip(), float32(l.t.cfg.EntropyCoef), l.rate, &l.blocks[block])
}

// valueLoss is the critic's loss for nn.Accumulate; the value is the last output of each row.
func (l *learner) valueLoss(lo, hi int, out, dOut []float32) {
	r := &l.t.rollout
	clip := float32(math.Inf(1))
	if l.t.cfg.ClipValue {
		clip = l.t.clip()
	}
	rate := l.rate * float32(l.t.cfg.ValueCoef)
	width, sum := len(out)/(hi-lo), 0.0
	for i, row := range l.rows[lo:hi] {
		at := (i+1)*width - 1
		loss, d := valueGradient(out[at], r.value[row], r.ret[row], clip)
		sum += float64(loss)
		dOut[at] = d * rate
	}
	l.blocks[lo/l.block].valueLoss = sum // a field that policyLoss, on another core, leaves alone
}

// policyBatch is up to nn.Block samples of the policy, and what the loss computes for each of them on the way.
type policyBatch struct {
	n          int
	advantage  []float32
	oldLogProb [nn.Block]float32 // of the action, when it was taken

	logRatio [nn.Block]float32
	ratio    [nn.Block]float32
}

// head is one part of the actions of a policyBatch: an action that is one of a few has one, a multi-discrete action
// several.
type head struct {
	size   int // values that it can have
	action [nn.Block]int32

	top, log [nn.Block]float32 // largest logit, and the logarithm of Σ exp(logit - top)
	entropy  [nn.Block]float32
}

// surrogate returns one sample's clipped surrogate loss
//
//	max(-A ρ, -A clip(ρ, 1-ε, 1+ε)),    ρ = π(a|s) / π_old(a|s),
//
// (Schulman et al. 2017, equation 7) and its derivative with respect to log π(a|s).
func surrogate(advantage, ratio, clip float32) (loss, d float32) {
	free, held := -advantage*ratio, -advantage*max(1-clip, min(1+clip, ratio))
	d = free
	if held > free {
		d = 0
	}
	return max(free, held), d
}

// count adds a sample, but for its entropy.
func (s *stats) count(loss, ratio, logRatio, clip float32) {
	s.policyLoss += float64(loss)
	s.kl += float64(ratio - 1 - logRatio) // Schulman's low-variance estimate
	if ratio < 1-clip || ratio > 1+clip {
		s.clipped++
	}
}

// gradient writes to d [n][logits] the derivative with respect to the logits, those of the first head of a sample, then
// those of the second and so on (where more follow in a row, it spoils their place in d), of rate times the sum over the samples of
//
//	surrogate - c H,
//
// where H is the policy's entropy, and adds the samples to s. The parts of an action are independent: the logarithms of
// their probabilities and their entropies add up. It goes from step to step with all samples, so that exponentials and
// logarithms are taken many at a time.
func (b *policyBatch) gradient(d, logits []float32, heads []head, clip, entropyCoef, rate float32, s *stats) {
	width := len(logits) / b.n
	logRatio, ratio := b.logRatio[:b.n], b.ratio[:b.n]

	at := 0 // where in a row the head begins
	for h := range heads {
		head := &heads[h]
		size, top := head.size, head.top[:b.n]
		for i := range top {
			x, e := logits[i*width+at:][:size], d[i*width+at:][:size]
			t := x[0]
			for _, v := range x[1:] {
				t = max(t, v)
			}
			top[i] = t
			for j, v := range x {
				e[j] = v - t
			}
		}
		at += size
	}
	nn.ExpEach(d)
	at = 0
	for h := range heads {
		head := &heads[h]
		size, top, log, entropy := head.size, head.top[:b.n], head.log[:b.n], head.entropy[:b.n]
		for i := range log {
			p, sum := d[i*width+at:][:size], float32(0)
			for _, v := range p {
				sum += v
			}
			log[i] = sum
			inverse := 1 / sum
			for j := range p {
				p[j] *= inverse
			}
		}
		nn.LogEach(log)
		for i := range entropy {
			x, p, sum := logits[i*width+at:][:size], d[i*width+at:][:size], float32(0)
			for j, v := range p {
				sum -= v * (x[j] - top[i] - log[i])
			}
			entropy[i] = sum
			logRatio[i] += x[head.action[i]] - top[i] - log[i]
		}
		at += size
	}
	for i := range logRatio {
		logRatio[i] -= b.oldLogProb[i]
	}
	copy(ratio, logRatio)
	nn.ExpEach(ratio)

	for i, ratio := range ratio {
		loss, g := surrogate(b.advantage[i], ratio, clip)
		total := float32(0)
		at = 0
		for h := range heads {
			head := &heads[h]
			x, p := logits[i*width+at:][:head.size], d[i*width+at:][:head.size]
			top, log, entropy := head.top[i], head.log[i], head.entropy[i]
			for j, v := range p {
				p[j] = rate * v * (entropyCoef*(x[j]-top-log+entropy) - g)
			}
			p[head.action[i]] += rate * g
			total += entropy
			at += head.size
		}
		s.count(loss, ratio, logRatio[i], clip)
		s.entropy += float64(total)
	}
}

// valueGradient returns one sample's value loss
//
//	½ max((v-R)², (v_old + clip(v-v_old, ±ε) - R)²)
//
// and its derivative with respect to v.
func valueGradient(value, old, ret, clip float32) (loss, d float32) {
	free := value - ret
	if change := value - old; change < -clip || change > clip {
		held := old + max(-clip, min(clip, change)) - ret
		if held*held > free*free {
			return held * held / 2, 0 // the clipped value does not move with v
		}
	}
	return free * free / 2, free
}
