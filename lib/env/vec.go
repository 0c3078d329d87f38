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
	actions  []int32
	perPiece int
}

// vecCopy is one environment and the episode it is in.
type vecCopy struct {
	env     Env
	pcg     *rand.PCG
	rand    *rand.Rand
	actions []int32 // of this episode: with the level seed, all that there is to know about its state
	total   float64
	_       [64]byte // copies are stepped on different cores
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
			if err := spec.check(); err != nil {
				return nil, err
			}
			v.Spec = spec
		} else if spec != v.Spec {
			return nil, fmt.Errorf("env: environment %d is %+v, but environment 0 is %+v", i, spec, v.Spec)
		}
		pcg := rng.NewSource(seed, "levels", i)
		v.copies[i] = vecCopy{env: e, pcg: pcg, rand: rand.New(pcg), actions: make([]int32, 0, spec.MaxSteps)}
	}
	v.Obs, v.Next = NewBatch(v.Spec, n), NewBatch(v.Spec, n)
	v.Level, v.EpisodeLevel = make([]int64, n), make([]int64, n)
	v.Reward, v.End = make([]float32, n), make([]End, n)
	v.EpisodeReturn, v.EpisodeLength = make([]float64, n), make([]int32, n)
	v.pieces = fork.New(func(i int) {
		v.StepRange(i*v.perPiece, min((i+1)*v.perPiece, v.N), v.actions)
	})
	for i := range v.copies {
		v.begin(i)
	}
	return v, nil
}

// check reports what makes a Spec unusable.
func (s Spec) check() error {
	switch {
	case s.Actions < 1:
		return fmt.Errorf("env: %q has %d actions; at least 1 is needed", s.Name, s.Actions)
	case s.Sparse < 0 || s.MaxActive < 0 || s.Dense < 0 || s.MaxSteps < 0:
		return fmt.Errorf("env: %q has a negative size in its spec %+v", s.Name, s)
	case (s.Sparse == 0) != (s.MaxActive == 0):
		return fmt.Errorf("env: %q has a one-hot part of length %d with at most %d ones; both or neither must be 0",
			s.Name, s.Sparse, s.MaxActive)
	case s.Sparse == 0 && s.Dense == 0:
		return fmt.Errorf("env: %q observes nothing: its sparse and its dense part are both empty", s.Name)
	}
	return nil
}

// Step takes actions[i] in environment i, for all of them, on the cores that are free. It allocates nothing. It panics
// if there are not N actions.
func (v *Vec) Step(actions []int32) {
	if len(actions) != v.N {
		panic(fmt.Sprintf("env: %d actions for %d environments", len(actions), v.N))
	}
	const atLeast = 8 // environments a piece: fewer are not worth handing to another core
	v.perPiece = max(atLeast, (v.N+fork.MaxPieces-1)/fork.MaxPieces)
	v.actions = actions
	v.pieces.Do((v.N + v.perPiece - 1) / v.perPiece)
	v.actions = nil
}

// StepRange is Step for the environments lo .. hi-1 alone; environment i takes actions[i]. Calls for ranges that do not
// overlap may run at the same time.
func (v *Vec) StepRange(lo, hi int, actions []int32) {
	for i := lo; i < hi; i++ {
		c := &v.copies[i]
		reward, end := c.env.Step(int(actions[i]))
		c.actions = append(c.actions, actions[i])
		c.total += float64(reward)
		v.Reward[i], v.End[i] = reward, end
		c.env.Observe(v.Next.Row(i))
		if end == Running {
			v.Obs.CopyRow(i, v.Next, i)
			continue
		}
		v.EpisodeReturn[i] = c.total
		v.EpisodeLength[i] = int32(len(c.actions))
		v.EpisodeLevel[i] = v.Level[i]
		v.begin(i)
	}
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
	c.actions, c.total = c.actions[:0], 0
}

// Episode is where one environment of a Vec stands: an environment is a function of its level seed and the actions
// taken since, so nothing else needs to be kept.
type Episode struct {
	Level   int64
	Actions []int32 // since the episode's start
	Stream  []byte  // the state of the stream of levels
}

// Episode returns where environment i stands. The result shares no memory with the Vec.
func (v *Vec) Episode(i int) (Episode, error) {
	c := &v.copies[i]
	stream, err := c.pcg.MarshalBinary()
	if err != nil {
		return Episode{}, fmt.Errorf("env: saving the stream of levels of environment %d: %w", i, err)
	}
	return Episode{Level: v.Level[i], Actions: append([]int32(nil), c.actions...), Stream: stream}, nil
}

// SetEpisode brings environment i to where the Episode was taken, by playing its actions again: Obs, and every step
// from there on, are the same. It fails if the stream is malformed or the actions do not fit the environment.
func (v *Vec) SetEpisode(i int, e Episode) error {
	c := &v.copies[i]
	if err := c.pcg.UnmarshalBinary(e.Stream); err != nil {
		return fmt.Errorf("env: restoring the stream of levels of environment %d: %w", i, err)
	}
	v.restart(i, e.Level)
	for t, a := range e.Actions {
		if a < 0 || int(a) >= v.Spec.Actions {
			return fmt.Errorf("env: restoring environment %d: action %d at step %d; %s has actions 0 to %d",
				i, a, t, v.Spec.Name, v.Spec.Actions-1)
		}
		reward, end := c.env.Step(int(a))
		if end != Running {
			return fmt.Errorf("env: restoring environment %d: level %d ended after %d of %d steps; it was saved from another environment",
				i, e.Level, t+1, len(e.Actions))
		}
		c.actions = append(c.actions, a)
		c.total += float64(reward)
	}
	c.env.Observe(v.Obs.Row(i))
	return nil
}
