package jaxgmg

import (
	"math"
	"math/bits"
	"slices"
)

// Key is the state of JAX's splittable random generator: threefry2x32 with 20 rounds (Salmon et al., "Parallel Random
// Numbers: As Easy as 1, 2, 3", SC 2011), used as JAX did until 2024 (jax_threefry_partitionable off). With it the
// levels of the published experiments come out to the bit.
type Key [2]uint32

// NewKey returns the key of the level with this seed. Seeds below 2³² give the keys that JAX makes of them; each other
// int64 is a key of its own, so that every level of an experiment has a seed (see [Key.Seed]).
func NewKey(seed int64) Key { return Key{uint32(uint64(seed) >> 32), uint32(seed)} }

// Seed is the inverse of NewKey.
func (k Key) Seed() int64 { return int64(uint64(k[0])<<32 | uint64(k[1])) }

// block is the threefry function: 20 rounds, with a part of the key added after every fourth.
func (k Key) block(x0, x1 uint32) (uint32, uint32) {
	ks := [3]uint32{k[0], k[1], k[0] ^ k[1] ^ 0x1bd11bda}
	x0 += ks[0]
	x1 += ks[1]
	for i := range uint32(5) {
		rotations := [4]int{13, 15, 26, 6}
		if i%2 == 1 {
			rotations = [4]int{17, 29, 16, 24}
		}
		for _, r := range rotations {
			x0 += x1
			x1 = bits.RotateLeft32(x1, r) ^ x0
		}
		x0 += ks[(i+1)%3]
		x1 += ks[(i+2)%3] + i + 1
	}
	return x0, x1
}

// Bits fills dst with random bits; how many are asked for changes all of them.
func (k Key) Bits(dst []uint32) {
	half := (len(dst) + 1) / 2
	for i := range half {
		second := half + i
		if second >= len(dst) {
			second = 0
		}
		x0, x1 := k.block(uint32(i), uint32(second))
		dst[i] = x0
		if half+i < len(dst) {
			dst[half+i] = x1
		}
	}
}

// Split returns two keys that have nothing to do with each other; k should not be used again.
func (k Key) Split() (Key, Key) {
	var b [4]uint32
	k.Bits(b[:])
	return Key{b[0], b[1]}, Key{b[2], b[3]}
}

// SplitN returns n keys. SplitN(2) is Split.
func (k Key) SplitN(n int) []Key {
	b := make([]uint32, 2*n)
	k.Bits(b)
	keys := make([]Key, n)
	for i := range keys {
		keys[i] = Key{b[2*i], b[2*i+1]}
	}
	return keys
}

// unit turns bits into a number in [0, 1).
func unit(b uint32) float32 { return math.Float32frombits(b>>9|0x3f800000) - 1 }

// Uniform returns a number in [0, 1).
func (k Key) Uniform() float32 {
	x, _ := k.block(0, 0)
	return unit(x)
}

// IntN returns a number in 0 .. n-1, as likely as each other to within 2⁻²³.
func (k Key) IntN(n int) int { return min(int(float64(k.Uniform())*float64(n)), n-1) }

// Choose returns the place of one of the true values in mask, each as likely, or -1 if there is none.
func (k Key) Choose(mask []bool) int {
	n := 0
	for _, m := range mask {
		if m {
			n++
		}
	}
	r := float32(n) * (1 - k.Uniform())
	n = 0
	for i, m := range mask {
		if m {
			if n++; float32(n) >= r {
				return i
			}
		}
	}
	return -1
}

// Shuffle returns the numbers 0 .. n-1 in random order: they are sorted by random numbers, as often as it takes for
// equal ones not to matter.
func (k Key) Shuffle(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	random := make([]uint32, n)
	sorted, next := make([]uint64, n), make([]int, n) // random numbers, with their places below them
	rounds := int(math.Ceil(3 * math.Log(float64(n)) / math.Log(math.MaxUint32)))
	for range rounds {
		var sub Key
		k, sub = k.Split()
		sub.Bits(random)
		for i, r := range random {
			sorted[i] = uint64(r)<<32 | uint64(i)
		}
		slices.Sort(sorted)
		for i, s := range sorted {
			next[i] = order[uint32(s)]
		}
		order, next = next, order
	}
	return order
}
