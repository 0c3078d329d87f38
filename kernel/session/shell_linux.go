package session

import "syscall"

// dieWithKernel ends a shell command when the kernel is killed.
func dieWithKernel(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
