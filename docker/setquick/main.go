// Command setquick copies a notebook with quick=true in place of quick := false in its parameters cell, for front ends
// that take no parameters.
package main

import (
	"fmt"
	"os"
	"strings"

	"goalgap/kernel/notebook"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: setquick NOTEBOOK COPY")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "setquick:", err)
		os.Exit(1)
	}
}

func run(from, to string) error {
	nb, err := notebook.Read(from)
	if err != nil {
		return err
	}
	_, cell := nb.Tagged("parameters")
	if cell == nil || !strings.Contains(cell.Source, "quick := false") {
		return fmt.Errorf("%s has no parameters cell with quick := false", from)
	}
	cell.Source = strings.Replace(cell.Source, "quick := false", "quick := true", 1)
	for _, c := range nb.Cells {
		c.Outputs, c.Count = nil, 0
	}
	b, err := nb.Encode()
	if err != nil {
		return err
	}
	return notebook.WriteFile(to, b)
}
