package worker

import (
	"strings"
	"time"
)

// A Go program that crashes writes to standard error why, and then the traces of its goroutines: hundreds of lines after a
// stack overflow, and a minute's work where the machine is busy. The cell's failure says the same in its own terms. So
// what looks like the beginning of that is held back until it is known whether the process dies of it.

var crashPrefixes = []string{"panic: ", "fatal error: ", overflowPrefix}

const overflowPrefix = "runtime: goroutine stack exceeds"

// How long text is held back that looks like a crash. The traces after a stack overflow take long.
const (
	holdCrash    = time.Second
	holdOverflow = time.Minute
)

// maxHeld is how much text is held back. What is longer is no crash, and goes out.
const maxHeld = 1 << 20

// crashStart returns where in a text a line begins that could be the first of a crash, -1 if there is none. atLineStart
// says whether the text's own beginning is that of a line.
func crashStart(t string, atLineStart bool) int {
	for at := 0; at < len(t); {
		if at > 0 || atLineStart {
			for _, p := range crashPrefixes {
				if strings.HasPrefix(t[at:], p) {
					return at
				}
			}
		}
		i := strings.IndexByte(t[at:], '\n')
		if i < 0 {
			return -1
		}
		at += i + 1
	}
	return -1
}

// crashMessage returns what of the text of a crash is shown beside the failure of the cell: a message of several lines,
// which the failure does not repeat. Text that turns out to be something else is shown as it is.
func crashMessage(t string) string {
	message, _, crash := strings.Cut(t, "\n\ngoroutine ")
	if !crash {
		if _, _, crash = strings.Cut(t, "\n\nruntime stack:"); !crash {
			return t
		}
		return ""
	}
	if !strings.HasPrefix(message, "panic: ") || !strings.Contains(message, "\n") {
		return ""
	}
	return message + "\n"
}
