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
	normalized []float32 // advantage of each step of the rollout, normalised in its minibatch
	rate       float32   // 1 / rows in the minibatch

	blocks []stats // of each block of the minibatch
	total  stats   // of the update
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
	l.actor = nn.Job{Net: t.policy.actor, Batch: t.rollout.obs, Loss: l.policyLoss}
	l.critic = nn.Job{Net: t.policy.critic, Batch: t.rollout.obs, Loss: l.valueLoss}
}

// begin starts an update.
func (l *learner) begin() { l.total, l.norm, l.steps = stats{}, 0, 0 }

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
	adv := l.t.rollout.advantage
	if !l.t.cfg.NormalizeAdvantage {
		for _, r := range l.rows {
			l.normalized[r] = adv[r]
		}
		return
	}
	n, mean, sum := float64(len(l.rows)), 0.0, 0.0
	for _, r := range l.rows {
		mean += float64(adv[r])
	}
	mean /= n
	for _, r := range l.rows {
		d := float64(adv[r]) - mean
		sum += d * d
	}
	scale := 1 / (math.Sqrt(sum/(n-1)) + 1e-8)
	for _, r := range l.rows {
		l.normalized[r] = float32((float64(adv[r]) - mean) * scale)
	}
}

// policyLoss is the actor's loss for nn.Accumulate.
func (l *learner) policyLoss(lo, hi int, out, dOut []float32) {
	r, actions := &l.t.rollout, l.t.policy.Spec.Actions
	clip, entropy := float32(l.t.cfg.Clip), float32(l.t.cfg.EntropyCoef)
	s := &l.blocks[lo/nn.Block]
	for i, row := range l.rows[lo:hi] {
		logits, d := out[i*actions:(i+1)*actions], dOut[i*actions:(i+1)*actions]
		policyGradient(d, logits, int(r.action[row]), r.logProb[row], l.normalized[row], clip, entropy, s)
		for j := range d {
			d[j] *= l.rate
		}
	}
}

// valueLoss is the critic's loss for nn.Accumulate.
func (l *learner) valueLoss(lo, hi int, out, dOut []float32) {
	r := &l.t.rollout
	clip := float32(math.Inf(1))
	if l.t.cfg.ClipValue {
		clip = float32(l.t.cfg.Clip)
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

// policyGradient writes to d the derivative with respect to the logits of one sample's loss
//
//	max(-A ρ, -A clip(ρ, 1-ε, 1+ε)) - c H,    ρ = π(a|s) / π_old(a|s),
//
// (Schulman et al. 2017, equation 7; H is the policy's entropy) and adds the sample to s.
func policyGradient(d, logits []float32, action int, oldLogProb, advantage, clip, entropyCoef float32, s *stats) {
	top := logits[0]
	for _, x := range logits[1:] {
		top = max(top, x)
	}
	sum := float32(0)
	for j, x := range logits {
		d[j] = nn.Exp(x - top)
		sum += d[j]
	}
	log, inverse := float32(math.Log(float64(sum))), 1/sum
	entropy := float32(0)
	for j, x := range logits {
		d[j] *= inverse
		entropy -= d[j] * (x - top - log)
	}

	logRatio := logits[action] - top - log - oldLogProb
	ratio := nn.Exp(logRatio)
	free, held := -advantage*ratio, -advantage*max(1-clip, min(1+clip, ratio))
	g := free // the derivative with respect to log π(a|s)
	if held > free {
		g = 0
	}
	for j, x := range logits {
		p := d[j]
		d[j] = p * (entropyCoef*(x-top-log+entropy) - g)
	}
	d[action] += g

	s.policyLoss += float64(max(free, held))
	s.entropy += float64(entropy)
	s.kl += float64(ratio - 1 - logRatio) // Schulman's low-variance estimate
	if ratio < 1-clip || ratio > 1+clip {
		s.clipped++
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
