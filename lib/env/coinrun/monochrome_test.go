package coinrun

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"goalgap/lib/env"
)

// cellsOneByOne draws the level's cells as the original does: one rectangle after the other, pixel by pixel.
func cellsOneByOne(e *Env, dst []byte) {
	raw := float32(64) / 13
	view := float32(64.0 / float64(raw))
	xo, yo := raw*(e.x-view/2), raw*(e.y-view/2)
	numbers := map[Cell]byte{WallInner: colour(15, e.level.WallTheme), WallTop: colour(16, e.level.WallTheme), FakeWall: colour(15, 0),
		LavaInner: colour(17, 0), LavaTop: colour(18, 0), Coin: colour(1, 0)}
	side := float64(float32(1+2*float32(0.02)) * raw)
	for x := int(e.x - 7.5); x <= int(e.x+7.5); x++ {
		for y := int(e.y - 7.5); y <= int(e.y+7.5); y++ {
			n, drawn := numbers[e.level.At(x, y)]
			if !drawn {
				continue
			}
			left := float64(float32((float32(x)-0.02)*raw) - xo)
			top := float64(float32((view-float32(y+1)-0.02)*raw) + yo)
			for row := range MonochromeSize {
				for col := range MonochromeSize {
					if float64(col) >= math.Floor(left+0.5) && float64(col) < math.Floor(left+side+0.5) &&
						float64(row) >= math.Floor(top+0.5) && float64(row) < math.Floor(top+side+0.5) {
						dst[row*MonochromeSize+col] = n
					}
				}
			}
		}
	}
}

// eachState plays levels of every kind and calls f now and then.
func eachState(t *testing.T, f func(e *Env, seed int64, step int)) {
	for _, cfg := range []Config{{}, {Variant: AlwaysRandomCoin}, {Variant: ModWall}} {
		e := mustNew(t, cfg)
		src := sticky{r: rand.New(rand.NewPCG(3, 3))}
		for seed := range int64(12) {
			e.Reset(seed)
			for step := range 200 {
				if step%11 == 0 {
					f(e, seed, step)
				}
				if _, end := e.Step(src.next()); end != env.Running {
					f(e, seed, step+1)
					break
				}
			}
		}
	}
}

func TestCellsDrawnEightPixelsAtOnceAreThoseDrawnOneByOne(t *testing.T) {
	got, want := make([]byte, MonochromeSize*MonochromeSize), make([]byte, MonochromeSize*MonochromeSize)
	eachState(t, func(e *Env, seed int64, step int) {
		for i := range got {
			got[i], want[i] = Black, Black
		}
		e.cells(got, newCamera(e.x, e.y))
		cellsOneByOne(e, want)
		if !bytes.Equal(got, want) {
			t.Errorf("level %d, step %d: the cells differ", seed, step)
		}
	})
}

func TestPixelsAreTheColoursOfMonochrome(t *testing.T) {
	numbers, pixels := make([]byte, MonochromeSize*MonochromeSize), make([]byte, PixelsLen)
	eachState(t, func(e *Env, seed int64, step int) {
		for i := range pixels {
			pixels[i] = 77 // what stood there before does not shine through
		}
		e.Monochrome(numbers)
		e.Pixels(pixels)
		for i, n := range numbers {
			r, g, b := MonochromeRGB(n)
			if [3]byte(pixels[3*i:]) != [3]byte{r, g, b} {
				t.Fatalf("level %d, step %d: pixel %d is %v, not the colour of %d", seed, step, i, pixels[3*i:3*i+3], n)
			}
		}
	})
}

func TestPixelsAllocateNothing(t *testing.T) {
	e := mustNew(t, Config{})
	pixels := make([]byte, PixelsLen)
	e.Reset(1)
	e.Pixels(pixels)
	if n := testing.AllocsPerRun(100, func() { e.Step(5); e.Pixels(pixels) }); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}
