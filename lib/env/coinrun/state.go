package coinrun

import (
	"fmt"

	"goalgap/lib/env"
)

// MaxSteps is the time limit of an episode.
const MaxSteps = 1000

// Env plays CoinRun; it implements env.Env.
type Env struct {
	cfg  Config
	spec env.Spec

	level   *Level // of the present episode
	own     *Level // memory for levels that this Env generates
	state          // of the present episode
	enemies [maxEnemies]enemy

	visible [16]uint8 // 1 where an observation shows the plane that is one less than the index
	allWall uint64    // wallMask, or a value that never occurs if PlaneWall is not shown
	tieGen  *mt19937  // scratch memory of tie
	picture []byte    // scratch memory of Pixels
}

// state is what changes from step to step, the enemies aside.
type state struct {
	x, y, vx, vy float32
	lastY        float32 // y after the step before
	t            int     // steps taken
	ax           int8    // horizontal direction of the last action
	down         bool    // the last action pressed down
	support      bool
	onCrate      bool
	facingRight  bool
	ended        env.End
	outcome      Outcome
	nEnemies     int
}

// enemy is the moving part of an enemy; past holds its earlier positions (past[t&7] is where step t+1 began), from
// which the trails behind it are drawn.
type enemy struct {
	x, vx float32
	past  [8]float32
}

var _ env.Env = (*Env)(nil)

// New returns an environment that plays cfg's game. Reset must be called before the first Step. It returns an error if
// cfg is not valid (see [Config.Validate]).
func New(cfg Config) (*Env, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	e := &Env{cfg: cfg, tieGen: new(mt19937)}
	e.spec = env.Spec{
		Name: cfg.String(), Actions: NumActions,
		Sparse: NumPlanes * WindowCells, MaxActive: maxActive, Dense: DenseLen,
		MaxSteps: MaxSteps,
	}
	for p := range NumPlanes {
		if cfg.Blind>>p&1 == 0 {
			e.visible[p+1] = 1
		}
	}
	e.allWall = wallMask
	if e.visible[PlaneWall+1] == 0 {
		e.allWall = ^uint64(0)
	}
	e.ended = env.Terminated
	return e, nil
}

// Spec describes observations and actions. Actions is 9: the actions of [ActionName]. (Step also takes procgen's
// 9 .. 14, which do nothing else than action 4.)
func (e *Env) Spec() env.Spec { return e.spec }

// Config returns the configuration that New was given.
func (e *Env) Config() Config { return e.cfg }

// Reset starts the episode of the level with this seed (taken mod 2³²).
func (e *Env) Reset(seed int64) {
	l := e.level
	if l == nil || l.Seed != seed || l.Mode != e.cfg.Mode || l.Variant != e.cfg.Variant ||
		l.RandomPercent != e.cfg.RandomPercent {
		l = e.own
		if l == nil || l.shared.Load() {
			l = new(Level)
			e.own = l
		}
		l.generate(e.cfg, seed)
	}
	e.begin(l)
}

// ResetLevel starts the episode of a level made by Generate, possibly under another configuration than e's; e's
// ContinueAfterCoin, StartAnywhere and Blind still apply. It saves the generation where the same levels are played again and again.
func (e *Env) ResetLevel(l *Level) { e.begin(l) }

func (e *Env) begin(l *Level) {
	e.level = l
	at := l.Start
	if e.cfg.StartAnywhere {
		at = l.anywhere()
	}
	x, y := float32(at.X)+rx, float32(at.Y)+ry
	e.state = state{
		x: x, y: y, lastY: y, facingRight: true,
		nEnemies: len(l.tracks),
		outcome:  Outcome{RandomGoal: l.RandomGoal, MaxX: x},
	}
	for i := range l.tracks {
		e.enemies[i].x, e.enemies[i].vx = l.tracks[i].x, l.tracks[i].vx
	}
}

// CopyFrom makes e play src's episode from src's present state: the same actions then lead to the same states. It is
// meant for looking ahead: it copies a few hundred bytes (the level is shared) and allocates nothing. e keeps its own
// configuration, so the two continue alike only if their ContinueAfterCoin agrees, and see alike only if their Blind
// does. An Env whose level was copied makes its next level in new memory, so a src that is copied allocates once per
// episode. Several goroutines may copy from one src while nobody steps it.
func (e *Env) CopyFrom(src *Env) {
	e.level = src.Level()
	e.state = src.state
	copy(e.enemies[:e.nEnemies], src.enemies[:e.nEnemies])
}

// Level returns the level of the present episode; nil before the first Reset. It stays valid and unchanged for good.
func (e *Env) Level() *Level {
	if e.level != nil && !e.level.shared.Load() {
		e.level.shared.Store(true)
	}
	return e.level
}

// Agent is the state of the agent, in cells and cells per step.
type Agent struct {
	X, Y   float32 // centre
	VX, VY float32
	// HasSupport: it stood on something when the last step began, and could have jumped in it.
	HasSupport bool
	// OnCrate: a crate carries it.
	OnCrate     bool
	FacingRight bool
}

// Agent returns the state of the agent.
func (e *Env) Agent() Agent {
	return Agent{
		X: e.x, Y: e.y, VX: e.vx, VY: e.vy,
		HasSupport: e.support, OnCrate: e.onCrate, FacingRight: e.facingRight,
	}
}

// Steps returns the number of steps taken in the present episode.
func (e *Env) Steps() int { return e.t }

// AppendEntities appends the entities (saws, enemies and crates) with their present positions to dst, in procgen's
// order, and returns the longer slice.
func (e *Env) AppendEntities(dst []Entity) []Entity {
	n := len(dst)
	dst = append(dst, e.level.Entities...)
	enemy := 0
	for i := n; i < len(dst); i++ {
		if dst[i].Kind == Enemy {
			dst[i].X, dst[i].VX = e.enemies[enemy].x, e.enemies[enemy].vx
			enemy++
		}
	}
	return dst
}

// LastTie returns the random number that procgen draws at the start of each step, for the last step; it decides
// which axis moves first when nothing else does, which is next to never. Before the first step it returns 0. It is
// found by drawing all numbers of the episode again.
func (e *Env) LastTie() int {
	if e.t == 0 {
		return 0
	}
	return e.tie()
}

// tie returns the random number of step e.t, from the level's generator, which is run anew: a generator is too large
// to be part of a state that is copied thousands of times, and its numbers hardly ever matter.
func (e *Env) tie() int {
	e.tieGen.seed(e.level.Seed)
	for range e.level.Draws + e.t - 1 {
		e.tieGen.uint32()
	}
	return e.tieGen.tie()
}

// NumActions is the number of different actions.
const NumActions = 9

// Action returns the action that moves in direction x (-1 left, 0, 1 right) and y (-1 down, 0, 1 up).
func Action(x, y int) int { return (x+1)*3 + y + 1 }

// ActionName returns the name of an action, such as "right up".
func ActionName(action int) string {
	names := [...]string{
		"left down", "left", "left up", "down", "stay", "up", "right down", "right", "right up",
	}
	if action < 0 || action >= len(names) {
		return fmt.Sprintf("action %d", action)
	}
	return names[action]
}
