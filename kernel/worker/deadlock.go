package worker

import (
	"runtime"
	"strings"
	"time"

	"goalgap/kernel/display"
	"goalgap/kernel/worker/cell"
)

// A program in which no goroutine can go on is ended by Go's runtime: "all goroutines are asleep - deadlock!". The runtime
// cannot see that in the worker, which itself waits for the kernel. So the kernel looks for it, in three steps:
//
//   - The worker's goroutine dump says for each goroutine that a cell started what it waits for. If it is a channel, a
//     lock or the like, only another goroutine can wake it.
//   - Or a timer, such as that of time.After, which no dump shows. But a process with a timer has a thread that waits with
//     a time limit, and the kernel can see the system calls that the worker's threads are in. For that the worker, which
//     else looks 70 times a second whether a cell wants input, must be quiet for a moment.
//   - Then the dump must say the same still.
//
// What waits for an interrupt (somebody asked for ctx.Done) or for a message of a widget is not in a deadlock.

// deadlockAfter is how long a cell runs before the kernel looks, and how long it then waits before it looks again. In a
// notebook it is common to see that one waits for nothing, and to interrupt it oneself: the kernel is not to come before.
const deadlockAfter = 5 * time.Second

// DeadlockName is the name of the error of a cell that was left behind in a deadlock.
const DeadlockName = "fatal error"

const deadlockText = "all goroutines are asleep - deadlock! (the cell was left behind; variables are kept)"

// watch looks for a deadlock in a run until it has ended.
func (c *Client) watch(run int64, ended <-chan struct{}) {
	ticker := time.NewTicker(deadlockAfter)
	defer ticker.Stop()
	used := processorTime(c.PID())
	for {
		select {
		case <-ended:
			return
		case <-c.exited:
			return
		case <-ticker.C:
		}
		before := used
		if used = processorTime(c.PID()); used-before > deadlockAfter/20 {
			continue // it computes
		}
		var asleep bool
		if c.Call("quiet", run, &asleep) != nil {
			return
		}
		if !asleep {
			continue
		}
		verdict := deadlock{Run: run, Found: true}
		for range 10 {
			select {
			case <-ended:
				verdict.Found = false
			case <-time.After(50 * time.Millisecond):
				verdict.Found = verdict.Found && waitsForOthersOnly(c.PID())
			}
		}
		if c.Call("deadlock", verdict, nil) != nil {
			return
		}
	}
}

// deadlock is what the kernel has found out about a quiet worker.
type deadlock struct {
	Run   int64 `json:"run"`
	Found bool  `json:"found"`
}

// quiet reports whether no goroutine of a cell could go on by itself while the run is under way, timers aside. If so, the
// worker is quiet until deadlock is called.
func (s *server) quiet(run int64) (bool, error) {
	if !s.asleep(run) {
		return false, nil
	}
	s.stdin.pause(true)
	return true, nil
}

// deadlock ends the run if the kernel has found that no timer will wake it.
func (s *server) deadlock(d deadlock) (nothing, error) {
	s.stdin.pause(false)
	if d.Found && s.asleep(d.Run) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.current == d.Run {
			select {
			case s.stuck <- &Error{Name: DeadlockName, Value: deadlockText, Stack: cellTrace(trace()), Abandoned: true}:
			default: // it is being left already
			}
		}
	}
	return nothing{}, nil
}

func (s *server) asleep(run int64) bool {
	s.mu.Lock()
	current := s.current == run && s.stuck != nil
	s.mu.Unlock()
	return current && !cell.Watched() && !display.HasComms() && allAsleep(trace())
}

// trace returns the traces of all goroutines, the caller's first.
func trace() string {
	for size := 1 << 16; ; size *= 2 {
		b := make([]byte, size)
		if n := runtime.Stack(b, true); n < size {
			return string(b[:n])
		}
	}
}

// executing is what the trace of the goroutine that executes a cell's statements contains.
const executing = "goalgap/kernel/worker.(*server).execute("

// allAsleep reports whether each goroutine of a trace but the first and the worker's own waits for another goroutine.
func allAsleep(trace string) bool {
	goroutines := strings.Split(trace, "\n\n")
	for _, g := range goroutines[1:] {
		if workersOwn(g) {
			continue
		}
		head, _, _ := strings.Cut(g, "\n")
		_, state, _ := strings.Cut(head, " [")
		state, _, _ = strings.Cut(strings.TrimSuffix(state, "]:"), ",")
		state, _, _ = strings.Cut(state, " (")
		switch state {
		case "chan receive", "chan send", "select", "semacquire",
			"sync.Cond.Wait", "sync.Mutex.Lock", "sync.RWMutex.Lock", "sync.RWMutex.RLock", "sync.WaitGroup.Wait":
		default:
			return false
		}
		if strings.Contains(g, "goalgap/kernel/worker.(*stdin).question(") {
			return false // the user is asked
		}
	}
	return true
}

// workersOwn reports whether the goroutine of a trace does the worker's work: all its functions are the worker's.
func workersOwn(goroutine string) bool {
	if strings.Contains(goroutine, executing) {
		return false
	}
	own := false
	for line := range strings.Lines(goroutine) {
		switch {
		case strings.HasPrefix(line, "goroutine "), strings.HasPrefix(line, "\t"), strings.HasPrefix(line, "created by "):
		case strings.HasPrefix(line, "goalgap/kernel/worker."), strings.HasPrefix(line, "goalgap/kernel/worker/process."):
			own = true
		case strings.HasPrefix(line, "main."):
			if !strings.HasPrefix(line, "main.main(") {
				return false
			}
		}
	}
	return own
}

// cellTrace returns the trace of the goroutine that executes a cell.
func cellTrace(trace string) string {
	for _, g := range strings.Split(trace, "\n\n") {
		if strings.Contains(g, executing) {
			return g
		}
	}
	return ""
}
