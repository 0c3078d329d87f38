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
	"time"
	"unsafe"
)

var (
	mu    sync.Mutex
	cells = map[string]func(){}
	named = map[string]any{}
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

// Name makes what a cell declares known by the name of its symbol: a pointer to a variable, or to the variable that holds
// a function.
func Name(symbol string, pointer any) {
	mu.Lock()
	defer mu.Unlock()
	named[symbol] = pointer
}

// Named returns what Name was given.
func Named(symbol string) (pointer any, ok bool) {
	mu.Lock()
	defer mu.Unlock()
	pointer, ok = named[symbol]
	return pointer, ok
}

// ctx is what a cell sees as its predeclared variable ctx (reached by linkname): cancelled by an interrupt.
var ctx = context.Background()

// A run is one execution of a cell. What it starts belongs to it, also when it has ended: an interrupt stops the
// goroutines of the run that is interrupted and no others.
type run struct {
	stop      uint32         // not 0 while an interrupt waits to be noticed
	insist    atomic.Bool    // the interrupt stays, whatever recovers from it
	killed    atomic.Bool    // a goroutine that the cell started was stopped
	goroutine int64          // executes the cell's statements
	self      uintptr        // the same goroutine, by a number that is quick to get
	label     unsafe.Pointer // of its goroutines
	done      <-chan struct{}
	cancel    func()
	watched   atomic.Bool // somebody wants to be told of its interrupt
}

// cellContext is the context of a run.
type cellContext struct {
	context.Context
	run *run
}

func (c cellContext) Done() <-chan struct{} {
	c.run.watched.Store(true)
	return c.Context.Done()
}

func (c cellContext) String() string { return "the cell's context" }

// Watched reports whether code of the current run has asked for its context's Done channel: it may wait for an interrupt.
func Watched() bool { return current.Load().watched.Load() }

// Goroutine returns the number of the goroutine that executes the current cell.
func Goroutine() int64 { return current.Load().goroutine }

var (
	current atomic.Pointer[run]
	stop    uint32 // not 0 while an interrupt of the current run waits to be noticed: for functions, which hold no pointer
)

func init() { current.Store(&run{}) }

// ErrInterrupted is the cause of ctx's cancellation.
var ErrInterrupted = errors.New("interrupted")

// An Interrupted value is what a cell panics with when it notices an interrupt.
type Interrupted struct{}

func (Interrupted) Error() string { return ErrInterrupted.Error() }

// A Failure is what a cell panics with when a call at its top level returned an error.
type Failure struct{ Err error }

func (f Failure) Error() string { return f.Err.Error() }

// profileLabel returns the profiler's labels of the current goroutine: the only mark that goroutines inherit, also those
// that a library starts.
//
//go:linkname profileLabel runtime/pprof.runtime_getProfLabel
func profileLabel() unsafe.Pointer

// Begin is called by the worker on the goroutine that is going to execute a cell, which has labels of its own.
func Begin() {
	c, cancel := context.WithCancelCause(context.Background())
	r := &run{goroutine: goroutine(), self: self(), label: profileLabel(), done: c.Done(), cancel: func() { cancel(ErrInterrupted) }}
	mu.Lock()
	ctx = cellContext{c, r}
	_ = ctx // cells read it
	mu.Unlock()
	atomic.StoreUint32(&stop, 0)
	current.Store(r)
	beginOutput()
}

// Finish is called by the worker when the cell has ended or was abandoned.
func Finish() {
	LookAtStacks(false)
	atomic.StoreUint32(&stop, 0)
	r := current.Load()
	if !r.insist.Load() {
		atomic.StoreUint32(&r.stop, 0)
	}
}

// Interrupt asks the running cell to stop: its context is cancelled, and its code panics with Interrupted at the next
// loop turn or function call.
func Interrupt() {
	r := current.Load()
	atomic.StoreUint32(&r.stop, 1)
	atomic.StoreUint32(&stop, 1)
	if r.cancel != nil {
		r.cancel()
	}
}

// Killed reports whether an interrupt of the current run has stopped goroutines, but not the cell itself: it came to its
// end because what it waited for was gone. A cell that saw its context cancelled has noticed the interrupt.
func Killed() bool {
	r := current.Load()
	return atomic.LoadUint32(&r.stop) != 0 && r.killed.Load()
}

// Insist is Interrupt for a cell that recovered from the panic or waits: nothing of it goes on, now or later.
func Insist() {
	current.Load().insist.Store(true)
	Interrupt()
}

// Flag returns what loops look at: not 0 while an interrupt waits to be noticed. A function with loops keeps the pointer,
// so that a turn costs a load, a compare and a branch that is never taken; the address of another package's variable
// would have to be looked up in each turn.
func Flag() *uint32 { return &current.Load().stop }

// Stop is what a loop calls when the flag is up.
func Stop(flag *uint32) { (*run)(unsafe.Pointer(flag)).interrupted() }

// Left is called between the statements of a cell when the flag is up. A cell that sees its context cancelled has a moment
// to come to a good end; one that was left behind does not go on.
func Left(flag *uint32) {
	if r := (*run)(unsafe.Pointer(flag)); r.insist.Load() || r.killed.Load() {
		r.interrupted()
	}
}

// Check stands in functions that could recurse. An atomic load would cost an instruction more, as it cannot be part of the
// comparison; here any load does, as the flag is looked at again in the next call.
func Check() {
	if stop != 0 {
		noticed()
	}
}

func noticed() {
	if deep.Load() && stackDepth() > stackLimit {
		overflow()
	}
	if r := current.Load(); atomic.LoadUint32(&r.stop) != 0 {
		r.interrupted()
	}
}

// Sleep is time.Sleep in a cell: an interrupt ends it.
func Sleep(d time.Duration) {
	if d < time.Millisecond {
		time.Sleep(d)
		return
	}
	r := current.Load()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.done:
		r.interrupted()
		<-timer.C
	}
}

// Forever is select {} in a cell: an interrupt ends it.
func Forever() any {
	r := current.Load()
	<-r.done
	r.interrupted()
	select {}
}

// interrupted stops the goroutine that calls it, if it belongs to the run.
func (r *run) interrupted() {
	main := goroutine() == r.goroutine
	if !main && (r.label == nil || profileLabel() != r.label) {
		return
	}
	if !main {
		// A goroutine that the cell started: it goes quietly, as nobody waits for its panic.
		r.killed.Store(true)
		runtime.Goexit()
	}
	if !r.insist.Load() {
		atomic.StoreUint32(&r.stop, 0) // for the deferred functions
		atomic.StoreUint32(&stop, 0)
	}
	panic(Interrupted{})
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

// Display is what a cell sees as its predeclared function Display (reached by linkname): it shows a value at once.
var Display func(value any) error

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
	// What fails after an interrupt fails because of it: a program that was killed, a context that was cancelled.
	if errors.Is(err, ErrInterrupted) || atomic.LoadUint32(&current.Load().stop) != 0 {
		panic(Interrupted{})
	}
	panic(Failure{err})
}

// Addr returns the address of a copy of v: how the rewriter reads an unexported field of a value that has no address.
func Addr[T any](v T) *T { return &v }

// String makes Failure readable in a raw crash report.
func (f Failure) String() string { return "error at the top level of a cell: " + f.Err.Error() }

// Like returns the zero value of its argument's type.
func Like[T any](T) (zero T) { return zero }

// Zero returns the zero value of T.
func Zero[T any]() (zero T) { return zero }
