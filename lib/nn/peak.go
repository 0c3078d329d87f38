package nn

import (
	"sync"
	"time"
)

// Peak measures how many float32 operations a second the given number of goroutines reach together, each doing nothing
// but independent multiply-adds (two operations each) on registers, with the kernels in use: the ceiling of a matrix
// product, and the reference of the benchmarks. It returns the best of several looks, so that other work on the machine
// hardly counts, and takes some 50 ms.
func Peak(goroutines int) float64 {
	const looks, rounds = 8, 1_500_000
	best := 0.0
	for range looks {
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
		best = max(best, sum/elapsed.Seconds())
	}
	return best
}
