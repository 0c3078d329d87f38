package ppo

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/cartpole"
)

func TestTrainingGoesOnFromAPolicy(t *testing.T) {
	cfg := small()
	first := train(t, makeCounter, cfg)
	cfg.Start = first.Policy
	before := [][]float32{first.Policy.actor.Param, first.Policy.critic.Param}
	kept := [][]float32{append([]float32(nil), before[0]...), append([]float32(nil), before[1]...)}
	tr, err := NewTrainer(makeCounter, env.Levels{Count: 50}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(tr.policy.actor.Param, kept[0]) || !reflect.DeepEqual(tr.policy.critic.Param, kept[1]) {
		t.Error("the first weights are not those of Start")
	}
	if _, err := tr.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if reflect.DeepEqual(tr.policy.actor.Param, kept[0]) {
		t.Error("training did not change the policy")
	}
	if !reflect.DeepEqual(before, kept) {
		t.Error("training changed Start")
	}
}

// Activations that were prepared for a policy are not those of what was trained from it.
func TestActivationsAfterGoingOn(t *testing.T) {
	p := moved(t, makeCounter)
	e, _ := makeCounter()
	obs := env.NewBatch(e.Spec(), 1)
	e.Observe(obs.Row(0))
	if _, err := p.Latent(obs); err != nil {
		t.Fatal(err)
	}
	cfg := small()
	cfg.Hidden, cfg.Start = p.Hidden, p
	r := train(t, makeCounter, cfg)
	got, err := r.Policy.Latent(obs)
	if err != nil {
		t.Fatal(err)
	}
	fresh := r.Policy.Clone()
	fresh.body = nil
	want, err := fresh.Latent(obs)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("activations %v, want %v, %v", got, want, err)
	}
}

func TestPoliciesThatCannotBeGoneOnFrom(t *testing.T) {
	p := moved(t, makeCounter)
	for want, change := range map[string]func(*Config){
		"Start has hidden layers":          func(c *Config) { c.Hidden = []int{3} },
		"NormalizeObservations is true":    func(c *Config) { c.NormalizeObservations = true },
		"but the environments are {Name:C": nil,
	} {
		cfg, makeEnv := small(), makeCounter
		cfg.Hidden, cfg.Start = p.Hidden, p
		if change != nil {
			change(&cfg)
		} else {
			makeEnv = cartpole.Make
		}
		if _, err := NewTrainer(makeEnv, env.Levels{}, cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one containing %q", err, want)
		}
	}
}

func TestValuesOfAnotherPolicy(t *testing.T) {
	cfg := small()
	p := train(t, makeCounter, cfg).Policy
	cfg.Seed = 99
	q := train(t, makeCounter, cfg).Policy
	got, err := p.WithValues(q)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.actor.Param, p.actor.Param) || !reflect.DeepEqual(got.critic.Param, q.critic.Param) || reflect.DeepEqual(p.critic.Param, q.critic.Param) {
		t.Error("it does not act as the one and value as the other")
	}
	got.critic.Param[0]++
	if reflect.DeepEqual(got.critic.Param, q.critic.Param) {
		t.Error("the copy shares the other's weights")
	}
	cfg.Hidden = []int{3}
	if _, err := p.WithValues(train(t, makeCounter, cfg).Policy); err == nil || !strings.Contains(err.Error(), "cannot take the values") {
		t.Errorf("another network: error %v", err)
	}
	cart := small()
	cart.NormalizeObservations = true
	c := train(t, cartpole.Make, cart).Policy
	if _, err := p.WithValues(c); err == nil || !strings.Contains(err.Error(), "cannot take the values") {
		t.Errorf("another environment: error %v", err)
	}
	if _, err := c.WithValues(c); err == nil || !strings.Contains(err.Error(), "normalise observations") {
		t.Errorf("normalised: error %v", err)
	}
}
