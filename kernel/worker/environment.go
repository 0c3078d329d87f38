package worker

import (
	"fmt"
	"math"
	"os"
	"plugin"
	"runtime/debug"
	"syscall"
	"time"
)

// EnvironmentChange is what the kernel wants to be different in the worker's process.
type EnvironmentChange struct {
	Dir   string            `json:"dir,omitempty"` // the new working directory; empty: as it is
	Set   map[string]string `json:"set,omitempty"`
	Unset []string          `json:"unset,omitempty"`
}

// Environment is where and with which variables the worker's process runs. Cells can change both.
type Environment struct {
	Dir string   `json:"dir"`
	Env []string `json:"env"`
}

// Usage is the processor time that the worker has used so far.
type Usage struct {
	User   time.Duration `json:"user"`
	System time.Duration `json:"system"`
}

type nothing struct{}

func init() {
	Handle("environment", changeEnvironment)
	Handle("load", loadPlugins)
	Handle("usage", func(nothing) (u Usage, err error) {
		var r syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
			return u, fmt.Errorf("asking for the processor time: %w", err)
		}
		return Usage{User: time.Duration(r.Utime.Nano()), System: time.Duration(r.Stime.Nano())}, nil
	})
	Handle("memory", func(limit int64) (nothing, error) {
		debug.SetMemoryLimit(limit)
		return nothing{}, nil
	})
}

func changeEnvironment(c EnvironmentChange) (Environment, error) {
	if c.Dir != "" {
		if err := os.Chdir(c.Dir); err != nil {
			return Environment{}, err
		}
	}
	for name, value := range c.Set {
		if err := os.Setenv(name, value); err != nil {
			return Environment{}, fmt.Errorf("setting %s: %w", name, err)
		}
	}
	for _, name := range c.Unset {
		if err := os.Unsetenv(name); err != nil {
			return Environment{}, fmt.Errorf("unsetting %s: %w", name, err)
		}
	}
	dir, err := os.Getwd()
	if err != nil {
		return Environment{}, fmt.Errorf("finding the working directory: %w", err)
	}
	return Environment{Dir: dir, Env: os.Environ()}, nil
}

// loadPlugins loads compiled cells ahead of their execution, so that the time of loading is not taken for theirs.
func loadPlugins(files []string) (nothing, error) {
	for _, file := range files {
		if _, err := plugin.Open(file); err != nil {
			return nothing{}, fmt.Errorf("loading the compiled cell: %w", err)
		}
	}
	return nothing{}, nil
}

// Environment changes the worker's directory and variables, and returns what they are then.
func (c *Client) Environment(change EnvironmentChange) (e Environment, err error) {
	err = c.Call("environment", change, &e)
	return e, err
}

// Load loads compiled cells.
func (c *Client) Load(files []string) error { return c.Call("load", files, nil) }

// Usage returns the processor time of the worker.
func (c *Client) Usage() (u Usage, err error) {
	err = c.Call("usage", nothing{}, &u)
	return u, err
}

// SetMemoryLimit tells the garbage collector how many bytes the worker may use; 0 is no limit.
func (c *Client) SetMemoryLimit(bytes int64) error {
	if bytes <= 0 {
		bytes = math.MaxInt64
	}
	return c.Call("memory", bytes, nil)
}
