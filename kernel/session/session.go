package session

import (
	"context"
	"errors"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"log"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"goalgap/kernel/worker"
)

// A Session is a notebook's state: the names that its cells have declared, and the worker process in which they live.
type Session struct {
	tools  *Toolchain
	dir    string
	events func(worker.Event)
	pager  bool

	run sync.Mutex // held while a cell is compiled and executed

	state    sync.Mutex  // held while a cell is prepared, not while it runs: guards what is below against compiling ahead
	checking *sync.Mutex // held while the importer is in use, which is shared with what is compiled ahead
	pipeline *pipeline   // compiles cells ahead; nil: none

	importer types.Importer
	fset     *token.FileSet // where the importer's objects are declared
	sources  sources
	names    map[string]*entry               // what an identifier means now
	byObject map[types.Object]*entry         // what the checker's objects of any time stand for
	cellOf   map[*types.Package]*cellPackage // compiled cells by the package that the checker made
	order    []*cellPackage
	imports  map[string]string // explicit imports, name -> path
	history  map[string]*record
	structs  []structHome      // struct types without a name that cells have written
	labels   map[string]string // file name in positions -> what people call the cell

	declarations []*declaration // of types, constants and functions that are in force
	composed     []types.Type   // types without a name that cells have made of types of cells
	magic        magicState

	mu        sync.Mutex
	client    *worker.Client
	compiling context.CancelFunc // stops the preparation of the cell that is being executed
	closed    bool
}

// entry is a name of the session.
type entry struct {
	name   string
	obj    types.Object
	cell   *cellPackage // where it is compiled; nil for predeclared names
	symbol string       // of a variable: its name for the linker
	slot   *cellPackage // of a function: the cell whose variable ωˍfunc_name holds the present definition

	renewed bool // compiled with an earlier version of a type in its type
}

// cellPackage is a compiled cell.
type cellPackage struct {
	number  int
	path    string
	archive string         // for the compiler
	plugin  string         // for the worker
	deps    []*cellPackage // all, also indirect ones, in the order of their loading
}

func (c *cellPackage) importName() string { return fmt.Sprintf("ωˍcell%d", c.number) }

// record remembers a cell that was compiled: if nothing that it uses or declares has changed since, running its text
// again needs no compiler.
type record struct {
	cell     *cellPackage
	uses     []*entry
	declares []*entry
	packages []string // names that stood for packages
	imports  map[string]string
}

// Options configure a session.
type Options struct {
	Tools  *Toolchain
	Dir    string             // working directory of the cells; default: the current one
	Events func(worker.Event) // told what cells put out, one event at a time; may be nil
	Pager  bool               // the answers to NAME? go to TakePayload, for a front end that shows pages, and not to Events
}

// Open starts a session: a worker process without any names but ctx.
func Open(o Options) (*Session, error) {
	if o.Events == nil {
		o.Events = func(worker.Event) {}
	}
	if o.Dir == "" {
		wd, err := os.Getwd()
		if err != nil {
			return nil, fmt.Errorf("finding the working directory: %w", err)
		}
		o.Dir = wd
	}
	s := &Session{checking: &sync.Mutex{}, pager: o.Pager, tools: o.Tools, dir: o.Dir, events: o.Events, labels: map[string]string{}}
	s.oneAtATime()
	s.fset = token.NewFileSet()
	s.importer = importer.ForCompiler(s.fset, "gc", o.Tools.lookup)
	o.Tools.trimCache()
	if err := s.startWorker(); err != nil {
		return nil, err
	}
	return s, nil
}

// reset forgets all names.
func (s *Session) reset() error {
	s.names = map[string]*entry{}
	s.byObject = map[types.Object]*entry{}
	s.cellOf = map[*types.Package]*cellPackage{}
	s.order = nil
	s.imports = map[string]string{}
	s.history = map[string]*record{}
	s.structs = nil
	s.declarations, s.composed = nil, nil
	pkg, err := s.importer.Import("context")
	if err != nil {
		return fmt.Errorf("reading package context: %w", err)
	}
	ctx := types.NewVar(token.NoPos, types.NewPackage("goalgap/kernel/worker/cell", "cell"), "ctx", pkg.Scope().Lookup("Context").Type())
	e := &entry{name: "ctx", obj: ctx, symbol: "goalgap/kernel/worker/cell.ctx"}
	s.names["ctx"], s.byObject[ctx] = e, e
	s.predeclareDisplay()
	return nil
}

// predeclareDisplay declares Display, which gophernotes' notebooks call to show something at once.
func (s *Session) predeclareDisplay() {
	cell := types.NewPackage("goalgap/kernel/worker/cell", "cell")
	value := types.NewVar(token.NoPos, nil, "", types.Universe.Lookup("any").Type())
	err := types.NewVar(token.NoPos, nil, "", types.Universe.Lookup("error").Type())
	sig := types.NewSignatureType(nil, nil, nil, types.NewTuple(value), types.NewTuple(err), false)
	show := types.NewVar(token.NoPos, cell, "Display", sig)
	e := &entry{name: "Display", obj: show, symbol: "goalgap/kernel/worker/cell.Display"}
	s.names["Display"], s.byObject[show] = e, e
}

func (s *Session) startWorker() error {
	s.stopAhead()
	if err := s.reset(); err != nil {
		return err
	}
	client, err := worker.Start(s.tools.worker, s.dir, os.Environ(), s.events)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		client.Close()
		return errors.New("the session is closed")
	}
	s.client = client
	go func() {
		<-client.Exited()
		if client.LastRun() != 0 { // else it died of something that a new one would die of, too
			s.Revive()
		}
	}()
	return nil
}

// Revive starts a new worker if the present one has ended while no cell ran: a goroutine that a cell has left behind has
// panicked, or ended the process. What happened and what is lost goes to standard error, as output of the last run.
func (s *Session) Revive() {
	s.run.Lock()
	defer s.run.Unlock()
	s.state.Lock()
	defer s.state.Unlock()
	s.revive()
}

// revive is Revive for who holds the locks.
func (s *Session) revive() {
	s.mu.Lock()
	client, closed := s.client, s.closed
	s.mu.Unlock()
	if client == nil || closed {
		return
	}
	select {
	case <-client.Exited():
	default:
		return
	}
	f := s.failed(client, client.Death(), "")
	f.Value = "between two cells: " + f.Value
	s.events(worker.Event{Kind: "stderr", Run: client.LastRun(), Text: f.Name + ": " + f.Value + "\n" + strings.Join(f.Traceback[1:], "\n") + "\n"})
}

// Execute compiles and runs a cell; lines in it that begin with % or ! are commands to the notebook and to the shell. label
// is what people call the cell ("cell 3"); it stands in messages and traces. What the cell puts out goes to the session's
// events before Execute returns.
func (s *Session) Execute(source, label string) (f *Failure) {
	s.run.Lock()
	defer s.run.Unlock()
	s.state.Lock()
	defer s.state.Unlock()
	s.revive()
	if client, err := s.worker(); err == nil {
		client.Await()
	}
	if err := s.settle(); err != nil {
		return &Failure{Name: "magic", Value: "giving the new worker its settings: " + err.Error()}
	}
	if parts := s.cut(source); parts != nil {
		f = s.executeParts(parts, source, label)
	} else {
		f = s.runGo(source, label)
	}
	s.logCell(source, label, f == nil)
	return s.explainMemory(f)
}

// executeGo compiles and runs Go. file is its name in positions.
func (s *Session) executeGo(source, file, label string) *Failure {
	if strings.TrimSpace(source) == "" {
		return nil
	}
	if r := s.history[source]; r != nil && s.current(r) {
		return s.execute(r.cell, source)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.mu.Lock()
	s.compiling = cancel
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.compiling = nil
		s.mu.Unlock()
		cancel()
	}()
	if declarations, rest, ok := s.cutMethods(source); ok {
		// The variables get the types with the new methods before the statements are compiled.
		if f := s.executeGo(declarations, file, label); f != nil {
			return f
		}
		return s.executeGo(rest, file, label)
	}
	c, err := s.checkSafely(ctx, source, file)
	if err != nil {
		if first, rest, ok := s.cutRedeclared(ctx, source); ok {
			if f := s.executeGo(first, file, label); f != nil {
				return f
			}
			return s.executeGo(rest, file, label)
		}
		return s.compileFailure(ctx, err, source, label)
	}
	if f, done := s.quickly(c, label); done {
		return f
	}
	l, err := s.lowerSafely(c)
	if err != nil {
		return s.compileFailure(ctx, err, source, label)
	}
	cell, err := s.compile(ctx, l)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return s.compileFailure(ctx, err, source, label)
	}
	names, imports, structs, declarations := maps.Clone(s.names), maps.Clone(s.imports), s.structs, slices.Clone(s.declarations)
	s.history[source] = s.commit(c, l, cell)
	f := s.execute(cell, source)
	if f != nil && f.Name == "load" {
		s.names, s.imports, s.structs, s.declarations = names, imports, structs, declarations
		delete(s.history, source)
	}
	return f
}

// A fault of the kernel's own becomes an error: it must not end the session.
func (s *Session) checkSafely(ctx context.Context, source, file string) (c *checked, err error) {
	defer faultToError(&err)
	return s.check(ctx, source, file)
}

func (s *Session) lowerSafely(c *checked) (l *lowered, err error) {
	defer faultToError(&err)
	return s.lower(c)
}

func faultToError(err *error) {
	if p := recover(); p != nil {
		log.Printf("goalgap: compiling a cell: %v\n%s", p, debug.Stack())
		*err = fmt.Errorf("the kernel has a fault and cannot compile this cell (%v); writing it another way may help", p)
	}
}

// current reports whether a compiled cell still means what it meant.
func (s *Session) current(r *record) bool {
	for _, e := range slices.Concat(r.uses, r.declares) {
		if s.names[e.name] != e {
			return false
		}
	}
	for _, p := range r.packages {
		if s.names[p] != nil {
			return false
		}
	}
	for name, path := range r.imports {
		if s.imports[name] != path {
			return false
		}
	}
	return true
}

// commit makes a compiled cell's names those of the session.
func (s *Session) commit(c *checked, l *lowered, cell *cellPackage) *record {
	r := &record{cell: cell, imports: map[string]string{}}
	for e := range c.used {
		r.uses = append(r.uses, e)
	}
	s.cellOf[c.pkg] = cell
	if !slices.Contains(s.order, cell) {
		s.order = append(s.order, cell)
	}
	s.tellOfEarlier(l.entries)
	own := map[string]bool{}
	for _, e := range l.entries {
		own[e.name] = true
		delete(s.imports, e.name)
		e.cell = cell
		if isVar(e.obj) {
			e.symbol = cell.path + "." + e.name
		}
		if f, ok := e.obj.(*types.Func); ok && e.slot == nil && f.Signature().TypeParams().Len() == 0 {
			e.slot = cell
		}
		s.names[e.name] = e
		s.byObject[e.obj] = e
		r.declares = append(r.declares, e)
	}
	for name, old := range l.reused {
		s.byObject[c.pkg.Scope().Lookup(name)] = old
		r.uses = append(r.uses, old)
	}
	for _, im := range c.imports {
		r.packages = append(r.packages, im.name)
	}
	for name, path := range c.explicit {
		if own[name] {
			continue
		}
		delete(s.names, name)
		if !strings.HasPrefix(name, blankImport) {
			s.imports[name] = path
		}
	}
	for _, h := range l.structs {
		h.cell = cell
		s.structs = append(s.structs, h)
	}
	s.renewVariables(l.renewal)
	s.remember(c)
	maps.Copy(r.imports, s.imports)
	return r
}

// execute runs a compiled cell in the worker. If that kills the worker, a new one is started, and all names are gone.
func (s *Session) execute(cell *cellPackage, source string) *Failure {
	s.mu.Lock()
	client := s.client
	s.mu.Unlock()
	if client == nil {
		return &Failure{Name: "closed", Value: "the session is closed"}
	}
	var files []string
	for _, d := range cell.deps {
		files = append(files, d.plugin)
	}
	s.state.Unlock()
	e := s.runTimed(client, append(files, cell.plugin), cell.path)
	s.state.Lock()
	if e != nil {
		return s.failed(client, e, source)
	}
	return nil
}

// failed describes the failure of a run. above are the calls that its trace does not show. If the worker died, a new one is
// started.
func (s *Session) failed(client *worker.Client, e *worker.Error, source string, above ...frame) *Failure {
	f := s.runFailure(e, source, above...)
	if e.Died {
		client.Kill() // what it started
		s.mu.Lock()
		closed := s.closed
		s.mu.Unlock()
		if closed {
			return f
		}
		if err := s.startWorker(); err != nil {
			f.Value += "; and no new worker could be started: " + err.Error()
			return f
		}
		f.Traceback = append(f.Traceback, "", "All variables and declarations of this session are lost; a new worker is ready. Run the cells above again.")
	}
	return f
}

// Interrupt stops the running cell, or its compilation.
func (s *Session) Interrupt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.compiling != nil {
		s.compiling()
	}
	if s.client != nil {
		s.client.Interrupt()
	}
}

// Restart throws away all names and starts a new worker. A running cell ends with it.
func (s *Session) Restart() error {
	s.stop()
	s.run.Lock()
	defer s.run.Unlock()
	s.state.Lock()
	defer s.state.Unlock()
	s.mu.Lock()
	s.closed = false
	s.mu.Unlock()
	return s.startWorker()
}

// Close ends the session and its worker.
func (s *Session) Close() {
	s.stop()
	s.Ahead(nil)
}

func (s *Session) stop() {
	s.mu.Lock()
	client := s.client
	s.client, s.closed = nil, true
	if s.compiling != nil {
		s.compiling()
	}
	s.mu.Unlock()
	if client != nil {
		client.Close()
	}
}

// Variables returns the types of the variables that a cell declares, by name, without running it: what the values of a
// parameters cell may be.
func (s *Session) Variables(source string) (map[string]types.Type, error) {
	s.run.Lock()
	defer s.run.Unlock()
	c, err := s.check(context.Background(), source, "parameters")
	if err != nil {
		return nil, err
	}
	vars := map[string]types.Type{}
	for _, name := range c.pkg.Scope().Names() {
		if v, ok := c.pkg.Scope().Lookup(name).(*types.Var); ok && s.byObject[v] == nil && !strings.HasPrefix(name, "ωˍ") {
			vars[name] = v.Type()
		}
	}
	return vars, nil
}

// Check reports what is wrong with a cell without running it.
func (s *Session) Check(source string) error {
	s.run.Lock()
	defer s.run.Unlock()
	_, err := s.check(context.Background(), source, "cell")
	return err
}
