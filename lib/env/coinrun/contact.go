package coinrun

// moveEnemies moves the enemies, in the original's order, before the agent moves. An enemy walks in its row from lo to
// hi in four sub-steps a step and is reflected there; its own corners never leave the row, and in its row it meets
// walls nowhere else, so the original's test of four corners comes down to two comparisons.
func (e *Env) moveEnemies() {
	tracks := e.level.tracks
	now := (e.t - 1) & 7
	falling := e.vy < 0 && !e.down
	for i := e.nEnemies - 1; i >= 0; i-- {
		m, t := &e.enemies[i], &tracks[i]
		m.past[now] = m.x

		// In the original an enemy that overlaps a crate lands on it when the agent does the falling. That moves
		// the enemy nowhere, as it stands level with the crate, but tells the agent that a crate carries it.
		mayHit := falling && t.crates < t.cratesEnd && e.lastY >= (t.y+rk)+ry
		if !mayHit {
			dx := float32(m.vx * 0.25)
			x := m.x + dx
			x += dx
			x += dx
			x += dx
			if x-rkCorner >= t.lo && x+rkCorner < t.hi {
				m.x = x
				continue
			}
		}
		e.walkEnemy(m, t, mayHit)
	}
}

// walkEnemy is the general case: one that may turn or hit a crate.
func (e *Env) walkEnemy(m *enemy, t *track, mayHit bool) {
	free := 0
	for range 4 {
		dx := float32(m.vx * 0.25)
		x := m.x + dx
		blockedX := false
		if dx != 0 {
			atLo, atHi := x-rkCorner < t.lo, x+rkCorner >= t.hi
			blockedX = atLo && t.blockLo || atHi && t.blockHi
			if atLo || atHi {
				var back float32
				if dx < 0 {
					edge := x - rk
					back = ceil(edge) - edge
				} else {
					edge := x + rk
					back = floor(edge) - edge
				}
				m.vx = -m.vx
				x += float32(2 * back)
			}
		} else if mayHit && e.enemyOnCrate(m, t) {
			blockedX = true
		}
		m.x = x
		blockedY := mayHit && e.enemyOnCrate(m, t)
		if blockedY {
			e.onCrate = true
		}
		if !blockedX {
			free++
		}
		if blockedX && blockedY {
			break
		}
	}
	m.vx *= float32(free) / 4
}

func (e *Env) enemyOnCrate(m *enemy, t *track) bool {
	for _, k := range e.level.crates[t.crates:t.cratesEnd] {
		if k.y == t.y && abs(m.x-k.x) < enemyReach {
			return true
		}
	}
	return false
}

// touchEntities records the saws and enemies that the agent touches, and reports whether there are any.
func (e *Env) touchEntities() bool {
	var causes Causes
	for i := range e.nEnemies {
		if abs(e.enemies[i].x-e.x) < touchX && abs(e.level.tracks[i].y-e.y) < touchY {
			causes |= ByEnemy
		}
	}
	if e.level.sawColumns>>(uint(int(e.x)-1)&63)&7 != 0 {
		for _, s := range e.level.saws {
			if abs(s.x-e.x) < touchX && abs(s.y-e.y) < touchY {
				causes |= BySaw
			}
		}
	}
	e.outcome.Causes = causes
	return causes != 0
}

// touchCells records the coin, the marker and the lava that the agent touches; done says whether it has touched
// something deadly already. With ContinueAfterCoin the coin takes that back, as in the original, and so the order of
// the cells matters.
func (e *Env) touchCells(done bool) (reward float32, ends bool) {
	grid := &e.level.grid
	i0, i1 := int(e.x-rxInner), int(e.x+rxInner)
	j0, j1 := int(e.y-ryInner), int(e.y+ryInner)
	for i := i0; i <= i1; i++ {
		for j := j0; j <= j1; j++ {
			switch Cell(grid[cellIndex(i, j)] & 15) {
			case Coin:
				reward += 10
				done = !e.cfg.ContinueAfterCoin
				e.outcome.Causes |= ByCoin
				touchFirst(&e.outcome.CoinStep, e.t)
				if !e.outcome.RandomGoal {
					touchFirst(&e.outcome.EndStep, e.t)
				}
			case Marker:
				touchFirst(&e.outcome.MarkerStep, e.t)
				if e.outcome.RandomGoal {
					touchFirst(&e.outcome.EndStep, e.t)
				}
			case LavaInner, LavaTop:
				done = true
				e.outcome.Causes |= ByLava
			}
		}
	}
	return reward, done
}

func touchFirst(step *int, t int) {
	if *step == 0 {
		*step = t
	}
}
