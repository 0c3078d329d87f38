package coinrun

// mt19937 is the 32-bit Mersenne Twister (Matsumoto and Nishimura 1998) that procgen draws everything from. The state
// is initialised and twisted only as far as outputs are asked for, because a level needs some seventy of the 624.
type mt19937 struct {
	x      [624]uint32
	seeded int // x[:seeded] is initialised
	next   int // index of the next word to twist and give out
	draws  int // outputs given since seed
}

// seed starts the sequence of seed s mod 2³².
func (g *mt19937) seed(s int64) {
	g.x[0] = uint32(s)
	g.seeded, g.next, g.draws = 1, 0, 0
}

// uint32 returns the next output.
func (g *mt19937) uint32() uint32 {
	k := g.next
	if need := min(k+397, 623); g.seeded <= need {
		prev := g.x[g.seeded-1]
		for i := g.seeded; i <= need; i++ {
			prev = 1812433253*(prev^prev>>30) + uint32(i)
			g.x[i] = prev
		}
		g.seeded = need + 1
	}
	k1, km := k+1, k+397
	if k1 == 624 {
		k1 = 0
	}
	if km >= 624 {
		km -= 624
	}
	y := g.x[k]&0x80000000 | g.x[k1]&0x7fffffff
	v := g.x[km] ^ y>>1 ^ -(y&1)&0x9908b0df
	g.x[k] = v
	g.next = k1
	g.draws++

	v ^= v >> 11
	v ^= v << 7 & 0x9d2c5680
	v ^= v << 15 & 0xefc60000
	return v ^ v>>18
}

// randn returns a number in 0 .. n-1, with procgen's slight bias.
func (g *mt19937) randn(n int) int { return int(g.uint32() % uint32(n)) }

// rand01 returns a number in [0, 1], both ends included.
func (g *mt19937) rand01() float32 { return float32(float64(g.uint32()) / 4294967296) }

// tie returns the number that procgen draws at the start of each step.
func (g *mt19937) tie() int { return g.randn(1000000) }
