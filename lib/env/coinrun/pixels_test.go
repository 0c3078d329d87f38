package coinrun

import (
	"strings"
	"testing"

	"goalgap/lib/env"
)

// The observation is the picture of Pixels, in parts of 255, of the state that the game is in; and the game is Env's.
func TestPixelEnvShowsThePicture(t *testing.T) {
	p, err := NewPixels(Config{Mode: Easy})
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(Config{Mode: Easy})
	if err != nil {
		t.Fatal(err)
	}
	if s := p.Spec(); s.Dense != 64*64*3 || s.Sparse != 0 || s.Image != (env.Image{Height: 64, Width: 64, Channels: 3}) || s.Name != "coinrun-easy-pixels" {
		t.Errorf("spec %+v", s)
	}
	p.Reset(7)
	e.Reset(7)
	dense, want := make([]float32, PixelsLen), make([]byte, PixelsLen)
	for step := range 20 {
		p.Observe(nil, dense)
		e.Pixels(want)
		lit := 0
		for i, b := range want {
			if b > 0 {
				lit++
			}
			if dense[i]*255 < float32(b)-0.01 || dense[i]*255 > float32(b)+0.01 {
				t.Fatalf("step %d: number %d is %v, the picture has %d", step, i, dense[i], b)
			}
		}
		if lit == 0 {
			t.Fatalf("step %d: the picture is black", step)
		}
		r1, end1 := p.Step(7)
		r2, end2 := e.Step(7)
		if r1 != r2 || end1 != end2 {
			t.Fatalf("step %d: %v %v, want %v %v", step, r1, end1, r2, end2)
		}
		if end1 != env.Running {
			break
		}
	}
}

func TestPixelEnvKeepsTheLaws(t *testing.T) {
	if testing.Short() {
		t.Skip("plays whole episodes with every action")
	}
	makeEnv := func() env.Env {
		p, err := NewPixels(Config{Mode: Easy})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if err := env.Check(makeEnv, 3); err != nil {
		t.Error(err)
	}
	if _, err := NewPixels(Config{Blind: 1}); err == nil || !strings.Contains(err.Error(), "Blind 0x1") {
		t.Errorf("Blind: error %v", err)
	}
	if _, err := NewPixels(Config{Mode: 9}); err == nil {
		t.Error("mode 9 was accepted")
	}
}
