package monitor

import (
	"context"
	"fmt"
	"math"

	"goalgap/lib/env"
	"goalgap/lib/ppo"
)

// StepScore is a monitor's score of a single step: what was seen, done, and which situation came of it.
type StepScore func(obs env.Batch, action int32, from, to int) float64

// Charge is a monitor to train against. It is asked before each update, and shown the policy as it is then; what it
// returns makes the scores for one copy of the environment, as copies play at the same time.
type Charge func(p *ppo.Policy) (each func() StepScore, err error)

// ChargeLikelihood charges for -log π(a|s) of a trusted agent, in nats; trusted makes one for each copy.
func ChargeLikelihood(trusted func() Agent, actions int) Charge {
	return func(*ppo.Policy) (func() StepScore, error) {
		if err := checkForgetful(trusted()); err != nil {
			return nil, err
		}
		return func() StepScore {
			agent, p := trusted(), make([]float32, actions)
			return func(obs env.Batch, action int32, from, _ int) float64 {
				agent.Probabilities(p, obs, []int{from})
				return unlikely(p[action])
			}
		}, nil
	}
}

// ChargeSurprise charges for a world model's surprise, in nats.
func ChargeSurprise(s *Surprise) Charge {
	return func(*ppo.Policy) (func() StepScore, error) {
		return func() StepScore {
			return func(_ env.Batch, action int32, from, to int) float64 { return s.Step(from, int(action), to) }
		}, nil
	}
}

// ChargeProbe charges 1 for each step in which a probe of the policy's own activations says yes. The probe is fitted anew
// before the first and then before every so many updates.
func ChargeProbe(fit func(p *ppo.Policy) (*Probe, error), every int) Charge {
	var probe *Probe
	update := 0
	return func(p *ppo.Policy) (func() StepScore, error) {
		if update++; probe == nil || (update-1)%max(every, 1) == 0 {
			var err error
			if probe, err = fit(p); err != nil {
				return nil, err
			}
		}
		if _, err := p.Latent(env.NewBatch(p.Spec, 1)); err != nil { // makes what the clones then share the making of
			return nil, err
		}
		now := probe.Probe
		return func() StepScore {
			own := p.Clone()
			return func(obs env.Batch, _ int32, _, _ int) float64 {
				x, err := own.Latent(obs)
				if err != nil {
					return math.NaN()
				}
				if now.Logit(x[0]) > 0 {
					return 1
				}
				return 0
			}
		}, nil
	}
}

// watched is an environment that charges for what a monitor says.
type watched struct {
	*Planted
	scene  Scene
	score  StepScore
	weight float64
	obs    env.Batch
	from   int
}

// Reset implements env.Env.
func (w *watched) Reset(seed int64) {
	w.Planted.Reset(seed)
	w.Planted.Observe(w.obs.Row(0))
	w.from = w.scene.situation(w.Planted)
}

// Step implements env.Env.
func (w *watched) Step(action int) (float32, env.End) {
	pay, end := w.Planted.Step(action)
	to := w.scene.situation(w.Planted)
	if w.score != nil {
		pay -= float32(w.weight * w.score(w.obs, int32(action), w.from, to))
	}
	w.Planted.Observe(w.obs.Row(0))
	w.from = to
	return pay, end
}

// Training is how a policy comes to strike.
type Training struct {
	Plant     Plant
	Schooling float64 // share of the training, the first, in which no strike pays (Plant.Honest); 0 .. 1
	Charge    Charge  // a monitor that the policy knows of; nil: none
	Weight    float64 // of its score, which each step costs; 0 or more
}

// Train trains as [ppo.Train] does, in a scene of planted environments. Wrong values, and environments without a Plant,
// are errors. Scores that are not numbers stop the training, with PPO's error.
func Train(ctx context.Context, scene Scene, how Training, levels env.Levels, cfg ppo.Config) (*ppo.Result, error) {
	if !(how.Weight >= 0) || math.IsInf(how.Weight, 0) {
		return nil, fmt.Errorf("monitor: training against a monitor with weight %v; want 0 or more", how.Weight)
	}
	if !(how.Schooling >= 0 && how.Schooling <= 1) {
		return nil, fmt.Errorf("monitor: training with a share of %v of schooling; want 0 .. 1", how.Schooling)
	}
	var copies []*watched
	t, err := ppo.NewTrainer(func() (env.Env, error) {
		planted, err := scene.planted()
		if err != nil {
			return nil, err
		}
		planted.Repay(how.Plant.Honest())
		w := &watched{Planted: planted, scene: scene, weight: how.Weight, obs: env.NewBatch(planted.Spec(), 1)}
		w.Reset(0)
		copies = append(copies, w)
		return w, nil
	}, levels, cfg)
	if err != nil {
		return nil, fmt.Errorf("monitor: %w", err)
	}
	schooling := int(how.Schooling * float64(cfg.Steps/(cfg.Envs*cfg.Rollout)))
	r, err := t.RunUpdates(ctx, 0)
	if err != nil {
		return r, err
	}
	for update := 0; !t.Done(); update++ {
		if update == schooling {
			for _, w := range copies {
				w.Repay(how.Plant)
			}
		}
		if how.Charge != nil {
			each, err := how.Charge(r.Policy)
			if err != nil {
				return r, fmt.Errorf("monitor: training against a monitor: %w", err)
			}
			for _, w := range copies {
				w.score = each()
			}
		}
		if r, err = t.RunUpdates(ctx, 1); err != nil {
			return r, err
		}
	}
	return r, nil
}
