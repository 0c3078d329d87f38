package worker

import (
	"context"
	"runtime/pprof"
	"strconv"
	"sync/atomic"

	"goalgap/kernel/worker/cell"
)

// Each run of a cell has labels of its own for the profiler, which also tell its goroutines from those of other runs.
func init() {
	var runs atomic.Int64
	cell.SetLabel(func() {
		n := strconv.FormatInt(runs.Add(1), 10)
		pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels("cell", n)))
	})
}
