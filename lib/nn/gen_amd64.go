//go:build ignore

// Gen_amd64 writes kernels_amd64.s: every kernel once for AVX2 with FMA and once for AVX-512. Run it with
//
//	go run gen_amd64.go > kernels_amd64.s
//
// The two differ in the registers' names, width and number, and in how the last, partial vector is handled: AVX-512 has
// mask registers, AVX2 a masked move. No function may use PCALIGN: the assembler of Go 1.26 hangs where a long forward
// jump precedes it. Each ends in VZEROUPPER, without which scalar code after it runs many times slower.
package main

import (
	"fmt"
	"math"
	"slices"
)

// isa is an instruction set.
type isa struct {
	name  string // suffix of the functions
	reg   string // letter of the vector registers
	lanes int
	rows  []int // heights of the gemm tiles
}

var isas = []isa{
	{"512", "Z", 16, []int{8, 4, 2, 1}},
	{"256", "Y", 8, []int{6, 4, 2, 1}},
}

func (s isa) r(i int) string { return fmt.Sprintf("%s%d", s.reg, i) }

func p(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// loadMasked reads a partial vector; lanes beyond its end become 0. The mask is in K1 or Y15.
func (s isa) loadMasked(addr string, r int) {
	if s.lanes == 16 {
		p("\tVMOVUPS.Z %s, K1, %s", addr, s.r(r))
	} else {
		p("\tVMASKMOVPS %s, Y15, %s", addr, s.r(r))
	}
}

func (s isa) storeMasked(r int, addr string) {
	if s.lanes == 16 {
		p("\tVMOVUPS %s, K1, %s", s.r(r), addr)
	} else {
		p("\tVMASKMOVPS %s, Y15, %s", s.r(r), addr)
	}
}

// mask prepares the mask for as many lanes as CX says; it destroys CX and R12.
func (s isa) mask() {
	if s.lanes == 16 {
		p("\tMOVL $1, R12")
		p("\tSHLL CX, R12")
		p("\tDECL R12")
		p("\tKMOVW R12, K1")
	} else {
		p("\tNEGQ CX")
		p("\tLEAQ tail256<>+32(SB), R12")
		p("\tVMOVUPS (R12)(CX*4), Y15")
	}
}

// vectors calls body for each whole vector of the CX elements, then, masked, for the rest. body advances pointers.
func (s isa) vectors(name string, body func(load func(string, int), store func(int, string))) {
	p("vector_%s:", name)
	p("\tCMPQ CX, $%d", s.lanes)
	p("\tJLT tail_%s", name)
	body(
		func(addr string, r int) { p("\tVMOVUPS %s, %s", addr, s.r(r)) },
		func(r int, addr string) { p("\tVMOVUPS %s, %s", s.r(r), addr) },
	)
	p("\tSUBQ $%d, CX", s.lanes)
	p("\tJMP vector_%s", name)
	p("tail_%s:", name)
	p("\tTESTQ CX, CX")
	p("\tJEQ done_%s", name)
	s.mask()
	body(s.loadMasked, s.storeMasked)
	p("done_%s:", name)
}

// The ends of a gemm tile, as in kernels.go.
const (
	endTanh     = 1
	endTanhGrad = 2
)

// tileOf is a tile of the given rows and vectors, the last of which may be partial.
type tileOf struct {
	isa
	rows, vecs int
	partial    bool
	label      string
}

// tile writes the body of a tile's function, whose argument last is at the given address. AVX2 has it a second time for
// whole vectors: a masked store takes Zen 3 twelve cycles, as long as 24 of the tile's multiply-adds.
func (s isa) tile(label, last string, rows, vecs int, body func(t tileOf)) {
	if s.lanes == 8 {
		p("\tCMPQ %s, $8", last)
		p("\tJNE partial_%s", label)
		body(tileOf{s, rows, vecs, false, "whole_" + label})
		p("partial_%s:", label)
	}
	p("\tMOVQ %s, CX", last)
	s.mask()
	body(tileOf{s, rows, vecs, true, label})
}

// load and store move register r from and to memory; edge says whether it is in the tile's last column of vectors.
func (t tileOf) load(r int, addr string, edge bool) {
	if t.partial && edge {
		t.loadMasked(addr, r)
	} else {
		p("\tVMOVUPS %s, %s", addr, t.r(r))
	}
}

func (t tileOf) store(r int, addr string, edge bool) {
	if t.partial && edge {
		t.storeMasked(r, addr)
	} else {
		p("\tVMOVUPS %s, %s", t.r(r), addr)
	}
}

// each calls f for every vector of the tile in the matrix at the pointer, whose rows are a stride apart.
func (t tileOf) each(pointer, stride string, f func(r int, addr string, edge bool)) {
	for i := range t.rows {
		for v := range t.vecs {
			f(i*t.vecs+v, fmt.Sprintf("%d(%s)", v*t.lanes*4, pointer), v == t.vecs-1)
		}
		if i < t.rows-1 {
			p("\tADDQ %s, %s", stride, pointer)
		}
	}
}

// products writes the loop that adds the DX products of A's columns and B's rows. A is at AX, with R10 four rows of R8
// below it and R9 three times R8, its columns are CX apart; B is at BX and its rows are SI apart.
func (t tileOf) products() {
	p("loop_%s:", t.label)
	b := t.rows * t.vecs
	for v := range t.vecs {
		t.load(b+v, fmt.Sprintf("%d(BX)", v*t.lanes*4), v == t.vecs-1)
	}
	addrs := []string{"(AX)", "(AX)(R8*1)", "(AX)(R8*2)", "(AX)(R9*1)", "(R10)", "(R10)(R8*1)", "(R10)(R8*2)", "(R10)(R9*1)"}
	for i := range t.rows {
		x := b + t.vecs
		if t.lanes == 16 && i%2 == 1 {
			x++ // two registers in turn; AVX2 has none to spare
		}
		p("\tVBROADCASTSS %s, %s", addrs[i], t.r(x))
		for v := range t.vecs {
			p("\tVFMADD231PS %s, %s, %s", t.r(b+v), t.r(x), t.r(i*t.vecs+v))
		}
	}
	p("\tADDQ CX, AX")
	p("\tADDQ CX, R10")
	p("\tADDQ SI, BX")
	p("\tDECQ DX")
	p("\tJNE loop_%s", t.label)
}

// gemm writes the kernel of tiles of the given rows and vectors, count of them one below the other: C = end(From + A·B),
// with C in registers while k runs.
func (s isa) gemm(rows, vecs int) {
	label := fmt.Sprintf("gemm%sx%dx%d", s.name, rows, vecs)
	p("\n// func %s(count, k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc int, from *float32, ldf int, h *float32, last, end int)", label)
	p("TEXT ·%s(SB), NOSPLIT, $0-112", label)
	s.tile(label, "last+96(FP)", rows, vecs, tileOf.gemm)
}

func (t tileOf) gemm() {
	p("\tMOVQ rsa+24(FP), R8")
	p("\tMOVQ csa+32(FP), CX")
	p("\tMOVQ ldb+48(FP), SI")
	p("\tMOVQ c+56(FP), DI")
	p("\tMOVQ ldc+64(FP), R11")
	p("\tLEAQ (R8)(R8*2), R9")
	p("tile_%s:", t.label)
	p("\tMOVQ from+72(FP), R13")
	p("\tMOVQ ldf+80(FP), R12")
	t.each("R13", "R12", t.load)
	p("\tADDQ R12, R13")
	p("\tMOVQ R13, from+72(FP)")
	p("\tMOVQ k+8(FP), DX")
	p("\tTESTQ DX, DX")
	p("\tJEQ end_%s", t.label)
	p("\tMOVQ a+16(FP), AX")
	p("\tLEAQ (AX)(R8*4), R10")
	// The next tile of A is as many rows below.
	switch t.rows {
	case 1:
		p("\tLEAQ (AX)(R8*1), R13")
	case 2:
		p("\tLEAQ (AX)(R8*2), R13")
	case 4:
		p("\tMOVQ R10, R13")
	case 6:
		p("\tLEAQ (R10)(R8*2), R13")
	case 8:
		p("\tLEAQ (R10)(R8*4), R13")
	}
	p("\tMOVQ R13, a+16(FP)")
	p("\tMOVQ b+40(FP), BX")
	t.products()

	// What stood in the registers of A and B is done with.
	spare := t.rows * t.vecs
	p("end_%s:", t.label)
	p("\tMOVQ end+104(FP), DX")
	p("\tCMPQ DX, $%d", endTanh)
	p("\tJLT store_%s", t.label)
	p("\tJEQ tanh_%s", t.label)
	p("\tMOVQ h+88(FP), AX")
	t.each("AX", "R11", func(r int, addr string, edge bool) {
		h := spare + r%2
		t.load(h, addr, edge)
		t.timesTanhGrad(r, h)
	})
	p("\tADDQ R11, AX")
	p("\tMOVQ AX, h+88(FP)")
	p("\tJMP store_%s", t.label)
	p("tanh_%s:", t.label)
	for r := range t.rows * t.vecs {
		// AVX-512 has registers for several vectors under way, AVX2 renames the same ones.
		free := spare
		if t.lanes == 16 {
			free += r % 4 * 3
		}
		t.tanhOf(r, free)
	}
	p("store_%s:", t.label)
	t.each("DI", "R11", t.store)
	p("\tADDQ R11, DI")
	p("\tDECQ count+0(FP)")
	p("\tJNE tile_%s", t.label)
	p("\tVZEROUPPER")
	p("\tRET")
}

// sumOfProducts writes the tile of a convolution: C = From + Σ Aₜ·Bₜ, with C in registers throughout. Aₜ is the
// matrix that lies pairs[t].a strides from a, and Bₜ the one that lies pairs[t].b strides from b.
func (s isa) sumOfProducts(rows, vecs int) {
	label := fmt.Sprintf("sumOfProducts%sx%dx%d", s.name, rows, vecs)
	p("\n// func %s(pairs *pair, count, k int, a *float32, stridea, rsa, csa int, b *float32, strideb, ldb int, c *float32, ldc int, from *float32, ldf int, last int)", label)
	p("TEXT ·%s(SB), NOSPLIT, $0-120", label)
	s.tile(label, "last+112(FP)", rows, vecs, tileOf.sumOfProducts)
}

func (t tileOf) sumOfProducts() {
	p("\tMOVQ from+96(FP), R13")
	p("\tMOVQ ldf+104(FP), R12")
	t.each("R13", "R12", t.load)
	p("\tMOVQ pairs+0(FP), R12")
	p("\tMOVQ count+8(FP), R13")
	p("\tMOVQ rsa+40(FP), R8")
	p("\tMOVQ csa+48(FP), CX")
	p("\tMOVQ ldb+72(FP), SI")
	p("\tLEAQ (R8)(R8*2), R9")
	p("pair_%s:", t.label)
	p("\tMOVLQSX (R12), AX")
	p("\tIMULQ stridea+32(FP), AX")
	p("\tADDQ a+24(FP), AX")
	p("\tLEAQ (AX)(R8*4), R10")
	p("\tMOVLQSX 4(R12), BX")
	p("\tIMULQ strideb+64(FP), BX")
	p("\tADDQ b+56(FP), BX")
	p("\tADDQ $8, R12")
	p("\tMOVQ k+16(FP), DX")
	t.products()
	p("\tDECQ R13")
	p("\tJNE pair_%s", t.label)
	p("\tMOVQ c+80(FP), DI")
	p("\tMOVQ ldc+88(FP), R11")
	t.each("DI", "R11", t.store)
	p("\tVZEROUPPER")
	p("\tRET")
}

// positive leaves in register x those lanes alone in which register r is greater than 0 and makes the others 0. Register
// t is destroyed.
func (s isa) positive(x, r, t int) {
	p("\tVXORPS X%[1]d, X%[1]d, X%[1]d", t)
	if s.lanes == 16 {
		p("\tVCMPPS $0x1e, %s, %s, K2", s.r(t), s.r(r)) // r greater than 0, and a number
		p("\tVMOVAPS.Z %s, K2, %s", s.r(x), s.r(x))
	} else {
		p("\tVCMPPS $0x1e, %s, %s, %s", s.r(t), s.r(r), s.r(t))
		p("\tVANDPS %s, %s, %s", s.r(t), s.r(x), s.r(x))
	}
}

// relu writes the rectifier and its relatives, two slices of n numbers each.
func (s isa) relu() {
	head := func(name string) string {
		label := name + s.name
		p("\n// func %s(y, x *float32, n int)", label)
		p("TEXT ·%s(SB), NOSPLIT, $0-24", label)
		p("\tMOVQ y+0(FP), DI")
		p("\tMOVQ x+8(FP), SI")
		p("\tMOVQ n+16(FP), CX")
		return label
	}
	next := func() {
		p("\tADDQ $%d, DI", 4*s.lanes)
		p("\tADDQ $%d, SI", 4*s.lanes)
	}
	s.vectors(head("relu"), func(load func(string, int), store func(int, string)) {
		load("(SI)", 0)
		p("\tVXORPS X1, X1, X1")
		p("\tVMAXPS %[1]s, %[2]s, %[1]s", s.r(0), s.r(1)) // NaN stays NaN
		store(0, "(DI)")
		next()
	})
	p("\tVZEROUPPER")
	p("\tRET")
	s.vectors(head("reluGrad"), func(load func(string, int), store func(int, string)) {
		load("(DI)", 0)
		load("(SI)", 1)
		s.positive(0, 1, 2)
		store(0, "(DI)")
		next()
	})
	p("\tVZEROUPPER")
	p("\tRET")
}

// pool writes the two directions of max-pooling for one of the window's places, whose number is given.
func (s isa) pool() {
	label := "poolMax" + s.name
	p("\n// func %s(y, chosen, x *float32, n int, place float32)", label)
	p("TEXT ·%s(SB), NOSPLIT, $0-36", label)
	p("\tMOVQ y+0(FP), DI")
	p("\tMOVQ chosen+8(FP), DX")
	p("\tMOVQ x+16(FP), SI")
	p("\tMOVQ n+24(FP), CX")
	p("\tVBROADCASTSS place+32(FP), %s", s.r(4))
	s.vectors(label, func(load func(string, int), store func(int, string)) {
		load("(DI)", 0)
		load("(DX)", 1)
		load("(SI)", 2)
		if s.lanes == 16 {
			// Not at most: x greater than y, or one of them NaN.
			p("\tVCMPPS $0x16, Z0, Z2, K2")
			p("\tVMOVAPS Z2, K2, Z0")
			p("\tVMOVAPS Z4, K2, Z1")
		} else {
			p("\tVCMPPS $0x16, Y0, Y2, Y3")
			p("\tVBLENDVPS Y3, Y2, Y0, Y0")
			p("\tVBLENDVPS Y3, Y4, Y1, Y1")
		}
		store(0, "(DI)")
		store(1, "(DX)")
		for _, r := range []string{"DI", "DX", "SI"} {
			p("\tADDQ $%d, %s", 4*s.lanes, r)
		}
	})
	p("\tVZEROUPPER")
	p("\tRET")
	label = "poolGrad" + s.name
	p("\n// func %s(dx, dy, chosen *float32, n int, place float32)", label)
	p("TEXT ·%s(SB), NOSPLIT, $0-36", label)
	p("\tMOVQ dx+0(FP), DI")
	p("\tMOVQ dy+8(FP), SI")
	p("\tMOVQ chosen+16(FP), DX")
	p("\tMOVQ n+24(FP), CX")
	p("\tVBROADCASTSS place+32(FP), %s", s.r(4))
	s.vectors(label, func(load func(string, int), store func(int, string)) {
		load("(DI)", 0)
		load("(SI)", 1)
		load("(DX)", 2)
		if s.lanes == 16 {
			p("\tVCMPPS $0, Z4, Z2, K2")
			p("\tVADDPS Z1, Z0, K2, Z0")
		} else {
			p("\tVCMPPS $0, Y4, Y2, Y3")
			p("\tVANDPS Y3, Y1, Y1")
			p("\tVADDPS Y1, Y0, Y0")
		}
		store(0, "(DI)")
		for _, r := range []string{"DI", "DX", "SI"} {
			p("\tADDQ $%d, %s", 4*s.lanes, r)
		}
	})
	p("\tVZEROUPPER")
	p("\tRET")
}

// rowsLoop writes the loop over the indices of sumRows and addToRows; the address of a row is in R10.
func rowsLoop(label string, body func()) {
	p("loop_%s:", label)
	p("\tTESTQ DX, DX")
	p("\tJEQ done_%s", label)
	p("\tMOVLQSX (SI), R10")
	p("\tADDQ $4, SI")
	p("\tDECQ DX")
	p("\tCMPQ R10, R8")
	p("\tJCC outside_%s", label) // unsigned: negative or too large
	p("\tIMULQ R9, R10")
	p("\tADDQ BX, R10")
	body()
	p("\tJMP loop_%s", label)
	p("outside_%s:", label)
	p("\tTESTQ R10, R10")
	p("\tJLT loop_%s", label)
	p("\tMOVB $0, ok+56(FP)")
	p("\tVZEROUPPER")
	p("\tRET")
	p("done_%s:", label)
}

// sparse writes sumRows or addToRows for a panel of the given number of vectors, of which (AVX-512) all may be partial
// or (AVX2) a single one.
func (s isa) sparse(add bool, vecs int) {
	kind := "sumRows"
	if add {
		kind = "addToRows"
	}
	label := fmt.Sprintf("%s%sx%d", kind, s.name, vecs)
	p("\n// func %s(y, w *float32, cols, rows, ld int, index *int32, n int) (ok bool)", label)
	p("TEXT ·%s(SB), NOSPLIT, $0-57", label)
	p("\tMOVQ cols+16(FP), CX")
	masked := s.lanes == 16 || vecs == 1
	if s.lanes == 16 {
		p("\tMOVQ $-1, R12") // as many ones as columns, 1 to 64, cut into four masks
		p("\tNEGQ CX")
		p("\tADDQ $64, CX")
		p("\tSHRQ CX, R12")
		for v := range vecs {
			p("\tKMOVW R12, K%d", v+1)
			p("\tSHRQ $16, R12")
		}
	} else if masked {
		s.mask()
	}
	p("\tMOVQ y+0(FP), DI")
	p("\tMOVQ w+8(FP), BX")
	p("\tMOVQ rows+24(FP), R8")
	p("\tMOVQ ld+32(FP), R9")
	p("\tMOVQ index+40(FP), SI")
	p("\tMOVQ n+48(FP), DX")
	at := func(v int, base string) string { return fmt.Sprintf("%d(%s)", v*s.lanes*4, base) }
	for v := range vecs {
		switch {
		case s.lanes == 16:
			p("\tVMOVUPS.Z %s, K%d, Z%d", at(v, "DI"), v+1, v)
		case masked:
			s.loadMasked(at(v, "DI"), v)
		default:
			p("\tVMOVUPS %s, %s", at(v, "DI"), s.r(v))
		}
	}
	rowsLoop(label, func() {
		for v := range vecs {
			switch {
			case s.lanes == 16 && !add:
				p("\tVADDPS %s, Z%d, K%d, Z%d", at(v, "R10"), v, v+1, v)
			case s.lanes == 16:
				p("\tVADDPS.Z %s, Z%d, K%d, Z%d", at(v, "R10"), v, v+1, v+vecs)
				p("\tVMOVUPS Z%d, K%d, %s", v+vecs, v+1, at(v, "R10"))
			case masked && !add:
				s.loadMasked(at(v, "R10"), 8)
				p("\tVADDPS Y8, Y%d, Y%d", v, v)
			case masked:
				s.loadMasked(at(v, "R10"), 8)
				p("\tVADDPS Y8, Y%d, Y8", v)
				s.storeMasked(8, at(v, "R10"))
			case !add:
				p("\tVADDPS %s, Y%d, Y%d", at(v, "R10"), v, v)
			default:
				p("\tVADDPS %s, Y%d, Y8", at(v, "R10"), v)
				p("\tVMOVUPS Y8, %s", at(v, "R10"))
			}
		}
	})
	if !add {
		for v := range vecs {
			switch {
			case s.lanes == 16:
				p("\tVMOVUPS Z%d, K%d, %s", v, v+1, at(v, "DI"))
			case masked:
				s.storeMasked(v, at(v, "DI"))
			default:
				p("\tVMOVUPS %s, %s", s.r(v), at(v, "DI"))
			}
		}
	}
	p("\tMOVB $1, ok+56(FP)")
	p("\tVZEROUPPER")
	p("\tRET")
}

// table holds the constants of the kernels, each 16 times.
var table []uint32

// word returns the address of a vector of the given bits.
func word(bits uint32) string {
	i := slices.Index(table, bits)
	if i < 0 {
		i = len(table)
		table = append(table, bits)
	}
	return fmt.Sprintf("table<>+%d(SB)", 64*i)
}

// constant returns the address of a vector of x.
func constant(x float64) string { return word(math.Float32bits(float32(x))) }

// horner writes acc = ((c₀·x + c₁)·x + …), the coefficients being given from the highest power down.
func (s isa) horner(acc, x int, coefficients ...float64) {
	p("\tVMOVUPS %s, %s", constant(coefficients[0]), s.r(acc))
	for _, c := range coefficients[1:] {
		p("\tVFMADD213PS %s, %s, %s", constant(c), s.r(x), s.r(acc))
	}
}

// clamp brings register x between lo and hi; NaN stays NaN. It destroys register t.
func (s isa) clamp(x, t int, lo, hi float64) {
	// VMINPS and VMAXPS return their first operand (in Go's order) where one is NaN: there stands x.
	p("\tVMOVUPS %s, %s", constant(hi), s.r(t))
	p("\tVMINPS %s, %s, %s", s.r(x), s.r(t), s.r(x))
	p("\tVMOVUPS %s, %s", constant(lo), s.r(t))
	p("\tVMAXPS %s, %s, %s", s.r(x), s.r(t), s.r(x))
}

// tanhOf replaces register x by its hyperbolic tangent; it destroys the three registers from t on.
func (s isa) tanhOf(x, t int) {
	square, numerator, denominator := t, t+1, t+2
	s.clamp(x, t, -7.90531110763549805, 7.90531110763549805)
	p("\tVMULPS %[1]s, %[1]s, %[2]s", s.r(x), s.r(square))
	s.horner(numerator, square, -2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08,
		1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03)
	p("\tVMULPS %s, %s, %s", s.r(x), s.r(numerator), s.r(numerator))
	s.horner(denominator, square, 1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03)
	p("\tVDIVPS %s, %s, %s", s.r(denominator), s.r(numerator), s.r(x))
}

// timesTanhGrad multiplies register d by 1-h², which destroys h.
func (s isa) timesTanhGrad(d, h int) {
	p("\tVMULPS %[1]s, %[1]s, %[1]s", s.r(h))
	p("\tVFNMADD231PS %[1]s, %[2]s, %[2]s", s.r(h), s.r(d))
}

func (s isa) tanhGrad() {
	p("\n// func tanhGrad%s(d, h *float32, n int)", s.name)
	p("TEXT ·tanhGrad%s(SB), NOSPLIT, $0-24", s.name)
	p("\tMOVQ d+0(FP), DI")
	p("\tMOVQ h+8(FP), SI")
	p("\tMOVQ n+16(FP), CX")
	s.vectors("tanhGrad"+s.name, func(load func(string, int), store func(int, string)) {
		load("(DI)", 0)
		load("(SI)", 1)
		s.timesTanhGrad(0, 1)
		store(0, "(DI)")
		p("\tADDQ $%d, DI", 4*s.lanes)
		p("\tADDQ $%d, SI", 4*s.lanes)
	})
	p("\tVZEROUPPER")
	p("\tRET")
}

func (s isa) add() {
	p("\n// func add%s(dst, src *float32, n int)", s.name)
	p("TEXT ·add%s(SB), NOSPLIT, $0-24", s.name)
	p("\tMOVQ dst+0(FP), DI")
	p("\tMOVQ src+8(FP), SI")
	p("\tMOVQ n+16(FP), CX")
	s.vectors("add"+s.name, func(load func(string, int), store func(int, string)) {
		load("(DI)", 0)
		load("(SI)", 1)
		p("\tVADDPS %s, %s, %s", s.r(1), s.r(0), s.r(0))
		store(0, "(DI)")
		p("\tADDQ $%d, DI", 4*s.lanes)
		p("\tADDQ $%d, SI", 4*s.lanes)
	})
	p("\tVZEROUPPER")
	p("\tRET")
}

// sumSquares adds in four registers, as a sum in one would wait for each addition.
func (s isa) sumSquares() {
	p("\n// func sumSquares%s(x *float32, n int, lanes *[16]float32)", s.name)
	p("TEXT ·sumSquares%s(SB), NOSPLIT, $0-24", s.name)
	p("\tMOVQ x+0(FP), DI")
	p("\tMOVQ n+8(FP), CX")
	for r := range 4 {
		p("\tVXORPS X%[1]d, X%[1]d, X%[1]d", r)
	}
	p("four_sumSquares%s:", s.name)
	p("\tCMPQ CX, $%d", 4*s.lanes)
	p("\tJLT vector_sumSquares%s", s.name)
	for r := range 4 {
		p("\tVMOVUPS %d(DI), %s", 4*s.lanes*r, s.r(4+r))
	}
	for r := range 4 {
		p("\tVFMADD231PS %[1]s, %[1]s, %[2]s", s.r(4+r), s.r(r))
	}
	p("\tADDQ $%d, DI", 16*s.lanes)
	p("\tSUBQ $%d, CX", 4*s.lanes)
	p("\tJMP four_sumSquares%s", s.name)
	s.vectors("sumSquares"+s.name, func(load func(string, int), store func(int, string)) {
		load("(DI)", 4)
		p("\tVFMADD231PS %[1]s, %[1]s, %[2]s", s.r(4), s.r(0))
		p("\tADDQ $%d, DI", 4*s.lanes)
	})
	for _, r := range [][2]int{{0, 1}, {2, 3}, {0, 2}} {
		p("\tVADDPS %s, %s, %s", s.r(r[1]), s.r(r[0]), s.r(r[0]))
	}
	p("\tMOVQ lanes+16(FP), DI")
	p("\tVMOVUPS %s, (DI)", s.r(0))
	p("\tVZEROUPPER")
	p("\tRET")
}

// elementwise writes a kernel that replaces each number of a slice, which of puts into register 0.
func (s isa) elementwise(name string, of func()) {
	p("\n// func %s%s(x *float32, n int)", name, s.name)
	p("TEXT ·%s%s(SB), NOSPLIT, $0-16", name, s.name)
	p("\tMOVQ x+0(FP), DI")
	p("\tMOVQ n+8(FP), CX")
	s.vectors(name+s.name, func(load func(string, int), store func(int, string)) {
		load("(DI)", 0)
		of()
		store(0, "(DI)")
		p("\tADDQ $%d, DI", 4*s.lanes)
	})
	p("\tVZEROUPPER")
	p("\tRET")
}

// expOf replaces register 0 by its exponential: 2ᵏ·eʳ with k whole and |r| ≤ ln(2)/2, eʳ by the polynomial of Cephes'
// expf.
func (s isa) expOf() {
	x, k, r, y := s.r(0), s.r(1), s.r(2), s.r(3)
	s.clamp(0, 1, -104, 89) // beyond, the result is 0 or infinite all the same
	p("\tVMULPS %s, %s, %s", constant(math.Log2E), x, k)
	if s.lanes == 16 {
		p("\tVRNDSCALEPS $0, %s, %s", k, k)
	} else {
		p("\tVROUNDPS $0, %s, %s", k, k)
	}
	// ln 2 in two parts: the first has few bits, so that its product with k is exact.
	p("\tVMOVAPS %s, %s", x, r)
	p("\tVFNMADD231PS %s, %s, %s", constant(0.693359375), k, r)
	p("\tVFNMADD231PS %s, %s, %s", constant(-2.12194440e-4), k, r)
	s.horner(3, 2, 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1, 1)
	if s.lanes == 16 {
		p("\tVSCALEFPS %s, %s, %s", k, y, x)
		return
	}
	// By two halves of the power, as 2ᵏ alone may be no number.
	p("\tVCVTPS2DQ %s, %s", k, k)
	p("\tVPSRAD $1, %s, %s", k, r)
	p("\tVPSUBD %s, %s, %s", r, k, k)
	for _, half := range []string{k, r} {
		p("\tVPADDD %s, %s, %s", word(127), half, half)
		p("\tVPSLLD $23, %s, %s", half, half)
		p("\tVMULPS %s, %s, %s", half, y, y)
	}
	p("\tVMOVAPS %s, %s", y, x)
}

// logOf replaces register 0, which holds positive normal numbers or NaN, by its logarithm: e·ln 2 + log(1+f) with
// √½ ≤ 1+f < √2, log(1+f) by the polynomial of Cephes' logf.
func (s isa) logOf() {
	x, e, f, y, z := s.r(0), s.r(1), s.r(2), s.r(3), s.r(4)
	p("\tVPSUBD %s, %s, %s", word(0x3f3504f3), x, e) // the bits of √½
	p("\tVPSRAD $23, %s, %s", e, e)
	p("\tVPSLLD $23, %s, %s", e, f)
	p("\tVPSUBD %s, %s, %s", f, x, f)
	p("\tVSUBPS %s, %s, %s", constant(1), f, f)
	p("\tVCVTDQ2PS %s, %s", e, e)
	p("\tVMULPS %s, %s, %s", f, f, z)
	s.horner(3, 2, 7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
		2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)
	p("\tVMULPS %s, %s, %s", f, y, y)
	p("\tVMULPS %s, %s, %s", z, y, y)
	p("\tVFMADD231PS %s, %s, %s", constant(-2.12194440e-4), e, y)
	p("\tVFNMADD231PS %s, %s, %s", constant(0.5), z, y)
	p("\tVADDPS %s, %s, %s", f, y, y)
	p("\tVFMADD231PS %s, %s, %s", constant(0.693359375), e, y)
	p("\tVFMADD132PS %s, %s, %s", constant(0), y, x) // x·0 + y hands NaN on
}

// dots writes the kernel of a narrow layer: Y = X·Wᵀ + bias, four rows at a time, for each of them and each output the
// product of two vectors. The order in which a product is summed does not depend on which of the four rows it is.
func (s isa) dots() {
	label := "dots" + s.name
	p("\n// func %s(y, x, w, bias *float32, rows, k, n int)", label)
	p("TEXT ·%s(SB), NOSPLIT, $0-56", label)
	p("\tMOVQ k+40(FP), CX")
	p("\tANDQ $%d, CX", s.lanes-1)
	s.mask()
	p("\tMOVQ y+0(FP), DI")
	p("\tMOVQ x+8(FP), AX")
	p("\tMOVQ rows+32(FP), R13")
	p("\tMOVQ k+40(FP), SI")
	p("\tANDQ $%d, SI", -s.lanes)
	p("\tSHLQ $2, SI")
	p("\tMOVQ n+48(FP), R11")
	p("\tSHLQ $2, R11")
	rows := []string{"AX", "R8", "R9", "R10"}
	p("rows_%s:", label)
	p("\tMOVQ k+40(FP), CX")
	for i := 1; i < 4; i++ { // where fewer than four rows are left the last one stands in
		p("\tLEAQ (%s)(CX*4), %s", rows[i-1], rows[i])
		p("\tCMPQ R13, $%d", i+1)
		p("\tCMOVQLT %s, %s", rows[i-1], rows[i])
	}
	p("\tMOVQ w+16(FP), BX")
	p("\tMOVQ bias+24(FP), DX")
	p("\tMOVQ n+48(FP), R12")
	p("output_%s:", label)
	for i := range rows {
		p("\tVXORPS X%[1]d, X%[1]d, X%[1]d", i)
	}
	p("\tXORQ CX, CX")
	p("vector_%s:", label)
	p("\tCMPQ CX, SI")
	p("\tJGE tail_%s", label)
	p("\tVMOVUPS (BX)(CX*1), %s", s.r(4))
	for i, r := range rows {
		p("\tVFMADD231PS (%s)(CX*1), %s, %s", r, s.r(4), s.r(i))
	}
	p("\tADDQ $%d, CX", 4*s.lanes)
	p("\tJMP vector_%s", label)
	p("tail_%s:", label)
	p("\tTESTQ $%d, k+40(FP)", s.lanes-1)
	p("\tJEQ reduce_%s", label)
	s.loadMasked("(BX)(CX*1)", 4)
	for i, r := range rows {
		s.loadMasked(fmt.Sprintf("(%s)(CX*1)", r), 5)
		p("\tVFMADD231PS %s, %s, %s", s.r(5), s.r(4), s.r(i))
	}
	p("reduce_%s:", label)
	if s.lanes == 16 {
		for i := range rows {
			p("\tVEXTRACTF64X4 $1, Z%d, Y5", i)
			p("\tVADDPS Y5, Y%[1]d, Y%[1]d", i)
		}
	}
	for i := 0; i < 4; i += 2 {
		p("\tVUNPCKLPS Y%d, Y%d, Y%d", i+1, i, 4+i)
		p("\tVUNPCKHPS Y%d, Y%d, Y%d", i+1, i, 5+i)
		p("\tVADDPS Y%d, Y%d, Y%d", 5+i, 4+i, 4+i)
	}
	p("\tVUNPCKLPD Y6, Y4, Y0")
	p("\tVUNPCKHPD Y6, Y4, Y1")
	p("\tVADDPS Y1, Y0, Y0")
	p("\tVEXTRACTF128 $1, Y0, X1")
	p("\tVADDPS X1, X0, X0")
	p("\tVBROADCASTSS (DX), X1")
	p("\tVADDPS X1, X0, X0")
	p("\tVMOVSS X0, (DI)")
	for i := 1; i < 4; i++ {
		p("\tCMPQ R13, $%d", i)
		p("\tJEQ stored_%s", label)
		if i < 3 {
			p("\tVEXTRACTPS $%d, X0, (DI)(R11*%d)", i, i)
		} else {
			p("\tLEAQ (DI)(R11*2), CX")
			p("\tVEXTRACTPS $%d, X0, (CX)(R11*1)", i)
		}
	}
	p("stored_%s:", label)
	p("\tMOVQ k+40(FP), CX")
	p("\tLEAQ (BX)(CX*4), BX")
	p("\tADDQ $4, DX")
	p("\tADDQ $4, DI") // after the last output at the next row
	p("\tDECQ R12")
	p("\tJNE output_%s", label)
	p("\tLEAQ (R10)(CX*4), AX")
	p("\tLEAQ (R11)(R11*2), CX")
	p("\tADDQ CX, DI")
	p("\tSUBQ $4, R13")
	p("\tJGT rows_%s", label)
	p("\tVZEROUPPER")
	p("\tRET")
}

// transpose writes the kernel that turns eight rows of n·8 numbers into n·8 rows of eight.
func transpose() {
	p("\n// func transpose256(dst, src *float32, ldd, lds, n int)")
	p("TEXT ·transpose256(SB), NOSPLIT, $0-40")
	p("\tMOVQ dst+0(FP), DI")
	p("\tMOVQ src+8(FP), SI")
	p("\tMOVQ ldd+16(FP), R8")
	p("\tMOVQ lds+24(FP), R9")
	p("\tMOVQ n+32(FP), CX")
	p("\tLEAQ (R8)(R8*2), R10")
	p("\tLEAQ (R9)(R9*2), R11")
	eight := func(base, middle, stride, triple string) []string {
		p("\tLEAQ (%s)(%s*4), %s", base, stride, middle)
		var out []string
		for _, b := range []string{base, middle} {
			out = append(out, "("+b+")", "("+b+")("+stride+"*1)", "("+b+")("+stride+"*2)", "("+b+")("+triple+"*1)")
		}
		return out
	}
	p("loop_transpose256:")
	for i, addr := range eight("SI", "AX", "R9", "R11") {
		p("\tVMOVUPS %s, Y%d", addr, i)
	}
	for i := 0; i < 8; i += 2 { // pairs of rows: within each half of a register, elements 0 and 1, then 2 and 3
		p("\tVUNPCKLPS Y%d, Y%d, Y%d", i+1, i, 8+i)
		p("\tVUNPCKHPS Y%d, Y%d, Y%d", i+1, i, 9+i)
	}
	for i := 0; i < 8; i += 4 { // fours of rows: element 0, 1, 2, 3
		p("\tVUNPCKLPD Y%d, Y%d, Y%d", 10+i, 8+i, i)
		p("\tVUNPCKHPD Y%d, Y%d, Y%d", 10+i, 8+i, i+1)
		p("\tVUNPCKLPD Y%d, Y%d, Y%d", 11+i, 9+i, i+2)
		p("\tVUNPCKHPD Y%d, Y%d, Y%d", 11+i, 9+i, i+3)
	}
	for i := range 4 { // the halves
		p("\tVPERM2F128 $0x20, Y%d, Y%d, Y%d", 4+i, i, 8+i)
		p("\tVPERM2F128 $0x31, Y%d, Y%d, Y%d", 4+i, i, 12+i)
	}
	for i, addr := range eight("DI", "AX", "R8", "R10") {
		p("\tVMOVUPS Y%d, %s", 8+i, addr)
	}
	p("\tADDQ $32, SI")
	p("\tLEAQ (DI)(R8*8), DI")
	p("\tDECQ CX")
	p("\tJNE loop_transpose256")
	p("\tVZEROUPPER")
	p("\tRET")
}

// peak writes a loop of n rounds of 12 multiply-adds on registers alone.
func (s isa) peak() {
	p("\n// func peak%s(n int)", s.name)
	p("TEXT ·peak%s(SB), NOSPLIT, $0-8", s.name)
	p("\tMOVQ n+0(FP), CX")
	for r := range 14 {
		p("\tVXORPS X%[1]d, X%[1]d, X%[1]d", r)
	}
	p("loop_peak%s:", s.name)
	for r := range 12 {
		p("\tVFMADD231PS %s, %s, %s", s.r(12), s.r(13), s.r(r))
	}
	p("\tDECQ CX")
	p("\tJNE loop_peak%s", s.name)
	p("\tVZEROUPPER")
	p("\tRET")
}

func (s isa) adam() {
	p("\n// func adam%s(p, m, v, grad *float32, n int, k *adamConst)", s.name)
	p("TEXT ·adam%s(SB), NOSPLIT, $0-48", s.name)
	p("\tMOVQ p+0(FP), DI")
	p("\tMOVQ m+8(FP), SI")
	p("\tMOVQ v+16(FP), DX")
	p("\tMOVQ grad+24(FP), R8")
	p("\tMOVQ n+32(FP), CX")
	p("\tMOVQ k+40(FP), AX")
	for i, field := range []string{"Scale", "Beta1", "Beta2", "Gamma1", "Gamma2", "Root2", "Eps", "Rate"} {
		p("\tVBROADCASTSS adamConst_%s(AX), %s", field, s.r(5+i))
	}
	scale, b1, b2, g1, g2, root, eps, rate := s.r(5), s.r(6), s.r(7), s.r(8), s.r(9), s.r(10), s.r(11), s.r(12)
	g, m, v, t := s.r(0), s.r(1), s.r(2), s.r(3)
	s.vectors("adam"+s.name, func(load func(string, int), store func(int, string)) {
		load("(R8)", 0)
		load("(SI)", 1)
		load("(DX)", 2)
		p("\tVMULPS %s, %s, %s", scale, g, g)
		p("\tVMULPS %s, %s, %s", b1, m, m)
		p("\tVFMADD231PS %s, %s, %s", g1, g, m)
		p("\tVMULPS %s, %s, %s", g, g, t)
		p("\tVMULPS %s, %s, %s", b2, v, v)
		p("\tVFMADD231PS %s, %s, %s", g2, t, v)
		store(1, "(SI)")
		store(2, "(DX)")
		p("\tVSQRTPS %s, %s", v, t)
		p("\tVFMADD213PS %s, %s, %s", eps, root, t)
		p("\tVMULPS %s, %s, %s", rate, m, m)
		p("\tVDIVPS %s, %s, %s", t, m, m)
		load("(DI)", 4)
		p("\tVSUBPS %[1]s, %[2]s, %[2]s", m, s.r(4))
		store(4, "(DI)")
		for _, r := range []string{"DI", "SI", "DX", "R8"} {
			p("\tADDQ $%d, %s", 4*s.lanes, r)
		}
	})
	p("\tVZEROUPPER")
	p("\tRET")
}

// compact writes the kernel that drops negative numbers. VPCOMPRESSD goes through a register, as writing to memory it is
// microcoded on Zen 4; so each store is a whole vector, of which the next overwrites what does not count.
func compact() {
	p("\n// func compact512(dst, src *int32, n int) (count int)")
	p("TEXT ·compact512(SB), NOSPLIT, $0-32")
	p("\tMOVQ dst+0(FP), DI")
	p("\tMOVQ src+8(FP), SI")
	p("\tMOVQ n+16(FP), CX")
	p("\tMOVQ DI, R8")
	p("\tVPXORD Z1, Z1, Z1")
	p("\tKXNORW K1, K1, K1")
	step := func() {
		p("\tVMOVDQU32.Z (SI), K1, Z0")
		p("\tVPCMPD $5, Z1, Z0, K1, K2") // not less than 0
		p("\tVPCOMPRESSD.Z Z0, K2, Z2")
		p("\tVMOVDQU32 Z2, (DI)")
		p("\tKMOVW K2, AX")
		p("\tPOPCNTL AX, AX")
		p("\tLEAQ (DI)(AX*4), DI")
	}
	p("vector_compact:")
	p("\tCMPQ CX, $16")
	p("\tJLT tail_compact")
	step()
	p("\tADDQ $64, SI")
	p("\tSUBQ $16, CX")
	p("\tJMP vector_compact")
	p("tail_compact:")
	p("\tTESTQ CX, CX")
	p("\tJEQ done_compact")
	isas[0].mask()
	step()
	p("done_compact:")
	p("\tSUBQ R8, DI")
	p("\tSHRQ $2, DI")
	p("\tMOVQ DI, count+24(FP)")
	p("\tVZEROUPPER")
	p("\tRET")
}

func main() {
	p("// Code generated by gen_amd64.go. DO NOT EDIT.")
	p("")
	p("#include \"go_asm.h\"")
	p("#include \"textflag.h\"")
	p("")
	p("// Eight ones and eight zeros: the mask for n lanes starts n before the middle.")
	for i := range 16 {
		x := uint32(0)
		if i < 8 {
			x = math.MaxUint32
		}
		p("DATA tail256<>+%d(SB)/4, $%#x", 4*i, x)
	}
	p("GLOBL tail256<>(SB), RODATA|NOPTR, $64")
	p("")
	transpose()
	compact()
	for _, s := range isas {
		for _, rows := range s.rows {
			s.gemm(rows, 2)
			s.gemm(rows, 1)
			s.sumOfProducts(rows, 2)
			s.sumOfProducts(rows, 1)
		}
		s.relu()
		s.pool()
		full := 4
		if s.lanes == 8 {
			full = 8
			s.sparse(false, 1)
			s.sparse(true, 1)
		}
		s.sparse(false, full)
		s.sparse(true, full)
		s.elementwise("tanh", func() { s.tanhOf(0, 1) })
		s.elementwise("exp", s.expOf)
		s.elementwise("log", s.logOf)
		s.dots()
		s.peak()
		s.tanhGrad()
		s.add()
		s.sumSquares()
		s.adam()
	}
	p("")
	p("// The constants, each 16 times.")
	for i, bits := range table {
		for j := range 16 {
			p("DATA table<>+%d(SB)/4, $%#x", 64*i+4*j, bits)
		}
	}
	p("GLOBL table<>(SB), RODATA|NOPTR, $%d", 64*len(table))
}
