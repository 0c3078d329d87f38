package ppo

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/cartpole"
	"goalgap/lib/nn"
)

// small returns a configuration that trains in milliseconds.
func small() Config {
	cfg := Default()
	cfg.Envs, cfg.Rollout, cfg.Steps, cfg.ScaleReward = 6, 32, 6*32*5, true
	return cfg
}

// options returns small with all that is off by default.
func options() Config {
	cfg := small()
	cfg.AnnealClip, cfg.NormalizeObservations, cfg.TargetKL = true, true, 1e-5
	return cfg
}

func makeCounter() (env.Env, error) { return &counter{limit: 9}, nil }

// fingerprint returns all parameters and the curve but for its times.
func fingerprint(r *Result) (out []float64) {
	for _, n := range r.Policy.networks() {
		for _, x := range n.Param {
			out = append(out, float64(x))
		}
	}
	if z := r.Policy.normalizer; z != nil {
		out = append(append(append(out, z.mean...), z.variance...), z.count)
	}
	for _, p := range r.Curve {
		p.Seconds = 0
		for _, x := range p.numbers() {
			if math.IsNaN(x) {
				x = -12345
			}
			out = append(out, x)
		}
	}
	return out
}

func train(t *testing.T, makeEnv func() (env.Env, error), cfg Config) *Result {
	t.Helper()
	r, err := Train(context.Background(), makeEnv, env.Levels{Count: 50}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTrainingDoesNotDependOnTheNumberOfCores(t *testing.T) {
	large := small()
	large.Envs, large.Rollout, large.Steps, large.Minibatches = 16, 256, 16*256*2, 2
	for _, cfg := range []Config{small(), large, options(), shared(), remembering()} {
		for name, makeEnv := range kinds {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			want := fingerprint(train(t, makeEnv, cfg))
			for _, procs := range []int{2, 3} {
				runtime.GOMAXPROCS(procs)
				if !slices.Equal(fingerprint(train(t, makeEnv, cfg)), want) {
					t.Errorf("%s, %d environments: GOMAXPROCS %d gives other bits than 1", name, cfg.Envs, procs)
				}
			}
		}
	}
}

func TestSeedsDiffer(t *testing.T) {
	cfg := small()
	a := fingerprint(train(t, makeCounter, cfg))
	cfg.Seed = 2
	if slices.Equal(a, fingerprint(train(t, makeCounter, cfg))) {
		t.Error("two seeds give the same training")
	}
}

func TestCancelledTrainingGoesOnToTheSameBits(t *testing.T) {
	for _, cfg := range []Config{small(), options(), shared(), remembering()} {
		for _, makeEnv := range kinds {
			testCancel(t, makeEnv, cfg)
		}
	}
}

func testCancel(t *testing.T, makeEnv func() (env.Env, error), cfg Config) {
	want := fingerprint(train(t, makeEnv, cfg))
	tr, err := NewTrainer(makeEnv, env.Levels{Count: 50}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for stops := 0; ; stops++ {
		// This context is done from its (stops+1)th look on, so each Run stops at another place.
		r, err := tr.Run(&countdown{Context: context.Background(), left: stops%7 + 1})
		if err == nil {
			if !slices.Equal(fingerprint(r), want) {
				t.Error("a training that was stopped and continued ends with other bits")
			}
			if stops < 10 {
				t.Errorf("the training was stopped only %d times", stops)
			}
			return
		}
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "of 5") || r == nil || r.Policy == nil {
			t.Fatalf("error %v, result %v", err, r)
		}
	}
}

// countdown is a context that is done after its Err has been asked a number of times.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

func TestCancelBeforeTheStart(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r, err := Train(ctx, makeCounter, env.Levels{}, small())
	if !errors.Is(err, context.Canceled) || r.Steps != 0 || len(r.Curve) != 0 {
		t.Errorf("error %v, result %+v", err, r)
	}
}

func TestResumedTrainingGoesOnToTheSameBits(t *testing.T) {
	for _, cfg := range []Config{small(), options(), shared(), remembering()} {
		for name, makeEnv := range kinds {
			want := fingerprint(train(t, makeEnv, cfg))
			tr, err := NewTrainer(makeEnv, env.Levels{Count: 50}, cfg)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "checkpoint.safetensors")
			// Stopped within the third update: Save completes it.
			if _, err := tr.RunUpdates(context.Background(), 2); err != nil {
				t.Fatal(err)
			}
			if _, err := tr.Run(&countdown{Context: context.Background(), left: 3}); !errors.Is(err, context.Canceled) || !tr.collected {
				t.Fatal(err)
			}
			if err := tr.Save(path); err != nil {
				t.Fatal(err)
			}
			again, err := Resume(path, makeEnv, env.Levels{Count: 50}, cfg)
			if err != nil {
				t.Fatal(err)
			}
			if again.update != 3 {
				t.Errorf("%s: resumed after %d updates, want 3", name, again.update)
			}
			r, err := again.Run(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(fingerprint(r), want) {
				t.Errorf("%s: the resumed training ends with other bits", name)
			}
		}
	}
}

func TestResumeSaysWhatDoesNotAgree(t *testing.T) {
	tr, _ := NewTrainer(makeCounter, env.Levels{Count: 50}, small())
	if _, err := tr.RunUpdates(context.Background(), 2); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "checkpoint.safetensors")
	if err := tr.Save(path); err != nil {
		t.Fatal(err)
	}
	policyOnly := filepath.Join(dir, "policy.safetensors")
	if err := tr.policy.Save(policyOnly); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		path    string
		makeEnv func() (env.Env, error)
		levels  env.Levels
		change  func(*Config)
		want    string
	}{
		{"another gamma", path, makeCounter, env.Levels{Count: 50}, func(c *Config) { c.Gamma = 0.5 }, "Gamma = 0.99, not 0.5"},
		{"other levels", path, makeCounter, env.Levels{Count: 51}, func(c *Config) {}, "levels"},
		{"another environment", path, cartpole.Make, env.Levels{Count: 50}, func(c *Config) {}, "CartPole"},
		{"too few steps", path, makeCounter, env.Levels{Count: 50}, func(c *Config) { c.Steps = 6 * 32 }, "update 2"},
		{"no checkpoint", policyOnly, makeCounter, env.Levels{Count: 50}, func(c *Config) {}, "no checkpoint"},
		{"no file", filepath.Join(dir, "nothing"), makeCounter, env.Levels{Count: 50}, func(c *Config) {}, "nothing"},
	} {
		cfg := small()
		c.change(&cfg)
		if _, err := Resume(c.path, c.makeEnv, c.levels, cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one containing %q", c.name, err, c.want)
		}
	}
	longer := small()
	longer.Steps *= 2
	if tr, err := Resume(path, makeCounter, env.Levels{Count: 50}, longer); err != nil || tr.updates != 10 {
		t.Errorf("more steps: %v", err)
	}
	// A file without one of its tensors, whichever it is, is refused.
	f, err := nn.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, tensor := range f.Tensors {
		delete(f.Tensors, name)
		cut := filepath.Join(dir, "cut.safetensors")
		if err := f.WriteFile(cut); err != nil {
			t.Fatal(err)
		}
		if _, err := Resume(cut, makeCounter, env.Levels{Count: 50}, small()); err == nil {
			t.Errorf("a checkpoint without %q was accepted", name)
		}
		f.Tensors[name] = tensor
	}
}

func TestPolicyRoundTrip(t *testing.T) {
	p := train(t, makeCounter, small()).Policy
	path := filepath.Join(t.TempDir(), "policy.safetensors")
	if err := p.Save(path); err != nil {
		t.Fatal(err)
	}
	q, err := LoadPolicy(path)
	if err != nil {
		t.Fatal(err)
	}
	if p.Spec != q.Spec || !slices.Equal(p.Hidden, q.Hidden) {
		t.Errorf("loaded %+v %v, saved %+v %v", q.Spec, q.Hidden, p.Spec, p.Hidden)
	}
	obs := env.NewBatch(p.Spec, 5)
	for i := range 5 {
		obs.Active[i], obs.Features[i] = int32(i), float32(i)/10
	}
	a, b := make([]float32, 10), make([]float32, 10)
	p.Probabilities(a, obs)
	q.Probabilities(b, obs)
	va, vb := make([]float32, 5), make([]float32, 5)
	p.Values(va, obs)
	q.Values(vb, obs)
	if !slices.Equal(a, b) || !slices.Equal(va, vb) {
		t.Errorf("probabilities %v and %v, values %v and %v", a, b, va, vb)
	}

	// Sample draws with these probabilities, Greedy takes the larger.
	const n = 20000
	counts, actions, r := make([]float64, 5), make([]int32, 5), rand.New(rand.NewPCG(1, 1))
	for range n {
		p.Sample(actions, obs, r)
		for i, x := range actions {
			counts[i] += float64(x) / n
		}
	}
	p.Greedy(actions, obs)
	for i := range counts {
		p1 := float64(a[2*i+1])
		if math.Abs(counts[i]-p1) > 5*math.Sqrt(p1*(1-p1)/n) {
			t.Errorf("row %d: action 1 drawn %v of the time, probability %v", i, counts[i], p1)
		}
		if (actions[i] == 1) != (p1 > 0.5) {
			t.Errorf("row %d: greedy action %d, probability of 1 is %v", i, actions[i], p1)
		}
	}
	if err := os.WriteFile(path, []byte("no tensors"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadPolicy(path); err == nil {
		t.Error("a malformed file was loaded")
	}
}

// negated is a reward model that pays -2 for what the environment pays 1 for, recognised from the states.
type negated struct{ bad float32 }

func (n negated) Rewards(dst []float32, obs env.Batch, actions []int32, next env.Batch, end []env.End) {
	for i := range dst {
		dst[i] = -2 * float32(next.Active[i]-obs.Active[i])
	}
	dst[len(dst)-1] += n.bad
}

func TestTrainingOnAnotherReward(t *testing.T) {
	cfg := small()
	cfg.Steps, cfg.LearningRate = 6*32*60, 2.5e-3
	up := train(t, makeCounter, cfg).Curve
	cfg.Reward = negated{}
	down := train(t, makeCounter, cfg).Curve
	for _, p := range down {
		if !math.IsNaN(p.TrueReturn) && math.Abs(p.TrainReturn+2*p.TrueReturn) > 1e-9 {
			t.Fatalf("update %d: trained on %v, true %v; want -2 times as much", p.Update, p.TrainReturn, p.TrueReturn)
		}
	}
	// Levels start at 0, 1 or 2, and 5 is the end: counting up always returns 4 on average, never doing so 0.
	a, b := up[len(up)-1], down[len(down)-1]
	if a.TrueReturn < 3.5 || a.TrainReturn != a.TrueReturn || b.TrueReturn > 0.5 {
		t.Errorf("true return %v after training on the environment's reward, %v after training against it", a.TrueReturn, b.TrueReturn)
	}
}

func TestDivergenceIsReported(t *testing.T) {
	cfg := small()
	cfg.Reward = negated{bad: float32(math.NaN())}
	_, err := Train(context.Background(), makeCounter, env.Levels{}, cfg)
	if err == nil || !strings.Contains(err.Error(), "reward of step 31 of environment 5 in update 1 of 5 is NaN") {
		t.Errorf("NaN reward: %v", err)
	}
	cfg.Reward, cfg.ScaleReward = negated{bad: 3e38}, false
	r, err := Train(context.Background(), makeCounter, env.Levels{}, cfg)
	if err == nil || !strings.Contains(err.Error(), "update 1 of 5") || !strings.Contains(err.Error(), "try") {
		t.Errorf("enormous reward: %v", err)
	}
	if r == nil || r.Policy == nil {
		t.Error("no result besides the error")
	}
}

func TestWrongConfigs(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.Steps = 0 }, "Steps is 0"},
		{func(c *Config) { c.Steps = 511 }, "Envs × Rollout = 512"},
		{func(c *Config) { c.Envs = -1 }, "Envs is -1"},
		{func(c *Config) { c.Rollout = 0 }, "Rollout is 0"},
		{func(c *Config) { c.Envs, c.Rollout = 1<<20, 1<<20 }, "Envs × Rollout"},
		{func(c *Config) { c.Hidden = []int{64, 0} }, "Hidden[1] is 0"},
		{func(c *Config) { c.LearningRate = 0 }, "LearningRate is 0"},
		{func(c *Config) { c.LearningRate = nan }, "LearningRate is NaN"},
		{func(c *Config) { c.LearningRate = inf }, "LearningRate is +Inf"},
		{func(c *Config) { c.MaxGradNorm = -1 }, "MaxGradNorm is -1"},
		{func(c *Config) { c.Gamma = 1.01 }, "Gamma is 1.01"},
		{func(c *Config) { c.Gamma = nan }, "Gamma is NaN"},
		{func(c *Config) { c.Lambda = -0.1 }, "Lambda is -0.1"},
		{func(c *Config) { c.Epochs = 0 }, "Epochs is 0"},
		{func(c *Config) { c.Minibatches = 0 }, "Minibatches is 0"},
		{func(c *Config) { c.Minibatches = 257 }, "Minibatches is 257"},
		{func(c *Config) { c.Clip = 0 }, "Clip is 0"},
		{func(c *Config) { c.EntropyCoef = -1 }, "EntropyCoef is -1"},
		{func(c *Config) { c.ValueCoef = nan }, "ValueCoef is NaN"},
		{func(c *Config) { c.TargetKL = -0.01 }, "TargetKL is -0.01"},
		{func(c *Config) { c.TargetKL = nan }, "TargetKL is NaN"},
		{func(c *Config) { c.Callbacks = []Callback{SaveEvery(1, ""), nil} }, "Callbacks[1] is nil"},
	} {
		cfg := Default()
		c.change(&cfg)
		if _, err := Train(context.Background(), makeCounter, env.Levels{}, cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one containing %q", err, c.want)
		}
	}
	if err := Default().Check(); err != nil {
		t.Errorf("the defaults are wrong: %v", err)
	}
	broken := func() (env.Env, error) { return nil, errors.New("no such game") }
	if _, err := Train(context.Background(), broken, env.Levels{}, small()); err == nil || !strings.Contains(err.Error(), "no such game") {
		t.Errorf("an environment that cannot be made: %v", err)
	}
}

func TestProgressAndCurve(t *testing.T) {
	cfg := small()
	var seen []Progress
	cfg.Progress = func(p Progress) { seen = append(seen, p) }
	r := train(t, makeCounter, cfg)
	if len(seen) != 5 || len(r.Curve) != 5 || r.Steps != 960 {
		t.Fatalf("%d calls, %d points, %d steps; want 5, 5, 960", len(seen), len(r.Curve), r.Steps)
	}
	for i, p := range seen {
		if p.Steps != (i+1)*192 || p.Total != 960 || p.StepsPerSecond <= 0 || !reflect.DeepEqual(p.Point, r.Curve[i]) {
			t.Errorf("call %d: %+v", i, p)
		}
		// Annealed linearly over five updates.
		if want := 2.5e-4 * float64(5-i) / 5; math.Abs(p.Point.LearningRate-want) > 1e-12 {
			t.Errorf("update %d: learning rate %v, want %v", i+1, p.Point.LearningRate, want)
		}
	}
	if got := seen[4].Remaining(); got != 0 {
		t.Errorf("%v remain after the last update", got)
	}
	if first := r.Curve[0]; math.Abs(first.Entropy-math.Ln2) > 0.01 {
		t.Errorf("the first policy has entropy %v, want nearly ln 2", first.Entropy)
	}

	curve := append([]Point{{Update: 1, TrueReturn: math.NaN(), Entropy: 0.5}}, r.Curve...)
	var b bytes.Buffer
	if err := WriteCSV(&b, curve); err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(records) != 7 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	column := slices.Index(records[0], "TrueReturn")
	if column < 0 || records[1][column] != "" || records[6][column] != fmt.Sprint(r.Curve[4].TrueReturn) {
		t.Errorf("TrueReturn is column %d of %v; records %v", column, records[0], records[1:])
	}
}
