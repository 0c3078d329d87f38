package display

import (
	"testing"
	"time"
)

func TestARedrawShowsTheFirstAndTheLastStateAndLittleBetween(t *testing.T) {
	state, drawn := 0, []int{}
	r := NewRedraw(time.Hour, func() { drawn = append(drawn, state) })
	for state = range 1000 {
		r.Changed()
	}
	if len(drawn) != 1 || drawn[0] != 0 {
		t.Errorf("while it changed, drawn were %v", drawn)
	}
	DrawPending()
	DrawPending()
	if len(drawn) != 2 || drawn[1] != state {
		t.Errorf("at the end drawn were %v, not the last, %d", drawn, state)
	}
}

func TestARedrawDrawsByItselfWhenItsIntervalIsOver(t *testing.T) {
	drawn := make(chan bool, 10)
	r := NewRedraw(10*time.Millisecond, func() { drawn <- true })
	r.Changed()
	r.Changed()
	for range 2 {
		select {
		case <-drawn:
		case <-time.After(10 * time.Second):
			t.Fatal("the last state is not drawn")
		}
	}
}
