// Package fork runs the pieces of one computation on the processor's cores.
//
// A Fork splits work that takes from a few microseconds upwards: its helpers are goroutines that, for a short while
// after their last piece, look for the next one without going to sleep, because waking a sleeping core costs about
// 100 µs. The caller works too and never waits for a helper that has not begun: where the other cores are busy with
// something else, Do falls back to the speed of a loop.
//
// Which goroutine runs a piece, and in which order, is not determined. Pieces must therefore write to places of their
// own, and what is summed over pieces must be summed afterwards in a fixed order; then no result depends on the number
// of cores.
package fork

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Fork is one function to be run in pieces, again and again. Do allocates nothing.
type Fork struct {
	f      func(i int)
	state  atomic.Uint64 // generation, number of pieces, next piece: see pack
	done   atomic.Int64  // pieces that are finished
	failed atomic.Pointer[failure]
}

// failure is what a piece panicked with.
type failure struct{ value any }

// New returns a Fork of f, which is called with the number of the piece.
func New(f func(i int)) *Fork { return &Fork{f: f} }

// The three parts of Fork.state. A helper that comes late holds an old generation, so its compare-and-swap fails.
const (
	fieldBits = 20
	fieldMask = 1<<fieldBits - 1

	// MaxPieces is the largest n for Do.
	MaxPieces = fieldMask
)

// spinLoads is how many times a helper looks for work before it sleeps, some 200 µs; yieldAfter is after how many looks,
// about a microsecond, who spins lets other goroutines run. A yield takes longer than a look, and work that comes
// meanwhile waits for its end, so it must be rare.
const (
	spinLoads  = 1 << 17
	yieldAfter = 1 << 10
)

// team is the process's helpers and what they are busy with.
var team struct {
	start   sync.Once
	busy    atomic.Bool // some Do is using the helpers
	current atomic.Pointer[Fork]
	asleep  atomic.Int64
	wake    chan struct{}
}

// Do calls f(0) … f(n-1), at the same time where cores are free, and returns when all calls have returned. If a call
// panics, Do panics with the same value after the others have returned. A Do inside a piece, or while another
// goroutine's Do is under way, is an ordinary loop. It panics if n is above MaxPieces.
func (k *Fork) Do(n int) {
	if n > MaxPieces {
		panic("fork: too many pieces")
	}
	procs := runtime.GOMAXPROCS(0)
	if n <= 1 || procs == 1 || !team.busy.CompareAndSwap(false, true) {
		for i := range n {
			k.f(i)
		}
		return
	}
	team.start.Do(startHelpers)
	k.done.Store(0)
	generation := k.state.Load()>>(2*fieldBits) + 1
	k.state.Store(generation<<(2*fieldBits) | uint64(n)<<fieldBits)
	team.current.Store(k)
	wakeHelpers(min(n, procs) - 1)
	k.work()
	k.wait(n)
	team.current.Store(nil)
	team.busy.Store(false)
	if p := k.failed.Swap(nil); p != nil {
		panic(p.value)
	}
}

// work runs pieces until none is left and says whether it ran any.
func (k *Fork) work() (any bool) {
	for {
		s := k.state.Load()
		next, n := s&fieldMask, s>>fieldBits&fieldMask
		if next >= n {
			return any
		}
		if k.state.CompareAndSwap(s, s+1) {
			k.call(int(next))
			any = true
		}
	}
}

// call runs one piece.
func (k *Fork) call(i int) {
	defer func() {
		if p := recover(); p != nil {
			k.failed.CompareAndSwap(nil, &failure{p})
		}
		k.done.Add(1)
	}()
	k.f(i)
}

// wait returns when all pieces are finished. Those that are not are being run by helpers, so it spins first; a helper
// whose thread the operating system has put aside may take milliseconds, and then it sleeps.
func (k *Fork) wait(n int) {
	for spins := 0; k.done.Load() < int64(n); spins++ {
		switch {
		case spins > 1<<18:
			time.Sleep(50 * time.Microsecond)
		case spins%yieldAfter == yieldAfter-1:
			runtime.Gosched()
		}
	}
}

// startHelpers starts one helper for each core but the caller's.
func startHelpers() {
	n := max(runtime.NumCPU(), runtime.GOMAXPROCS(0)) - 1
	team.wake = make(chan struct{}, n)
	for range n {
		go help()
	}
}

// wakeHelpers wakes up to n helpers that sleep.
func wakeHelpers(n int) {
	for range n {
		asleep := team.asleep.Load()
		if asleep == 0 || !team.asleep.CompareAndSwap(asleep, asleep-1) {
			return
		}
		team.wake <- struct{}{} // never blocks: at most one for each helper that sleeps
	}
}

// help is the life of a helper.
func help() {
	for {
		for spins := 0; spins < spinLoads; spins++ {
			if k := team.current.Load(); k != nil && k.work() {
				spins = 0
			}
			if spins%yieldAfter == yieldAfter-1 {
				runtime.Gosched()
			}
		}
		team.asleep.Add(1)
		<-team.wake
	}
}
