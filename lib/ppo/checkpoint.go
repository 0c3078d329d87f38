package ppo

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"goalgap/lib/env"
	"goalgap/lib/nn"
)

// position is the part of a checkpoint that is not a tensor.
type position struct {
	Config    Config
	Levels    env.Levels
	Update    int
	AdamSteps int
	Ended     int // episodes
	Elapsed   time.Duration
	Scale     [3]float64  // mean, variance and count of the reward scaling
	Evaluated []Evaluated `json:",omitempty"`
	Stop      string      `json:",omitempty"` // Trainer.stop
}

// Save writes a checkpoint, a safetensors file from which Resume goes on to the same bits as if training had never
// stopped, provided that the Rewarder has no state of its own, or its state is put back by the caller. A LoadPolicy of
// the file gives the policy. If Run was stopped within an update, Save completes that update first, and calls
// Config.Progress and Config.Callbacks as for any other: a stop is reported by the next Run, here or after Resume; of one
// that fails Save returns the error, wrapped, when it has written the checkpoint.
//
// The episodes under way are saved as their level seeds and actions, and played again by Resume.
func (t *Trainer) Save(path string) error {
	var failure error
	if t.collected {
		if err := t.runUpdate(context.Background()); err != nil {
			failure = fmt.Errorf("ppo: saving a checkpoint: completing the update under way: %w", err)
		}
		if t.collected {
			return failure
		}
	}
	f, err := t.file()
	if err == nil {
		err = f.WriteFile(path)
	}
	if err != nil {
		return fmt.Errorf("ppo: saving a checkpoint: %w", err)
	}
	return failure
}

// file gathers the state of the training.
func (t *Trainer) file() (*nn.File, error) {
	if t.failed != nil {
		return nil, t.failed
	}
	stop := ""
	if t.stop != nil {
		stop = t.stop.Error()
	}
	at, err := json.Marshal(position{
		Config: t.cfg, Levels: t.levels, Update: t.update, AdamSteps: t.adam.Steps(), Ended: t.episodes.ended,
		Elapsed: t.elapsed, Scale: [3]float64{t.scale.mean, t.scale.variance, t.scale.count},
		Evaluated: t.evaluated, Stop: stop,
	})
	if err != nil {
		return nil, err
	}
	f := &nn.File{Metadata: map[string]string{"training": string(at)}, Tensors: map[string]nn.Tensor{}}
	if err := t.policy.tensors(f); err != nil {
		return nil, err
	}
	for i, n := range t.policy.networks() {
		for name, tensor := range t.adam.Tensors(i, "adam."+n.prefix) {
			f.Tensors[name] = tensor
		}
	}
	for name, x := range t.float64s() {
		f.Tensors[name] = nn.Tensor{Shape: []int{len(x)}, Data: append([]float64(nil), x...)}
	}
	curve := []float64{}
	for _, p := range t.curve {
		curve = append(curve, p.numbers()...)
	}
	f.Tensors["curve"] = nn.Tensor{Shape: []int{len(t.curve), len(Point{}.numbers())}, Data: curve}

	steps := make([]int64, len(t.episodes.steps))
	for i, n := range t.episodes.steps {
		steps[i] = int64(n)
	}
	f.Tensors["episodes.steps"] = nn.Tensor{Shape: []int{len(steps)}, Data: steps}

	levels := make([]int64, t.vec.N)
	for i := range levels {
		e, err := t.vec.Episode(i)
		if err != nil {
			return nil, err
		}
		levels[i] = e.Level
		actions := nn.Tensor{Shape: []int{len(e.Actions)}, Data: e.Actions}
		if t.policy.Spec.Continuous > 0 {
			actions = nn.Tensor{Shape: []int{len(e.Continuous)}, Data: e.Continuous}
		}
		f.Tensors[fmt.Sprintf("env%d.actions", i)] = actions
		f.Tensors[fmt.Sprintf("env%d.levels", i)] = nn.Tensor{Shape: []int{len(e.Stream)}, Data: e.Stream}
	}
	f.Tensors["env.level"] = nn.Tensor{Shape: []int{len(levels)}, Data: levels}
	if width := t.policy.Memory; width > 0 {
		f.Tensors["memory.state"] = nn.Tensor{Shape: []int{t.vec.N, width}, Data: append([]float32(nil), t.rollout.state...)}
	}
	for name, pcg := range t.streams() {
		state, err := pcg.MarshalBinary()
		if err != nil {
			return nil, err
		}
		f.Tensors[name] = nn.Tensor{Shape: []int{len(state)}, Data: state}
	}
	return f, nil
}

// float64s names the arrays that a checkpoint holds as they are.
func (t *Trainer) float64s() map[string][]float64 {
	e := &t.episodes
	return map[string][]float64{
		"scale.return": t.scale.ret, "episodes.true.sum": e.trueSum, "episodes.train.sum": e.trainSum,
		"episodes.true": e.trueReturn, "episodes.train": e.trainReturn, "episodes.length": e.length,
	}
}

// streams names the random streams of the training but those of the levels.
func (t *Trainer) streams() map[string]*rand.PCG {
	out := map[string]*rand.PCG{"stream.minibatches": t.shuffle}
	for _, g := range t.groups {
		for i, pcg := range g.pcg {
			out[fmt.Sprintf("stream.actions%d", g.lo+i)] = pcg
		}
	}
	return out
}

// Resume returns the training that Save wrote, ready for Run. makeEnv must make the same environments, and levels and
// cfg must be what they were, but for cfg.Steps, which may be raised (an annealed learning rate then follows the new
// line), and the functions in cfg. An error says what does not agree or what is malformed.
func Resume(path string, makeEnv func() (env.Env, error), levels env.Levels, cfg Config) (*Trainer, error) {
	t, err := NewTrainer(makeEnv, levels, cfg)
	if err != nil {
		return nil, err
	}
	f, err := nn.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("ppo: resuming: %w", err)
	}
	if err := t.restore(f); err != nil {
		return nil, fmt.Errorf("ppo: resuming from %s: %w", path, err)
	}
	return t, nil
}

// restore brings a new training to the state that f holds.
func (t *Trainer) restore(f *nn.File) error {
	var at position
	text, ok := f.Metadata["training"]
	if !ok {
		return fmt.Errorf("the metadata has no entry %q: this is no checkpoint of a training", "training")
	}
	if err := json.Unmarshal([]byte(text), &at); err != nil {
		return fmt.Errorf("metadata %q: %w", "training", err)
	}
	if at.Levels != t.levels {
		return fmt.Errorf("it was trained on levels %+v, not %+v", at.Levels, t.levels)
	}
	if err := sameConfig(at.Config, t.cfg); err != nil {
		return err
	}
	if at.Update < 0 || at.Update > t.updates || at.Ended < 0 {
		return fmt.Errorf("it is at update %d after %d episodes, but Config.Steps makes %d updates", at.Update, at.Ended, t.updates)
	}
	saved, err := policyFrom(f)
	if err != nil {
		return err
	}
	if now := fitted(t.policy.Spec, saved.Spec); saved.Spec.Name != t.policy.Spec.Name || saved.Spec.MaxSteps != t.policy.Spec.MaxSteps || saved.Spec != now {
		return fmt.Errorf("it was trained on %+v, not on %+v", saved.Spec, t.policy.Spec)
	}
	for _, n := range t.policy.networks() {
		if err := n.SetTensors(f.Tensors, n.prefix); err != nil {
			return err
		}
	}
	if (saved.normalizer != nil) != t.cfg.NormalizeObservations {
		return fmt.Errorf("tensor %q does not fit NormalizeObservations = %v", "observation.count", t.cfg.NormalizeObservations)
	}
	t.policy.normalizer = saved.normalizer
	for i, n := range t.policy.networks() {
		if err := t.adam.SetTensors(i, f.Tensors, "adam."+n.prefix, at.AdamSteps); err != nil {
			return err
		}
	}
	for name, x := range t.float64s() {
		data, err := tensor[float64](f, name, len(x))
		if err != nil {
			return err
		}
		copy(x, data)
	}
	steps, err := tensor[int64](f, "episodes.steps", len(t.episodes.steps))
	if err != nil {
		return err
	}
	for i, n := range steps {
		t.episodes.steps[i] = int(n)
	}
	if t.policy.Memory > 0 {
		state, err := tensor[float32](f, "memory.state", len(t.rollout.state))
		if err != nil {
			return err
		}
		copy(t.rollout.state, state)
	}
	if err := t.restoreStreams(f); err != nil {
		return err
	}
	width := len(Point{}.numbers())
	curve, err := tensor[float64](f, "curve", at.Update*width)
	if err != nil {
		return err
	}
	for i := range at.Update {
		t.curve = append(t.curve, pointFrom(curve[i*width:(i+1)*width]))
	}
	t.evaluated = at.Evaluated
	if at.Stop != "" {
		t.stop = restoredStop(at.Stop)
	}
	t.update, t.elapsed, t.episodes.ended = at.Update, at.Elapsed, at.Ended
	t.scale.mean, t.scale.variance, t.scale.count = at.Scale[0], at.Scale[1], at.Scale[2]
	return nil
}

// restoreStreams restores the random streams and the episodes under way.
func (t *Trainer) restoreStreams(f *nn.File) error {
	for name, pcg := range t.streams() {
		state, err := tensor[uint8](f, name, -1)
		if err != nil {
			return err
		}
		if err := pcg.UnmarshalBinary(state); err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
	}
	levels, err := tensor[int64](f, "env.level", t.vec.N)
	if err != nil {
		return err
	}
	for i, level := range levels {
		e := env.Episode{Level: level}
		if name := fmt.Sprintf("env%d.actions", i); t.policy.Spec.Continuous > 0 {
			e.Continuous, err = tensor[float32](f, name, -1)
		} else {
			e.Actions, err = tensor[int32](f, name, -1)
		}
		if err != nil {
			return err
		}
		if e.Stream, err = tensor[uint8](f, fmt.Sprintf("env%d.levels", i), -1); err != nil {
			return err
		}
		if err := t.vec.SetEpisode(i, e); err != nil {
			return err
		}
	}
	return nil
}

// tensor returns the numbers of a tensor of the given type and, unless n is negative, length.
func tensor[T any](f *nn.File, name string, n int) ([]T, error) {
	x, ok := f.Tensors[name]
	if !ok {
		return nil, fmt.Errorf("tensor %q is missing", name)
	}
	data, ok := x.Data.([]T)
	if !ok {
		return nil, fmt.Errorf("tensor %q is %T, want %T", name, x.Data, data)
	}
	if n >= 0 && len(data) != n {
		return nil, fmt.Errorf("tensor %q has %d numbers, want %d", name, len(data), n)
	}
	return data, nil
}

// sameConfig reports the first field, Steps aside, in which two configurations differ.
func sameConfig(saved, now Config) error {
	saved.Steps = now.Steps
	a, errA := fields(saved)
	b, errB := fields(now)
	if errA != nil || errB != nil {
		return fmt.Errorf("comparing configurations: %v, %v", errA, errB)
	}
	value := func(x json.RawMessage) string {
		if x == nil { // left out of the JSON
			return "0"
		}
		return string(x)
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			a[name] = nil
		}
	}
	for name, x := range a {
		if value(x) != value(b[name]) {
			return fmt.Errorf("it was trained with %s = %s, not %s", name, value(x), value(b[name]))
		}
	}
	return nil
}

// fields returns a configuration's fields as JSON.
func fields(c Config) (out map[string]json.RawMessage, err error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	return out, json.Unmarshal(text, &out)
}
