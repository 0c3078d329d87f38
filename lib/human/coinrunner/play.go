package coinrunner

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"

	"goalgap/lib/env"
	"goalgap/lib/env/coinrun"
	"goalgap/lib/human"
	"goalgap/lib/rng"
)

// Outcomes lets a person play levels and returns how each episode went, for measuring how competent people are. The
// result depends on the arguments only, not on the number of cores. An error says what is wrong with a configuration,
// or wraps ctx.Err().
func Outcomes(ctx context.Context, game coinrun.Config, cfg Config, who human.Person, levels []int64, seed uint64) ([]coinrun.Outcome, error) {
	if err := who.Check(); err != nil {
		return nil, err
	}
	if _, err := New(game, cfg); err != nil {
		return nil, err
	}
	out := make([]coinrun.Outcome, len(levels))
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(levels)) {
		group.Add(1)
		go func() {
			defer group.Done()
			p, _ := New(game, cfg)
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(levels) {
					return
				}
				out[i] = p.play(who, levels[i], rng.New(seed, "human choices", i))
			}
		}()
	}
	group.Wait()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("coinrunner: playing %d levels: %w", len(levels), err)
	}
	return out, nil
}

// play plays one episode.
func (p *Player) play(who human.Person, level int64, r *rand.Rand) coinrun.Outcome {
	var probability [coinrun.NumActions]float64
	p.Reset(level)
	previous := int32(-1)
	for end := env.Running; end == env.Running; {
		p.ActionValues(probability[:])
		who.Probabilities(probability[:], probability[:], previous)
		previous = int32(human.Draw(probability[:], r.Float64()))
		_, end = p.Env.Step(int(previous))
	}
	return p.Env.Outcome()
}
