package ppo

import (
	"math"
	"strings"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/nn"
)

// The head of the network, applied to the latent, gives the policy's probabilities.
func TestLatentIsWhatTheHeadReads(t *testing.T) {
	spec := env.Spec{Name: "t", Actions: 3, Sparse: 6, MaxActive: 2, Dense: 1, MaxSteps: 9}
	p, err := newPolicy(spec, Architecture{Hidden: []int{7, 5}}, false, 3)
	if err != nil {
		t.Fatal(err)
	}
	obs := env.NewBatch(spec, 4)
	for i := range obs.N {
		active, dense := obs.Row(i)
		active[0], active[1], dense[0] = int32(i), -1, float32(i)-1.5
	}
	latent, err := p.Latent(obs)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float32, obs.N*spec.Actions)
	p.Probabilities(want, obs)
	weight := p.actor.Tensors()["layer2.weight"].Data.([]float32)
	bias := p.actor.Tensors()["layer2.bias"].Data.([]float32)
	for i, x := range latent {
		logits, got := make([]float32, spec.Actions), make([]float32, spec.Actions)
		for a := range logits {
			sum := float64(bias[a])
			for j, v := range x {
				sum += v * float64(weight[j*spec.Actions+a])
			}
			logits[a] = float32(sum)
		}
		nn.Softmax(got, logits)
		for a := range got {
			if math.Abs(float64(got[a]-want[i*spec.Actions+a])) > 1e-6 {
				t.Errorf("observation %d, action %d: probability %v by the latent, %v by the policy", i, a, got[a], want[i*spec.Actions+a])
			}
		}
	}
	flat, err := newPolicy(spec, Architecture{}, false, 3)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := flat.Latent(obs); err == nil || !strings.Contains(err.Error(), "no hidden layer") {
		t.Errorf("error %v", err)
	}
}
