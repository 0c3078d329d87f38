package cell

import (
	"runtime"
	"sync/atomic"
)

// An Overflow is what a function of a cell panics with when its goroutine's stack has become too deep.
type Overflow struct{}

func (Overflow) Error() string { return "stack overflow" }

var (
	deep       atomic.Bool // Check looks at the depth of stacks
	stackDepth func() uintptr
	self       func() uintptr
	stackLimit uintptr
	overflowed func()
)

// SetStack says how deep the calling goroutine's stack is, which goroutine that is, and how deep it may be, in bytes.
func SetStack(depth, goroutine func() uintptr, limit uintptr) {
	stackDepth, self, stackLimit = depth, goroutine, limit
}

// SetOverflowed says what is called when a goroutine other than the cell's own is stopped for its stack.
func SetOverflowed(f func()) { overflowed = f }

// LookAtStacks says whether functions that could recurse look at the depth of their stack.
func LookAtStacks(look bool) {
	deep.Store(look)
	switch {
	case look:
		atomic.StoreUint32(&stop, 1)
	case atomic.LoadUint32(&current.Load().stop) == 0:
		atomic.StoreUint32(&stop, 0)
	}
}

// overflow stops the calling goroutine.
func overflow() {
	LookAtStacks(false) // the deferred functions have a stack as deep
	if self() == current.Load().self {
		panic(Overflow{})
	}
	overflowed()
	runtime.Goexit()
}
