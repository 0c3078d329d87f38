package ppo

import (
	"errors"
	"fmt"
)

// Callback is told of each update of a training, on the goroutine that trains, and may stop it. It returns nil to go on,
// an error that wraps ErrStop to stop in good order, any other error to make Run fail with it.
//
// One that decides from its Progress alone, as those of this package do, decides the same in a training that was
// resumed from a checkpoint; what another remembers between calls, a checkpoint does not hold.
type Callback func(Progress) error

// ErrStop is what a Callback returns, as it is or wrapped with a reason, to stop the training in good order.
var ErrStop = errors.New("ppo: stopped")

// call hands p to all callbacks. A stop is kept in t.stop, for Run to report; another error is returned. If several
// callbacks stop or fail, it is the first of each kind.
func (t *Trainer) call(p Progress) (failure error) {
	for i, f := range t.cfg.Callbacks {
		switch err := f(p); {
		case err == nil:
		case errors.Is(err, ErrStop):
			if t.stop == nil {
				t.stop = err
			}
		case failure == nil:
			failure = fmt.Errorf("ppo: Callbacks[%d] after update %d of %d: %w", i, t.update, t.updates, err)
		}
	}
	return failure
}

// restoredStop is a stop out of a checkpoint.
type restoredStop string

func (s restoredStop) Error() string { return string(s) }
func (s restoredStop) Unwrap() error { return ErrStop }

// StopAtReturn returns a callback that stops the training when an evaluation of the given name, one of Config.Evaluate,
// has a mean return of threshold or more, as Stable-Baselines3's StopTrainingOnRewardThreshold. Where there is no such
// evaluation it fails.
func StopAtReturn(name string, threshold float64) Callback {
	return func(p Progress) error {
		e, done, err := p.evaluated(name)
		if err != nil || !done || !(e.Return >= threshold) {
			return err
		}
		return fmt.Errorf("%w: evaluation %q has a return of %.6g after %d steps, at least the %.6g asked for",
			ErrStop, name, e.Return, e.Steps, threshold)
	}
}

// StopWithoutImprovement returns a callback that stops the training when the last patience evaluations of the given
// name, one of Config.Evaluate, have all had mean returns no larger than the largest before them. The first least
// evaluations do not count as lacking improvement, so that it can wait until there is reward at all. A patience below 1
// is one of 1. Where there is no such evaluation it fails.
//
// Stable-Baselines3's StopTrainingOnNoModelImprovement(max_no_improvement_evals, min_evals) stops one evaluation later:
// when there are more than max_no_improvement_evals.
func StopWithoutImprovement(name string, patience, least int) Callback {
	patience = max(1, patience)
	return func(p Progress) error {
		_, done, err := p.evaluated(name)
		if err != nil || !done {
			return err
		}
		var best Evaluated
		count, since := 0, 0 // evaluations, and how many since the best
		for _, e := range p.History {
			if e.Name != name {
				continue
			}
			switch count++; {
			case count == 1 || e.Return > best.Return:
				best, since = e, 0
			case count > least:
				since++
			}
		}
		if since < patience {
			return nil
		}
		return fmt.Errorf("%w: evaluation %q has not improved %d times, its best return is %.6g, after %d steps",
			ErrStop, name, since, best.Return, best.Steps)
	}
}

// SaveBest returns a callback that writes the policy to a file, for LoadPolicy, after each evaluation of the given name,
// one of Config.Evaluate, with a larger mean return than all before: what Stable-Baselines3's EvalCallback does with
// best_model_save_path. It fails where there is no such evaluation, and when the file cannot be written.
func SaveBest(name, path string) Callback {
	return func(p Progress) error {
		e, done, err := p.evaluated(name)
		if err != nil || !done {
			return err
		}
		for _, before := range p.History {
			if before.Name == name && before.Steps < e.Steps && before.Return >= e.Return {
				return nil
			}
		}
		return p.Trainer.policy.Save(path)
	}
}

// SaveEvery returns a callback that writes a checkpoint, for Resume, over the one before: after each update in which the
// count of environment steps passes a multiple of steps, and after the last update. Place it behind callbacks that may
// stop, for the checkpoint to know of it. It fails when the file cannot be written.
func SaveEvery(steps int, path string) Callback {
	return func(p Progress) error {
		if steps < 1 {
			return fmt.Errorf("ppo: SaveEvery %d environment steps, want at least 1", steps)
		}
		before := p.Steps - len(p.Trainer.order)
		if p.Steps/steps == before/steps && !p.Trainer.Done() {
			return nil
		}
		return p.Trainer.Save(path)
	}
}

// evaluated returns the evaluation of the given name, if it was done after this update. It is an error if the training
// has none of that name.
func (p Progress) evaluated(name string) (e Evaluated, done bool, err error) {
	for _, e := range p.Evaluated {
		if e.Name == name {
			return e, true, nil
		}
	}
	for _, v := range p.Trainer.evaluators {
		if v.Name == name {
			return Evaluated{}, false, nil
		}
	}
	return Evaluated{}, false, fmt.Errorf("ppo: a callback waits for evaluation %q, but Config.Evaluate has none of that name", name)
}
