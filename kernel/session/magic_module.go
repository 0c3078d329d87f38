package session

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"go/importer"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

func init() {
	addMagics(
		&magic{name: "get", usage: "MODULE[@VERSION] …", short: "make a module's packages available to cells",
			long: "Downloads the module for this kernel's cells, as go get does, without touching the project's go.mod. Cells import its packages by\n" +
				"their paths, and find the package at its root by name. A module whose needs would change a version that the kernel itself is built with is refused.",
			line: func(m *magicCall) *Failure { return m.get() }},
		&magic{name: "reload", short: "take up edited packages of the project",
			long: "The packages are compiled again, and a new worker loads them, because a running process cannot replace packages. All names are\n" +
				"forgotten.",
			line: func(m *magicCall) *Failure {
				return m.interruptible(func(ctx context.Context) *Failure {
					if err := m.reload(ctx); err != nil {
						return m.fail("%w", err)
					}
					m.print("packages are compiled again; all names are forgotten, a new worker is ready\n")
					return nil
				})
			}},
	)
}

// reload compiles the project's packages again and starts a worker with them.
func (s *Session) reload(ctx context.Context) error {
	dir := s.tools.root
	if s.tools.project != "" {
		dir = s.tools.project
	}
	tools, err := PrepareFor(ctx, s.tools.root, dir, nil)
	if err != nil {
		return err
	}
	tools.modfile = s.tools.modfile
	s.tools = tools
	s.importer = importer.ForCompiler(token.NewFileSet(), "gc", tools.lookup)
	return s.renew()
}

// moduleFlag makes the go command use the go.mod that %get has written, if there is one.
func (t *Toolchain) moduleFlag() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.modfile == "" {
		return nil
	}
	return []string{"-modfile=" + t.modfile}
}

// privateModule copies the project's go.mod to where this kernel can change it, and returns its path.
func (t *Toolchain) privateModule() (string, error) {
	base := filepath.Join(t.cache, "modules")
	if entries, err := os.ReadDir(base); err == nil {
		for _, e := range entries { // of kernels that are gone
			pid, err := strconv.Atoi(strings.SplitN(e.Name(), "-", 2)[0])
			if err == nil && pid != os.Getpid() && syscall.Kill(pid, 0) == syscall.ESRCH {
				os.RemoveAll(filepath.Join(base, e.Name()))
			}
		}
	}
	sum := sha256.Sum256([]byte(t.root))
	dir := filepath.Join(base, fmt.Sprintf("%d-%s", os.Getpid(), hex.EncodeToString(sum[:4])))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("making a folder for go.mod: %w", err)
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		b, err := os.ReadFile(filepath.Join(t.root, name))
		if os.IsNotExist(err) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), b, 0o600)
		}
		if err != nil {
			return "", fmt.Errorf("copying %s: %w", name, err)
		}
	}
	return filepath.Join(dir, "go.mod"), nil
}

func (m *magicCall) get() *Failure {
	modules := fields(m.args)
	if len(modules) == 0 {
		return m.usage()
	}
	return m.interruptible(func(ctx context.Context) *Failure {
		t := m.tools
		if t.work != "" {
			return m.getIntoWorkspace(ctx, modules)
		}
		t.mu.Lock()
		file := t.modfile
		t.mu.Unlock()
		var err error
		if file == "" {
			if file, err = t.privateModule(); err != nil {
				return m.fail("%w", err)
			}
		}
		before := map[string][]byte{}
		for _, f := range []string{file, strings.TrimSuffix(file, ".mod") + ".sum"} {
			before[f], _ = os.ReadFile(f)
		}
		restore := func() {
			for f, b := range before {
				os.WriteFile(f, b, 0o600)
			}
		}
		versions, err := requirements(ctx, t, file)
		if err != nil {
			return m.fail("%w", err)
		}
		cmd := exec.CommandContext(ctx, t.goTool, append([]string{"get", "-modfile=" + file}, modules...)...)
		cmd.Dir, cmd.Env = t.root, append(t.environment(), "GOFLAGS=")
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err != nil {
			restore()
			return m.fail("go get: %s", strings.TrimSpace(out.String()))
		}
		after, err := requirements(ctx, t, file)
		if err != nil {
			restore()
			return m.fail("%w", err)
		}
		for path, version := range versions {
			if now := after[path]; now != "" && now != version {
				restore()
				return m.fail("this would change %s from %s to %s, with which the kernel is built: ask for an older version, or use go get in the project and %%reload", path, version, now)
			}
		}
		t.mu.Lock()
		t.modfile = file
		t.mu.Unlock()
		for _, module := range modules {
			path, _, _ := strings.Cut(module, "@")
			t.list(ctx, []string{path}, true) // cells find its first package by name; modules without one are imported
		}
		for line := range strings.Lines(out.String()) {
			if strings.HasPrefix(line, "go: added ") || strings.HasPrefix(line, "go: upgraded ") || strings.HasPrefix(line, "go: downgraded ") {
				m.print("%s", strings.TrimPrefix(line, "go: "))
			}
		}
		return nil
	})
}

// getIntoWorkspace is get for a notebook in a module of the user's: the modules are required by a third one, in a workspace
// of this kernel's own.
func (m *magicCall) getIntoWorkspace(ctx context.Context, modules []string) *Failure {
	t := m.tools
	private, err := t.privateModule()
	if err != nil {
		return m.fail("%w", err)
	}
	dir := filepath.Join(filepath.Dir(private), "get")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return m.fail("%w", err)
	}
	file := filepath.Join(dir, "go.mod")
	before, err := os.ReadFile(file)
	if err != nil {
		before = fmt.Appendf(nil, "module get.invalid\n\ngo %s\n", strings.TrimPrefix(strings.Fields(t.version)[0], "go"))
		if err := os.WriteFile(file, before, 0o600); err != nil {
			return m.fail("%w", err)
		}
	}
	versions, err := t.selected(ctx)
	if err != nil {
		return m.fail("%w", err)
	}
	work := t.work
	undo := func() {
		os.WriteFile(file, before, 0o600)
		t.work = work
	}
	cmd := exec.CommandContext(ctx, t.goTool, append([]string{"get"}, modules...)...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		undo()
		return m.fail("go get: %s", strings.TrimSpace(string(out)))
	}
	text, err := os.ReadFile(t.work)
	if err != nil {
		undo()
		return m.fail("reading the workspace: %w", err)
	}
	own := filepath.Join(filepath.Dir(private), "go.work")
	if t.work != own {
		text = append(text, fmt.Sprintf("use %q\n", dir)...)
		if err := os.WriteFile(own, text, 0o600); err != nil {
			undo()
			return m.fail("writing the workspace: %w", err)
		}
		t.work = own
	}
	after, err := t.selected(ctx)
	if err != nil {
		undo()
		return m.fail("%w", err)
	}
	for path, version := range versions {
		if now := after[path]; now != "" && now != version {
			undo()
			return m.fail("this would change %s from %s to %s, with which the kernel is built: ask for an older version, or use go get in the project and %%reload", path, version, now)
		}
	}
	for _, module := range modules {
		path, _, _ := strings.Cut(module, "@")
		t.list(ctx, []string{path}, true)
		if v := after[path]; v != "" {
			m.print("added %s %s\n", path, v)
		}
	}
	return nil
}

// selected returns the versions of all modules that the go command has chosen.
func (t *Toolchain) selected(ctx context.Context) (map[string]string, error) {
	out, err := t.run(ctx, t.goTool, "list", "-m", "-f", "{{.Path}} {{.Version}}", "all")
	if err != nil {
		return nil, fmt.Errorf("listing the modules: %w", err)
	}
	versions := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if path, version, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			versions[path] = version
		}
	}
	return versions, nil
}

// requirements returns the modules that a go.mod requires, with their versions.
func requirements(ctx context.Context, t *Toolchain, file string) (map[string]string, error) {
	out, err := t.run(ctx, t.goTool, "mod", "edit", "-json", file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	var module struct {
		Require []struct{ Path, Version string }
	}
	if err := json.Unmarshal(out, &module); err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	versions := map[string]string{}
	for _, r := range module.Require {
		versions[r.Path] = r.Version
	}
	return versions, nil
}

// goCommand runs the go command where cells' packages are found and stores what it printed.
func (m *magicCall) goCommand(text *string, args ...string) *Failure {
	return m.interruptible(func(ctx context.Context) *Failure {
		cmd := exec.CommandContext(ctx, m.tools.goTool, args...)
		cmd.Dir, cmd.Env = m.tools.root, m.tools.environment()
		if flag := m.tools.moduleFlag(); flag != nil { // go doc knows it only from there
			cmd.Env = append(cmd.Env, "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" "+flag[0]))
		}
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			return m.fail("%s", strings.TrimSpace(cmp.Or(strings.TrimSuffix(strings.TrimSpace(stderr.String()), "exit status 1"), err.Error())))
		}
		*text = string(out)
		return nil
	})
}
