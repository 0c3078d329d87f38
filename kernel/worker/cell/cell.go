// Package cell is what every compiled cell is linked with: it registers its code here when the worker loads it, and
// calls here to show its value, to stop at an error, and to see whether it has been interrupted.
//
// People do not call it; the rewriter in kernel/session writes the calls.
package cell

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
)

var (
	mu    sync.Mutex
	cells = map[string]func(){}
)

// Register is called by the init function of a loaded cell: run executes its statements.
func Register(path string, run func()) {
	mu.Lock()
	defer mu.Unlock()
	cells[path] = run
}

// Lookup returns the code of a loaded cell.
func Lookup(path string) (run func(), ok bool) {
	mu.Lock()
	defer mu.Unlock()
	run, ok = cells[path]
	return run, ok
}

// ctx is what a cell sees as its predeclared variable ctx (reached by linkname): cancelled by an interrupt.
var ctx = context.Background()

var (
	stop    uint32       // 1 while an interrupt waits to be noticed
	insist  atomic.Bool  // the interrupt stays, whatever recovers from it
	running atomic.Int64 // goroutine that executes the current cell, 0 if none
	cancel  context.CancelFunc
)

// ErrInterrupted is the cause of ctx's cancellation.
var ErrInterrupted = errors.New("interrupted")

// An Interrupted value is what a cell panics with when it notices an interrupt.
type Interrupted struct{}

func (Interrupted) Error() string { return ErrInterrupted.Error() }

// A Failure is what a cell panics with when a call at its top level returned an error.
type Failure struct{ Err error }

func (f Failure) Error() string { return f.Err.Error() }

// Begin is called by the worker on the goroutine that is going to execute a cell.
func Begin() {
	c, f := context.WithCancelCause(context.Background())
	mu.Lock()
	ctx, cancel = c, func() { f(ErrInterrupted) }
	_ = ctx // cells read it
	mu.Unlock()
	atomic.StoreUint32(&stop, 0)
	insist.Store(false)
	running.Store(goroutine())
}

// Finish is called by the worker when the cell has ended or was abandoned.
func Finish() {
	running.Store(0)
	insist.Store(false)
	atomic.StoreUint32(&stop, 0)
}

// Interrupt asks the running cell to stop: its context is cancelled, and its code panics with Interrupted at the next
// loop turn or function call.
func Interrupt() {
	atomic.StoreUint32(&stop, 1)
	mu.Lock()
	f := cancel
	mu.Unlock()
	if f != nil {
		f()
	}
}

// Insist is Interrupt for a cell that recovered from the panic: no loop and no call goes on until Finish.
func Insist() {
	insist.Store(true)
	atomic.StoreUint32(&stop, 1)
}

// Flag returns what loops look at: not 0 while an interrupt waits to be noticed. A function with loops keeps the pointer,
// so that a turn costs a load, a compare and a branch that is never taken; the address of another package's variable
// would have to be looked up in each turn.
func Flag() *uint32 { return &stop }

// Check stands at the head of functions that could recurse, and is what a loop calls when the flag is up.
func Check() {
	if atomic.LoadUint32(&stop) != 0 {
		interrupted()
	}
}

func interrupted() {
	if goroutine() == running.Load() {
		if !insist.Load() {
			atomic.StoreUint32(&stop, 0) // for the deferred functions
		}
		panic(Interrupted{})
	}
	// A goroutine that the cell started: it goes quietly, as nobody waits for its panic.
	runtime.Goexit()
}

// goroutine returns the number of the current goroutine, read from the head of its stack trace ("goroutine 7 [").
func goroutine() int64 {
	var buf [32]byte
	b := buf[:runtime.Stack(buf[:], false)]
	b = bytes.TrimPrefix(b, []byte("goroutine "))
	if i := bytes.IndexByte(b, ' '); i > 0 {
		if n, err := strconv.ParseInt(string(b[:i]), 10, 64); err == nil {
			return n
		}
	}
	return -1
}

// show is set by the worker. This package is linked into every cell, so it imports little: what it would import, the
// linker would have to put into each of them.
var show func(values ...any)

// SetShow says what Show calls. The worker calls it before any cell runs.
func SetShow(f func(values ...any)) { show = f }

// Show shows the value of a cell's last expression.
func Show(values ...any) {
	if len(values) > 0 {
		show(values...)
	}
}

// ShowChecked is Show for a call whose last result is an error: it stops the cell if the error is not nil, and shows
// the other results otherwise.
func ShowChecked(values ...any) {
	Try(values...)
	Show(values[:len(values)-1]...)
}

// Ignore takes values that nobody wants to see.
func Ignore(...any) {}

// Value1 returns the result of a call without its error, which stops the cell unless it is nil.
func Value1[A any](a A, err error) A { Fail(err); return a }

// Value2 is Value1 for a call with two results beside the error.
func Value2[A, B any](a A, b B, err error) (A, B) { Fail(err); return a, b }

// Value3 is Value1 for a call with three results beside the error.
func Value3[A, B, C any](a A, b B, c C, err error) (A, B, C) { Fail(err); return a, b, c }

// Value4 is Value1 for a call with four results beside the error.
func Value4[A, B, C, D any](a A, b B, c C, d D, err error) (A, B, C, D) {
	Fail(err)
	return a, b, c, d
}

// Try stops the cell if the last of the results of a call is an error.
func Try(results ...any) {
	if len(results) > 0 {
		if err, ok := results[len(results)-1].(error); ok && err != nil {
			Fail(err)
		}
	}
}

// Fail stops the cell with err, unless it is nil.
func Fail(err error) {
	if err == nil {
		return
	}
	if errors.Is(err, ErrInterrupted) || (errors.Is(err, context.Canceled) && atomic.LoadUint32(&stop) != 0) {
		panic(Interrupted{})
	}
	panic(Failure{err})
}

// Addr returns the address of a copy of v: how the rewriter reads an unexported field of a value that has no address.
func Addr[T any](v T) *T { return &v }

// String makes Failure readable in a raw crash report.
func (f Failure) String() string { return "error at the top level of a cell: " + f.Err.Error() }

// Zero returns the zero value of T.
func Zero[T any]() (zero T) { return zero }
