package worker

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
	"unicode/utf8"
)

// Limits of a cell's text. A browser shows some megabytes, and stands still over some hundreds.
const (
	freeText   = 12e6 // bytes that pass as they come
	textRate   = 1e6  // bytes a second that pass after that
	inMemory   = 1 << 20
	shownEnd   = 4 << 10
	maxKept    = 4 << 30 // bytes of a cell that are written to disk
	keptFiles  = 10
	keptLength = 8 << 30 // bytes of all kept files
)

// A Limiter passes events on, but holds back what a cell prints beyond what a front end can take. The whole text of such
// a cell is kept in a file; the cell's output says where, and ends with the end of the text.
type Limiter struct {
	folder string
	next   func(Event)

	mu     sync.Mutex
	run    int64
	tokens float64
	filled time.Time
	text   []byte // what the cell has printed, until there is a file
	file   *os.File
	kept   int64
	err    error
	left   int64  // bytes held back
	end    []byte // the last bytes printed
}

// NewLimiter returns a limiter that passes events to next and keeps files in a folder, which is made when it is needed.
func NewLimiter(folder string, next func(Event)) *Limiter {
	l := &Limiter{folder: folder, next: next}
	l.Begin()
	return l
}

// OutputFolder is where kernels keep text that was too long to be shown.
func OutputFolder() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the user's cache folder: %w", err)
	}
	return filepath.Join(cache, "goalgap", "output"), nil
}

// Begin says that another cell begins, with a new allowance.
func (l *Limiter) Begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget()
	l.tokens, l.filled, l.left, l.kept, l.err = freeText, time.Now(), 0, 0, nil
	l.text, l.end = l.text[:0], l.end[:0]
}

// forget closes the file, and removes it if everything has been shown.
func (l *Limiter) forget() {
	if l.file == nil {
		return
	}
	l.file.Close()
	if l.left == 0 {
		os.Remove(l.file.Name())
	}
	l.file = nil
}

// End says that the cell has ended: if something was held back, its output says how much, and how it ends.
func (l *Limiter) End() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left > 0 {
		l.toFile()
		end := l.end
		for len(end) > 0 && !utf8.RuneStart(end[0]) {
			end = end[1:]
		}
		l.next(Event{Kind: "stderr", Run: l.run, Text: fmt.Sprintf("\n[%s of output were left out here%s; its end:]\n%s", size(l.left), l.where(), end)})
	}
	l.forget()
	l.left, l.tokens, l.filled = 0, freeText, time.Now()
	l.text, l.end = l.text[:0], l.end[:0]
}

func (l *Limiter) where() string {
	switch {
	case l.file != nil && l.err != nil:
		return fmt.Sprintf(", the beginning is in %s (%v)", l.file.Name(), l.err)
	case l.file != nil:
		return ", the whole is in " + l.file.Name()
	}
	return fmt.Sprintf(" and not kept (%v)", l.err)
}

func size(n int64) string {
	if n < 1e6 {
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

// Event takes an event.
func (l *Limiter) Event(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Kind != "stdout" && e.Kind != "stderr" {
		l.next(e)
		return
	}
	l.run = e.Run
	l.keep(e.Text)
	now := time.Now()
	burst := float64(textRate)
	if l.left == 0 {
		burst = freeText
	}
	l.tokens = min(burst, l.tokens+textRate*now.Sub(l.filled).Seconds())
	l.filled = now
	n := len(e.Text)
	if float64(n) <= l.tokens {
		l.tokens -= float64(n)
		l.next(e)
		return
	}
	if l.left > 0 {
		l.left += int64(n)
		return
	}
	at := int(l.tokens)
	for at > 0 && !utf8.RuneStart(e.Text[at]) {
		at--
	}
	if at > 0 {
		first := e
		first.Text = e.Text[:at]
		l.next(first)
	}
	l.tokens = 0
	l.left = int64(n - at)
	l.toFile()
	l.next(Event{Kind: "stderr", Run: e.Run, Text: fmt.Sprintf("\n[this cell prints very much: from here on about %s a second are shown%s]\n", size(textRate), l.where())})
}

// keep remembers the text, in memory at first.
func (l *Limiter) keep(text string) {
	if len(text) >= shownEnd {
		l.end = append(l.end[:0], text[len(text)-shownEnd:]...)
	} else if l.end = append(l.end, text...); len(l.end) > shownEnd {
		l.end = append(l.end[:0], l.end[len(l.end)-shownEnd:]...)
	}
	l.text = append(l.text, text...)
	if len(l.text) > inMemory {
		l.toFile()
	}
}

// toFile writes what is in memory to the file.
func (l *Limiter) toFile() {
	if l.file == nil && l.err == nil {
		l.openFile()
	}
	if l.file != nil && l.err == nil {
		if l.kept += int64(len(l.text)); l.kept > maxKept {
			l.err = fmt.Errorf("no more than %s are kept", size(maxKept))
		} else if _, err := l.file.Write(l.text); err != nil {
			l.err = err
		}
	}
	l.text = l.text[:0]
}

func (l *Limiter) openFile() {
	if l.err = os.MkdirAll(l.folder, 0o700); l.err != nil {
		return
	}
	l.trim()
	l.file, l.err = os.CreateTemp(l.folder, "output-*.txt") // which only the user can read
}

// trim removes the oldest kept files.
func (l *Limiter) trim() {
	entries, err := os.ReadDir(l.folder)
	if err != nil {
		return
	}
	var files []os.FileInfo
	for _, e := range entries {
		if i, err := e.Info(); err == nil && i.Mode().IsRegular() {
			files = append(files, i)
		}
	}
	slices.SortFunc(files, func(a, b os.FileInfo) int { return cmp.Compare(b.ModTime().UnixNano(), a.ModTime().UnixNano()) })
	total := int64(0)
	for i, f := range files {
		if total += f.Size(); i >= keptFiles-1 || total > keptLength {
			os.Remove(filepath.Join(l.folder, f.Name()))
		}
	}
}
