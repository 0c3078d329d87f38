package exact

import (
	"fmt"
	"math"

	"goalgap/lib/env/tabular"
)

// SoftQConfig is how to extract by [SoftQ]. Start from DefaultSoftQ.
type SoftQConfig struct {
	Ridge float64 // weight of the prior that rewards are small, of half their squares in nats; default 1e-6
	Floor float64 // least probability that an action is taken to have, as logarithms of 0 are not finite; default 1e-4
	Known bool    // count each state alike; false: count a state by people's time in it. Default false
}

// DefaultSoftQ returns the defaults.
func DefaultSoftQ() SoftQConfig { return SoftQConfig{Ridge: 1e-6, Floor: 1e-4} }

// SoftQResult is a reward found by [SoftQ], in nats.
type SoftQResult struct {
	Linear           // the reward with shaping taken out
	Value  []float64 // [states] V
	Misfit float64   // root mean square of what the linear reward leaves unexplained of log π, in nats
}

// LogPolicy is the reward log π(a|s) = Q(s,a) - V(s) of people's policy π: r = Q - γV(s') with V = 0. For it π is soft-optimal
// in this world, as for every other reward of the family of [SoftQ], but it is not what people value: it is that with a
// potential mixed in, and elsewhere it misleads. A step that is not possible has it, too. floor is as in SoftQConfig.
func LogPolicy(w *tabular.World, people *Behaviour, floor float64) (tabular.Reward, error) {
	if err := people.check(w); err != nil {
		return nil, fmt.Errorf("exact: log of the policy: %w", err)
	}
	if !(floor > 0 && floor < 1) {
		return nil, fmt.Errorf("exact: log of the policy with floor %v; want it between 0 and 1", floor)
	}
	n := w.Actions()
	y := logs(w, people, floor)
	return func(state, action, _ int) float64 { return y[state*n+action] }, nil
}

// logs returns log π [states × actions].
func logs(w *tabular.World, people *Behaviour, floor float64) []float64 {
	n := w.Actions()
	y := make([]float64, w.States()*n)
	for i, p := range people.Policy {
		y[i] = math.Log(max(p, floor))
		if w.Places[i/n].Terminal {
			y[i] = -math.Log(float64(n))
		}
	}
	return y
}

// SoftQ extracts a reward by inverse soft-Q: if people's policy π is soft-optimal, then log π(a|s) = Q(s,a) - V(s), so
//
//	r(s,a) = Q(s,a) - γ E[V(s')] = log π(a|s) + V(s) - γ E[V(s')]
//
// for some V, and every V gives a reward for which π is soft-optimal (Cao, Cohen and Szpruch 2021, theorem 1; IQ-Learn,
// Garg et al. 2021, has r = Q - γV likewise). Of these the one is taken that is a reward of the features of the state
// arrived at, as nearly as can be: V and the weights minimise
//
//	Σ ρ(s,a) (log π(a|s) + V(s) - γ E[V(s')] - w·E[φ(s')])² + Ridge |w|²,
//
// a linear least-squares problem, solved by conjugate gradients; no plan is made. ρ is people's discounted time.
//
// It is an error if people or features are of another world or not finite, or if the features are the same in every state.
// What people's behaviour cannot tell is named in Ambiguous. Misfit says how far people are from being soft-optimal for any
// such reward: about 0 for those who are.
func SoftQ(w *tabular.World, people *Behaviour, f *Features, cfg SoftQConfig) (*SoftQResult, error) {
	if err := readable(w, people, f); err != nil {
		return nil, fmt.Errorf("exact: inverse soft-Q: %w", err)
	}
	if !(cfg.Ridge >= 0) || !(cfg.Floor > 0 && cfg.Floor < 1) {
		return nil, fmt.Errorf("exact: inverse soft-Q: config %+v; want Ridge 0 or more, Floor between 0 and 1", cfg)
	}
	n, states, k := w.Actions(), w.States(), len(f.Names)
	y := logs(w, people, cfg.Floor)
	weight := make([]float64, len(y))
	for i := range weight {
		weight[i] = people.Occupancy[i]
		if cfg.Known {
			weight[i] = 1 / float64(len(y))
		}
	}
	phi := make([][]float64, len(y)) // E[φ(s')]
	for i := range phi {
		phi[i] = make([]float64, k)
		for _, m := range w.Moves(i/n, i%n) {
			for j, x := range f.Of[m.Next] {
				phi[i][j] += m.P * x
			}
		}
	}
	g := people.Discount
	// residual writes A x: w·E[φ(s')] - V(s) + γ E[V(s')], whose target is log π.
	residual := func(dst, x []float64) {
		v, c := x[:states], x[states:]
		for i := range dst {
			sum := -v[i/n]
			for _, m := range w.Moves(i/n, i%n) {
				sum += g * m.P * v[m.Next]
			}
			for j, p := range phi[i] {
				sum += c[j] * p
			}
			dst[i] = sum
		}
	}
	transposed := func(dst, e []float64) { // Aᵀ W e
		clear(dst)
		for i, x := range e {
			x *= weight[i]
			if x == 0 {
				continue
			}
			dst[i/n] -= x
			for _, m := range w.Moves(i/n, i%n) {
				dst[m.Next] += g * m.P * x
			}
			for j, p := range phi[i] {
				dst[states+j] += p * x
			}
		}
	}
	// The diagonal of AᵀWA, which brings states that people hardly ever visit to the scale of the others.
	diagonal := make([]float64, states+k)
	for i, c := range weight {
		own := -1.0
		for _, m := range w.Moves(i/n, i%n) {
			if m.Next == i/n {
				own += g * m.P
			} else {
				diagonal[m.Next] += c * g * m.P * g * m.P
			}
		}
		diagonal[i/n] += c * own * own
		for j, p := range phi[i] {
			diagonal[states+j] += c * p * p
		}
	}
	for j := range diagonal {
		diagonal[j] += 1e-12
		if j >= states {
			diagonal[j] += cfg.Ridge
		}
	}
	x := make([]float64, states+k)
	e := make([]float64, len(y))
	if err := conjugate(x, func(dst, x []float64) {
		residual(e, x)
		transposed(dst, e)
		for j := range x[states:] {
			dst[states+j] += cfg.Ridge * x[states+j]
		}
		for s := range states { // states where people never are
			dst[s] += 1e-12 * x[s]
		}
	}, func(dst []float64) { transposed(dst, y) }, diagonal); err != nil {
		return nil, fmt.Errorf("exact: inverse soft-Q: %w", err)
	}
	r := &SoftQResult{Linear: Linear{Names: f.Names, Weight: x[states:]}, Value: x[:states]}
	residual(e, x)
	total := 0.0
	for i := range e {
		r.Misfit += weight[i] * (y[i] - e[i]) * (y[i] - e[i])
		total += weight[i]
	}
	r.Misfit = math.Sqrt(r.Misfit / total)
	var err error
	if r.Ambiguous, err = f.ambiguous(w, g); err != nil {
		return nil, fmt.Errorf("exact: inverse soft-Q: %w", err)
	}
	return r, nil
}

// conjugate solves times(x) = target, for a positive semidefinite times with the given diagonal, by conjugate gradients from x
// on, preconditioned by the diagonal.
func conjugate(x []float64, times func(dst, x []float64), target func(dst []float64), diagonal []float64) error {
	n := len(x)
	r, z, p, ap := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	target(r)
	scale := func() (size float64) { // z = r / diagonal
		for i := range z {
			z[i] = r[i] / diagonal[i]
		}
		return dot(r, z)
	}
	begin := scale()
	copy(p, z)
	rz := begin
	for range 20 * n {
		if rz <= 1e-24*begin {
			return nil
		}
		times(ap, p)
		curvature := dot(p, ap)
		if !(curvature > 0) {
			break
		}
		step := rz / curvature
		for i := range x {
			x[i] += step * p[i]
			r[i] -= step * ap[i]
		}
		next := scale()
		for i := range p {
			p[i] = z[i] + next/rz*p[i]
		}
		rz = next
	}
	if rz > 1e-12*begin {
		return fmt.Errorf("the least-squares problem was solved to a relative %.1g only; raise Ridge", math.Sqrt(rz/begin))
	}
	return nil
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, x := range a {
		sum += x * b[i]
	}
	return sum
}
