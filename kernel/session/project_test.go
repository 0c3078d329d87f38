package session

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// project makes a module with a package, and one that it depends on in the same workspace.
func project(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":                   "module example.com/shop\n\ngo 1.26\n\nrequire gonum.org/v1/gonum v0.17.0\n",
		"price/price.go":           "// Package price knows prices.\npackage price\n\n// Of returns the price of a thing.\nfunc Of(thing string) int { return len(thing) }\n",
		"internal/secret/s.go":     "package secret\n\nconst Word = \"xyzzy\"\n",
		"broken/broken.go":         "package broken\n\nfunc f() { does not compile }\n",
		"notebooks/analysis.ipynb": "{}",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestANotebookInAModuleSeesItsPackages(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a worker")
	}
	dir := project(t)
	before, _ := os.ReadDir(dir)
	tools, err := PrepareFor(context.Background(), ".", filepath.Join(dir, "notebooks"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(filepath.Dir(tools.worker)); os.RemoveAll(filepath.Dir(tools.work)) })
	r := &recorder{}
	s, err := Open(Options{Tools: tools, Dir: filepath.Join(dir, "notebooks"), Events: r.add})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	playIn(t, s, r, []step{
		{cell: "price.Of(\"apple\")", out: "[result 5]"},
		{cell: "import \"example.com/shop/internal/secret\"\nsecret.Word", out: "[result xyzzy]"},
		{cell: "stats.Mean([]float64{1, 3})", out: "[result 2]"},
		{cell: "import gstat \"gonum.org/v1/gonum/stat\"\ngstat.Mean([]float64{1, 3}, nil)", out: "[result 2]"},
		{cell: "import \"example.com/shop/broken\"", fails: "compile error"},
	})
	edited := "package price\n\nfunc Of(thing string) int { return 100 }\n"
	if err := os.WriteFile(filepath.Join(dir, "price/price.go"), []byte(edited), 0o644); err != nil {
		t.Fatal(err)
	}
	playIn(t, s, r, []step{{cell: "price.Of(\"apple\")", out: "[result 5]"}})
	if f := s.Execute("%reload", "cell"); f != nil {
		t.Fatal(f)
	}
	r.take()
	playIn(t, s, r, []step{{cell: "price.Of(\"apple\")", out: "[result 100]"}})
	if after, _ := os.ReadDir(dir); len(after) != len(before) {
		t.Errorf("the project has other files than before: %v", after)
	}
}

func TestANotebookInGoalgapIsInNoOtherModule(t *testing.T) {
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if p := findProject(wd, filepath.Join(wd, "../..")); p != "" {
		t.Errorf("the project of goalgap's own folder is %q", p)
	}
	if p := findProject(t.TempDir(), wd); p != "" {
		t.Errorf("the project of a folder without a go.mod is %q", p)
	}
}
