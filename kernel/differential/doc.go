// Package differential compares this kernel with gophernotes, cell by cell: whatever gophernotes runs has to run here,
// and with the same output. Both kernels are programs of their own and are spoken to over the Jupyter protocol.
//
// Where the two differ on purpose, the situation says why and what Go itself prints; the README lists these reasons.
package differential
