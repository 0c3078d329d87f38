package tensorboard

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/cartpole"
	"goalgap/lib/env/pendulum"
	"goalgap/lib/ppo"
)

// small returns a configuration of three updates of 1024 steps; episodes end in the second, at the latest.
func small() ppo.Config {
	cfg := ppo.Default()
	cfg.Envs, cfg.Rollout, cfg.Steps, cfg.Hidden = 8, 128, 3*1024, []int{8, 4}
	return cfg
}

// two pays 2 for each step.
type two struct{}

func (two) Rewards(dst []float32, _ env.Batch, _ []int32, _ env.Batch, _ []env.End) {
	for i := range dst {
		dst[i] = 2
	}
}

func readFile(t *testing.T, path string) []Scalar {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	scalars, err := ReadScalars(f)
	if err != nil {
		t.Fatal(err)
	}
	return scalars
}

// point is a scalar without its time.
type point struct {
	tag   string
	step  int64
	value float32
}

func pointsOf(scalars []Scalar) (out []point) {
	for _, s := range scalars {
		out = append(out, point{s.Tag, s.Step, s.Value})
	}
	return out
}

func train(t *testing.T, makeEnv func() (env.Env, error), cfg ppo.Config) *ppo.Result {
	t.Helper()
	r, err := ppo.Train(context.Background(), makeEnv, env.Levels{}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Each tag holds what the table at Update says, at each update.
func TestUpdate(t *testing.T) {
	w := newWriter(t, t.TempDir())
	cfg := small()
	cfg.Reward = two{}
	cfg.Evaluate = []ppo.Evaluation{
		{Name: "eval", Episodes: 3, Every: 1024},
		{Name: "far", Episodes: 2, Every: 2048},
	}
	var told []ppo.Progress
	cfg.Callbacks = []ppo.Callback{w.Update, func(p ppo.Progress) error { told = append(told, p); return nil }}
	r := train(t, cartpole.Make, cfg)
	var want []point
	for i, p := range r.Curve {
		add := func(tag string, x float64) {
			if !math.IsNaN(x) {
				want = append(want, point{tag, int64(1024 * (i + 1)), float32(x)})
			}
		}
		add("rollout/ep_rew_mean", p.TrueReturn)
		add("rollout/ep_rew_wrapped_mean", p.TrainReturn)
		add("rollout/ep_len_mean", p.Length)
		add("time/fps", float64(p.Steps)/told[i].Elapsed.Seconds())
		add("train/approx_kl", p.ApproxKL)
		add("train/clip_fraction", p.ClipFraction)
		add("train/entropy_loss", -p.Entropy)
		add("train/explained_variance", p.ExplainedVariance)
		add("train/grad_norm", p.GradNorm)
		add("train/learning_rate", p.LearningRate)
		add("train/policy_gradient_loss", p.PolicyLoss)
		add("train/value_loss", 2*p.ValueLoss)
		for _, e := range r.Evaluated {
			if e.Steps == 1024*(i+1) {
				add(strings.Replace("eval/"+e.Name+"/mean_reward", "eval/eval/", "eval/", 1), e.Return)
				add(strings.Replace("eval/"+e.Name+"/mean_ep_length", "eval/eval/", "eval/", 1), e.Length)
			}
		}
	}
	got := pointsOf(readFile(t, w.Path()))
	if !slices.Equal(got, want) {
		t.Errorf("written %v\nwant %v", got, want)
	}
	// The first policy is nearly uniform over two actions, and CartPole pays 1 a step, where the reward trained on pays 2.
	value := func(tag string, step int64) float64 {
		i := slices.IndexFunc(got, func(p point) bool { return p.tag == tag && p.step == step })
		if i < 0 {
			t.Fatalf("no %s at %d", tag, step)
		}
		return float64(got[i].value)
	}
	if x := value("train/entropy_loss", 1024); math.Abs(x+math.Ln2) > 0.02 {
		t.Errorf("entropy loss %v, want about -ln 2", x)
	}
	length := value("rollout/ep_len_mean", 2048)
	if a, b := value("rollout/ep_rew_mean", 2048), value("rollout/ep_rew_wrapped_mean", 2048); a != length || b != 2*length {
		t.Errorf("episodes of %v steps return %v, and %v of the reward trained on", length, a, b)
	}
	if a, b := value("eval/mean_reward", 3072), value("eval/far/mean_reward", 3072); a != value("eval/mean_ep_length", 3072) || b != value("eval/far/mean_ep_length", 3072) {
		t.Errorf("evaluations return %v and %v", a, b)
	}
}

// Where actions are continuous there is their deviation; while no episode has ended there are no returns, and without a
// reward model there is none of that.
func TestUpdateOfContinuousActions(t *testing.T) {
	w := newWriter(t, t.TempDir())
	cfg := small()
	cfg.Steps, cfg.LogStd = 1024, math.Log(0.5)
	cfg.Callbacks = []ppo.Callback{w.Update}
	r := train(t, pendulum.Make, cfg)
	deviation := make([]float32, 1)
	r.Policy.StdDev(deviation)
	got := map[string]float32{}
	for _, s := range readFile(t, w.Path()) {
		got[s.Tag] = s.Value
	}
	if x := got["train/std"]; x != deviation[0] || math.Abs(float64(x)-0.5) > 0.05 {
		t.Errorf("deviation %v, the policy has %v, at first it is 0.5", x, deviation)
	}
	// An episode of Pendulum has 200 steps; each environment made 128.
	for _, tag := range []string{"rollout/ep_rew_mean", "rollout/ep_rew_wrapped_mean", "rollout/ep_len_mean"} {
		if x, ok := got[tag]; ok {
			t.Errorf("%s is %v before an episode has ended", tag, x)
		}
	}
}

// A resumed training that writes into the same folder has TensorBoard forget what came after the checkpoint.
func TestUpdateAfterResume(t *testing.T) {
	dir, checkpoint := t.TempDir(), filepath.Join(t.TempDir(), "checkpoint")
	first, second := newWriter(t, dir), newWriter(t, dir)
	cfg := small()
	cfg.Callbacks = []ppo.Callback{first.Update, func(p ppo.Progress) error {
		if p.Point.Update == 1 {
			return p.Trainer.Save(checkpoint)
		}
		return nil
	}}
	train(t, cartpole.Make, cfg)
	cfg.Callbacks = []ppo.Callback{second.Update}
	tr, err := ppo.Resume(checkpoint, cartpole.Make, env.Levels{}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if first.Path() >= second.Path() {
		t.Errorf("%s is read after %s", first.Path(), second.Path())
	}
	// Training took the same course, so that but for its speed the second file says what the end of the first does.
	after := func(points []point) (out []point) {
		for _, p := range points {
			if p.step > 1024 && p.tag != "time/fps" {
				out = append(out, p)
			}
		}
		return out
	}
	a, b := pointsOf(readFile(t, first.Path())), pointsOf(readFile(t, second.Path()))
	if len(after(a)) == 0 || !slices.Equal(after(a), after(b)) || b[0].step != 2048 {
		t.Errorf("first %v\nsecond %v", a, b)
	}
	for path, step := range map[string]int64{first.Path(): 1024, second.Path(): 2048} {
		events := decode(t, path)
		const start = "1"
		if e := events[1]; e.What != "session_log" || e.Text != start || e.Step != step {
			t.Errorf("after the version comes %+v, want the start of a session at %d", e, step)
		}
		for _, e := range events[2:] {
			if e.What != "summary" {
				t.Errorf("another %+v", e)
			}
		}
	}
}

func TestUpdateWritesTheConfiguration(t *testing.T) {
	w := newWriter(t, t.TempDir())
	cfg := small()
	cfg.Callbacks = []ppo.Callback{w.Update}
	train(t, cartpole.Make, cfg)
	var all []decodedValue
	for _, e := range decode(t, w.Path()) {
		for _, v := range e.Values {
			if v.Plugin == "hparams" {
				all = append(all, v)
			}
		}
	}
	if len(all) != 1 {
		t.Fatalf("hyperparameters are written %d times", len(all))
	}
	want := map[string]any{
		"Seed": 1.0, "Steps": 3072.0, "Envs": 8.0, "Rollout": 128.0, "Hidden": "[8 4]", "LearningRate": 2.5e-4, "Anneal": true,
		"AnnealClip": false, "MaxGradNorm": 0.5, "Gamma": 0.99, "Lambda": 0.95, "Epochs": 4.0, "Minibatches": 4.0, "NormalizeAdvantage": true,
		"Clip": 0.2, "ClipValue": true, "EntropyCoef": 0.01, "ValueCoef": 0.5, "TargetKL": 0.0, "NormalizeObservations": false,
		"ScaleReward": false, "Environment": "CartPole-v1",
	}
	if !reflect.DeepEqual(all[0].HParams, want) {
		t.Errorf("%v, want %v", all[0].HParams, want)
	}
}

// A training does not go on as if its log were written.
func TestFullDiskFailsTheTraining(t *testing.T) {
	w := &Writer{file: &fullDisk{left: 1200}, path: "PATH", now: clock(0)}
	cfg := small()
	cfg.Callbacks = []ppo.Callback{w.Update}
	r, err := ppo.Train(context.Background(), cartpole.Make, env.Levels{}, cfg)
	if !errors.Is(err, errDisk) || !strings.Contains(err.Error(), "writing PATH") || r == nil || r.Steps == 0 || r.Steps == cfg.Steps {
		t.Errorf("error %v, %+v", err, r)
	}
}
