package coinrun

import (
	"fmt"

	"goalgap/lib/env"
)

// Constants of the game, in cells and steps. They are variables so that sums and products of them are rounded to
// float32 (or float64 where the original says double) one by one, which constant expressions are not.
var (
	gravity    float32 = 0.2
	maxJump    float32 = 1.5
	maxSpeed   float32 = 0.5
	mixRate    float32 = 0.2
	airControl float32 = 0.15

	rx float32 = 0.5    // half the agent's width
	ry float32 = 0.5787 // half its height
	rk float32 = 0.5    // half the side of every other entity

	corner      float32 = 0.98 // of the half sides: where walls are felt
	crateMargin float32 = -0.001
	tiny        float32 = 0.001
)

var (
	mixAir      = mixRate * airControl
	rxCorner    = rx * corner
	ryCorner    = ry * corner
	rkCorner    = rk * corner
	rxInner     = rx - tiny
	ryInner     = ry - tiny
	crateReachX = (rx + rk) + crateMargin
	crateReachY = (ry + rk) + crateMargin
	enemyReach  = (rk + rk) + crateMargin
	touchX      = rk + rx
	touchY      = rk + ry

	footX = float64(rx) - 0.01
	footY = float64(ry) + 0.01

	// subStep[n] is the share of a move that one of n sub-steps makes.
	subStep = [8]float32{4: 1.0 / 4, 5: float32(1.0 / float64(5)), 6: float32(1.0 / float64(6)), 7: float32(1.0 / float64(7))}
)

func abs(v float32) float32 {
	if v < 0 {
		return -v
	}
	return v
}

// floor and ceil are exact for the small numbers of this game.
func floor(v float32) float32 {
	i := float32(int32(v))
	if i > v {
		i--
	}
	return i
}

func ceil(v float32) float32 {
	i := float32(int32(v))
	if i < v {
		i++
	}
	return i
}

// row returns the index of the first stored cell of the row that holds y. Below the world there is wall, of which the
// row under the world is enough. (The agent cannot get above the world: it starts no jump above y = 25.)
func row(y float32) int {
	if y < 0 {
		return (pad-1)*stride + pad
	}
	return (int(y)+pad)*stride + pad
}

// column is to x what row is to y.
func column(x float32) int {
	if x < 0 {
		return -1
	}
	return int(x)
}

// solid reports whether a byte of the grid is a wall.
func solid(b uint8) bool { return uint8(b&15-uint8(WallInner)) <= uint8(WallTop-WallInner) }

// Step takes procgen's action 0 .. 14 (see [ActionName]; 9 .. 14 do what 4 does) and returns 10 for each cell of coin
// touched, which is one at most, and else 0. The episode is Terminated by the coin, a saw, an enemy or lava, and
// Truncated by the time limit of 1000 steps. Step panics after the end, before the first Reset, and for other actions.
func (e *Env) Step(action int) (reward float32, end env.End) {
	if e.ended != env.Running {
		panic("coinrun: Step after the end of the episode, or before Reset")
	}
	if uint(action) > 14 {
		panic(fmt.Sprintf("coinrun: Step with action %d, not in 0 .. 14", action))
	}
	if action >= NumActions {
		action = 4
	}
	ax, ay := action/3-1, action%3-1
	e.t++
	e.ax = int8(ax)
	e.down = ay < 0
	if ax != 0 {
		e.facingRight = ax > 0
	}

	grid := &e.level.grid
	foot := row(float32(float64(e.y) - footY))
	e.support = (e.onCrate || solid(grid[foot+column(float32(float64(e.x)-footX))]) ||
		solid(grid[foot+column(float32(float64(e.x)+footX))])) && e.vy == 0
	e.onCrate = false
	if ay == 1 && !e.support {
		ay = 0
	}
	e.accelerate(ax, ay)

	if e.nEnemies > 0 {
		e.moveEnemies()
	}
	e.walk(ax, ay)

	done := e.touchEntities()
	reward, done = e.touchCells(done)
	e.lastY = e.y
	if e.x > e.outcome.MaxX {
		e.outcome.MaxX = e.x
	}
	e.outcome.Return += reward
	switch {
	case done:
		e.ended = env.Terminated
	case e.t >= MaxSteps:
		e.ended = env.Truncated
	}
	return reward, e.ended
}

// accelerate changes the agent's velocity by the action and by gravity.
func (e *Env) accelerate(ax, ay int) {
	m := mixAir
	if e.support {
		m = mixRate
	}
	pull := float32(m * maxSpeed)
	vx := float32((1-m)*e.vx) + float32(pull*float32(ax))
	if abs(vx) < pull {
		vx = 0
	}
	e.vx = vx
	if ay > 0 { // which implies support
		e.vy = maxJump
		return
	}
	vy := e.vy
	if e.support {
		vy = float32(float64(vy) + float64(0.2*float64(ay)))
	}
	vy -= gravity
	if vy < -maxJump { // the other bound of the original's clamp is out of reach
		vy = -maxJump
	}
	e.vy = vy
}

// walk moves the agent by its velocity, in sub-steps of each axis in turn, so that walls stop it.
func (e *Env) walk(ax, ay int) {
	// The number of sub-steps is int(4·speed), at least 4; these are the squares at which it grows. The speed is at
	// most √(0.5² + 1.5²) < 1.75, so 7 is never reached.
	n := 4
	if speed2 := float32(e.vx*e.vx) + float32(e.vy*e.vy); speed2 >= 1.5*1.5 {
		n = 6
	} else if speed2 >= 1.25*1.25 {
		n = 5
	}
	pct := subStep[n]

	var xFirst bool
	switch {
	case ay != 0:
		xFirst = false
	case ax != 0:
		xFirst = true
	default:
		d := abs(e.vx) - abs(e.vy)
		xFirst = d > 0 || d == 0 && e.tie()%2 == 0
	}

	freeX, freeY := 0, 0
	for range n {
		var blockedX, blockedY bool
		if xFirst {
			blockedX = e.move(float32(e.vx*pct), 0, 0)
			blockedY = e.move(0, float32(e.vy*pct), 0)
		} else {
			blockedY = e.move(0, float32(e.vy*pct), 0)
			blockedX = e.move(float32(e.vx*pct), 0, 0)
		}
		if !blockedX {
			freeX++
		}
		if !blockedY {
			freeY++
		}
		if blockedX && blockedY {
			break
		}
	}
	e.vx *= float32(freeX) / float32(n)
	e.vy *= float32(freeY) / float32(n)
}

// move moves the agent by (dx, dy), one of which is 0, as far as walls and crates let it, and reports whether they
// did not. A move by (0, 0) counts as vertical, as in the original. A crate carries the agent if it falls, was above
// the crate after the last step, and does not press down; being put on top of it is a move of its own (depth 1 and
// more).
func (e *Env) move(dx, dy float32, depth int) bool {
	grid := &e.level.grid
	nx, ny := e.x+dx, e.y+dy
	left, right := column(nx-rxCorner), column(nx+rxCorner)
	low, high := row(ny-ryCorner), row(ny+ryCorner)
	blocked := solid(grid[low+left]) || solid(grid[low+right]) || solid(grid[high+left]) || solid(grid[high+right])
	if dx != 0 {
		if blocked {
			if dx > 0 {
				nx = floor(nx+rx) - rx
			} else {
				nx = ceil(nx-rx) + rx
			}
		}
		e.x, e.y = nx, ny
		return blocked
	}
	if blocked {
		if dy > 0 {
			ny = floor(ny+ry) - ry
		} else {
			ny = ceil(ny-ry) + ry
		}
	}
	e.x, e.y = nx, ny
	if e.vy < 0 && e.crateBelow() && e.land(depth) {
		return true
	}
	return blocked
}

// crateBelow reports whether a crate is in one of the columns that the agent may overlap.
func (e *Env) crateBelow() bool {
	return e.level.crateColumns>>(uint(int(e.x)-1)&63)&7 != 0
}

// land puts the falling agent on the crates that carry it and reports whether there were any.
func (e *Env) land(depth int) bool {
	if e.down {
		return false
	}
	hit := false
	for i := len(e.level.crates) - 1; i >= 0; i-- {
		k := e.level.crates[i]
		if abs(e.x-k.x) < crateReachX && abs(e.y-k.y) < crateReachY && e.vy < 0 && e.lastY >= (k.y+rk)+ry {
			e.onCrate, hit = true, true
			r := float64(rk + ry)
			switch {
			case e.y < k.y:
				r = -r
			case e.y == k.y:
				r = 0
			}
			push := float32(float64(k.y) + r - float64(e.y))
			if depth < 5 {
				e.move(0, push, depth+1)
			}
			e.vy = 0
		}
	}
	return hit
}
