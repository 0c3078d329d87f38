package session

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// interrupted runs a cell, interrupts it after a moment, and returns how it ended and how long that took.
func interrupted(t *testing.T, s *Session, cell string) (*Failure, time.Duration) {
	t.Helper()
	for wait := 700 * time.Millisecond; ; wait *= 3 {
		done := make(chan *Failure, 1)
		go func() { done <- s.Execute(cell, "cell") }()
		time.Sleep(wait)
		start := time.Now()
		s.Interrupt()
		select {
		case f := <-done:
			if f != nil && strings.HasSuffix(f.Value, "before it ran") && wait < 10*time.Second {
				continue // the machine is busy
			}
			return f, time.Since(start)
		case <-time.After(20 * time.Second):
			t.Fatalf("the interrupt did not end the cell\n%s", cell)
			return nil, 0
		}
	}
}

func TestInterruptStopsWhateverACellDoesAndKeepsItsState(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second a cell")
	}
	s, r := open(t)
	playIn(t, s, r, []step{{cell: "kept := 41"}})
	for _, cell := range []string{
		"for {}",
		"s := 0.0\nfor i := 0; i < 1e15; i++ { s += float64(i) }",
		"time.Sleep(time.Hour)",
		"select {}",
		"func forever() int { select {} }\nforever()",
		"<-make(chan int)",
		"var wg sync.WaitGroup\nwg.Add(1)\nwg.Wait()",
		"var mu sync.Mutex\nmu.Lock()\nmu.Lock()",
		"n := 0\nagain:\nn++\ngoto again",
		"func fib(n int) int { if n < 2 { return n }; return fib(n-1) + fib(n-2) }\nfib(100)",
		"for { func() { defer func() { recover() }(); for {} }() }",
		"exec.Command(\"sleep\", \"100\").Run()",
		"exec.CommandContext(ctx, \"sleep\", \"100\").Run()",
		"<-ctx.Done()\nfor {}",
		"var wg sync.WaitGroup\nfor range 2 { wg.Go(func() { for {} }) }\nwg.Wait()",
		"pr, pw, err := os.Pipe()\ndefer pw.Close()\npr.Read(make([]byte, 1))",
		"go func() { for {} }()\nfor { time.Sleep(time.Hour) }",
	} {
		f, took := interrupted(t, s, cell)
		if f == nil || !f.Interrupted {
			t.Errorf("the interrupted cell ended with %v\n%s", f, cell)
		}
		if took > 2500*time.Millisecond {
			t.Errorf("the cell stopped %v after the interrupt\n%s", took, cell)
		}
		r.take()
	}
	playIn(t, s, r, []step{{cell: "kept + 1", out: "[result 42]"}})
}

func TestACellThatSeesItsContextCancelledComesToAGoodEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	s, r := open(t)
	if f, _ := interrupted(t, s, "<-ctx.Done()\nfmt.Print(\"saved: \", context.Cause(ctx))"); f != nil {
		t.Errorf("the cell failed: %v", f)
	}
	if out := r.take(); out != "saved: interrupted" {
		t.Errorf("the cell put out %q", out)
	}
}

func TestACellThatWasLeftBehindDoesNotGoOnLater(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	s, r := open(t)
	playIn(t, s, r, []step{{cell: "x := 0\nopen := make(chan bool)\ndone := make(chan bool)"}})
	f, _ := interrupted(t, s, "<-open\nx = 1\nfmt.Println(\"went on\")")
	if f == nil || !f.Interrupted {
		t.Fatalf("the interrupted cell ended with %v", f)
	}
	playIn(t, s, r, []step{{cell: "close(open)\ntime.Sleep(200 * time.Millisecond)\nx", out: "[result 0]"}})
}

func TestAnInterruptLeavesTheGoroutinesOfEarlierCellsAlone(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	s, r := open(t)
	playIn(t, s, r, []step{{cell: "var n atomic.Int64\nfunc spin() { for range 1000 { n.Add(1) }; time.Sleep(time.Millisecond) }\ngo func() { for { spin() } }()"}})
	if f, _ := interrupted(t, s, "for {}"); f == nil || !f.Interrupted {
		t.Fatalf("the interrupted cell ended with %v", f)
	}
	playIn(t, s, r, []step{{cell: "before := n.Load()\ntime.Sleep(100 * time.Millisecond)\nn.Load() > before", out: "[result true]"}})
}

func TestTheTraceOfALeftBehindCellSaysWhatHappened(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	s, _ := open(t)
	f, _ := interrupted(t, s, "var wg sync.WaitGroup\nwg.Add(1)\nwg.Wait()")
	if f == nil || !strings.Contains(f.Value, "left behind") {
		t.Errorf("the cell ended with %v", f)
	}
}

func TestAnInterruptBeforeTheRunIsMeantForIt(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	s, r := open(t)
	playIn(t, s, r, []step{{cell: "kept := 1"}})
	for i := range 12 { // at all times of compiling, loading and running
		done := make(chan *Failure, 1)
		go func() { done <- s.Execute(fmt.Sprintf("%%time for { _ = %d }", time.Now().UnixNano()), "cell") }()
		for s.run.TryLock() { // it has not begun
			s.run.Unlock()
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Duration(i) * 40 * time.Millisecond)
		s.Interrupt()
		select {
		case f := <-done:
			if f == nil || !f.Interrupted {
				t.Fatalf("after %d ms it ended with %v", 40*i, f)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("the interrupt after %d ms did not end the cell", 40*i)
		}
	}
	r.take()
	s.Interrupt() // of nothing
	playIn(t, s, r, []step{{cell: "kept", out: "[result 1]"}, {cell: "time.Sleep(10 * time.Millisecond)\nkept", out: "[result 1]"}})
}

func TestACellThatWasLeftBehindShowsNothingLater(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	s, r := open(t)
	playIn(t, s, r, []step{{cell: "open := make(chan int)"}})
	if f, _ := interrupted(t, s, "<-open"); f == nil || !f.Interrupted {
		t.Fatalf("the interrupted cell ended with %v", f)
	}
	playIn(t, s, r, []step{{cell: "close(open)\ntime.Sleep(200 * time.Millisecond)"}, {cell: "1", out: "[result 1]"}})
}
