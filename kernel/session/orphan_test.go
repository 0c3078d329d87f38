package session

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestKilledKernelLeavesNothing runs a kernel process of its own: this test binary, which kills itself.
func TestKilledKernelLeavesNothing(t *testing.T) {
	const role = "GOALGAP_TEST_KERNEL"
	if os.Getenv(role) != "" {
		s, _ := open(t)
		if f := s.Execute("exec.Command(\"sleep\", \"1000\").Start()", "cell"); f != nil {
			t.Fatal(f)
		}
		fmt.Printf("group %d.\n", s.client.PID())
		go s.Execute("for {}", "cell")
		time.Sleep(time.Second)
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	open(t) // what compiles is compiled
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestKilledKernelLeavesNothing$")
	cmd.Env = append(os.Environ(), role+"=1", "TMPDIR="+t.TempDir())
	cmd.WaitDelay = 2 * time.Second
	out, _ := cmd.Output()
	_, rest, ok := strings.Cut(string(out), "group ")
	group, _, _ := strings.Cut(rest, ".")
	if !ok {
		t.Fatalf("the kernel said %q", out)
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		left, _ := exec.Command("ps", "-o", "pid=,args=", "-g", group).Output()
		if len(strings.TrimSpace(string(left))) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("processes of a killed kernel are left:\n%s", left)
		}
	}
}
