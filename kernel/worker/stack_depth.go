//go:build amd64 || arm64

package worker

import "unsafe"

// stackTop returns the upper end of the stack of the goroutine that calls it.
func stackTop() uintptr

// self returns a number that no other goroutine has at the time.
func self() uintptr

// stackDepth returns how much of its stack a goroutine uses, in bytes.
func stackDepth() uintptr {
	var here byte
	return stackTop() - uintptr(unsafe.Pointer(&here))
}
