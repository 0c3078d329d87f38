//go:build !linux

package worker

import "time"

// waitsForOthersOnly is known on Linux only: elsewhere a deadlock lasts until it is interrupted.
func waitsForOthersOnly(int) bool { return false }

func processorTime(int) time.Duration { return 0 }

func residentMemory(int) int64 { return 0 }
