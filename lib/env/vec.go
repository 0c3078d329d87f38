package env

import (
	"fmt"
	"math/rand/v2"

	"goalgap/lib/internal/fork"
	"goalgap/lib/rng"
)

// Vec plays n copies of an environment side by side. A copy whose episode ends starts the next one, on a level newly
// drawn, within the same step.
//
// Each copy draws its levels from a stream of its own, so what happens in one does not depend on the others, on the
// order in which they are stepped, or on GOMAXPROCS.
type Vec struct {
	N    int
	Spec Spec

	Obs   Batch   // what to act on next: after an end, the first observation of the new episode
	Next  Batch   // what the last step led to, before any reset: s' of (s, a, s')
	Level []int64 // the level being played

	Reward []float32 // the environment's own reward of the last step
	End    []End     // how the episode stood after the last step

	// Of the episode that the last step ended; meaningless where End is Running.
	EpisodeReturn []float64 // sum of its rewards
	EpisodeLength []int32   // steps
	EpisodeLevel  []int64   // level seed

	levels Levels
	copies []vecCopy
	pieces *fork.Fork
	// What the pieces of the Step under way work on.
	actions    []int32
	continuous []float32
	perPiece   int
}

// vecCopy is one environment and the episode it is in.
type vecCopy struct {
	env     Env
	pcg     *rand.PCG
	rand    *rand.Rand
	actions []int32 // of this episode: with the level seed, all that there is to know about its state
	steps   int32   // of this episode
	total   float64

	continuous []float32 // likewise, where actions are continuous; as the environment was handed them
	_          [64]byte  // copies are stepped on different cores
}

// NewVec makes n environments, which must all have the same Spec, and starts an episode in each. seed determines which
// levels they draw. An error names what is wrong with n, the levels, an environment or its Spec.
func NewVec(makeEnv func() (Env, error), n int, levels Levels, seed uint64) (*Vec, error) {
	if n < 1 {
		return nil, fmt.Errorf("env: vector of %d environments; at least 1 is needed", n)
	}
	if levels.Count < 0 || levels.Start < 0 {
		return nil, fmt.Errorf("env: levels start at %d and count %d; neither may be negative", levels.Start, levels.Count)
	}
	v := &Vec{N: n, levels: levels, copies: make([]vecCopy, n)}
	for i := range v.copies {
		e, err := makeEnv()
		if err != nil {
			return nil, fmt.Errorf("env: making environment %d of %d: %w", i, n, err)
		}
		spec := e.Spec()
		if i == 0 {
			if err := spec.Check(); err != nil {
				return nil, err
			}
			v.Spec = spec
		} else if spec != v.Spec {
			return nil, fmt.Errorf("env: environment %d is %+v, but environment 0 is %+v", i, spec, v.Spec)
		}
		if err := spec.Fits(e); err != nil {
			return nil, err
		}
		pcg := rng.NewSource(seed, "levels", i)
		v.copies[i] = vecCopy{env: e, pcg: pcg, rand: rand.New(pcg)}
		if size := spec.MaxSteps * spec.Width(); spec.Continuous > 0 {
			v.copies[i].continuous = make([]float32, 0, size)
		} else {
			v.copies[i].actions = make([]int32, 0, size)
		}
	}
	v.Obs, v.Next = NewBatch(v.Spec, n), NewBatch(v.Spec, n)
	v.Level, v.EpisodeLevel = make([]int64, n), make([]int64, n)
	v.Reward, v.End = make([]float32, n), make([]End, n)
	v.EpisodeReturn, v.EpisodeLength = make([]float64, n), make([]int32, n)
	v.pieces = fork.New(func(i int) {
		if lo, hi := i*v.perPiece, min((i+1)*v.perPiece, v.N); v.continuous != nil {
			v.StepRangeContinuous(lo, hi, v.continuous)
		} else {
			v.StepRange(lo, hi, v.actions)
		}
	})
	for i := range v.copies {
		v.begin(i)
	}
	return v, nil
}

// Check reports what makes a Spec unusable: sizes that are negative or make no observation or action, an image that does not
// fit, or bounds of actions that are none.
func (s Spec) Check() error {
	switch {
	case s.Sparse < 0 || s.MaxActive < 0 || s.Dense < 0 || s.MaxSteps < 0:
		return fmt.Errorf("env: %q has a negative size in its spec %+v", s.Name, s)
	case (s.Sparse == 0) != (s.MaxActive == 0):
		return fmt.Errorf("env: %q has a one-hot part of length %d with at most %d ones; both or neither must be 0",
			s.Name, s.Sparse, s.MaxActive)
	case s.Sparse == 0 && s.Dense == 0:
		return fmt.Errorf("env: %q observes nothing: its sparse and its dense part are both empty", s.Name)
	}
	if err := s.checkImage(); err != nil {
		return err
	}
	return s.checkActions()
}

// Step takes actions[i] in environment i, for all of them, on the cores that are free; multi-discrete actions are
// [N][Heads.Len()]. It allocates nothing. It panics if there are not N actions, or if actions are continuous.
func (v *Vec) Step(actions []int32) {
	if len(actions) != v.N*v.Spec.Width() || v.Spec.Continuous > 0 {
		panic(fmt.Sprintf("env: %d numbers as actions for %d environments %+v", len(actions), v.N, v.Spec))
	}
	v.actions = actions
	v.step()
}

// StepContinuous is Step for continuous actions [N][Continuous]. The environments are handed them clipped to the bounds.
// It panics if an action is NaN.
func (v *Vec) StepContinuous(actions []float32) {
	if len(actions) != v.N*v.Spec.Continuous {
		panic(fmt.Sprintf("env: %d real numbers as actions for %d environments %+v", len(actions), v.N, v.Spec))
	}
	v.continuous = actions
	v.step()
}

// step takes the actions in v.
func (v *Vec) step() {
	const atLeast = 8 // environments a piece: fewer are not worth handing to another core
	v.perPiece = max(atLeast, (v.N+fork.MaxPieces-1)/fork.MaxPieces)
	v.pieces.Do((v.N + v.perPiece - 1) / v.perPiece)
	v.actions, v.continuous = nil, nil
}

// StepRange is Step for the environments lo .. hi-1 alone; actions are those of all environments. Calls for ranges that
// do not overlap may run at the same time.
func (v *Vec) StepRange(lo, hi int, actions []int32) {
	if v.Spec.Heads != (Heads{}) {
		width := v.Spec.Width()
		for i := lo; i < hi; i++ {
			c := &v.copies[i]
			reward, end := c.env.(MultiDiscrete).StepHeads(actions[i*width : (i+1)*width])
			c.actions = append(c.actions, actions[i*width:(i+1)*width]...)
			v.stepped(i, reward, end)
		}
		return
	}
	for i := lo; i < hi; i++ {
		c := &v.copies[i]
		reward, end := c.env.Step(int(actions[i]))
		c.actions = append(c.actions, actions[i])
		v.stepped(i, reward, end)
	}
}

// StepRangeContinuous is StepRange for continuous actions.
func (v *Vec) StepRangeContinuous(lo, hi int, actions []float32) {
	width := v.Spec.Continuous
	for i := lo; i < hi; i++ {
		reward, end := v.stepContinuous(i, actions[i*width:(i+1)*width])
		v.stepped(i, reward, end)
	}
}

// stepContinuous hands an action to environment i, clipped, and remembers it.
func (v *Vec) stepContinuous(i int, action []float32) (reward float32, end End) {
	c := &v.copies[i]
	at := len(c.continuous)
	c.continuous = append(c.continuous, action...)
	handed := c.continuous[at:]
	v.Spec.ClipAction(handed)
	for _, x := range handed {
		if x != x {
			panic(fmt.Sprintf("env: the action %v for environment %d of %s is not a number", action, i, v.Spec.Name))
		}
	}
	return c.env.(Continuous).StepContinuous(handed)
}

// stepped records what the step of environment i gave.
func (v *Vec) stepped(i int, reward float32, end End) {
	c := &v.copies[i]
	c.steps++
	c.total += float64(reward)
	v.Reward[i], v.End[i] = reward, end
	c.env.Observe(v.Next.Row(i))
	if end == Running {
		v.Obs.CopyRow(i, v.Next, i)
		return
	}
	v.EpisodeReturn[i] = c.total
	v.EpisodeLength[i] = c.steps
	v.EpisodeLevel[i] = v.Level[i]
	v.begin(i)
}

// begin starts environment i on a new level.
func (v *Vec) begin(i int) {
	v.restart(i, v.levels.Draw(v.copies[i].rand))
	v.copies[i].env.Observe(v.Obs.Row(i))
}

// restart starts environment i on the given level.
func (v *Vec) restart(i int, level int64) {
	c := &v.copies[i]
	v.Level[i] = level
	c.env.Reset(level)
	c.actions, c.continuous, c.steps, c.total = c.actions[:0], c.continuous[:0], 0, 0
}

// Episode is where one environment of a Vec stands: an environment is a function of its level seed and the actions
// taken since, so nothing else needs to be kept.
type Episode struct {
	Level   int64
	Actions []int32 // since the episode's start; multi-discrete ones [steps][Heads.Len()]
	Stream  []byte  // the state of the stream of levels

	Continuous []float32 // in place of Actions where they are continuous [steps][Spec.Continuous], clipped
}

// Episode returns where environment i stands. The result shares no memory with the Vec.
func (v *Vec) Episode(i int) (Episode, error) {
	c := &v.copies[i]
	stream, err := c.pcg.MarshalBinary()
	if err != nil {
		return Episode{}, fmt.Errorf("env: saving the stream of levels of environment %d: %w", i, err)
	}
	return Episode{
		Level: v.Level[i], Stream: stream,
		Actions: append([]int32(nil), c.actions...), Continuous: append([]float32(nil), c.continuous...),
	}, nil
}

// SetEpisode brings environment i to where the Episode was taken, by playing its actions again: Obs, and every step
// from there on, are the same. It fails if the stream is malformed or the actions do not fit the environment.
func (v *Vec) SetEpisode(i int, e Episode) error {
	c := &v.copies[i]
	if err := c.pcg.UnmarshalBinary(e.Stream); err != nil {
		return fmt.Errorf("env: restoring the stream of levels of environment %d: %w", i, err)
	}
	v.restart(i, e.Level)
	width, spec := v.Spec.Width(), v.Spec
	size := len(e.Actions) + len(e.Continuous)
	if size%width != 0 || spec.Continuous == 0 && len(e.Continuous) > 0 || spec.Continuous > 0 && len(e.Actions) > 0 {
		return fmt.Errorf("env: restoring environment %d: %d whole and %d real numbers as actions do not fit %+v",
			i, len(e.Actions), len(e.Continuous), spec)
	}
	for k, a := range e.Actions {
		size := spec.Actions
		if spec.Heads != (Heads{}) {
			size = spec.Heads[k%width]
		}
		if a < 0 || int(a) >= size {
			return fmt.Errorf("env: restoring environment %d: action %d at step %d; %s has actions 0 to %d",
				i, a, k/width, spec.Name, size-1)
		}
	}
	for k, x := range e.Continuous {
		if !(x >= spec.Low && x <= spec.High) {
			return fmt.Errorf("env: restoring environment %d: action %v at step %d; those of %s are from %v to %v",
				i, x, k/width, spec.Name, spec.Low, spec.High)
		}
	}
	for t := range size / width {
		var reward float32
		var end End
		switch {
		case spec.Continuous > 0:
			reward, end = v.stepContinuous(i, e.Continuous[t*width:(t+1)*width])
		case spec.Heads != (Heads{}):
			reward, end = c.env.(MultiDiscrete).StepHeads(e.Actions[t*width : (t+1)*width])
		default:
			reward, end = c.env.Step(int(e.Actions[t]))
		}
		if end != Running {
			return fmt.Errorf("env: restoring environment %d: level %d ended after %d of %d steps; it was saved from another environment",
				i, e.Level, t+1, size/width)
		}
		c.steps++
		c.total += float64(reward)
	}
	c.actions = append(c.actions, e.Actions...)
	c.env.Observe(v.Obs.Row(i))
	return nil
}
