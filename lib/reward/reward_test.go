package reward_test

import (
	"context"
	"errors"
	"math"
	"os/exec"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"goalgap/lib/env"
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

// plan returns Q of a reward of the cell arrived at, by value iteration: the optimal one, or, for beta above 0, that of
// maximum entropy relative to uniform play, V = 1/β log ¼ Σ exp βQ.
func plan(r func(cell int) float64, gamma, beta float64) (q [side * side][4]float64) {
	var v [side * side]float64
	for range 500 {
		for c := range v {
			for a := range 4 {
				n := move(c, a)
				q[c][a] = r(n)
				if n != gem && n != pit {
					q[c][a] += gamma * v[n]
				}
			}
			v[c] = max(q[c][0], q[c][1], q[c][2], q[c][3])
			if beta > 0 {
				sum := 0.0
				for _, x := range q[c] {
					sum += math.Exp(beta*(x-v[c])) / 4
				}
				v[c] += math.Log(sum) / beta
			}
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

func extract(t *testing.T, silent bool) *reward.Extracted {
	t.Helper()
	const beta = 4
	people := planner{q: plan(func(c int) float64 { return cellReward[c] }, 0.95, beta), beta: beta}
	cfg := reward.Default()
	cfg.Discount, cfg.Horizon, cfg.Temperature = 0.95, 60, 1
	cfg.Resamples, cfg.References = 200, 20
	scene := reward.Scene{
		Make:   func() (env.Env, error) { return &grid{silent: silent}, nil },
		Levels: env.Levels{Count: int64(len(starts))}, Count: 800,
	}
	r, err := reward.Extract(context.Background(), people, []reward.Scene{scene}, things{}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTabularRewardIsRecovered(t *testing.T) {
	r := extract(t, false)
	t.Logf("weights %.2f, from %.2f to %.2f; people %.2f, reference %.2f", r.Weight, r.Lo, r.Hi, r.People, r.Reference)
	// Pearson's correlation with the truth over the cells.
	var recovered [side * side]float64
	for c, thing := range thingAt {
		recovered[c] = r.Weight[thing]
	}
	var sx, sy, sxx, syy, sxy float64
	for c, w := range recovered {
		y := cellReward[c]
		sx, sy, sxx, syy, sxy = sx+w, sy+y, sxx+w*w, syy+y*y, sxy+w*y
	}
	n := float64(side * side)
	rho := (sxy - sx*sy/n) / math.Sqrt((sxx-sx*sx/n)*(syy-sy*sy/n))
	if rho < 0.9 {
		t.Errorf("correlation with the true reward %.3f, want above 0.9; weights %.2f", rho, r.Weight)
	}
	// Whoever is optimal under the recovered reward is optimal under the true one.
	truth := plan(func(c int) float64 { return cellReward[c] }, 0.95, 0)
	found := plan(func(c int) float64 { return recovered[c] }, 0.95, 0)
	for _, c := range starts {
		best := 0
		for a := range 4 {
			if found[c][a] > found[c][best] {
				best = a
			}
		}
		if top := max(truth[c][0], truth[c][1], truth[c][2], truth[c][3]); truth[c][best] < top-1e-9 {
			t.Errorf("in cell %d the recovered reward prefers action %d, worth %.4f of %.4f", c, best, truth[c][best], top)
		}
	}
}

func TestTrueRewardIsNotRead(t *testing.T) {
	a, b := extract(t, false), extract(t, true)
	if !reflect.DeepEqual(a.Weight, b.Weight) || !reflect.DeepEqual(a.Lo, b.Lo) {
		t.Error("an environment that pays nothing gave another reward")
	}
}

func TestExtractionDoesNotDependOnCores(t *testing.T) {
	var got [2]*reward.Extracted
	for i, procs := range []int{1, 4} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		got[i] = extract(t, true)
	}
	if !reflect.DeepEqual(got[0].Weight, got[1].Weight) {
		t.Error("one core and four gave different rewards")
	}
}

func TestWrongConfigsAreRefused(t *testing.T) {
	scene := reward.Scene{Make: func() (env.Env, error) { return &grid{}, nil }, Levels: env.Levels{Count: 5}, Count: 5}
	for field, change := range map[string]func(*reward.Config){
		"Horizon":     func(c *reward.Config) { c.Horizon = 0 },
		"Discount":    func(c *reward.Config) { c.Discount = 0 },
		"References":  func(c *reward.Config) { c.References = 0 },
		"Temperature": func(c *reward.Config) { c.Temperature = 0 },
		"Ridge":       func(c *reward.Config) { c.Ridge = -1 },
		"Resamples":   func(c *reward.Config) { c.Resamples = 1 },
		"Certainty":   func(c *reward.Config) { c.Certainty = -1 },
		"Least":       func(c *reward.Config) { c.Least = 2 },
	} {
		cfg := reward.Default()
		change(&cfg)
		if _, err := reward.Extract(context.Background(), planner{}, []reward.Scene{scene}, things{}, cfg); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("got error %v, want one that names %s", err, field)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := reward.Extract(ctx, planner{}, []reward.Scene{scene}, things{}, reward.Default()); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: got error %v", err)
	}
}

func TestPackageKnowsNoGame(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "goalgap/lib/reward").CombinedOutput()
	if err != nil {
		t.Skipf("go list: %v: %s", err, out)
	}
	if strings.Contains(string(out), "goalgap/lib/env/") {
		t.Errorf("depends on an environment:\n%s", out)
	}
}
