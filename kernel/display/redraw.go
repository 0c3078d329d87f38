package display

import (
	"sync"
	"time"
)

// A Redraw shows something that changes more often than a front end can draw it: at most once in an interval, and always
// its last state, when the interval is over or the cell ends. Its methods may be called from any goroutine.
type Redraw struct {
	every time.Duration
	draw  func()

	mu      sync.Mutex
	last    time.Time
	pending *time.Timer
}

// NewRedraw returns a Redraw that calls draw at most once in every, never twice at the same time.
func NewRedraw(every time.Duration, draw func()) *Redraw { return &Redraw{every: every, draw: draw} }

var (
	redrawsMu sync.Mutex
	redraws   = map[*Redraw]bool{} // what waits to be drawn
)

// Changed draws now or, within the interval, later. The caller must not hold a lock that draw takes.
func (r *Redraw) Changed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	wait := r.every - time.Since(r.last)
	switch {
	case r.pending != nil:
	case wait <= 0:
		r.drawNow()
	default:
		r.pending = time.AfterFunc(wait, r.Now)
		redrawsMu.Lock()
		redraws[r] = true
		redrawsMu.Unlock()
	}
}

// Now draws.
func (r *Redraw) Now() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drawNow()
}

func (r *Redraw) drawNow() {
	if r.pending != nil {
		r.pending.Stop()
		r.pending = nil
		redrawsMu.Lock()
		delete(redraws, r)
		redrawsMu.Unlock()
	}
	r.last = time.Now()
	r.draw()
}

func (r *Redraw) drawPending() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pending != nil {
		r.drawNow()
	}
}

// DrawPending draws what waits to be drawn. The worker process calls it when a cell ends.
func DrawPending() {
	redrawsMu.Lock()
	var waiting []*Redraw
	for r := range redraws {
		waiting = append(waiting, r)
	}
	redrawsMu.Unlock()
	for _, r := range waiting {
		r.drawPending()
	}
}
