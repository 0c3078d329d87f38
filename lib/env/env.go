// Package env defines what an environment is to the rest of the library.
//
// An environment plays levels. A level is a pure function of its seed and of the environment's configuration (its
// variant), so the same level can be played under two variants and compared in pairs. An observation has two parts: a
// sparse one, the indices of the ones in a long one-hot vector (a window of cells), and a dense one, a short vector of
// float32 (a velocity). Either may be empty.
//
// Each environment has a folder of its own below this one; its package comment says what is rewarded, which proxy
// tempts, which distributions of levels tell the two apart, and where its rules come from.
package env

import (
	"fmt"
	"math/rand/v2"
)

// Spec says what an environment shows and accepts. It never changes during an Env's life.
type Spec struct {
	Name      string // for messages and checkpoints
	Actions   int    // actions are 0 .. Actions-1; 0 if they are of one of the kinds below
	Sparse    int    // length of the one-hot part of an observation; 0 if there is none
	MaxActive int    // most ones that the one-hot part can have at once
	Dense     int    // length of the dense part of an observation; 0 if there is none
	MaxSteps  int    // longest episode, in steps

	Image Image `json:",omitzero"` // the picture that an observation shows or begins with; zero if there is none

	// Where actions are not one of a few, one of Heads and Continuous is set; see the interfaces MultiDiscrete and
	// Continuous.
	Heads      Heads   `json:",omitzero"`  // sizes of the parts of a multi-discrete action
	Continuous int     `json:",omitempty"` // how many real numbers make a continuous action
	Low, High  float32 `json:",omitempty"` // bounds of each of these numbers, finite, in the environment's unit
}

// End says whether and how an episode ended.
type End uint8

const (
	// Running: the episode goes on.
	Running End = iota
	// Terminated: the rules ended the episode; nothing of value follows.
	Terminated
	// Truncated: a time limit cut the episode; it could have gone on.
	Truncated
)

// String returns "running", "terminated" or "truncated".
func (e End) String() string {
	switch e {
	case Running:
		return "running"
	case Terminated:
		return "terminated"
	case Truncated:
		return "truncated"
	}
	return fmt.Sprintf("End(%d)", uint8(e))
}

// Env is one copy of an environment, playing one episode at a time. It is not safe for concurrent use; its methods
// other than Spec allocate nothing after the first episode.
type Env interface {
	Spec() Spec

	// Reset starts the episode of the level with this seed.
	Reset(seed int64)

	// Step takes an action in 0 .. Actions-1 (see MultiDiscrete and Continuous for actions of other kinds) and returns
	// the environment's own (true) reward and how the episode stands. After an end the state stays that of the last step
	// until Reset; stepping on is an error of the caller and panics.
	Step(action int) (reward float32, end End)

	// Observe writes the observation of the present state: the indices of the ones, each in 0 .. Sparse-1, then -1
	// up to the length of active (which is MaxActive); and the dense part (of length Dense).
	Observe(active []int32, dense []float32)
}

// Levels is a distribution over level seeds: uniform over Start .. Start+Count-1, or over 0 .. 2³¹-2 if Count is 0
// (procgen's convention for "all levels").
type Levels struct {
	Start int64
	Count int64
}

// Draw returns a level seed.
func (l Levels) Draw(r *rand.Rand) int64 {
	if l.Count <= 0 {
		return r.Int64N(1<<31 - 1)
	}
	return l.Start + r.Int64N(l.Count)
}

// Batch holds n observations of one environment.
type Batch struct {
	N         int
	MaxActive int
	Dense     int
	Active    []int32   // [N][MaxActive], -1 where unused
	Features  []float32 // [N][Dense]
}

// NewBatch returns room for n observations of environments with this spec.
func NewBatch(spec Spec, n int) Batch {
	return Batch{
		N: n, MaxActive: spec.MaxActive, Dense: spec.Dense,
		Active:   make([]int32, n*spec.MaxActive),
		Features: make([]float32, n*spec.Dense),
	}
}

// Row returns the two parts of observation i; they alias the batch.
func (b Batch) Row(i int) (active []int32, dense []float32) {
	return b.Active[i*b.MaxActive : (i+1)*b.MaxActive : (i+1)*b.MaxActive],
		b.Features[i*b.Dense : (i+1)*b.Dense : (i+1)*b.Dense]
}

// Slice returns observations lo .. hi-1; they alias the batch.
func (b Batch) Slice(lo, hi int) Batch {
	return Batch{
		N: hi - lo, MaxActive: b.MaxActive, Dense: b.Dense,
		Active:   b.Active[lo*b.MaxActive : hi*b.MaxActive],
		Features: b.Features[lo*b.Dense : hi*b.Dense],
	}
}

// CopyRow copies observation j of src to observation i of b.
func (b Batch) CopyRow(i int, src Batch, j int) {
	copy(b.Active[i*b.MaxActive:(i+1)*b.MaxActive], src.Active[j*src.MaxActive:(j+1)*src.MaxActive])
	copy(b.Features[i*b.Dense:(i+1)*b.Dense], src.Features[j*src.Dense:(j+1)*src.Dense])
}
