package ppo

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"goalgap/lib/env"
	"goalgap/lib/env/cartpole"
	"goalgap/lib/env/pendulum"
	"goalgap/lib/nn"

	"golang.org/x/sys/cpu"
)

// torchPython returns a Python that has PyTorch: Debian's, where its package python3-torch is installed, or the one in
// the path. Where there is none the test is skipped, or fails if GOALGAP_TORCH is 1.
func torchPython(tb testing.TB) string {
	tb.Helper()
	for _, python := range []string{"/usr/bin/python3", "python3"} {
		look := "import importlib.util as u, sys; sys.exit(not (u.find_spec('torch') and u.find_spec('numpy')))"
		if exec.Command(python, "-c", look).Run() == nil {
			return python
		}
	}
	const missing = "no python3 here has PyTorch and NumPy (Debian: apt-get install python3-torch)"
	if os.Getenv("GOALGAP_TORCH") == "1" {
		tb.Fatal("GOALGAP_TORCH is 1, but " + missing)
	}
	tb.Skip(missing)
	return ""
}

// runTorch runs testdata/torch_ppo.py and decodes what it prints.
func runTorch(tb testing.TB, into any, environment []string, args ...string) {
	tb.Helper()
	cmd := exec.Command(torchPython(tb), append([]string{filepath.Join("testdata", "torch_ppo.py")}, args...)...)
	cmd.Env = append(os.Environ(), environment...)
	var errors strings.Builder
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, into)
	}
	if err != nil {
		tb.Fatalf("torch_ppo.py %v: %v\n%s", args, err, errors.String())
	}
}

// The update of a fixed batch, two epochs of four minibatches and so eight steps of Adam, is PyTorch's, in float64, to
// 1e-5 of every parameter.
func TestUpdateIsPyTorchs(t *testing.T) {
	torchPython(t)
	plain := func(c *Config) { c.ClipValue, c.NormalizeAdvantage, c.MaxGradNorm, c.EntropyCoef = false, false, 0, 0 }
	tight := func(c *Config) { c.Clip, c.MaxGradNorm, c.EntropyCoef, c.ValueCoef = 0.05, 0.02, 0.1, 1 }
	cases := []struct {
		name    string
		makeEnv func() (env.Env, error)
		change  func(*Config)
	}{
		{"defaults", cartpole.Make, func(*Config) {}},
		{"nothing fancy", cartpole.Make, plain},
		{"tight clips", cartpole.Make, tight},
		{"one layer", cartpole.Make, func(c *Config) { c.Hidden = []int{37} }},
		{"multi-discrete", makeCues, func(*Config) {}},
		{"multi-discrete, nothing fancy", makeCues, plain},
		{"multi-discrete, tight clips", makeCues, tight},
		{"continuous", makeAim, func(*Config) {}},
		{"continuous, nothing fancy", makeAim, plain},
		{"continuous, tight clips", makeAim, tight},
		{"continuous, narrow", makeAim, func(c *Config) { c.LogStd, c.EntropyCoef = -1.5, 0 }},
		{"one network", cartpole.Make, func(c *Config) { c.Shared = true }},
		{"one network, relu, epsilon", cartpole.Make, func(c *Config) { c.Shared, c.Activation, c.AdamEps = true, nn.ReLU, 1e-4 }},
		{"one network, multi-discrete", makeCues, func(c *Config) { c.Shared = true }},
		{"one network, continuous", makeAim, func(c *Config) { c.Shared, c.LogStd = true, -0.5 }},
		{"convolutions, two networks", makePictures, func(c *Config) { c.Conv, c.Hidden = []int{4, 6}, []int{10} }},
		{"convolutions, one network", makePictures, func(c *Config) { c.Conv, c.Hidden, c.Shared = []int{16, 7}, []int{10}, true }},
		{"convolutions, pixels", makePixels, func(c *Config) { c.Conv, c.Hidden, c.Shared = []int{8, 20}, []int{10, 9}, true }},
		{"memory", cartpole.Make, func(c *Config) { c.Shared, c.Memory, c.Envs = true, 16, 8 }},
		{"memory, tight clips", cartpole.Make, func(c *Config) { tight(c); c.Shared, c.Memory = true, 37 }},
		{"memory, no hidden layer", cartpole.Make, func(c *Config) { c.Shared, c.Memory, c.Hidden, c.Envs = true, 10, nil, 12 }},
		{"memory, multi-discrete", makeCues, func(c *Config) { c.Shared, c.Memory, c.Activation = true, 8, nn.ReLU }},
		{"memory, continuous", makeAim, func(c *Config) { c.Shared, c.Memory, c.Envs = true, 8, 8 }},
		{"memory, convolutions", makePixels, func(c *Config) { c.Conv, c.Hidden, c.Shared, c.Memory = []int{4, 6}, []int{10}, true, 12 }},
		{"Pendulum", pendulum.Make, func(c *Config) { c.LogStd = 0.4 }},
	}
	dir := t.TempDir()
	var args []string
	var trainers []*Trainer
	var before []*nn.File
	for i, c := range cases {
		cfg := Default()
		cfg.Envs, cfg.Rollout, cfg.Anneal = 4, 150, false
		c.change(&cfg)
		tr, f := fixedBatch(t, c.makeEnv, cfg)
		path := filepath.Join(dir, fmt.Sprintf("%d.safetensors", i))
		if err := f.WriteFile(path); err != nil {
			t.Fatal(err)
		}
		trainers, before, args = append(trainers, tr), append(before, f), append(args, path)
	}
	var want []map[string][]float64
	runTorch(t, &want, nil, append([]string{"update"}, args...)...)

	for i, tr := range trainers {
		rows := before[i].Tensors["rows"]
		for part := range slices.Chunk(rows.Data.([]int32), rows.Shape[1]) {
			if err := tr.learn.step(part); err != nil {
				t.Fatal(err)
			}
		}
		worst, moved := 0.0, 0.0
		for _, n := range tr.policy.networks() {
			prefix := n.prefix
			for name, tensor := range n.Tensors() {
				got, was, w := tensor.Data.([]float32), before[i].Tensors[prefix+name].Data.([]float32), want[i][prefix+name]
				if len(w) != len(got) {
					t.Fatalf("%s: PyTorch has %d numbers in %s%s, not %d", cases[i].name, len(w), prefix, name, len(got))
				}
				for j, x := range got {
					moved = max(moved, math.Abs(w[j]-float64(was[j])))
					e := math.Abs(float64(x)-w[j]) / math.Abs(w[j])
					worst = max(worst, e)
					if !(e <= 1e-5) {
						t.Errorf("%s: %s%s, number %d: %v, PyTorch has %v (before the update %v)", cases[i].name, prefix, name, j, x, w[j], was[j])
					}
				}
			}
		}
		t.Logf("%s: largest relative difference %.2g; parameters moved by up to %.2g", cases[i].name, worst, moved)
		if moved < 1e-3 {
			t.Errorf("%s: the update moved no parameter by more than %v", cases[i].name, moved)
		}
	}
}

// fixedBatch returns a training before an update, and a file that describes the update for torch_ppo.py.
func fixedBatch(t *testing.T, makeEnv func() (env.Env, error), cfg Config) (*Trainer, *nn.File) {
	tr, err := NewTrainer(makeEnv, env.Levels{}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.collect(); err != nil {
		t.Fatal(err)
	}
	tr.learn.begin()
	r, random := &tr.rollout, rand.New(rand.NewPCG(1, 21))
	batch := len(r.value)
	// What would be typical in the midst of training. No parameter is near 0, so that relative errors mean something.
	for _, n := range tr.policy.networks() {
		for i, x := range n.Param {
			n.Param[i] += float32(math.Copysign(0.05, float64(x)) + max(-0.04, min(0.04, 0.02*random.NormFloat64())))
		}
	}
	for i := range r.obs.Features {
		r.obs.Features[i] = float32(random.NormFloat64())
	}
	if tr.policy.Memory > 0 {
		for i := range r.initial {
			r.initial[i] = float32(0.5 * random.NormFloat64())
		}
		tr.replay(func(rows int, m *Memory) {
			if k := tr.policy.Spec.Continuous; k > 0 {
				m.LogProbsContinuous(r.logProb[rows:], r.continuous[rows*k:])
			} else {
				m.LogProbs(r.logProb[rows:], r.action[rows*len(tr.policy.heads):])
			}
		})
	} else if tr.policy.Spec.Continuous > 0 {
		tr.policy.LogProbsContinuous(r.logProb, r.obs, r.continuous)
	} else {
		tr.policy.LogProbs(r.logProb, r.obs, r.action)
	}
	for i := range batch {
		r.advantage[i] = float32(random.NormFloat64()*3 + 1)
		r.value[i] = float32(random.NormFloat64())
		r.ret[i] = r.value[i] + float32(random.NormFloat64())
		r.logProb[i] += float32(0.2 * random.NormFloat64())
	}
	var rows []int32 // every row, once in each of the two epochs
	for i := range tr.shuffled {
		tr.shuffled[i] = int32(i)
	}
	for range 2 {
		tr.deal()
		rows = append(rows, tr.order...)
	}
	about, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	action := nn.Tensor{Shape: []int{batch}, Data: r.action}
	switch spec := tr.policy.Spec; {
	case spec.Continuous > 0:
		action = nn.Tensor{Shape: []int{batch, spec.Continuous}, Data: r.continuous}
	case len(tr.policy.heads) > 1:
		action.Shape = []int{batch, len(tr.policy.heads)}
	}
	f := &nn.File{Metadata: map[string]string{"config": string(about)}, Tensors: map[string]nn.Tensor{
		"obs": {Shape: []int{batch, tr.policy.Spec.Sparse + tr.policy.Spec.Dense}, Data: denseRows(tr.policy.Spec, r.obs)}, "action": action,
		"log_prob": {Shape: []int{batch}, Data: r.logProb}, "advantage": {Shape: []int{batch}, Data: r.advantage},
		"return": {Shape: []int{batch}, Data: r.ret}, "value": {Shape: []int{batch}, Data: r.value},
		"rows": {Shape: []int{8, len(rows) / 8}, Data: rows},
	}}
	if err := tr.policy.tensors(f); err != nil {
		t.Fatal(err)
	}
	if width := tr.policy.Memory; width > 0 {
		begin := make([]int32, batch)
		for i, b := range r.begin {
			if b {
				begin[i] = 1
			}
		}
		f.Tensors["begin"] = nn.Tensor{Shape: []int{batch}, Data: begin}
		f.Tensors["initial"] = nn.Tensor{Shape: []int{r.envs, width}, Data: r.initial}
	}
	return tr, f
}

// denseRows returns observations as rows of numbers, the one-hot part first.
func denseRows(spec env.Spec, b env.Batch) (out []float32) {
	for i := range b.N {
		active, dense := b.Row(i)
		sparse := make([]float32, spec.Sparse)
		for _, a := range active {
			if a >= 0 {
				sparse[a]++
			}
		}
		out = append(append(out, sparse...), dense...)
	}
	return out
}

// BenchmarkTorch trains on CartPole here and in PyTorch with a vectorised NumPy environment, the same algorithm and
// settings, in turns, and reports the ratio of the fastest iterations. PyTorch is taken at its best of one and two
// threads, with the BLAS kernels that OpenBLAS chooses by itself and, where the processor has it, those for AVX-512.
func BenchmarkTorch(b *testing.B) {
	torchPython(b)
	for _, c := range []struct {
		name string
		cfg  Config
	}{{"CartPoleSmall", Default()}, {"CartPoleLarge", large()}} {
		b.Run(c.name, func(b *testing.B) {
			ours, theirs, how := 0.0, 0.0, ""
			t := warm(b, cartpole.Make, c.cfg, 1<<20)
			cores := []string{""}
			if cpu.X86.HasAVX512F {
				cores = append(cores, "SkylakeX")
			}
			for _, threads := range []string{"1", "2"} {
				for _, core := range cores {
					environment := []string{"OPENBLAS_NUM_THREADS=" + threads, "OMP_NUM_THREADS=" + threads}
					if core != "" {
						environment = append(environment, "OPENBLAS_CORETYPE="+core)
					}
					var result struct {
						Speed float64 `json:"steps_per_second"`
					}
					runTorch(b, &result, environment, "bench",
						fmt.Sprint(c.cfg.Envs), fmt.Sprint(c.cfg.Rollout), fmt.Sprint(c.cfg.Minibatches), "4", threads)
					if result.Speed > theirs {
						theirs, how = result.Speed, fmt.Sprintf("threads: %s, OPENBLAS_CORETYPE: %q", threads, core)
					}
					for start := time.Now(); time.Since(start) < 2*time.Second; {
						begin := time.Now()
						if _, err := t.RunUpdates(context.Background(), 1); err != nil {
							b.Fatal(err)
						}
						ours = max(ours, float64(len(t.order))/time.Since(begin).Seconds())
					}
				}
			}
			for b.Loop() { // what is above measures itself
			}
			b.Logf("PyTorch was fastest with %s", how)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(ours, "steps/s")
			b.ReportMetric(theirs, "torch-steps/s")
			b.ReportMetric(ours/theirs, "ratio")
		})
	}
}
