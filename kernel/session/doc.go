// Package session runs notebook cells of Go: compiled by the user's own toolchain, with state that persists.
//
// # How it works
//
// Each cell becomes a package of its own, built as a plugin, which the worker process loads. Later cells import the
// packages of earlier ones; Go's runtime then uses the copy that is loaded already, variables included. So types are
// identical across cells, and everything is compiled code that runs at native speed.
//
//	x := 3                          package main // import path nb/4f…, clause main: %T says main.T
//	func double(n int) int {   =>   var x int
//	    return 2 * n                func double(n int) int { return 2 * n }
//	}                               var ωˍfunc_double = double
//	double(x)                       func ωˍrun() { x = 3; ωˍcell.Show(double(x)) }
//	                                func init() { ωˍcell.Register("nb/4f…", ωˍrun) }
//
// split cuts a cell into declarations and statements; check type-checks it, with the session's names in scope, as if all
// cells were one package; lower writes the package above. The user's text is never reformatted: it stands under line
// directives, with small insertions, so messages and traces show the cell's own lines.
//
// A name of an earlier cell is declared in the preamble of the cell that uses it:
//
//   - a type T is exported by its cell as the alias ΩˍT, and is imported as type T = ωˍcell3.ΩˍT; %T still says main.T;
//   - a constant likewise; a generic function by an exported wrapper;
//   - a variable is declared again with a linkname to the first one: //go:linkname x nb/4f….x. It cannot be exported,
//     because exported variables of a package main would enter the plugin's export table;
//   - a function is called through the variable ωˍfunc_f of its cell, also by linkname. A later definition with the same
//     signature is stored there, so earlier cells call the new one;
//   - an unexported field of an earlier cell's type is reached through a pointer to a struct type of the same layout
//     with exported names; an unexported method has a spelling that all cells share.
//
// Declaring a variable again with the type that it has assigns to it; with another type it makes a new variable, and
// earlier code keeps the old one.
//
// Loops and functions that could recurse begin with a check of a flag, which is how an interrupt stops a cell that
// computes. What waits elsewhere sees its context (ctx) cancelled, or is left behind after a grace period.
//
// The name of a package is a hash of its text and of everything that it is compiled from, and compiled cells are kept on
// disk under it: the same notebook in a new session compiles nothing.
package session
