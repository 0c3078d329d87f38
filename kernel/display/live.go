package display

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"html"
	"math"
	"strings"
	"sync"
	"time"
)

// Live is an output that can be replaced after it was shown: a chart that grows while training runs.
// Its methods may be called from any goroutine.
type Live struct {
	mu    sync.Mutex
	id    string
	shown bool
}

// NewLive returns an output that appears with the first Update.
func NewLive() *Live {
	b := make([]byte, 8)
	rand.Read(b)
	return &Live{id: hex.EncodeToString(b)}
}

// Update shows v in the place of what was shown before.
func (l *Live) Update(v any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := Of(v)
	if d.Transient == nil {
		d.Transient = MIMEMap{}
	}
	d.Transient["display_id"] = l.id
	kind := "update"
	if !l.shown {
		kind, l.shown = "display", true
	}
	Send(Message{Kind: kind, Data: d})
}

// Progress is a progress bar with an estimate of the time left. Its methods may be called from any goroutine, as often
// as one likes: it redraws itself at most ten times a second.
type Progress struct {
	live   *Live
	label  string
	total  float64
	start  time.Time
	redraw *Redraw

	mu   sync.Mutex
	done float64
	note string
}

// redrawInterval bounds how often a progress bar is redrawn: servers drop the output of kernels that send more than
// some hundred messages a second.
const redrawInterval = 100 * time.Millisecond

// NewProgress shows an empty progress bar for a computation of total units (steps, episodes, …).
func NewProgress(label string, total float64) *Progress {
	p := &Progress{live: NewLive(), label: label, total: total, start: time.Now()}
	p.redraw = NewRedraw(redrawInterval, func() { p.live.Update(p.render(time.Now())) })
	p.Set(0, "")
	return p
}

// Set says that done units are finished, with a few words on how it goes ("return 7.3").
func (p *Progress) Set(done float64, note string) {
	p.mu.Lock()
	p.done, p.note = done, note
	p.mu.Unlock()
	if done >= p.total {
		p.redraw.Now()
	} else {
		p.redraw.Changed()
	}
}

// Finish fills the bar.
func (p *Progress) Finish(note string) { p.Set(p.total, note) }

// ProgressState is the content of TypeProgress.
type ProgressState struct {
	Label   string  `json:"label"`
	Done    float64 `json:"done"`
	Total   float64 `json:"total"`
	Note    string  `json:"note,omitempty"`
	Elapsed float64 `json:"elapsed"` // seconds
	Left    float64 `json:"left"`    // seconds, -1 where it cannot be told yet
}

// String is one line: label, share done, note, time left.
func (s ProgressState) String() string {
	share := 1.0
	if s.Total > 0 {
		share = math.Min(1, math.Max(0, s.Done/s.Total))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %3.0f%%", s.Label, 100*share)
	if s.Note != "" {
		fmt.Fprintf(&b, "  %s", s.Note)
	}
	switch {
	case share >= 1:
		fmt.Fprintf(&b, "  (%s)", seconds(s.Elapsed))
	case s.Left >= 0:
		fmt.Fprintf(&b, "  %s left", seconds(s.Left))
	}
	return b.String()
}

func (p *Progress) render(now time.Time) Data {
	p.mu.Lock()
	s := ProgressState{Label: p.label, Done: p.done, Total: p.total, Note: p.note, Elapsed: now.Sub(p.start).Seconds(), Left: -1}
	p.mu.Unlock()
	if s.Done > 0 && s.Elapsed > 0.5 {
		s.Left = s.Elapsed * (s.Total - s.Done) / s.Done
	}
	line := s.String()
	h := fmt.Sprintf(`<div><progress value="%g" max="%g" style="width:20em;vertical-align:middle"></progress> <span>%s</span></div>`,
		s.Done, s.Total, html.EscapeString(line))
	return Data{Data: MIMEMap{TypeText: line, TypeHTML: h, TypeProgress: s}}
}

func seconds(s float64) string {
	switch {
	case s < 10:
		return fmt.Sprintf("%.1f s", s)
	case s < 120:
		return fmt.Sprintf("%.0f s", s)
	case s < 7200:
		return fmt.Sprintf("%.0f min", s/60)
	}
	return fmt.Sprintf("%.1f h", s/3600)
}
