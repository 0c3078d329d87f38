package session

import (
	"context"
	"fmt"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"goalgap/kernel/worker"
)

// In a cell that says x := 1 and further down x := "text", the second x is another variable, as it would be in a cell of
// its own. Such a cell is run in two pieces, cut above the second declaration.

// tellOfEarlier says on standard error which functions use another variable, function or constant of a name than the one for
// which it is about to stand: what was compiled keeps the one that it knows.
func (s *Session) tellOfEarlier(entries []*entry) {
	own := map[string]bool{}
	for _, e := range entries {
		own[e.name] = true
	}
	for _, e := range entries {
		old := s.names[e.name]
		if old == nil || isType(e.obj) {
			continue
		}
		users := map[string]bool{}
		var known *entry
		for _, d := range s.declarations {
			if d.isType || !s.inForce(d) {
				continue
			}
			m := d.refersTo(old, e)
			if m == nil {
				continue
			}
			for n, user := range d.names {
				if user != nil && s.names[n] == user && !own[n] {
					if d.method != "" {
						n += "." + d.method
					}
					users[n], known = true, m
				}
			}
		}
		if len(users) == 0 {
			continue
		}
		verb := "use"
		if len(users) == 1 {
			verb = "uses"
		}
		what := typeName(known.obj.Type())
		if c, ok := known.obj.(*types.Const); ok {
			what = c.Val().String()
		}
		s.events(worker.Event{Kind: "stderr", Text: fmt.Sprintf("note: %s still %s the earlier %s (%s); run its cell again to change that\n",
			strings.Join(sortedKeys(users), ", "), verb, e.name, what)})
	}
}

// refersTo returns what a function or method refers to that is old, the present meaning of a name, and not what e makes of it.
func (d *declaration) refersTo(old, e *entry) *entry {
	for m := range d.means {
		if m.name != e.name || m.cell == nil || isType(m.obj) || sameThing(m, e) || sameConstant(m, e) {
			continue
		}
		if f, ok := m.obj.(*types.Func); ok && f.Signature().TypeParams().Len() > 0 {
			continue
		}
		if m == old || sameThing(m, old) || sameConstant(m, old) {
			return m
		}
	}
	return nil
}

// sameConstant reports whether two entries are constants of one type and value.
func sameConstant(a, b *entry) bool {
	x, ok1 := a.obj.(*types.Const)
	y, ok2 := b.obj.(*types.Const)
	return ok1 && ok2 && types.Identical(x.Type(), y.Type()) && constant.Compare(x.Val(), token.EQL, y.Val())
}

// cutRedeclared looks for a place above which a cell that has mistakes can be cut so that neither piece has any. It changes
// nothing in the session.
func (s *Session) cutRedeclared(ctx context.Context, source string) (first, rest string, ok bool) {
	chunks, err := split(source)
	if err != nil {
		return "", "", false
	}
	analyse(chunks)
	var declared []string
	for i := range chunks {
		c := &chunks[i]
		names := c.declares
		if c.define != nil {
			names = c.define.names
		}
		if (c.kind == varChunk || c.define != nil) && slices.ContainsFunc(names, func(n string) bool { return slices.Contains(declared, n) }) {
			first, rest := cutAt(source, chunks, i)
			if s.compiles(ctx, first, rest) {
				return first, rest, true
			}
		}
		if c.kind == varChunk || c.define != nil {
			declared = append(declared, c.declares...)
		}
	}
	return "", "", false
}

// cutAt returns what stands above chunk i, without showing its last value, and the rest, at its place.
func cutAt(source string, chunks []chunk, i int) (first, rest string) {
	at := chunks[i].off
	first = source[:at]
	if c := chunks[i-1]; c.kind == stmtChunk && !c.silenced {
		first = source[:c.end] + ";" + source[c.end:at]
	}
	return first, strings.Repeat("\n", chunks[i].line-1) + strings.Repeat(" ", chunks[i].col-1) + source[at:]
}

// compiles reports whether two cells could be run one after the other.
func (s *Session) compiles(ctx context.Context, first, rest string) bool {
	if ctx.Err() != nil {
		return false
	}
	copied := s.copied()
	c, err := copied.checkSafely(ctx, first, copied.nameFile(first, ""))
	if err != nil {
		return false
	}
	l, err := copied.lowerSafely(c)
	if err != nil {
		return false
	}
	cell, _, err := copied.plan(ctx, l)
	if err != nil {
		return false
	}
	copied.commit(c, l, cell)
	if _, err = copied.checkSafely(ctx, rest, copied.nameFile(rest, "")); err != nil {
		_, _, ok := copied.cutRedeclared(ctx, rest)
		return ok
	}
	return true
}
