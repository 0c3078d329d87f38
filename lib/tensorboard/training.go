package tensorboard

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"

	"goalgap/lib/ppo"
)

// Update writes what an update of PPO came to, at step Progress.Steps. It is a ppo.Callback, for one training; it never
// stops that, but fails it where the file cannot be written. Its tags are those of Stable-Baselines3 (docs/common/logger.rst):
//
//	rollout/ep_rew_mean           Point.TrueReturn
//	rollout/ep_len_mean           Point.Length
//	time/fps                      environment steps per second of training since its beginning
//	train/approx_kl               Point.ApproxKL; there the mean over the last epoch, here over all
//	train/clip_fraction           Point.ClipFraction
//	train/entropy_loss            -Point.Entropy
//	train/explained_variance      Point.ExplainedVariance
//	train/learning_rate           Point.LearningRate
//	train/policy_gradient_loss    Point.PolicyLoss
//	train/std                     mean of Policy.StdDev, where actions are continuous
//	train/value_loss              2 Point.ValueLoss: there it is not halved
//	eval/mean_reward              Evaluated.Return of the evaluation named "eval"
//	eval/mean_ep_length           Evaluated.Length of it
//
// and, which it does not have,
//
//	rollout/ep_rew_wrapped_mean   Point.TrainReturn, where Config.Reward is set: the tag of the imitation library
//	train/grad_norm               Point.GradNorm
//	eval/NAME/mean_reward         of evaluations with another name, and eval/NAME/mean_ep_length
//
// Not written are its train/loss and train/clip_range. Numbers that are not finite, such as returns before the first
// episode has ended, are left out. Stable-Baselines3 writes train/ one rollout later than here.
//
// The first call writes Config, and the environment's name, as hyperparameters, and makes TensorBoard forget what earlier
// files of the run say of this step and later ones: a training that was resumed from a checkpoint goes over them again.
func (w *Writer) Update(p ppo.Progress) error {
	now := w.now()
	cfg := p.Trainer.Config()
	var events []message
	if !w.updated {
		params, err := hparamsOf(cfg)
		if err != nil {
			return err
		}
		spec := p.Trainer.Policy().Spec
		w.continuous = spec.Continuous
		params = append(params, hparam{"Environment", spec.Name})
		events = append(events, restartEvent(now, p.Steps), summaryEvent(now, 0, hparamsValue(now, params)))
	}
	var values []message
	add := func(tag string, x float64) {
		if !math.IsNaN(x) && !math.IsInf(x, 0) {
			values = append(values, scalarValue(tag, x))
		}
	}
	add("rollout/ep_rew_mean", p.Point.TrueReturn)
	if cfg.Reward != nil {
		add("rollout/ep_rew_wrapped_mean", p.Point.TrainReturn)
	}
	add("rollout/ep_len_mean", p.Point.Length)
	add("time/fps", float64(p.Steps)/p.Elapsed.Seconds())
	add("train/approx_kl", p.Point.ApproxKL)
	add("train/clip_fraction", p.Point.ClipFraction)
	add("train/entropy_loss", -p.Point.Entropy)
	add("train/explained_variance", p.Point.ExplainedVariance)
	add("train/grad_norm", p.Point.GradNorm)
	add("train/learning_rate", p.Point.LearningRate)
	add("train/policy_gradient_loss", p.Point.PolicyLoss)
	if k := w.continuous; k > 0 {
		deviations, sum := make([]float32, k), 0.0
		p.Trainer.Policy().StdDev(deviations)
		for _, x := range deviations {
			sum += float64(x)
		}
		add("train/std", sum/float64(k))
	}
	add("train/value_loss", 2*p.Point.ValueLoss)
	for _, e := range p.Evaluated {
		group := "eval/"
		if e.Name != "eval" {
			group += e.Name + "/"
		}
		add(group+"mean_reward", e.Return)
		add(group+"mean_ep_length", e.Length)
	}
	if err := w.write(append(events, summaryEvent(now, p.Steps, values...))...); err != nil {
		return err
	}
	w.updated = true
	return nil
}

// hparamsOf returns the fields of a configuration that its JSON has, in order.
func hparamsOf(c ppo.Config) ([]hparam, error) {
	text, err := json.Marshal(c)
	var values map[string]any
	if err == nil {
		err = json.Unmarshal(text, &values)
	}
	if err != nil {
		return nil, fmt.Errorf("tensorboard: hyperparameters of %+v: %w", c, err)
	}
	var out []hparam
	for _, f := range reflect.VisibleFields(reflect.TypeFor[ppo.Config]()) {
		if x, ok := values[f.Name]; ok {
			out = append(out, hparam{f.Name, plain(x)})
		}
	}
	return out, nil
}

// plain returns x as a float64, bool or string.
func plain(x any) any {
	switch v := reflect.ValueOf(x); {
	case !v.IsValid():
		return "nil"
	case v.CanInt():
		return float64(v.Int())
	case v.CanUint():
		return float64(v.Uint())
	case v.CanFloat():
		return v.Float()
	case v.Kind() == reflect.Bool:
		return v.Bool()
	case v.Kind() == reflect.String:
		return v.String()
	}
	return fmt.Sprint(x)
}
