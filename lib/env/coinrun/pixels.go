package coinrun

import (
	"fmt"

	"goalgap/lib/env"
)

// PixelEnv is CoinRun seen as pixels, for networks with convolutions: the game is Env's, the observation is the picture
// of Env.Pixels.
type PixelEnv struct {
	*Env
	spec  env.Spec
	bytes []byte // scratch memory of Observe
}

var _ env.Env = (*PixelEnv)(nil)

// NewPixels is [New] for the observation of pixels. It returns an error if cfg is not valid or has Blind, which is about
// the one-hot observation.
func NewPixels(cfg Config) (*PixelEnv, error) {
	if cfg.Blind != 0 {
		return nil, fmt.Errorf("coinrun: Config.Blind %#x hides planes of the one-hot observation; pixels have none", uint(cfg.Blind))
	}
	e, err := New(cfg)
	if err != nil {
		return nil, err
	}
	p := &PixelEnv{Env: e, spec: e.Spec(), bytes: make([]byte, PixelsLen)}
	p.spec.Name += "-pixels"
	p.spec.Sparse, p.spec.MaxActive, p.spec.Dense = 0, 0, PixelsLen
	p.spec.Image = env.Image{Height: MonochromeSize, Width: MonochromeSize, Channels: 3}
	return p, nil
}

// MakePixels is NewPixels in the form that env.NewVec and ppo.Train ask for.
func MakePixels(cfg Config) func() (env.Env, error) {
	return func() (env.Env, error) { return NewPixels(cfg) }
}

// Spec describes observations and actions: those of Env, and an image of 64 × 64 pixels with red, green and blue as the
// dense part.
func (p *PixelEnv) Spec() env.Spec { return p.spec }

// Observe writes the picture of Env.Pixels to dense [64·64·3], each number divided by 255.
func (p *PixelEnv) Observe(_ []int32, dense []float32) {
	p.Pixels(p.bytes)
	dense = dense[:PixelsLen]
	for i, x := range p.bytes {
		dense[i] = brightness[x]
	}
}

// brightness is what a byte of a picture becomes in an observation.
var brightness = func() (x [256]float32) {
	for i := range x {
		x[i] = float32(i) / 255
	}
	return x
}()
