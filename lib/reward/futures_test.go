package reward

import (
	"context"
	"math"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/human"
)

// lastCell is 1 in cell 5 and 0 elsewhere; the other feature is 0 everywhere, and what follows it must be, too.
type lastCell struct{}

func (lastCell) Names() []string { return []string{"last cell", "never"} }
func (lastCell) Features(dst []float32, obs env.Batch) {
	clear(dst[:obs.N*2])
	for i := range obs.N {
		if obs.Active[i] == 5 {
			dst[i*2] = 1
		}
	}
}

// Somebody walks from cell 0 to cell 5, step by step. Upon arriving at cell c the last cell is 5-c steps away, and what
// comes with the next step counts in full, so its discounted sum is γ to the power 4-c.
func TestFuturesAreDiscountedSumsOfWhatFollows(t *testing.T) {
	spec := env.Spec{Name: "line", Actions: 2, Sparse: 6, MaxActive: 1, MaxSteps: 5}
	const episodes = 400
	d := &human.Demonstrations{Spec: spec, Obs: env.NewBatch(spec, 5*episodes), Next: env.NewBatch(spec, 5*episodes)}
	for e := range episodes {
		for c := range 5 {
			i, end := 5*e+c, env.Running
			if c == 4 {
				end = env.Terminated
			}
			d.Obs.Active[i], d.Next.Active[i] = int32(c), int32(c+1)
			d.Action, d.End = append(d.Action, 1), append(d.End, end)
		}
		d.Episodes = append(d.Episodes, human.Episode{Lo: 5 * e, Hi: 5*e + 5})
	}
	cfg := Default()
	cfg.Discount, cfg.Batch, cfg.Epochs = 0.8, 100, 60
	f, err := learnFutures(context.Background(), d, lastCell{}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	obs := env.NewBatch(spec, 6)
	for c := range 6 {
		obs.Active[c] = int32(c)
	}
	after := f.after(obs)
	for c := 1; c < 5; c++ {
		if want := math.Pow(0.8, float64(4-c)); math.Abs(float64(after[2*c])-want) > 0.01 {
			t.Errorf("after cell %d follows %.3f, want %.3f", c, after[2*c], want)
		}
		if after[2*c+1] != 0 {
			t.Errorf("after cell %d follows %v of what never happens", c, after[2*c+1])
		}
	}
}
