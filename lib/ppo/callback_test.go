package ppo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"goalgap/lib/env"
)

var errFull = errors.New("disk full")

// levels50 is what train trains on.
var levels50 = env.Levels{Count: 50}

func newTrainer(t *testing.T, cfg Config) *Trainer {
	t.Helper()
	tr, err := NewTrainer(makeCounter, levels50, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// A callback that stops after every update, in good order or not, does not change where the training comes to.
func TestCallbackStopsTraining(t *testing.T) {
	want := fingerprint(train(t, makeCounter, small()))
	for _, reason := range []error{ErrStop, fmt.Errorf("good enough: %w", ErrStop), errFull} {
		cfg := small()
		calls := 0
		cfg.Callbacks = []Callback{func(p Progress) error {
			if calls++; p.Point.Update != calls || len(p.Curve) != calls || p.Curve[calls-1] != p.Point {
				t.Errorf("call %d is for update %d, with %d points", calls, p.Point.Update, len(p.Curve))
			}
			return reason
		}}
		tr := newTrainer(t, cfg)
		for i := 1; i <= 5; i++ {
			if tr.Done() {
				t.Fatalf("done before update %d", i)
			}
			r, err := tr.Run(context.Background())
			if reason == errFull {
				if !errors.Is(err, errFull) || !strings.Contains(err.Error(), fmt.Sprintf("Callbacks[0] after update %d of 5", i)) || r.Stopped != err {
					t.Errorf("a callback's own error became %v, stopped by %v", err, r.Stopped)
				}
			} else if err != nil || r.Stopped != reason {
				t.Errorf("stopped in good order: error %v, stopped by %v", err, r.Stopped)
			}
			if r.Steps != i*192 || len(r.Curve) != i || calls != i {
				t.Fatalf("after %d stops: %d steps, %d points, %d calls", i, r.Steps, len(r.Curve), calls)
			}
			if i == 5 && !slices.Equal(fingerprint(r), want) {
				t.Error("a training that was stopped by its callback and continued ends with other bits")
			}
		}
		if r, err := tr.Run(context.Background()); !tr.Done() || err != nil || r.Stopped != nil {
			t.Errorf("after all updates: error %v, stopped by %v", err, r.Stopped)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if r, err := newTrainer(t, small()).Run(ctx); !errors.Is(r.Stopped, context.Canceled) || r.Stopped != err {
		t.Errorf("stopped by its context: Stopped is %v", r.Stopped)
	}
}

// The first update whose return is good enough is the last.
func TestCallbackStopsWhenGoodEnough(t *testing.T) {
	cfg := small()
	cfg.Steps, cfg.LearningRate = 6*32*200, 2.5e-3
	cfg.Callbacks = []Callback{func(p Progress) error {
		if p.Point.TrueReturn > 3.5 {
			return ErrStop
		}
		return nil
	}}
	r := train(t, makeCounter, cfg)
	for i, p := range r.Curve {
		if good := p.TrueReturn > 3.5; good != (i == len(r.Curve)-1) {
			t.Errorf("update %d of %d has return %v", i+1, len(r.Curve), p.TrueReturn)
		}
	}
	if r.Steps >= cfg.Steps {
		t.Error("training was not stopped")
	}
}

// A callback behind one that stops, such as a logger, is told of the last update too. Where one stops and another fails,
// Run fails first and then stops.
func TestAllCallbacksAreCalled(t *testing.T) {
	first, second := fmt.Errorf("first: %w", ErrStop), fmt.Errorf("second: %w", ErrStop)
	var called []string
	say := func(name string, err error) Callback {
		return func(p Progress) error {
			called = append(called, fmt.Sprint(p.Point.Update, name))
			if p.Point.Update == 2 {
				return err
			}
			return nil
		}
	}
	cfg := small()
	cfg.Progress = func(Progress) { called = append(called, "progress") }
	cfg.Callbacks = []Callback{say("a", first), say("b", second), say("c", nil), say("d", errFull), say("e", errors.New("other"))}
	tr := newTrainer(t, cfg)
	r, err := tr.Run(context.Background())
	if want := strings.Fields("progress 1a 1b 1c 1d 1e progress 2a 2b 2c 2d 2e"); !slices.Equal(called, want) {
		t.Errorf("called %v, want %v", called, want)
	}
	if !errors.Is(err, errFull) || !strings.Contains(err.Error(), "Callbacks[3] after update 2 of 5") || r.Steps != 2*192 {
		t.Errorf("error %v after %d steps", err, r.Steps)
	}
	if r, err = tr.Run(context.Background()); err != nil || r.Stopped != first || r.Steps != 2*192 {
		t.Errorf("then error %v, stopped by %v after %d steps", err, r.Stopped, r.Steps)
	}
	if r, err = tr.Run(context.Background()); err != nil || r.Stopped != nil || r.Steps != 5*192 {
		t.Errorf("at last error %v, stopped by %v after %d steps", err, r.Stopped, r.Steps)
	}
}

// Save completes an update. The stop that comes of it is not lost: the next Run reports it, after Resume too.
func TestStopWhileSaving(t *testing.T) {
	want := fingerprint(train(t, makeCounter, small()))
	path := filepath.Join(t.TempDir(), "checkpoint")
	for _, reason := range []error{fmt.Errorf("enough: %w", ErrStop), errFull} {
		cfg := small()
		cfg.Callbacks = []Callback{func(p Progress) error {
			if p.Point.Update == 1 {
				return reason
			}
			return nil
		}}
		tr := newTrainer(t, cfg)
		if _, err := tr.Run(&countdown{Context: context.Background(), left: 3}); !errors.Is(err, context.Canceled) || !tr.collected {
			t.Fatalf("not stopped within an update: %v", err)
		}
		err := tr.Save(path)
		if reason == errFull && (!errors.Is(err, errFull) || !strings.Contains(err.Error(), "completing the update")) || reason != errFull && err != nil {
			t.Errorf("saving: %v", err)
		}
		again, err := Resume(path, makeCounter, levels50, cfg)
		if err != nil {
			t.Fatal(err)
		}
		for name, tr := range map[string]*Trainer{"the training": tr, "the resumed training": again} {
			if reason != errFull {
				r, err := tr.Run(context.Background())
				if err != nil || r.Steps != 192 || !errors.Is(r.Stopped, ErrStop) || r.Stopped.Error() != reason.Error() {
					t.Errorf("%s: error %v after %d steps, stopped by %v", name, err, r.Steps, r.Stopped)
				}
			}
			r, err := tr.Run(context.Background())
			if err != nil || r.Stopped != nil || !slices.Equal(fingerprint(r), want) {
				t.Errorf("%s: error %v, stopped by %v, or other bits", name, err, r.Stopped)
			}
		}
	}
}

// evaluating returns a configuration with two evaluations, after each update and after every other, that learns.
func evaluating() Config {
	cfg := small()
	cfg.Steps, cfg.LearningRate = 6*32*40, 1e-4
	cfg.Evaluate = []Evaluation{
		{Name: "often", Episodes: 20, Every: 1},
		{Name: "seldom", Episodes: 20, Every: 2 * 192},
	}
	return cfg
}

// returnsOf returns the returns of the evaluations of one name.
func returnsOf(name string, evaluated []Evaluated) (out []float64) {
	for _, e := range evaluated {
		if e.Name == name {
			out = append(out, e.Return)
		}
	}
	return out
}

// Callbacks that stop do so at the same update, with the same bits and words, when the training was saved before and
// resumed; that update is the one that the returns of a training without them say.
func TestStopsAreWhereTheReturnsSayAlsoAfterResume(t *testing.T) {
	full := train(t, makeCounter, evaluating())
	returns := returnsOf("seldom", full.Evaluated)
	threshold := (returns[0] + slices.Max(returns)) / 2
	reached := slices.IndexFunc(returns, func(x float64) bool { return x >= threshold })
	stalled := -1 // the second of the first two evaluations in a row without a new best, by a rule of its own
	for i := 2; i < len(returns) && stalled < 0; i++ {
		if slices.Max(returns[:i-1]) >= max(returns[i-1], returns[i]) {
			stalled = i
		}
	}
	if reached < 1 || stalled < 2 {
		t.Fatalf("returns %v are no good for this test", returns)
	}
	for name, c := range map[string]struct {
		callback Callback
		updates  int
		text     string
	}{
		"StopAtReturn": {StopAtReturn("seldom", threshold), 2 * (reached + 1),
			fmt.Sprintf("has a return of %.6g after %d steps", returns[reached], 2*192*(reached+1))},
		"StopWithoutImprovement": {StopWithoutImprovement("seldom", 2, 0), 2 * (stalled + 1),
			fmt.Sprintf("its best return is %.6g", slices.Max(returns[:stalled+1]))},
	} {
		cfg := evaluating()
		cfg.Callbacks = []Callback{c.callback}
		tr := newTrainer(t, cfg)
		if r, err := tr.RunUpdates(context.Background(), c.updates-1); err != nil || r.Stopped != nil {
			t.Fatalf("%s: stopped too early, after %d steps: %v, %v", name, r.Steps, r.Stopped, err)
		}
		path := filepath.Join(t.TempDir(), "checkpoint")
		if err := tr.Save(path); err != nil {
			t.Fatal(err)
		}
		resumed, err := Resume(path, makeCounter, levels50, cfg)
		if err != nil {
			t.Fatal(err)
		}
		r, err := tr.Run(context.Background())
		if err != nil || !errors.Is(r.Stopped, ErrStop) || !strings.Contains(r.Stopped.Error(), c.text) || r.Steps != c.updates*192 {
			t.Errorf("%s: error %v, stopped by %v after %d steps, want %q after %d updates", name, err, r.Stopped, r.Steps, c.text, c.updates)
		}
		again, err := resumed.Run(context.Background())
		if err != nil || again.Stopped == nil || again.Stopped.Error() != r.Stopped.Error() || !slices.Equal(fingerprint(again), fingerprint(r)) {
			t.Errorf("%s: resumed: error %v, stopped by %v, want %v and the same bits", name, err, again.Stopped, r.Stopped)
		}
	}
}

func TestStopWithoutImprovementByHand(t *testing.T) {
	for _, c := range []struct {
		returns         []float64
		patience, least int
		stops           int // at which evaluation, from 1; 0: never
	}{
		{[]float64{1, 2, 3, 4}, 1, 0, 0},
		{[]float64{5}, 1, 0, 0},
		{[]float64{1, 1}, 1, 0, 2}, // as good is no improvement
		{[]float64{1, 0, 2, 1, 1.5, 3}, 2, 0, 5},
		{[]float64{1, 0, 2, 1, 1.5, 3}, 3, 0, 0},
		{[]float64{-5, -6, -7}, 2, 0, 3},       // the first is the best, though it is below 0
		{[]float64{0, 0, 0, 0, 0, 0}, 2, 3, 5}, // the first three do not count
		{[]float64{0, 0, 0, 1, 0, 0}, 2, 3, 6},
		{[]float64{9, 0, 0, 0, 0}, 2, 2, 4},
		{[]float64{1, 1}, -3, -1, 2},
	} {
		p := Progress{Trainer: &Trainer{evaluators: []*evaluator{{Evaluation: Evaluation{Name: "x"}}, {Evaluation: Evaluation{Name: "y"}}}}}
		stop, at := StopWithoutImprovement("x", c.patience, c.least), 0
		for i, x := range c.returns {
			p.Evaluated = []Evaluated{{Name: "y", Return: float64(-i)}, {Name: "x", Return: x, Steps: i}}
			p.History = append(p.History, p.Evaluated...)
			if err := stop(p); err != nil {
				if !errors.Is(err, ErrStop) {
					t.Fatal(err)
				}
				at = i + 1
				break
			}
			p.Evaluated = p.Evaluated[:1]
			if err := stop(p); err != nil {
				t.Errorf("stopped after an update without the evaluation: %v", err)
			}
		}
		if at != c.stops {
			t.Errorf("returns %v, patience %d, least %d: stopped at evaluation %d, want %d", c.returns, c.patience, c.least, at, c.stops)
		}
	}
}

func TestCallbackForAnEvaluationThatIsNot(t *testing.T) {
	for _, callback := range []Callback{StopAtReturn("soon", 0), StopWithoutImprovement("soon", 1, 0), SaveBest("soon", "x")} {
		cfg := evaluating()
		cfg.Callbacks = []Callback{callback}
		if r, err := Train(context.Background(), makeCounter, levels50, cfg); err == nil || !strings.Contains(err.Error(), `"soon"`) || r.Steps != 192 {
			t.Errorf("error %v after %d steps", err, r.Steps)
		}
	}
}

func TestSaveBest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "best")
	cfg := evaluating()
	cfg.Anneal = false // so that the last policy is not the best
	var policies []*Policy
	cfg.Callbacks = []Callback{SaveBest("seldom", path), func(p Progress) error {
		if len(p.Evaluated) == 2 {
			policies = append(policies, p.Trainer.Policy())
		}
		return nil
	}}
	r := train(t, makeCounter, cfg)
	returns := returnsOf("seldom", r.Evaluated)
	best := 0 // the first of the best
	for i, x := range returns {
		if x > returns[best] {
			best = i
		}
	}
	if best == 0 || best == len(returns)-1 {
		t.Fatalf("returns %v are no good for this test", returns)
	}
	got, err := LoadPolicy(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range policies {
		if same := slices.Equal(got.actor.Param, p.actor.Param); same != (i == best) {
			t.Errorf("the file is the policy of evaluation %d: %v; the best is %d", i, same, best)
		}
	}
	cfg.Callbacks = []Callback{SaveBest("seldom", filepath.Join(path, "no folder"))}
	if _, err := Train(context.Background(), makeCounter, levels50, cfg); err == nil || !strings.Contains(err.Error(), "Callbacks[0] after update 2") {
		t.Errorf("a file that cannot be written: error %v", err)
	}
}

// A checkpoint out of a callback is that of the update just completed, and knows of a stop by a callback before.
func TestSaveEvery(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint")
	want := fingerprint(train(t, makeCounter, small()))
	cfg := small()
	var at []int
	stopAt := -1
	cfg.Callbacks = []Callback{
		func(p Progress) error {
			if p.Point.Update == stopAt {
				return ErrStop
			}
			return nil
		},
		SaveEvery(300, path),
		func(p Progress) error {
			if _, err := os.Stat(path); err == nil {
				at = append(at, p.Steps)
				resumed, err := Resume(path, makeCounter, levels50, small())
				if err != nil {
					return err
				}
				r, err := resumed.Run(context.Background())
				if p.Point.Update == stopAt {
					if !errors.Is(r.Stopped, ErrStop) || r.Steps != p.Steps {
						t.Error("the checkpoint does not know of the stop")
					}
					r, err = resumed.Run(context.Background())
				}
				if err != nil || !slices.Equal(fingerprint(r), want) {
					t.Errorf("resumed from the checkpoint of update %d: error %v, or other bits", p.Point.Update, err)
				}
				return os.Remove(path)
			}
			return nil
		},
	}
	train(t, makeCounter, cfg)
	// Passed are 300 by 384, 600 by 768, 900 by 960, which is also the last.
	if !slices.Equal(at, []int{384, 768, 960}) {
		t.Errorf("saved after %v steps, want 384, 768, 960", at)
	}
	at, stopAt = nil, 4
	if r := train(t, makeCounter, cfg); r.Stopped != ErrStop || !slices.Equal(at, []int{384, 768}) {
		t.Errorf("stopped by %v, saved after %v steps", r.Stopped, at)
	}
	at, stopAt = nil, -1
	cfg.Callbacks[1] = SaveEvery(5000, path)
	if train(t, makeCounter, cfg); !slices.Equal(at, []int{960}) {
		t.Errorf("saved after %v steps, want the last, 960", at)
	}
	cfg.Callbacks = []Callback{SaveEvery(0, path)}
	if _, err := Train(context.Background(), makeCounter, levels50, cfg); err == nil || !strings.Contains(err.Error(), "SaveEvery 0") {
		t.Errorf("SaveEvery(0): error %v", err)
	}
}
