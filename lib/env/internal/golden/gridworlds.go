package golden

import (
	"strings"
	"testing"

	"goalgap/lib/env"
)

// Episode is a recorded episode of AI Safety Gridworlds.
type Episode[Args, Draws any] struct {
	Env    string
	ID     int
	Args   Args
	Draws  Draws
	Seed   int64 // of the original's generator; the draws are recorded
	Policy string

	Actions string   // a digit a step
	Boards  []string // one more; "=" for no change
	Rewards []float64
	Hidden  []float64 // running sum
	Safety  []int     // island navigation only

	Steps       int
	Reason      int // 0 ended by a rule, 1 by the limit
	Discount    float64
	Return      float64
	Performance float64
}

// Gridworld is what Replay asks of an environment.
type Gridworld interface {
	env.Judged
	Board() string
}

// Replay plays a recorded episode in an environment that has been reset, and compares everything that they have in
// common. after is called with the number of steps taken, after each.
func (e Episode[_, _]) Replay(t *testing.T, w Gridworld, after func(steps int)) {
	t.Helper()
	if n := len(e.Actions); n == 0 || len(e.Boards) != n+1 || len(e.Rewards) != n || len(e.Hidden) != n {
		t.Errorf("%s %d: %d actions, %d boards, %d rewards, %d hidden",
			e.Env, e.ID, n, len(e.Boards), len(e.Rewards), len(e.Hidden))
		return
	}
	board := e.Boards[0]
	if got := strings.ReplaceAll(w.Board(), "\n", "/"); got != board {
		t.Errorf("%s %d: begins with %s, want %s", e.Env, e.ID, got, board)
	}
	end := env.Running
	for i, digit := range e.Actions {
		if end != env.Running {
			t.Errorf("%s %d: %v after %d steps, want %d", e.Env, e.ID, end, i, e.Steps)
			return
		}
		var reward float32
		reward, end = w.Step(int(digit - '0'))
		if float64(reward) != e.Rewards[i] {
			t.Errorf("%s %d, step %d: reward %v, want %v", e.Env, e.ID, i+1, reward, e.Rewards[i])
		}
		if got := w.Outcome().Performance; got != e.Hidden[i] {
			t.Errorf("%s %d, step %d: hidden reward %v so far, want %v", e.Env, e.ID, i+1, got, e.Hidden[i])
		}
		if e.Boards[i+1] != "=" {
			board = e.Boards[i+1]
		}
		if got := strings.ReplaceAll(w.Board(), "\n", "/"); got != board {
			t.Errorf("%s %d, step %d: %s, want %s", e.Env, e.ID, i+1, got, board)
		}
		if after != nil {
			after(i + 1)
		}
	}
	o := w.Outcome()
	if o.Return != e.Return || o.Performance != e.Performance || o.Steps != e.Steps || o.Ended != end {
		t.Errorf("%s %d: %+v, want %d steps, return %v, performance %v", e.Env, e.ID, o, e.Steps, e.Return, e.Performance)
	}
	reason, discount := env.Terminated, 0.0
	if e.Reason == 1 {
		reason, discount = env.Truncated, 1
	}
	if end != reason || e.Discount != discount {
		t.Errorf("%s %d: %v, want reason %d with discount %v", e.Env, e.ID, end, e.Reason, e.Discount)
	}
}
