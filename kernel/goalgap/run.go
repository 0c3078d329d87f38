package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"goalgap/kernel/notebook"
	"goalgap/kernel/session"
)

// arguments are those of run and render: notebooks and options in any order.
type arguments struct {
	notebooks []string
	out       string
	inplace   bool
	values    map[string]string
}

func parseArguments(command string, args []string, options ...string) (*arguments, error) {
	a := &arguments{values: map[string]string{}}
	allowed := map[string]bool{}
	for _, o := range options {
		allowed[o] = true
	}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			a.notebooks = append(a.notebooks, arg)
			continue
		}
		name, value, joined := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if !allowed[name] {
			return nil, inputf("%s has no option %s; `goalgap help` lists them", command, arg)
		}
		if name == "inplace" {
			a.inplace = true
			continue
		}
		if !joined || name == "p" && !strings.Contains(value, "=") {
			if joined {
				return nil, inputf("-p wants name=value, not %q", value)
			}
			if i++; i == len(args) {
				return nil, inputf("option %s wants a value", arg)
			}
			value = args[i]
		}
		switch name {
		case "o":
			a.out = value
		case "p":
			n, v, ok := strings.Cut(value, "=")
			if !ok || n == "" {
				return nil, inputf("-p wants name=value, not %q", value)
			}
			a.values[n] = v
		}
	}
	switch {
	case len(a.notebooks) == 0:
		return nil, inputf("%s wants a notebook, as in: goalgap %s notebooks/coinrun.ipynb", command, command)
	case a.inplace && a.out != "":
		return nil, inputf("--inplace and -o exclude each other")
	}
	return a, nil
}

// outputs are the files that a notebook is written to.
type outputs struct{ notebook, report string }

// prepareOutputs checks that the files can be written before anything is executed.
func (a *arguments) prepareOutputs(path string) (outputs, error) {
	dir := a.out
	if dir == "" {
		dir = "reports"
	}
	base := strings.TrimSuffix(filepath.Base(path), ".ipynb")
	o := outputs{filepath.Join(dir, base+".ipynb"), filepath.Join(dir, base+".html")}
	if a.inplace {
		o.notebook = path
		dir = filepath.Dir(path)
		if err := writable(dir); err != nil {
			return o, inputf("notebook %s cannot be written: %w", path, err)
		}
		o.report = filepath.Join("reports", base+".html")
		dir = "reports"
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return o, inputf("folder %s cannot be made: %w", dir, cause(err))
	}
	if err := writable(dir); err != nil {
		return o, inputf("folder %s cannot be written to: %w", dir, err)
	}
	for _, f := range []string{o.notebook, o.report} {
		if info, err := os.Stat(f); err == nil && info.IsDir() {
			return o, inputf("%s cannot be written: it is a folder", f)
		}
	}
	if !a.inplace && same(path, o.notebook) {
		return o, inputf("the executed notebook would overwrite %s: say --inplace if you mean that, or -o another folder", path)
	}
	return o, nil
}

func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".goalgap-*")
	if err != nil {
		return cause(err)
	}
	f.Close()
	return os.Remove(f.Name())
}

func cause(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

func same(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

func runCommand(ctx context.Context, args []string) error {
	a, err := parseArguments("run", args, "p", "o", "inplace")
	if err != nil {
		return err
	}
	// Everything that can be wrong with the input is found before anything is compiled or written.
	books := make([]*notebook.Notebook, len(a.notebooks))
	files := make([]outputs, len(a.notebooks))
	for i, path := range a.notebooks {
		nb, err := notebook.Read(path)
		if err != nil {
			return err
		}
		if err := nb.CheckLanguage(); err != nil {
			return err
		}
		books[i] = nb
		if files[i], err = a.prepareOutputs(path); err != nil {
			return err
		}
	}
	root, err := moduleRoot(a.notebooks[0])
	if err != nil {
		return err
	}
	con := newConsole(os.Stderr)
	tools, err := session.PrepareFor(ctx, root, filepath.Dir(a.notebooks[0]), con.note)
	if err != nil {
		return err
	}
	failed := 0
	var last error
	for i, nb := range books {
		if err := runNotebook(tools, nb, files[i], a.values, con); err != nil {
			var s *statusError
			if errors.As(err, &s) && s.status == statusInterrupted || errors.Is(err, notebook.ErrInput) {
				return err
			}
			failed++
			last = err
			if i < len(books)-1 {
				con.note("goalgap: " + err.Error())
			}
		}
	}
	return last
}

// runNotebook executes one notebook, writes it and its report, and prints its verdicts.
func runNotebook(tools *session.Toolchain, nb *notebook.Notebook, files outputs, values map[string]string, con *console) error {
	start := time.Now()
	collector := notebook.NewCollector(nb, con.observer())
	s, err := session.Open(session.Options{Tools: tools, Dir: filepath.Dir(nb.Path), Events: collector.Event})
	if err != nil {
		return err
	}
	defer s.Close()
	if err := notebook.Parametrise(nb, s, values); err != nil {
		return err
	}
	con.note(fmt.Sprintf("%s: %s", nb.Path, nb.Title()))

	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	var interrupted atomic.Bool
	finished := make(chan struct{})
	defer close(finished)
	go func() {
		for {
			select {
			case <-signals:
				if interrupted.Swap(true) {
					s.Close() // the second time: do not wait for the cell
					continue
				}
				con.note("interrupted: stopping the cell and writing what there is (once more: at once)")
				s.Interrupt()
			case <-finished:
				return
			}
		}
	}()
	cellErr := collector.Execute(s)
	if err := write(nb, files); err != nil {
		return err
	}
	con.note(fmt.Sprintf("%s in %s: %s, %s", map[bool]string{true: "finished", false: "stopped"}[cellErr == nil],
		time.Since(start).Round(100*time.Millisecond), files.notebook, files.report))
	switch {
	case interrupted.Load():
		return &statusError{status: statusInterrupted}
	case cellErr != nil:
		return &statusError{statusFailed, fmt.Errorf("%s: %w", nb.Path, cellErr)}
	}
	for _, v := range nb.Verdicts() {
		fmt.Printf("\n%s\n", v)
	}
	return nil
}

func write(nb *notebook.Notebook, files outputs) error {
	b, err := nb.Encode()
	if err == nil {
		err = notebook.WriteFile(files.notebook, b)
	}
	if err != nil {
		return fmt.Errorf("writing the executed notebook %s: %w", files.notebook, cause(err))
	}
	return writeReport(nb, files.report)
}

func writeReport(nb *notebook.Notebook, path string) error {
	h, err := notebook.Render(nb, time.Now())
	if err == nil {
		err = notebook.WriteFile(path, h)
	}
	if err != nil {
		return fmt.Errorf("writing the report %s: %w", path, cause(err))
	}
	return nil
}

func renderCommand(args []string) error {
	a, err := parseArguments("render", args, "o")
	if err != nil {
		return err
	}
	dir := a.out
	if dir == "" {
		dir = "reports"
	}
	for _, path := range a.notebooks {
		nb, err := notebook.Read(path)
		if err != nil {
			return err
		}
		if err := nb.CheckLanguage(); err != nil {
			return err
		}
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return inputf("folder %s cannot be made: %w", dir, cause(err))
		}
		if err := writable(dir); err != nil {
			return inputf("folder %s cannot be written to: %w", dir, err)
		}
		out := filepath.Join(dir, strings.TrimSuffix(filepath.Base(path), ".ipynb")+".html")
		if err := writeReport(nb, out); err != nil {
			return err
		}
		fmt.Println(out)
	}
	return nil
}
