package reward_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/human"
	"goalgap/lib/reward"
)

// table is a reward and a potential of 8 states and 3 actions, drawn at random.
type table struct {
	r         [8][3][8]float32
	potential [8]float32
	scale     float32
	gamma     float32
}

func (f table) Rewards(dst []float32, obs env.Batch, actions []int32, next env.Batch, _ []env.End) {
	for i := range dst {
		s, n := obs.Active[i], next.Active[i]
		dst[i] = f.scale*f.r[s][actions[i]][n] + f.gamma*f.potential[n] - f.potential[s]
	}
}

func randomTable(r *rand.Rand) (f table) {
	f.scale = 1
	for s := range f.r {
		for a := range f.r[s] {
			for n := range f.r[s][a] {
				f.r[s][a][n] = float32(r.NormFloat64())
			}
		}
	}
	return f
}

func transitions(r *rand.Rand) *human.Demonstrations {
	spec := env.Spec{Name: "table", Actions: 3, Sparse: 8, MaxActive: 1, MaxSteps: 10}
	const n = 400
	d := &human.Demonstrations{Spec: spec, Obs: env.NewBatch(spec, n), Next: env.NewBatch(spec, n)}
	for i := range n {
		d.Obs.Active[i], d.Next.Active[i] = r.Int32N(8), r.Int32N(8)
		d.Action, d.End, d.Previous = append(d.Action, r.Int32N(3)), append(d.End, env.Running), append(d.Previous, -1)
	}
	for i := 0; i < n; i += 10 {
		d.Episodes = append(d.Episodes, human.Episode{Lo: i, Hi: i + 10})
	}
	return d
}

func TestEPICIgnoresScaleAndShaping(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	d, cfg := transitions(r), reward.DefaultEPIC()
	distance := func(a, b reward.Func) float64 {
		t.Helper()
		x, err := reward.EPIC(a, b, d, cfg)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	for range 5 {
		f := randomTable(r)
		shaped := f
		shaped.scale, shaped.gamma = 3, float32(cfg.Discount)
		for s := range shaped.potential {
			shaped.potential[s] = float32(10 * r.NormFloat64())
		}
		if x := distance(f, shaped); x > 1e-3 {
			t.Errorf("distance %v to a scaled and shaped copy, want 0", x)
		}
		negated := f
		negated.scale = -1
		if x := distance(f, negated); math.Abs(x-1) > 1e-6 {
			t.Errorf("distance %v to the negated reward, want 1", x)
		}
		if x := distance(f, randomTable(r)); math.Abs(x-math.Sqrt(0.5)) > 0.1 {
			t.Errorf("distance %v to an unrelated reward, want about √½", x)
		}
	}
}

// rewardOfState7 pays 10 for arriving at state 7.
type rewardOfState7 struct{}

func (rewardOfState7) Rewards(dst []float32, _ env.Batch, _ []int32, next env.Batch, _ []env.End) {
	for i := range dst {
		dst[i] = 0
		if next.Active[i] == 7 {
			dst[i] = 10
		}
	}
}

func TestRewardOfTheEndKnowsNoGoodEnd(t *testing.T) {
	// Ten episodes of ten steps that end; in seven of them state 7, the rewarded one, is where they end.
	d := transitions(rand.New(rand.NewPCG(1, 2)))
	d.Episodes = d.Episodes[:10]
	for i := range d.End {
		d.Next.Active[i] = int32(i % 7)
		if i%10 == 9 {
			d.End[i] = env.Terminated
			if i < 70 {
				d.Next.Active[i] = 7
			}
		}
	}
	truth := rewardOfState7{}
	q, err := reward.Compare(reward.Ended{}, truth, d, reward.DefaultEPIC())
	if err != nil {
		t.Fatal(err)
	}
	if q.Events != 7 || q.AUROCEndings.Estimate != 0.5 || q.AUROC.Estimate < 0.9 {
		t.Errorf("%+v: want 7 events, told from all else but not from other endings", q)
	}
	if q, err = reward.Compare(truth, truth, d, reward.DefaultEPIC()); err != nil || q.AUROC.Estimate != 1 || q.AUROCEndings.Estimate != 1 || q.EPIC.Estimate > 1e-6 {
		t.Errorf("the truth against itself: %+v, %v", q, err)
	}
}
