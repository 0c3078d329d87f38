//go:build amd64 || arm64

package nn

import "testing"

// eachKernel runs a test with every set of kernels that this processor can run.
func eachKernel(t *testing.T, f func(t *testing.T)) {
	defer func(was int) { instructions = was }(instructions)
	for instructions = best(); instructions >= portable; instructions-- {
		t.Run(Kernels(), f)
	}
}
