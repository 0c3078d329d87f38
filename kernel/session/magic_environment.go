package session

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"goalgap/kernel/worker"
)

func init() {
	addMagics(
		&magic{name: "env", usage: "[NAME | NAME=VALUE | NAME VALUE]", short: "show or set environment variables",
			long: "Without a name all variables are listed. What is set holds for Go in cells and for shell lines, also after the worker was\n" +
				"restarted. $NAME and ${NAME} in the value stand for what other variables are.",
			line: func(m *magicCall) *Failure { return m.env() }},
		&magic{name: "set_env", usage: "NAME VALUE", short: "set an environment variable", long: "The same as %env NAME VALUE.",
			line: func(m *magicCall) *Failure {
				if !strings.ContainsAny(m.args, " =") {
					return m.usage()
				}
				return m.env()
			}},
		&magic{name: "unset_env", usage: "NAME", short: "remove an environment variable", long: "It is gone for Go in cells and for shell lines.",
			line: func(m *magicCall) *Failure {
				if m.args == "" || strings.ContainsAny(m.args, " =") {
					return m.usage()
				}
				return m.changeEnv(m.args, nil)
			}},
		&magic{name: "cd", usage: "[DIR | -]", short: "change the working directory",
			long: "The directory is that of Go in cells and of shell lines. Without DIR it is the home directory, with - the one before.",
			line: func(m *magicCall) *Failure { return m.changeDir() }},
		&magic{name: "pwd", short: "show the working directory", long: "It is that of Go in cells and of shell lines.",
			line: func(m *magicCall) *Failure {
				e, f := m.environment(worker.EnvironmentChange{})
				if f == nil {
					m.print("%s\n", e.Dir)
				}
				return f
			}},
	)
	for _, command := range []struct{ name, usage, short string }{
		{"ls", "[FILES]", "list files"}, {"cat", "FILE", "show a file"}, {"mkdir", "DIR", "make a directory"},
	} {
		addMagics(&magic{name: command.name, usage: command.usage, short: command.short,
			long: "The same as !" + command.name + ": options of the command may be given.",
			line: func(m *magicCall) *Failure { return m.shell(shellCommand(command.name+" "+m.args), "") }})
	}
}

// environment changes the worker's environment and returns it.
func (m *magicCall) environment(change worker.EnvironmentChange) (e worker.Environment, f *Failure) {
	client, err := m.worker()
	if err == nil {
		e, err = client.Environment(change)
	}
	if err != nil {
		return e, m.fail("%w", err)
	}
	return e, nil
}

func variable(env []string, name string) (string, bool) {
	for _, v := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

func (m *magicCall) env() *Failure {
	e, f := m.environment(worker.EnvironmentChange{})
	if f != nil {
		return f
	}
	if m.args == "" {
		slices.Sort(e.Env)
		for _, v := range e.Env {
			m.print("%s\n", v)
		}
		return nil
	}
	i := strings.IndexAny(m.args, "= \t")
	if i < 0 {
		value, ok := variable(e.Env, m.args)
		if !ok {
			return m.fail("the environment variable %s is not set", m.args)
		}
		m.print("%s\n", value)
		return nil
	}
	name, value := m.args[:i], strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(m.args[i:]), "="))
	if len(value) > 1 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
		value = value[1 : len(value)-1]
	}
	value = os.Expand(value, func(n string) string {
		v, _ := variable(e.Env, n)
		return v
	})
	if f := m.changeEnv(name, &value); f != nil {
		return f
	}
	m.print("env: %s=%s\n", name, value)
	return nil
}

// changeEnv sets a variable, or removes it, now and in the workers to come.
func (m *magicCall) changeEnv(name string, value *string) *Failure {
	change := worker.EnvironmentChange{Unset: []string{name}}
	if value != nil {
		change = worker.EnvironmentChange{Set: map[string]string{name: *value}}
	}
	if _, f := m.environment(change); f != nil {
		return f
	}
	st := &m.Session.magic
	if st.set == nil {
		st.set, st.unset = map[string]string{}, map[string]bool{}
	}
	delete(st.set, name)
	delete(st.unset, name)
	if value != nil {
		st.set[name] = *value
	} else {
		st.unset[name] = true
	}
	return nil
}

func (m *magicCall) changeDir() *Failure {
	e, f := m.environment(worker.EnvironmentChange{})
	if f != nil {
		return f
	}
	dir := unquote(m.args)
	switch {
	case dir == "-" && m.Session.magic.before == "":
		return m.fail("there is no directory before this one")
	case dir == "-":
		dir = m.Session.magic.before
	case dir == "":
		home, ok := variable(e.Env, "HOME")
		if !ok {
			return m.fail("HOME is not set: name the directory")
		}
		dir = home
	}
	after, err := m.environment(worker.EnvironmentChange{Dir: absolute(dir, e)})
	if err != nil {
		return err
	}
	m.Session.magic.before, m.dir = e.Dir, after.Dir
	m.print("%s\n", after.Dir)
	return nil
}

// absolute is where a path leads that is written as for a shell in an environment.
func absolute(path string, e worker.Environment) string {
	if rest, ok := strings.CutPrefix(path, "~"); ok && (rest == "" || rest[0] == '/') {
		home, _ := variable(e.Env, "HOME")
		path = home + rest
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(e.Dir, path)
	}
	return path
}

func unquote(s string) string {
	if len(s) > 1 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

// file returns the path of a file that a magic command names.
func (m *magicCall) file(name string) (string, *Failure) {
	e, f := m.environment(worker.EnvironmentChange{})
	if f != nil {
		return "", f
	}
	return absolute(unquote(name), e), nil
}

func (m *magicCall) readFile(name string) (string, *Failure) {
	path, f := m.file(name)
	if f != nil {
		return "", f
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", m.fail("%w", err)
	}
	if !utf8.Valid(b) {
		return "", m.fail("%s is not text", name)
	}
	return string(b), nil
}

// fields cuts arguments at spaces, but for those in quotes.
func fields(args string) []string {
	var list []string
	for args = strings.TrimSpace(args); args != ""; args = strings.TrimSpace(args) {
		end := strings.IndexAny(args, " \t\n")
		if args[0] == '"' || args[0] == '\'' {
			if i := strings.IndexByte(args[1:], args[0]); i >= 0 {
				end = i + 2
			}
		}
		if end < 0 {
			end = len(args)
		}
		list = append(list, unquote(args[:end]))
		args = args[end:]
	}
	return list
}

// takeFlag removes a flag from arguments and reports whether it was there.
func takeFlag(args []string, flag string) ([]string, bool) {
	i := slices.Index(args, flag)
	if i < 0 {
		return args, false
	}
	return slices.Delete(slices.Clone(args), i, i+1), true
}

// takeOption removes an option with its value from arguments: -n 3 or -n=3.
func takeOption(args []string, option string) (rest []string, value string, err error) {
	for i, a := range args {
		if v, ok := strings.CutPrefix(a, option+"="); ok {
			return slices.Delete(slices.Clone(args), i, i+1), v, nil
		}
		if a == option {
			if i+1 == len(args) {
				return args, "", fmt.Errorf("%s needs a value", option)
			}
			return slices.Delete(slices.Clone(args), i, i+2), args[i+1], nil
		}
	}
	return args, "", nil
}
