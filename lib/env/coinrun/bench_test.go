package coinrun

import (
	"math/rand/v2"
	"testing"

	"goalgap/lib/env"
)

// BenchmarkStep plays hard levels with the actions of an erratic runner, observes every step, and counts resets in.
func BenchmarkStep(b *testing.B) {
	e := mustNew(b, Config{})
	active, dense := make([]int32, e.Spec().MaxActive), make([]float32, DenseLen)
	src := sticky{r: rand.New(rand.NewPCG(7, 7))}
	var actions [1 << 14]uint8
	for i := range actions {
		actions[i] = uint8(src.next())
	}
	seed := int64(0)
	e.Reset(seed)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if _, end := e.Step(int(actions[i%len(actions)])); end != env.Running {
			seed++
			e.Reset(seed)
		}
		e.Observe(active, dense)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "steps/s")
	b.ReportMetric(float64(b.N)/float64(seed+1), "steps/episode")
}

// BenchmarkPixels is BenchmarkStep with pixels for observations: 64 × 64 × 3 bytes a frame.
func BenchmarkPixels(b *testing.B) {
	e := mustNew(b, Config{})
	picture := make([]byte, PixelsLen)
	src := sticky{r: rand.New(rand.NewPCG(7, 7))}
	var actions [1 << 14]uint8
	for i := range actions {
		actions[i] = uint8(src.next())
	}
	seed := int64(0)
	e.Reset(seed)
	e.Pixels(picture)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if _, end := e.Step(int(actions[i%len(actions)])); end != env.Running {
			seed++
			e.Reset(seed)
		}
		e.Pixels(picture)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "frames/s")
}

func BenchmarkCopyFrom(b *testing.B) {
	e, ahead := mustNew(b, Config{}), mustNew(b, Config{})
	e.Reset(1)
	for range b.N {
		ahead.CopyFrom(e)
	}
}

func BenchmarkReset(b *testing.B) {
	e := mustNew(b, Config{})
	for i := range b.N {
		e.Reset(int64(i))
	}
}
