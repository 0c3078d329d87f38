package session

import (
	"errors"
	"fmt"
	"go/doc"
	"go/types"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

func init() {
	const which = "A test is a function TestXxx(t *testing.T), ExampleXxx() with a comment // Output:, or FuzzXxx(f *testing.F), of which the inputs\n" +
		"given by f.Add are tried. "
	addMagics(
		&magic{name: "test", usage: "[-run RE] [-v] [-count N] [-short]", short: "run the session's tests, examples and fuzz targets",
			long: which + "All that the session knows are run, or those that match -run. In the first line of a cell, the command comes\n" +
				"after what the cell declares. A test that fails makes the cell fail.",
			line: func(m *magicCall) *Failure { return m.test() },
			cell: func(m *magicCall) *Failure {
				if f := m.runBody(); f != nil {
					return f
				}
				return m.test()
			}},
		&magic{name: "bench", usage: "[RE] [-benchtime D] [-count N] [-cpu LIST]", short: "run the session's benchmarks",
			long: "A benchmark is a function BenchmarkXxx(b *testing.B). All are run, or those that match RE. In the first line of a cell, the\n" +
				"command comes after what the cell declares.",
			line: func(m *magicCall) *Failure { return m.bench() },
			cell: func(m *magicCall) *Failure {
				if f := m.runBody(); f != nil {
					return f
				}
				return m.bench()
			}},
	)
}

// testFunctions returns the functions of the session whose name begins like a test's and which take what a test takes.
func (s *Session) testFunctions(prefix, parameter string) []string {
	var list []string
	for _, e := range s.userNames() {
		f, ok := e.obj.(*types.Func)
		rest, named := strings.CutPrefix(e.name, prefix)
		if r, _ := utf8.DecodeRuneInString(rest); !ok || !named || unicode.IsLower(r) {
			continue
		}
		sig := f.Signature()
		if sig.TypeParams().Len() > 0 || sig.Results().Len() > 0 {
			continue
		}
		switch {
		case parameter == "" && sig.Params().Len() == 0,
			sig.Params().Len() == 1 && types.TypeString(sig.Params().At(0).Type(), nil) == parameter:
			list = append(list, e.name)
		}
	}
	return list
}

// testFlags are those of go test that make sense for compiled cells.
var testFlags = []string{"run", "skip", "count", "cpu", "parallel", "timeout", "benchtime", "shuffle"}

func (m *magicCall) testArguments() (flags map[string]string, rest []string, err error) {
	flags = map[string]string{}
	args := fields(m.args)
	for _, name := range testFlags {
		var value string
		if args, value, err = takeOption(args, "-"+name); err != nil {
			return nil, nil, err
		}
		if value != "" {
			flags["test."+name] = value
		}
	}
	for _, name := range []string{"v", "short", "failfast"} {
		var given bool
		if args, given = takeFlag(args, "-"+name); given {
			flags["test."+name] = "true"
		}
	}
	for _, a := range args {
		if strings.HasPrefix(a, "-fuzz") {
			return nil, nil, errors.New("inputs cannot be searched for here, because that needs a test binary of its own: the inputs of f.Add are tried; write the target to a file and use !go test -fuzz")
		}
		if strings.HasPrefix(a, "-") {
			return nil, nil, fmt.Errorf("the flag %s is not known here", a)
		}
	}
	return flags, args, nil
}

func (m *magicCall) test() *Failure {
	flags, rest, err := m.testArguments()
	if err != nil {
		return m.fail("%w", err)
	}
	if len(rest) == 1 && flags["test.run"] == "" {
		flags["test.run"] = rest[0]
	} else if len(rest) > 0 {
		return m.usage()
	}
	tests, targets := m.testFunctions("Test", "*testing.T"), m.testFunctions("Fuzz", "*testing.F")
	tests = without(tests, "TestMain")
	examples := m.examples()
	if len(tests)+len(targets)+len(examples) == 0 {
		return m.fail("the session has no tests: declare func TestXxx(t *testing.T), FuzzXxx or ExampleXxx")
	}
	return m.runTests(flags, tests, nil, targets, examples)
}

func (m *magicCall) bench() *Failure {
	flags, rest, err := m.testArguments()
	if err != nil {
		return m.fail("%w", err)
	}
	if len(rest) > 1 {
		return m.usage()
	}
	benchmarks := m.testFunctions("Benchmark", "*testing.B")
	if len(benchmarks) == 0 {
		return m.fail("the session has no benchmarks: declare func BenchmarkXxx(b *testing.B)")
	}
	flags["test.bench"], flags["test.run"], flags["test.benchmem"] = ".", "^$", "true"
	if len(rest) == 1 {
		flags["test.bench"] = rest[0]
	}
	return m.runTests(flags, nil, benchmarks, nil, nil)
}

// examples returns the session's examples that say what they print.
func (s *Session) examples() []*doc.Example {
	var list []*doc.Example
	for _, name := range s.testFunctions("Example", "") {
		for _, d := range s.declarations {
			if d.names[name] == nil || s.names[name] != d.names[name] {
				continue
			}
			f := parseCommented(d.text)
			if f == nil {
				continue
			}
			for _, e := range doc.Examples(f) {
				if "Example"+e.Name == name && (e.Output != "" || e.EmptyOutput) {
					list = append(list, e)
				}
			}
		}
	}
	return list
}

// testHead runs what package testing runs for go test, in the worker. A test that panics or that is interrupted must fail
// without taking the process along, so each is called by a function that recovers. At an interrupt no function of a cell
// begins any more, deferred ones neither: t.FailNow, which is none, then tells package testing that the test has ended.
const testHead = `import testˍtesting "testing"
import testˍdeps "testing/internal/testdeps"
import testˍflag "flag"
import testˍerrors "errors"
import testˍdebug "runtime/debug"
import testˍsync "sync"
import testˍstrings "strings"
func() error {
	testˍtesting.Init()
	if !testˍflag.Parsed() { testˍflag.CommandLine.Parse(nil) }
	testˍflag.VisitAll(func(f *testˍflag.Flag) {
		if testˍstrings.HasPrefix(f.Name, "test.") && f.Name != "test.testlogfile" && f.Name != "test.gocoverdir" { testˍflag.Set(f.Name, f.DefValue) }
	})
	for _, f := range [][2]string{FLAGS} {
		if err := testˍflag.Set(f[0], f[1]); err != nil { return testˍerrors.New("the flag -" + f[0][len("test."):] + ": " + err.Error()) }
	}
	var testˍmu testˍsync.Mutex
	var testˍfailed []string
	testˍguard := func(name string, t testˍtesting.TB, f func()) {
		var once testˍsync.Once
		nothing := func() {}
		done := false
		t.Cleanup(func() {
			if t.Failed() { testˍmu.Lock(); testˍfailed = append(testˍfailed, name); testˍmu.Unlock() }
		})
		defer once.Do(t.FailNow)
		defer func() {
			if p := recover(); p != nil { t.Errorf("panic: %v\n%s", p, testˍdebug.Stack()); once.Do(nothing) }
			if done || t.Skipped() { once.Do(nothing) }
		}()
		f()
		done = true
	}
	_ = testˍguard
`

func (m *magicCall) runTests(flags map[string]string, tests, benchmarks, targets []string, examples []*doc.Example) *Failure {
	var b, list strings.Builder
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		fmt.Fprintf(&list, "{%q, %q},", name, flags[name])
	}
	b.WriteString(strings.Replace(testHead, "FLAGS", list.String(), 1))
	b.WriteString("\tcode := testˍtesting.MainStart(testˍdeps.TestDeps{}")
	for _, kind := range []struct {
		of, parameter string
		names         []string
	}{{"InternalTest", "T", tests}, {"InternalBenchmark", "B", benchmarks}, {"InternalFuzzTarget", "F", targets}} {
		fmt.Fprintf(&b, ",\n\t\t[]testˍtesting.%s{", kind.of)
		for _, n := range kind.names {
			fmt.Fprintf(&b, "{%q, func(t *testˍtesting.%s) { testˍguard(%q, t, func() { %s(t) }) }},\n", n, kind.parameter, n, n)
		}
		b.WriteString("}")
	}
	b.WriteString(",\n\t\t[]testˍtesting.InternalExample{")
	for _, e := range examples {
		fmt.Fprintf(&b, "{%q, Example%s, %q, %v},\n", "Example"+e.Name, e.Name, e.Output, e.Unordered)
	}
	fmt.Fprintf(&b, "}).Run()\n\tfor range 1 {} // an interrupted run ends here\n\tif code != 0 { return testˍerrors.New(%q + testˍstrings.Join(testˍfailed, %q)) }\n\treturn nil\n}()", testsFailed, ", ")
	m.relabelling(true)
	_, f := m.value(b.String(), "magic command")
	m.relabelling(false)
	if f != nil && f.Name == "error" {
		names, ok := strings.CutPrefix(f.Value, testsFailed)
		if !ok {
			return m.fail("%s", f.Value)
		}
		if names == "" {
			names = "an example"
		}
		return m.failure("test failed", errors.New(names))
	}
	return f
}

// testsFailed begins the error of a run in which tests failed; their names follow.
const testsFailed = "tests failed: "

// relabelling makes what tests print say where in a cell they failed, in people's terms.
func (s *Session) relabelling(on bool) {
	s.magic.mu.Lock()
	defer s.magic.mu.Unlock()
	s.magic.relabel = on
}

// without returns a list without one string.
func without(list []string, s string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(x string) bool { return x == s })
}
