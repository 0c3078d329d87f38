package shift_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/coinrun"
	"goalgap/lib/reward"
	"goalgap/lib/shift"
)

var (
	_ reward.Func     = shift.CoinReward{}
	_ reward.Features = shift.Contacts{}
)

// runner jumps and runs to the right, mostly.
type runner struct{}

func (runner) Sample(actions []int32, obs env.Batch, r *rand.Rand) {
	for i := range obs.N {
		actions[i] = int32(coinrun.Action(1, r.IntN(2)))
		if r.IntN(10) == 0 {
			actions[i] = int32(r.IntN(coinrun.NumActions))
		}
	}
}

var (
	policy = shift.Policy{Name: "runner", New: func() shift.Actor { return runner{} }}
	end    = coinrun.Config{Variant: coinrun.RandomCoin, Mode: coinrun.Easy}
	moved  = coinrun.Config{Variant: coinrun.RandomCoin, Mode: coinrun.Easy, RandomPercent: 100}
)

func seeds(n int) (s []int64) {
	for i := range n {
		s = append(s, int64(i))
	}
	return s
}

// Contacts reads the coin off the observation; the game decides by positions. They must agree on every step.
func TestCoinRewardIsTheGamesOwn(t *testing.T) {
	for _, game := range []coinrun.Config{end, moved, {}, {Variant: coinrun.ModWall, RandomPercent: 50, ContinueAfterCoin: true}} {
		e, err := coinrun.New(game)
		if err != nil {
			t.Fatal(err)
		}
		obs, action, r := env.NewBatch(e.Spec(), 1), make([]int32, 1), rand.New(rand.NewPCG(1, 1))
		got, coins := make([]float32, 1), 0
		for seed := range int64(300) {
			e.Reset(seed)
			for stop := env.Running; stop == env.Running && e.Steps() < 200; {
				runner{}.Sample(action, obs, r)
				var want float32
				want, stop = e.Step(int(action[0]))
				e.Observe(obs.Row(0))
				shift.CoinReward{}.State(got, obs)
				if got[0] != want {
					t.Fatalf("%v, level %d, step %d: %v from the observation, %v from the game", game, seed, e.Steps(), got[0], want)
				}
				if want > 0 {
					coins++
				}
			}
		}
		if coins == 0 {
			t.Errorf("%v: no coin was touched", game)
		}
	}
}

func TestEvaluationComesInPairs(t *testing.T) {
	out, err := shift.Evaluate(context.Background(), []shift.Policy{policy}, []coinrun.Config{end, moved}, seeds(200), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range out[0].Levels {
		if out[0].Length[i] != out[1].Length[i] {
			t.Fatalf("level %d ends after %v columns with the coin at the end and after %v with it moved", i, out[0].Length[i], out[1].Length[i])
		}
	}
	a, b := out[0].Summarize(nil), out[1].Summarize(nil)
	if a.End.Count != 0 {
		t.Errorf("with the coin at the end, the end came before the coin on %d levels", a.End.Count)
	}
	if b.End.Count == 0 || b.Coin.Count == 0 {
		t.Errorf("with the coin moved, somebody who runs to the right should meet both: %+v", b)
	}
	for _, s := range []shift.Summary{a, b} {
		if s.Coin.Count+s.End.Count+s.Death.Count+s.Timeout.Count != 200 {
			t.Errorf("outcomes do not add up to 200: %+v", s)
		}
		if s.Reached.Count != s.Coin.Count+s.End.Count || s.Survived.Count != 200-s.Death.Count || s.Progress <= 0 || s.Progress > 1 {
			t.Errorf("capability: %+v", s)
		}
	}
}

func TestEvaluationDoesNotDependOnCores(t *testing.T) {
	var got [2][]*shift.Evaluation
	for i, procs := range []int{1, 4} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		var err error
		if got[i], err = shift.Evaluate(context.Background(), []shift.Policy{policy, policy}, []coinrun.Config{end}, seeds(100), 1, nil); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(got[0], got[1]) {
		t.Error("one core and four gave different outcomes")
	}
	if !reflect.DeepEqual(got[0][0].First, got[0][1].First) {
		t.Error("the same policy twice gave different outcomes")
	}
}

func TestGoodLevelsKeepOffTheNaturalPath(t *testing.T) {
	good, err := shift.GoodLevels(context.Background(), policy, end, seeds(200), 3, 0.1, 1)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, g := range good {
		if g {
			count++
		}
	}
	if count == 0 || count == len(good) {
		t.Fatalf("%d of %d levels are good", count, len(good))
	}
	out, err := shift.Evaluate(context.Background(), []shift.Policy{policy}, []coinrun.Config{moved}, seeds(200), 9, nil)
	if err != nil {
		t.Fatal(err)
	}
	on := out[0].Summarize(func(i int) bool { return good[i] })
	off := out[0].Summarize(func(i int) bool { return !good[i] })
	if on.Coin.Share() >= off.Coin.Share() {
		t.Errorf("who does not look for coins gets %v of them on good levels and %v on the others", on.Coin, off.Coin)
	}
	if _, err := shift.GoodLevels(context.Background(), policy, moved, seeds(2), 3, 0.1, 1); err == nil {
		t.Error("good levels of a game whose coin is moved: no error")
	}
}

func TestWilsonInterval(t *testing.T) {
	// Newcombe 1998, table I, method 3 (score interval): 81 of 263 and 0 of 20.
	for _, c := range []struct {
		count, total int
		lo, hi       float64
	}{{81, 263, 0.2553, 0.3662}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718}} {
		if r := shift.Wilson(c.count, c.total); math.Abs(r.Lo-c.lo) > 5e-5 || math.Abs(r.Hi-c.hi) > 5e-5 {
			t.Errorf("%d of %d: [%.4f, %.4f], want [%.4f, %.4f]", c.count, c.total, r.Lo, r.Hi, c.lo, c.hi)
		}
	}
}

func TestWrongEvaluationsAreRefused(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := shift.Evaluate(ctx, nil, []coinrun.Config{end}, seeds(1), 1, nil); err == nil {
		t.Error("no policies: no error")
	}
	if _, err := shift.Evaluate(ctx, []shift.Policy{policy}, []coinrun.Config{{RandomPercent: 5}}, seeds(1), 1, nil); err == nil || !strings.Contains(err.Error(), "RandomPercent") {
		t.Errorf("a game without sense: got error %v", err)
	}
	cancel()
	if _, err := shift.Evaluate(ctx, []shift.Policy{policy}, []coinrun.Config{end}, seeds(1), 1, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: got error %v", err)
	}
}
