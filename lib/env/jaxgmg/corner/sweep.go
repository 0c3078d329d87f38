package corner

import (
	"fmt"

	"goalgap/lib/env/jaxgmg"
)

// The recorded sweep: eleven runs, one for each corner size, all from seed 42.
const (
	SweepTrainLevels = 2048 // played in training
	SweepTestLevels  = 256  // in each of the two evaluations
	SweepBatch       = 32   // levels played in a training cycle
	SweepCycles      = 2441
	sweepSeed        = 42
)

// SweepSeeds returns the seeds of the levels of the recorded sweep: those of training and of the evaluation in
// distribution, to be played with Sweep(cornerSize), and those of the evaluation out of distribution, to be played with
// Sweep(11). They are the same for all corner sizes; the cheese and the mouse are not.
func SweepSeeds() (train, on, off []int64) {
	setup, _ := jaxgmg.NewKey(sweepSeed).Split()
	seeds := func(n int) []int64 {
		var k jaxgmg.Key
		k, setup = setup.Split()
		s := make([]int64, n)
		for i, key := range k.SplitN(n) {
			s[i] = key.Seed()
		}
		return s
	}
	return seeds(SweepTrainLevels), seeds(SweepTestLevels), seeds(SweepTestLevels)
}

// SweepSchedule returns, for each of the first cycles of training in the recorded sweep, the places in SweepSeeds'
// train of the 32 levels that are played in it. An error says that cycles is negative or more than the sweep's 2441.
func SweepSchedule(cycles int) ([][]int, error) {
	if cycles < 0 || cycles > SweepCycles {
		return nil, fmt.Errorf("corner: schedule of %d cycles; the sweep has %d", cycles, SweepCycles)
	}
	_, train := jaxgmg.NewKey(sweepSeed).Split()
	_, rest := train.Split() // the first part initialises the network
	schedule := make([][]int, cycles)
	for i := range schedule {
		var cycle, ids jaxgmg.Key
		cycle, rest = rest.Split()
		ids, _ = cycle.Split()
		schedule[i] = ids.Shuffle(SweepTrainLevels)[:SweepBatch:SweepBatch]
	}
	return schedule, nil
}
