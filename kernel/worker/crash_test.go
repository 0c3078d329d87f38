package worker

import (
	"strings"
	"testing"
)

func TestTheBeginningOfACrashIsTheBeginningOfALine(t *testing.T) {
	for text, want := range map[string]int{
		"panic: x\n":                               0,
		"a\nfatal error: all\n":                    2,
		"ab panic: no\nnothing":                    -1,
		"\n\nruntime: goroutine stack exceeds 1\n": 2,
		"": -1,
	} {
		if got := crashStart(text, true); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
	if got := crashStart("panic: x", false); got != -1 {
		t.Errorf("in the middle of a line: %d", got)
	}
}

func TestOfACrashAMessageOfSeveralLinesIsShown(t *testing.T) {
	for text, want := range map[string]string{
		"panic: one\n\ngoroutine 5 [running]:\nf()\n":                                            "",
		"panic: one\n\ttwo\n\ngoroutine 5 [running]:\nf()\n":                                     "panic: one\n\ttwo\n",
		"fatal error: concurrent map writes\n\ngoroutine 5 [running]:\nf()\n":                    "",
		"runtime: goroutine stack exceeds 1\nfatal error: stack overflow\n\nruntime stack:\nf()": "",
		"panic: said the user\nand went on\n":                                                    "panic: said the user\nand went on\n",
	} {
		if got := crashMessage(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestTextThatIsHeldBackIsNotLost(t *testing.T) {
	var b strings.Builder
	s := newStream("stderr", func(e Event) { b.WriteString(e.Text) }, &Client{})
	s.tail = &tail{}
	s.text([]byte("one\npanic: two\n"))
	if b.String() != "one\n" {
		t.Fatalf("%q went out", b.String())
	}
	more := strings.Repeat("x", maxHeld)
	s.text([]byte(more))
	if want := "one\npanic: two\n" + more; b.String() != want {
		t.Errorf("%d bytes went out, want %d", b.Len(), len(want))
	}
}
