package session

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"
	"unicode"
)

// buildRecipe numbers the ways in which cells have been compiled: those in the cache that were made in another way are
// not used.
const buildRecipe = 8

// A build is a cell that has to be compiled.
type build struct {
	cell   *cellPackage
	hash   string
	source string
}

// plan finds the package that a lowered cell becomes. The build is nil if it has been compiled before.
func (s *Session) plan(ctx context.Context, l *lowered) (*cellPackage, *build, error) {
	if err := s.tools.ensure(ctx, l.imports); err != nil {
		return nil, nil, err
	}
	deps := closure(l.deps, s.order)
	h := sha256.New()
	fmt.Fprintln(h, buildRecipe, s.tools.version256)
	for _, d := range deps {
		fmt.Fprintln(h, d.path)
	}
	s.tools.mu.Lock()
	for _, p := range l.imports {
		fmt.Fprintln(h, p, s.tools.export[p])
	}
	s.tools.mu.Unlock()
	fmt.Fprint(h, l.source)
	hash := hex.EncodeToString(h.Sum(nil)[:12])
	path := "nb/" + hash
	for _, c := range s.order {
		if c.path == path {
			return c, nil, nil
		}
	}
	dir := s.tools.cellFolder(hash)
	cell := &cellPackage{number: len(s.order) + 1, path: path, deps: deps,
		archive: filepath.Join(dir, "cell.a"), plugin: filepath.Join(dir, "cell.so")}
	if cell.onDisk() {
		return cell, nil, nil
	}
	return cell, &build{cell, hash, strings.ReplaceAll(l.source, pathPlaceholder, path)}, nil
}

func (t *Toolchain) cellFolder(hash string) string { return filepath.Join(t.cache, "cells", hash) }

// onDisk reports whether the cell is compiled, and marks it as used.
func (c *cellPackage) onDisk() bool {
	if _, err := os.Stat(c.plugin); err != nil {
		return false
	}
	now := time.Now()
	os.Chtimes(c.plugin, now, now)
	return true
}

// compile makes a plugin of a lowered cell, or takes it from the cache. If the cell is being compiled ahead, it waits.
func (s *Session) compile(ctx context.Context, l *lowered) (*cellPackage, error) {
	cell, b, err := s.plan(ctx, l)
	if err != nil || b == nil {
		return cell, err
	}
	for {
		mine, done := s.tools.claim(b.hash)
		if mine {
			break
		}
		select {
		case <-done:
			if cell.onDisk() {
				return cell, nil
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	defer s.tools.release(b.hash)
	return cell, s.tools.build(ctx, []*build{b})
}

// claim makes the caller the one who compiles a cell. If somebody else is, done tells when that has ended.
func (t *Toolchain) claim(hash string) (mine bool, done <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c, ok := t.claims[hash]; ok {
		return false, c
	}
	t.claims[hash] = make(chan struct{})
	return true, nil
}

func (t *Toolchain) release(hash string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.claims[hash])
	delete(t.claims, hash)
}

// build compiles cells and links them into one plugin: the linker takes as long for ten cells as for one. Each cell's
// folder gets a link to it. The cells stand in an order in which each comes after those that it needs.
func (t *Toolchain) build(ctx context.Context, cells []*build) error {
	tmp, err := os.MkdirTemp(filepath.Join(t.cache, "cells"), "new-")
	if err != nil {
		return fmt.Errorf("making a folder for the compiled cell: %w", err)
	}
	defer os.RemoveAll(tmp)
	var all []*cellPackage
	for _, b := range cells {
		all = append(all, b.cell.deps...)
	}
	for _, b := range cells {
		all = append(all, b.cell)
	}
	// Where the packages of this build lie until it is done.
	own := map[string]string{}
	for i, b := range cells {
		own[b.cell.path] = filepath.Join(tmp, fmt.Sprint(i), "cell.a")
	}
	config := t.importConfig(all, own)
	if err := os.WriteFile(filepath.Join(tmp, "importcfg"), config, 0o600); err != nil {
		return fmt.Errorf("writing the list of packages for the compiler: %w", err)
	}
	if err := t.compileAll(ctx, tmp, cells); err != nil {
		return err
	}
	main, path := own[cells[0].cell.path], cells[0].cell.path
	batch := ""
	if len(cells) > 1 {
		if batch, main, err = t.compileBatch(ctx, tmp, cells); err != nil {
			return err
		}
		path = "nb/" + batch
	}
	link := func(linker string) error {
		return t.tool(ctx, tmp, "link", "-s", "-w", "-importcfg", "importcfg", "-buildmode=plugin", "-pluginpath", path, "-extld", linker, "-o", "cell.so", main)
	}
	err = errors.New("no quick linker")
	if t.linker != "" {
		err = link(t.linker)
	}
	if err != nil && ctx.Err() == nil {
		// The quick way knows only what usual cells need: with C libraries in play, the C compiler links.
		err = link(t.cc)
	}
	if err != nil {
		return err
	}
	plugin := filepath.Join(tmp, "cell.so")
	if batch != "" {
		folder := filepath.Join(tmp, "batch")
		if err := os.Mkdir(folder, 0o700); err != nil {
			return fmt.Errorf("keeping the compiled cells: %w", err)
		}
		if err := os.Rename(plugin, filepath.Join(folder, "cell.so")); err != nil {
			return fmt.Errorf("keeping the compiled cells: %w", err)
		}
		if err := t.keep(folder, batch); err != nil {
			return err
		}
	}
	for i, b := range cells {
		folder := filepath.Join(tmp, fmt.Sprint(i))
		target := filepath.Join(folder, "cell.so")
		if batch != "" {
			err = os.Symlink(filepath.Join("..", batch, "cell.so"), target)
		} else {
			err = os.Rename(plugin, target)
		}
		if err == nil {
			err = t.keep(folder, b.hash)
		}
		if err != nil {
			return fmt.Errorf("keeping the compiled cell: %w", err)
		}
	}
	return nil
}

// keep moves a finished folder into the cache.
func (t *Toolchain) keep(folder, hash string) error {
	dir := t.cellFolder(hash)
	err := os.Rename(folder, dir)
	if err == nil {
		return nil
	}
	if _, statErr := os.Stat(filepath.Join(dir, "cell.so")); statErr == nil {
		return nil // another kernel was quicker: its files are the same
	}
	// What it links to has been removed to save space.
	os.RemoveAll(dir)
	return os.Rename(folder, dir)
}

// compileAll compiles the packages of cells, several at a time where they do not need each other.
func (t *Toolchain) compileAll(ctx context.Context, tmp string, cells []*build) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := map[string]chan struct{}{}
	for _, b := range cells {
		done[b.cell.path] = make(chan struct{})
	}
	slots := make(chan struct{}, max(1, min(runtime.NumCPU(), 4)))
	errs := make([]error, len(cells))
	var wg sync.WaitGroup
	for i, b := range cells {
		wg.Go(func() {
			defer close(done[b.cell.path])
			for _, d := range b.cell.deps {
				if c := done[d.path]; c != nil {
					<-c
				}
			}
			if err := t.awaitOthers(ctx, b, done); err != nil {
				errs[i] = err
				return
			}
			slots <- struct{}{}
			defer func() { <-slots }()
			if errs[i] = t.compileCell(ctx, tmp, fmt.Sprint(i), b); errs[i] != nil {
				cancel()
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
	}
	return errors.Join(errs...)
}

// awaitOthers waits for the cells that b needs and that somebody else is compiling.
func (t *Toolchain) awaitOthers(ctx context.Context, b *build, own map[string]chan struct{}) error {
	for _, d := range b.cell.deps {
		if own[d.path] != nil {
			continue
		}
		t.mu.Lock()
		c := t.claims[strings.TrimPrefix(d.path, "nb/")]
		t.mu.Unlock()
		if c == nil {
			continue
		}
		select {
		case <-c:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// compileCell compiles one package into a folder of its own inside tmp.
func (t *Toolchain) compileCell(ctx context.Context, tmp, name string, b *build) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	folder := filepath.Join(tmp, name)
	if err := os.Mkdir(folder, 0o700); err != nil {
		return fmt.Errorf("making a folder for the compiled cell: %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, "cell.go"), []byte(b.source), 0o600); err != nil {
		return fmt.Errorf("writing the cell for the compiler: %w", err)
	}
	if err := t.tool(ctx, folder, "compile", "-o", "cell.a", "-p", b.cell.path, "-lang", language(t.version), "-trimpath", folder,
		"-dynlink", "-shared", "-pack", "-importcfg", "../importcfg", "cell.go"); err != nil {
		return err
	}
	return finishArchive(filepath.Join(folder, "cell.a"))
}

// compileBatch compiles the package that holds several cells together in one plugin.
func (t *Toolchain) compileBatch(ctx context.Context, tmp string, cells []*build) (hash, archive string, err error) {
	var source strings.Builder
	source.WriteString("package main\n\n")
	h := sha256.New()
	for _, b := range cells {
		fmt.Fprintf(&source, "import _ %q\n", b.cell.path)
		fmt.Fprintln(h, b.hash)
	}
	hash = hex.EncodeToString(h.Sum(nil)[:12])
	b := &build{cell: &cellPackage{path: "nb/" + hash}, source: source.String()}
	if err := t.compileCell(ctx, tmp, "main", b); err != nil {
		return "", "", err
	}
	return hash, filepath.Join(tmp, "main", "cell.a"), nil
}

// tool runs one of the toolchain's programs.
func (t *Toolchain) tool(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(t.toolDir, name), args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%s: %s", name, strings.TrimSpace(string(out)))
	}
	return err
}

// finishArchive changes what the compiler has written for a cell in two places.
func finishArchive(archive string) error {
	b, err := os.ReadFile(archive)
	if err != nil {
		return fmt.Errorf("reading the compiled cell: %w", err)
	}
	b = hideExports(b)
	plainTypeNames(b)
	if err := os.WriteFile(archive, b, 0o600); err != nil {
		return fmt.Errorf("writing the compiled cell: %w", err)
	}
	return nil
}

// hideExports takes the table of exported names out of a compiled cell. The compiler makes one for every package main, and
// the linker takes that of any cell which is linked with the plugin for the plugin's own; nobody looks names up in it, and
// loading fails where it lists what another plugin holds. A symbol under another name is one that nothing refers to.
func hideExports(b []byte) []byte {
	b = bytes.ReplaceAll(b, []byte("go:plugin.tabs"), []byte("go:plugin.tabX"))
	return bytes.ReplaceAll(b, []byte("go:plugin.exports"), []byte("go:plugin.exportX"))
}

var cellPathInName = regexp.MustCompile(`nb/[0-9a-f]{24}\.`)

// plainTypeNames makes main.Gen[main.T] of the name main.Gen[nb/4f….T] of a type. A type is called by the name of its
// package, but its type arguments by the paths of theirs. The names of types that %T and reflect show are kept as flags,
// length and text, which begins with a star; the shorter text leaves some bytes behind it that nobody reads.
func plainTypeNames(b []byte) {
	for at := 0; ; at++ {
		i := bytes.IndexByte(b[at:], '*')
		if i < 0 {
			return
		}
		at += i
		// The length is a varint of one or two bytes.
		bytesOf, length := 0, 0
		switch {
		case at >= 2 && b[at-1] < 0x80 && b[at-2] <= 1:
			bytesOf, length = 1, int(b[at-1])
		case at >= 3 && b[at-1] < 0x80 && b[at-2] >= 0x80 && b[at-3] <= 1:
			bytesOf, length = 2, int(b[at-2]&0x7f)|int(b[at-1])<<7
		}
		if length == 0 || at+length > len(b) {
			continue
		}
		name := b[at : at+length]
		if !cellPathInName.Match(name) || bytes.ContainsFunc(name, unicode.IsControl) {
			continue
		}
		short := cellPathInName.ReplaceAll(name, []byte("main."))
		copy(name, short)
		if bytesOf == 1 {
			b[at-1] = byte(len(short))
		} else {
			b[at-2], b[at-1] = byte(len(short))|0x80, byte(len(short)>>7)
		}
	}
}

// closure returns the cells that some cells need, directly or not, in the order in which they were made.
func closure(direct, order []*cellPackage) []*cellPackage {
	need := map[*cellPackage]bool{}
	for _, d := range direct {
		need[d] = true
		for _, e := range d.deps {
			need[e] = true
		}
	}
	var list []*cellPackage
	for _, c := range order {
		if need[c] {
			list = append(list, c)
		}
	}
	return list
}
