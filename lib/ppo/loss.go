package ppo

import (
	"math"

	"goalgap/lib/nn"
)

// learner takes the gradient steps of an update.
type learner struct {
	t      *Trainer
	actor  nn.Job
	critic nn.Job

	rows       []int32   // of the present minibatch
	normalized []float32 // advantage of each row of the minibatch, normalised
	rate       float32   // 1 / rows in the minibatch

	blocks []stats // of each block of the minibatch
	total  stats   // of the update
	before stats   // of the update's epochs before the present one
	norm   float64 // sum over the update's steps
	steps  int
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
	l.blocks = make([]stats, (batch+nn.Block-1)/nn.Block)
	l.actor = nn.Job{Net: t.policy.actor, Batch: t.rollout.seen, Loss: l.policyLoss}
	l.critic = nn.Job{Net: t.policy.critic, Batch: t.rollout.seen, Loss: l.valueLoss}
}

// begin starts an update.
func (l *learner) begin() { l.total, l.norm, l.steps = stats{}, 0, 0 }

// beginEpoch starts a pass over the rollout.
func (l *learner) beginEpoch() { l.before = l.total }

// tooFar says whether the policy moved beyond Config.TargetKL in the epoch that is over.
func (l *learner) tooFar() bool {
	limit := l.t.cfg.TargetKL
	return limit > 0 && (l.total.kl-l.before.kl)/float64(l.total.samples-l.before.samples) > limit
}

// step takes one gradient step on the given rows of the rollout.
func (l *learner) step(rows []int32) error {
	t := l.t
	l.rows, l.rate = rows, 1/float32(len(rows))
	l.normalize()
	blocks := l.blocks[:(len(rows)+nn.Block-1)/nn.Block]
	clear(blocks)
	l.actor.Rows, l.critic.Rows = rows, rows
	nn.Accumulate(l.actor, l.critic)
	norm := t.adam.Step(t.learningRate(), t.cfg.MaxGradNorm)
	var sum stats
	for _, b := range blocks {
		sum.add(b)
	}
	switch n := float64(len(rows)); {
	case !finite(sum.policyLoss):
		return t.diverged("the policy loss", sum.policyLoss/n)
	case !finite(sum.valueLoss):
		return t.diverged("the value loss", sum.valueLoss/n)
	case !finite(norm):
		return t.diverged("the norm of the gradient", norm)
	}
	sum.samples = len(rows)
	l.total.add(sum)
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

// policyLoss is the actor's loss for nn.Accumulate.
func (l *learner) policyLoss(lo, hi int, out, dOut []float32) {
	r := &l.t.rollout
	var x policyBatch
	x.n, x.advantage = hi-lo, l.normalized[lo:hi]
	for i, row := range l.rows[lo:hi] {
		x.action[i], x.oldLogProb[i] = r.action[row], r.logProb[row]
	}
	x.gradient(dOut, out, l.t.clip(), float32(l.t.cfg.EntropyCoef), l.rate, &l.blocks[lo/nn.Block])
}

// valueLoss is the critic's loss for nn.Accumulate.
func (l *learner) valueLoss(lo, hi int, out, dOut []float32) {
	r := &l.t.rollout
	clip := float32(math.Inf(1))
	if l.t.cfg.ClipValue {
		clip = l.t.clip()
	}
	rate := l.rate * float32(l.t.cfg.ValueCoef)
	sum := 0.0
	for i, row := range l.rows[lo:hi] {
		loss, d := valueGradient(out[i], r.value[row], r.ret[row], clip)
		sum += float64(loss)
		dOut[i] = d * rate
	}
	l.blocks[lo/nn.Block].valueLoss = sum // a field that policyLoss, on another core, leaves alone
}

// policyBatch is up to nn.Block samples of the policy, and what the loss computes for each of them on the way.
type policyBatch struct {
	n          int
	advantage  []float32
	action     [nn.Block]int32
	oldLogProb [nn.Block]float32 // of the action, when it was taken

	top, log [nn.Block]float32 // largest logit, and the logarithm of Σ exp(logit - top)
	entropy  [nn.Block]float32
	logRatio [nn.Block]float32
	ratio    [nn.Block]float32
}

// gradient writes to d [n][actions] the derivative with respect to the logits [n][actions] of rate times the sum over
// the samples of
//
//	max(-A ρ, -A clip(ρ, 1-ε, 1+ε)) - c H,    ρ = π(a|s) / π_old(a|s),
//
// (Schulman et al. 2017, equation 7; H is the policy's entropy) and adds the samples to s. It goes from step to step
// with all samples, so that exponentials and logarithms are taken many at a time.
func (b *policyBatch) gradient(d, logits []float32, clip, entropyCoef, rate float32, s *stats) {
	actions := len(logits) / b.n
	top, log, entropy, logRatio, ratio := b.top[:b.n], b.log[:b.n], b.entropy[:b.n], b.logRatio[:b.n], b.ratio[:b.n]
	row := func(x []float32, i int) []float32 { return x[i*actions : (i+1)*actions : (i+1)*actions] }

	for i := range top {
		x := row(logits, i)
		t := x[0]
		for _, v := range x[1:] {
			t = max(t, v)
		}
		top[i] = t
		for j, v := range x {
			d[i*actions+j] = v - t
		}
	}
	nn.ExpEach(d)
	for i := range log {
		p, sum := row(d, i), float32(0)
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
		x, p, h := row(logits, i), row(d, i), float32(0)
		for j, v := range p {
			h -= v * (x[j] - top[i] - log[i])
		}
		entropy[i] = h
		logRatio[i] = x[b.action[i]] - top[i] - log[i] - b.oldLogProb[i]
	}
	copy(ratio, logRatio)
	nn.ExpEach(ratio)

	for i, ratio := range ratio {
		advantage := b.advantage[i]
		free, held := -advantage*ratio, -advantage*max(1-clip, min(1+clip, ratio))
		g := free // the derivative with respect to log π(a|s)
		if held > free {
			g = 0
		}
		x, p := row(logits, i), row(d, i)
		for j, v := range p {
			p[j] = rate * v * (entropyCoef*(x[j]-top[i]-log[i]+entropy[i]) - g)
		}
		p[b.action[i]] += rate * g

		s.policyLoss += float64(max(free, held))
		s.entropy += float64(entropy[i])
		s.kl += float64(ratio - 1 - logRatio[i]) // Schulman's low-variance estimate
		if ratio < 1-clip || ratio > 1+clip {
			s.clipped++
		}
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
