package ppo

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/cartpole"
)

// The policy moves with the first step, so the smallest target leaves an update that alone. It is the step that the update
// would have begun with anyway, and nothing is left of the gradient of the second.
func TestTargetKLEndsAnUpdate(t *testing.T) {
	for name, makeEnv := range kinds {
		for _, c := range []struct {
			target float64
			steps  int
			shared bool
		}{{0, 4 * 4, false}, {1e-12, 1, false}, {1e6, 4 * 4, false}, {1e-12, 1, true}} {
			cfg := small()
			cfg.Shared = c.shared
			cfg.TargetKL = c.target
			tr, err := NewTrainer(makeEnv, env.Levels{}, cfg)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, err := tr.RunUpdates(context.Background(), 1); err != nil {
					t.Fatal(err)
				}
				if tr.learn.steps != c.steps {
					t.Errorf("%s, target %v: %d gradient steps in update %d, want %d", name, c.target, tr.learn.steps, tr.update, c.steps)
				}
				for _, n := range tr.policy.networks() {
					if i := slices.IndexFunc(n.Grad, func(x float32) bool { return x != 0 }); i >= 0 {
						t.Fatalf("%s, target %v: derivative %d is left as %v", name, c.target, i, n.Grad[i])
					}
				}
			}
			if c.steps > 1 {
				continue
			}
			plain := small()
			plain.Shared = c.shared
			one, err := NewTrainer(makeEnv, env.Levels{}, plain)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				one.stepOnce(t)
			}
			same := func(a, b network) bool { return slices.Equal(a.Param, b.Param) }
			if !slices.EqualFunc(tr.policy.networks(), one.policy.networks(), same) {
				t.Errorf("%s: two updates of a step each come to something else than two such steps", name)
			}
		}
	}
}

// stepOnce does an update of only one gradient step.
func (t *Trainer) stepOnce(tb testing.TB) {
	tb.Helper()
	// The context is looked at before the update and after each step.
	if err := t.improve(&countdown{Context: context.Background(), left: 1}); !errors.Is(err, context.Canceled) || t.learn.steps != 1 {
		tb.Fatalf("not stopped after a step: %v, %d steps", err, t.learn.steps)
	}
	t.collected = false
	t.update++
}

// An update ends before the first step, but the very first, whose minibatch has an estimate of more than 1.5 times the
// target; the estimates are those of a training without a target.
func TestTargetKLIsThatOfStableBaselines(t *testing.T) {
	for name, makeEnv := range kinds {
		cfg := small()
		cfg.LearningRate = 2.5e-3
		tr, err := NewTrainer(makeEnv, env.Levels{}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		var estimates []float64 // of each minibatch
		for before := 0.0; len(estimates) < 16; before = tr.learn.total.kl {
			// Stopped after each minibatch.
			if err := tr.improve(&countdown{Context: context.Background(), left: 1}); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			estimates = append(estimates, (tr.learn.total.kl-before)/(192/4))
		}
		for steps := 1; steps < 16; steps++ {
			// The largest estimate so far is where a target just below ends the update.
			if estimates[steps] <= slices.Max(append([]float64{0}, estimates[1:steps]...)) {
				continue
			}
			for factor, want := range map[float64]int{1 - 1e-6: steps, 1 + 1e-6: steps + 1} {
				cfg.TargetKL = estimates[steps] / 1.5 * factor
				tr, err := NewTrainer(makeEnv, env.Levels{}, cfg)
				if err != nil {
					t.Fatal(err)
				}
				r, err := tr.RunUpdates(context.Background(), 1)
				if err != nil {
					t.Fatal(err)
				}
				if got := tr.learn.steps; want == steps && got != want || got < want {
					t.Errorf("%s: target %v: %d steps, want %d; estimates %v", name, cfg.TargetKL, got, want, estimates)
				}
				// The minibatch that ended the update is in its mean, its gradient is not.
				if want == steps {
					mean := 0.0
					for _, x := range estimates[:steps+1] {
						mean += x / float64(steps+1)
					}
					if got := r.Curve[0].ApproxKL; math.Abs(got-mean) > 1e-9 {
						t.Errorf("%s: ApproxKL %v, want %v", name, got, mean)
					}
				}
			}
		}
	}
}

// What the first minibatch says of the divergence is rounding, or a policy that was changed by somebody else: an update
// has at least one step, and so a mean GradNorm.
func TestTargetKLLetsTheFirstStepBe(t *testing.T) {
	cfg := small()
	cfg.TargetKL = 0.01
	tr, err := NewTrainer(makeCounter, env.Levels{}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	tr.collect()
	tr.learn.begin()
	for i := range tr.rollout.logProb {
		tr.rollout.logProb[i] += 0.5 // an estimate of exp(-0.5) - 1 + 0.5 = 0.107 for each sample
	}
	for i := range 2 {
		if err := tr.learn.step(tr.minibatchRowsForTest()); err != nil || tr.learn.steps != 1 || tr.learn.tooFar != (i == 1) {
			t.Errorf("after minibatch %d: %d steps, too far: %v, %v", i+1, tr.learn.steps, tr.learn.tooFar, err)
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
