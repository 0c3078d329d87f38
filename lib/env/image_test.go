package env

import (
	"strings"
	"testing"
)

func TestWrongImagesAreNamed(t *testing.T) {
	base := Spec{Name: "x", Actions: 2, Sparse: 24, MaxActive: 3, Dense: 100, MaxSteps: 1}
	for _, c := range []struct {
		sparse int
		image  Image
		want   string // of the error; empty for none
	}{
		{24, Image{}, ""},
		{24, Image{2, 4, 3}, ""},
		{24, Image{3, 3, 3}, "its one-hot part has only 24 numbers"},
		{0, Image{5, 5, 4}, ""},
		{0, Image{5, 5, 5}, "its dense part has only 100 numbers"},
		{24, Image{0, 4, 3}, "each must be 1 .. 1024"},
		{24, Image{2, 1 << 40, 3}, "each must be 1 .. 1024"},
	} {
		s := base
		s.Image = c.image
		if s.Sparse = c.sparse; s.Sparse == 0 {
			s.MaxActive = 0
		}
		err := s.Check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v with a one-hot part of %d: error %v, want %q", c.image, c.sparse, err, c.want)
		}
	}
}
