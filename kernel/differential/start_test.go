package differential

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// firstCell starts a kernel, runs a cell that needs the compiler, and returns how long it took from the start of the
// process to the end of the cell, and the kernel.
func firstCell(b *testing.B, program string, environment []string, patience time.Duration) (time.Duration, *kernel) {
	b.Helper()
	begun := time.Now()
	k := start(b, environment, program, "kernel", "-f")
	cell := fmt.Sprintf("for i := range 2 { fmt.Println(i + %d) }", time.Now().UnixNano())
	out, err := k.execute(cell, patience)
	if err != nil || out.failed {
		b.Fatalf("the first cell failed: %v %s", err, out.error)
	}
	return out.ended.Sub(begun), k
}

// BenchmarkStart measures from the start of the kernel's process to the end of its first cell, one never compiled before,
// and the memory of kernel and worker then: resident, and of that what is no file's.
func BenchmarkStart(b *testing.B) {
	program := build(b, "goalgap/kernel/goalgap")
	firstCell(b, program, os.Environ(), 5*time.Minute)
	var took time.Duration
	var resident, anonymous int
	for b.Loop() {
		t, k := firstCell(b, program, os.Environ(), time.Minute)
		took += t
		resident, anonymous = memory(b, k.pid)
	}
	b.ReportMetric(took.Seconds()/float64(b.N), "s/start")
	b.ReportMetric(float64(resident)/(1<<10), "MB-resident")
	b.ReportMetric(float64(anonymous)/(1<<10), "MB-anonymous")
}

// BenchmarkFirstStart is BenchmarkStart on a machine where nothing has been built before but the kernel's program; modules
// are downloaded already.
func BenchmarkFirstStart(b *testing.B) {
	program := build(b, "goalgap/kernel/goalgap")
	modules, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		b.Fatal(err)
	}
	var took time.Duration
	for b.Loop() {
		home := b.TempDir()
		t, _ := firstCell(b, program, append(os.Environ(), "HOME="+home, "XDG_CACHE_HOME="+filepath.Join(home, ".cache"),
			"GOCACHE="+filepath.Join(home, "go-build"), "GOMODCACHE="+strings.TrimSpace(string(modules))), 5*time.Minute)
		took += t
	}
	b.ReportMetric(took.Seconds()/float64(b.N), "s/start")
}

// memory sums the memory of a process and of those that it started, in kB.
func memory(t testing.TB, pid int) (resident, anonymous int) {
	t.Helper()
	children, _ := exec.Command("pgrep", "-P", fmt.Sprint(pid)).Output()
	for _, p := range append(strings.Fields(string(children)), fmt.Sprint(pid)) {
		text, err := os.ReadFile("/proc/" + p + "/smaps_rollup")
		if err != nil {
			t.Skip(err)
		}
		for name, sum := range map[string]*int{"\nRss:": &resident, "\nAnonymous:": &anonymous} {
			_, rest, _ := strings.Cut(string(text), name)
			var kb int
			if _, err := fmt.Sscan(rest, &kb); err != nil {
				t.Fatal(err)
			}
			*sum += kb
		}
	}
	return resident, anonymous
}
