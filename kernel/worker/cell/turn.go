package cell

import (
	"sync/atomic"
	"time"
)

// Standard output and standard error are two pipes, and who reads them cannot tell in which order they were written. So
// where a cell's own code turns from one to the other, a mark goes into both: the kernel passes on what stands before it
// first.

// The outputs that Turn can be told.
const (
	Stdout = 1
	Stderr = 2
)

var output struct {
	last   atomic.Int32 // the output that was written last
	turns  atomic.Int32 // of this run
	marked atomic.Int64 // when, in ns
	mark   func()
}

// SetMark sets what writes a mark into both outputs.
func SetMark(f func()) { output.mark = f }

// Turn is called before a statement that writes to an output. A run that turns all the time is not held up: after the
// first thousand times there is a mark every few milliseconds.
func Turn(to int32) {
	if output.last.Load() == to {
		return
	}
	if from := output.last.Swap(to); from == to || from == 0 && to == Stdout || output.mark == nil {
		return
	}
	if output.turns.Add(1) > 1000 && time.Now().UnixNano()-output.marked.Load() < int64(5*time.Millisecond) {
		return
	}
	output.marked.Store(time.Now().UnixNano())
	output.mark()
}

func beginOutput() {
	output.last.Store(0)
	output.turns.Store(0)
}
