package worker

import (
	"context"
	"runtime/pprof"
	"strconv"
	"sync"
	"unsafe"
)

// What a goroutine shows belongs to the cell that started it, even if another one runs by then. Profiler labels tell: a
// goroutine inherits those of the one that started it. The runtime has no exported way to read one's own, but keeps this
// one for packages that need it.
//
//go:linkname runtime_getProfLabel runtime/pprof.runtime_getProfLabel
func runtime_getProfLabel() unsafe.Pointer

var (
	originsMu sync.Mutex
	origins   = map[unsafe.Pointer]int64{} // sets of labels; they stay, so that no other takes their place in memory
)

// mark makes the goroutine, and those that it starts from now on, belong to a run.
func mark(run int64) {
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels("cell", strconv.FormatInt(run, 10))))
	originsMu.Lock()
	defer originsMu.Unlock()
	origins[runtime_getProfLabel()] = run
}

// origin returns the run that the goroutine belongs to, 0 if that cannot be told.
func origin() int64 {
	originsMu.Lock()
	defer originsMu.Unlock()
	return origins[runtime_getProfLabel()]
}
