package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"goalgap/kernel/jupyter"
	"goalgap/kernel/notebook"
	"goalgap/kernel/session"
	"goalgap/kernel/worker"
)

// rootVariable names goalgap's clone for a kernel that was started elsewhere; install puts it into the kernelspec.
const rootVariable = "GOALGAP_ROOT"

// moduleRoot finds the goalgap module: GOALGAP_ROOT, or the module around the current directory, the notebook or this
// program.
func moduleRoot(near string) (string, error) {
	var starts []string
	if r := os.Getenv(rootVariable); r != "" {
		if isGoalgap(r) {
			return r, nil
		}
		return "", fmt.Errorf("%s=%s is not a clone of goalgap: set it to the folder with goalgap's go.mod", rootVariable, r)
	}
	if wd, err := os.Getwd(); err == nil {
		starts = append(starts, wd)
	}
	if near != "" {
		if abs, err := filepath.Abs(near); err == nil {
			starts = append(starts, filepath.Dir(abs))
		}
	}
	if exe, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(exe))
	}
	// Where this program was compiled from, unless paths were trimmed.
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		starts = append(starts, filepath.Dir(file))
	}
	for _, dir := range starts {
		for {
			if isGoalgap(dir) {
				return dir, nil
			}
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	return "", fmt.Errorf("goalgap's own source was not found: start it inside its clone, or set %s to the clone", rootVariable)
}

func isGoalgap(dir string) bool {
	b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == "module" {
			return f[1] == "goalgap"
		}
	}
	return false
}

// jupyterData is the folder in which Jupyter looks for what a user installed.
func jupyterData() (string, error) {
	if d := os.Getenv("JUPYTER_DATA_DIR"); d != "" {
		return d, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("finding the home folder: %w", err)
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(home, "Library", "Jupyter"), nil
	}
	if d := os.Getenv("XDG_DATA_HOME"); d != "" {
		return filepath.Join(d, "jupyter"), nil
	}
	return filepath.Join(home, ".local", "share", "jupyter"), nil
}

func kernelFolder() (string, error) {
	data, err := jupyterData()
	return filepath.Join(data, "kernels", "goalgap"), err
}

func installCommand(ctx context.Context, args []string) error {
	if len(args) > 0 {
		return inputf("install takes no arguments")
	}
	root, err := moduleRoot("")
	if err != nil {
		return err
	}
	dir, err := kernelFolder()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return inputf("folder %s cannot be made: %w", dir, cause(err))
	}
	con := newConsole(os.Stderr)
	tools, err := session.Prepare(ctx, root, con.note)
	if err != nil {
		return err
	}
	program := filepath.Join(dir, "goalgap")
	build := exec.CommandContext(ctx, tools.Go(), "build", "-o", program, "./kernel/goalgap")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the kernel: %s: %w", strings.TrimSpace(string(out)), err)
	}
	// Jupyter is often started from a desktop whose PATH lacks Go.
	path := filepath.Dir(tools.Go()) + string(os.PathListSeparator) + "${PATH}"
	spec, err := json.MarshalIndent(map[string]any{
		"argv":         []string{program, "kernel", "-f", "{connection_file}"},
		"display_name": "Go (goalgap)", "language": "go", "interrupt_mode": "message",
		"env":      map[string]string{rootVariable: root, "PATH": path},
		"metadata": map[string]any{"debugger": false},
	}, "", "  ")
	if err != nil {
		return err
	}
	if err := notebook.WriteFile(filepath.Join(dir, "kernel.json"), append(spec, '\n')); err != nil {
		return inputf("%s cannot be written: %w", filepath.Join(dir, "kernel.json"), cause(err))
	}
	fmt.Println("installed the kernel \"goalgap\" in", dir)
	return nil
}

func uninstallCommand(args []string) error {
	if len(args) > 0 {
		return inputf("uninstall takes no arguments")
	}
	dir, err := kernelFolder()
	if err != nil {
		return err
	}
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return inputf("the kernel is not installed in %s", dir)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("removing %s: %w", dir, cause(err))
	}
	fmt.Println("removed", dir)
	return nil
}

func kernelCommand(ctx context.Context, args []string) error {
	if len(args) != 2 || args[0] != "-f" {
		return inputf("kernel wants -f and a connection file; Jupyter starts it so after `goalgap install`")
	}
	connection, err := jupyter.ReadConnectionFile(args[1])
	if err != nil {
		return &statusError{statusInput, err}
	}
	root, err := moduleRoot("")
	if err != nil {
		return err
	}
	if err := session.CheckToolchain(ctx, root); err != nil {
		return err
	}
	// Jupyter sends interrupts as messages; a SIGINT to the whole group on a terminal is not for the kernel.
	signal.Ignore(os.Interrupt)
	ctx, cancel := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGHUP)
	defer cancel()
	go endWithParent(cancel)
	return jupyter.Serve(ctx, connection, func(events func(worker.Event), progress func(string)) (jupyter.Engine, error) {
		dir, err := os.Getwd() // Jupyter starts a kernel in the folder of its notebook
		if err != nil {
			dir = root
		}
		tools, err := session.PrepareFor(ctx, root, dir, progress)
		if err != nil {
			return nil, err
		}
		return session.Open(session.Options{Tools: tools, Events: events, Pager: true})
	})
}

// endWithParent calls end when the front end that has started the kernel is gone without a word: it was killed. Jupyter
// says by JPY_PARENT_PID that the kernel belongs to it.
func endWithParent(end func()) {
	parent := os.Getppid()
	if os.Getenv("JPY_PARENT_PID") == "" || parent <= 1 {
		return
	}
	for os.Getppid() == parent {
		time.Sleep(time.Second)
	}
	end()
}
