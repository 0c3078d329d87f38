package ppo

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"

	"goalgap/lib/env"
	"goalgap/lib/internal/fork"
	"goalgap/lib/nn"
	"goalgap/lib/rng"
)

// rollout is what the environments did between two updates. Row t·envs+i is step t of environment i.
type rollout struct {
	envs, steps int

	obs, next env.Batch
	seen      env.Batch // obs as the networks see it: normalised, or obs itself
	action    []int32   // [rows][Spec.Width()], where actions are discrete or multi-discrete
	logProb   []float32 // of the action, when it was taken
	reward    []float32 // to learn from
	own       []float32 // the environment's own
	end       []env.End

	value     []float32 // of obs, by the value network of that time
	nextValue []float32 // of next; 0 where the episode terminated
	advantage []float32
	ret       []float32 // the return to predict: advantage + value

	continuous []float32 // [rows][Spec.Continuous], as drawn
	clipped    []float32 // the same as environments are handed them, for a Rewarder; nil where there is none

	// Of policies with a memory.
	state   []float32 // [envs][Policy.Memory], what is remembered now of each environment's episode
	initial []float32 // the same before the rollout's first step
	begin   []bool    // [rows], whether an episode begins there that began not with the rollout

	ahead      env.Batch // those of next whose value is not the value of the following row
	aheadIndex []int32
	aheadValue []float32
}

func newRollout(spec env.Spec, envs, steps int, normalize bool, memory int) rollout {
	n := envs * steps
	r := rollout{
		envs: envs, steps: steps,
		obs: env.NewBatch(spec, n), next: env.NewBatch(spec, n),
		end: make([]env.End, n),
	}
	if spec.Continuous > 0 {
		r.continuous = make([]float32, n*spec.Continuous)
	} else {
		r.action = make([]int32, n*spec.Width())
	}
	if memory > 0 {
		r.state, r.initial, r.begin = make([]float32, envs*memory), make([]float32, envs*memory), make([]bool, n)
	}
	r.seen = r.obs
	if normalize {
		r.seen.Features = make([]float32, len(r.obs.Features))
	}
	for _, s := range []*[]float32{&r.logProb, &r.reward, &r.own, &r.value, &r.nextValue, &r.advantage, &r.ret} {
		*s = make([]float32, n)
	}
	return r
}

// group is a range of environments that one core steps through a whole rollout, with a policy network of its own.
// Environments do not see each other, so what happens in one does not depend on its group.
type group struct {
	lo, hi int
	actor  *nn.Net
	random []*rand.Rand // for the actions of each environment
	pcg    []*rand.PCG

	// The next random number of environment lo+i.
	uniform, normal func(i int) float32

	// Of policies with a memory: what follows the steps after which nothing does in the rollout, as the network sees it.
	ahead      env.Batch
	aheadState []float32
	aheadRow   []int

	failed int // row of the rollout in which the policy chose an action that is not finite; -1 if in none
}

// makeGroups divides the environments among the cores, two or more to each.
func (t *Trainer) makeGroups() {
	n := max(1, min(runtime.GOMAXPROCS(0), t.cfg.Envs/2))
	for i := range n {
		g := group{lo: t.cfg.Envs * i / n, hi: t.cfg.Envs * (i + 1) / n, actor: t.policy.actor.Replica()}
		for e := g.lo; e < g.hi; e++ {
			pcg := rng.NewSource(t.cfg.Seed, "actions", e)
			g.pcg = append(g.pcg, pcg)
			g.random = append(g.random, rand.New(pcg))
		}
		random := g.random
		g.uniform = func(i int) float32 { return random[i].Float32() }
		g.normal = func(i int) float32 { return float32(random[i].NormFloat64()) }
		if memory := t.policy.Memory; memory > 0 {
			n := g.hi - g.lo
			g.ahead, g.aheadState, g.aheadRow = env.NewBatch(t.policy.Spec, n), make([]float32, n*memory), make([]int, n)
		}
		t.groups = append(t.groups, g)
	}
	t.act = fork.New(t.collectGroup)
}

// collect fills the rollout with the policy's play. It returns an error if a continuous action is not finite.
func (t *Trainer) collect() error {
	copy(t.rollout.initial, t.rollout.state)
	t.act.Do(len(t.groups))
	row := -1 // the first, whatever the groups
	for _, g := range t.groups {
		if g.failed >= 0 && (row < 0 || g.failed < row) {
			row = g.failed
		}
	}
	if row < 0 {
		return nil
	}
	r, k := &t.rollout, t.policy.Spec.Continuous
	action := r.continuous[row*k : (row+1)*k]
	return t.diverged(fmt.Sprintf("an action at step %d of environment %d", row/r.envs, row%r.envs), float64(action[notFinite(action)]))
}

// collectGroup does so for one group.
func (t *Trainer) collectGroup(number int) {
	g, r, v := &t.groups[number], &t.rollout, t.vec
	k, width := t.policy.Spec.Continuous, t.policy.Spec.Width()
	g.failed = -1
	for step := range r.steps {
		lo, hi := step*r.envs+g.lo, step*r.envs+g.hi
		copyRows(r.obs, lo, v.Obs, g.lo, g.hi)
		seen := r.seen.Slice(lo, hi)
		if z := t.policy.normalizer; z != nil {
			z.apply(seen.Features, r.obs.Slice(lo, hi).Features)
		}
		var out []float32
		if memory := t.policy.Memory; memory > 0 {
			out = g.actor.Step(seen, r.state[g.lo*memory:g.hi*memory])
		} else {
			out = g.actor.Forward(seen)
		}
		if t.policy.Shared {
			out = withoutValues(r.value[lo:hi], out, hi-lo)
		}
		if k > 0 {
			actions := r.continuous[lo*k : hi*k]
			sampleGaussian(actions, r.logProb[lo:hi], out, g.actor.LogStd(), g.normal)
			if i := notFinite(actions); i >= 0 {
				g.failed = lo + i/k
				return
			}
			v.StepRangeContinuous(g.lo, g.hi, r.continuous[step*r.envs*k:(step+1)*r.envs*k])
		} else {
			sample(r.action[lo*width:hi*width], r.logProb[lo:hi], out, t.policy.heads, g.uniform)
			v.StepRange(g.lo, g.hi, r.action[step*r.envs*width:(step+1)*r.envs*width])
		}
		copyRows(r.next, lo, v.Next, g.lo, g.hi)
		copy(r.own[lo:hi], v.Reward[g.lo:g.hi])
		copy(r.end[lo:hi], v.End[g.lo:g.hi])
		if t.policy.Memory > 0 {
			t.remember(g, step)
		}
	}
}

// remember does after one step of a group what a policy with a memory needs: where a time limit cut an episode, or the
// rollout is over, it values what follows with what is remembered then, which is not kept, and where an episode ended it
// forgets.
func (t *Trainer) remember(g *group, step int) {
	r, w, n := &t.rollout, t.policy.Memory, 0
	for e := g.lo; e < g.hi; e++ {
		row := step*r.envs + e
		state := r.state[e*w : (e+1)*w]
		end, last := r.end[row], step == r.steps-1
		if end == env.Truncated || end == env.Running && last {
			g.ahead.CopyRow(n, r.next, row)
			copy(g.aheadState[n*w:(n+1)*w], state)
			g.aheadRow[n] = row
			n++
		}
		if end != env.Running {
			clear(state)
		}
		if !last {
			r.begin[row+r.envs] = end != env.Running
		}
	}
	if n == 0 {
		return
	}
	ahead := g.ahead.Slice(0, n)
	if z := t.policy.normalizer; z != nil {
		z.apply(ahead.Features, ahead.Features)
	}
	out := g.actor.Step(ahead, g.aheadState[:n*w])
	for i, row := range g.aheadRow[:n] {
		r.nextValue[row] = out[(i+1)*len(out)/n-1]
	}
}

// copyRows copies rows lo .. hi-1 of src to dst, from row at on.
func copyRows(dst env.Batch, at int, src env.Batch, lo, hi int) {
	copy(dst.Active[at*dst.MaxActive:], src.Active[lo*src.MaxActive:hi*src.MaxActive])
	copy(dst.Features[at*dst.Dense:], src.Features[lo*src.Dense:hi*src.Dense])
}

// sample draws an action [heads] from the softmax of each row of logits, which has heads[0] logits of an action's first
// part, then those of its second and so on. uniform(i) is in [0, 1) for row i and asked for in order, once a part. The
// logarithms of the actions' probabilities are written to logProb, unless that is nil. It goes from step to step with
// many rows, so that exponentials and logarithms are taken many at a time. A part's probability below leastProbability
// counts as that. The logits are overwritten.
func sample(action []int32, logProb, logits []float32, heads []int, uniform func(i int) float32) {
	parts, width := len(heads), 0
	for _, size := range heads {
		width += size
	}
	rows := len(action) / parts
	block := nn.Block / parts
	for lo := 0; lo < rows; lo += block {
		n := min(block, rows-lo)
		var chosen [nn.Block]float32 // probability of each part of the action
		x := logits[lo*width : (lo+n)*width]
		for row := x; len(row) > 0; {
			for _, size := range heads {
				part := row[:size]
				top := part[0]
				for _, v := range part[1:] {
					top = max(top, v)
				}
				for j := range part {
					part[j] -= top
				}
				row = row[size:]
			}
		}
		nn.ExpEach(x)
		row := x
		for k := range n * parts {
			part, total := row[:heads[k%parts]], float32(0)
			row = row[len(part):]
			for _, v := range part {
				total += v
			}
			u, below, a := uniform(lo+k/parts)*total, float32(0), 0
			for j, v := range part {
				if v > 0 {
					a = j // where rounding leaves the sum at u, the last possible action
				}
				if below += v; u < below {
					break
				}
			}
			action[lo*parts+k], chosen[k] = int32(a), max(part[a]/total, leastProbability)
		}
		if logProb != nil {
			nn.LogEach(chosen[:n*parts])
			for i := range n {
				sum := chosen[i*parts]
				for _, l := range chosen[i*parts+1 : (i+1)*parts] {
					sum += l
				}
				logProb[lo+i] = sum
			}
		}
	}
}

// leastProbability is the smallest normal float32, below which numbers have fewer digits.
const leastProbability = 0x1p-126

// observed returns an error if an observation is not finite.
func (t *Trainer) observed() error {
	r := &t.rollout
	for _, b := range []env.Batch{r.obs, r.next} {
		zero := float32(0) // times a number that is not finite it is NaN
		for _, x := range b.Features {
			zero += x * 0
		}
		if zero == 0 {
			continue
		}
		for i, x := range b.Features {
			if row := i / b.Dense; !finite(float64(x)) {
				return fmt.Errorf("ppo: feature %d of the observation at step %d of environment %d in update %d of %d is %v; an observation must be finite: look at Observe of %s",
					i%b.Dense, row/r.envs, row%r.envs, t.update+1, t.updates, x, t.policy.Spec.Name)
			}
		}
	}
	return nil
}

// reward determines the rewards to learn from and counts both kinds for the curve.
func (t *Trainer) reward() error {
	r := &t.rollout
	switch model, ok := t.cfg.Reward.(ContinuousRewarder); {
	case t.cfg.Reward == nil:
		copy(r.reward, r.own)
	case ok && r.clipped != nil:
		copy(r.clipped, r.continuous)
		t.policy.Spec.ClipAction(r.clipped)
		model.RewardsContinuous(r.reward, r.obs, r.clipped, r.next, r.end)
	default:
		t.cfg.Reward.Rewards(r.reward, r.obs, r.action, r.next, r.end)
	}
	for i, x := range r.reward {
		if !finite(float64(x)) {
			return fmt.Errorf("ppo: the reward of step %d of environment %d in update %d of %d is %v; a reward must be finite",
				i/r.envs, i%r.envs, t.update+1, t.updates, x)
		}
	}
	t.episodes.count(r)
	if t.cfg.ScaleReward {
		t.scale.apply(r, t.cfg.Gamma)
	}
	return nil
}

// estimate computes values, advantages and returns.
func (t *Trainer) estimate() error {
	r := &t.rollout
	if !t.policy.Shared { // a shared network has valued the observations when it acted on them
		t.policy.values(r.value, r.seen)
	}
	r.lookAhead(t.policy)
	gae(r, float32(t.cfg.Gamma), float32(t.cfg.Lambda))
	for i, a := range r.advantage {
		r.ret[i] = a + r.value[i]
		if !finite(float64(a)) {
			return t.diverged("an advantage", float64(a))
		}
	}
	return nil
}

// lookAhead fills nextValue. Within an episode the value of the next state is that of the following row; where a time
// limit cut the episode, or the rollout is over, it is computed, unless the policy has a memory: remember did so.
func (r *rollout) lookAhead(p *Policy) {
	n := len(r.value)
	r.aheadIndex = r.aheadIndex[:0]
	for i, end := range r.end {
		switch {
		case end == env.Terminated:
			r.nextValue[i] = 0
		case end == env.Running && i+r.envs < n:
			r.nextValue[i] = r.value[i+r.envs]
		default:
			r.aheadIndex = append(r.aheadIndex, int32(i))
		}
	}
	if p.Memory > 0 {
		return
	}
	b := env.Batch{
		N: len(r.aheadIndex), MaxActive: r.next.MaxActive, Dense: r.next.Dense,
		Active: r.ahead.Active[:0], Features: r.ahead.Features[:0],
	}
	for _, i := range r.aheadIndex {
		active, dense := r.next.Row(int(i))
		b.Active, b.Features = append(b.Active, active...), append(b.Features, dense...)
	}
	r.ahead = b
	if p.normalizer != nil {
		p.normalizer.apply(b.Features, b.Features)
	}
	if cap(r.aheadValue) < b.N {
		r.aheadValue = make([]float32, b.N)
	}
	r.aheadValue = r.aheadValue[:b.N]
	p.values(r.aheadValue, b)
	for j, v := range r.aheadValue {
		r.nextValue[r.aheadIndex[j]] = v
	}
}

// gae computes the advantages: generalised advantage estimation (Schulman et al. 2016, equations 11 and 16),
//
//	δₜ = rₜ + γ V(sₜ₊₁) - V(sₜ),    Aₜ = δₜ + γλ Aₜ₊₁,
//
// where V(sₜ₊₁) is 0 after a termination and the sum stops at the end of an episode.
func gae(r *rollout, gamma, lambda float32) {
	for i := len(r.reward) - 1; i >= 0; i-- {
		a := r.reward[i] + gamma*r.nextValue[i] - r.value[i]
		if r.end[i] == env.Running && i+r.envs < len(r.reward) {
			a += gamma * lambda * r.advantage[i+r.envs]
		}
		r.advantage[i] = a
	}
}

// scale divides rewards by the running deviation of the discounted return, as VecNormalize of OpenAI baselines does
// (detail 8 of continuous actions in Huang et al. 2022; used for procgen).
type scale struct {
	ret             []float64 // discounted return so far, of each environment
	mean, variance  float64
	count           float64
	smallest, limit float64
}

func newScale(envs int) scale {
	// The initial count and variance, the addend and the limit of baselines' RunningMeanStd and VecNormalize.
	return scale{ret: make([]float64, envs), variance: 1, count: 1e-4, smallest: 1e-8, limit: 10}
}

// apply scales a rollout's rewards.
func (s *scale) apply(r *rollout, gamma float64) {
	for lo := 0; lo < len(r.reward); lo += r.envs {
		rewards, end := r.reward[lo:lo+r.envs], r.end[lo:lo+r.envs]
		for i, x := range rewards {
			s.ret[i] = s.ret[i]*gamma + float64(x)
		}
		s.observe(s.ret)
		divisor := math.Sqrt(s.variance + s.smallest)
		for i, x := range rewards {
			rewards[i] = float32(max(-s.limit, min(s.limit, float64(x)/divisor)))
			if end[i] != env.Running {
				s.ret[i] = 0
			}
		}
	}
}

// observe adds a batch to the running mean and variance (Chan, Golub and LeVeque 1979).
func (s *scale) observe(x []float64) {
	n := float64(len(x))
	mean, sum := 0.0, 0.0
	for _, v := range x {
		mean += v / n
	}
	for _, v := range x {
		sum += (v - mean) * (v - mean)
	}
	delta, total := mean-s.mean, s.count+n
	s.variance = (s.variance*s.count + sum + delta*delta*s.count*n/total) / total
	s.mean += delta * n / total
	s.count = total
}
