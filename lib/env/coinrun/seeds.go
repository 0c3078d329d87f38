package coinrun

import "fmt"

// Seeds are procgen's options for the choice of level seeds. They reproduce which levels a vector of the original
// environments plays; where that does not matter, env.Levels is the simpler distribution.
type Seeds struct {
	RandSeed   int64 // seed of the choice; procgen's rand_seed
	NumLevels  int   // number of different levels; 0 means all 2³¹-1
	StartLevel int   // the first of them; ignored if NumLevels is 0
	// Sequential: the level after a completed one has its seed + 997, without a draw (procgen's
	// use_sequential_levels; the original also reports such a step as not done).
	Sequential bool
}

// Streams returns the sequences of level seeds of the environments 0 .. n-1 of a vector. It returns an error if n or
// NumLevels is negative, or if the range of levels leaves procgen's 32-bit integers.
func (s Seeds) Streams(n int) ([]SeedStream, error) {
	if n < 0 {
		return nil, fmt.Errorf("coinrun: %d streams of level seeds asked for", n)
	}
	lo, hi := 0, 1<<31-1
	if s.NumLevels != 0 {
		lo, hi = s.StartLevel, s.StartLevel+s.NumLevels
	}
	if s.NumLevels < 0 || lo < -1<<31 || hi > 1<<31-1 {
		return nil, fmt.Errorf("coinrun: levels %d .. %d (NumLevels %d) are no range of level seeds", lo, hi-1, s.NumLevels)
	}
	var g mt19937
	g.seed(s.RandSeed)
	streams := make([]SeedStream, n)
	for i := range streams {
		streams[i].lo, streams[i].count, streams[i].sequential = int64(lo), uint32(hi-lo), s.Sequential
		streams[i].g.seed(int64(g.uint32()))
	}
	return streams, nil
}

// SeedStream is the sequence of level seeds of one environment.
type SeedStream struct {
	g          mt19937
	lo, now    int64
	count      uint32
	sequential bool
}

// Next returns the seed of the next level; completed says whether the level before it (if any) was completed, which
// matters only to sequential streams.
func (s *SeedStream) Next(completed bool) int64 {
	if s.sequential && completed {
		s.now += 997
	} else {
		s.now = s.lo + int64(s.g.uint32()%s.count)
	}
	return s.now
}
