package ppo

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"goalgap/lib/env"
)

// A callback that stops after every update, in good order or not, does not change where the training comes to.
func TestCallbackStopsTraining(t *testing.T) {
	full := errors.New("disk full")
	want := fingerprint(train(t, makeCounter, small()))
	for _, reason := range []error{ErrStop, full} {
		cfg := small()
		calls := 0
		cfg.Callback = func(p Progress) error {
			if calls++; p.Point.Update != calls {
				t.Errorf("call %d is for update %d", calls, p.Point.Update)
			}
			return reason
		}
		tr, err := NewTrainer(makeCounter, env.Levels{Count: 50}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		for i := 1; i <= 5; i++ {
			if tr.Done() {
				t.Fatalf("done before update %d", i)
			}
			r, err := tr.Run(context.Background())
			if reason == ErrStop && err != nil {
				t.Errorf("stopped in good order: error %v", err)
			}
			if reason == full && (!errors.Is(err, full) || !strings.Contains(err.Error(), "Callback after update")) {
				t.Errorf("a callback's own error became %v", err)
			}
			if r.Steps != i*192 || len(r.Curve) != i || calls != i {
				t.Fatalf("after %d stops: %d steps, %d points, %d calls", i, r.Steps, len(r.Curve), calls)
			}
			if i == 5 && !slices.Equal(fingerprint(r), want) {
				t.Error("a training that was stopped by its callback and continued ends with other bits")
			}
		}
		if !tr.Done() {
			t.Error("not done after all updates")
		}
	}
}

// The first update whose return is good enough is the last.
func TestCallbackStopsWhenGoodEnough(t *testing.T) {
	cfg := small()
	cfg.Steps, cfg.LearningRate = 6*32*200, 2.5e-3
	cfg.Callback = func(p Progress) error {
		if p.Point.TrueReturn > 3.5 {
			return ErrStop
		}
		return nil
	}
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

func TestSaveCompletesAnUpdateThoughTheCallbackStops(t *testing.T) {
	cfg := small()
	cfg.Callback = func(Progress) error { return ErrStop }
	tr, err := NewTrainer(makeCounter, env.Levels{Count: 50}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Run(&countdown{Context: context.Background(), left: 3}); !errors.Is(err, context.Canceled) || !tr.collected {
		t.Fatalf("not stopped within an update: %v", err)
	}
	path := filepath.Join(t.TempDir(), "checkpoint")
	if err := tr.Save(path); err != nil {
		t.Fatal(err)
	}
	again, err := Resume(path, makeCounter, env.Levels{Count: 50}, cfg)
	if err != nil || again.update != 1 {
		t.Errorf("resumed: %v", err)
	}
}
