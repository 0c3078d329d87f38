package coinrun

import "strings"

// Legend says what the letters of the text pictures mean.
const Legend = `@ agent   o coin   % saw   [ crate   < > enemy   # wall   = ground   L lava   ~ lava top   . free   ' marker`

var cellLetters = [...]byte{
	Space: '.', WallInner: '#', WallTop: '=', LavaInner: 'L', LavaTop: '~', Coin: 'o', Barrier: '.', Marker: '\'',
	FakeWall: '#',
}

// Text draws the level in its present state with one letter a cell (see [Legend]), cropped to the part in use, the
// uppermost row first. It shows the marker, which the agent does not see.
func (e *Env) Text() string {
	w, h := e.level.Crop()
	return e.text(0, 0, w, h, true)
}

// String draws what the agent sees, 13 × 13 cells, with one letter a cell (see [Legend]).
func (e *Env) String() string {
	if e.level == nil {
		return e.spec.Name + " before the first Reset"
	}
	return e.text(int(e.x)-Radius, int(e.y)-Radius, Window, Window, false)
}

// String draws the level as it is before the first step, like [Env.Text].
func (l *Level) String() string {
	var e Env
	e.begin(l)
	return e.Text()
}

func (e *Env) text(x0, y0, w, h int, marker bool) string {
	rows := make([][]byte, h)
	for y := range rows {
		rows[y] = make([]byte, w)
		for x := range rows[y] {
			rows[y][x] = cellLetters[e.level.At(x0+x, y0+y)]
			if !marker && rows[y][x] == cellLetters[Marker] {
				rows[y][x] = cellLetters[Space]
			}
		}
	}
	put := func(x, y float32, letter byte) {
		if i, j := int(x)-x0, int(y)-y0; i >= 0 && i < w && j >= 0 && j < h {
			rows[j][i] = letter
		}
	}
	for _, s := range e.AppendEntities(nil) {
		switch {
		case s.Kind == Saw:
			put(s.X, s.Y, '%')
		case s.Kind == Crate:
			put(s.X, s.Y, '[')
		case s.VX > 0:
			put(s.X, s.Y, '>')
		default:
			put(s.X, s.Y, '<')
		}
	}
	put(e.x, e.y, '@')
	var b strings.Builder
	for y := h - 1; y >= 0; y-- {
		b.Write(rows[y])
		b.WriteByte('\n')
	}
	return b.String()
}
