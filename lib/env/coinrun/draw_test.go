package coinrun

import (
	"bytes"
	"image/color"
	"image/png"
	"strings"
	"testing"
)

// twins are two levels with the same layout, coin at the end and coin at a random place.
func twins(t *testing.T, seed int64) (atEnd, atRandom *Env) {
	atEnd = mustNew(t, Config{Variant: RandomCoin})
	atRandom = mustNew(t, Config{Variant: RandomCoin, RandomPercent: 100})
	atEnd.Reset(seed)
	atRandom.Reset(seed)
	return atEnd, atRandom
}

func TestPicturesAreAsLargeAsTheyShouldBe(t *testing.T) {
	e, _ := twins(t, 1)
	for _, pixels := range []int{1, 7, 20} {
		p := Artist{CellPixels: pixels}.Window(e)
		if s := p.Bounds().Size(); s.X != Window*pixels || s.Y != Window*pixels {
			t.Errorf("window at %d pixels a cell: %v", pixels, s)
		}
		w, h := e.Level().Crop()
		p = Artist{CellPixels: pixels}.Strip(e)
		if s := p.Bounds().Size(); s.X != w*pixels || s.Y != h*pixels {
			t.Errorf("strip of %d × %d cells at %d pixels a cell: %v", w, h, pixels, s)
		}
	}
	decoded, err := png.Decode(bytes.NewReader(e.Level().PNG()))
	if err != nil || decoded.Bounds() != e.Level().Draw().Bounds() {
		t.Errorf("PNG: %v", err)
	}
}

func TestCoinIsGoldAndMarkerIsNotThere(t *testing.T) {
	const pixels = 20
	at := func(p Picture, c Point, h int) color.RGBA { // a point on the coin's face, off its embossing
		return p.RGBAAt(c.X*pixels+pixels/2+4, (h-1-c.Y)*pixels+pixels/2)
	}
	gold := color.RGBA{0xf6, 0xc6, 0x2b, 0xff}
	for seed := range int64(5) {
		e, moved := twins(t, seed)
		_, h := e.Level().Crop()
		a, b := Artist{CellPixels: pixels}.Level(e.Level()), Artist{CellPixels: pixels}.Level(moved.Level())
		end, random := e.Level().End, e.Level().RandomPlace
		if at(a, end, h) != gold || at(b, random, h) != gold {
			t.Errorf("seed %d: no coin where it stands", seed)
		}
		if at(a, random, h) == gold || at(b, end, h) == gold {
			t.Errorf("seed %d: the marker looks like a coin", seed)
		}
		shown := Artist{CellPixels: pixels, ShowMarker: true}.Level(moved.Level())
		if bytes.Equal(shown.Pix, b.Pix) {
			t.Errorf("seed %d: ShowMarker shows nothing", seed)
		}
	}
}

func TestFakeWallLooksLikeAWall(t *testing.T) {
	real, fake := mustNew(t, Config{Variant: RandomCoin}), mustNew(t, Config{Variant: ModWall})
	for seed := range int64(5) {
		real.Reset(seed)
		fake.Reset(seed)
		// Put both agents in front of the end, the wall filling the right of the window.
		for _, e := range []*Env{real, fake} {
			e.x, e.y = float32(e.level.End.X)+0.5, float32(e.level.End.Y)+ry
		}
		if !bytes.Equal(real.Draw().Pix, fake.Draw().Pix) {
			t.Errorf("seed %d: the fake wall can be told from a real one", seed)
		}
	}
}

func TestTextShowsWhatIsThere(t *testing.T) {
	_, e := twins(t, 1)
	s := e.Text()
	if strings.Count(s, "o") != 1 || strings.Count(s, "'") != 1 || strings.Count(s, "@") != 1 {
		t.Errorf("text of the level:\n%s", s)
	}
	if s != e.Level().String() {
		t.Error("a level and its first state differ")
	}
	rows := strings.Split(strings.TrimSpace(e.String()), "\n")
	if len(rows) != Window || len(rows[0]) != Window || rows[Radius][Radius] != '@' {
		t.Errorf("text of the window:\n%s", e)
	}
	if strings.Contains(e.String(), "'") {
		t.Error("the window shows the marker")
	}
}

func TestFilmJoinsFrames(t *testing.T) {
	e, _ := twins(t, 1)
	frame := Artist{CellPixels: 4}.Window(e)
	film := Film(3, frame, frame, frame)
	if s := film.Bounds().Size(); s.X != 3*frame.Rect.Dx()+6 || s.Y != frame.Rect.Dy() {
		t.Fatalf("film of three frames %v: %v", frame.Rect, s)
	}
	for _, x := range []int{0, frame.Rect.Dx() + 3, 2 * (frame.Rect.Dx() + 3)} {
		if film.RGBAAt(x+5, 7) != frame.RGBAAt(5, 7) {
			t.Errorf("the frame at %d differs", x)
		}
	}
	if white := (color.RGBA{255, 255, 255, 255}); film.RGBAAt(frame.Rect.Dx()+1, 7) != white {
		t.Error("the gap is not white")
	}
}
