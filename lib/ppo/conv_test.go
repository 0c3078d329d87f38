package ppo

import (
	"context"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/cartpole"
	"goalgap/lib/nn"
)

// pictures is a world of known answer: it shows a picture of 5 rows and 4 columns with a mark in its first channel and
// three specks in its second, and the action that pays 1 is the mark's column. Beside the picture is how far the episode
// is. It terminates after 8 steps on even levels and is truncated then on odd ones.
type pictures struct {
	pixels bool // the picture is the dense part of the observation, not the one-hot one
	level  int64
	steps  int
	mark   int // cell
	specks [3]int
}

func makePictures() (env.Env, error) { return &pictures{}, nil }
func makePixels() (env.Env, error)   { return &pictures{pixels: true}, nil }

func (p *pictures) Spec() env.Spec {
	s := env.Spec{Name: "pictures", Actions: 4, Dense: 1, MaxSteps: 8, Image: env.Image{Height: 5, Width: 4, Channels: 2}}
	if p.pixels {
		s.Name, s.Dense = "pixels", 41
	} else {
		s.Sparse, s.MaxActive = 40, 4
	}
	return s
}
func (p *pictures) Reset(seed int64) { *p = pictures{pixels: p.pixels, level: seed}; p.draw() }
func (p *pictures) draw() {
	x := uint64(p.level)*0x9e3779b97f4a7c15 + uint64(p.steps)*0xbf58476d1ce4e5b9
	for i := range 4 {
		x ^= x >> 31
		x *= 0x94d049bb133111eb
		if cell := int(x >> 40 % 20); i == 0 {
			p.mark = cell
		} else {
			p.specks[i-1] = (p.specks[max(i-2, 0)] + 1 + cell%6) % 20
		}
	}
}
func (p *pictures) Step(action int) (reward float32, end env.End) {
	if action == p.mark%4 {
		reward = 1
	}
	p.steps++
	if p.draw(); p.steps == 8 {
		if end = env.Truncated; p.level%2 == 0 {
			end = env.Terminated
		}
	}
	return reward, end
}
func (p *pictures) Observe(active []int32, dense []float32) {
	ones := append(make([]int32, 0, 4), int32(2*p.mark))
	for _, s := range p.specks {
		if one := int32(2*s + 1); !slices.Contains(ones, one) {
			ones = append(ones, one)
		}
	}
	clear(dense)
	dense[len(dense)-1] = float32(p.steps) / 8
	if p.pixels {
		for _, one := range ones {
			dense[one] = 1
		}
		return
	}
	for i := range active {
		active[i] = -1
	}
	copy(active, ones)
}

// convolved returns small with convolutions, for pictures, and shared with all that goes with a shared network.
func convolved() Config {
	cfg := small()
	cfg.Conv, cfg.Hidden = []int{5, 17}, []int{12}
	return cfg
}

func shared() Config {
	cfg := small()
	cfg.Shared, cfg.Activation, cfg.LeCun, cfg.AdamEps = true, nn.ReLU, true, 1e-8
	cfg.NormalizeObservations = true
	return cfg
}

// convolutions are the configurations and worlds of the tests below.
var convolutions = []struct {
	name    string
	makeEnv func() (env.Env, error)
	change  func(*Config)
}{
	{"two networks, one-hot", makePictures, func(*Config) {}},
	{"one network, one-hot", makePictures, func(c *Config) { c.Shared, c.LeCun = true, true }},
	{"one network, pixels", makePixels, func(c *Config) { c.Shared, c.NormalizeObservations = true, true }},
	{"a memory, one-hot", makePictures, func(c *Config) { c.Shared, c.Memory = true, 9 }},
	{"a memory, pixels", makePixels, func(c *Config) { c.Shared, c.NormalizeObservations, c.Memory = true, true, 20 }},
	{"no hidden layer", makePixels, func(c *Config) { c.Shared, c.Hidden = true, nil }},
}

func TestConvolutionsTrainAndResumeToTheSameBits(t *testing.T) {
	for _, c := range convolutions {
		cfg := convolved()
		c.change(&cfg)
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		result := train(t, c.makeEnv, cfg)
		want := fingerprint(result)
		runtime.GOMAXPROCS(2)
		if !slices.Equal(fingerprint(train(t, c.makeEnv, cfg)), want) {
			t.Errorf("%s: GOMAXPROCS 2 gives other bits than 1", c.name)
		}
		path := filepath.Join(t.TempDir(), "checkpoint.safetensors")
		tr, err := NewTrainer(c.makeEnv, env.Levels{Count: 50}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tr.RunUpdates(context.Background(), 2); err != nil {
			t.Fatal(err)
		}
		if err := tr.Save(path); err != nil {
			t.Fatal(err)
		}
		again, err := Resume(path, c.makeEnv, env.Levels{Count: 50}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		r, err := again.Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(fingerprint(r), want) {
			t.Errorf("%s: the resumed training ends with other bits", c.name)
		}
		// The policy of a file is the policy.
		if err := result.Policy.Save(path); err != nil {
			t.Fatal(err)
		}
		loaded, err := LoadPolicy(path)
		if err != nil {
			t.Fatal(err)
		}
		if !loaded.Architecture.equal(cfg.architecture()) {
			t.Errorf("%s: loaded a policy with %+v", c.name, loaded.Architecture)
		}
		obs := observations(loaded.Spec, 9)
		for i, p := range []*Policy{result.Policy, loaded, loaded.Clone()} {
			x := make([]float32, 9*4+9)
			if p.Memory > 0 {
				m := p.NewMemory(9)
				m.Observe(obs)
				m.Observe(obs)
				m.Probabilities(x)
				m.Values(x[36:])
			} else {
				p.Probabilities(x, obs)
				p.Values(x[36:], obs)
			}
			if i == 0 {
				want = wide(x)
			} else if !slices.Equal(wide(x), want) {
				t.Errorf("%s: policy %d has probabilities and values %v, want %v", c.name, i, x, want)
			}
		}
		// And training can start from it.
		next := cfg
		next.Start = loaded
		train(t, c.makeEnv, next)
	}
}

// What was recorded while acting is what the first gradient step computes.
func TestFirstRatiosOfSharedNetworksAreOne(t *testing.T) {
	for name, makeEnv := range kinds {
		cfg := small()
		cfg.Shared, cfg.Hidden = true, []int{32}
		firstRatios(t, name, makeEnv, cfg)
	}
	for _, c := range convolutions {
		cfg := convolved()
		c.change(&cfg)
		firstRatios(t, c.name, c.makeEnv, cfg)
	}
}

// The values of a shared network that were recorded while acting are those that it gives to the observations.
func TestSharedValuesAreThoseOfTheObservations(t *testing.T) {
	for name, makeEnv := range kinds {
		cfg := shared()
		cfg.NormalizeObservations = false
		tr, err := NewTrainer(makeEnv, env.Levels{}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.collect(); err != nil {
			t.Fatal(err)
		}
		values := make([]float32, len(tr.rollout.value))
		tr.policy.Values(values, tr.rollout.obs)
		if !slices.Equal(values, tr.rollout.value) {
			t.Errorf("%s: recorded values are not the policy's", name)
		}
	}
}

func TestConvolutionsLearnToSee(t *testing.T) {
	for _, c := range convolutions[:2] {
		cfg := convolved()
		c.change(&cfg)
		cfg.Conv, cfg.Hidden = []int{8}, []int{16}
		cfg.Envs, cfg.Rollout, cfg.LearningRate, cfg.Steps = 16, 64, 3e-3, 40*1024
		cfg.Evaluate = []Evaluation{{Name: "seen", Episodes: 100, Every: 1 << 20, Greedy: true}}
		got := train(t, c.makeEnv, cfg).Evaluated
		last := got[len(got)-1].Return
		t.Logf("%s: return %v", c.name, last)
		if last < 7 { // of 8; without seeing 2
			t.Errorf("%s: return %v of 8", c.name, last)
		}
	}
}

// The heads, applied to the latent, give the policy's probabilities and, where there is one network, the value.
func TestLatentOfSharedConvolutionsIsWhatTheHeadsRead(t *testing.T) {
	for _, makeEnv := range []func() (env.Env, error){makePictures, makePixels} {
		e, _ := makeEnv()
		p, err := newPolicy(e.Spec(), Architecture{Hidden: []int{9, 6}, Conv: []int{4}, Activation: nn.ReLU, Shared: true}, false, 3)
		if err != nil {
			t.Fatal(err)
		}
		obs := observations(p.Spec, 4)
		latent, err := p.Latent(obs)
		if err != nil {
			t.Fatal(err)
		}
		probabilities, values := make([]float32, 16), make([]float32, 4)
		p.Probabilities(probabilities, obs)
		p.Values(values, obs)
		weight := p.actor.Tensors()["layer2.weight"].Data.([]float32)
		for i, x := range latent {
			var out [5]float64
			sum := 0.0
			for j := range out {
				for k, v := range x {
					out[j] += v * float64(weight[k*5+j])
				}
				if j < 4 {
					sum += math.Exp(out[j])
				}
			}
			for j := range 4 {
				if got, want := float64(probabilities[4*i+j]), math.Exp(out[j])/sum; math.Abs(got-want) > 1e-6 {
					t.Errorf("observation %d: probability %v of action %d, %v by the latent", i, got, j, want)
				}
			}
			if math.Abs(float64(values[i])-out[4]) > 1e-5 {
				t.Errorf("observation %d: value %v, %v by the latent", i, values[i], out[4])
			}
		}
	}
}

// A continuous policy has a latent too.
func TestLatentOfContinuousPolicies(t *testing.T) {
	e, _ := makeAim()
	for _, one := range []bool{false, true} {
		p, err := newPolicy(e.Spec(), Architecture{Hidden: []int{9, 6}, Shared: one}, false, 3)
		if err != nil {
			t.Fatal(err)
		}
		if latent, err := p.Latent(observations(p.Spec, 2)); err != nil || len(latent[1]) != 6 {
			t.Errorf("latent %v, error %v", latent, err)
		}
	}
}

func TestWrongNetworksAreNamed(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"Conv is [8], but observations of CartPole": func(c *Config) { c.Conv = []int{8} },
		"Conv[1] is 0, want 1 to 1024":              func(c *Config) { c.Conv = []int{8, 0} },
		"Activation is Activation(2), want":         func(c *Config) { c.Activation = 2 },
		"AdamEps is -1, want 0 (for 1e-5)":          func(c *Config) { c.AdamEps = -1 },
		"Conv, Activation, Shared and Memory ask for {Hidden": func(c *Config) {
			c.Shared = true
			c.Start = untrained(t, cartpole.Make, Architecture{Hidden: c.Hidden})
		},
	} {
		cfg := small()
		change(&cfg)
		if _, err := NewTrainer(cartpole.Make, env.Levels{}, cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one containing %q", err, want)
		}
	}
	p := untrained(t, cartpole.Make, Architecture{Hidden: []int{4}, Shared: true})
	if _, err := p.WithValues(p); err == nil || !strings.Contains(err.Error(), "network that chooses actions") {
		t.Errorf("values of a shared network were taken: %v", err)
	}
}

// untrained returns a policy for an environment.
func untrained(t *testing.T, makeEnv func() (env.Env, error), a Architecture) *Policy {
	e, err := makeEnv()
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPolicy(e.Spec(), a, false, 1)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Without Conv it makes no difference that an observation is an image: a policy trained without knowing plays and is
// trained on as one that knows.
func TestImagesWithoutConvolutions(t *testing.T) {
	blind := func() (env.Env, error) { return &hidden{Env: &pictures{}}, nil }
	a, b := train(t, makePictures, small()), train(t, blind, small())
	if !slices.Equal(fingerprint(a), fingerprint(b)) {
		t.Error("an Image changes a training without convolutions")
	}
	if _, err := Evaluate(context.Background(), b.Policy, Evaluation{Name: "e", Make: makePictures, Episodes: 3}, 1); err != nil {
		t.Error(err)
	}
	cfg := small()
	cfg.Start = b.Policy
	train(t, makePictures, cfg)
}

// hidden hides that an environment's observations are images.
type hidden struct{ env.Env }

func (h *hidden) Spec() env.Spec {
	s := h.Env.Spec()
	s.Image = env.Image{}
	return s
}

func TestConvolutionsDoNotAllocateInTraining(t *testing.T) {
	cfg := convolved()
	cfg.Shared, cfg.Envs, cfg.Rollout = true, 8, 64
	tr := warm(t, makePictures, cfg, 1000)
	rows := tr.minibatchRowsForTest()
	if got := testing.AllocsPerRun(5, func() {
		if err := tr.learn.step(rows); err != nil {
			t.Error(err)
		}
		if err := tr.collect(); err != nil {
			t.Error(err)
		}
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}
