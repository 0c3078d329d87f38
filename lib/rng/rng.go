// Package rng splits one seed into independent random streams.
//
// Everything random in goalgap comes from one seed that the user chose, and each purpose draws from a stream of its
// own: the actions of environment 3, the shuffling of minibatches, the initial weights. So adding a draw in one place
// does not move the numbers of another, and results do not depend on the order in which goroutines run.
package rng

import (
	"hash/fnv"
	"math/rand/v2"
)

// New returns the stream number index of the given purpose under seed. Equal arguments give equal streams; different
// ones give streams that are independent for all practical purposes.
func New(seed uint64, purpose string, index int) *rand.Rand {
	return rand.New(NewSource(seed, purpose, index))
}

// NewSource is New without the wrapper. The PCG's state can be saved and restored with its MarshalBinary and
// UnmarshalBinary, which is what checkpoints do.
func NewSource(seed uint64, purpose string, index int) *rand.PCG {
	h := fnv.New64a()
	h.Write([]byte(purpose))
	a := mix(seed ^ mix(h.Sum64()))
	b := mix(a ^ mix(uint64(index)+0x9e3779b97f4a7c15))
	return rand.NewPCG(a, b)
}

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood 2014): a bijection that spreads every input bit.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
