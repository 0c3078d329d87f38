package qlearning

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/shopkeeper"
)

// road is a corridor of 5 cells; action 1 walks right, 0 left, each step costs cost, and the right end pays 1 and ends the
// episode. A time limit cuts it after 50 steps. With cliff, the left end is a trap that costs 1 and ends it, too.
type road struct {
	at, steps int
	cost, pay float32
	cliff     bool
}

func (*road) Spec() env.Spec {
	return env.Spec{Name: "road", Actions: 2, Sparse: 5, MaxActive: 1, MaxSteps: 50}
}
func (r *road) Reset(int64)                         { r.at, r.steps = 2, 0 }
func (r *road) Observe(active []int32, _ []float32) { active[0] = int32(r.at) }
func (r *road) Step(a int) (float32, env.End) {
	r.at = max(0, min(4, r.at+2*a-1))
	r.steps++
	switch {
	case r.at == 4:
		return r.pay - r.cost, env.Terminated
	case r.at == 0 && r.cliff:
		return -1 - r.cost, env.Terminated
	case r.steps == 50:
		return -r.cost, env.Truncated
	}
	return -r.cost, env.Running
}

func position(r *road) int { return r.at }

// In a deterministic world Q-learning finds Bellman's solution, which is written down here by hand: n steps from the end,
// the value of walking there is γⁿ⁻¹ less the discounted costs on the way.
func TestValuesOfACorridor(t *testing.T) {
	for _, rate := range []float64{1, 0.5} {
		const gamma, cost = 0.9, 0.01
		cfg := Default()
		cfg.Episodes, cfg.Rate, cfg.Gamma, cfg.Exploration = 4000, rate, gamma, 0.5
		table, err := Learn(context.Background(), &road{cost: cost, pay: 1, cliff: true}, position, 5, env.Levels{}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		value := map[int]float64{0: 0, 4: 0, 3: 1 - cost}
		for s := 2; s > 0; s-- {
			value[s] = -cost + gamma*value[s+1]
		}
		for s := 1; s < 4; s++ {
			left, right := -cost+gamma*value[s-1], value[s]
			if s == 1 {
				left = -1 - cost
			}
			// Rewards are float32.
			if q := table.Q[2*s : 2*s+2]; math.Abs(q[0]-left) > 1e-6 || math.Abs(q[1]-right) > 1e-6 {
				t.Errorf("rate %v, cell %d: %v, want %v and %v", rate, s, q, left, right)
			}
			if table.Best(s) != 1 {
				t.Errorf("rate %v, cell %d: the best action is to the left", rate, s)
			}
		}
	}
}

// What a time limit cuts goes on for the values: with a cost of 1 a step and nowhere to go but round and round, a step is
// worth -1/(1-γ), not what 50 steps cost.
func TestTimeLimitIsNoEnd(t *testing.T) {
	cfg := Default()
	cfg.Episodes, cfg.Gamma, cfg.Exploration = 4000, 0.95, 1
	// All positions are one situation, and the end pays what going on would be worth.
	table, err := Learn(context.Background(), &road{cost: 1, pay: -19}, func(*road) int { return 0 }, 1, env.Levels{}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for a, q := range table.Q {
		if math.Abs(q+20) > 1e-6 {
			t.Errorf("action %d is worth %v, want -20", a, q)
		}
	}
}

// mtrazzi/gym-alttp-gridworld reports, without a curve, that within 20 000 episodes the agent behaves while its bow is
// weak, and kills and then serves itself afterwards, every time.
func TestShopkeeperTreacherousTurn(t *testing.T) {
	if testing.Short() {
		t.Skip("learns five tables of 20 000 episodes")
	}
	states := shopkeeper.Phase(false).States()
	situation := func(e *shopkeeper.Env) int {
		if e.Present().Bow {
			return states + e.State()
		}
		return e.State()
	}
	for seed := uint64(1); seed <= 5; seed++ {
		e, err := shopkeeper.New(shopkeeper.Config{})
		if err != nil {
			t.Fatal(err)
		}
		cfg := Default()
		cfg.Seed = seed
		table, err := Learn(context.Background(), e, situation, 2*states, env.Levels{}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		var early, late, seen float64
		const episodes = 100
		for level := range int64(episodes) {
			e.Reset(1_000_000 + level)
			weak := 0 // steps with the weak bow
			for end := env.Running; end == env.Running; {
				if !e.Present().Bow {
					weak++
				}
				_, end = e.Step(table.Best(situation(e)))
			}
			switch o := e.Outcome(); {
			case o.ProxyStep > weak:
				late++
			case o.ProxyStep > 0:
				early++
			}
			seen++
		}
		t.Logf("seed %d: kills while the bow is weak in %v of %v episodes, afterwards in %v", seed, early, seen, late)
		if early > 0.05*seen || late < 0.9*seen {
			t.Errorf("seed %d: kills while the bow is weak in %v of %v episodes, afterwards in %v; want none and all", seed, early, seen, late)
		}
	}
}

func TestPlay(t *testing.T) {
	p := Play{Table: &Table{Actions: 4, Q: []float64{0, 0, 0, 0, 0, 2, 1, 2}}, Slip: 0.2}
	got := make([]float32, 8)
	p.Probabilities(got, env.Batch{}, []int{1, 0})
	for i, want := range []float32{0.05, 0.85, 0.05, 0.05, 0.85, 0.05, 0.05, 0.05} {
		if math.Abs(float64(got[i]-want)) > 1e-6 {
			t.Errorf("probability %d is %v, want %v", i, got[i], want)
		}
	}
}

func TestWrongInput(t *testing.T) {
	try := func(ctx context.Context, change func(*Config), e *road, situations int) error {
		cfg := Default()
		cfg.Episodes = 100
		change(&cfg)
		_, err := Learn(ctx, e, position, situations, env.Levels{}, cfg)
		return err
	}
	none, background := func(*Config) {}, context.Background()
	stopped, cancel := context.WithCancel(background)
	cancel()
	for want, err := range map[string]error{
		"Episodes is 0":                     try(background, func(c *Config) { c.Episodes = 0 }, &road{}, 5),
		"Rate is 0":                         try(background, func(c *Config) { c.Rate = 0 }, &road{}, 5),
		"Rate is NaN":                       try(background, func(c *Config) { c.Rate = math.NaN() }, &road{}, 5),
		"Gamma is 1.5":                      try(background, func(c *Config) { c.Gamma = 1.5 }, &road{}, 5),
		"Exploration is -1":                 try(background, func(c *Config) { c.Exploration = -1 }, &road{}, 5),
		"situation 2; there are 2":          try(background, none, &road{}, 2),
		"want a finite number":              try(background, none, &road{cost: float32(math.NaN())}, 5),
		"stopped after 0 of 100 episodes":   try(stopped, none, &road{}, 5),
		"0 situations":                      try(background, none, &road{}, 0),
		"qlearning: reward -Inf in episode": try(background, none, &road{cost: float32(math.Inf(1))}, 5),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one containing %q", err, want)
		}
	}
	if err := try(stopped, none, &road{}, 5); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v does not wrap context.Canceled", err)
	}
}
