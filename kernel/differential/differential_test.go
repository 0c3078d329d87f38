package differential

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// reasons are the differences on purpose, by the word that follows "//differs" in a cell of testdata/cells.txt. The README
// has the same sentences.
var reasons = map[string]string{
	"comma-ok":      "only the value, not the `ok` that gophernotes shows beside it",
	"copy":          "the number of copied elements, as of any call; gophernotes shows nothing",
	"error":         "the cell fails with the error, and cells queued behind it do not run; gophernotes shows it as a value",
	"error-nil":     "only the values; gophernotes shows the nil error too",
	"interpreter":   "what a compiled program prints; gophernotes shows its interpreter's own types, or misses methods",
	"loop-variable": "each iteration has its own variable, as in Go since 1.22; gophernotes has the rule of older Go",
	"nil":           "`<nil>`; gophernotes shows nothing",
	"refused":       "a compile error, as in Go; gophernotes runs it",
	"spaces":        "spaces between the values; gophernotes puts none between strings",
}

type cell struct {
	source string
	reason string
	want   string // what is shown here instead, where a reason is given
}

type situation struct {
	name  string
	cells []cell
}

// read reads testdata/cells.txt: situations begin with "# name", their cells are divided by "---". In a cell, which is
// one of Go, the comment "//differs reason" says that the kernels differ on purpose, and each "//> line" what this one
// shows; none says that it refuses the cell.
func read(t *testing.T) (list []situation) {
	t.Helper()
	text, err := os.ReadFile("testdata/cells.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split("\n"+string(text), "\n# ")[1:] {
		name, cells, _ := strings.Cut(part, "\n")
		s := situation{name: name}
		for _, source := range strings.Split(cells, "\n---\n") {
			c := cell{source: strings.TrimSuffix(source, "\n")}
			for _, line := range strings.Split(c.source, "\n") {
				if r, ok := strings.CutPrefix(line, "//differs "); ok {
					c.reason = r
				}
				if w, ok := strings.CutPrefix(line, "//> "); ok {
					c.want += w + "\n"
				}
			}
			s.cells = append(s.cells, c)
		}
		list = append(list, s)
	}
	return list
}

// build builds a program.
func build(t testing.TB, pkg string, flags ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), filepath.Base(pkg))
	args := append(append([]string{"build", "-o", program}, flags...), pkg)
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, out)
	}
	return program
}

func TestWhateverGophernotesRunsRunsHere(t *testing.T) {
	if testing.Short() {
		t.Skip("builds gophernotes")
	}
	// With -trimpath and without go on its PATH gophernotes does not look for a Go installation, whose packages of today
	// it could not read.
	theirs, ours := build(t, "github.com/gopherdata/gophernotes", "-trimpath"), build(t, "goalgap/kernel/goalgap")
	const patience = 20 * time.Second
	var cells, ran int
	for _, s := range read(t) {
		t.Run(s.name, func(t *testing.T) {
			startTheirs := func() *kernel { return start(t, []string{"HOME=" + t.TempDir(), "PATH=/usr/bin:/bin"}, theirs) }
			their := startTheirs()
			our := start(t, os.Environ(), ours, "kernel", "-f")
			for i, c := range s.cells {
				cells++
				if _, known := reasons[c.reason]; c.reason != "" && !known {
					t.Fatalf("no such reason: %q", c.reason)
				}
				want, err := their.execute(c.source, patience)
				if err != nil {
					t.Fatalf("gophernotes: %v\n%s", err, c.source)
				}
				got, err := our.execute(c.source, patience)
				if err != nil {
					t.Fatalf("goalgap: %v\n%s", err, c.source)
				}
				if !want.failed {
					ran++
				}
				want.shown = withoutBytesPrinted(c.source, want.shown)
				// gophernotes now and then loses what was printed, so it is asked again before it is said to differ.
				for range 3 {
					if c.reason != "" || want.failed || got.failed || want.shown == got.shown {
						break
					}
					again := startTheirs()
					for _, c := range s.cells[:i+1] {
						if want, err = again.execute(c.source, patience); err != nil {
							t.Fatalf("gophernotes, asked again: %v\n%s", err, c.source)
						}
					}
					want.shown = withoutBytesPrinted(c.source, want.shown)
				}
				switch refused := c.reason != "" && c.want == ""; {
				case want.failed && c.reason != "":
					t.Errorf("gophernotes refuses this, so it is no difference to explain: %s\n%s", want.error, c.source)
				case want.failed:
				case refused && !got.failed:
					t.Errorf("should be refused here (%s):\n%s", c.reason, c.source)
				case refused:
				case got.failed:
					t.Errorf("gophernotes runs this and shows %q, here it fails: %s\n%s", want.shown, got.error, c.source)
				case c.reason != "" && got.shown != c.want:
					t.Errorf("shown %q, want %q (%s)\n%s", got.shown, c.want, c.reason, c.source)
				case c.reason != "" && want.shown == c.want:
					t.Errorf("gophernotes shows the same: no difference to explain\n%s", c.source)
				case c.reason == "" && got.shown != want.shown:
					t.Errorf("gophernotes shows %q, this kernel %q\n%s", want.shown, got.shown, c.source)
				}
			}
		})
	}
	t.Logf("%d cells, of which gophernotes runs %d", cells, ran)
	if ran < 80 {
		t.Errorf("only %d cells compared", ran)
	}
}

func TestTheReadmeTellsTheDifferences(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, s := range read(t) {
		for _, c := range s.cells {
			used[c.reason] = true
		}
	}
	for word, sentence := range reasons {
		if !used[word] {
			t.Errorf("no cell shows the difference %q", word)
		}
		if !strings.Contains(string(readme), sentence) {
			t.Errorf("README.md does not say: %s", sentence)
		}
	}
}

// withoutBytesPrinted drops the results of fmt.Print and its like, which gophernotes shows below what was printed.
func withoutBytesPrinted(source, shown string) string {
	lines := strings.Split(strings.TrimRight(source, "\n"), "\n")
	last := ""
	for _, l := range lines {
		if !strings.HasPrefix(l, "//") && strings.TrimSpace(l) != "" {
			last = l
		}
	}
	if !strings.HasPrefix(last, "fmt.Print") {
		return shown
	}
	if at := strings.LastIndex(strings.TrimSuffix(shown, "\n"), "\n"); strings.HasSuffix(shown, " <nil>\n") {
		return shown[:at+1]
	}
	return shown
}
