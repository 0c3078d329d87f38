package session

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"goalgap/kernel/worker"
)

// Failure says how a cell failed, in the form that front ends show.
type Failure struct {
	Name        string // "compile error", "error", "panic", "interrupted", "exit", …
	Value       string // one line
	Line        int    // of the cell, from 1; 0 if unknown
	Traceback   []string
	Interrupted bool
	Died        bool // the worker is gone, and all variables with it
}

func (f *Failure) Error() string {
	if f.Line > 0 {
		return fmt.Sprintf("line %d: %s: %s", f.Line, f.Name, f.Value)
	}
	return f.Name + ": " + f.Value
}

// Colours of a traceback; front ends understand ANSI codes.
const (
	red   = "\x1b[31m"
	dim   = "\x1b[2m"
	plain = "\x1b[0m"
)

const maxErrors = 10

// compileFailure shows what the parser, the checker or the compiler found, with the lines where they found it.
func (s *Session) compileFailure(ctx context.Context, err error, source, label string) *Failure {
	if ctx.Err() != nil {
		return &Failure{Name: "interrupted", Value: "the cell was interrupted before it ran", Interrupted: true,
			Traceback: []string{red + "interrupted" + plain + ": the cell was interrupted before it ran"}}
	}
	var list ErrorList
	var single *SourceError
	switch {
	case errors.As(err, &list):
	case errors.As(err, &single):
		list = ErrorList{single}
	default:
		return &Failure{Name: "compile error", Value: firstLine(err.Error()), Traceback: []string{red + "compile error" + plain + ": " + s.relabel(err.Error())}}
	}
	lines := strings.Split(source, "\n")
	for _, e := range list {
		e.Msg = atItsEnd(e, lines)
	}
	f := &Failure{Name: "compile error", Value: list[0].Msg, Line: list[0].Line}
	for i, e := range list {
		if i == maxErrors {
			f.Traceback = append(f.Traceback, fmt.Sprintf("… and %d more", len(list)-i))
			break
		}
		if e.file != "" {
			f.Traceback = append(f.Traceback, fmt.Sprintf("%s:%d:%d: %s%s%s", s.labels[e.file], e.Line, e.Col, red, e.Msg, plain))
			continue
		}
		f.Traceback = append(f.Traceback, fmt.Sprintf("%s:%d:%d: %s%s%s", label, e.Line, e.Col, red, e.Msg, plain))
		if e.Line >= 1 && e.Line <= len(lines) {
			text := lines[e.Line-1]
			f.Traceback = append(f.Traceback, "    "+text)
			if e.Col >= 1 && e.Col <= len(text)+1 {
				f.Traceback = append(f.Traceback, "    "+blank(text[:e.Col-1])+red+"^"+plain)
			}
		}
	}
	return f
}

// blank replaces everything but tabs by spaces, so that a caret stands under its character.
func blank(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, s)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

var filePosition = regexp.MustCompile(`(cell-[0-9a-f]{8}):(\d+)`)

// atItsEnd returns the text of an error, where the parser found the brace that the rewriter puts behind the cell's
// statements, with what the user sees there.
func atItsEnd(e *SourceError, lines []string) string {
	text, found := strings.CutSuffix(e.Msg, "found '}'")
	if !found || e.file != "" || e.Line >= 1 && e.Line <= len(lines) && e.Col >= 1 && e.Col <= len(lines[e.Line-1]) && lines[e.Line-1][e.Col-1] == '}' {
		return e.Msg
	}
	return text + "found the end of the cell"
}

// relabel replaces file names of cells by what people call them.
func (s *Session) relabel(text string) string {
	return filePosition.ReplaceAllStringFunc(text, func(m string) string {
		p := filePosition.FindStringSubmatch(m)
		if label := s.labels[p[1]]; label != "" {
			return label + ":" + p[2]
		}
		return m
	})
}

// runFailure turns what the worker reports into a traceback that shows the cells' own lines.
// above are calls that the trace lacks.
func (s *Session) runFailure(e *worker.Error, source string, above ...frame) *Failure {
	f := &Failure{Name: e.Name, Value: e.Value, Interrupted: e.Name == "interrupted", Died: e.Died}
	f.Traceback = append(f.Traceback, red+e.Name+plain+": "+e.Value)
	frames := append(s.frames(e.Stack), above...)
	for i, fr := range frames {
		if left := len(frames) - outerFrames - i; i == innerFrames && left > 1 {
			f.Traceback = append(f.Traceback, fmt.Sprintf("%s… %d calls …%s", dim, left, plain))
		}
		if i < innerFrames || i >= len(frames)-outerFrames || len(frames)-outerFrames-innerFrames <= 1 {
			f.Traceback = append(f.Traceback, fmt.Sprintf("%s%s:%d%s %s", dim, fr.label, fr.line, plain, fr.function))
		}
	}
	for _, fr := range frames {
		if fr.file != "" {
			f.Line = fr.line
			break
		}
	}
	lines := strings.Split(source, "\n")
	if f.Line >= 1 && f.Line <= len(lines) && len(frames) > 0 && s.labels[frames[0].file] != "" && !f.Interrupted {
		f.Traceback = append(f.Traceback[:1], append([]string{"    " + strings.TrimSpace(lines[f.Line-1])}, f.Traceback[1:]...)...)
	}
	return f
}

// Of a long trace the innermost and the outermost calls are shown.
const (
	innerFrames = 12
	outerFrames = 4
)

type frame struct {
	file     string // of a cell; empty for library code
	label    string
	line     int
	function string
}

var (
	frameFile = regexp.MustCompile(`^\t(.*):(\d+)(?: \+0x[0-9a-f]+)?(?: fp=0x[0-9a-f]+ sp=0x[0-9a-f]+ pc=0x[0-9a-f]+)?$`)
	arguments = regexp.MustCompile(`\([^()]*\)$`)
)

// frames reads a goroutine's trace as the runtime prints it and keeps the calls in cells and in libraries above them,
// innermost first, without the machinery.
func (s *Session) frames(stack string) []frame {
	var list []frame
	lines := strings.Split(stack, "\n")
	// What stands above the panic is the machinery that printed the trace.
	for i, l := range lines {
		if strings.HasPrefix(l, "panic(") {
			lines = lines[i+2:]
			break
		}
	}
	started := false
	for i := 0; i+1 < len(lines); i++ {
		if strings.HasPrefix(lines[i], "goroutine ") && started {
			break // other goroutines
		}
		m := frameFile.FindStringSubmatch(lines[i+1])
		if m == nil {
			continue
		}
		function := arguments.ReplaceAllString(lines[i], "")
		file, line := m[1], m[2]
		i++
		n, err := strconv.Atoi(line)
		if err != nil {
			continue
		}
		base := file[strings.LastIndexByte(file, '/')+1:]
		label, isCell := s.labels[base]
		switch {
		case isCell:
			function = cleanFunction(function)
			list = append(list, frame{base, label, n, function})
			started = true
		case strings.Contains(function, "goalgap/kernel/worker") || base == "goalgap" || function == "panic" || strings.HasPrefix(function, "runtime.") ||
			strings.HasPrefix(function, "runtime/"):
		default:
			list = append(list, frame{"", base, n, function})
		}
	}
	// Library frames below the outermost cell frame are the machinery that called the cell.
	for len(list) > 0 && list[len(list)-1].file == "" {
		list = list[:len(list)-1]
	}
	return list
}

// cleanFunction removes the traces of the rewriting from a function's name.
func cleanFunction(name string) string {
	if i := strings.Index(name, "nb/"); i >= 0 {
		if j := strings.IndexByte(name[i:], '.'); j >= 0 {
			name = name[i+j+1:]
		}
	}
	name = strings.ReplaceAll(name, methodPrefix, "")
	if strings.HasPrefix(name, runLowered) {
		return ""
	}
	return name
}
