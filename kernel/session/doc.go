// Package session runs notebook cells of Go: compiled by the user's own toolchain, with state that persists.
//
// # How it works
//
// Each cell becomes a package of its own, built as a plugin, which the worker process loads. Later cells import the
// packages of earlier ones; Go's runtime then uses the copy that is loaded already, variables included. So types are
// identical across cells, and everything is compiled code.
//
//	x := 3                          package main // import path nb/4f…, clause main: %T says main.T
//	func double(n int) int {   =>   var x int
//	    return 2 * n                func double(n int) int { return 2 * n }
//	}                               var ωˍfunc_double func(int) int
//	double(x)                       func ωˍrun() { x = 3; ωˍcell.Show(double(x)) }
//	                                func init() { ωˍfunc_double = double; ωˍcell.Register("nb/4f…", ωˍrun) }
//
// split cuts a cell into declarations and statements; check type-checks it, with the session's names in scope, as if all
// cells were one package; lower writes the package above. The user's text is never reformatted: it stands under line
// directives, with small insertions, so messages and traces show the cell's own lines.
//
// A name of an earlier cell is declared in the preamble of the cell that uses it:
//
//   - a type T is exported by its cell as the alias ΩˍT, and is imported as type T = ωˍcell3.ΩˍT; %T still says main.T;
//   - a constant likewise; a generic function by an exported wrapper;
//   - a variable is declared again with a linkname to the first one: //go:linkname x nb/4f….x; the first cell's package
//     is not imported for that, so it is not linked again, but its plugin is loaded before;
//   - a function is called through the variable ωˍfunc_f of its cell, also by linkname. A later definition with the same
//     signature is stored there, so earlier cells call the new one. The functions of one cell call each other that way
//     too; only a function that calls itself does so directly;
//   - an unexported field of an earlier cell's type is reached through a pointer to a struct type of the same layout
//     with exported names; an unexported method has a spelling that all cells share;
//   - a struct type without a name, but with unexported fields, belongs to the cell that wrote it first; later cells name
//     that one where they write it again.
//
// The compiler gives every package main a table of its exported names for plugin.Lookup. It is taken out of compiled
// cells: the linker would take one cell's table for that of another's plugin.
//
// Declaring a variable again with the type that it has assigns to it; with another type it makes a new variable, and
// earlier code keeps the old one. In x := f(x), and in the statements above it, x is what it was before the cell.
//
// A type of an earlier cell that gets a method is compiled again, from its earlier text, with all types and functions that
// mention it. The layout is the same, so the variables stay where they are and are declared with the new type from then on; the
// worker goes through them and gives what interfaces hold the new type.
//
// Plugins have tables of methods of their own for what they put into interfaces, and compiled code compares their addresses.
// Where the runtime has made a table before, the worker puts that in the place of the plugin's (itabs.go).
//
// What needs no compiler (1+1, x, x = 3, f(2)) is executed by the worker by reflection. Cells that wait in the queue are
// compiled while earlier ones run, in a copy of the session that leaves nothing but compiled cells in the cache.
//
// Loops and functions that could recurse begin with a check of a flag, which is how an interrupt stops a cell that
// computes; one that recovers from that is stopped for good a little later. When stacks become large, functions look at the
// depth of theirs in the same check, and a recursion without end is stopped before Go's runtime ends the process. What
// waits elsewhere sees its context (ctx) cancelled, or is left behind after a grace period, and ends when the call that it
// waits in returns.
//
// The name of a package is a hash of its text and of everything that it is compiled from, and compiled cells are kept on
// disk under it: the same notebook in a new session compiles nothing.
package session
