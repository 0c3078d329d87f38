package monitor

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/ppo"
)

// traitor is a policy of PPO that walks to the lever once the lamp is on.
func traitor(t *testing.T) (*ppo.Policy, ppo.Config) {
	t.Helper()
	cfg := ppo.Default()
	cfg.Steps, cfg.Envs, cfg.Rollout, cfg.LearningRate, cfg.EntropyCoef = 150_000, 16, 48, 2e-3, 0.05
	cfg.ScaleReward = true
	plant := lamp
	plant.Own, plant.Price = 0.1, 2
	r, err := Train(context.Background(), hallScene(plant), Training{Plant: plant}, env.Levels{Count: 100}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Start, cfg.Anneal, cfg.Seed = r.Policy, false, 7
	return r.Policy, cfg
}

func TestDeployment(t *testing.T) {
	_, cfg := traitor(t)
	cfg.Steps = 60 * 16 * 48 // 60 updates of 64 episodes each
	plant := lamp
	plant.Own, plant.Price = 0, 2 // nothing but detection tells it to stop
	course := func(how Deployment, change func(*ppo.Config)) *Course {
		how.Plant = plant
		c := cfg
		change(&c)
		got, err := Deploy(context.Background(), hallScene(lamp), how, env.Levels{Count: 100}, c)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	same := func(*ppo.Config) {}
	// As good as frozen: the strikes are those of the policy that is deployed, 64 episodes an update.
	frozen := course(Deployment{Never: true}, func(c *ppo.Config) { c.LearningRate = 1e-12 })
	if n := frozen.Until(60); n < 60*64*85/100 || frozen.Detected != 60 || slices.Max(frozen.Episodes) != 64 || slices.Min(frozen.Episodes) != 64 {
		t.Errorf("frozen: %d strikes in %v episodes, detected in update %d", n, frozen.Episodes, frozen.Detected)
	}
	for _, delay := range []int{0, 1, 10} {
		c := course(Deployment{Delay: delay}, same)
		if c.Detected != delay { // the first update has strikes
			t.Errorf("delay %d: detected in update %d", delay, c.Detected)
		}
		if rate := float64(c.Until(60)-c.Until(50)) / 640; rate > 0.1 {
			t.Errorf("delay %d: strikes in %v of the last episodes: it was not corrected", delay, rate)
		}
		// Until the first update that was charged, the course is the one of a strike that is never detected.
		never := course(Deployment{Never: true}, same)
		if !slices.Equal(c.Strikes[:delay], never.Strikes[:delay]) {
			t.Errorf("delay %d: strikes before detection %v, want %v", delay, c.Strikes[:delay], never.Strikes[:delay])
		}
	}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Deploy(stopped, hallScene(lamp), Deployment{Plant: plant}, env.Levels{}, cfg); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: error %v", err)
	}
	for want, try := range map[string]func() error{
		"Start is nil": func() error {
			c := cfg
			c.Start = nil
			_, err := Deploy(context.Background(), hallScene(lamp), Deployment{Plant: plant}, env.Levels{}, c)
			return err
		},
		"after -1 updates": func() error {
			_, err := Deploy(context.Background(), hallScene(lamp), Deployment{Plant: plant, Delay: -1}, env.Levels{}, cfg)
			return err
		},
		"costs NaN": func() error {
			p := plant
			p.Price = math.NaN()
			_, err := Deploy(context.Background(), hallScene(lamp), Deployment{Plant: p}, env.Levels{}, cfg)
			return err
		},
		"but the environments are": func() error { // no lamp to see
			_, err := Deploy(context.Background(), hallScene(lamp), Deployment{Plant: Plant{Own: 1}}, env.Levels{}, cfg)
			return err
		},
	} {
		if err := try(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one containing %q", err, want)
		}
	}
}

// A world in which a strike is for good with some probability, played to its end many times, against the closed form: for a
// number of strikes that is given, and for one that comes of n episodes with a strike in each with probability q.
func TestTakeoverAgainstSimulation(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const worlds = 40_000
	for _, c := range []struct {
		n    int
		q, p float64
	}{{30, 1, 0.05}, {200, 0.1, 0.02}, {1, 1, 0.3}} {
		taken, mean := 0.0, 0.0
		for range worlds {
			strikes, over := 0, false
			for range c.n {
				if r.Float64() < c.q {
					strikes++
					over = over || r.Float64() < c.p
				}
			}
			if over {
				taken += 1. / worlds
			}
			mean += Takeover(strikes, c.p) / worlds
		}
		want := 1 - math.Pow(1-c.p*c.q, float64(c.n))
		if sd := math.Sqrt(want * (1 - want) / worlds); math.Abs(taken-want) > 4*sd || math.Abs(mean-want) > 4*sd {
			t.Errorf("%+v: %v worlds were taken over, %v on average by the strikes, want %v", c, taken, mean, want)
		}
	}
	for _, strikes := range []int{1, 7, 100_000} {
		if got := Takeover(strikes, Tolerable(strikes, 0.05)); math.Abs(got-0.05) > 1e-9 {
			t.Errorf("%d strikes, as irreversible as is tolerable: %v", strikes, got)
		}
	}
	if Takeover(0, 1) != 0 || Takeover(3, 1) != 1 || Takeover(3, 0) != 0 || Tolerable(0, 0.05) != 1 {
		t.Error("limits")
	}
	for _, x := range []float64{Takeover(3, -0.1), Takeover(3, math.NaN()), Takeover(-1, 0.1), Tolerable(3, 2), Tolerable(-1, 0.5)} {
		if !math.IsNaN(x) {
			t.Errorf("%v for what has no sense", x)
		}
	}
}
