package ppo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/nn"
)

// Episodes side by side, of which some end before others, are those played one by one.
func TestEvaluateWithMemoryIsPlainPlay(t *testing.T) {
	for name, w := range recurrent() {
		p := train(t, w.makeEnv, w.cfg).Policy
		got, err := Evaluate(context.Background(), p, Evaluation{Name: "e", Make: w.makeEnv, Levels: env.Levels{Start: 3, Count: 1000}, Episodes: 40, Greedy: true}, 7)
		if err != nil {
			t.Fatal(err)
		}
		v, err := newEvaluator(p.Spec, Evaluation{Name: "e", Make: w.makeEnv, Levels: env.Levels{Start: 3, Count: 1000}, Episodes: 40}, 7)
		if err != nil {
			t.Fatal(err)
		}
		e, _ := w.makeEnv()
		obs, actions, numbers := env.NewBatch(p.Spec, 1), make([]int32, p.Spec.Width()), make([]float32, p.Spec.Width())
		m := p.NewMemory(1)
		total, steps := 0.0, 0
		for _, level := range v.levels {
			e.Reset(level)
			m.Reset(0)
			for end := env.Running; end == env.Running; steps++ {
				e.Observe(obs.Row(0))
				m.Observe(obs)
				var reward float32
				switch e := e.(type) {
				case env.Continuous:
					m.GreedyContinuous(numbers)
					reward, end = e.StepContinuous(numbers)
				case env.MultiDiscrete:
					m.Greedy(actions)
					reward, end = e.StepHeads(actions)
				default:
					m.Greedy(actions)
					reward, end = e.Step(int(actions[0]))
				}
				total += float64(reward)
			}
		}
		if want := total / 40; got.Return < want-1e-4 || got.Return > want+1e-4 || got.Length < float64(steps)/40-1e-9 || got.Length > float64(steps)/40+1e-9 {
			t.Errorf("%s: return %v and length %v, by plain play %v and %v", name, got.Return, got.Length, want, float64(steps)/40)
		}
	}
}

// A memory of several environments is as many memories of one; what is kept goes on, and what is reset begins.
func TestMemoriesSideBySide(t *testing.T) {
	for name, w := range recurrent() {
		p := train(t, w.makeEnv, w.cfg).Policy
		const n, steps = 5, 4
		m := p.NewMemory(n)
		var alone []*Memory
		for range n {
			alone = append(alone, p.NewMemory(1))
		}
		obs := observations(p.Spec, n*steps)
		for step := range steps {
			live := len(alone)
			now := obs.Slice(step*n, step*n+live)
			m.Observe(now)
			got := m.everything(live, rand.New(rand.NewPCG(5, 2)))
			var want []float32
			r := rand.New(rand.NewPCG(5, 2))
			for i, a := range alone {
				a.Observe(now.Slice(i, i+1))
				want = append(want, a.everything(1, r)...)
				if !slices.Equal(a.State(0), m.State(i)) {
					t.Fatalf("%s: environment %d remembers %v, alone %v", name, i, m.State(i), a.State(0))
				}
			}
			// Both have, for each kind of number, those of the environments in order.
			width := len(got) / live
			for i := range live {
				for k := range width {
					if g, w := got[i*width+k], want[i*width+k]; g != w {
						t.Fatalf("%s: step %d, environment %d: number %d is %v, alone %v", name, step, i, k, g, w)
					}
				}
			}
			switch step {
			case 0:
				m.Reset(3)
				alone[3].Reset(0)
				if slices.Max(m.State(3)) != 0 || slices.Max(m.State(2)) == 0 {
					t.Errorf("%s: after a reset %v, beside it %v", name, m.State(3), m.State(2))
				}
			case 1:
				m.Keep([]int{1, 2, 4})
				alone = []*Memory{alone[1], alone[2], alone[4]}
				if m.N() != 3 {
					t.Errorf("%s: the memory of %d environments after keeping 3", name, m.N())
				}
			}
		}
	}
}

// everything returns what a memory of n environments makes of what it has seen, environment by environment.
func (m *Memory) everything(n int, r *rand.Rand) (out []float32) {
	p := m.policy
	width := p.Spec.Width()
	value, entropy, logProb := make([]float32, n), make([]float32, n), make([]float32, n)
	actions, numbers := make([]float32, n*width), make([]float32, n*outputs(p.Spec))
	m.Values(value)
	m.Entropies(entropy)
	if p.Spec.Continuous > 0 {
		m.SampleContinuous(actions, r)
		m.LogProbsContinuous(logProb, actions)
		m.GreedyContinuous(numbers)
	} else {
		chosen := make([]int32, n*width)
		m.Greedy(chosen)
		m.LogProbs(logProb, chosen)
		m.Sample(chosen, r)
		for i, a := range chosen {
			actions[i] = float32(a)
		}
		m.Probabilities(numbers)
	}
	for i := range n {
		out = append(out, value[i], entropy[i], logProb[i])
		out = append(out, actions[i*width:(i+1)*width]...)
		out = append(out, numbers[i*len(numbers)/n:(i+1)*len(numbers)/n]...)
	}
	return out
}

// A file gives the policy back, and training goes on from it.
func TestMemoriesAreSaved(t *testing.T) {
	for name, w := range recurrent() {
		p := train(t, w.makeEnv, w.cfg).Policy
		path := filepath.Join(t.TempDir(), "policy.safetensors")
		if err := p.Save(path); err != nil {
			t.Fatal(err)
		}
		q, err := LoadPolicy(path)
		if err != nil {
			t.Fatal(err)
		}
		if !q.Architecture.equal(w.cfg.architecture()) || !slices.Equal(q.actor.Param, p.actor.Param) {
			t.Errorf("%s: another policy was loaded, %+v", name, q.Architecture)
		}
		cfg := w.cfg
		cfg.Start, cfg.Steps = q, cfg.Envs*cfg.Rollout
		train(t, w.makeEnv, cfg)
		cfg.Memory--
		if _, err := NewTrainer(w.makeEnv, env.Levels{}, cfg); err == nil || !strings.Contains(err.Error(), "Start has the architecture") {
			t.Errorf("%s: a narrower memory was gone on from: %v", name, err)
		}
	}
}

func TestMemoriesThatDoNotFitTheirFileAreNotLoaded(t *testing.T) {
	p := untrained(t, makeRecall, Architecture{Hidden: []int{8}, Shared: true, Memory: 5})
	path := filepath.Join(t.TempDir(), "policy.safetensors")
	for want, replace := range map[string][2]string{
		"a memory of width 5, but two networks": {`,"Shared":true`, ``},
		`"shared.gru.input.weight" is of shape`: {`"Memory":5`, `"Memory":6`},
		"GRU of width -5":                       {`"Memory":5`, `"Memory":-5`},
	} {
		f := &nn.File{Metadata: map[string]string{}, Tensors: map[string]nn.Tensor{}}
		if err := p.tensors(f); err != nil {
			t.Fatal(err)
		}
		changed := strings.Replace(f.Metadata["policy"], replace[0], replace[1], 1)
		if changed == f.Metadata["policy"] {
			t.Fatalf("%q is not in %s", replace[0], changed)
		}
		f.Metadata["policy"] = changed
		if err := f.WriteFile(path); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadPolicy(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one containing %q", err, want)
		}
	}
}

// Without a state nobody can say what a policy with a memory does, and with one nobody can ask for the wrong thing.
func TestWrongUsesOfMemoriesAreNamed(t *testing.T) {
	a := Architecture{Hidden: []int{8}, Shared: true, Memory: 5}
	discrete, continuous, forgetful := untrained(t, makeCues, a), untrained(t, makeAim, a), untrained(t, makeCues, Architecture{})
	obs, seen := observations(discrete.Spec, 2), observations(continuous.Spec, 2)
	r := rand.New(rand.NewPCG(1, 1))
	actions, numbers := make([]int32, 6), make([]float32, 18)
	fresh, m, c := discrete.NewMemory(2), discrete.NewMemory(2), continuous.NewMemory(2)
	m.Observe(obs)
	c.Observe(seen)
	for want, call := range map[string]func(){
		"ppo: Sample of a policy with a memory of width 5":             func() { discrete.Sample(actions, obs, r) },
		"ppo: Greedy of a policy with a memory of width 5":             func() { discrete.Greedy(actions, obs) },
		"ppo: Probabilities of a policy with a memory of width 5":      func() { discrete.Probabilities(numbers, obs) },
		"ppo: LogProbs of a policy with a memory of width 5":           func() { discrete.LogProbs(numbers, obs, actions) },
		"ppo: Entropies of a policy with a memory of width 5":          func() { discrete.Entropies(numbers, obs) },
		"ppo: Values of a policy with a memory of width 5":             func() { discrete.Values(numbers, obs) },
		"ppo: SampleContinuous of a policy with a memory of width 5":   func() { continuous.SampleContinuous(numbers, seen, r) },
		"ppo: GreedyContinuous of a policy with a memory of width 5":   func() { continuous.GreedyContinuous(numbers, seen) },
		"ppo: LogProbsContinuous of a policy with a memory of width 5": func() { continuous.LogProbsContinuous(numbers, seen, numbers) },
		"ppo: Sample of a policy for ":                                 func() { c.Sample(actions, r) },
		"ppo: SampleContinuous of a policy for ":                       func() { m.SampleContinuous(numbers, r) },
		"ppo: Sample of a memory before Observe":                       func() { fresh.Sample(actions, r) },
		"ppo: Values of a memory before Observe":                       func() { fresh.Values(numbers) },
		"ppo: 2 observations for the memory of 1 environments":         func() { discrete.NewMemory(1).Observe(obs) },
		"ppo: memory of 0 environments, want at least 1":               func() { discrete.NewMemory(0) },
		"ppo: NewMemory of a policy that was trained without one":      func() { forgetful.NewMemory(1) },
		"ppo: keeping the memory of the environments [1 0] of 2":       func() { discrete.NewMemory(2).Keep([]int{1, 0}) },
		"ppo: keeping the memory of the environments [2] of 2":         func() { discrete.NewMemory(2).Keep([]int{2}) },
	} {
		func() {
			defer func() {
				if s := fmt.Sprint(recover()); !strings.HasPrefix(s, want) {
					t.Errorf("panic %q, want one that begins with %q", s, want)
				}
			}()
			call()
		}()
	}
	if _, err := discrete.Latent(obs); err == nil || !strings.Contains(err.Error(), "see Memory.State") {
		t.Errorf("activations of a policy with a memory: error %v", err)
	}
	if _, err := discrete.WithValues(discrete); err == nil {
		t.Error("values of a policy with a memory were taken")
	}
	m.Keep(nil)
	if m.N() != 0 {
		t.Errorf("%d environments after keeping none", m.N())
	}
}
