package notebook

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/types"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"goalgap/kernel/display"
	"goalgap/kernel/session"
	"goalgap/kernel/worker"
)

// Observer is told what happens while a notebook is executed. Any field may be nil.
type Observer struct {
	Cell     func(index, number, total int, c *Cell) // a code cell begins; number counts code cells from 1
	Stream   func(name, text string)
	Progress func(line string)             // a progress bar moved
	Done     func(c *Cell, err *CellError) // the cell ended; err is nil if it went well
}

// CellError says which cell of a notebook failed, and how.
type CellError struct {
	Number  int // among the code cells, from 1
	Line    int // of the cell, from 1; 0 if unknown
	Failure *session.Failure
}

func (e *CellError) Error() string {
	place := fmt.Sprintf("cell [%d]", e.Number)
	if e.Line > 0 {
		place += fmt.Sprintf(", line %d", e.Line)
	}
	cause, _, _ := strings.Cut(e.Failure.Value, "\n")
	return fmt.Sprintf("%s: %s: %s", place, e.Failure.Name, cause)
}

// Collector turns the events of a session into the outputs of a cell, as a front end does: text that follows text is
// joined, a display with the id of an earlier one replaces it.
type Collector struct {
	mu       sync.Mutex
	nb       *Notebook
	cell     *Cell
	clear    bool // before the next output
	observer Observer
}

// NewCollector returns a collector for the cells of nb. Its Event method is what a session is opened with.
func NewCollector(nb *Notebook, o Observer) *Collector { return &Collector{nb: nb, observer: o} }

func (c *Collector) begin(cell *Cell) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cell, c.clear = cell, false
}

// Event takes an event of the session.
func (c *Collector) Event(e worker.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cell == nil {
		return
	}
	if e.Kind != "clear" && e.Kind != "update" && c.clear {
		c.cell.Outputs, c.clear = nil, false
	}
	id, _ := e.Transient["display_id"].(string)
	switch e.Kind {
	case "stdout", "stderr":
		if n := len(c.cell.Outputs); n > 0 && c.cell.Outputs[n-1].Kind == "stream" && c.cell.Outputs[n-1].Stream == e.Kind {
			c.cell.Outputs[n-1].Text += e.Text
		} else {
			c.cell.Outputs = append(c.cell.Outputs, Output{Kind: "stream", Stream: e.Kind, Text: e.Text})
		}
		if c.observer.Stream != nil {
			c.observer.Stream(e.Kind, e.Text)
		}
	case "result":
		c.cell.Outputs = append(c.cell.Outputs, Output{Kind: "execute_result", Data: e.Data, Metadata: e.Metadata})
	case "display":
		c.cell.Outputs = append(c.cell.Outputs, Output{Kind: "display_data", Data: e.Data, Metadata: e.Metadata, displayID: id})
	case "update":
		for _, cell := range c.nb.Cells {
			for i := range cell.Outputs {
				if o := &cell.Outputs[i]; id != "" && o.displayID == id {
					o.Data, o.Metadata = e.Data, e.Metadata
				}
			}
		}
	case "clear":
		if e.Wait {
			c.clear = true
		} else {
			c.cell.Outputs = nil
		}
	}
	if e.Data[display.TypeProgress] != nil && c.observer.Progress != nil {
		if text, ok := e.Data[display.TypeText].(string); ok {
			c.observer.Progress(text)
		}
	}
}

// Execute runs the notebook's code cells in order, in a session that was opened with the collector's Event. It stops at
// the first cell that fails. Earlier outputs are removed first.
func (c *Collector) Execute(s *session.Session) *CellError {
	total := 0
	for _, cell := range c.nb.Cells {
		if cell.Kind == "code" {
			total++
			cell.Outputs, cell.Count = nil, 0
		}
	}
	var sources []string
	for _, cell := range c.nb.Cells {
		if cell.Kind == "code" {
			sources = append(sources, cell.Source)
		}
	}
	s.Ahead(sources)
	defer s.Ahead(nil)
	number := 0
	for i, cell := range c.nb.Cells {
		if cell.Kind != "code" {
			continue
		}
		number++
		if c.observer.Cell != nil {
			c.observer.Cell(i, number, total, cell)
		}
		c.begin(cell)
		f := s.Execute(cell.Source, fmt.Sprintf("cell [%d]", number))
		c.mu.Lock()
		cell.Count = number
		c.cell = nil
		var err *CellError
		if f != nil {
			cell.Outputs = append(cell.Outputs, Output{Kind: "error", Name: f.Name, Value: f.Value, Traceback: f.Traceback})
			err = &CellError{Number: number, Line: f.Line, Failure: f}
		}
		c.mu.Unlock()
		if c.observer.Done != nil {
			c.observer.Done(cell, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Parametrise puts a cell with the given values behind the cell tagged "parameters", as papermill does. Each value must
// fit the type of the variable that the tagged cell declares: a string variable takes the text as it is, others take a
// Go expression. The error lists the names and types that there are.
func Parametrise(nb *Notebook, s *session.Session, values map[string]string) error {
	// A cell injected by an earlier run is replaced.
	nb.Cells = slices.DeleteFunc(nb.Cells, func(c *Cell) bool { return slices.Contains(c.Tags(), "injected-parameters") })
	if len(values) == 0 {
		return nil
	}
	i, cell := nb.Tagged("parameters")
	if cell == nil {
		return inputError("notebook %s has no cell tagged \"parameters\", so it takes no -p", nb.Path)
	}
	vars, err := s.Variables(cell.Source)
	if err != nil {
		return inputError("the parameters cell of %s does not compile: %w", nb.Path, err)
	}
	var source strings.Builder
	source.WriteString("// Parameters\n")
	for _, name := range slices.Sorted(maps.Keys(values)) {
		t, ok := vars[name]
		if !ok {
			return inputError("there is no parameter %q; %s has %s", name, nb.Path, describe(vars))
		}
		expr, err := expression(t, values[name])
		if err == nil {
			err = s.Check(fmt.Sprintf("var %s %s = %s", name, types.TypeString(t, types.RelativeTo(nil)), expr))
		}
		if err != nil {
			return inputError("parameter %s is of type %s and cannot be %q; %s has %s", name, t, values[name], nb.Path, describe(vars))
		}
		fmt.Fprintf(&source, "%s = %s\n", name, expr)
	}
	nb.Insert(i+1, source.String(), "injected-parameters", "injected-parameters")
	return nil
}

func expression(t types.Type, value string) (string, error) {
	if b, ok := t.Underlying().(*types.Basic); ok && b.Info()&types.IsString != 0 {
		return strconv.Quote(value), nil
	}
	if t.String() == "bool" {
		if v, err := strconv.ParseBool(value); err == nil {
			return strconv.FormatBool(v), nil
		}
	}
	e, err := parser.ParseExpr(value)
	if err != nil {
		return "", err
	}
	calls := false
	ast.Inspect(e, func(n ast.Node) bool {
		if _, ok := n.(*ast.FuncLit); ok {
			calls = true
		}
		return true
	})
	if calls {
		return "", fmt.Errorf("%s is not a plain value", value)
	}
	return "(" + value + ")", nil
}

func describe(vars map[string]types.Type) string {
	var list []string
	for _, n := range slices.Sorted(maps.Keys(vars)) {
		list = append(list, n+" "+vars[n].String())
	}
	return strings.Join(list, ", ")
}

// Verdicts returns the conclusions that the notebook shows (display.Verdict), as text.
func (nb *Notebook) Verdicts() []string {
	var list []string
	for _, c := range nb.Cells {
		for _, o := range c.Outputs {
			if o.Data[display.TypeVerdict] != nil {
				if t, ok := o.Data[display.TypeText].(string); ok {
					list = append(list, t)
				}
			}
		}
	}
	return list
}
