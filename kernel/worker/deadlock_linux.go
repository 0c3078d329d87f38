package worker

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// waitsForOthersOnly reports whether every thread of a process of Go's is in a system call, and none in one that a timer
// will end: the runtime waits for its next timer in the poller's time limit. (The runtime's own monitor waits for a lock,
// with a limit of a minute.)
func waitsForOthersOnly(pid int) bool {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil || len(threads) == 0 {
		return false
	}
	for _, t := range threads {
		// The number of the call and its arguments, or "running"; refused where one may not look into other processes.
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/syscall", pid, t.Name()))
		if err != nil || !waits(strings.Fields(string(line))) {
			return false
		}
	}
	return true
}

// waits reports whether a system call as /proc shows it waits for something else than time.
func waits(call []string) bool {
	if len(call) < 5 {
		return false
	}
	number, err := strconv.Atoi(call[0])
	if err != nil {
		return false
	}
	switch number {
	case unix.SYS_FUTEX, unix.SYS_READ:
		return true
	case unix.SYS_EPOLL_PWAIT:
		limit, err := strconv.ParseUint(strings.TrimPrefix(call[4], "0x"), 16, 64)
		return err == nil && int32(limit) < 0
	}
	return false
}

// processorTime returns how long a process has computed, 0 if that is not known.
func processorTime(pid int) time.Duration {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	// After the name, in parentheses that it may itself contain: the state, 10 numbers, then the ticks as user and in the
	// kernel, of which there are 100 a second.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * (time.Second / 100)
}

// residentMemory returns how much memory of a process is in use, in bytes; 0 if that is not known.
func residentMemory(pid int) int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}
