package ppo

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/cartpole"
	"goalgap/lib/nn"
)

// cues is a multi-discrete world of known answer: it shows two cues, one of 3 and one of 4, and a part of the action
// pays 1 for matching its own; the third part, of 2, is to be 1 where both cues are alike, and pays 1 too. So 3 a step is
// the most. It terminates after 8 steps on even levels and is truncated then on odd ones.
type cues struct {
	level int64
	steps int
	a, b  int
}

func makeCues() (env.Env, error) { return &cues{}, nil }

func (c *cues) Spec() env.Spec {
	return env.Spec{Name: "cues", Heads: env.Heads{3, 4, 2}, Dense: 7, MaxSteps: 8}
}
func (c *cues) Reset(seed int64) { *c = cues{level: seed}; c.draw() }
func (c *cues) draw() {
	x := uint64(c.level)*0x9e3779b97f4a7c15 + uint64(c.steps)*0xbf58476d1ce4e5b9
	x ^= x >> 31
	c.a, c.b = int(x*0x94d049bb133111eb>>40%3), int(x*0xd6e8feb86659fd93>>40%4)
}
func (c *cues) Step(int) (float32, env.End) { panic("cues: actions have three parts") }
func (c *cues) StepHeads(action []int32) (reward float32, end env.End) {
	alike := 0
	if c.a == c.b {
		alike = 1
	}
	for i, want := range []int{c.a, c.b, alike} {
		if int(action[i]) == want {
			reward++
		}
	}
	c.steps++
	if c.draw(); c.steps == 8 {
		if end = env.Truncated; c.level%2 == 0 {
			end = env.Terminated
		}
	}
	return reward, end
}
func (c *cues) Observe(_ []int32, dense []float32) {
	clear(dense)
	dense[c.a], dense[3+c.b] = 1, 1
}

// aim is a continuous world of known answer: it shows x in ±1, and the action that pays most is (x, -x/2, 1) within its
// bounds of ±0.8, so (x, -x/2, 0.8) where |x| is at most 0.8; a step pays minus the squared distance from it.
type aim struct {
	level int64
	steps int
	x     float32
}

func makeAim() (env.Env, error) { return &aim{}, nil }

func (a *aim) Spec() env.Spec {
	return env.Spec{Name: "aim", Continuous: 3, Low: -0.8, High: 0.8, Dense: 2, MaxSteps: 8}
}
func (a *aim) Reset(seed int64) { *a = aim{level: seed}; a.draw() }
func (a *aim) draw() {
	x := uint64(a.level)*0x9e3779b97f4a7c15 + uint64(a.steps)*0xbf58476d1ce4e5b9
	x ^= x >> 31
	a.x = float32(x*0x94d049bb133111eb>>40)/(1<<23) - 1
}
func (a *aim) answer() [3]float32          { return [3]float32{a.x, -a.x / 2, 1} }
func (a *aim) Step(int) (float32, env.End) { panic("aim: actions are continuous") }
func (a *aim) StepContinuous(action []float32) (reward float32, end env.End) {
	for i, want := range a.answer() {
		reward -= (action[i] - want) * (action[i] - want)
	}
	a.steps++
	if a.draw(); a.steps == 8 {
		if end = env.Truncated; a.level%2 == 0 {
			end = env.Terminated
		}
	}
	return reward, end
}
func (a *aim) Observe(_ []int32, dense []float32) { dense[0], dense[1] = a.x, float32(a.steps)/8 }

// kinds are worlds with each kind of action.
var kinds = map[string]func() (env.Env, error){
	"discrete": makeCounter, "CartPole": cartpole.Make, "multi-discrete": makeCues, "continuous": makeAim,
}

// gaussian64 is the log density, from the definition of the normal distribution.
func gaussian64(action, mean, logStd []float64) (sum float64) {
	for j, a := range action {
		sigma := math.Exp(logStd[j])
		density := math.Exp(-(a-mean[j])*(a-mean[j])/(2*sigma*sigma)) / (sigma * math.Sqrt(2*math.Pi))
		sum += math.Log(density)
	}
	return sum
}

func wide(x []float32) (out []float64) {
	for _, v := range x {
		out = append(out, float64(v))
	}
	return out
}

func TestGaussianAgainstItsDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	for range 1000 {
		k := 1 + r.IntN(5)
		action, mean, logStd := make([]float32, k), make([]float32, k), make([]float32, k)
		for j := range k {
			mean[j], logStd[j] = float32(r.NormFloat64()), float32(r.NormFloat64())
			action[j] = mean[j] + float32(2*r.NormFloat64()*math.Exp(float64(logStd[j])))
		}
		got, want := float64(gaussianLogProb(action, mean, logStd)), gaussian64(wide(action), wide(mean), wide(logStd))
		if math.Abs(got-want) > 1e-5*max(1, math.Abs(want)) {
			t.Fatalf("log density %v, want %v", got, want)
		}
	}
	// The entropy is minus the mean of the log density: the integral over a fine grid, of one number.
	for _, s := range []float64{-2, 0, 0.7} {
		total, h, sigma := 0.0, 0.0, math.Exp(s)
		const n = 20001
		dx := 20 * sigma / (n - 1)
		for i := range n {
			l := gaussian64([]float64{-10*sigma + float64(i)*dx}, []float64{0}, []float64{s})
			total += math.Exp(l) * dx
			h -= math.Exp(l) * l * dx
		}
		if got := float64(gaussianEntropy([]float32{float32(s)})); math.Abs(total-1) > 1e-9 || math.Abs(got-h) > 1e-6 {
			t.Errorf("log σ %v: entropy %v, by integration %v (of a density that integrates to %v)", s, got, h, total)
		}
	}
	// ½ log 2πe is 1.4189385...; of independent numbers the entropies add up.
	if got := gaussianEntropy([]float32{0, 1, -3}); math.Abs(float64(got)-(3*1.4189385332046727-2)) > 1e-6 {
		t.Errorf("entropy of three numbers: %v", got)
	}
}

func TestGaussianGradientAgainstFiniteDifferences(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 6))
	seen := map[string]int{}
	for range 2000 {
		const rows, clip, entropyCoef, h = 3, 0.2, 0.05, 1e-6
		k := 1 + r.IntN(4)
		mean, logStd, action := make([]float32, rows*k), make([]float32, k), make([]float32, 5*k)
		for j := range logStd {
			logStd[j] = float32(0.5 * r.NormFloat64())
		}
		for i := range mean {
			mean[i] = float32(r.NormFloat64())
		}
		var b policyBatch
		b.n = rows
		chosen := []int32{4, 0, 2} // rows of action
		for i, row := range chosen {
			for j := range k {
				action[int(row)*k+j] = mean[i*k+j] + float32(r.NormFloat64()*math.Exp(float64(logStd[j])))
			}
			old := gaussian64(wide(action[int(row)*k:int(row)*k+k]), wide(mean[i*k:i*k+k]), wide(logStd)) + 0.3*r.NormFloat64()
			b.oldLogProb[i] = float32(old)
			b.advantage = append(b.advantage, float32(r.NormFloat64()))
		}
		mean64, logStd64, action64 := wide(mean), wide(logStd), wide(action)
		kink := false
		loss := func() (sum float64) {
			for i, row := range chosen {
				a, at := float64(b.advantage[i]), int(row)*k
				ratio := math.Exp(gaussian64(action64[at:at+k], mean64[i*k:i*k+k], logStd64) - float64(b.oldLogProb[i]))
				kink = kink || math.Abs(ratio-1.2) < 1e-4 || math.Abs(ratio-0.8) < 1e-4
				seen[fmt.Sprintf("%v %v %v", ratio < 0.8, ratio > 1.2, a > 0)]++
				sum += math.Max(-a*ratio, -a*math.Min(math.Max(ratio, 0.8), 1.2))
				for _, s := range logStd64 {
					sum -= entropyCoef * 0.5 * math.Log(2*math.Pi*math.E*math.Exp(2*s))
				}
			}
			return sum / rows
		}
		if loss(); kink {
			continue
		}
		inverse := make([]float32, k)
		for j, s := range logStd {
			inverse[j] = nn.Exp(-s)
		}
		d, dLogStd := make([]float32, rows*k), make([]float64, k)
		var s stats
		b.gaussian(d, mean, action, chosen, logStd, inverse, dLogStd, clip, entropyCoef, 1./rows, &s)
		check := func(x *float64, got float64, what string) {
			was := *x
			*x = was + h
			above := loss()
			*x = was - h
			below := loss()
			*x = was
			if want := (above - below) / (2 * h); math.Abs(got-want) > 2e-5*max(1, math.Abs(want)) {
				t.Fatalf("derivative by %s: %v, by differences %v", what, got, want)
			}
		}
		for i := range mean64 {
			check(&mean64[i], float64(d[i]), "a mean")
		}
		for j := range logStd64 {
			check(&logStd64[j], dLogStd[j], "a log standard deviation")
		}
	}
	if len(seen) != 6 {
		t.Errorf("cases met: %v, want ratios below, inside and above the clip range with advantages of both signs", seen)
	}
}

func TestMultiDiscreteGradientAgainstFiniteDifferences(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 7))
	for range 1000 {
		const rows, entropyCoef, h = 3, 0.05, 1e-6
		heads := make([]head, 2+r.IntN(3))
		width := 0
		for i := range heads {
			heads[i].size = 1 + r.IntN(4)
			width += heads[i].size
		}
		logits := make([]float32, rows*width)
		for i := range logits {
			logits[i] = float32(r.NormFloat64())
		}
		logits64 := wide(logits)
		parts := func(i int, visit func(h int, logProbs []float64)) {
			at := i * width
			for h := range heads {
				visit(h, logSoftmax64(logits64[at:at+heads[h].size]))
				at += heads[h].size
			}
		}
		var b policyBatch
		b.n = rows
		for i := range rows {
			old := 0.3 * r.NormFloat64()
			parts(i, func(h int, logProbs []float64) {
				heads[h].action[i] = r.Int32N(int32(heads[h].size))
				old += logProbs[heads[h].action[i]]
			})
			b.oldLogProb[i] = float32(old)
			b.advantage = append(b.advantage, float32(r.NormFloat64()))
		}
		kink := false
		var entropy float64
		loss := func() (sum float64) {
			entropy = 0
			for i := range rows {
				logProb, a := 0.0, float64(b.advantage[i])
				parts(i, func(h int, logProbs []float64) {
					logProb += logProbs[heads[h].action[i]]
					for _, l := range logProbs {
						entropy -= math.Exp(l) * l
					}
				})
				ratio := math.Exp(logProb - float64(b.oldLogProb[i]))
				kink = kink || math.Abs(ratio-1.2) < 1e-4 || math.Abs(ratio-0.8) < 1e-4
				sum += math.Max(-a*ratio, -a*math.Min(math.Max(ratio, 0.8), 1.2))
			}
			return (sum - entropyCoef*entropy) / rows
		}
		if loss(); kink {
			continue
		}
		d := make([]float32, rows*width)
		var s stats
		b.gradient(d, logits, heads, 0.2, entropyCoef, 1./rows, &s)
		if math.Abs(s.entropy-entropy) > 1e-5*max(1, entropy) {
			t.Fatalf("entropy %v, want %v", s.entropy, entropy)
		}
		for i := range d {
			was := logits64[i]
			logits64[i] = was + h
			above := loss()
			logits64[i] = was - h
			below := loss()
			logits64[i] = was
			if want := (above - below) / (2 * h); math.Abs(float64(d[i])-want) > 1e-5*max(1, math.Abs(want)) {
				t.Fatalf("derivative %v, by differences %v", d[i], want)
			}
		}
	}
}

// What the first gradient step computes of the policy that collected is what was recorded: the ratio is 1 to the last
// bit, so that nothing is clipped and the divergence is 0.
func TestFirstRatiosAreOne(t *testing.T) {
	for name, makeEnv := range kinds {
		cfg := small()
		cfg.Hidden = []int{32} // above 8 wide, as the networks of one row and of many
		firstRatios(t, name, makeEnv, cfg)
	}
}

// firstRatios checks the first gradient step of a training.
func firstRatios(t *testing.T, name string, makeEnv func() (env.Env, error), cfg Config) {
	t.Helper()
	tr, err := NewTrainer(makeEnv, env.Levels{}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.collect(); err != nil {
		t.Fatal(err)
	}
	tr.learn.begin()
	if err := tr.reward(); err != nil {
		t.Fatal(err)
	}
	if err := tr.estimate(); err != nil {
		t.Fatal(err)
	}
	if err := tr.learn.step(tr.minibatchRowsForTest()); err != nil {
		t.Fatal(err)
	}
	s := tr.learn.total
	limit := 1e-9 // a softmax by two routes
	if name == "continuous" {
		limit = 0
	}
	if s.kl/float64(s.samples) > limit || s.clipped != 0 {
		t.Errorf("%s: divergence %v, %d of %d clipped", name, s.kl/float64(s.samples), s.clipped, s.samples)
	}
}

// observations returns n random ones.
func observations(spec env.Spec, n int) env.Batch {
	r := rand.New(rand.NewPCG(3, 3))
	b := env.NewBatch(spec, n)
	for i := range b.Active {
		b.Active[i] = r.Int32N(int32(spec.Sparse))
	}
	for i := range b.Features {
		b.Features[i] = float32(r.NormFloat64())
	}
	return b
}

// moved returns a policy for the environment whose weights are far from those at first.
func moved(t *testing.T, makeEnv func() (env.Env, error)) *Policy {
	t.Helper()
	e, _ := makeEnv()
	p, err := newPolicy(e.Spec(), Architecture{Hidden: []int{16}}, false, 1)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(4, 4))
	for i := range p.actor.Param {
		p.actor.Param[i] += float32(0.3 * r.NormFloat64())
	}
	return p
}

func TestContinuousPolicy(t *testing.T) {
	p := moved(t, makeAim)
	p.Spec.Low, p.Spec.High = -100, 100 // so that moments are not those of clipped numbers
	const rows, n = 4, 20000
	obs := observations(p.Spec, rows)
	mean, action, std := make([]float32, rows*3), make([]float32, rows*3), make([]float32, 3)
	p.GreedyContinuous(mean, obs)
	p.StdDev(std)
	logProb, entropy := make([]float32, rows), make([]float32, rows)
	var sum, squares [rows * 3]float64
	var logProbs, product float64
	r := rand.New(rand.NewPCG(1, 1))
	p.Entropies(entropy, obs)
	for range n {
		p.SampleContinuous(action, obs, r)
		p.LogProbsContinuous(logProb, obs, action)
		for i, x := range action {
			z := float64(x-mean[i]) / float64(std[i%3])
			sum[i] += z / n
			squares[i] += z * z / n
		}
		product += float64(action[0]-mean[0]) / float64(std[0]) * float64(action[1]-mean[1]) / float64(std[1]) / n
		logProbs += float64(logProb[2]) / n
	}
	for i := range sum {
		if math.Abs(sum[i]) > 5/math.Sqrt(n) || math.Abs(squares[i]-1) > 5*math.Sqrt(2./n) {
			t.Errorf("number %d: standardised mean %v, mean square %v", i, sum[i], squares[i])
		}
	}
	if math.Abs(product) > 5/math.Sqrt(n) {
		t.Errorf("two numbers of an action have correlation %v", product)
	}
	// Minus the mean log density estimates the entropy; its standard deviation is √(k/2).
	if math.Abs(-logProbs-float64(entropy[2])) > 5*math.Sqrt(1.5/n) {
		t.Errorf("entropy %v, by sampling %v", entropy[2], -logProbs)
	}
	for i := range rows {
		p.LogProbsContinuous(logProb, obs, mean)
		want := gaussian64(wide(mean[i*3:i*3+3]), wide(mean[i*3:i*3+3]), wide(p.actor.LogStd()))
		if math.Abs(float64(logProb[i])-want) > 1e-5 {
			t.Errorf("log density at the mean %v, want %v", logProb[i], want)
		}
	}

	p.Spec.Low, p.Spec.High = -0.01, 0.02
	for range 10 {
		p.SampleContinuous(action, obs, r)
		if slices.Min(action) < -0.01 || slices.Max(action) > 0.02 {
			t.Errorf("drawn beyond the bounds: %v", action)
		}
	}
	if p.GreedyContinuous(action, obs); slices.Min(action) < -0.01 || slices.Max(action) > 0.02 {
		t.Errorf("mean beyond the bounds: %v", action)
	}
	// A clone, and a policy that was saved and loaded, decide alike, and draw alike.
	p.Spec.Low, p.Spec.High = -0.8, 0.8
	path := filepath.Join(t.TempDir(), "policy.safetensors")
	if err := p.Save(path); err != nil {
		t.Fatal(err)
	}
	loaded, err := LoadPolicy(path)
	if err != nil {
		t.Fatal(err)
	}
	p.SampleContinuous(action, obs, rand.New(rand.NewPCG(2, 2)))
	for _, q := range []*Policy{loaded, p.Clone()} {
		again := make([]float32, len(action))
		if q.SampleContinuous(again, obs, rand.New(rand.NewPCG(2, 2))); q.Spec != p.Spec || !slices.Equal(again, action) {
			t.Errorf("%v instead of %v", again, action)
		}
	}
}

func TestMultiDiscretePolicy(t *testing.T) {
	p := moved(t, makeCues)
	const rows, parts, width, n = 3, 3, 3 + 4 + 2, 30000
	obs := observations(p.Spec, rows)
	probability := make([]float32, rows*width)
	p.Probabilities(probability, obs)
	greedy, action := make([]int32, rows*parts), make([]int32, rows*parts)
	p.Greedy(greedy, obs)
	entropy, logProb := make([]float32, rows), make([]float32, rows)
	p.Entropies(entropy, obs)
	p.LogProbs(logProb, obs, greedy)

	counts, both := make([]float64, rows*width), 0.0
	r := rand.New(rand.NewPCG(1, 1))
	for range n {
		p.Sample(action, obs, r)
		for i := range rows {
			at := i * width
			for h, size := range p.heads {
				counts[at+int(action[i*parts+h])] += 1. / n
				at += size
			}
		}
		if action[0] == greedy[0] && action[1] == greedy[1] {
			both += 1. / n
		}
	}
	for i, p := range probability {
		if q := float64(p); math.Abs(counts[i]-q) > 5*math.Sqrt(q*(1-q)/n)+1e-9 {
			t.Errorf("value %d drawn %v of the time, probability %v", i, counts[i], p)
		}
	}
	// The parts are independent.
	if q := float64(probability[greedy[0]]) * float64(probability[3+greedy[1]]); math.Abs(both-q) > 5*math.Sqrt(q*(1-q)/n) {
		t.Errorf("two parts drawn together %v of the time, the product of their probabilities is %v", both, q)
	}
	for i := range rows {
		at, wantLogProb, wantEntropy := i*width, 0.0, 0.0
		for h, size := range p.heads {
			row := wide(probability[at : at+size])
			best := slices.Index(row, slices.Max(row))
			if greedy[i*parts+h] != int32(best) {
				t.Errorf("row %d: greedy part %d is %d of probabilities %v", i, h, greedy[i*parts+h], row)
			}
			wantLogProb += math.Log(row[best])
			total := 0.0
			for _, q := range row {
				wantEntropy -= q * math.Log(q)
				total += q
			}
			if math.Abs(total-1) > 1e-6 {
				t.Errorf("row %d: probabilities of part %d add up to %v", i, h, total)
			}
			at += size
		}
		if math.Abs(float64(logProb[i])-wantLogProb) > 1e-5 || math.Abs(float64(entropy[i])-wantEntropy) > 1e-5 {
			t.Errorf("row %d: log probability %v, entropy %v; want %v, %v", i, logProb[i], entropy[i], wantLogProb, wantEntropy)
		}
	}
	path := filepath.Join(t.TempDir(), "policy.safetensors")
	if err := p.Save(path); err != nil {
		t.Fatal(err)
	}
	loaded, err := LoadPolicy(path)
	if err != nil {
		t.Fatal(err)
	}
	again := make([]float32, len(probability))
	if loaded.Probabilities(again, obs); !slices.Equal(again, probability) {
		t.Error("a policy that was saved and loaded decides otherwise")
	}
}

// The record of what was drawn is exact: by sample and by LogProbs the same.
func TestSampledLogProbabilities(t *testing.T) {
	for name, makeEnv := range kinds {
		cfg := small()
		tr, err := NewTrainer(makeEnv, env.Levels{}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.collect(); err != nil {
			t.Fatal(err)
		}
		r, want := &tr.rollout, make([]float32, len(tr.order))
		if tr.policy.Spec.Continuous > 0 {
			tr.policy.LogProbsContinuous(want, r.obs, r.continuous)
		} else {
			tr.policy.LogProbs(want, r.obs, r.action)
		}
		for i, l := range r.logProb {
			if math.Abs(float64(l-want[i])) > 1e-6 {
				t.Errorf("%s: row %d was recorded with log probability %v, it is %v", name, i, l, want[i])
			}
		}
	}
}

func TestMethodsOfAnotherKindOfActionPanic(t *testing.T) {
	discrete, continuous := moved(t, makeCues), moved(t, makeAim)
	a, b := observations(discrete.Spec, 1), observations(continuous.Spec, 1)
	r := rand.New(rand.NewPCG(1, 1))
	for name, call := range map[string]func(){
		"Sample":             func() { continuous.Sample(make([]int32, 3), b, r) },
		"Greedy":             func() { continuous.Greedy(make([]int32, 3), b) },
		"Probabilities":      func() { continuous.Probabilities(make([]float32, 3), b) },
		"LogProbs":           func() { continuous.LogProbs(make([]float32, 1), b, make([]int32, 3)) },
		"SampleContinuous":   func() { discrete.SampleContinuous(make([]float32, 9), a, r) },
		"GreedyContinuous":   func() { discrete.GreedyContinuous(make([]float32, 9), a) },
		"LogProbsContinuous": func() { discrete.LogProbsContinuous(make([]float32, 1), a, make([]float32, 9)) },
		"StdDev":             func() { discrete.StdDev(make([]float32, 3)) },
	} {
		func() {
			defer func() {
				if s := fmt.Sprint(recover()); !strings.HasPrefix(s, "ppo: "+name+" of a policy for ") {
					t.Errorf("%s: panic %q", name, s)
				}
			}()
			call()
		}()
	}
}

// bounded is an aim with other bounds.
type bounded struct {
	aim
	low, high float32
}

func (b *bounded) Spec() env.Spec {
	s := b.aim.Spec()
	s.Low, s.High = b.low, b.high
	return s
}

func TestWrongActionSpacesAndOptions(t *testing.T) {
	nan := float32(math.NaN())
	bounds := func(low, high float32) func() (env.Env, error) {
		return func() (env.Env, error) { return &bounded{low: low, high: high}, nil }
	}
	for _, c := range []struct {
		makeEnv func() (env.Env, error)
		change  func(*Config)
		want    string
	}{
		{bounds(2, 1), func(*Config) {}, "Low = 2 to High = 1"},
		{bounds(nan, 1), func(*Config) {}, "Low = NaN to High = 1"},
		{bounds(0, nan), func(*Config) {}, "Low = 0 to High = NaN"},
		{makeAim, func(c *Config) { c.Reward = negated{} }, "Reward is a ppo.negated, which has no method RewardsContinuous, but actions of aim are continuous"},
		{makeAim, func(c *Config) { c.LogStd = math.NaN() }, "LogStd is NaN"},
		{makeAim, func(c *Config) { c.LogStd = 21 }, "LogStd is 21"},
		{makeCues, func(c *Config) { c.LogStd = -1 }, "LogStd is -1, but actions of cues are not continuous"},
		{makeCounter, func(c *Config) { c.LogStd = -1 }, "LogStd is -1, but actions of counter are not continuous"},
	} {
		cfg := small()
		c.change(&cfg)
		if _, err := NewTrainer(c.makeEnv, env.Levels{}, cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one containing %q", err, c.want)
		}
	}
	if err := DefaultContinuous().Check(); err != nil {
		t.Errorf("the defaults are wrong: %v", err)
	}
}

// A deviation that has left the range of float32 makes actions that are not finite: the training says so, wherever the
// environments are stepped, and hands none to an environment.
func TestActionsThatAreNotFiniteAreReported(t *testing.T) {
	for _, bad := range []float32{200, float32(math.NaN())} {
		tr, err := NewTrainer(makeAim, env.Levels{}, small())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tr.RunUpdates(context.Background(), 1); err != nil {
			t.Fatal(err)
		}
		tr.policy.actor.LogStd()[1] = bad
		_, err = tr.Run(context.Background())
		if err == nil || !strings.Contains(err.Error(), "an action at step 0 of environment 0 became") || !strings.Contains(err.Error(), "in update 2 of 5") {
			t.Errorf("log σ = %v: error %v", bad, err)
		}
		if err := tr.Save(filepath.Join(t.TempDir(), "x")); err == nil {
			t.Error("a training that has failed was saved")
		}
	}
}

// pull pays for the size of the first number of an action, in place of what the world pays, and looks at what it is
// handed.
type pull struct {
	t     *testing.T
	calls int
}

func (*pull) Rewards([]float32, env.Batch, []int32, env.Batch, []env.End) {
	panic("continuous actions have a method of their own")
}

func (p *pull) RewardsContinuous(dst []float32, obs env.Batch, actions []float32, next env.Batch, end []env.End) {
	p.calls++
	if len(actions) != 3*obs.N || slices.Min(actions) < -0.8 || slices.Max(actions) > 0.8 {
		p.t.Errorf("%d numbers from %v to %v for %d rows", len(actions), slices.Min(actions), slices.Max(actions), obs.N)
	}
	for i := range dst {
		dst[i] = actions[3*i]
	}
}

func TestContinuousTrainingOnAnotherReward(t *testing.T) {
	cfg := small()
	cfg.Steps, cfg.LearningRate = 6*32*60, 2.5e-3
	model := &pull{t: t}
	cfg.Reward = model
	curve := train(t, makeAim, cfg).Curve
	// 0.8 a step is the most that there is, and a normal policy that is cut there gets near it.
	if last := curve[len(curve)-1]; model.calls != 60 || last.TrainReturn < 0.6*8 || last.TrainReturn > 0.8*8 {
		t.Errorf("%d calls; return %v of at most %v", model.calls, last.TrainReturn, 0.8*8)
	}
}

// With a policy of multi-discrete actions the greedy answer is right for all 12 pairs of cues.
func TestCuesAreSolvedExactly(t *testing.T) {
	for seed := range uint64(3) {
		cfg := Default()
		cfg.Seed, cfg.Envs, cfg.Rollout, cfg.Steps, cfg.LearningRate = seed, 16, 32, 100_000, 2.5e-3
		cfg.Gamma, cfg.EntropyCoef = 0, 0.03 // what an action does does not outlast the step
		p := train(t, makeCues, cfg).Policy
		obs, action := env.NewBatch(p.Spec, 1), make([]int32, 3)
		for a := range 3 {
			for b := range 4 {
				world := &cues{a: a, b: b}
				world.Observe(obs.Row(0))
				p.Greedy(action, obs)
				if reward, _ := world.StepHeads(action); reward != 3 {
					t.Errorf("seed %d: for the cues %d and %d the answer is %v", seed, a, b, action)
				}
			}
		}
	}
}

// With a policy of continuous actions the mean comes to the answer.
func TestAimIsLearnt(t *testing.T) {
	for seed := range uint64(3) {
		cfg := Default()
		cfg.Seed, cfg.Envs, cfg.Rollout, cfg.Steps, cfg.LearningRate, cfg.EntropyCoef = seed, 16, 32, 100_000, 2e-3, 0
		p := train(t, makeAim, cfg).Policy
		obs, action := env.NewBatch(p.Spec, 1), make([]float32, 3)
		worst := 0.0
		for x := float32(-0.75); x <= 0.75; x += 0.05 {
			world := aim{x: x}
			world.Observe(obs.Row(0))
			p.GreedyContinuous(action, obs)
			want := world.answer()
			want[2] = 0.8
			for i := range want {
				worst = max(worst, math.Abs(float64(action[i]-want[i])))
			}
		}
		if worst > 0.1 {
			t.Errorf("seed %d: the mean is off by up to %v", seed, worst)
		}
	}
}

func TestPoliciesWithWrongActionSpacesAreNotLoaded(t *testing.T) {
	p := moved(t, makeAim)
	for want, change := range map[string]func(*env.Spec, *nn.File){
		"Low = 3":                  func(s *env.Spec, _ *nn.File) { s.Low = 3 },
		`"actor.log_std"`:          func(_ *env.Spec, f *nn.File) { delete(f.Tensors, "actor.log_std") },
		"metadata says [16 2]":     func(s *env.Spec, _ *nn.File) { s.Continuous = 2 },
		"positive sizes must come": func(s *env.Spec, _ *nn.File) { s.Continuous, s.Low, s.High, s.Heads = 0, 0, 0, env.Heads{2, -1} },
	} {
		q := p.Clone()
		f := &nn.File{Metadata: map[string]string{}, Tensors: map[string]nn.Tensor{}}
		if want != `"actor.log_std"` {
			change(&q.Spec, f)
		}
		if err := q.tensors(f); err != nil {
			t.Fatal(err)
		}
		change(&q.Spec, f)
		if _, err := policyFrom(f); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one containing %q", err, want)
		}
	}
	if _, err := Resume(filepath.Join(t.TempDir(), "none"), makeAim, env.Levels{}, small()); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("no checkpoint: %v", err)
	}
}

func TestResumeComparesLogStd(t *testing.T) {
	cfg := small()
	cfg.LogStd = -0.5
	tr, err := NewTrainer(makeAim, env.Levels{}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "checkpoint")
	if err := tr.Save(path); err != nil {
		t.Fatal(err)
	}
	for want, logStd := range map[string]float64{"LogStd = -0.5, not 0": 0, "LogStd = -0.5, not -1": -1} {
		cfg.LogStd = logStd
		if _, err := Resume(path, makeAim, env.Levels{}, cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one containing %q", err, want)
		}
	}
}
