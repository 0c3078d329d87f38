// Package exact pulls rewards out of people's behaviour in worlds whose states can be listed, and measures them there.
// Every expectation is a sum over all states and actions instead of an average over samples, so what is wrong with an
// extracted reward is the method's doing, or the people's.
//
// The methods: [MCE] (maximum causal entropy inverse reinforcement learning), [SoftQ] (inverse soft-Q: r = Q - γV), [AIRL]
// (adversarial, with shaping taken out) and [Preferences] (comparisons of segments). The measures: [EPIC], [STARC] and
// [Regret]. Everything is in a tabular.World, which has no rewards and no ends; the true reward enters the measures only.
//
// An extracted reward is of the state that a step arrives at, linear in features of that state ([Linear]); with
// [OneHot] any such reward is. It can be applied in another world with the same features.
package exact

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize"

	"goalgap/lib/env/tabular"
)

// Features is what a reward may depend on: Of[s] are the numbers [len(Names)] read off state s.
type Features struct {
	Names []string
	Of    [][]float64 // [states][len(Names)]
}

// NewFeatures reads features off all states of a world; of writes those of a place to dst [len(names)].
func NewFeatures(w *tabular.World, names []string, of func(p tabular.Place, dst []float64)) *Features {
	f := &Features{Names: names, Of: make([][]float64, w.States())}
	for s, p := range w.Places {
		f.Of[s] = make([]float64, len(names))
		of(p, f.Of[s])
	}
	return f
}

// OneHot has a feature for each state of a world, so that each may have a reward of its own.
func OneHot(w *tabular.World) *Features {
	names := make([]string, w.States())
	for s, p := range w.Places {
		names[s] = fmt.Sprintf("level %d state %d", p.Level, p.State)
	}
	s := -1
	return NewFeatures(w, names, func(_ tabular.Place, dst []float64) { s++; dst[s] = 1 })
}

// check returns an error if the features are not of w or not finite.
func (f *Features) check(w *tabular.World) error {
	if f == nil || len(f.Names) == 0 {
		return fmt.Errorf("no features for a reward to depend on")
	}
	if len(f.Of) != w.States() {
		return fmt.Errorf("features of %d states for a world of %d; are they of another environment?", len(f.Of), w.States())
	}
	for s, row := range f.Of {
		if len(row) != len(f.Names) {
			return fmt.Errorf("%d features of state %d for %d names", len(row), s, len(f.Names))
		}
		for j, x := range row {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return fmt.Errorf("feature %q of state %d is %v", f.Names[j], s, x)
			}
		}
	}
	return nil
}

// Linear is a reward that is linear in the features of the state arrived at.
type Linear struct {
	Names  []string
	Weight []float64

	// Ambiguous says which combinations of features the behaviour of people says nothing about, one sentence each; their
	// share of Weight is what the ridge or the beginning of the search made it, and may be wrong elsewhere.
	Ambiguous []string
}

// On returns the reward in a world with these features: in that which it was found in, or in another.
func (l *Linear) On(f *Features) (tabular.Reward, error) {
	if len(f.Names) != len(l.Weight) {
		return nil, fmt.Errorf("exact: a reward of %d features in a world with %d", len(l.Weight), len(f.Names))
	}
	of := make([]float64, len(f.Of))
	for s, row := range f.Of {
		for j, x := range row {
			of[s] += l.Weight[j] * x
		}
	}
	return func(_, _, next int) float64 { return of[next] }, nil
}

// Behaviour is what people do in a world.
type Behaviour struct {
	Policy    []float64 // [states × actions] how probable each action is; 1/actions where nothing is known
	Occupancy []float64 // [states × actions] discounted share of time; sums to 1
	Start     []float64 // [states] where they begin
	Discount  float64   // γ of Occupancy
}

// ofTime is how exact occupancies are.
const ofTime = 1e-9

// Predicted is the behaviour that a model of people predicts, a policy [states × actions]. After the end of an episode
// nothing is chosen, so there every action counts the same.
func Predicted(w *tabular.World, policy []float64, discount float64) (*Behaviour, error) {
	if err := w.CheckPolicy(policy); err != nil {
		return nil, fmt.Errorf("exact: predicted behaviour: %w", err)
	}
	b := &Behaviour{Policy: append([]float64(nil), policy...), Start: w.Start, Discount: discount}
	for s, p := range w.Places {
		if p.Terminal {
			fill(b.Policy[s*w.Actions():(s+1)*w.Actions()], 1/float64(w.Actions()))
		}
	}
	var err error
	if b.Occupancy, err = w.Occupancy(b.Policy, nil, discount, ofTime); err != nil {
		return nil, fmt.Errorf("exact: predicted behaviour: %w", err)
	}
	return b, nil
}

// Step is a step of recorded play, in the numbering of a world.
type Step struct{ State, Action, Next int }

// Recorded is the behaviour in recorded play, one slice of steps an episode. An episode that came to a terminal state goes
// on there for ever; one that was cut off counts as far as it goes. The policy is the share of each action among those
// taken in a state, each counted smoothing times more (0 for none). A step that is not possible in w is an error: the
// play is of another environment.
func Recorded(w *tabular.World, episodes [][]Step, discount, smoothing float64) (*Behaviour, error) {
	if len(episodes) == 0 {
		return nil, fmt.Errorf("exact: no recorded episodes")
	}
	if !(discount >= 0 && discount < 1) || !(smoothing >= 0) {
		return nil, fmt.Errorf("exact: recorded behaviour with discount %v and smoothing %v; want 0 up to below 1, and at least 0", discount, smoothing)
	}
	n := w.Actions()
	b := &Behaviour{Policy: make([]float64, w.States()*n), Occupancy: make([]float64, w.States()*n),
		Start: make([]float64, w.States()), Discount: discount}
	fill(b.Policy, smoothing)
	total := 0.0
	for i, steps := range episodes {
		weight := 1 - discount
		for t, x := range steps {
			if err := possible(w, x); err != nil {
				return nil, fmt.Errorf("exact: episode %d, step %d: %w", i, t, err)
			}
			if t > 0 && steps[t-1].Next != x.State {
				return nil, fmt.Errorf("exact: episode %d, step %d begins in state %d and the step before led to %d", i, t, x.State, steps[t-1].Next)
			}
			b.Occupancy[x.State*n+x.Action] += weight
			b.Policy[x.State*n+x.Action]++
			total += weight
			weight *= discount
		}
		if len(steps) == 0 {
			return nil, fmt.Errorf("exact: episode %d has no steps", i)
		}
		b.Start[steps[0].State] += 1 / float64(len(episodes))
		if end := steps[len(steps)-1].Next; w.Places[end].Terminal {
			for a := range n {
				b.Occupancy[end*n+a] += weight / (1 - discount) / float64(n)
			}
			total += weight / (1 - discount)
		}
	}
	for i := range b.Occupancy {
		b.Occupancy[i] /= total
	}
	for s, p := range w.Places {
		row := b.Policy[s*n : (s+1)*n]
		sum := 0.0
		for _, x := range row {
			sum += x
		}
		if sum == 0 || p.Terminal {
			fill(row, 1/float64(n))
			continue
		}
		for a := range row {
			row[a] /= sum
		}
	}
	return b, nil
}

// possible returns an error if a step cannot be taken in w.
func possible(w *tabular.World, x Step) error {
	if x.State < 0 || x.State >= w.States() || x.Action < 0 || x.Action >= w.Actions() {
		return fmt.Errorf("state %d, action %d in a world of %d states and %d actions: this was recorded in another environment", x.State, x.Action, w.States(), w.Actions())
	}
	for _, m := range w.Moves(x.State, x.Action) {
		if m.Next == x.Next {
			return nil
		}
	}
	return fmt.Errorf("action %d does not lead from state %d to %d: this was recorded in another environment", x.Action, x.State, x.Next)
}

// check returns an error if the behaviour is not one in w.
func (b *Behaviour) check(w *tabular.World) error {
	if b == nil {
		return fmt.Errorf("no behaviour of people")
	}
	if err := w.CheckPolicy(b.Policy); err != nil {
		return err
	}
	if len(b.Occupancy) != len(b.Policy) || len(b.Start) != w.States() || !(b.Discount >= 0 && b.Discount < 1) {
		return fmt.Errorf("behaviour with %d occupancies, %d starts and discount %v in a world of %d states and %d actions",
			len(b.Occupancy), len(b.Start), b.Discount, w.States(), w.Actions())
	}
	return nil
}

// arrivals returns the expectation of the features over the states arrived at.
func arrivals(w *tabular.World, occupancy []float64, f *Features) []float64 {
	sum := make([]float64, len(f.Names))
	for i, x := range occupancy {
		if x == 0 {
			continue
		}
		for _, m := range w.Moves(i/w.Actions(), i%w.Actions()) {
			for j, v := range f.Of[m.Next] {
				sum[j] += x * m.P * v
			}
		}
	}
	return sum
}

// expected returns [states × actions] the expected reward of weights.
func (f *Features) expected(w *tabular.World, weight []float64) []float64 {
	of := make([]float64, len(f.Of))
	for s, row := range f.Of {
		for j, x := range row {
			of[s] += weight[j] * x
		}
	}
	out := make([]float64, w.States()*w.Actions())
	for i := range out {
		for _, m := range w.Moves(i/w.Actions(), i%w.Actions()) {
			out[i] += m.P * of[m.Next]
		}
	}
	return out
}

// ambiguous says which combinations of features make no difference to anybody's behaviour in w: those whose reward is
// potential shaping there. A combination that is the same number, not 0, in every state makes none anywhere and is not
// named. At most a hundred features are looked at, as it takes a plan for each.
func (f *Features) ambiguous(w *tabular.World, discount float64) ([]string, error) {
	k := len(f.Names)
	if k > 100 {
		return nil, nil
	}
	columns := make([][]float64, k)
	unit := make([]float64, k)
	for j := range k {
		clear(unit)
		unit[j] = 1
		c, err := deshape(w, f.expected(w, unit), discount)
		if err != nil {
			return nil, err
		}
		columns[j] = c
	}
	gram := mat.NewSymDense(k, nil)
	scale := make([]float64, k)
	for j := range k {
		for s := range f.Of {
			scale[j] = max(scale[j], math.Abs(f.Of[s][j]))
		}
		if scale[j] == 0 {
			scale[j] = 1
		}
	}
	for j := range k {
		for l := range j + 1 {
			sum := 0.0
			for i := range columns[j] {
				sum += columns[j][i] / scale[j] * columns[l][i] / scale[l]
			}
			gram.SetSym(j, l, sum/float64(w.States()))
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(gram, true) {
		return nil, fmt.Errorf("the features' independence could not be computed")
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	var null [][]float64
	for c, value := range eigen.Values(nil) {
		if value < 1e-12 {
			null = append(null, mat.Col(nil, c, &vectors))
		}
	}
	var list []string
	for _, d := range f.withoutConstant(null, scale) {
		text := ""
		for j, x := range d {
			if math.Abs(x) > 1e-3 {
				text += fmt.Sprintf(" %+.2g %q", x/scale[j], f.Names[j])
			}
		}
		list = append(list, fmt.Sprintf("nothing that people do in these levels depends on the reward%s; watch levels in which these differ, or leave features out", text))
	}
	return list, nil
}

// withoutConstant takes out of a space of weights (of scaled features) the direction that is the same number, not 0, in
// all states.
func (f *Features) withoutConstant(null [][]float64, scale []float64) [][]float64 {
	if len(null) == 0 {
		return nil
	}
	// The rewards of the null directions, less their mean over states: which combination of directions leaves nothing?
	n := len(null)
	of := make([][]float64, n)
	mean := make([]float64, n)
	for c, d := range null {
		of[c] = make([]float64, len(f.Of))
		for s, row := range f.Of {
			for j, x := range row {
				of[c][s] += d[j] / scale[j] * x
			}
			mean[c] += of[c][s] / float64(len(f.Of))
		}
	}
	gram := mat.NewSymDense(n, nil)
	for a := range n {
		for b := range a + 1 {
			sum := 0.0
			for s := range f.Of {
				sum += (of[a][s] - mean[a]) * (of[b][s] - mean[b])
			}
			gram.SetSym(a, b, sum/float64(len(f.Of)))
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(gram, true) {
		return null
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	// Among the directions without variance, the one with the largest mean is the constant; the others are 0 everywhere.
	constant := make([]float64, n)
	norm := 0.0
	for c, value := range eigen.Values(nil) {
		if value > 1e-12 {
			continue
		}
		v := mat.Col(nil, c, &vectors)
		m := 0.0
		for a := range n {
			m += v[a] * mean[a]
		}
		for a := range n {
			constant[a] += m * v[a]
		}
		norm += m * m
	}
	if norm < 1e-12 {
		return null
	}
	var out [][]float64
	for c := range n { // Gram-Schmidt against the constant and those taken already
		e := make([]float64, n)
		e[c] = 1
		dot := constant[c] / norm
		for a := range n {
			e[a] -= dot * constant[a]
		}
		d := make([]float64, len(null[0]))
		for a := range n {
			for j := range d {
				d[j] += e[a] * null[a][j]
			}
		}
		for _, o := range out {
			dot := 0.0
			for j := range d {
				dot += d[j] * o[j]
			}
			for j := range d {
				d[j] -= dot * o[j]
			}
		}
		length := 0.0
		for _, x := range d {
			length += x * x
		}
		if length = math.Sqrt(length); length > 1e-6 {
			for j := range d {
				d[j] /= length
			}
			out = append(out, d)
		}
	}
	return out
}

// descend minimises a smooth function from x on and returns the best place and the iterations. f writes the gradient to
// grad; it ends where no number of the gradient is above tolerance.
func descend(x []float64, tolerance float64, most int, f func(x, grad []float64) (float64, error)) ([]float64, int, error) {
	var failed error
	var at, grad []float64
	value := math.Inf(1)
	look := func(x []float64) {
		if at != nil && equal(at, x) {
			return
		}
		if grad == nil {
			grad = make([]float64, len(x))
		}
		at = append(at[:0], x...)
		v, err := f(x, grad)
		if err != nil && failed == nil {
			failed = err
		}
		value = v
		if failed != nil {
			value = math.Inf(1)
		}
	}
	problem := optimize.Problem{
		Func:   func(x []float64) float64 { look(x); return value },
		Grad:   func(g, x []float64) { look(x); copy(g, grad) },
		Status: func() (optimize.Status, error) { return optimize.NotTerminated, failed },
	}
	settings := &optimize.Settings{GradientThreshold: tolerance, MajorIterations: most, Converger: optimize.NeverTerminate{}}
	result, err := optimize.Minimize(problem, x, settings, &optimize.LBFGS{Store: 20})
	if failed != nil {
		return nil, 0, failed
	}
	// A line search that finds no lower value has met the limits of arithmetic; the caller judges the gradient.
	if result == nil || result.X == nil {
		return nil, 0, err
	}
	return result.X, result.MajorIterations, nil
}

func equal(a, b []float64) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func fill(x []float64, v float64) {
	for i := range x {
		x[i] = v
	}
}
