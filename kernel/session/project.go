package session

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A notebook may lie in a Go module of its user's. Its cells then see that module's packages and dependencies beside
// goalgap's: the kernel makes a workspace of the two modules in its cache, and neither is touched. The go command chooses
// one version of every module for both, so the worker and the cells agree.

// findProject returns the folder of the Go module in which dir lies, "" if there is none or it is goalgap itself.
func findProject(dir, goalgap string) string {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	for {
		if b, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil {
			if sameFolder(dir, goalgap) || modulePath(b) == "goalgap" { // another clone: one of them is enough
				return ""
			}
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

// modulePath returns the path that a go.mod declares.
func modulePath(file []byte) string {
	for line := range strings.Lines(string(file)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "module" {
			return strings.Trim(f[1], `"`)
		}
	}
	return ""
}

func sameFolder(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

// makeWorkspace writes the workspace of goalgap and the project, with the modules of the project's own workspace if it
// has one.
func (t *Toolchain) makeWorkspace(ctx context.Context) error {
	if t.project == "" {
		return nil
	}
	folders := []string{t.root, t.project}
	replace := ""
	if work := workFile(t.project); work != "" {
		out, err := t.run(ctx, t.goTool, "work", "edit", "-json", work)
		if err != nil {
			return fmt.Errorf("reading the project's %s: %w", work, err)
		}
		var w struct {
			Use     []struct{ DiskPath string }
			Replace []struct {
				Old, New struct{ Path, Version string }
			}
		}
		if err := json.Unmarshal(out, &w); err != nil {
			return fmt.Errorf("reading the project's %s: %w", work, err)
		}
		for _, u := range w.Use {
			dir := u.DiskPath
			if !filepath.IsAbs(dir) {
				dir = filepath.Join(filepath.Dir(work), dir)
			}
			if !slices.ContainsFunc(folders, func(f string) bool { return sameFolder(f, dir) }) {
				folders = append(folders, dir)
			}
		}
		for _, r := range w.Replace {
			to := r.New.Path
			if strings.HasPrefix(to, ".") {
				to = filepath.Join(filepath.Dir(work), to)
			}
			replace += fmt.Sprintf("replace %s %s => %s %s\n", r.Old.Path, r.Old.Version, to, r.New.Version)
		}
	}
	sum := sha256.Sum256([]byte(strings.Join(folders, "\x00")))
	dir := filepath.Join(t.cache, "workspaces", hex.EncodeToString(sum[:6]))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the folder for the workspace: %w", err)
	}
	t.work = filepath.Join(dir, "go.work")
	return t.writeWorkspace(folders, replace)
}

func (t *Toolchain) writeWorkspace(folders []string, more string) error {
	text := fmt.Sprintf("go %s\n\nuse (\n", strings.TrimPrefix(strings.Fields(t.version)[0], "go"))
	for _, f := range folders {
		text += fmt.Sprintf("\t%q\n", f)
	}
	text += ")\n" + more
	if old, err := os.ReadFile(t.work); err == nil && string(old) == text {
		return nil
	}
	tmp := fmt.Sprintf("%s.%d", t.work, os.Getpid())
	if err := os.WriteFile(tmp, []byte(text), 0o600); err != nil {
		return fmt.Errorf("writing the workspace: %w", err)
	}
	return os.Rename(tmp, t.work)
}

// workFile returns the go.work that the go command would use in a folder, "" if there is none.
func workFile(dir string) string {
	switch env := os.Getenv("GOWORK"); env {
	case "":
	case "off":
		return ""
	default:
		return env
	}
	for {
		file := filepath.Join(dir, "go.work")
		if _, err := os.Stat(file); err == nil {
			return file
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

// environment is that of the go command: the kernel's own modules, whatever workspace the kernel was started in.
func (t *Toolchain) environment() []string {
	work := "off"
	if t.work != "" {
		work = t.work
	}
	return append(os.Environ(), "GOWORK="+work)
}

// findProjectPackages lets cells use the project's packages by name. They are compiled when a cell uses them.
func (t *Toolchain) findProjectPackages(ctx context.Context) error {
	if t.project == "" {
		return nil
	}
	out, err := t.runIn(ctx, t.project, t.goTool, "list", "-e", "-f", "{{.Name}} {{.ImportPath}}", "./...")
	if err != nil {
		return fmt.Errorf("listing the packages of the module in %s: %w", t.project, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for line := range strings.Lines(string(out)) {
		if name, path, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "main" && name != "" {
			t.byName[name] = append(t.byName[name], path)
			t.own[path] = true
		}
	}
	return nil
}
