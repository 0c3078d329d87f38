package session

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"
)

// workerPackage is the program that runs cells; its dependencies are the packages that cells find by name.
const workerPackage = "goalgap/kernel/worker/process"

// ownPackages are goalgap's packages for cells. One that does not compile, because somebody is editing it, is missing
// only where a cell uses it.
var ownPackages = []string{"goalgap/lib/...", "goalgap/plots/...", "goalgap/kernel/display",
	"goalgap/kernel/widget"}

// basePackages are compiled for cells at the start, because nearly every cell needs some of them. Others follow when a
// cell imports them.
var basePackages = []string{"bufio", "bytes", "cmp", "context", "encoding/json", "errors", "fmt", "io", "iter", "maps",
	"math", "math/rand", "math/rand/v2", "os", "path/filepath", "regexp", "runtime", "slices", "sort", "strconv",
	"strings", "sync", "sync/atomic", "time", "unsafe", "runtime/cgo", "image", "image/color", "image/png",
	"text/tabwriter"}

// A Toolchain is the user's Go toolchain, made ready to compile cells.
type Toolchain struct {
	root    string // directory of the module that cells see
	cache   string // directory of compiled cells
	goTool  string
	toolDir string
	cc      string
	linker  string // stands in for the C compiler in linking; empty where that is not possible
	version string
	worker  string // path of the worker program
	project string // folder of the user's module in which the notebook lies; empty: none
	work    string // go.work of goalgap and the project
	modfile string // go.mod with the modules that %get has added; empty: the project's

	mu         sync.Mutex
	export     map[string]string          // import path -> compiled package
	byName     map[string][]string        // package name -> import paths that cells may use without importing them
	own        map[string]bool            // packages of the project
	claims     map[string]chan struct{}   // cells that are being compiled, by hash
	rest       func() map[string][]string // like byName, of rarer packages; takes half a second the first time
	version256 string                     // hash of the toolchain and the base packages
}

// Prepare finds the toolchain, compiles the packages that cells need and builds the worker. root is a directory inside
// the goalgap module. progress is told what takes long; it may be nil. The error is one sentence with its remedy.
func Prepare(ctx context.Context, root string, progress func(string)) (*Toolchain, error) {
	return PrepareFor(ctx, root, root, progress)
}

// PrepareFor is Prepare for a notebook in the folder dir: if that lies in another Go module, cells see its packages too.
func PrepareFor(ctx context.Context, root, dir string, progress func(string)) (*Toolchain, error) {
	if progress == nil {
		progress = func(string) {}
	}
	t := &Toolchain{root: root, export: map[string]string{}, byName: map[string][]string{}, own: map[string]bool{},
		claims: map[string]chan struct{}{}}
	if err := t.find(ctx); err != nil {
		return nil, err
	}
	if err := t.makeCache(); err != nil {
		return nil, err
	}
	t.project = findProject(dir, t.root)
	if err := t.makeWorkspace(ctx); err != nil {
		return nil, err
	}
	t.makeLinker()
	sum := sha256.Sum256([]byte(t.root + "\x00" + t.project + "\x00" + t.version))
	folder := filepath.Join(t.cache, "worker-"+hex.EncodeToString(sum[:6]))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder for the worker: %w", err)
	}
	if _, err := os.Stat(filepath.Join(folder, workerName)); err != nil {
		progress("first start: compiling the standard library and goalgap for cells (about a minute, once)")
	}
	var wg sync.WaitGroup
	var buildErr, listErr error
	wg.Go(func() { buildErr = t.buildWorker(ctx, folder) })
	wg.Go(func() { listErr = t.list(ctx, slices.Concat([]string{workerPackage}, basePackages, ownPackages), true) })
	var projectErr error
	wg.Go(func() { projectErr = t.findProjectPackages(ctx) })
	wg.Wait()
	if projectErr != nil {
		return nil, projectErr
	}
	if buildErr != nil {
		return nil, fmt.Errorf("building the worker: %w", buildErr)
	}
	if listErr != nil {
		return nil, listErr
	}
	t.version256 = t.hashExports()
	t.rest = sync.OnceValue(t.listRest)
	return t, nil
}

// listRest finds the packages of the standard library, gonum and gonum/plot by name.
func (t *Toolchain) listRest() map[string][]string {
	args := append([]string{"list", "-e", "-f", "{{.Name}} {{.ImportPath}}"}, t.moduleFlag()...)
	out, err := t.run(context.Background(), t.goTool, append(args, "std", "gonum.org/v1/gonum/...", "gonum.org/v1/plot/...")...)
	if err != nil {
		log.Printf("goalgap: listing packages that cells can use without importing them: %v", err)
		return nil
	}
	m := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		if name, path, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "main" && name != "" && !internalPath(path) {
			m[name] = append(m[name], path)
		}
	}
	return m
}

const workerName = "goalgap-worker"

// buildWorker builds the worker in a folder. Kernels that start at the same time do so one after the other, and each runs
// the program under a name that nobody writes to.
func (t *Toolchain) buildWorker(ctx context.Context, folder string) error {
	lock, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("locking the folder of the worker: %w", err)
	}
	defer lock.Close() // and so unlock it
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("locking the folder of the worker: %w", err)
	}
	program := filepath.Join(folder, workerName)
	if _, err := t.run(ctx, t.goTool, "build", "-o", program, workerPackage); err != nil {
		return err
	}
	info, err := os.Stat(program)
	if err != nil {
		return err
	}
	t.worker = fmt.Sprintf("%s-%x", program, info.ModTime().UnixNano())
	if _, err := os.Stat(t.worker); err != nil {
		if err := os.Link(program, t.worker); err != nil {
			return fmt.Errorf("naming the worker: %w", err)
		}
	}
	if old, err := filepath.Glob(program + "-*"); err == nil {
		for _, f := range old {
			if info, err := os.Stat(f); err == nil && f != t.worker && time.Since(info.ModTime()) > oldWorker {
				os.Remove(f)
			}
		}
	}
	return nil
}

// oldWorker is the age at which no kernel is expected to run a worker that was replaced.
const oldWorker = 14 * 24 * time.Hour

// find locates go, checks that it can build plugins, and says what is missing.
func (t *Toolchain) find(ctx context.Context) error {
	var err error
	if t.goTool, err = exec.LookPath("go"); err != nil {
		for _, candidate := range []string{"/usr/local/go/bin/go", "/usr/lib/go/bin/go", filepath.Join(os.Getenv("HOME"), "go/bin/go")} {
			if _, e := os.Stat(candidate); e == nil {
				t.goTool, err = candidate, nil
				break
			}
		}
	}
	if err != nil {
		return errors.New("no Go toolchain was found: install Go 1.26 or later (https://go.dev/dl) and make sure that `go` is on PATH")
	}
	out, err := t.run(ctx, t.goTool, "env", "-json", "GOVERSION", "CGO_ENABLED", "CC", "GOTOOLDIR", "GOOS", "GOMOD")
	if err != nil {
		return fmt.Errorf("asking %s for its settings: %w", t.goTool, err)
	}
	var env struct{ GOVERSION, CGO_ENABLED, CC, GOTOOLDIR, GOOS, GOMOD string }
	if err := json.Unmarshal(out, &env); err != nil {
		return fmt.Errorf("reading the settings of %s: %w", t.goTool, err)
	}
	t.version, t.toolDir = env.GOVERSION, env.GOTOOLDIR
	cc := strings.Fields(env.CC)
	if len(cc) == 0 {
		cc = []string{"gcc"}
	}
	t.cc = cc[0]
	if _, err := exec.LookPath(t.cc); err != nil {
		return fmt.Errorf("no C compiler was found (%s is not on PATH), and Go needs one to load compiled cells: install one, for example with `apt-get install gcc libc6-dev`", t.cc)
	}
	if env.CGO_ENABLED != "1" {
		return errors.New("cgo is switched off, and Go needs it to load compiled cells: unset CGO_ENABLED or set CGO_ENABLED=1")
	}
	if env.GOOS == "windows" {
		return errors.New("Go cannot load compiled cells on Windows: run goalgap in WSL or in the Docker image")
	}
	if language(env.GOVERSION) != language(runtime.Version()) {
		return fmt.Errorf("this kernel was built by %s, but `go` on PATH is %s: build it again with `go run ./kernel/goalgap install`", runtime.Version(), env.GOVERSION)
	}
	if env.GOMOD == "" || env.GOMOD == os.DevNull {
		return fmt.Errorf("%s is not inside the goalgap module: run goalgap from its clone, or set GOALGAP_ROOT to it", t.root)
	}
	t.root = filepath.Dir(env.GOMOD)
	return nil
}

// language cuts go1.26.8 to go1.26: what decides whether compiled packages can be read.
func language(version string) string {
	parts := strings.SplitN(strings.Fields(version + " ")[0], ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

func (t *Toolchain) makeCache() error {
	base, err := os.UserCacheDir()
	if err != nil {
		base = filepath.Join(os.TempDir(), fmt.Sprintf("cache-%d", os.Getuid()))
	}
	t.cache = filepath.Join(base, "goalgap")
	if err := os.MkdirAll(filepath.Join(t.cache, "cells"), 0o700); err != nil {
		return fmt.Errorf("making the folder for compiled cells: %w", err)
	}
	return nil
}

//go:embed ld.sh
var linkerScript []byte

// makeLinker writes the script that links cells without the C compiler's driver. It knows the options of GNU's ld on
// x86-64 Linux; elsewhere cells are linked by the C compiler.
func (t *Toolchain) makeLinker() {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" || !strings.Contains(filepath.Base(t.cc), "gcc") {
		return
	}
	if _, err := exec.LookPath("ld"); err != nil {
		return
	}
	path := filepath.Join(t.cache, "ld.sh")
	if old, err := os.ReadFile(path); err != nil || !bytes.Equal(old, linkerScript) {
		tmp := fmt.Sprintf("%s.%d", path, os.Getpid())
		if os.WriteFile(tmp, linkerScript, 0o700) != nil || os.Rename(tmp, path) != nil {
			return
		}
	}
	t.linker = path
}

// run executes a command in the module's directory and returns what it printed; the error carries its messages.
func (t *Toolchain) run(ctx context.Context, name string, args ...string) ([]byte, error) {
	return t.runIn(ctx, t.root, name, args...)
}

func (t *Toolchain) runIn(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, t.environment()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		text := strings.TrimSpace(stderr.String())
		if text == "" {
			text = strings.TrimSpace(stdout.String())
		}
		return nil, fmt.Errorf("%s: %w", text, err)
	}
	return stdout.Bytes(), nil
}

type listedPackage struct {
	ImportPath string
	Name       string
	Export     string
	Standard   bool
	DepOnly    bool
	Error      *struct{ Err string }
}

// list compiles packages and those that they need, in the form that plugins are linked from, and remembers where the
// results lie. With byName, what it finds can be used by cells without an import.
func (t *Toolchain) list(ctx context.Context, paths []string, byName bool) error {
	args := append([]string{"list", "-e", "-export", "-deps", "-buildmode=plugin",
		"-json=ImportPath,Name,Export,Standard,DepOnly,Error"}, append(append(t.moduleFlag(), "--"), paths...)...)
	out, err := t.run(ctx, t.goTool, args...)
	if err != nil {
		return fmt.Errorf("compiling packages for cells: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		var p listedPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading the list of packages: %w", err)
		}
		if p.Error != nil && !p.DepOnly && !byName {
			text := p.Error.Err
			if what, _, missing := strings.Cut(text, "; to add"); missing {
				text = what + "; to add it to this session: %get " + p.ImportPath
			}
			return fmt.Errorf("package %s: %s", p.ImportPath, text)
		}
		if p.Export != "" {
			t.export[p.ImportPath] = p.Export
		}
		if byName && p.Export != "" && !p.Standard && p.Name != "main" && !internalPath(p.ImportPath) {
			t.byName[p.Name] = append(t.byName[p.Name], p.ImportPath)
		}
	}
}

func internalPath(path string) bool {
	return strings.HasPrefix(path, "internal/") || strings.Contains(path, "/internal/") || strings.HasSuffix(path, "/internal") ||
		strings.Contains(path, "vendor/")
}

// ensure compiles the packages among paths that are not compiled yet.
func (t *Toolchain) ensure(ctx context.Context, paths []string) error {
	var missing []string
	t.mu.Lock()
	for _, p := range paths {
		if p != "unsafe" && p != "C" && t.export[p] == "" {
			missing = append(missing, p)
		}
	}
	t.mu.Unlock()
	if len(missing) == 0 {
		return nil
	}
	return t.list(ctx, missing, false)
}

// lookup opens the compiled form of a package for the type checker.
func (t *Toolchain) lookup(path string) (io.ReadCloser, error) {
	t.mu.Lock()
	file := t.export[path]
	t.mu.Unlock()
	if file == "" {
		return nil, fmt.Errorf("package %s is not compiled", path)
	}
	return os.Open(file)
}

// candidates returns the import paths that a bare package name can stand for, best first: goalgap's own packages, then
// the standard library, then gonum and other dependencies, then what is used so rarely that it is looked for only where
// nothing else has the name.
func (t *Toolchain) candidates(name string) []string {
	t.mu.Lock()
	paths := slices.Clone(t.byName[name])
	t.mu.Unlock()
	rank := func(p string) int {
		switch {
		case strings.HasPrefix(p, "goalgap/") || t.own[p]:
			return 0
		case strings.HasPrefix(p, "gonum.org/"):
			return 2
		}
		return 3
	}
	sort.SliceStable(paths, func(i, j int) bool { return rank(paths[i]) < rank(paths[j]) })
	std := standardPackages[name]
	n := 0
	for n < len(paths) && rank(paths[n]) == 0 {
		n++
	}
	found := slices.Concat(paths[:n], std, paths[n:])
	if len(found) == 0 && t.rest != nil {
		return t.rest()[name]
	}
	return found
}

// importConfig writes the file that tells the compiler and the linker where packages lie.
// own are packages that lie elsewhere for the time being.
func (t *Toolchain) importConfig(cells []*cellPackage, own map[string]string) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b bytes.Buffer
	for _, p := range slices.Sorted(maps.Keys(t.export)) {
		fmt.Fprintf(&b, "packagefile %s=%s\n", p, t.export[p])
	}
	for _, c := range cells {
		archive := c.archive
		if a := own[c.path]; a != "" {
			archive = a
		}
		fmt.Fprintf(&b, "packagefile %s=%s\n", c.path, archive)
	}
	return b.Bytes()
}

// hashExports identifies the toolchain and the compiled base packages: the names of compiled packages in Go's build
// cache are hashes of their content.
func (t *Toolchain) hashExports() string {
	h := sha256.New()
	fmt.Fprintln(h, t.version, runtime.GOARCH)
	for _, p := range slices.Sorted(maps.Keys(t.export)) {
		fmt.Fprintln(h, p, t.export[p])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// cacheLimit bounds the folder of compiled cells; the least recently used go first. A cell takes 2 MB, one that draws
// charts 14 MB, because the linker puts a copy of every package that it uses into it.
const cacheLimit = 4 << 30

// trimCache removes the least recently used compiled cells when there are too many.
func (t *Toolchain) trimCache() {
	type old struct {
		path string
		size int64
		used int64
	}
	var all []old
	var total int64
	dir := filepath.Join(t.cache, "cells")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		o := old{path: filepath.Join(dir, e.Name())}
		making := strings.HasPrefix(e.Name(), "new-") // by some kernel, which may not have written anything yet
		filepath.WalkDir(o.path, func(_ string, d fs.DirEntry, err error) error {
			if err != nil {
				return nil
			}
			info, err := d.Info()
			if err != nil || d.IsDir() && !making {
				return nil
			}
			o.used = max(o.used, info.ModTime().UnixNano())
			if !d.IsDir() {
				o.size += info.Size()
			}
			return nil
		})
		if making {
			if o.used > 0 && time.Since(time.Unix(0, o.used)) > time.Hour {
				os.RemoveAll(o.path) // of a kernel that was killed while it compiled
			}
			continue
		}
		total += o.size
		all = append(all, o)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].used < all[j].used })
	for _, o := range all {
		if total <= cacheLimit {
			return
		}
		os.RemoveAll(o.path)
		total -= o.size
	}
}

// Go returns the path of the go command.
func (t *Toolchain) Go() string { return t.goTool }

// CheckToolchain reports, in one sentence with its remedy, what is missing to compile cells.
func CheckToolchain(ctx context.Context, root string) error {
	return (&Toolchain{root: root}).find(ctx)
}
