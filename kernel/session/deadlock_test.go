package session

import (
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// atOnce executes each cell in a session of its own, all at the same time, and then checks each.
func atOnce(t *testing.T, cells []string, check func(s *Session, r *recorder, cell string, f *Failure)) {
	t.Helper()
	sessions, recorders, failures := make([]*Session, len(cells)), make([]*recorder, len(cells)), make([]*Failure, len(cells))
	var wg sync.WaitGroup
	for i, cell := range cells {
		sessions[i], recorders[i] = open(t)
		playIn(t, sessions[i], recorders[i], []step{{cell: "kept := 41"}})
		wg.Go(func() { failures[i] = sessions[i].Execute(cell, "cell") })
	}
	wg.Wait()
	for i, cell := range cells {
		check(sessions[i], recorders[i], cell, failures[i])
	}
}

func TestADeadlockEndsItsCellAndKeepsTheState(t *testing.T) {
	if testing.Short() {
		t.Skip("a deadlock is seen after some seconds")
	}
	if runtime.GOOS != "linux" {
		t.Skip("deadlocks are seen on Linux only")
	}
	atOnce(t, []string{
		"<-make(chan int)",
		"var mu sync.Mutex\nmu.Lock()\nmu.Lock()",
		"select {}",
		"a, b := make(chan int), make(chan int)\nvar wg sync.WaitGroup\nwg.Go(func() { a <- <-b })\nwg.Go(func() { b <- <-a })\nwg.Wait()",
		"func wait(c *sync.Cond) { c.L.Lock(); c.Wait() }\nwait(sync.NewCond(&sync.Mutex{}))",
		"time.Sleep(100 * time.Millisecond)\nvar never chan bool\nnever <- true",
	}, func(s *Session, r *recorder, cell string, f *Failure) {
		if f == nil || f.Name != "fatal error" || !strings.Contains(f.Value, "all goroutines are asleep - deadlock!") || f.Died {
			t.Errorf("the cell ended with %+v\n%s", f, cell)
			return
		}
		if !strings.Contains(strings.Join(f.Traceback, "\n"), "cell:") {
			t.Errorf("it is not said where the cell waits: %q\n%s", f.Traceback, cell)
		}
		r.take()
		playIn(t, s, r, []step{{cell: "kept + 1", out: "[result 42]"}})
	})
}

func TestWhatWillGoOnIsNoDeadlock(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	atOnce(t, []string{
		"<-time.After(12 * time.Second)",
		"late, cancel := context.WithTimeout(context.Background(), 12*time.Second)\ndefer cancel()\n<-late.Done()",
		"rung := make(chan bool)\ntime.AfterFunc(12*time.Second, func() { close(rung) })\n<-rung",
		"var wg sync.WaitGroup\nwg.Go(func() { time.Sleep(12 * time.Second) })\nwg.Wait()",
		"done := make(chan error)\ngo func() { done <- exec.Command(\"sleep\", \"12\").Run() }()\n<-done",
		"l, err := net.Listen(\"tcp\", \"127.0.0.1:0\")\ntime.AfterFunc(12*time.Second, func() { l.Close() })\n_, err = l.Accept()\n_ = err",
	}, func(_ *Session, _ *recorder, cell string, f *Failure) {
		if f != nil && !strings.Contains(cell, "Accept") {
			t.Errorf("the cell failed with %v\n%s", f, cell)
		}
		if f != nil && f.Name == "fatal error" {
			t.Errorf("the cell failed with %v\n%s", f, cell)
		}
	})
}

func TestWhoWaitsForTheInterruptIsInNoDeadlock(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	s, r := open(t)
	done := make(chan *Failure, 1)
	go func() { done <- s.Execute("<-ctx.Done()\nfmt.Print(\"saved\")", "cell") }()
	select {
	case f := <-done:
		t.Fatalf("the cell ended with %v", f)
	case <-time.After(12 * time.Second):
	}
	s.Interrupt()
	if f, out := <-done, r.take(); f != nil || out != "saved" {
		t.Errorf("the interrupted cell put out %q and ended with %v", out, f)
	}
}
