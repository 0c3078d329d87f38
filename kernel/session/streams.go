package session

import (
	"go/ast"
	"go/types"
	"strings"

	"goalgap/kernel/worker/cell"
)

// outputOf returns which output a statement of a cell writes to: cell.Stdout, cell.Stderr, or 0 if none can be seen. It
// knows fmt.Print and its like, print and println, the functions of package log, and calls that name os.Stdout or
// os.Stderr.
func (l *lowering) outputOf(st ast.Stmt) (output int32) {
	es, ok := st.(*ast.ExprStmt)
	if !ok {
		return 0
	}
	call, ok := ast.Unparen(es.X).(*ast.CallExpr)
	if !ok {
		return 0
	}
	ast.Inspect(call, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.Ident:
			switch obj := l.info.Uses[n].(type) {
			case *types.Builtin:
				if obj.Name() == "print" || obj.Name() == "println" {
					output = cell.Stderr
				}
			case *types.Var:
				if isOf(obj, "os") && obj.Name() == "Stderr" {
					output = cell.Stderr
				} else if isOf(obj, "os") && obj.Name() == "Stdout" {
					output = cell.Stdout
				}
			case *types.Func:
				if isOf(obj, "log") {
					output = cell.Stderr
				} else if isOf(obj, "fmt") && strings.HasPrefix(obj.Name(), "Print") {
					output = cell.Stdout
				}
			}
		}
		return output == 0
	})
	return output
}

func isOf(o types.Object, path string) bool { return o.Pkg() != nil && o.Pkg().Path() == path }

// turn puts what keeps the outputs in order before a statement in a list.
func (l *lowering) turn(list []ast.Stmt) {
	for _, st := range list {
		for {
			labelled, ok := st.(*ast.LabeledStmt)
			if !ok {
				break
			}
			st = labelled.Stmt
		}
		switch l.outputOf(st) {
		case cell.Stdout:
			l.insert(st.Pos(), "ωˍcell.Turn(1); ")
		case cell.Stderr:
			l.insert(st.Pos(), "ωˍcell.Turn(2); ")
		}
	}
}
