//go:build !amd64 && !arm64

package worker

// stackDepth is not known here.
func stackDepth() uintptr { return 0 }

func self() uintptr { return 0 }
