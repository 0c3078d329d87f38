package ppo

import (
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/cartpole"
)

// The policy moves from the first minibatch on: the smallest target ends each update after its first epoch.
func TestTargetKLEndsAnUpdate(t *testing.T) {
	for _, c := range []struct {
		target float64
		steps  int
	}{{0, 4 * 4}, {1e-12, 4}, {1e6, 4 * 4}} {
		cfg := small()
		cfg.TargetKL = c.target
		tr, err := NewTrainer(makeCounter, env.Levels{}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			r, err := tr.RunUpdates(context.Background(), 1)
			if err != nil {
				t.Fatal(err)
			}
			if tr.learn.steps != c.steps {
				t.Errorf("target %v: %d gradient steps in update %d, want %d", c.target, tr.learn.steps, tr.update, c.steps)
			}
			if kl := r.Curve[len(r.Curve)-1].ApproxKL; c.steps == 4 && !(kl > c.target) {
				t.Errorf("target %v: the update ended with divergence %v", c.target, kl)
			}
		}
	}
}

// Half way through the training an annealed clip range of 0.2 does what a range of 0.1 does; at its start it is 0.2.
func TestClipIsAnnealed(t *testing.T) {
	for _, value := range []bool{true, false} {
		step := func(anneal bool, clip float64, update int) []float64 {
			cfg := small()
			cfg.Steps, cfg.Anneal = 4*cfg.Envs*cfg.Rollout, false
			cfg.AnnealClip, cfg.Clip, cfg.ClipValue = anneal, clip, value
			tr, err := NewTrainer(cartpole.Make, env.Levels{}, cfg)
			if err != nil {
				t.Fatal(err)
			}
			tr.collect()
			tr.learn.begin()
			tr.update = update
			r := rand.New(rand.NewPCG(1, 1))
			for i := range tr.rollout.ret {
				tr.rollout.advantage[i] = float32(r.NormFloat64())
				tr.rollout.logProb[i] += float32(0.15 * r.NormFloat64()) // ratios about 1.15: within 0.2, beyond 0.1
				tr.rollout.value[i] = float32(0.15 * r.NormFloat64())
				tr.rollout.ret[i] = float32(r.NormFloat64())
			}
			if err := tr.learn.step(tr.minibatchRowsForTest()); err != nil {
				t.Fatal(err)
			}
			return fingerprint(tr.result(nil))
		}
		if !slices.Equal(step(true, 0.2, 2), step(false, 0.1, 2)) {
			t.Errorf("clip value %v: in update 3 of 4 the clip range is not half of what it is at the start", value)
		}
		if !slices.Equal(step(true, 0.2, 0), step(false, 0.2, 0)) || slices.Equal(step(false, 0.2, 0), step(false, 0.1, 0)) {
			t.Errorf("clip value %v: in the first update the clip range is not Clip", value)
		}
	}
}

// minibatchRowsForTest returns all rows in order.
func (t *Trainer) minibatchRowsForTest() []int32 {
	rows := make([]int32, len(t.order))
	for i := range rows {
		rows[i] = int32(i)
	}
	return rows
}

// Features 1, 3 and 10, 10 come first, then 5, 7, 9 and 10, 10, 40. Of 1, 3, 5, 7, 9 the mean is 5 and the variance
// (16+4+0+4+16)/5 = 8; of 10, 10, 10, 10, 40 they are 16 and (4·36+576)/5 = 144.
func TestNormalizerByHand(t *testing.T) {
	z := newNormalizer(2)
	out := make([]float32, 4)
	z.apply(out, []float32{1.5, -3, 100, -100})
	if !slices.Equal(out, []float32{1.5, -3, 10, -10}) {
		t.Errorf("before anything was observed: %v, want 1.5 -3 and the limits 10 -10", out)
	}
	z.observe([]float32{1, 10, 3, 10})
	z.observe([]float32{5, 10, 7, 10, 9, 40})
	for j, want := range [][2]float64{{5, 8}, {16, 144}} {
		if math.Abs(z.mean[j]-want[0]) > 1e-12 || math.Abs(z.variance[j]-want[1]) > 1e-12 {
			t.Errorf("feature %d: mean %v, variance %v; want %v", j, z.mean[j], z.variance[j], want)
		}
	}
	z.apply(out, []float32{9, 4, -5, 1000})
	for i, want := range []float64{math.Sqrt2, -1, -10 / math.Sqrt(8), 10} {
		if math.Abs(float64(out[i])-want) > 1e-6 {
			t.Errorf("normalised %v, want number %d to be %v", out, i, want)
		}
	}
}

// raw remembers the features that it was handed.
type raw struct{ low, high float32 }

func (r *raw) Rewards(dst []float32, obs env.Batch, _ []int32, next env.Batch, _ []env.End) {
	for _, b := range []env.Batch{obs, next} {
		for _, x := range b.Features {
			r.low, r.high = min(r.low, x), max(r.high, x)
		}
	}
	for i := range dst {
		dst[i] = 1
	}
}

func TestObservationsAreNormalised(t *testing.T) {
	cfg := small()
	cfg.NormalizeObservations = true
	model := &raw{low: 100, high: -100}
	cfg.Reward = model
	tr, err := NewTrainer(makeCounter, env.Levels{Count: 50}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	result, err := tr.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	// The dense feature is a tenth of the step of an episode of at most 9.
	if model.low != 0 || model.high != 0.9 {
		t.Errorf("the reward model saw features from %v to %v, want 0 to 0.9", model.low, model.high)
	}
	mean, square := 0.0, 0.0
	for _, x := range tr.rollout.seen.Features {
		mean += float64(x) / float64(len(tr.rollout.seen.Features))
		square += float64(x) * float64(x) / float64(len(tr.rollout.seen.Features))
	}
	if math.Abs(mean) > 0.3 || math.Abs(square-1) > 0.4 {
		t.Errorf("the networks saw features of mean %v and mean square %v", mean, square)
	}
	// The file has what is needed to go on playing alike.
	path := filepath.Join(t.TempDir(), "policy.safetensors")
	if err := result.Policy.Save(path); err != nil {
		t.Fatal(err)
	}
	loaded, err := LoadPolicy(path)
	if err != nil {
		t.Fatal(err)
	}
	probabilities := func(p *Policy, r *rollout) []float32 {
		out := make([]float32, 2*r.obs.N)
		p.Probabilities(out, r.obs)
		values := make([]float32, r.obs.N)
		p.Values(values, r.obs)
		return append(out, values...)
	}
	want := probabilities(result.Policy, &tr.rollout)
	if !slices.Equal(probabilities(loaded, &tr.rollout), want) {
		t.Error("a policy that was saved and loaded decides otherwise")
	}
	loaded.normalizer = nil
	if slices.Equal(probabilities(loaded, &tr.rollout), want) {
		t.Error("the policy decides alike with and without normalising")
	}

	cfg.Reward = nil
	if _, err := NewTrainer(func() (env.Env, error) { return &blind{}, nil }, env.Levels{}, cfg); err == nil || !strings.Contains(err.Error(), "no dense part") {
		t.Errorf("without dense features: error %v", err)
	}
}

// blind is a counter without its dense feature; faulty shows NaN at its third step.
type blind struct{ counter }

func (b *blind) Spec() env.Spec {
	return env.Spec{Name: "blind", Actions: 2, Sparse: 6, MaxActive: 1, MaxSteps: 9}
}

func (b *blind) Observe(active []int32, _ []float32) { active[0] = int32(b.count) }

type faulty struct{ counter }

func (f *faulty) Observe(active []int32, dense []float32) {
	f.counter.Observe(active, dense)
	if f.steps == 3 {
		dense[0] = float32(math.NaN())
	}
}

func TestObservationsThatAreNotFiniteAreReported(t *testing.T) {
	cfg := small()
	_, err := Train(context.Background(), func() (env.Env, error) { return &faulty{counter{limit: 9}}, nil }, env.Levels{}, cfg)
	if err == nil || !strings.Contains(err.Error(), "feature 0 of the observation at step ") || !strings.Contains(err.Error(), " in update 1 of 5 is NaN") {
		t.Errorf("error %v", err)
	}
}
