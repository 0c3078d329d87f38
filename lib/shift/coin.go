package shift

import (
	"fmt"

	"goalgap/lib/env"
	"goalgap/lib/env/coinrun"
)

// Contacts is which things the agent's square overlaps in CoinRun, one feature a plane of the observation: 1 if it
// overlaps a cell that shows the plane, else 0. It implements reward.Features. Which of them matters, and whether as a
// good or an evil, it does not say; that touching is what matters, rather than where one is or how one moves, is a prior
// that the choice of these features states.
type Contacts struct{}

// Names returns the names of the planes.
func (Contacts) Names() []string {
	names := make([]string, coinrun.NumPlanes)
	for p := range names {
		names[p] = coinrun.Plane(p).String()
	}
	return names
}

// Features writes to dst [obs.N][coinrun.NumPlanes] which planes the agent touches.
func (Contacts) Features(dst []float32, obs env.Batch) {
	clear(dst[:obs.N*coinrun.NumPlanes])
	for i := range obs.N {
		active, dense := obs.Row(i)
		for _, index := range active {
			if index < 0 {
				break
			}
			if near[index%coinrun.WindowCells] {
				if p, dx, dy := coinrun.Locate(int(index)); overlaps(dense, dx, dy) {
					dst[i*coinrun.NumPlanes+int(p)] = 1
				}
			}
		}
	}
}

// Cells is what stands in the cells around the agent in CoinRun: one feature for each plane of the observation and each
// cell within Radius of the agent's own, 1 if the cell shows the plane. It implements reward.Features. It says nothing
// about touching; a reward that pays for the coin has to find out at which cells it is had.
type Cells struct{ Radius int }

// cells calls visit with the plane and the place of each of the features, in their order.
func (c Cells) cells(visit func(p coinrun.Plane, dx, dy int)) {
	for p := range coinrun.Plane(coinrun.NumPlanes) {
		for dy := c.Radius; dy >= -c.Radius; dy-- {
			for dx := -c.Radius; dx <= c.Radius; dx++ {
				visit(p, dx, dy)
			}
		}
	}
}

// Names returns names such as "coin at (+1, +0)".
func (c Cells) Names() []string {
	var names []string
	c.cells(func(p coinrun.Plane, dx, dy int) { names = append(names, fmt.Sprintf("%v at (%+d, %+d)", p, dx, dy)) })
	return names
}

// Features writes to dst [obs.N][NumPlanes·(2·Radius+1)²] which cells show what.
func (c Cells) Features(dst []float32, obs env.Batch) {
	side := 2*c.Radius + 1
	k := coinrun.NumPlanes * side * side
	clear(dst[:obs.N*k])
	for i := range obs.N {
		active, _ := obs.Row(i)
		for _, index := range active {
			if index < 0 {
				break
			}
			p, dx, dy := coinrun.Locate(int(index))
			if dx >= -c.Radius && dx <= c.Radius && dy >= -c.Radius && dy <= c.Radius {
				dst[i*k+(int(p)*side+c.Radius-dy)*side+c.Radius+dx] = 1
			}
		}
	}
}

// near marks the cells of the window that the agent's square can overlap.
var near = func() (near [coinrun.WindowCells]bool) {
	for i := range near {
		_, dx, dy := coinrun.Locate(i)
		near[i] = dx >= -1 && dx <= 1 && dy >= -1 && dy <= 1
	}
	return near
}()

// overlaps reports whether the agent's square overlaps a cell, given relative to its own.
func overlaps(dense []float32, dx, dy int) bool {
	// Half the agent's width and height, less the margin of the original's test.
	const halfWidth, halfHeight = 0.5 - 0.001, 0.5787 - 0.001
	x, y := dense[coinrun.DenseOffsetX], dense[coinrun.DenseOffsetY]
	return x+halfWidth >= float32(dx) && x-halfWidth < float32(dx+1) &&
		y+halfHeight >= float32(dy) && y-halfHeight < float32(dy+1)
}

// CoinReward is CoinRun's true reward, read off the next observation: 10 where the agent touches the coin. It is a
// reward.Func that can be asked about any transition, which an environment cannot. It needs a game whose observation
// shows the coin.
type CoinReward struct{}

// Rewards implements reward.Func.
func (CoinReward) Rewards(dst []float32, _ env.Batch, _ []int32, next env.Batch, _ []env.End) {
	CoinReward{}.State(dst, next)
}

// State writes to dst [next.N] the reward of arriving at each observation.
func (CoinReward) State(dst []float32, next env.Batch) {
	touched := make([]float32, next.N*coinrun.NumPlanes)
	Contacts{}.Features(touched, next)
	for i := range dst[:next.N] {
		dst[i] = 10 * touched[i*coinrun.NumPlanes+int(coinrun.PlaneCoin)]
	}
}
