package session

import (
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"goalgap/kernel/worker"
)

var (
	magicBegun = regexp.MustCompile(`^\s*(%{1,2})([\pL\pN_-]*)$`)
	helpBegun  = regexp.MustCompile(`^\s*%help\s+%*([\pL\pN_-]*)$`)
	envBegun   = regexp.MustCompile(`^\s*%(?:env|set_env|unset_env)\s+([\pL\pN_]*)$`)
)

// fileMagics are the commands whose arguments are files.
var fileMagics = []string{"cd", "load", "run", "save", "writefile", "cat", "ls", "mkdir", "script", "bash", "sh"}

// magicCompletions offers what could stand at the cursor of a magic command: its name, the files, variables or commands
// that it takes. Inside a string literal of Go it offers files. ok is false where names of Go are wanted.
func (s *Session) magicCompletions(source string, cursor int) (matches []string, start, end int, ok bool) {
	for _, p := range s.cut(source) {
		if p.kind == goPart || cursor < p.from || cursor > p.to {
			continue
		}
		head := source[strings.LastIndexByte(source[:cursor], '\n')+1 : cursor]
		first := strings.TrimSpace(source[:cursor-len(head)]) == ""
		if m := magicBegun.FindStringSubmatch(head); m != nil {
			return magicNamesFor(m[1], m[2], first), cursor - len(m[1]) - len(m[2]), cursor, true
		}
		if m := helpBegun.FindStringSubmatch(head); m != nil {
			return beginning(m[1], magicNames()), cursor - len(m[1]), cursor, true
		}
		if m := envBegun.FindStringSubmatch(head); m != nil {
			var names []string
			for _, v := range s.whereCellsRun().Env {
				name, _, _ := strings.Cut(v, "=")
				names = append(names, name)
			}
			return beginning(m[1], names), cursor - len(m[1]), cursor, true
		}
		inBody := p.kind == cellPart && cursor > p.to-len(p.body)
		known := magics[p.name]
		switch {
		case p.kind == helpPart || known != nil && known.goBody() && (inBody || strings.HasPrefix(p.name, "time")) || p.name == "doc" || p.name == "del":
			return nil, 0, 0, false
		case p.kind == shellPart || slices.Contains(fileMagics, p.name):
			word := cursor - len(head) + strings.LastIndexAny(head, " \t!\"'=<>|;&(") + 1
			matches, start = s.files(source[word:cursor], cursor, p.name == "cd")
			return matches, start, cursor, true
		}
		return nil, cursor, cursor, true
	}
	if quote := openString(source, cursor); quote >= 0 {
		matches, start = s.files(source[quote+1:cursor], cursor, false)
		return matches, start, cursor, len(matches) > 0
	}
	return nil, 0, 0, false
}

// magicNamesFor returns the commands that begin as typed. Those for whole cells stand in the first line only.
func magicNamesFor(marks, typed string, first bool) []string {
	var list []string
	for _, n := range beginning(typed, magicNames()) {
		if marks == "%" && magics[n].line != nil {
			list = append(list, "%"+n)
		}
	}
	for _, n := range beginning(typed, magicNames()) {
		if first && magics[n].cell != nil {
			list = append(list, "%%"+n)
		}
	}
	return list
}

func beginning(prefix string, list []string) []string {
	var out []string
	for _, s := range list {
		if strings.HasPrefix(s, prefix) {
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// whereCellsRun is the worker's environment, or the session's directory if the worker is gone.
func (s *Session) whereCellsRun() worker.Environment {
	if client, err := s.worker(); err == nil {
		if e, err := client.Environment(worker.EnvironmentChange{}); err == nil {
			return e
		}
	}
	return worker.Environment{Dir: s.dir, Env: os.Environ()}
}

// files offers files for the beginning of a path that ends at the cursor; only the path's last element is replaced.
func (s *Session) files(word string, cursor int, directories bool) (matches []string, start int) {
	dir, base := filepath.Split(word)
	entries, err := os.ReadDir(absolute(dir, s.whereCellsRun()))
	if err != nil {
		return nil, cursor
	}
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, base) || strings.HasPrefix(name, ".") && !strings.HasPrefix(base, ".") {
			continue
		}
		isDir := e.IsDir()
		if e.Type()&os.ModeSymlink != 0 {
			info, err := os.Stat(filepath.Join(absolute(dir, s.whereCellsRun()), name))
			isDir = err == nil && info.IsDir()
		}
		if isDir {
			name += "/"
		} else if directories {
			continue
		}
		matches = append(matches, name)
	}
	return matches, cursor - len(base)
}

// openString returns where the string literal begins in which the cursor stands, -1 if it stands in none. What is being
// typed may lack its end.
func openString(source string, cursor int) int {
	var sc scanner.Scanner
	file := token.NewFileSet().AddFile("", -1, len(source))
	sc.Init(file, []byte(source), func(token.Position, string) {}, 0)
	imports := false
	for {
		p, t, lit := sc.Scan()
		off := file.Offset(p)
		switch {
		case t == token.EOF || off >= cursor:
			return -1
		case t == token.STRING && !imports && (cursor < off+len(lit) || cursor == off+len(lit) && (len(lit) == 1 || lit[len(lit)-1] != lit[0])):
			return off
		case t == token.IMPORT:
			imports = true
		case t == token.SEMICOLON && lit == "\n" || t == token.RPAREN:
			imports = false
		}
	}
}

// completeMagics answers Complete for a cell with magic commands; "" means that go, the cell without them, decides.
func completeMagics(source string) (status, rest string) {
	s := &Session{}
	parts := s.cut(source)
	if parts == nil {
		return "", source
	}
	last := parts[len(parts)-1]
	switch {
	case last.kind == cellPart && !strings.HasSuffix(strings.ReplaceAll(source, " ", ""), "\n\n"):
		return "incomplete", ""
	case last.kind == cellPart && !strings.Contains(last.body, "\n"):
		return "incomplete", ""
	case (last.kind == linePart || last.kind == shellPart) && strings.HasSuffix(source, "\\"):
		return "incomplete", ""
	}
	return "", s.withoutMagics(source)
}
