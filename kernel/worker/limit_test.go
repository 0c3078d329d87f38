package worker

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMuchOutputIsLimitedAndKept(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "output")
	var shown strings.Builder
	var notices []string
	l := NewLimiter(folder, func(e Event) {
		if e.Kind == "stderr" {
			notices = append(notices, e.Text)
		} else {
			shown.WriteString(e.Text)
		}
	})
	line := strings.Repeat("ä", 127) + "\n"
	chunk := strings.Repeat(line, 1000)
	for range 100 {
		l.Event(Event{Kind: "stdout", Text: chunk})
	}
	l.Event(Event{Kind: "stdout", Text: "the end\n"})
	l.End()
	if n := shown.Len(); n < 11.9e6 || n > 14e6 {
		t.Errorf("%d bytes of %d were shown", n, 100*len(chunk))
	}
	if !strings.HasPrefix(chunk, shown.String()[:len(chunk)/2]) || strings.Contains(shown.String(), "\uFFFD") {
		t.Error("what was shown is not the beginning")
	}
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(files) != 1 || len(notices) != 2 {
		t.Fatalf("files %v, notices %d, %v", files, len(notices), err)
	}
	if !strings.Contains(notices[0], files[0]) || !strings.Contains(notices[1], " MB of output were left out") || !strings.HasSuffix(notices[1], "the end\n") {
		t.Errorf("the notices are %q and %q", notices[0], notices[1])
	}
	whole, err := os.ReadFile(files[0])
	if err != nil || string(whole) != strings.Repeat(chunk, 100)+"the end\n" {
		// the last text may be in memory still when the cell ends
		t.Errorf("the file has %d bytes of %d: %v", len(whole), 100*len(chunk)+8, err)
	}
	if i, err := os.Stat(files[0]); err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v", i.Mode(), err)
	}
}

func TestUsualOutputLeavesNoFile(t *testing.T) {
	folder := t.TempDir()
	n := 0
	l := NewLimiter(folder, func(e Event) { n += len(e.Text) })
	for range 20 {
		l.Event(Event{Kind: "stdout", Text: strings.Repeat("x", 1<<17)})
	}
	l.End()
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if n != 20<<17 || len(files) != 0 || err != nil {
		t.Errorf("%d bytes shown, files %v, %v", n, files, err)
	}
}
