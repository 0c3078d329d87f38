package env

import "fmt"

// Image says that an observation shows a picture of Height × Width pixels, each of Channels numbers. Where the
// observation has a one-hot part, it is (or begins with) the picture: the one at index (row·Width+column)·Channels+channel
// is a pixel's channel that is 1, all others are 0. Where it has none, the dense part is (or begins with) the picture,
// its numbers in the same order. What follows the picture in an observation is no part of it. The zero value says that
// there is no picture.
type Image struct{ Height, Width, Channels int }

// Len returns how many numbers make the picture.
func (m Image) Len() int { return m.Height * m.Width * m.Channels }

// checkImage reports an Image that is none, or that an observation has no room for.
func (s Spec) checkImage() error {
	m := s.Image
	if m == (Image{}) {
		return nil
	}
	const most = 1 << 10 // of each, so that the product cannot overflow
	for _, n := range []int{m.Height, m.Width, m.Channels} {
		if n < 1 || n > most {
			return fmt.Errorf("env: %q has an image of %d × %d pixels with %d channels; each must be 1 .. %d",
				s.Name, m.Height, m.Width, m.Channels, most)
		}
	}
	part, size := "one-hot", s.Sparse
	if s.Sparse == 0 {
		part, size = "dense", s.Dense
	}
	if m.Len() > size {
		return fmt.Errorf("env: %q has an image of %d × %d pixels with %d channels, but its %s part has only %d numbers",
			s.Name, m.Height, m.Width, m.Channels, part, size)
	}
	return nil
}
