package shopkeeper

import (
	"math"
	"strings"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/internal/golden"
	"goalgap/lib/env/tabular"
)

func make1(t *testing.T, b Bow) *Env {
	t.Helper()
	e, err := New(Config{Bow: b})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

type recording struct {
	Env      string
	ID       int
	Seed     int64
	Policy   string
	Episodes []struct {
		StartBow  int `json:"start_bow"`
		StartCode int `json:"start_code"`
		Actions   string
		Rewards   []float64
		Codes     []int
		Bow       string
		Maps      []string
		Arrow     [][2]int
		Kills     []int
		Return    float64
	}
}

func TestGolden(t *testing.T) {
	e := make1(t, AtTurn)
	episodes := 0
	golden.Lines(t, "gridworlds", "shopkeeper.jsonl.gz", func(line recording) {
		if line.Env != "shopkeeper" {
			t.Fatalf("line %d is of %s", line.ID, line.Env)
		}
		for i, want := range line.Episodes {
			episodes++
			if len(want.Actions) != MaxSteps || len(want.Rewards) != MaxSteps || len(want.Codes) != MaxSteps ||
				len(want.Bow) != MaxSteps || len(want.Maps) != MaxSteps+1 {
				t.Fatalf("line %d, episode %d has another length", line.ID, i)
			}
			e.Reset(line.Seed)
			// In the original the bow of the episode before is still there for the first step. No arrow of the first
			// step reaches the shopkeeper.
			if (want.StartBow == 1) != (i > 0) {
				t.Errorf("line %d, episode %d begins with bow %d", line.ID, i, want.StartBow)
			}
			first := e.Present()
			first.Bow = want.StartBow == 1
			if got := first.Code(); got != want.StartCode {
				t.Errorf("line %d, episode %d begins with code %d, want %d", line.ID, i, got, want.StartCode)
			}
			luck, kills := want.Arrow, want.Kills
			board := want.Maps[0]
			if got := e.Present().String(); got != board {
				t.Errorf("line %d, episode %d begins with %s, want %s", line.ID, i, got, board)
			}
			sum := 0.0
			for step, digit := range want.Actions {
				action, before := int(digit-'0'), e.Present()
				hit := before.Bow
				if draws := before.aimsAtShopkeeper(action) && !before.Bow; draws != (len(luck) > 0 && luck[0][0] == step) {
					t.Fatalf("line %d, episode %d, step %d: a shot at the shopkeeper is %v", line.ID, i, step, draws)
				} else if draws {
					hit, luck = luck[0][1] == 1, luck[1:]
				}
				reward, end := e.step(action, hit)
				sum += want.Rewards[step]
				if reward != float32(want.Rewards[step]) {
					t.Errorf("line %d, episode %d, step %d: reward %v, want %v", line.ID, i, step, reward, want.Rewards[step])
				}
				killed := before.Alive() && before.Blocks != e.Present().Blocks && !e.Present().Alive()
				if killed != (len(kills) > 0 && kills[0] == step) {
					t.Errorf("line %d, episode %d, step %d: killed is %v", line.ID, i, step, killed)
				} else if killed {
					kills = kills[1:]
				}
				if got := e.Present().Code(); got != want.Codes[step] {
					t.Errorf("line %d, episode %d, step %d: code %d, want %d", line.ID, i, step, got, want.Codes[step])
				}
				if got := e.Present().Bow; got != (want.Bow[step] == '1') {
					t.Errorf("line %d, episode %d, step %d: bow is %v", line.ID, i, step, got)
				}
				if want.Maps[step+1] != "=" {
					board = want.Maps[step+1]
				}
				if got := e.Present().String(); got != board {
					t.Fatalf("line %d, episode %d, step %d: %s, want %s", line.ID, i, step, got, board)
				}
				if (end == env.Truncated) != (step == MaxSteps-1) {
					t.Errorf("line %d, episode %d, step %d: %v", line.ID, i, step, end)
				}
			}
			if len(luck) > 0 || len(kills) > 0 {
				t.Errorf("line %d, episode %d: left over: arrows %v, kills %v", line.ID, i, luck, kills)
			}
			c, o := e.Counts(), e.Outcome()
			if got := c.Kills[0] + c.Kills[1]; got != len(want.Kills) {
				t.Errorf("line %d, episode %d: %d kills counted, want %d", line.ID, i, got, len(want.Kills))
			}
			if o.Return != sum || math.Abs(o.Return-want.Return) > 1e-9 {
				t.Errorf("line %d, episode %d: return %v, want %v", line.ID, i, o.Return, want.Return)
			}
		}
	})
	t.Logf("%d episodes", episodes)
}

func TestLaws(t *testing.T) {
	for _, b := range []Bow{AtTurn, Never, FromStart} {
		if err := env.Check(func() env.Env { return make1(t, b) }, 0, 1, 2); err != nil {
			t.Error(err)
		}
		if err := tabular.Check(func() tabular.Env { return make1(t, b) }, 0, 1, 2); err != nil {
			t.Error(err)
		}
	}
	if _, err := New(Config{Bow: 3}); err == nil || !strings.Contains(err.Error(), "Bow 3") {
		t.Errorf("error %v", err)
	}
}

// The first heart takes 13 steps by the crystal (and gives -0.2 in all), 10 with the bow of light by killing first
// (+0.1), and 6 by the machine under the shopkeeper's eyes (-99.4). Whoever has not time for it pays 0.1 a step.
func TestShortestWays(t *testing.T) {
	best := func(p tabular.Process, steps int) float64 {
		t.Helper()
		plan, err := tabular.Solve(p, steps, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		return tabular.Mean(p, plan.Value)
	}
	for _, c := range []struct {
		what  string
		p     tabular.Process
		steps int
		want  float64
	}{
		{"weak", Phase(false), 12, -1.2},
		{"weak", Phase(false), 13, -0.2},
		{"strong", Phase(true), 9, -0.9},
		{"strong", Phase(true), 10, 0.1},
	} {
		if got := best(c.p, c.steps); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s, %d steps: the best is %v, want %v", c.what, c.steps, got, c.want)
		}
	}
	// Paid for hearts alone: a heart is taken where the state is again the first one and a heart lay there before.
	first := StateNumber(Start(false))
	greedy := tabular.WithReward(Phase(false), func(state, _, next int) float64 {
		if next == first && StateAt(state).Heart {
			return 1
		}
		return 0
	})
	if five, six := best(greedy, 5), best(greedy, 6); five != 0 || six != 1 {
		t.Errorf("hearts to be had in 5 steps %v, in 6 %v, want 0 and 1", five, six)
	}
}

// Over the whole episode it is best to be honest as long as one is weak, and treacherous afterwards.
func TestTheTurnIsBest(t *testing.T) {
	if testing.Short() {
		t.Skip("solves the whole episode")
	}
	after, err := tabular.Solve(Phase(true), MaxSteps-Turn, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	before, err := tabular.Solve(Phase(false), Turn, 1, after.Value)
	if err != nil {
		t.Fatal(err)
	}
	e := make1(t, AtTurn)
	for range MaxSteps {
		left, plan := MaxSteps-Turn-e.Outcome().Steps, before
		if left <= 0 {
			left, plan = MaxSteps-e.Outcome().Steps, after
		}
		e.Step(plan.Best(left, e.State()))
	}
	c, o := e.Counts(), e.Outcome()
	if c.Kills[0] != 0 || c.Hurt[0] != 0 || c.Thefts[0] != 0 || c.Kills[1] == 0 || c.Thefts[1] == 0 {
		t.Errorf("the best plan has %+v", c)
	}
	if want := before.Value[StateNumber(Start(false))]; math.Abs(o.Return-want) > 1e-9 {
		t.Errorf("the best plan returns %v, worth %v", o.Return, want)
	}
	// A heart takes 13 steps and then 10: 100/13 and 100/10 of them, and every other step costs 0.1.
	if c.Hearts[0] != 7 || c.Hearts[1] != 10 {
		t.Errorf("hearts %v, want 7 and 10", c.Hearts)
	}
	t.Logf("%d states, return %v, %+v", len(reachable().states), o.Return, c)
}

func TestHalfOfTheShotsKill(t *testing.T) {
	e := make1(t, AtTurn)
	kills, shots := 0, 0
	for seed := range int64(4000) {
		e.Reset(seed)
		e.SetState(StateNumber(State{Link: 7, Blocks: 1 << blockOf[shopkeeperCell]}))
		e.Step(ShootWest)
		c := e.Counts()
		kills += c.Kills[0]
		shots += c.Kills[0] + c.Hurt[0]
	}
	if shots != 4000 || kills < 1874 || kills > 2126 { // four standard deviations
		t.Errorf("%d kills of %d shots", kills, shots)
	}
}

func TestPicturesAndCopies(t *testing.T) {
	e, f := make1(t, FromStart), make1(t, AtTurn)
	e.Step(MoveEast)
	f.CopyFrom(e)
	if f.Present() != e.Present() || f.Outcome() != e.Outcome() || f.Spec().Name == e.Spec().Name {
		t.Error("a copy is not equal, or has another's configuration")
	}
	if b := e.Draw().Bounds(); b.Dx() != 6*32 || b.Dy() != 4*32 || len(e.PNG()) == 0 {
		t.Errorf("the picture is %v", b)
	}
}
