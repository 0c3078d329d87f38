package worker

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"goalgap/kernel/worker/cell"
)

// Where the compiler sees that a type is put into an interface type, it makes the table of methods for the pair, and
// compiled code compares the addresses of such tables: x.(T), x == y and switches take values with different tables for
// values of different types. The runtime makes a table itself where a pair is met first in an assertion like v.(error),
// inside fmt for example. In a program of one piece it finds the compiled table if there is one. But a plugin that is
// loaded later brings its own table for a pair that the runtime has made one for, and what an earlier cell has put into an
// interface would be of another type there. So the plugin is told to use the runtime's.

// useKnownTables is the function of that name for a plugin that was just loaded, the first time that its file is: several
// cells may be in one. Where it does not work, cells do all the same, but for what is said above, and are told so.
func (s *server) useKnownTables(file string) {
	target, err := filepath.EvalSymlinks(file)
	if err == nil && !s.joined[target] {
		s.joined[target] = true
		err = useKnownTables(file)
	}
	if err != nil {
		warnOfTables.Do(func() {
			fmt.Fprintf(os.Stderr, "goalgap: what an assertion has put into an interface may count as of another type in later cells: %v\n", err)
		})
	}
}

var warnOfTables sync.Once

// useKnownTables replaces, in a plugin that was just loaded, the references to tables of methods for which the runtime
// knows others. It does nothing where plugins are not ELF files.
func useKnownTables(file string) error {
	path := "nb/" + filepath.Base(filepath.Dir(file))
	run, ok := cell.Lookup(path)
	if !ok {
		return fmt.Errorf("cell %s did not register itself", path)
	}
	f, err := elf.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	symbols, names, err := symbolTable(f)
	if err != nil {
		return err
	}
	// name returns the name of a symbol, and what follows it in the table of names.
	name := func(i uint32) []byte { return names[binary.LittleEndian.Uint32(symbols[i*symbolSize:]):] }
	// The variable behind a function value has a symbol, which tells where in memory the plugin lies.
	var base uintptr
	variable := []byte(path + "." + runSymbol + "\x00")
	for i := range uint32(len(symbols) / symbolSize) {
		if bytes.HasPrefix(name(i), variable) {
			base = *(*uintptr)(unsafe.Pointer(&run)) - uintptr(binary.LittleEndian.Uint64(symbols[i*symbolSize+8:]))
			break
		}
	}
	section := f.Section(".rela.dyn")
	if base == 0 || section == nil {
		return fmt.Errorf("plugin %s has no symbol for its cell, or no relocations", file)
	}
	relocations, err := section.Data()
	if err != nil {
		return err
	}
	prefix := []byte("go:itab.")
	known := map[unsafe.Pointer]unsafe.Pointer{}
	var slots []uintptr
	for ; len(relocations) >= relocationSize; relocations = relocations[relocationSize:] {
		info := binary.LittleEndian.Uint64(relocations[8:])
		if kind := uint32(info); kind != uint32(elf.R_X86_64_64) && kind != uint32(elf.R_X86_64_GLOB_DAT) &&
			kind != uint32(elf.R_AARCH64_ABS64) && kind != uint32(elf.R_AARCH64_GLOB_DAT) {
			continue
		}
		if binary.LittleEndian.Uint64(relocations[16:]) != 0 || !bytes.HasPrefix(name(uint32(info>>32)), prefix) {
			continue
		}
		slot := base + uintptr(binary.LittleEndian.Uint64(relocations))
		table := *at(slot)
		if known[table] == nil {
			known[table] = knownTable(table)
		}
		if known[table] != table {
			slots = append(slots, slot)
		}
	}
	if len(slots) == 0 {
		return nil
	}
	// The linker has had these pages made read-only.
	for _, p := range f.Progs {
		if p.Type != elf.PT_GNU_RELRO {
			continue
		}
		from := (base + uintptr(p.Vaddr)) &^ uintptr(syscall.Getpagesize()-1)
		to := (base + uintptr(p.Vaddr+p.Memsz)) &^ uintptr(syscall.Getpagesize()-1)
		if from >= to {
			continue
		}
		pages := unsafe.Slice((*byte)(unsafe.Pointer(at(from))), to-from)
		if err := syscall.Mprotect(pages, syscall.PROT_READ|syscall.PROT_WRITE); err != nil {
			return fmt.Errorf("unlocking the tables of a plugin: %w", err)
		}
		defer syscall.Mprotect(pages, syscall.PROT_READ)
	}
	for _, slot := range slots {
		*at(slot) = known[*at(slot)]
	}
	return nil
}

// runSymbol is the name, in its package, of the variable behind the function that executes a cell's statements.
const runSymbol = "ωˍrun·f"

// Sizes of the entries of an ELF file of 64 bits.
const (
	symbolSize     = 24
	relocationSize = 24
)

func symbolTable(f *elf.File) (symbols, names []byte, err error) {
	s, n := f.Section(".dynsym"), f.Section(".dynstr")
	if s == nil || n == nil || f.Class != elf.ELFCLASS64 || f.Data != elf.ELFDATA2LSB {
		return nil, nil, fmt.Errorf("no table of symbols of the expected kind")
	}
	if symbols, err = s.Data(); err == nil {
		names, err = n.Data()
	}
	return symbols, names, err
}

// at returns a pointer to a word of a plugin.
func at(address uintptr) *unsafe.Pointer {
	return *(**unsafe.Pointer)(unsafe.Pointer(&address))
}

// knownTable returns the table that the runtime uses for the pair that a table is for: an interface type and the type that
// it holds, which are its first two words.
func knownTable(table unsafe.Pointer) unsafe.Pointer {
	pair := (*[2]unsafe.Pointer)(table)
	t := func(descriptor unsafe.Pointer) reflect.Type {
		var v any
		(*[2]unsafe.Pointer)(unsafe.Pointer(&v))[0] = descriptor
		return reflect.TypeOf(v)
	}
	v := reflect.New(t(pair[0])).Elem()
	v.Set(reflect.Zero(t(pair[1])))
	known := *(*unsafe.Pointer)(v.Addr().UnsafePointer())
	// The third word begins with the hash of the type, for type switches, which the runtime leaves out of its own tables.
	hash := func(table unsafe.Pointer) *uint32 { return (*uint32)(unsafe.Add(table, 2*unsafe.Sizeof(table))) }
	if *hash(known) == 0 {
		atomic.StoreUint32(hash(known), *hash(table))
	}
	return known
}
