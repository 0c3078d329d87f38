package reward

import (
	"context"
	"fmt"
	"math"

	"goalgap/lib/env"
	"goalgap/lib/human"
	"goalgap/lib/nn"
	"goalgap/lib/rng"
)

// futures predicts what people bring about from a state on: the discounted sums of the features over the rest of their
// episode (their successor features), learned from recorded play.
type futures struct {
	spec        env.Spec // of the recorded play
	net         *nn.Net
	k           int
	mean, scale []float64 // of each sum over the recorded play
}

// learnFutures fits the sums that followed each recorded step by least squares.
func learnFutures(ctx context.Context, d *human.Demonstrations, features Features, cfg Config) (*futures, error) {
	n, k := d.Len(), len(features.Names())
	f := &futures{spec: d.Spec, k: k, mean: make([]float64, k), scale: make([]float64, k)}
	sums := make([]float32, n*k) // what follows upon arriving at row i of Next, that arrival not included
	phi := make([]float32, k)
	for _, e := range d.Episodes {
		after := make([]float32, k)
		for i := e.Hi - 1; i >= e.Lo; i-- {
			copy(sums[i*k:], after)
			features.Features(phi, d.Next.Slice(i, i+1))
			for j := range after {
				after[j] = phi[j] + float32(cfg.Discount)*after[j]
			}
		}
	}
	for i, v := range sums {
		f.mean[i%k] += float64(v) / float64(n)
	}
	for i, v := range sums {
		f.scale[i%k] += (float64(v) - f.mean[i%k]) * (float64(v) - f.mean[i%k]) / float64(n)
	}
	for j := range f.scale {
		f.scale[j] = math.Sqrt(f.scale[j])
	}
	for i := range sums {
		if s := f.scale[i%k]; s > 0 {
			sums[i] = float32((float64(sums[i]) - f.mean[i%k]) / s)
		}
	}
	var err error
	if f.net, err = nn.New(nn.ShapeFor(d.Spec, cfg.Hidden, k), 0.1, rng.New(cfg.Seed, "reward futures", 0)); err != nil {
		return nil, fmt.Errorf("reward: making the network of people's futures: %w", err)
	}
	// Nothing follows an end, so those rows say nothing about a state.
	var rows []int32
	for i, e := range d.End {
		if e == env.Running {
			rows = append(rows, int32(i))
		}
	}
	adam := nn.NewAdam(f.net)
	shuffle := rng.New(cfg.Seed, "reward futures", 1)
	batches := max(len(rows)/cfg.Batch, 1)
	for epoch := range cfg.Epochs {
		shuffle.Shuffle(len(rows), func(a, b int) { rows[a], rows[b] = rows[b], rows[a] })
		for b := range batches {
			if err := ctx.Err(); err != nil {
				return nil, fmt.Errorf("reward: stopped in pass %d of %d over people's futures: %w", epoch+1, cfg.Epochs, err)
			}
			part := rows[len(rows)*b/batches : len(rows)*(b+1)/batches]
			weight := 1 / float32(len(part)*k)
			nn.Accumulate(nn.Job{Net: f.net, Batch: d.Next, Rows: part, Loss: func(lo, hi int, out, dOut []float32) {
				for r := lo; r < hi; r++ {
					want := sums[int(part[r])*k : int(part[r]+1)*k]
					for j := range k {
						dOut[(r-lo)*k+j] = weight * (out[(r-lo)*k+j] - want[j])
					}
				}
			}})
			left := 1 - (float64(epoch)+float64(b)/float64(batches))/float64(cfg.Epochs)
			if norm := adam.Step(cfg.LearningRate*left, 1); math.IsNaN(norm) || math.IsInf(norm, 0) {
				return nil, fmt.Errorf("reward: learning people's futures diverged in pass %d of %d; try a smaller LearningRate (it is %g)", epoch+1, cfg.Epochs, cfg.LearningRate)
			}
		}
	}
	return f, nil
}

// after returns [obs.N][k] the sums that people are predicted to bring about after having arrived at obs.
func (f *futures) after(obs env.Batch) []float32 {
	out := f.net.Forward(obs)
	for i := range out[:obs.N*f.k] {
		j := i % f.k
		out[i] = float32(float64(out[i])*f.scale[j] + f.mean[j])
	}
	return out
}
