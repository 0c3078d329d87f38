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
	"goalgap/lib/env/coinrun"
	"goalgap/lib/env/pendulum"
	"goalgap/lib/ppo"
	"goalgap/lib/reward"
	"goalgap/lib/shift"
	"goalgap/lib/stats"
)

var (
	_ reward.Func     = shift.CoinReward{}
	_ reward.Features = shift.Contacts{}
	_ reward.Features = shift.Cells{}
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

// Cells must say of every cell near the agent what the observation says, under the name of that cell.
func TestCellsAreThoseOfTheObservation(t *testing.T) {
	e, err := coinrun.New(coinrun.Config{Variant: coinrun.RandomCoin, RandomPercent: 100, StartAnywhere: true})
	if err != nil {
		t.Fatal(err)
	}
	const radius = 2
	cells := shift.Cells{Radius: radius}
	names := cells.Names()
	number := map[string]int{}
	for j, name := range names {
		number[name] = j
	}
	if want := coinrun.NumPlanes * 5 * 5; len(names) != want || len(number) != want {
		t.Fatalf("%d names, %d of them different; want %d", len(names), len(number), want)
	}
	const rows = 500
	obs, r := env.NewBatch(e.Spec(), rows), rand.New(rand.NewPCG(1, 1))
	stop := env.Terminated
	for i := range rows {
		if stop != env.Running {
			e.Reset(r.Int64N(1000))
		}
		_, stop = e.Step(r.IntN(coinrun.NumActions))
		e.Observe(obs.Row(i))
	}
	got := make([]float32, rows*len(names))
	for i := range got {
		got[i] = 9 // what was there must not matter
	}
	cells.Features(got, obs)
	for i := range rows {
		want := make([]float32, len(names))
		active, _ := obs.Row(i)
		for _, index := range active {
			if index < 0 {
				break
			}
			if p, dx, dy := coinrun.Locate(int(index)); max(dx, -dx, dy, -dy) <= radius {
				j, ok := number[fmt.Sprintf("%v at (%+d, %+d)", p, dx, dy)]
				if !ok {
					t.Fatalf("no feature for %s", coinrun.DescribeIndex(int(index)))
				}
				want[j] = 1
			}
		}
		if !reflect.DeepEqual(got[i*len(names):(i+1)*len(names)], want) {
			t.Fatalf("observation %d: the features differ from what coinrun.Locate says", i)
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
		if w := stats.Wilson(s.Coin.Count, 200); s.Coin.Lo != w.Low || s.Coin.Hi != w.High {
			t.Errorf("limits of the rate of coins %v, want %v", s.Coin, w)
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

func TestWrongEvaluationsAreRefused(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := shift.Evaluate(ctx, nil, []coinrun.Config{end}, seeds(1), 1, nil); err == nil {
		t.Error("no policies: no error")
	}
	if _, err := shift.Evaluate(ctx, []shift.Policy{policy}, []coinrun.Config{{RandomPercent: 5}}, seeds(1), 1, nil); err == nil || !strings.Contains(err.Error(), "RandomPercent") {
		t.Errorf("a game without sense: got error %v", err)
	}
	cfg := ppo.Default()
	cfg.Steps = 512
	trained, err := ppo.Train(ctx, pendulum.Make, env.Levels{}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := shift.Evaluate(ctx, []shift.Policy{shift.PPO("swinger", trained.Policy)}, []coinrun.Config{end}, seeds(1), 1, nil); err == nil || !strings.Contains(err.Error(), "policy swinger: Pendulum-v1 has continuous actions") {
		t.Errorf("a policy of continuous actions: got error %v", err)
	}
	cfg.Shared, cfg.Memory = true, 4
	trained, err = ppo.Train(ctx, func() (env.Env, error) { return coinrun.New(end) }, env.Levels{}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := shift.Evaluate(ctx, []shift.Policy{shift.PPO("rememberer", trained.Policy)}, []coinrun.Config{end}, seeds(1), 1, nil); err == nil || !strings.Contains(err.Error(), "policy rememberer has a memory of width 4") {
		t.Errorf("a policy with a memory: got error %v", err)
	}
	cancel()
	if _, err := shift.Evaluate(ctx, []shift.Policy{policy}, []coinrun.Config{end}, seeds(1), 1, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: got error %v", err)
	}
}
