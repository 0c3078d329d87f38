package exact

import (
	"math"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/jaxgmg/corner"
	"goalgap/lib/env/tabular"
)

// creature predicts a choice that depends on the sum of what is seen, with a habit of 30 %.
type creature struct{}

func wish(sum int32, a int) float64 {
	p := [4]float64{0.1, 0.2, 0.3, 0.4}
	return p[(int(sum)+a)%4]
}

func (creature) ActionLogProbs(dst []float32, obs env.Batch, previous []int32) {
	for i := range obs.N {
		sum := int32(0)
		active, _ := obs.Row(i)
		for _, x := range active {
			sum += x
		}
		for a := range 4 {
			p := 0.7 * wish(sum, a)
			if int32(a) == previous[i] {
				p += 0.3
			}
			dst[i*4+a] = float32(math.Log(p))
		}
	}
}

// What a model of people predicts is asked state by state, and habit is taken out of it.
func TestAsk(t *testing.T) {
	var processes []tabular.Process
	var levels []tabular.Env
	for seed := range int64(3) {
		e, err := corner.New(corner.Config{Size: 7, CornerSize: 5})
		if err != nil {
			t.Fatal(err)
		}
		e.Reset(seed)
		processes, levels = append(processes, e.Process()), append(levels, e)
	}
	w, err := tabular.NewWorld(processes...)
	if err != nil {
		t.Fatal(err)
	}
	policy, err := Ask(w, creature{}, levels)
	if err != nil {
		t.Fatal(err)
	}
	obs := env.NewBatch(levels[0].Spec(), 1)
	for s, p := range w.Places {
		levels[p.Level].SetState(p.State)
		active, dense := obs.Row(0)
		levels[p.Level].Observe(active, dense)
		sum := int32(0)
		for _, x := range active {
			sum += x
		}
		for a := range 4 {
			want := wish(sum, a)
			if p.Terminal {
				want = 0.25
			}
			near(t, "probability", policy[s*4+a], want, 1e-6)
		}
	}
	if _, err := Ask(w, creature{}, levels[:2]); err == nil {
		t.Error("a level is missing, and that is no error")
	}
}
