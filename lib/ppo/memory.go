package ppo

import (
	"fmt"
	"math/rand/v2"

	"goalgap/lib/env"
)

// Memory is what a policy with a memory (Config.Memory) remembers of the episodes of some environments side by side, and
// how it acts in them. Each step of theirs is one Observe; the other methods read what the policy makes of it, in any
// number and order:
//
//	m := policy.NewMemory(n)
//	for {
//		m.Observe(obs) // [n]
//		m.Sample(actions, r)
//		… // step the environments; where the episode of environment i ended, begin another and
//		m.Reset(i)
//	}
//
// It uses the policy's networks, and is not for concurrent use with it or its other memories.
type Memory struct {
	policy *Policy
	state  []float32 // [n][width of the memory]
	value  []float32 // [n], of what was observed last
	out    []float32 // [n][outputs], likewise
	work   []float32 // out, for a method to overwrite
	seen   bool      // something was observed
}

// NewMemory returns the memory of n environments whose episodes begin. It panics if the policy has none or n is below 1.
func (p *Policy) NewMemory(n int) *Memory {
	if p.Memory == 0 {
		panic("ppo: NewMemory of a policy that was trained without one: what it does depends on the observation alone")
	}
	if n < 1 {
		panic(fmt.Sprintf("ppo: memory of %d environments, want at least 1", n))
	}
	return &Memory{policy: p, state: make([]float32, n*p.Memory), value: make([]float32, n)}
}

// N returns how many environments the memory is of.
func (m *Memory) N() int { return len(m.state) / m.policy.Memory }

// Observe takes in an observation of each environment. It panics if obs.N is not N().
func (m *Memory) Observe(obs env.Batch) {
	n := m.N()
	if obs.N != n {
		panic(fmt.Sprintf("ppo: %d observations for the memory of %d environments", obs.N, n))
	}
	p := m.policy
	out := withoutValues(m.value[:n], p.actor.Step(p.normalizer.batch(obs), m.state), n)
	m.out, m.seen = append(m.out[:0], out...), true
}

// Reset forgets what was seen of environment i: an episode begins there.
func (m *Memory) Reset(i int) { clear(m.of(i)) }

// Keep keeps the memory of the given environments alone, whose numbers must rise: environments[i] is now number i. It is
// for those whose episodes go on while others' are over for good. It panics if they do not rise or are out of range.
func (m *Memory) Keep(environments []int) {
	before := -1
	for to, from := range environments {
		if from <= before || from >= m.N() {
			panic(fmt.Sprintf("ppo: keeping the memory of the environments %v of %d, want rising numbers", environments, m.N()))
		}
		copy(m.of(to), m.of(from))
		before = from
	}
	m.state, m.seen = m.state[:len(environments)*m.policy.Memory], false
}

// State returns a copy [Memory] of what is remembered of environment i, in -1 .. 1: what the heads read after an Observe,
// for a linear probe.
func (m *Memory) State(i int) []float32 { return append([]float32(nil), m.of(i)...) }

// of returns the state of environment i.
func (m *Memory) of(i int) []float32 {
	width := m.policy.Memory
	return m.state[i*width : (i+1)*width : (i+1)*width]
}

// run returns what the policy puts out for what was observed last. It panics if that is nothing, or the policy's actions
// are not of the kind that a method is for.
func (m *Memory) run(method string, continuous bool) distribution {
	m.policy.checkKind(method, continuous)
	m.checkSeen(method)
	m.work = append(m.work[:0], m.out...)
	return distribution{m.policy, m.N(), m.work}
}

// checkSeen panics if nothing was observed.
func (m *Memory) checkSeen(method string) {
	if !m.seen {
		panic(fmt.Sprintf("ppo: %s of a memory before Observe", method))
	}
}

// Sample is Policy.Sample for what was observed last.
func (m *Memory) Sample(actions []int32, r *rand.Rand) { m.run("Sample", false).sample(actions, r) }

// SampleContinuous is Policy.SampleContinuous for what was observed last.
func (m *Memory) SampleContinuous(actions []float32, r *rand.Rand) {
	m.run("SampleContinuous", true).sampleContinuous(actions, r)
}

// Greedy is Policy.Greedy for what was observed last.
func (m *Memory) Greedy(actions []int32) { m.run("Greedy", false).greedy(actions) }

// GreedyContinuous is Policy.GreedyContinuous for what was observed last.
func (m *Memory) GreedyContinuous(actions []float32) {
	m.run("GreedyContinuous", true).greedyContinuous(actions)
}

// Probabilities is Policy.Probabilities for what was observed last.
func (m *Memory) Probabilities(dst []float32) { m.run("Probabilities", false).probabilities(dst) }

// LogProbs is Policy.LogProbs for what was observed last.
func (m *Memory) LogProbs(dst []float32, actions []int32) {
	m.run("LogProbs", false).logProbs(dst, actions)
}

// LogProbsContinuous is Policy.LogProbsContinuous for what was observed last.
func (m *Memory) LogProbsContinuous(dst []float32, actions []float32) {
	m.run("LogProbsContinuous", true).logProbsContinuous(dst, actions)
}

// Entropies is Policy.Entropies for what was observed last.
func (m *Memory) Entropies(dst []float32) {
	m.run("Entropies", m.policy.Spec.Continuous > 0).entropies(dst)
}

// Values is Policy.Values for what was observed last.
func (m *Memory) Values(dst []float32) {
	m.checkSeen("Values")
	copy(dst[:m.N()], m.value)
}

// choose is Policy.choose for what was observed last.
func (m *Memory) choose(actions []int32, numbers []float32, greedy bool, r *rand.Rand) {
	switch continuous := m.policy.Spec.Continuous > 0; {
	case continuous && greedy:
		m.GreedyContinuous(numbers)
	case continuous:
		m.SampleContinuous(numbers, r)
	case greedy:
		m.Greedy(actions)
	default:
		m.Sample(actions, r)
	}
}
