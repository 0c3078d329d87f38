package env

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"

	"goalgap/lib/rng"
)

// Check plays the levels with these seeds (level 0 if there are none) and reports the first law of [Env] that the
// environments made by makeEnv break:
//
//   - the Spec is usable and does not change;
//   - Observe fills active with different indices in 0 .. Sparse-1 and then -1, and dense with finite numbers; it
//     reads nothing from the slices that it is given, and changes nothing of the episode;
//   - rewards are finite; an episode lasts MaxSteps at most, and is truncated nowhere else than there;
//   - the same seed and the same actions give the same episode, whatever was played before, in another copy too;
//   - after the end the observation stays as it is, and stepping on panics;
//   - an episode that was played before allocates nothing when it is played again;
//   - where actions are multi-discrete or continuous, Step panics, as do actions of another length, parts out of range
//     and NaN, and the action's slice is neither changed nor kept.
//
// It plays each level with random actions and with every action for ever (of multi-discrete actions those whose parts
// are alike, of continuous ones the two bounds), and finds only what these come upon.
func Check(makeEnv func() Env, seeds ...int64) error {
	if len(seeds) == 0 {
		seeds = []int64{0}
	}
	e := makeEnv()
	if e == nil {
		return errors.New("env: check: there is no environment: makeEnv returned nil")
	}
	spec := e.Spec()
	if err := spec.Check(); err != nil {
		return err
	}
	if spec.MaxSteps < 1 {
		return fmt.Errorf("env: check %s: longest episode of %d steps; it must have 1 at least", spec.Name, spec.MaxSteps)
	}
	if spec.MaxActive > spec.Sparse {
		return fmt.Errorf("env: check %s: at most %d ones among %d; there cannot be more than all",
			spec.Name, spec.MaxActive, spec.Sparse)
	}
	if err := spec.Fits(e); err != nil {
		return err
	}
	c := &checker{
		spec: spec, obs: NewBatch(spec, 2),
		actions: make([]int32, spec.MaxSteps*spec.Width()), continuous: make([]float32, spec.MaxSteps*spec.Continuous),
		parts: make([]int32, spec.Width()), numbers: make([]float32, spec.Continuous),
	}
	if err := c.refuses(e, seeds[0]); err != nil {
		return fmt.Errorf("env: check %s: %w", spec.Name, err)
	}
	ways := max(spec.Actions, slices.Max(spec.Heads[:]))
	if spec.Continuous > 0 {
		ways = 2
	}
	for _, seed := range seeds {
		for way := range 1 + ways {
			if err := c.level(e, makeEnv, seed, way); err != nil {
				way := fmt.Sprintf("action %d for ever", way-1)
				switch {
				case c.way == 0:
					way = "random actions"
				case spec.Continuous > 0:
					way = fmt.Sprintf("action %v for ever", c.continuous[0])
				}
				return fmt.Errorf("env: check %s: level %d, %s: %w", spec.Name, seed, way, err)
			}
		}
	}
	if err := c.allocations(e, seeds); err != nil {
		return fmt.Errorf("env: check %s: %w", spec.Name, err)
	}
	return nil
}

// checker is the state of a Check.
type checker struct {
	spec    Spec
	way     int     // 0: random actions; else action way-1 for ever
	obs     Batch   // two observations: of now, and for comparison
	actions []int32 // of a whole episode, [MaxSteps][Width]

	continuous []float32 // likewise, where actions are continuous

	// What the environment is handed, which is spoilt after the step, each time otherwise.
	parts   []int32
	numbers []float32
	spoilt  int32
	changed bool // the environment wrote to its action
}

// checkStep is what a step gave.
type checkStep struct {
	reward float32
	end    End
	active []int32
	dense  []float32
}

// level plays one level in one way: in e, observing everything; in e again after another level, and in a new copy,
// observing only now and then.
func (c *checker) level(e Env, makeEnv func() Env, seed int64, way int) error {
	c.plan(seed, way)
	e.Reset(seed)
	if err := c.observe(e, 0); err != nil {
		return fmt.Errorf("at the start: %w", err)
	}
	first := c.copyStep(0, Running)
	var episode []checkStep
	end := Running
	for i := 0; end == Running; i++ {
		var reward float32
		reward, end = c.step(e, i)
		at := fmt.Sprintf("step %d", i+1)
		if c.changed {
			return fmt.Errorf("%s: the environment changed the slice with its action", at)
		}
		if math.IsNaN(float64(reward)) || math.IsInf(float64(reward), 0) {
			return fmt.Errorf("%s: reward %v", at, reward)
		}
		switch {
		case end > Truncated:
			return fmt.Errorf("%s: the episode is %v", at, end)
		case end == Truncated && i+1 != c.spec.MaxSteps:
			return fmt.Errorf("%s: truncated, but the longest episode has %d steps", at, c.spec.MaxSteps)
		case end == Running && i+1 == c.spec.MaxSteps:
			return fmt.Errorf("%s: still running after the longest episode's steps", at)
		}
		if err := c.observe(e, 0); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		episode = append(episode, c.copyStep(reward, end))
	}
	if err := c.ended(e, episode[len(episode)-1]); err != nil {
		return err
	}
	if spec := e.Spec(); spec != c.spec {
		return fmt.Errorf("the spec was %+v and is %+v", c.spec, spec)
	}

	e.Reset(seed + 1) // another level, left in the middle
	c.step(e, 0)
	for _, copied := range []struct {
		env  Env
		name string
	}{{e, "played again"}, {makeEnv(), "in another copy"}} {
		if err := c.again(copied.env, seed, first, episode); err != nil {
			return fmt.Errorf("%s, %w", copied.name, err)
		}
	}
	return nil
}

// plan chooses the actions.
func (c *checker) plan(seed int64, way int) {
	c.way = way
	r := rng.New(uint64(seed), "check", 0)
	width := c.spec.Width()
	for i := range c.actions {
		n := c.spec.Actions
		if c.spec.Heads != (Heads{}) {
			n = c.spec.Heads[i%width]
		}
		if way > 0 {
			c.actions[i] = int32(min(way, n) - 1)
		} else if n > 0 {
			c.actions[i] = r.Int32N(int32(n))
		}
	}
	for i := range c.continuous {
		c.continuous[i] = []float32{c.spec.Low + (c.spec.High-c.spec.Low)*r.Float32(), c.spec.Low, c.spec.High}[way]
	}
}

// step takes the action of step i of the plan.
func (c *checker) step(e Env, i int) (reward float32, end End) {
	width := c.spec.Width()
	c.spoilt++
	switch {
	case c.spec.Continuous > 0:
		action := c.continuous[i*width : (i+1)*width]
		copy(c.numbers, action)
		reward, end = e.(Continuous).StepContinuous(c.numbers)
		c.changed = !sameBits(c.numbers, action)
		fill(c.numbers, float32(c.spoilt))
	case c.spec.Heads != Heads{}:
		action := c.actions[i*width : (i+1)*width]
		copy(c.parts, action)
		reward, end = e.(MultiDiscrete).StepHeads(c.parts)
		c.changed = !slices.Equal(c.parts, action)
		fill(c.parts, c.spoilt)
	default:
		reward, end = e.Step(int(c.actions[i]))
	}
	return reward, end
}

// refuses checks that an environment whose actions are of a kind of its own panics for what is no action.
func (c *checker) refuses(e Env, seed int64) error {
	width := c.spec.Width()
	wrong := func(what string, step func()) error {
		e.Reset(seed)
		if !panics(step) {
			return fmt.Errorf("%s does not panic", what)
		}
		return nil
	}
	switch {
	case c.spec.Continuous > 0:
		step := e.(Continuous).StepContinuous
		within := func(n int) []float32 {
			x := make([]float32, n)
			fill(x, c.spec.Low)
			return x
		}
		nan := within(width)
		nan[width-1] = float32(math.NaN())
		return errors.Join(
			wrong("Step of an environment with continuous actions", func() { e.Step(0) }),
			wrong("an action with a number too few", func() { step(within(width - 1)) }),
			wrong("an action with a number too many", func() { step(within(width + 1)) }),
			wrong("an action that is NaN", func() { step(nan) }),
		)
	case c.spec.Heads != Heads{}:
		step := e.(MultiDiscrete).StepHeads
		errs := []error{
			wrong("Step of an environment with multi-discrete actions", func() { e.Step(0) }),
			wrong("an action with a part too few", func() { step(make([]int32, width-1)) }),
			wrong("an action with a part too many", func() { step(make([]int32, width+1)) }),
		}
		for i, n := range c.spec.Heads[:width] {
			for _, part := range []int32{-1, int32(n)} {
				action := make([]int32, width)
				action[i] = part
				errs = append(errs, wrong(fmt.Sprintf("the action %v", action), func() { step(action) }))
			}
		}
		return errors.Join(errs...)
	}
	return nil
}

// observe observes twice, into slices that hold different rubbish, and checks what it gets.
func (c *checker) observe(e Env, row int) error {
	active, dense := c.obs.Row(row)
	fill(active, -7)
	fill(dense, float32(math.NaN()))
	e.Observe(active, dense)
	n := 0
	for n < len(active) && active[n] != -1 {
		if i := active[n]; i < 0 || int(i) >= c.spec.Sparse {
			return fmt.Errorf("active[%d] is %d, outside 0 .. %d", n, i, c.spec.Sparse-1)
		}
		n++
	}
	for i, index := range active[n:] {
		if index != -1 {
			return fmt.Errorf("active[%d] is %d after a -1", n+i, index)
		}
	}
	sorted := slices.Clone(active[:n])
	slices.Sort(sorted)
	for i := 1; i < n; i++ {
		if sorted[i] == sorted[i-1] {
			return fmt.Errorf("index %d is active twice", sorted[i])
		}
	}
	for i, x := range dense {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return fmt.Errorf("dense[%d] is %v", i, x)
		}
	}
	again := NewBatch(c.spec, 1)
	fill(again.Active, int32(c.spec.Sparse)-1)
	fill(again.Features, 1)
	e.Observe(again.Active, again.Features)
	if !slices.Equal(active, again.Active) || !sameBits(dense, again.Features) {
		return errors.New("observed twice, two different observations")
	}
	return nil
}

func (c *checker) copyStep(reward float32, end End) checkStep {
	active, dense := c.obs.Row(0)
	return checkStep{reward: reward, end: end, active: slices.Clone(active), dense: slices.Clone(dense)}
}

// ended checks that an episode that has ended stays as it is.
func (c *checker) ended(e Env, last checkStep) error {
	for range 2 {
		if !panics(func() { c.step(e, 0) }) {
			return errors.New("stepping on after the end does not panic")
		}
		if err := c.observe(e, 0); err != nil {
			return fmt.Errorf("after the end: %w", err)
		}
		if active, dense := c.obs.Row(0); !slices.Equal(active, last.active) || !sameBits(dense, last.dense) {
			return errors.New("the observation changes after the end")
		}
	}
	return nil
}

func panics(f func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	f()
	return false
}

// again plays the episode again and compares; it observes in every third step only, so that an Observe that changes
// the episode shows.
func (c *checker) again(e Env, seed int64, first checkStep, episode []checkStep) error {
	e.Reset(seed)
	if err := c.same(e, first); err != nil {
		return fmt.Errorf("at the start: %w", err)
	}
	for i, want := range episode {
		reward, end := c.step(e, i)
		if math.Float32bits(reward) != math.Float32bits(want.reward) || end != want.end {
			return fmt.Errorf("step %d: reward %v and %v instead of %v and %v", i+1, reward, end, want.reward, want.end)
		}
		if i%3 == 2 || end != Running {
			if err := c.same(e, want); err != nil {
				return fmt.Errorf("step %d: %w", i+1, err)
			}
		}
	}
	return nil
}

func (c *checker) same(e Env, want checkStep) error {
	if err := c.observe(e, 1); err != nil {
		return err
	}
	if active, dense := c.obs.Row(1); !slices.Equal(active, want.active) || !sameBits(dense, want.dense) {
		return errors.New("another observation")
	}
	return nil
}

// allocations plays episodes that e has played before and counts what they allocate. What else runs in the process may
// allocate meanwhile, so the smallest of several counts holds.
func (c *checker) allocations(e Env, seeds []int64) error {
	active, dense := c.obs.Row(0)
	play := func() {
		for _, seed := range seeds {
			e.Reset(seed)
			for i := 0; ; i++ {
				e.Observe(active, dense)
				if _, end := c.step(e, i); end != Running {
					break
				}
			}
			e.Observe(active, dense)
		}
	}
	c.plan(seeds[0], 0)
	play()
	least := uint64(math.MaxUint64)
	for try := 0; try < 5 && least > 0; try++ {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		play()
		runtime.ReadMemStats(&after)
		least = min(least, after.Mallocs-before.Mallocs)
	}
	if least > 0 {
		return fmt.Errorf("episodes that were played before allocate: %d allocations in %d episodes", least, len(seeds))
	}
	return nil
}

func fill[T any](s []T, v T) {
	for i := range s {
		s[i] = v
	}
}

func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}
