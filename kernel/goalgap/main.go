// Command goalgap runs notebooks of Go cells: in Jupyter as a kernel, or from the command line into reports.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"goalgap/kernel/notebook"
)

const usage = `goalgap runs notebooks of Go cells.

  goalgap run NOTEBOOK… [-p name=value]… [-o DIR | --inplace]
                      execute notebooks; write each, executed, and an HTML report into DIR
                      (reports/ if not said), and print the verdicts
  goalgap render NOTEBOOK… [-o DIR]
                      write the HTML report of a notebook that was executed before
  goalgap console     type cells at the terminal, or read them from a pipe
  goalgap install     put the kernel where Jupyter finds it
  goalgap uninstall   remove it from there
  goalgap kernel -f CONNECTION_FILE
                      serve a front end; Jupyter calls this

Exit status: 0 if all went well, 1 if a cell failed, 2 for wrong input, 130 after Ctrl-C.
`

// Exit statuses.
const (
	statusFailed      = 1
	statusInput       = 2
	statusInterrupted = 130
)

// A statusError ends the program with a status; its message has been printed already if it is empty.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *statusError) Unwrap() error { return e.err }

func inputf(format string, args ...any) error {
	return &statusError{statusInput, fmt.Errorf(format, args...)}
}

func main() {
	err := command(context.Background(), os.Args[1:])
	if err == nil {
		return
	}
	status := statusFailed
	var s *statusError
	switch {
	case errors.As(err, &s):
		status = s.status
	case errors.Is(err, notebook.ErrInput):
		status = statusInput
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(os.Stderr, "goalgap:", text)
	}
	os.Exit(status)
}

func command(ctx context.Context, args []string) error {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return &statusError{status: statusInput}
	}
	switch args[0] {
	case "run":
		return runCommand(ctx, args[1:])
	case "render":
		return renderCommand(args[1:])
	case "console":
		return consoleCommand(ctx, args[1:])
	case "install":
		return installCommand(ctx, args[1:])
	case "uninstall":
		return uninstallCommand(args[1:])
	case "kernel":
		return kernelCommand(ctx, args[1:])
	case "help", "-h", "-help", "--help":
		fmt.Print(usage)
		return nil
	}
	return inputf("there is no command %q; `goalgap help` lists them", args[0])
}
