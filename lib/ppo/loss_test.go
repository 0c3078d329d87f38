package ppo

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/cartpole"
	"goalgap/lib/nn"
)

// logSoftmax64 is the logarithm of the softmax in float64.
func logSoftmax64(x []float64) []float64 {
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(v)
	}
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = v - math.Log(sum)
	}
	return out
}

// policyLoss64 is one sample's loss and entropy, written down from the paper.
func policyLoss64(logits []float64, action int, oldLogProb, advantage, clip, entropyCoef float64) (loss, entropy, ratio float64) {
	lp := logSoftmax64(logits)
	for _, l := range lp {
		entropy -= math.Exp(l) * l
	}
	ratio = math.Exp(lp[action] - oldLogProb)
	clipped := math.Min(math.Max(ratio, 1-clip), 1+clip)
	return -math.Min(ratio*advantage, clipped*advantage) - entropyCoef*entropy, entropy, ratio
}

func TestPolicyGradientAgainstFiniteDifferences(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	seen := map[string]int{}
	for range 3000 {
		n := 2 + r.IntN(6)
		logits, wide := make([]float32, n), make([]float64, n)
		for i := range logits {
			logits[i] = float32(r.NormFloat64())
			wide[i] = float64(logits[i])
		}
		action, advantage, old := r.IntN(n), r.NormFloat64(), logSoftmax64(wide)
		oldLogProb := float64(float32(old[action] + 0.3*r.NormFloat64()))
		const clip, entropyCoef, h = 0.2, 0.05, 1e-6
		_, _, ratio := policyLoss64(wide, action, oldLogProb, advantage, clip, entropyCoef)
		if math.Abs(ratio-1.2) < 1e-4 || math.Abs(ratio-0.8) < 1e-4 {
			continue // a kink
		}
		seen[fmt.Sprintf("%v %v %v", ratio < 0.8, ratio > 1.2, advantage > 0)]++
		d := make([]float32, n)
		var s stats
		b := policyBatch{n: 1, advantage: []float32{float32(advantage)}}
		heads := []head{{size: n}}
		heads[0].action[0], b.oldLogProb[0] = int32(action), float32(oldLogProb)
		b.gradient(d, logits, heads, clip, entropyCoef, 1, &s)
		for i := range d {
			was := wide[i]
			wide[i] = was + h
			above, _, _ := policyLoss64(wide, action, oldLogProb, advantage, clip, entropyCoef)
			wide[i] = was - h
			below, _, _ := policyLoss64(wide, action, oldLogProb, advantage, clip, entropyCoef)
			wide[i] = was
			if want := (above - below) / (2 * h); math.Abs(float64(d[i])-want) > 1e-5*max(1, math.Abs(want)) {
				t.Fatalf("ratio %v, advantage %v: derivative %v, by differences %v", ratio, advantage, d[i], want)
			}
		}
	}
	if len(seen) != 6 {
		t.Errorf("cases met: %v, want ratios below, inside and above the clip range with advantages of both signs", seen)
	}
}

func TestValueGradientAgainstFiniteDifferences(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	loss := func(v, old, ret, clip float64) float64 {
		c := old + math.Min(math.Max(v-old, -clip), clip)
		return 0.5 * math.Max((v-ret)*(v-ret), (c-ret)*(c-ret))
	}
	for range 3000 {
		v, old, ret := r.NormFloat64(), r.NormFloat64(), r.NormFloat64()
		clip := []float64{0.2, 1, math.Inf(1)}[r.IntN(3)]
		const h = 1e-6
		below, here, above := loss(v-h, old, ret, clip), loss(v, old, ret, clip), loss(v+h, old, ret, clip)
		if math.Abs(above-2*here+below) > 1e-9 {
			continue // a kink
		}
		gotLoss, got := valueGradient(float32(v), float32(old), float32(ret), float32(clip))
		if want := (above - below) / (2 * h); math.Abs(float64(got)-want) > 1e-5 || math.Abs(float64(gotLoss)-here) > 1e-5 {
			t.Fatalf("v %v, old %v, return %v, clip %v: loss %v, derivative %v; want %v, %v", v, old, ret, clip, gotLoss, got, here, want)
		}
	}
}

// Two environments, three steps, γ = 0.5, λ = 0.5, so γλ = 0.25. By hand, from the last step back:
//
// Environment 0: rewards 1, 2, 3; values 1, 2, 4; running throughout, and the state after the end is worth 6.
//
//	δ₂ = 3 + 0.5·6 - 4 = 2      A₂ = 2
//	δ₁ = 2 + 0.5·4 - 2 = 2      A₁ = 2 + 0.25·2 = 2.5
//	δ₀ = 1 + 0.5·2 - 1 = 1      A₀ = 1 + 0.25·2.5 = 1.625
//
// Environment 1: rewards 1, 5, 1; values 2, 3, 1; truncated at step 0 in a state worth 8; terminated at step 1; step 2
// is the first of a new episode, and the state after it is worth 4.
//
//	δ₂ = 1 + 0.5·4 - 1 = 2      A₂ = 2
//	δ₁ = 5 + 0 - 3 = 2          A₁ = 2
//	δ₀ = 1 + 0.5·8 - 2 = 3      A₀ = 3
func TestAdvantagesByHand(t *testing.T) {
	r := rollout{
		envs: 2, steps: 3,
		reward:    []float32{1, 1, 2, 5, 3, 1},
		value:     []float32{1, 2, 2, 3, 4, 1},
		nextValue: []float32{2, 8, 4, 0, 6, 4},
		end:       []env.End{env.Running, env.Truncated, env.Running, env.Terminated, env.Running, env.Running},
		advantage: make([]float32, 6),
	}
	gae(&r, 0.5, 0.5)
	for i, want := range []float32{1.625, 3, 2.5, 2, 2, 2} {
		if r.advantage[i] != want {
			t.Errorf("advantage of step %d of environment %d is %v, want %v", i/2, i%2, r.advantage[i], want)
		}
	}
}

// The value that stands in for what follows: 0 after a termination, that of the state before the reset at a truncation
// and at the rollout's end, and otherwise that of the next row.
func TestValuesOfSuccessors(t *testing.T) {
	cfg := Default()
	cfg.Envs, cfg.Rollout, cfg.Steps = 3, 100, 300
	tr, err := NewTrainer(func() (env.Env, error) { return &counter{limit: 7}, nil }, env.Levels{}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	tr.collect()
	if err := tr.reward(); err != nil {
		t.Fatal(err)
	}
	if err := tr.estimate(); err != nil {
		t.Fatal(err)
	}
	r := &tr.rollout
	values, n := make([]float32, 300), map[env.End]int{}
	tr.policy.Values(values, r.next)
	for i, end := range r.end {
		n[end]++
		want := values[i]
		if end == env.Terminated {
			want = 0
		}
		if r.nextValue[i] != want {
			t.Fatalf("row %d, %v: %v, want %v", i, end, r.nextValue[i], want)
		}
	}
	if n[env.Terminated] == 0 || n[env.Truncated] == 0 {
		t.Errorf("ends met: %v", n)
	}
}

// counter is a world for tests: action 1 counts up and pays 1, action 0 pays nothing; at 5 it terminates, after limit
// steps it is truncated. It shows the count (one-hot) and the step (dense).
type counter struct {
	count, steps, limit int
}

func (c *counter) Spec() env.Spec {
	return env.Spec{Name: "counter", Actions: 2, Sparse: 6, MaxActive: 1, Dense: 1, MaxSteps: c.limit}
}
func (c *counter) Reset(seed int64) { c.count, c.steps = int(seed%3), 0 }
func (c *counter) Step(action int) (float32, env.End) {
	c.count += action
	c.steps++
	switch {
	case c.count == 5:
		return float32(action), env.Terminated
	case c.steps == c.limit:
		return float32(action), env.Truncated
	}
	return float32(action), env.Running
}
func (c *counter) Observe(active []int32, dense []float32) {
	active[0], dense[0] = int32(c.count), float32(c.steps)/10
}

// mlp64 is a network in float64, made from the tensors of a file.
type mlp64 [][2][]float64 // weights and biases of each layer

func newMLP64(tensors map[string]nn.Tensor) (m mlp64) {
	for i := 0; ; i++ {
		w, ok := tensors[fmt.Sprintf("layer%d.weight", i)]
		if !ok {
			return m
		}
		var l [2][]float64
		for j, x := range [][]float32{w.Data.([]float32), tensors[fmt.Sprintf("layer%d.bias", i)].Data.([]float32)} {
			for _, v := range x {
				l[j] = append(l[j], float64(v))
			}
		}
		m = append(m, l)
	}
}

func (m mlp64) run(x []float64) []float64 {
	for i, l := range m {
		y := append([]float64(nil), l[1]...)
		for k, v := range x {
			for j := range y {
				y[j] += v * l[0][k*len(y)+j]
			}
		}
		if i < len(m)-1 {
			for j := range y {
				y[j] = math.Tanh(y[j])
			}
		}
		x = y
	}
	return x
}

// One gradient step on a tiny batch, against the whole loss written down in float64, its gradient by differences, the
// clipping of the gradient's norm, and the first step of Adam.
func TestUpdateAgainstFloat64(t *testing.T) {
	cfg := Default()
	cfg.Envs, cfg.Rollout, cfg.Steps, cfg.Minibatches, cfg.Epochs = 2, 8, 16, 1, 1
	cfg.Hidden, cfg.LearningRate, cfg.Anneal = []int{5, 4}, 1e-2, false
	cfg.EntropyCoef, cfg.MaxGradNorm = 0.03, 0.2
	tr, err := NewTrainer(cartpole.Make, env.Levels{}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	tr.collect()
	tr.learn.begin()
	r, random := &tr.rollout, rand.New(rand.NewPCG(1, 3))
	for i := range r.advantage { // what would be typical in the midst of training
		r.advantage[i] = float32(random.NormFloat64() * 3)
		r.value[i] = float32(random.NormFloat64())
		r.ret[i] = float32(random.NormFloat64())
		r.logProb[i] += float32(0.3 * random.NormFloat64())
		for j := range 4 {
			r.obs.Features[4*i+j] = float32(random.NormFloat64())
		}
	}
	rows := []int32{3, 14, 1, 5, 9, 2, 6, 11}
	actor, critic := newMLP64(tr.policy.actor.Tensors()), newMLP64(tr.policy.critic.Tensors())

	mean, variance := 0.0, 0.0
	for _, row := range rows {
		mean += float64(r.advantage[row]) / 8
	}
	for _, row := range rows {
		variance += math.Pow(float64(r.advantage[row])-mean, 2) / 7
	}
	var policyLoss, valueLoss, entropy, kl, clipped float64 // of the last call of loss
	loss := func() float64 {
		policyLoss, valueLoss, entropy, kl, clipped = 0, 0, 0, 0, 0
		for _, row := range rows {
			x := make([]float64, 4)
			for j := range x {
				x[j] = float64(r.obs.Features[4*int(row)+j])
			}
			advantage := (float64(r.advantage[row]) - mean) / (math.Sqrt(variance) + 1e-8)
			l, h, ratio := policyLoss64(actor.run(x), int(r.action[row]), float64(r.logProb[row]), advantage, 0.2, 0)
			v, old, ret := critic.run(x)[0], float64(r.value[row]), float64(r.ret[row])
			held := old + math.Min(math.Max(v-old, -0.2), 0.2)
			policyLoss += l / 8
			entropy += h / 8
			kl += (ratio - 1 - math.Log(ratio)) / 8
			valueLoss += 0.5 * math.Max((v-ret)*(v-ret), (held-ret)*(held-ret)) / 8
			if ratio < 0.8 || ratio > 1.2 {
				clipped++
			}
		}
		return policyLoss - 0.03*entropy + 0.5*valueLoss
	}
	var params []*float64
	var gradient []float64
	for _, m := range []mlp64{actor, critic} {
		for _, l := range m {
			for _, x := range l {
				for i := range x {
					params = append(params, &x[i])
				}
			}
		}
	}
	norm := 0.0
	for _, p := range params {
		const h = 1e-6
		was := *p
		*p = was + h
		above := loss()
		*p = was - h
		below := loss()
		*p = was
		g := (above - below) / (2 * h)
		gradient = append(gradient, g)
		norm += g * g
	}
	norm = math.Sqrt(norm)
	if norm < 0.2 {
		t.Fatalf("the gradient's norm %v is not clipped in this test", norm)
	}
	loss()
	for i, p := range params {
		g := gradient[i] * 0.2 / norm
		*p -= 1e-2 * g / (math.Abs(g) + 1e-5) // Adam's first step: m̂ = g, v̂ = g²
	}

	if err := tr.learn.step(rows); err != nil {
		t.Fatal(err)
	}
	s := tr.learn.total
	for what, x := range map[string][2]float64{
		"policy loss": {s.policyLoss / 8, policyLoss}, "value loss": {s.valueLoss / 8, valueLoss},
		"entropy": {s.entropy / 8, entropy}, "KL": {s.kl / 8, kl}, "clipped": {float64(s.clipped), clipped},
		"norm": {tr.learn.norm, norm},
	} {
		if math.Abs(x[0]-x[1]) > 1e-5*max(1, math.Abs(x[1])) {
			t.Errorf("%s is %v, want %v", what, x[0], x[1])
		}
	}
	i := 0
	for _, m := range []mlp64{newMLP64(tr.policy.actor.Tensors()), newMLP64(tr.policy.critic.Tensors())} {
		for _, l := range m {
			for _, x := range l {
				for _, got := range x {
					// An error of 1e-7 in a gradient near 0 moves Adam's first step by up to 1e-7/1e-5 of its length.
					if want := *params[i]; math.Abs(got-want) > 0.02*1e-2 {
						t.Errorf("parameter %d is %v, want %v (gradient %v)", i, got, want, gradient[i])
					}
					i++
				}
			}
		}
	}
}

// One environment, γ = 0.5, rewards 2, 4 (an episode's end) and 1: discounted returns 2, 1 + 4 = 5, then 1.
//
// The statistics start with count c = 0.0001, mean 0 and variance 1, and take in one number x at a time: d = x - mean,
// total = c + 1, mean += d/total, variance = (variance·c + d²·c/total)/total, c = total.
func TestRewardScalingByHand(t *testing.T) {
	s := newScale(1)
	r := rollout{
		envs: 1, steps: 3, reward: []float32{2, 4, 1},
		end: []env.End{env.Running, env.Terminated, env.Running},
	}
	s.apply(&r, 0.5)
	c, mean, variance := 1e-4, 0.0, 1.0
	for i, x := range []float64{2, 5, 1} {
		d := x - mean
		variance = (variance*c + d*d*c/(c+1)) / (c + 1)
		mean += d / (c + 1)
		c++
		want := math.Min(10, []float64{2, 4, 1}[i]/math.Sqrt(variance+1e-8))
		if math.Abs(float64(r.reward[i])-want) > 1e-5 {
			t.Errorf("reward %d scaled to %v, want %v", i, r.reward[i], want)
		}
	}
}

func TestUpdatesDoNotAllocate(t *testing.T) {
	for name, makeEnv := range kinds {
		cfg := Default()
		cfg.Envs, cfg.Rollout, cfg.Steps, cfg.ScaleReward = 8, 64, 1<<20, true
		if name == "continuous" {
			cfg.Reward = &pull{t: t}
		}
		tr, err := NewTrainer(makeEnv, env.Levels{}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		tr.curve = make([]Point, 0, 100)
		update := func() {
			if err := tr.runUpdate(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		for range 5 {
			update()
		}
		if n := testing.AllocsPerRun(20, update); n > 0 {
			t.Errorf("%s: %v allocations an update", name, n)
		}
	}
}

// AllocsPerRun looks at one core only. With several, and minibatches that are cut into parts, the runtime may allocate
// now and then for itself; an update that allocated would do so every time.
func TestUpdatesOnSeveralCoresDoNotAllocate(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	for name, makeEnv := range kinds {
		cfg := Default()
		cfg.Envs, cfg.Rollout, cfg.Minibatches, cfg.Epochs = 64, 32, 2, 1
		const updates = 30
		tr := warm(t, makeEnv, cfg, 2*updates)
		tr.curve = make([]Point, len(tr.curve), 100)
		least := uint64(math.MaxUint64)
		for range 2 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range updates {
				if err := tr.runUpdate(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
			runtime.ReadMemStats(&after)
			least = min(least, after.Mallocs-before.Mallocs)
		}
		if least >= updates {
			t.Errorf("%s: %d allocations in %d updates", name, least, updates)
		}
	}
}

// Drawn by hand from the logits ln 1, ln 3 and ln 4: the actions' probabilities 1/8, 3/8 and 1/2 divide [0, 1) at 1/8 and
// 1/2.
func TestSample(t *testing.T) {
	u := []float32{0, 0.12, 0.13, 0.49, 0.51, 0.999999, 0.3}
	var logits []float32
	for range u[:6] {
		logits = append(logits, 5, 5+float32(math.Log(3)), 5+float32(math.Log(4)))
	}
	logits = append(logits, -200, 0, -200) // only one is possible
	action, logProb := make([]int32, len(u)), make([]float32, len(u))
	sample(action, logProb, logits, []int{3}, func(i int) float32 { return u[i] })
	for i, want := range []int32{0, 0, 1, 1, 2, 2, 1} {
		p := []float64{0.125, 0.375, 0.5}[want]
		if i == 6 {
			p = 1
		}
		if action[i] != want || math.Abs(float64(logProb[i])-math.Log(p)) > 1e-6 {
			t.Errorf("u = %v: action %d with log probability %v, want %d with %v", u[i], action[i], logProb[i], want, math.Log(p))
		}
	}
}
