package ppo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/cartpole"
	"goalgap/lib/nn"
)

// recall is a world that only a memory can master: the first observation alone shows a cue, and the ninth action pays 1 if
// it is that cue. What is shown then is always the same, so that without a memory the answer cannot depend on the cue: one
// half of the levels is the most. Episodes terminate on even levels and are truncated on odd ones.
type recall struct {
	level int64
	steps int
}

func makeRecall() (env.Env, error) { return &recall{}, nil }

func (c *recall) Spec() env.Spec {
	return env.Spec{Name: "recall", Actions: 2, Dense: 2, MaxSteps: 9}
}
func (c *recall) Reset(seed int64) { *c = recall{level: seed} }

// cue is 0 or 1, for two levels in four each, of which one is even.
func (c *recall) cue() int { return int(c.level / 2 % 2) }
func (c *recall) Step(action int) (reward float32, end env.End) {
	if c.steps++; c.steps < 9 {
		return 0, env.Running
	}
	if action == c.cue() {
		reward = 1
	}
	if c.level%2 == 0 {
		return reward, env.Terminated
	}
	return reward, env.Truncated
}
func (c *recall) Observe(_ []int32, dense []float32) {
	clear(dense)
	switch c.steps {
	case 0:
		dense[0] = float32(2*c.cue() - 1)
	case 8:
		dense[1] = 1
	}
}

// sight is pictures with continuous actions: a step pays minus the squared distance from the mark's column, of -1 .. 1.
type sight struct{ pictures }

func makeSight() (env.Env, error) { return &sight{}, nil }

func (s *sight) Spec() env.Spec {
	spec := s.pictures.Spec()
	spec.Name, spec.Actions, spec.Continuous, spec.Low, spec.High = "sight", 0, 1, -1, 1
	return spec
}
func (s *sight) Step(int) (float32, env.End) { panic("sight: actions are continuous") }
func (s *sight) StepContinuous(action []float32) (float32, env.End) {
	miss := action[0] - (float32(s.mark%4)/1.5 - 1)
	_, end := s.pictures.Step(0)
	return -miss * miss, end
}

// remembering returns a configuration with a memory and all that may go with one.
func remembering() Config {
	cfg := shared()
	cfg.Hidden, cfg.Memory = []int{20}, 12
	return cfg
}

// recurrent are worlds of all kinds with configurations that have a memory. Rollouts end amid episodes.
func recurrent() map[string]struct {
	makeEnv func() (env.Env, error)
	cfg     Config
} {
	type world = struct {
		makeEnv func() (env.Env, error)
		cfg     Config
	}
	out := map[string]world{}
	for name, makeEnv := range kinds {
		out[name] = world{makeEnv, remembering()}
	}
	cfg := convolved()
	cfg.Shared, cfg.Memory = true, 9
	out["recall"] = world{makeRecall, remembering()}
	out["pictures"], out["sight"] = world{makePictures, cfg}, world{makeSight, cfg}
	for name, w := range out {
		w.cfg.Rollout = 31
		out[name] = w
	}
	return out
}

// replay shows a rollout's observations to a memory of all environments, step by step, and hands f what comes of it with
// the number of each step's first row.
func (t *Trainer) replay(f func(rows int, m *Memory)) {
	r := &t.rollout
	m := t.policy.NewMemory(r.envs)
	copy(m.state, r.initial)
	for rows := 0; rows < len(r.value); rows += r.envs {
		for i := range r.envs {
			if r.begin[rows+i] {
				m.Reset(i)
			}
		}
		m.Observe(r.obs.Slice(rows, rows+r.envs))
		f(rows, m)
	}
}

// With a memory the cue is answered; without one it is chance, whatever the training.
func TestMemorySolvesWhatNothingElseCan(t *testing.T) {
	for _, memory := range []int{0, 16} {
		cfg := Default()
		cfg.Shared, cfg.Memory, cfg.Hidden = true, memory, []int{16}
		cfg.Envs, cfg.Rollout, cfg.Steps, cfg.LearningRate = 32, 36, 32*36*60, 5e-3
		for _, greedy := range []bool{true, false} {
			cfg.Evaluate = append(cfg.Evaluate, Evaluation{
				Name: fmt.Sprintf("greedy: %v", greedy), Episodes: 400, Every: 1 << 20, Greedy: greedy,
			})
		}
		r, err := Train(context.Background(), makeRecall, env.Levels{}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range r.Evaluated {
			t.Logf("memory %d: %s, %.1f%% of answers are right", memory, e.Name, 100*e.Return)
			if memory > 0 && e.Return < 0.95 {
				t.Errorf("with a memory %v of the answers are right", e.Return)
			}
			// 400 coins: a standard deviation is 2.5 %.
			if memory == 0 && (e.Return < 0.4 || e.Return > 0.6) {
				t.Errorf("without a memory %v of the answers are right", e.Return)
			}
		}
	}
}

// What was recorded while acting is what the first gradient step computes, with and without an episode's beginning.
func TestFirstRatiosWithMemoryAreOne(t *testing.T) {
	for name, w := range recurrent() {
		firstRatios(t, name, w.makeEnv, w.cfg)
	}
}

// The values of a rollout, and of what follows where episodes were cut and at its end, are those of a policy that sees
// each environment's play alone; the second rollout goes on from what was remembered in the first, and what is learnt from
// begins there too.
func TestValuesWithMemoryAreThoseOfPlainPlay(t *testing.T) {
	for name, w := range recurrent() {
		tr, err := NewTrainer(w.makeEnv, env.Levels{}, w.cfg)
		if err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(5, 1))
		for i := range tr.policy.actor.Param {
			tr.policy.actor.Param[i] += float32(0.1 * random.NormFloat64())
		}
		if z := tr.policy.normalizer; z != nil {
			for j := range z.mean {
				z.mean[j], z.variance[j] = random.NormFloat64(), 0.5+random.Float64()
			}
		}
		r := &tr.rollout
		memories := make([]*Memory, r.envs)
		for i := range memories {
			memories[i] = tr.policy.NewMemory(1)
		}
		cut, ends, value := 0, 0, make([]float32, 1)
		for range 2 {
			if err := tr.collect(); err != nil {
				t.Fatal(err)
			}
			if err := tr.reward(); err != nil {
				t.Fatal(err)
			}
			if err := tr.estimate(); err != nil {
				t.Fatal(err)
			}
			for i := range r.value {
				m := memories[i%r.envs]
				m.Observe(r.obs.Slice(i, i+1))
				if m.Values(value); value[0] != r.value[i] {
					t.Fatalf("%s: value %v in row %d, %v by plain play", name, r.value[i], i, value[0])
				}
				if r.end[i] == env.Terminated {
					if r.nextValue[i] != 0 {
						t.Fatalf("%s: value %v after a termination", name, r.nextValue[i])
					}
				} else {
					after := tr.policy.NewMemory(1)
					copy(after.state, m.state)
					after.Observe(r.next.Slice(i, i+1))
					if after.Values(value); value[0] != r.nextValue[i] {
						t.Fatalf("%s: value %v after row %d (%v), %v by plain play", name, r.nextValue[i], i, r.end[i], value[0])
					}
				}
				if r.end[i] == env.Truncated {
					cut++
				}
				if r.end[i] != env.Running {
					ends++
					m.Reset(0)
				}
			}
		}
		tr.learn.begin()
		if err := tr.learn.step(tr.minibatchRowsForTest()); err != nil {
			t.Fatal(err)
		}
		if s := tr.learn.total; s.kl/float64(s.samples) > 1e-8 || s.clipped != 0 {
			t.Errorf("%s: divergence %v and %d of %d clipped before a step", name, s.kl/float64(s.samples), s.clipped, s.samples)
		}
		if ends == 0 || name == "recall" && cut == 0 {
			t.Errorf("%s: %d episodes ended, %d of them cut: that tests little", name, ends, cut)
		}
	}
}

// On one core or two, at a stretch or stopped, saved and resumed amid episodes: the bits are the same.
func TestTrainingWithMemoryGoesOnToTheSameBits(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for name, w := range recurrent() {
		cfg := w.cfg
		cfg.Envs, cfg.Minibatches, cfg.Steps = 20, 2, 20*31*4
		runtime.GOMAXPROCS(1)
		want := fingerprint(train(t, w.makeEnv, cfg))
		runtime.GOMAXPROCS(2)
		tr, err := NewTrainer(w.makeEnv, env.Levels{Count: 50}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tr.RunUpdates(context.Background(), 2); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "checkpoint.safetensors")
		if err := tr.Save(path); err != nil {
			t.Fatal(err)
		}
		again, err := Resume(path, w.makeEnv, env.Levels{Count: 50}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		for _, tr := range []*Trainer{tr, again} {
			r, err := tr.Run(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(fingerprint(r), want) {
				t.Errorf("%s: resumed %v, the training ends with other bits", name, tr == again)
			}
		}
		if slices.Max(again.rollout.initial) == 0 {
			t.Errorf("%s: nothing is remembered from one rollout to the next", name)
		}
		// The states are part of a checkpoint, and their number must fit.
		f, err := nn.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f.Tensors["memory.state"] = nn.Tensor{Shape: []int{1}, Data: []float32{0}}
		if err := f.WriteFile(path); err != nil {
			t.Fatal(err)
		}
		if _, err := Resume(path, w.makeEnv, env.Levels{Count: 50}, cfg); err == nil || !strings.Contains(err.Error(), `tensor "memory.state" has 1 numbers, want `) {
			t.Errorf("%s: a checkpoint without the states: error %v", name, err)
		}
	}
}

// Each minibatch has whole environments in order of time, and each epoch all of them.
func TestMinibatchesWithMemoryAreWholeEnvironments(t *testing.T) {
	cfg := remembering() // 6 environments, 32 steps, 4 minibatches
	tr, err := NewTrainer(makeRecall, env.Levels{}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i := range tr.shuffled {
		tr.shuffled[i] = int32(i)
	}
	tr.deal()
	var seen, sizes []int
	for i := range cfg.Minibatches {
		rows := tr.minibatchRows(i)
		count := len(rows) / cfg.Rollout
		sizes = append(sizes, count)
		for j, row := range rows {
			if want := j/count*6 + int(rows[j%count]); int(row) != want {
				t.Errorf("minibatch %d: row %d is %d, want %d", i, j, row, want)
			}
			seen = append(seen, int(row))
		}
	}
	slices.Sort(seen)
	for i, row := range seen {
		if row != i {
			t.Fatalf("rows %v, want each once", seen)
		}
	}
	if !slices.Equal(sizes, []int{1, 2, 1, 2}) {
		t.Errorf("minibatches of %v environments", sizes)
	}
}

func TestUpdatesWithMemoryDoNotAllocate(t *testing.T) {
	for name, w := range recurrent() {
		cfg := w.cfg
		cfg.Envs, cfg.Rollout, cfg.Minibatches = 16, 40, 2
		tr := warm(t, w.makeEnv, cfg, 1000)
		tr.curve = make([]Point, len(tr.curve), 100)
		update := func() {
			if err := tr.runUpdate(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			update()
		}
		if n := testing.AllocsPerRun(5, update); n > 0 {
			t.Errorf("%s: %v allocations an update", name, n)
		}
	}
}

func TestWrongMemoriesAreNamed(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"Memory is -1, want 0 (none) to 16384":     func(c *Config) { c.Memory = -1 },
		"Memory is 16385, want 0 (none) to 16384":  func(c *Config) { c.Memory = 16385 },
		"Shared is false, want true, as Memory is": func(c *Config) { c.Shared = false },
		"Minibatches is 7, want at most Envs, 6":   func(c *Config) { c.Minibatches = 7 },
	} {
		cfg := remembering()
		change(&cfg)
		if _, err := NewTrainer(cartpole.Make, env.Levels{}, cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one containing %q", err, want)
		}
	}
}
