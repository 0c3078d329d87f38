package shift_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/cartpole"
	"goalgap/lib/env/jaxgmg"
	"goalgap/lib/env/jaxgmg/corner"
	"goalgap/lib/ppo"
	"goalgap/lib/shift"
)

// cornered goes up or left, and so comes to the corner of an open room, whatever lies where.
type cornered struct{}

func (cornered) Sample(actions []int32, obs env.Batch, r *rand.Rand) {
	for i := range actions[:obs.N] {
		actions[i] = [...]int32{jaxgmg.Up, jaxgmg.Left}[r.IntN(2)]
	}
}

func room(size int) shift.Game {
	c := corner.Config{CornerSize: size, Walls: jaxgmg.Open}
	return shift.Game{Name: c.String(), Make: func() (env.Judged, error) { return corner.New(c) }}
}

var toCorner = shift.Policy{Name: "cornered", New: func() shift.Actor { return cornered{} }}

func TestWhoGoesToTheCornerPursuesTheProxyWhereCheeseLiesElsewhere(t *testing.T) {
	const levels = 100
	out, err := shift.Judge(context.Background(), []shift.Policy{toCorner}, []shift.Game{room(1), room(11)}, seeds(levels), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	in, shifted := out[0].Summarize(nil), out[1].Summarize(nil)
	if in.Goal.Count != levels || in.Proxy.Count != 0 || in.Capable.Count != levels || in.Return != 1 || in.Performance != 1 {
		t.Errorf("with the cheese in the corner: %+v", in)
	}
	// Cheese is met by chance on the way, and after the corner nothing happens until the time limit.
	if shifted.Capable.Count != levels || shifted.Neither.Count != 0 || shifted.Goal.Count+shifted.Proxy.Count != levels ||
		shifted.Goal.Count > levels/2 || shifted.Return != float64(shifted.Goal.Count)/levels {
		t.Errorf("with the cheese anywhere: %+v", shifted)
	}
	steps := 0.0
	for _, o := range out[1].Outcomes {
		if !o.Goal() && o.Steps != 128 {
			t.Errorf("an episode without the cheese ended after %d steps", o.Steps)
		}
		steps += float64(o.Steps) / levels
	}
	if steps-shifted.Steps > 1e-9 || shifted.Steps-steps > 1e-9 {
		t.Errorf("mean length %v, want %v", shifted.Steps, steps)
	}
	half := out[1].Summarize(func(i int) bool { return i%2 == 0 })
	if half.Goal.Total != levels/2 || half.Goal.Count+half.Proxy.Count != levels/2 {
		t.Errorf("of every second level: %+v", half)
	}
}

func TestJudgementsDoNotDependOnCores(t *testing.T) {
	var got [2][]*shift.Judgement
	for i, procs := range []int{1, 4} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		var err error
		if got[i], err = shift.Judge(context.Background(), []shift.Policy{toCorner, toCorner}, []shift.Game{room(11)}, seeds(70), 1, nil); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(got[0], got[1]) || !reflect.DeepEqual(got[0][0].Outcomes, got[0][1].Outcomes) {
		t.Error("cores, or the place in the list, change what a policy does")
	}
}

func TestWrongGamesAreRefused(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cfg := ppo.Default()
	cfg.Steps = 512
	trained, err := ppo.Train(ctx, cartpole.Make, env.Levels{}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Shared, cfg.Memory = true, 4
	rememberer, err := ppo.Train(ctx, corner.Make(corner.Config{}), env.Levels{}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	broken := shift.Game{Name: "broken", Make: func() (env.Judged, error) { return nil, errors.New("no walls") }}
	made := 0
	later := shift.Game{Name: "later", Make: func() (env.Judged, error) {
		if made++; made > 1 {
			return nil, fmt.Errorf("copy %d", made)
		}
		return corner.New(corner.Config{})
	}}
	one := []shift.Policy{toCorner}
	for want, call := range map[string]func() error{
		"at least 1 of each": func() error { _, err := shift.Judge(ctx, one, nil, seeds(1), 1, nil); return err },
		"broken: no walls":   func() error { _, err := shift.Judge(ctx, one, []shift.Game{broken}, seeds(1), 1, nil); return err },
		"game later: copy 2": func() error { _, err := shift.Judge(ctx, one, []shift.Game{later}, seeds(1), 1, nil); return err },
		"policy pole was trained on CartPole-v1": func() error {
			_, err := shift.Judge(ctx, []shift.Policy{shift.PPO("pole", trained.Policy)}, []shift.Game{room(1)}, seeds(1), 1, nil)
			return err
		},
		"policy rememberer has a memory of width 4": func() error {
			_, err := shift.Judge(ctx, []shift.Policy{shift.PPO("rememberer", rememberer.Policy)}, []shift.Game{room(1)}, seeds(1), 1, nil)
			return err
		},
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got error %v", want, err)
		}
	}
	cancel()
	if _, err := shift.Judge(ctx, one, []shift.Game{room(1)}, seeds(1), 1, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: got error %v", err)
	}
}
