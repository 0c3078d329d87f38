//go:build !amd64 && !arm64

package nn

import "testing"

// eachKernel runs a test with every set of kernels that this processor can run.
func eachKernel(t *testing.T, f func(t *testing.T)) { t.Run(Kernels(), f) }
