package coinrun

import (
	"math"
	"math/rand/v2"
	"testing"

	"goalgap/lib/env"
)

// refGame is the step of the game written a second time, for tests: as the rules state it, every entity by the same
// general procedure, with none of the shortcuts of Env (columns of crates, tracks of enemies, thresholds for the
// number of sub-steps, lazy random numbers).
type refGame struct {
	l       *Level
	cfg     Config
	g       mt19937
	o       []refEntity // o[0] is the agent
	t, tie  int
	ax, ay  int
	lastY   float32
	onCrate bool
	support bool
	right   bool
	marker  bool
	done    bool
	reward  float32
	player  *refEntity
}

type refEntity struct {
	kind                 Kind // 0: the agent
	x, y, vx, vy, rx, ry float32
}

func newRefGame(cfg Config, l *Level) *refGame {
	r := &refGame{l: l, cfg: cfg, right: true}
	r.g.seed(l.Seed)
	for range l.Draws {
		r.g.uint32()
	}
	y := float32(0.5787)
	r.o = append(r.o, refEntity{x: 1.5, y: 1 + y, rx: 0.5, ry: y})
	for _, s := range l.Entities {
		r.o = append(r.o, refEntity{kind: s.Kind, x: s.X, y: s.Y, vx: s.VX, rx: 0.5, ry: 0.5})
	}
	r.player = &r.o[0]
	r.lastY = r.player.y
	return r
}

func (r *refGame) obj(x, y float32) Cell {
	if x < 0 || y < 0 {
		return WallInner
	}
	return r.l.At(int(math.Floor(float64(x))), int(math.Floor(float64(y))))
}

func refAbs(v float32) float32 { return float32(math.Abs(float64(v))) }

func refFloor(v float32) float32 { return float32(math.Floor(float64(v))) }

func refCeil(v float32) float32 { return float32(math.Ceil(float64(v))) }

func refOverlap(a, b *refEntity, margin float32) bool {
	return refAbs(a.x-b.x) < (a.rx+b.rx)+margin && refAbs(a.y-b.y) < (a.ry+b.ry)+margin
}

func (r *refGame) step(a int) {
	r.t++
	r.tie = r.g.randn(1000000)
	if a >= 9 {
		a = 4
	}
	r.ax, r.ay = a/3-1, a%3-1
	if r.ax != 0 {
		r.right = r.ax > 0
	}
	p := r.player
	hundredth, fifth := 0.01, 0.2
	below := float32(float64(p.y) - (float64(p.ry) + hundredth))
	b1 := r.obj(float32(float64(p.x)-(float64(p.rx)-hundredth)), below)
	b2 := r.obj(float32(float64(p.x)+(float64(p.rx)-hundredth)), below)
	r.support = (r.onCrate || b1.Solid() || b2.Solid()) && p.vy == 0
	r.onCrate = false
	if r.ay == 1 && !r.support {
		r.ay = 0
	}

	m := mixRate
	if !r.support {
		m = float32(mixRate * airControl)
	}
	p.vx = float32((1-m)*p.vx) + float32(float32(m*maxSpeed)*float32(r.ax))
	if refAbs(p.vx) < float32(m*maxSpeed) {
		p.vx = 0
	}
	if r.ay > 0 {
		p.vy = maxJump
	} else if r.support {
		p.vy = float32(float64(p.vy) + float64(fifth*float64(r.ay)))
	}
	if !(r.support && r.ay > 0) {
		p.vy = min(max(p.vy-gravity, -maxJump), maxJump)
	}

	for i := len(r.o) - 1; i >= 0; i-- {
		if r.o[i].kind == 0 || r.o[i].kind == Enemy {
			r.walk(&r.o[i])
		}
	}
	r.done, r.reward = false, 0
	for i := len(r.o) - 1; i >= 0; i-- {
		o := &r.o[i]
		if (o.kind == Enemy || o.kind == Saw) && refOverlap(o, p, 0) {
			r.done = true
		}
		if o.kind != 0 {
			continue
		}
		small := float32(0.001)
		for i := int(p.x - (p.rx - small)); i <= int(p.x+(p.rx-small)); i++ {
			for j := int(p.y - (p.ry - small)); j <= int(p.y+(p.ry-small)); j++ {
				switch r.l.At(i, j) {
				case Coin:
					r.reward += 10
					r.done = !r.cfg.ContinueAfterCoin
				case LavaInner, LavaTop:
					r.done = true
				case Marker:
					r.marker = true
				}
			}
		}
	}
	if p.x+p.rx < 0 || p.y+p.ry < 0 || p.x-p.rx > Size || p.y-p.ry > Size {
		r.done = true
	}
	r.lastY = p.y
}

func (r *refGame) walk(o *refEntity) {
	n := max(4, int(4*math.Sqrt(float64(float32(o.vx*o.vx)+float32(o.vy*o.vy)))))
	pct := float32(1.0 / float64(n))
	d := refAbs(o.vx) - refAbs(o.vy)
	xFirst := d > 0
	if d == 0 {
		xFirst = r.tie%2 == 0
	}
	if o == r.player {
		if r.ax != 0 {
			xFirst = true
		}
		if r.ay != 0 {
			xFirst = false
		}
	}
	cx, cy := 0, 0
	for range n {
		var bx, by bool
		if xFirst {
			bx = r.sub(o, float32(o.vx*pct), 0, 0)
			by = r.sub(o, 0, float32(o.vy*pct), 0)
		} else {
			by = r.sub(o, 0, float32(o.vy*pct), 0)
			bx = r.sub(o, float32(o.vx*pct), 0, 0)
		}
		if !bx {
			cx++
		}
		if !by {
			cy++
		}
		if bx && by {
			break
		}
	}
	o.vx *= float32(cx) / float32(n)
	o.vy *= float32(cy) / float32(n)
}

func (r *refGame) sub(o *refEntity, dx, dy float32, depth int) bool {
	nx, ny := o.x+dx, o.y+dy
	horizontal := dx != 0
	block, turn := false, false
	for _, sx := range []float32{-1, 1} {
		for _, sy := range []float32{-1, 1} {
			wide, high := float32(o.rx*0.98), float32(o.ry*0.98)
			c := r.obj(nx+float32(wide*sx), ny+float32(high*sy))
			if o == r.player {
				block = block || c.Solid()
			} else {
				block = block || c == WallInner
				turn = turn || c.Solid() || c == Barrier
			}
		}
	}
	switch {
	case turn && horizontal:
		delta := refFloor(nx+o.rx) - (nx + o.rx)
		if dx < 0 {
			delta = refCeil(nx-o.rx) - (nx - o.rx)
		}
		o.vx = -o.vx
		nx += float32(2 * delta)
	case turn:
		delta := refFloor(ny+o.ry) - (ny + o.ry)
		if dy < 0 {
			delta = refCeil(ny-o.ry) - (ny - o.ry)
		}
		o.vy = -o.vy
		ny += float32(2 * delta)
	case block && horizontal && dx > 0:
		nx = refFloor(nx+o.rx) - o.rx
	case block && horizontal:
		nx = refCeil(nx-o.rx) + o.rx
	case block && dy > 0:
		ny = refFloor(ny+o.ry) - o.ry
	case block:
		ny = refCeil(ny-o.ry) + o.ry
	}
	o.x, o.y = nx, ny
	hit := false
	p := r.player
	for i := len(r.o) - 1; i >= 0; i-- {
		k := &r.o[i]
		if k.kind != Crate {
			continue
		}
		if refOverlap(o, k, -0.001) && !horizontal && p.vy < 0 && r.ay >= 0 && r.lastY >= (k.y+k.ry)+p.ry {
			r.onCrate, hit = true, true
			sign := 0.0
			if e := o.y - k.y; e > 0 {
				sign = 1
			} else if e < 0 {
				sign = -1
			}
			push := float32(float64(k.y) + float64(sign*float64(k.ry+o.ry)) - float64(o.y))
			if depth < 5 {
				r.sub(o, 0, push, depth+1)
			}
			o.vy = 0
		}
	}
	return block || hit
}

// sticky draws actions that mostly go right and jump, and keeps each for some steps, so that episodes get far.
type sticky struct {
	r      *rand.Rand
	action int
}

func (s *sticky) next() int {
	if s.r.IntN(5) == 0 {
		s.action = [...]int{0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 8, 8, 8, 8, 8, 2, 13}[s.r.IntN(17)]
	}
	return s.action
}

func TestStepFollowsTheRulesAsWritten(t *testing.T) {
	episodes := 1500
	if testing.Short() {
		episodes = 150
	}
	for _, cfg := range []Config{
		{}, {Mode: Easy}, {Variant: RandomCoin, RandomPercent: 50}, {Variant: AlwaysRandomCoin},
		{Variant: ModWall, RandomPercent: 70}, {Variant: RandomCoin, RandomPercent: 50, ContinueAfterCoin: true},
	} {
		e, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		rnd := rand.New(rand.NewPCG(1, uint64(cfg.Variant)))
		actions := sticky{r: rnd}
		onCrate, ends := 0, 0
		for range episodes {
			e.Reset(rnd.Int64N(1 << 31))
			ref := newRefGame(cfg, e.Level())
			for end := env.Running; end == env.Running; {
				action := actions.next()
				var reward float32
				reward, end = e.Step(action)
				ref.step(action)
				if !sameAsRef(e, ref) || reward != ref.reward || (end == env.Terminated) != ref.done {
					t.Fatalf("%v, seed %d, step %d, action %d: %s, rules give %+v", cfg, e.level.Seed, e.t, action, goldenState(e), ref.o[0])
				}
				if e.onCrate {
					onCrate++
				}
			}
			if e.LastTie() != ref.tie {
				t.Fatalf("%v, seed %d: last draw %d, rules give %d", cfg, e.level.Seed, e.LastTie(), ref.tie)
			}
			if e.Outcome().First() == CoinFirst {
				ends++
			}
		}
		if onCrate == 0 || ends == 0 {
			t.Errorf("%v: too easy a test: %d steps on crates, %d coins", cfg, onCrate, ends)
		}
	}
}

// sameAsRef compares in every bit.
func sameAsRef(e *Env, r *refGame) bool {
	bits := math.Float32bits
	same := func(a, b float32) bool { return bits(a) == bits(b) }
	p := r.player
	if !same(e.x, p.x) || !same(e.y, p.y) || !same(e.vx, p.vx) || !same(e.vy, p.vy) || e.support != r.support ||
		e.onCrate != r.onCrate || e.facingRight != r.right || (e.outcome.MarkerStep != 0) != r.marker {
		return false
	}
	i := 0
	for _, o := range r.o {
		if o.kind == Enemy {
			if !same(e.enemies[i].x, o.x) || !same(e.enemies[i].vx, o.vx) || !same(e.level.tracks[i].y, o.y) {
				return false
			}
			i++
		}
	}
	return true
}
