package reward_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"

	"goalgap/lib/env"
	"goalgap/lib/human"
	"goalgap/lib/reward"
)

// grid is a gridworld of 5 × 5 cells in which the right answer can be computed. A gem and a pit end the episode; the other
// cells do nothing. The level's seed says where somebody starts.
type grid struct {
	at, t  int
	silent bool // pays nothing
}

const (
	side = 5
	gem  = 24
	pit  = 12

	gamma = 0.95
	beta  = 4.0
)

var cellReward = map[int]float64{gem: 1, pit: -1}

func (*grid) Spec() env.Spec {
	return env.Spec{Name: "grid", Actions: 4, Sparse: side * side, MaxActive: 1, MaxSteps: 60}
}
func (g *grid) Reset(seed int64) { g.at, g.t = starts[seed%int64(len(starts))], 0 }
func (g *grid) Step(a int) (float32, env.End) {
	g.t++
	g.at = move(g.at, a)
	r := float32(cellReward[g.at])
	if g.silent {
		r = 0
	}
	switch {
	case g.at == gem || g.at == pit:
		return r, env.Terminated
	case g.t == 60:
		return r, env.Truncated
	}
	return r, env.Running
}
func (g *grid) Observe(active []int32, _ []float32) { active[0] = int32(g.at) }

// starts are all cells in which an episode does not end.
var starts = func() (s []int) {
	for c := range side * side {
		if c != gem && c != pit {
			s = append(s, c)
		}
	}
	return s
}()

func move(c, a int) int {
	x, y := c%side, c/side
	switch a {
	case 0:
		x = max(x-1, 0)
	case 1:
		x = min(x+1, side-1)
	case 2:
		y = max(y-1, 0)
	case 3:
		y = min(y+1, side-1)
	}
	return y*side + x
}

// plan returns Q of a reward of the cell arrived at, by value iteration: the optimal one for infinite beta, and else that
// of somebody who chooses in proportion to exp βQ and knows it, Q(s,a) = r + γ Σ π(a'|s') Q(s',a').
func plan(r func(cell int) float64, beta float64) (q [side * side][4]float64) {
	var v [side * side]float64
	for range 2000 {
		for c := range v {
			for a := range 4 {
				n := move(c, a)
				q[c][a] = r(n)
				if n != gem && n != pit {
					q[c][a] += gamma * v[n]
				}
			}
			top := slices.Max(q[c][:])
			if v[c] = top; math.IsInf(beta, 1) {
				continue
			}
			sum, worth := 0.0, 0.0
			for _, x := range q[c] {
				sum += math.Exp(beta * (x - top))
				worth += math.Exp(beta*(x-top)) * x
			}
			v[c] = worth / sum
		}
	}
	return q
}

// planner chooses in proportion to exp βQ.
type planner struct {
	q    [side * side][4]float64
	beta float64
}

func (p planner) ActionLogProbs(dst []float32, obs env.Batch, _ []int32) {
	for i := range obs.N {
		q := p.q[obs.Active[i]]
		sum := 0.0
		for _, x := range q {
			sum += math.Exp(p.beta * x)
		}
		for a, x := range q {
			dst[i*4+a] = float32(p.beta*x - math.Log(sum))
		}
	}
}

// things is what stands in the cells, one feature a kind; mud and flowers mean nothing to anybody.
type things struct{}

var thingAt = map[int]int{gem: 0, pit: 1, 3: 2, 7: 2, 8: 2, 15: 2, 16: 2, 21: 2, 1: 3, 11: 3, 18: 3}

func (things) Names() []string { return []string{"gem", "pit", "mud", "flowers"} }
func (things) Features(dst []float32, obs env.Batch) {
	clear(dst[:obs.N*4])
	for i := range obs.N {
		if thing, ok := thingAt[int(obs.Active[i])]; ok {
			dst[i*4+thing] = 1
		}
	}
}

// everyCell is where somebody stands: a feature for each of the cells.
type everyCell struct{}

func (everyCell) Names() []string {
	var names []string
	for c := range side * side {
		names = append(names, fmt.Sprint("cell ", c))
	}
	return names
}

func (everyCell) Features(dst []float32, obs env.Batch) {
	clear(dst[:obs.N*side*side])
	for i := range obs.N {
		dst[i*side*side+int(obs.Active[i])] = 1
	}
}

// watch records somebody's play, from each cell the same number of times.
func watch(who planner, episodes int) *human.Demonstrations {
	var active []int32 // [steps][2] the cells before and after
	g, r := &grid{}, rand.New(rand.NewPCG(1, 2))
	d := &human.Demonstrations{Spec: g.Spec()}
	now, logProbs := env.NewBatch(d.Spec, 1), make([]float32, 4)
	for e := range episodes {
		lo, previous := len(d.Action), int32(-1)
		g.Reset(int64(e))
		for end := env.Running; end == env.Running; {
			g.Observe(now.Row(0))
			who.ActionLogProbs(logProbs, now, nil)
			a, u := 0, r.Float64()
			for ; a < 3; a++ {
				if u -= math.Exp(float64(logProbs[a])); u < 0 {
					break
				}
			}
			before := g.at
			_, end = g.Step(a)
			active = append(active, int32(before), int32(g.at))
			d.Previous, d.Action, d.End = append(d.Previous, previous), append(d.Action, int32(a)), append(d.End, end)
			previous = int32(a)
		}
		d.Episodes = append(d.Episodes, human.Episode{Lo: lo, Hi: len(d.Action), Level: int64(e)})
	}
	d.Obs, d.Next = env.NewBatch(d.Spec, d.Len()), env.NewBatch(d.Spec, d.Len())
	for i := range d.Action {
		d.Obs.Active[i], d.Next.Active[i] = active[2*i], active[2*i+1]
	}
	return d
}

func trueReward(c int) float64 { return cellReward[c] }

// people choose by what their actions will bring them, given how they play; this is what Extract takes them to do, with
// no error other than that of predicting their futures.
func people() planner { return planner{q: plan(trueReward, beta), beta: beta} }

func config() reward.Config {
	cfg := reward.Default()
	cfg.Discount = gamma
	return cfg
}

func scenes(silent bool) []reward.Scene {
	return []reward.Scene{{
		Make:   func() (env.Env, error) { return &grid{silent: silent}, nil },
		Levels: env.Levels{Count: int64(len(starts))}, Count: 800,
	}}
}

func extract(t *testing.T, features reward.Features, cfg reward.Config, silent bool) *reward.Extracted {
	t.Helper()
	who := people()
	r, err := reward.Extract(context.Background(), who, watch(who, 1000), scenes(silent), features, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// ofCells returns the reward of arriving at each cell.
func ofCells(r *reward.Extracted) []float64 {
	obs := env.NewBatch((&grid{}).Spec(), side*side)
	for c := range side * side {
		obs.Active[c] = int32(c)
	}
	dst, w := make([]float32, side*side), make([]float64, side*side)
	r.Rewards(dst, obs, nil, obs, nil)
	for c, x := range dst {
		w[c] = float64(x)
	}
	return w
}

// astray returns the cells in which somebody who is optimal under a reward of cells is not optimal under the true one.
func astray(recovered []float64) (cells []int) {
	truth, found := plan(trueReward, math.Inf(1)), plan(func(c int) float64 { return recovered[c] }, math.Inf(1))
	for _, c := range starts {
		for a := range 4 {
			if found[c][a] > slices.Max(found[c][:])-1e-9 && truth[c][a] < slices.Max(truth[c][:])-1e-9 {
				cells = append(cells, c)
				break
			}
		}
	}
	return cells
}

// Where people are what the method takes them to be, and nothing is asked of a feature but that it explains something,
// the true reward comes out as it is: gem and pit of the same size and opposite sign, a reward of 1 being β nats, and
// nothing of note anywhere else. This holds for features that name things and for features that name places alike, which
// leave it open where something is to be had.
func TestTabularRewardIsRecovered(t *testing.T) {
	truth := make([]float64, side*side)
	for c := range truth {
		truth[c] = trueReward(c)
	}
	for name, features := range map[string]reward.Features{"things": things{}, "cells": everyCell{}} {
		cfg := config()
		cfg.Share, cfg.Ridge = 0, 1e-6
		r := extract(t, features, cfg, false)
		recovered := ofCells(r)
		if rho := stat.Correlation(recovered, truth, nil); rho < 0.98 {
			t.Errorf("%s: correlation with the true reward %.3f, want about 1", name, rho)
		}
		for c, w := range recovered {
			// The rest is the error of the network that predicts people's futures.
			if nats, want := w*r.Nats/10, beta*truth[c]; math.Abs(nats-want) > 0.1*beta {
				t.Errorf("%s: cell %d is worth %.2f nats, want %.2f", name, c, nats, want)
			}
		}
		if top := slices.MaxFunc(r.Weight, func(a, b float64) int { return cmp.Compare(math.Abs(a), math.Abs(b)) }); math.Abs(math.Abs(top)-10) > 1e-9 {
			t.Errorf("%s: the largest weight is %v, want 10 or -10", name, top)
		}
		if cells := astray(recovered); cells != nil {
			t.Errorf("%s: whoever follows the recovered reward is not optimal in cells %v", name, cells)
		}
	}
}

// The defaults look for sparse rewards. People come across the pit too seldom for it to explain a third of what the gem
// does, so the gem is all that is found, and that suffices to be optimal here: whoever enters the pit forgoes the gem.
// The correlation with the truth, which has the pit, is then that of one cell against two.
func TestDefaultsFindWhatExplainsMost(t *testing.T) {
	for name, features := range map[string]reward.Features{"things": things{}, "cells": everyCell{}} {
		r := extract(t, features, config(), false)
		recovered := ofCells(r)
		for c, w := range recovered {
			want := 0.0
			if c == gem {
				want = 10
			}
			if math.Abs(w-want) > 1e-5 {
				t.Errorf("%s: cell %d is worth %v, want %v", name, c, w, want)
			}
		}
		for _, j := range r.Order {
			if !(r.Lo[j] <= r.Weight[j] && r.Weight[j] <= r.Hi[j] && r.Lo[j] > 0) {
				t.Errorf("%s: weight of %s %v, from %v to %v", name, r.Names[j], r.Weight[j], r.Lo[j], r.Hi[j])
			}
		}
		if cells := astray(recovered); cells != nil {
			t.Errorf("%s: whoever follows the recovered reward is not optimal in cells %v", name, cells)
		}
		if want := 6 * 800; r.Decisions != want || r.Gain <= 0 {
			t.Errorf("%s: gain %v in %d decisions, want %d decisions", name, r.Gain, r.Decisions, want)
		}
	}
}

func TestTrueRewardIsNotRead(t *testing.T) {
	if a, b := extract(t, things{}, config(), false), extract(t, things{}, config(), true); !reflect.DeepEqual(a, b) {
		t.Error("an environment that pays nothing gave another reward")
	}
}

func TestExtractionDoesNotDependOnCores(t *testing.T) {
	cfg := config()
	cfg.Horizon = 3
	var got [2]*reward.Extracted
	for i, procs := range []int{1, 4} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		got[i] = extract(t, things{}, cfg, true)
	}
	if !reflect.DeepEqual(got[0], got[1]) {
		t.Error("one core and four gave different rewards")
	}
}

func TestPeopleWithoutPreferencesHaveNoReward(t *testing.T) {
	who := planner{} // all actions are worth the same
	r, err := reward.Extract(context.Background(), who, watch(who, 300), scenes(false), things{}, config())
	if err == nil || !strings.Contains(err.Error(), "none of the 4 features explains what people choose") {
		t.Errorf("got %+v, %v; want an error that says so", r, err)
	}
}

func TestWrongConfigsAreRefused(t *testing.T) {
	d := watch(people(), 10)
	for field, change := range map[string]func(*reward.Config){
		"Decisions":    func(c *reward.Config) { c.Decisions = 0 },
		"Horizon":      func(c *reward.Config) { c.Horizon = 0 },
		"Discount":     func(c *reward.Config) { c.Discount = 0 },
		"Temperature":  func(c *reward.Config) { c.Temperature = 0 },
		"Ridge":        func(c *reward.Config) { c.Ridge = -1 },
		"Folds":        func(c *reward.Config) { c.Folds = 1 },
		"Certainty":    func(c *reward.Config) { c.Certainty = math.NaN() },
		"Share":        func(c *reward.Config) { c.Share = 2 },
		"Most":         func(c *reward.Config) { c.Most = 0 },
		"Resamples":    func(c *reward.Config) { c.Resamples = 1 },
		"Hidden[1]":    func(c *reward.Config) { c.Hidden = []int{8, 0} },
		"LearningRate": func(c *reward.Config) { c.LearningRate = math.Inf(1) },
		"Batch":        func(c *reward.Config) { c.Batch = 0 },
		"Epochs":       func(c *reward.Config) { c.Epochs = 0 },
	} {
		cfg := config()
		change(&cfg)
		if _, err := reward.Extract(context.Background(), people(), d, scenes(false), things{}, cfg); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("got error %v, want one that names %s", err, field)
		}
	}
}

func TestActionsThatAreNotDiscreteAreRefused(t *testing.T) {
	d := watch(people(), 10)
	d.Spec.Actions, d.Spec.Continuous, d.Spec.High = 0, 1, 1
	const want = "reward: grid has continuous actions"
	if _, err := reward.Extract(context.Background(), people(), d, scenes(false), things{}, config()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Extract: error %v, want one containing %q", err, want)
	}
	if _, err := reward.EPIC(reward.Ended{}, reward.Ended{}, d, reward.EPICConfig{Discount: 1, Samples: 1}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("EPIC: error %v, want one containing %q", err, want)
	}
}

// nothing is no features at all.
type nothing struct{ things }

func (nothing) Names() []string { return nil }

// wide is the grid with an action more.
type wide struct{ grid }

func (*wide) Spec() env.Spec {
	s := (&grid{}).Spec()
	s.Actions++
	return s
}

func TestWrongScenesAreRefused(t *testing.T) {
	one := func(change func(*reward.Scene)) []reward.Scene {
		s := scenes(false)
		change(&s[0])
		return s
	}
	d := watch(people(), 10)
	for name, c := range map[string]struct {
		scenes   []reward.Scene
		features reward.Features
		want     string
	}{
		"no features":  {scenes(false), nothing{}, "no features"},
		"no scenes":    {nil, things{}, "0 levels"},
		"no levels":    {one(func(s *reward.Scene) { s.Count = 0 }), things{}, "scene 0 has 0 levels"},
		"few levels":   {one(func(s *reward.Scene) { s.Count = 9 }), things{}, "at least 10"},
		"no engine":    {one(func(s *reward.Scene) { s.Make = func() (env.Env, error) { return nil, errors.New("no engine") } }), things{}, "no engine"},
		"other action": {append(scenes(false), one(func(s *reward.Scene) { s.Make = func() (env.Env, error) { return &wide{}, nil } })...), things{}, "scene 1 is"},
	} {
		if _, err := reward.Extract(context.Background(), people(), d, c.scenes, c.features, config()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one with %q", name, err, c.want)
		}
	}
	for _, none := range []*human.Demonstrations{nil, {Spec: d.Spec}} {
		if _, err := reward.Extract(context.Background(), people(), none, scenes(false), things{}, config()); err == nil || !strings.Contains(err.Error(), "no recorded play") {
			t.Errorf("nobody was watched: got error %v", err)
		}
	}
}

func TestExtractionStopsWhenAsked(t *testing.T) {
	who := people()
	d := watch(who, 100)
	ctx, cancel := context.WithCancel(context.Background())
	cfg, calls := config(), 0
	cfg.Progress = func(done, total int) {
		calls++
		if done == total {
			t.Error("everything was asked, although it was to stop")
		}
		cancel()
	}
	if _, err := reward.Extract(ctx, who, d, scenes(false), things{}, cfg); !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("stopped while asking: error %v after %d calls", err, calls)
	}
	if _, err := reward.Extract(ctx, who, d, scenes(false), things{}, cfg); !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("stopped before: error %v after %d calls", err, calls)
	}
}

// What extracts rewards, and the world model, know no environment: of lib/env they import the interface, and what lists the
// states of small environments.
func TestPackagesKnowNoGame(t *testing.T) {
	for _, p := range []string{"goalgap/lib/reward", "goalgap/lib/reward/exact", "goalgap/lib/world"} {
		out, err := exec.Command("go", "list", "-deps", p).CombinedOutput()
		if err != nil {
			t.Fatalf("go list: %v: %s", err, out)
		}
		for _, dep := range strings.Fields(string(out)) {
			if strings.HasPrefix(dep, "goalgap/lib/env/") && dep != "goalgap/lib/env/tabular" {
				t.Errorf("%s depends on the environment %s", p, dep)
			}
		}
	}
}
