package tensorboard

import (
	"context"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"goalgap/lib/env"
	"goalgap/lib/env/cartpole"
	"goalgap/lib/ppo"
)

// The test of TeamHG-Memex/tensorboard_logger expects these bytes of the same two values at the same time, 256.5 s.
func TestBytesOfAFile(t *testing.T) {
	const want = "\x18\x00\x00\x00\x00\x00\x00\x00\xa3\x7fK\"\t\x00\x00\x00\x00\x00\x08p@\x1a\rbrain.Event:2\xbc\x98!+" +
		"\x19\x00\x00\x00\x00\x00\x00\x00\x8b\xf1\x08(\t\x00\x00\x00\x00\x00\x08p@\x10\x01*\x0c\n\n\n\x03v/1\x15\x00\x00\xc0?,\xec\xc0\x87" +
		"\x1a\x00\x00\x00\x00\x00\x00\x00\x12\x9b\xd8-\t\x00\x00\x00\x00\x00\x08p@\x10\x02*\r\n\x0b\n\x04v/22\x15\x00\x00\x80A\x8f\xa3\xb6\x88"
	w, err := create(filepath.Join(t.TempDir(), "deep", "er"), func() time.Time { return time.Unix(256, 500_000_000) })
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{w.Scalar("v/1", 1, 1.5), w.Scalar("v/22", 2, 16), w.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(w.Path())
	if err != nil || string(got) != want {
		t.Errorf("%q, want %q; %v", got, want, err)
	}
	if name := filepath.Base(w.Path()); !strings.HasPrefix(name, "events.out.tfevents.0000000256.") {
		t.Errorf("the file is %s", name)
	}
}

// scalars reads a file back: for each tag the steps and values.
func scalars(t *testing.T, path string) map[string]map[uint64]float32 {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]map[uint64]float32{}
	for len(b) > 0 {
		n := binary.LittleEndian.Uint64(b)
		data := b[12 : 12+n]
		b = b[12+n+4:]
		var step uint64
		data = data[9:] // the time
		if data[0] == 0x10 {
			var k int
			step, k = binary.Uvarint(data[1:])
			data = data[1+k:]
		}
		if data[0] != 0x2a {
			continue
		}
		_, k := binary.Uvarint(data[1:])
		data = data[1+k:] // Summary
		_, k = binary.Uvarint(data[1:])
		data = data[1+k:] // Value
		length, k := binary.Uvarint(data[1:])
		tag := string(data[1+k : 1+k+int(length)])
		data = data[1+k+int(length):]
		if out[tag] == nil {
			out[tag] = map[uint64]float32{}
		}
		out[tag][step] = math.Float32frombits(binary.LittleEndian.Uint32(data[1:]))
	}
	return out
}

func TestATrainingIsLogged(t *testing.T) {
	w, err := Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cfg := ppo.Default()
	cfg.Steps = 2048
	cfg.Evaluate = []ppo.Evaluation{{Name: "new", Levels: env.Levels{Start: 100, Count: 100}, Episodes: 5, Every: 1024}}
	cfg.Callback = func(p ppo.Progress) error {
		if err := w.Log(p); err != nil {
			return err
		}
		// It is in the file at once, for those who watch.
		if got := scalars(t, w.Path())["train/value_loss"]; len(got) != p.Point.Update {
			t.Errorf("after update %d the file has %v", p.Point.Update, got)
		}
		return nil
	}
	r, err := ppo.Train(context.Background(), cartpole.Make, env.Levels{Count: 100}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got := scalars(t, w.Path())
	for _, p := range r.Curve {
		step := uint64(p.Steps)
		for tag, want := range map[string]float64{
			"rollout/ep_rew_mean": p.TrueReturn, "rollout/ep_len_mean": p.Length, "train/entropy_loss": -p.Entropy,
			"train/approx_kl": p.ApproxKL, "train/value_loss": p.ValueLoss, "train/learning_rate": p.LearningRate,
		} {
			if v, ok := got[tag][step]; !ok || v != float32(want) {
				t.Errorf("%s at step %d is %v, want %v", tag, step, v, want)
			}
		}
	}
	if len(r.Evaluated) != 2 {
		t.Fatalf("%d evaluations", len(r.Evaluated))
	}
	for _, e := range r.Evaluated {
		if v, ok := got["eval/new/mean_reward"][uint64(e.Steps)]; !ok || v != float32(e.Return) {
			t.Errorf("evaluation at step %d: %v, want %v", e.Steps, v, e.Return)
		}
	}
}

// What is not known is left out; the step of an update of 2³⁰ steps and more is kept.
func TestUnknownValues(t *testing.T) {
	w, err := Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	nan := math.NaN()
	if err := w.Log(ppo.Progress{Steps: 1 << 40, Point: ppo.Point{TrueReturn: nan, TrainReturn: nan, Length: nan, ExplainedVariance: nan, ValueLoss: 3}}); err != nil {
		t.Fatal(err)
	}
	got := scalars(t, w.Path())
	for _, tag := range []string{"rollout/ep_rew_mean", "rollout/ep_len_mean", "train/explained_variance"} {
		if _, ok := got[tag]; ok {
			t.Errorf("%s is there", tag)
		}
	}
	if got["train/value_loss"][1<<40] != 3 {
		t.Errorf("the loss is %v", got["train/value_loss"])
	}
}

func TestWrongInput(t *testing.T) {
	dir := t.TempDir()
	w, err := Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	for want, err := range map[string]error{
		"without a tag":            w.Scalar("", 1, 1),
		`"x": step -1 is negative`: w.Scalar("x", -1, 1),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one containing %q", err, want)
		}
	}
	if err := w.Scalar("x", 1, math.Inf(1)); err != nil {
		t.Errorf("an infinite value: %v", err)
	}
	// Two writers in one folder have files of their own.
	other, err := Create(dir)
	if err != nil || other.Path() == w.Path() {
		t.Errorf("a second file: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Log(ppo.Progress{}); err == nil {
		t.Error("no error from a file that is closed")
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(file); err == nil || !strings.Contains(err.Error(), "making a folder") {
		t.Errorf("a file in the way: error %v", err)
	}
}

// RFC 3720, B.4: CRC-32C of 32 zeros and of 32 ones.
func TestChecksum(t *testing.T) {
	mask := func(c uint32) uint32 { return (c>>15 | c<<17) + 0xa282ead8 }
	for _, c := range []struct {
		of   byte
		want uint32
	}{{0, 0x8a9136aa}, {0xff, 0x62a8ab43}} {
		if got := masked(slices.Repeat([]byte{c.of}, 32)); got != mask(c.want) {
			t.Errorf("32 times %#x: %#x, want %#x", c.of, got, mask(c.want))
		}
	}
}
