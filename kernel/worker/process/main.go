// Command process is the worker: the kernel builds it with the user's Go toolchain and starts it. It is linked with the
// packages that cells use most, so that loading a cell does not bring them along.
package main

import (
	"fmt"
	"os"
	"syscall"

	"goalgap/kernel/worker"

	// What cells use most.
	_ "goalgap/kernel/display"
	_ "goalgap/kernel/widget"
	_ "goalgap/lib/env/cartpole"
	_ "goalgap/lib/env/coinrun"
	_ "goalgap/lib/ppo"
	_ "goalgap/lib/stats"
	_ "goalgap/plots"
)

func main() {
	in, out := os.NewFile(3, "requests"), os.NewFile(4, "replies")
	if in == nil || out == nil {
		fmt.Fprintln(os.Stderr, "this program is started by the goalgap kernel, not by hand")
		os.Exit(2)
	}
	// What cells start must not hold the pipes to the kernel.
	syscall.CloseOnExec(3)
	syscall.CloseOnExec(4)
	if err := worker.Serve(in, out); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
	// The kernel is gone or wants no more: what cells started goes too, where this process leads a group of its own.
	if syscall.Getpgrp() == os.Getpid() {
		syscall.Kill(0, syscall.SIGKILL)
	}
}
