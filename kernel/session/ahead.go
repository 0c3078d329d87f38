package session

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"goalgap/kernel/worker"
)

// When a front end runs all cells of a notebook, they wait in a queue. What a cell means depends on the types of what the
// cells above it declare, not on what they compute. So the cells that wait are compiled while earlier ones run, in a copy
// of the session: it leaves compiled cells in the cache, and when a cell's turn comes the session finds it there. Whatever
// was expected wrongly has cost nothing but time.

// A pipeline compiles cells ahead.
type pipeline struct {
	cancel context.CancelFunc

	mu       sync.Mutex
	all      []string // the cells that it was given
	planned  int      // how many of them it has looked at
	finished bool
}

// Ahead says which cells wait to be executed, in this order. It may be called while a cell runs, and does not wait for it.
// Without cells it stops what it began before.
func (s *Session) Ahead(sources []string) {
	s.state.Lock()
	defer s.state.Unlock()
	if p := s.pipeline; p != nil && p.extend(sources) {
		return
	}
	s.stopAhead()
	if len(sources) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &pipeline{cancel: cancel, all: slices.Clone(sources)}
	s.pipeline = p
	copied := s.copied()
	builds := make(chan *build, 1024)
	go func() {
		defer close(builds)
		for source := range p.cells(ctx) {
			if !copied.planAhead(ctx, source, builds) {
				p.finish()
				return
			}
		}
	}()
	go func() {
		s.tools.buildAhead(ctx, builds)
		cancel()
	}()
}

// copied returns what the session knows about its cells, without a worker: cells can be checked and committed in it, and
// the session does not change.
func (s *Session) copied() *Session {
	return &Session{tools: s.tools, dir: s.dir, events: func(worker.Event) {}, importer: s.importer, checking: s.checking,
		names: maps.Clone(s.names), byObject: maps.Clone(s.byObject), cellOf: maps.Clone(s.cellOf), order: slices.Clone(s.order),
		imports: maps.Clone(s.imports), history: maps.Clone(s.history), structs: slices.Clone(s.structs),
		labels: maps.Clone(s.labels), declarations: slices.Clone(s.declarations), composed: slices.Clone(s.composed)}
}

// extend adds to the pipeline the cells that it does not know yet, if those that it knows and that still wait come first.
func (p *pipeline) extend(sources []string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.finished || len(sources) == 0 {
		return false
	}
	for k := range p.all {
		known := p.all[k:]
		if len(known) <= len(sources) && slices.Equal(known, sources[:len(known)]) {
			p.all = append(p.all, sources[len(known):]...)
			return true
		}
	}
	return false
}

// cells yields the cells, also those that are added meanwhile.
func (p *pipeline) cells(ctx context.Context) iter.Seq[string] {
	return func(yield func(string) bool) {
		for ctx.Err() == nil {
			p.mu.Lock()
			if p.planned == len(p.all) {
				p.finished = true
				p.mu.Unlock()
				return
			}
			source := p.all[p.planned]
			p.planned++
			p.mu.Unlock()
			if !yield(source) {
				return
			}
		}
	}
}

func (p *pipeline) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.finished = true
}

// stopAhead stops compiling ahead.
func (s *Session) stopAhead() {
	if s.pipeline != nil {
		s.pipeline.cancel()
		s.pipeline = nil
	}
}

// planAhead goes through a cell as if it was executed, and sends what has to be compiled. It reports whether the cells
// behind this one can be planned.
func (s *Session) planAhead(ctx context.Context, source string, builds chan<- *build) bool {
	parts := []string{source}
	if cut := s.cut(source); cut != nil {
		parts = nil
		for i, p := range cut {
			if p.kind == goPart {
				parts = append(parts, goText(p, i == len(cut)-1))
			}
		}
	}
	for len(parts) > 0 {
		part := parts[0]
		parts = parts[1:]
		if declarations, rest, ok := s.cutMethods(part); ok {
			parts = append([]string{declarations, rest}, parts...)
			continue
		}
		if strings.TrimSpace(part) != "" && !s.planCell(ctx, part, builds) {
			return false
		}
	}
	return true
}

// planCell is what executeGo does before the cell runs.
func (s *Session) planCell(ctx context.Context, source string, builds chan<- *build) bool {
	if r := s.history[source]; r != nil && s.current(r) {
		return true
	}
	c, err := s.checkSafely(ctx, source, s.nameFile(source, ""))
	if err != nil && ctx.Err() == nil {
		if first, rest, ok := s.cutRedeclared(ctx, source); ok {
			return s.planCell(ctx, first, builds) && s.planCell(ctx, rest, builds)
		}
	}
	if err != nil || ctx.Err() != nil {
		return false
	}
	if _, ok := s.program(c); ok {
		return true
	}
	l, err := s.lowerSafely(c)
	if err != nil {
		return false
	}
	cell, b, err := s.plan(ctx, l)
	if err != nil {
		return false
	}
	if b != nil {
		if mine, _ := s.tools.claim(b.hash); mine {
			builds <- b
		}
	}
	s.history[source] = s.commit(c, l, cell)
	return true
}

// buildAhead compiles cells in growing batches: the first is wanted at once, and the linker takes as long for many cells as
// for one.
func (t *Toolchain) buildAhead(ctx context.Context, builds <-chan *build) {
	size := 1
	for first := range builds {
		batch := []*build{first}
	more:
		for len(batch) < size {
			select {
			case b, ok := <-builds:
				if !ok {
					break more
				}
				batch = append(batch, b)
			default:
				break more
			}
		}
		size = min(3*size, 12)
		if ctx.Err() == nil {
			// What cannot be compiled is compiled again when its turn comes, and reported then.
			_ = t.build(ctx, batch)
		}
		for _, b := range batch {
			t.release(b.hash)
		}
	}
}
