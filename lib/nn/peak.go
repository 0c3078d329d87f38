package nn

import (
	"sync"
	"time"
)

// Peak measures how many float32 operations a second the given number of goroutines reach together, each doing nothing
// but independent multiply-adds (two operations each) on registers, with the kernels in use: the ceiling of a matrix
// product, and the reference of the benchmarks. It is one look of some 10 ms: where other work goes on on the machine,
// take the best of several.
func Peak(goroutines int) float64 {
	const rounds = 2_000_000
	var all sync.WaitGroup
	operations := make([]float64, goroutines)
	start := time.Now()
	for i := range goroutines {
		all.Go(func() { operations[i] = peakRounds(rounds) })
	}
	all.Wait()
	elapsed, sum := time.Since(start), 0.0
	for _, n := range operations {
		sum += n
	}
	return sum / elapsed.Seconds()
}
