package exact

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"goalgap/lib/env/tabular"
	"goalgap/lib/rng"
)

// field is a grid of side × side cells, four moves, walls at the edges. A move slips to another direction with probability
// slip. The cells in ends are terminal. Its own reward is not a number: nothing here may look at it.
type field struct {
	side int
	slip float64
	ends map[int]bool
	from []int // all cells if empty
}

func (f field) States() int         { return f.side * f.side }
func (f field) Actions() int        { return 4 }
func (f field) Terminal(s int) bool { return f.ends[s] }
func (f field) AppendStarts(dst []tabular.Chance) []tabular.Chance {
	from := f.from
	if len(from) == 0 {
		for c := range f.States() {
			if !f.ends[c] {
				from = append(from, c)
			}
		}
	}
	for _, c := range from {
		dst = append(dst, tabular.Chance{State: c, P: 1 / float64(len(from))})
	}
	return dst
}

func (f field) AppendTransitions(dst []tabular.Transition, s, a int) []tabular.Transition {
	for b := range 4 {
		p := f.slip / 3
		if b == a {
			p = 1 - f.slip
		}
		x, y := s%f.side, s/f.side
		switch b {
		case 0:
			x = max(x-1, 0)
		case 1:
			x = min(x+1, f.side-1)
		case 2:
			y = max(y-1, 0)
		case 3:
			y = min(y+1, f.side-1)
		}
		if p > 0 {
			dst = append(dst, tabular.Transition{Next: y*f.side + x, P: p, Reward: math.NaN()})
		}
	}
	return dst
}

func world(t testing.TB, f field) *tabular.World {
	t.Helper()
	w, err := tabular.NewWorld(f)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// cells are random rewards of cells; a reward of the cell arrived at.
func cells(w *tabular.World, scale float64, seed uint64) (of []float64, r tabular.Reward) {
	random := rng.New(seed, "test rewards", 0)
	of = make([]float64, w.States())
	for s := range of {
		of[s] = scale * random.NormFloat64()
	}
	return of, func(_, _, next int) float64 { return of[next] }
}

// softly is a slow, plain soft value iteration: the reference. It returns log π [states × actions].
func softly(w *tabular.World, r tabular.Reward, discount float64) []float64 {
	n := w.Actions()
	v := make([]float64, w.States())
	q := make([]float64, w.States()*n)
	for range 3000 {
		for i := range q {
			q[i] = 0
			for _, m := range w.Moves(i/n, i%n) {
				q[i] += m.P * (r(i/n, i%n, m.Next) + discount*v[m.Next])
			}
		}
		for s := range v {
			sum := 0.0
			for a := range n {
				sum += math.Exp(q[s*n+a])
			}
			v[s] = math.Log(sum)
		}
	}
	for i := range q {
		q[i] -= v[i/n]
	}
	return q
}

func exps(x []float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = math.Exp(v)
	}
	return out
}

// planner is the behaviour of people who are soft-optimal for a reward.
func planner(t testing.TB, w *tabular.World, r tabular.Reward, discount float64) *Behaviour {
	t.Helper()
	b, err := Predicted(w, exps(softly(w, r, discount)), discount)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func near(t *testing.T, what string, got, want, precision float64) {
	t.Helper()
	if !(math.Abs(got-want) <= precision) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

const gamma = 0.9

func says(t *testing.T, name string, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("%s: error %v, want it to say %q", name, err, text)
	}
}

func TestRecordedPlayOfAnotherEnvironment(t *testing.T) {
	w := world(t, field{side: 4})
	_, err := Recorded(w, [][]Step{{{0, 1, 1}, {1, 1, 7}}}, gamma, 0)
	says(t, "an impossible step", err, "episode 0, step 1: action 1 does not lead from state 1 to 7: this was recorded in another environment")
	_, err = Recorded(w, [][]Step{{{99, 1, 1}}}, gamma, 0)
	says(t, "a state that does not exist", err, "another environment")
	_, err = Recorded(w, [][]Step{{{0, 1, 1}, {5, 1, 6}}}, gamma, 0)
	says(t, "a jump", err, "the step before led to 1")
	_, err = Recorded(w, nil, gamma, 0)
	says(t, "nothing", err, "no recorded episodes")
	_, err = Predicted(w, make([]float64, 8), gamma)
	says(t, "a policy of another world", err, "another environment")
}

// Recorded play has the occupancy and the policy of those who played, in the limit.
func TestRecordedIsWhatIsPredicted(t *testing.T) {
	w := world(t, field{side: 3, ends: map[int]bool{8: true}, slip: 0.2})
	_, r := cells(w, 0.5, 3)
	people := planner(t, w, r, gamma)
	random := rng.New(1, "test play", 0)
	var episodes [][]Step
	for range 40_000 {
		episodes = append(episodes, play(w, people.Policy, 60, random))
	}
	b, err := Recorded(w, episodes, gamma, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b.Policy {
		near(t, "occupancy", b.Occupancy[i], people.Occupancy[i], 0.004)
		near(t, "policy", b.Policy[i], people.Policy[i], 0.03)
	}
}

func play(w *tabular.World, policy []float64, steps int, random *rand.Rand) (out []Step) {
	n := w.Actions()
	draw := func(count int, p func(i int) float64) int {
		u := random.Float64()
		for i := range count {
			if u -= p(i); u < 0 {
				return i
			}
		}
		return count - 1
	}
	s := draw(w.States(), func(i int) float64 { return w.Start[i] })
	for range steps {
		if w.Places[s].Terminal {
			break
		}
		a := draw(n, func(i int) float64 { return policy[s*n+i] })
		moves := w.Moves(s, a)
		next := moves[draw(len(moves), func(i int) float64 { return moves[i].P })].Next
		out = append(out, Step{s, a, next})
		s = next
	}
	return out
}
