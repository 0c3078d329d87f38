package world

import (
	"context"
	"math"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/human"
	"goalgap/lib/nn"
)

// walk is somebody on a line of cells who prefers the middle.
type walk struct{ at, t int }

func (*walk) Spec() env.Spec {
	return env.Spec{Name: "walk", Actions: 2, Sparse: 9, MaxActive: 1, MaxSteps: 12}
}
func (w *walk) Reset(seed int64) { *w = walk{at: int(seed % 9)} }
func (w *walk) Step(a int) (float32, env.End) {
	w.at = max(0, min(8, w.at+2*a-1))
	if w.t++; w.t == 12 {
		return 0, env.Truncated
	}
	return 0, env.Running
}
func (w *walk) Observe(active []int32, _ []float32) { active[0] = int32(w.at) }
func (w *walk) ActionValues(dst []float64)          { dst[0], dst[1] = float64(w.at), 4 }

// The head of the network, applied to the latent, gives what the model predicts.
func TestLatentIsWhatTheHeadReads(t *testing.T) {
	d, err := human.Demonstrate(context.Background(), []human.Kind{{
		Name: "walk", Make: func() (human.Player, error) { return new(walk), nil },
		Levels: env.Levels{Count: 9}, Episodes: 50, Person: human.Person{Rationality: 1},
	}}, human.Config{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Default()
	cfg.Hidden, cfg.Epochs, cfg.Batch = []int{12, 7}, 5, 64
	m, err := Train(context.Background(), d, cfg)
	if err != nil {
		t.Fatal(err)
	}
	obs, previous := d.Obs.Slice(0, 40), d.Previous[:40]
	latent, err := m.Latent(obs, previous)
	if err != nil {
		t.Fatal(err)
	}
	logProbs := make([]float32, 40*2)
	m.ActionLogProbs(logProbs, obs, previous)
	head := m.person.Tensors()
	weight, bias := head["layer2.weight"].Data.([]float32), head["layer2.bias"].Data.([]float32)
	for i, row := range latent {
		if len(row) != 7 {
			t.Fatalf("a latent of %d numbers", len(row))
		}
		var logits, want [2]float32
		for a := range logits {
			sum := float64(bias[a])
			for j, x := range row {
				sum += x * float64(weight[j*2+a])
			}
			logits[a] = float32(sum)
		}
		nn.LogSoftmax(want[:], logits[:])
		for a := range want {
			if math.Abs(float64(want[a]-logProbs[i*2+a])) > 1e-4 {
				t.Fatalf("row %d: the head reads %v, the model predicts %v", i, want, logProbs[i*2:i*2+2])
			}
		}
	}
}
