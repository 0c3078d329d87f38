package worker

import (
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"sync"
)

// profiled is the file that a profile is being written to.
var profiled struct {
	sync.Mutex
	file *os.File
}

func init() { Handle("profile", profile) }

// profile starts to write a profile of the processor's time to a file, or ends it where there is no name.
func profile(name string) (nothing, error) {
	profiled.Lock()
	defer profiled.Unlock()
	if name == "" {
		if profiled.file == nil {
			return nothing{}, errors.New("no profile is being made")
		}
		pprof.StopCPUProfile()
		err := profiled.file.Close()
		profiled.file = nil
		return nothing{}, err
	}
	f, err := os.Create(name)
	if err != nil {
		return nothing{}, fmt.Errorf("making the profile's file: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		f.Close()
		return nothing{}, fmt.Errorf("starting a profile: %w", err)
	}
	profiled.file = f
	return nothing{}, nil
}

// Profile starts to write a profile of the processor's time to a file; with an empty name it ends it.
func (c *Client) Profile(file string) error { return c.Call("profile", file, nil) }
