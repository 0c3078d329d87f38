package session

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Of the folders in which cells are being compiled those alone are removed that have been left behind: not the one that
// another kernel has just made, in which there is nothing yet.
func TestTrimmingTheCacheLeavesOtherKernelsFolders(t *testing.T) {
	c := &Toolchain{cache: t.TempDir()}
	long := time.Now().Add(-2 * time.Hour)
	for _, test := range []struct {
		name      string
		file      bool      // whether something has been written
		at        time.Time // when the file was
		want      bool
		folderOld bool
	}{
		{"new-1", false, time.Time{}, true, false},
		{"new-2", true, time.Now(), true, true},
		{"new-3", true, long, false, true},
		{"new-4", false, time.Time{}, false, true},
		{"0123abcd", true, long, true, true}, // a compiled cell: only where there is no room
	} {
		folder := filepath.Join(c.cache, "cells", test.name)
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if test.file {
			file := filepath.Join(folder, "x")
			if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(file, test.at, test.at); err != nil {
				t.Fatal(err)
			}
		}
		if test.folderOld {
			if err := os.Chtimes(folder, long, long); err != nil {
				t.Fatal(err)
			}
		}
		c.trimCache()
		if _, err := os.Stat(folder); (err == nil) != test.want {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}
