package worker

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"time"

	"goalgap/kernel/worker/cell"
)

// A recursion without end grows its stack until Go's runtime ends the process, and all variables are lost. So functions of
// cells stop it before: the check for an interrupt, with which those that could recurse begin, looks at the depth of the
// stack too, once the kernel has seen that the worker's memory grows and the worker that its stacks do. That costs nothing
// while stacks are small.

const (
	// stackLimit is the depth of a stack at which a cell is stopped, in bytes. Go's limit of 1 GB comes to 512 MB, as stacks
	// grow by doubling.
	stackLimit = 500 << 20
	// maxStack is Go's limit in the worker: beyond stackLimit, for what was not stopped.
	maxStack = 1100 << 20
	// deepStacks is from where on depth is looked at: bytes of all stacks together.
	deepStacks = 200 << 20
)

// OverflowText is the text of the panic that ends a recursion without end.
const OverflowText = "stack overflow: the stack of a goroutine exceeds 500 MB, in a recursion without end?"

func init() {
	debug.SetMaxStack(maxStack)
	cell.SetStack(stackDepth, self, stackLimit)
}

// watchStacks has the worker look at its stacks when its memory grows, until a run has ended.
func (c *Client) watchStacks(ended <-chan struct{}) {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	before, deep := residentMemory(c.PID()), false
	for {
		select {
		case <-ended:
			return
		case <-c.exited:
			return
		case <-ticker.C:
		}
		now := residentMemory(c.PID())
		before = min(before, now)
		if !deep && now-before < deepStacks {
			continue
		}
		if c.Call("stacks", nothing{}, &deep) != nil {
			return
		}
		before = now
	}
}

// stacks reports whether stacks are large, and has the functions of cells look at theirs if so.
func stacks(nothing) (deep bool, err error) {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(sample)
	deep = sample[0].Value.Kind() == metrics.KindUint64 && sample[0].Value.Uint64() > deepStacks
	cell.LookAtStacks(deep)
	return deep, nil
}

// overflowed ends the run because a goroutine that it started was stopped for its stack.
func (s *server) overflowed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stuck == nil {
		return
	}
	select {
	case s.stuck <- &Error{Name: "panic", Value: "in another goroutine: " + OverflowText}:
	default:
	}
}

// innermost returns a trace of the innermost calls, as debug.Stack writes it. A whole trace of a deep stack takes seconds.
func innermost(calls int) string {
	pcs := make([]uintptr, calls)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	var b strings.Builder
	for {
		f, more := frames.Next()
		if name := f.Function; name != "" {
			if name == "runtime.gopanic" {
				name = "panic"
			}
			fmt.Fprintf(&b, "%s()\n\t%s:%d\n", name, f.File, f.Line)
		}
		if !more {
			return b.String()
		}
	}
}
