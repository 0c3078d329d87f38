package env_test

import (
	"math"
	"strings"
	"testing"

	"goalgap/lib/env"
	"goalgap/lib/env/cartpole"
	"goalgap/lib/env/coinrun"
)

// walk is a walk on 0 .. 9 that begins at the seed mod 10, ends at 9, and is cut after 20 steps. broken names the one
// law that it does not keep.
type walk struct {
	broken string
	at, t  int
	end    env.End
	seen   int
	waste  []byte
	plays  int
}

func (w *walk) Spec() env.Spec {
	s := env.Spec{Name: "walk", Actions: 2, Sparse: 10, MaxActive: 3, Dense: 1, MaxSteps: 20}
	switch w.broken {
	case "no actions":
		s.Actions = 0
	case "no steps":
		s.MaxSteps = 0
	case "more ones than places":
		s.MaxActive = 11
	case "spec changes":
		s.Name += strings.Repeat("!", w.plays)
	}
	return s
}

func (w *walk) Reset(seed int64) {
	w.at, w.t, w.end = int((seed%10+10)%10), 0, env.Running
	w.plays++
	switch w.broken {
	case "earlier episodes matter":
		w.at = (w.at + w.plays) % 10
	case "reset allocates":
		w.waste = make([]byte, 100)
	}
}

func (w *walk) Step(action int) (float32, env.End) {
	if w.end != env.Running && w.broken != "steps on" {
		if w.broken == "moves after the end" {
			w.at = (w.at + 1) % 10
		}
		panic("walk: step after the end")
	}
	w.at = min(max(w.at+2*action-1, 0), 9)
	w.t++
	reward := float32(w.at)
	limit := 20
	switch w.broken {
	case "reward is no number":
		reward = float32(math.NaN())
	case "reward is infinite":
		reward = float32(math.Inf(1))
	case "rewards by the copy's age":
		reward += float32(w.plays)
	case "cut too early":
		limit = 19
	case "never ends":
		return reward, env.Running
	case "unknown end":
		return reward, 7
	case "step allocates":
		w.waste = make([]byte, 100)
	}
	switch {
	case w.at == 9:
		w.end = env.Terminated
	case w.t >= limit:
		w.end = env.Truncated
	}
	return reward, w.end
}

func (w *walk) Observe(active []int32, dense []float32) {
	w.seen++
	active[0], active[1], active[2] = int32(w.at), -1, -1
	dense[0] = float32(w.at) / 9
	switch w.broken {
	case "index too large":
		active[0] = 10
	case "index too small":
		active[0] = -2
	case "no padding":
		active[2] = 3
	case "leaves the padding as it was":
		copy(active[1:], []int32{-1})
		active[2] = active[0] // after a -1
	case "same index twice":
		active[1] = active[0]
	case "dense is no number":
		dense[0] = float32(math.NaN())
	case "dense is infinite":
		dense[0] = float32(math.Inf(-1))
	case "counts observations":
		dense[0] = float32(w.seen)
	case "observing moves":
		if w.seen%2 == 0 && w.end == env.Running {
			w.at = max(w.at-1, 0)
		}
	case "observe allocates":
		w.waste = make([]byte, 100)
	}
}

// halfWritten leaves a part of the observation as it finds it.
type halfWritten struct{ walk }

func (h *halfWritten) Observe(active []int32, dense []float32) {
	active[0], active[1] = int32(h.at), -1
}

func TestCheckFindsWhatIsBroken(t *testing.T) {
	if err := env.Check(func() env.Env { return new(walk) }, 0, 1, 7); err != nil {
		t.Errorf("a sound environment: %v", err)
	}
	for _, c := range []struct{ broken, message string }{
		{"no actions", "0 actions"},
		{"no steps", "longest episode of 0 steps"},
		{"more ones than places", "more than all"},
		{"spec changes", "the spec was"},
		{"earlier episodes matter", "observation"},
		{"reset allocates", "allocate"},
		{"step allocates", "allocate"},
		{"observe allocates", "allocate"},
		{"steps on", "does not panic"},
		{"moves after the end", "changes after the end"},
		{"reward is no number", "reward NaN"},
		{"reward is infinite", "reward +Inf"},
		{"rewards by the copy's age", "instead of"},
		{"cut too early", "step 19: truncated"},
		{"never ends", "step 20: still running"},
		{"unknown end", "End(7)"},
		{"index too large", "active[0] is 10"},
		{"index too small", "active[0] is -2"},
		{"no padding", "after a -1"},
		{"leaves the padding as it was", "after a -1"},
		{"same index twice", "twice"},
		{"dense is no number", "dense[0] is NaN"},
		{"dense is infinite", "dense[0] is -Inf"},
		{"counts observations", "two different observations"},
		{"observing moves", "instead of"},
	} {
		err := env.Check(func() env.Env { return &walk{broken: c.broken} }, 1, 4)
		if err == nil {
			t.Errorf("%s: not found", c.broken)
		} else if !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: reported as %q, which does not say %q", c.broken, err, c.message)
		}
	}
	if err := env.Check(func() env.Env { return new(halfWritten) }, 1); err == nil {
		t.Error("an observation that is written in part only: not found")
	}
	if err := env.Check(func() env.Env { return nil }); err == nil {
		t.Error("no environment: not found")
	}
}

// slide is a walk whose actions are two numbers from -1 to 1 (continuous) or two parts of 3 (multi-discrete), the sum of
// which it moves by. broken names the one law that it does not keep.
type slide struct {
	broken     string
	continuous bool
	at         float32
	t          int
	kept       []float32
	keptParts  []int32
}

func (s *slide) Spec() env.Spec {
	if s.continuous {
		return env.Spec{Name: "slide", Continuous: 2, Low: -1, High: 1, Dense: 1, MaxSteps: 5}
	}
	return env.Spec{Name: "slide", Heads: env.Heads{3, 3}, Dense: 1, MaxSteps: 5}
}

func (s *slide) Reset(seed int64) { s.at, s.t, s.kept, s.keptParts = float32(seed%10), 0, nil, nil }

func (s *slide) Step(int) (float32, env.End) {
	if s.broken != "steps on a number" {
		panic("slide: actions have two parts")
	}
	return 0, env.Running
}

func (s *slide) StepContinuous(action []float32) (float32, env.End) {
	if s.broken == "takes any length" {
		action = append(append([]float32{}, action...), 0, 0)[:2]
	}
	if s.broken != "takes NaN" && (action[0] != action[0] || action[1] != action[1]) {
		panic("slide: NaN")
	}
	if len(action) != 2 {
		panic("slide: length")
	}
	if s.kept != nil {
		s.at += s.kept[0]
	}
	end := s.move(action[0] + action[1])
	switch s.broken {
	case "changes its action":
		action[1] = 0.5
	case "keeps its action":
		s.kept = action
	}
	return s.at, end
}

func (s *slide) StepHeads(action []int32) (float32, env.End) {
	if s.broken == "takes any length" {
		action = append(append([]int32{}, action...), 0, 0)[:2]
	}
	for _, part := range action {
		if s.broken != "takes any part" && (part < 0 || part > 2) {
			panic("slide: part")
		}
	}
	if len(action) != 2 {
		panic("slide: length")
	}
	if s.keptParts != nil {
		s.at += float32(s.keptParts[0])
	}
	end := s.move(float32(action[0] + action[1]))
	switch s.broken {
	case "changes its action":
		action[1]++
	case "keeps its action":
		s.keptParts = action
	}
	return s.at, end
}

func (s *slide) move(by float32) env.End {
	if s.t == 5 {
		panic("slide: step after the end")
	}
	s.at += by
	if s.t++; s.t == 5 {
		return env.Truncated
	}
	return env.Running
}

func (s *slide) Observe(_ []int32, dense []float32) { dense[0] = s.at }

func TestCheckFindsWhatIsBrokenWithOtherActions(t *testing.T) {
	for _, continuous := range []bool{true, false} {
		if err := env.Check(func() env.Env { return &slide{continuous: continuous} }, 0, 3); err != nil {
			t.Errorf("a sound environment: %v", err)
		}
		for broken, message := range map[string]string{
			"steps on a number":  "actions does not panic",
			"takes any length":   "too few does not panic",
			"takes NaN":          "an action that is NaN does not panic",
			"takes any part":     "the action [0 3] does not panic",
			"changes its action": "step 1: the environment changed the slice with its action",
			"keeps its action":   "the observation changes after the end",
		} {
			if continuous && broken == "takes any part" || !continuous && broken == "takes NaN" {
				continue
			}
			err := env.Check(func() env.Env { return &slide{broken: broken, continuous: continuous} }, 1, 4)
			if err == nil || !strings.Contains(err.Error(), message) {
				t.Errorf("continuous %v, %s: reported as %v, want %q", continuous, broken, err, message)
			}
		}
	}
}

func TestEnvironmentsKeepTheLaws(t *testing.T) {
	if err := env.Check(func() env.Env { return cartpole.New() }, 0, 1, 2, 1<<40); err != nil {
		t.Error(err)
	}
	for _, cfg := range []coinrun.Config{
		{Mode: coinrun.Easy},
		{Variant: coinrun.RandomCoin, RandomPercent: 50},
		{Variant: coinrun.ModWall, RandomPercent: 100, ContinueAfterCoin: true, Mode: coinrun.Easy},
	} {
		if err := env.Check(func() env.Env {
			e, err := coinrun.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			return e
		}, 3, 19); err != nil {
			t.Error(err)
		}
	}
}

func TestOutcomeSaysWhatCameFirst(t *testing.T) {
	for _, c := range []struct {
		o       env.Outcome
		first   env.First
		capable bool
	}{
		{env.Outcome{}, env.Nothing, false},
		{env.Outcome{Ended: env.Truncated, Steps: 9}, env.NeitherReached, false},
		{env.Outcome{Steps: 9, GoalStep: 3}, env.GoalFirst, true},
		{env.Outcome{Steps: 9, ProxyStep: 3}, env.ProxyFirst, true},
		{env.Outcome{Steps: 9, GoalStep: 4, ProxyStep: 3}, env.ProxyFirst, true},
		{env.Outcome{Steps: 9, GoalStep: 4, ProxyStep: 4}, env.GoalFirst, true},
	} {
		if f := c.o.First(); f != c.first || c.o.Capable() != c.capable {
			t.Errorf("%+v: first %v, capable %v", c.o, f, c.o.Capable())
		}
	}
}
