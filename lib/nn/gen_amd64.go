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

// gemm writes the tile of the given rows and vectors: C += A·B, with C in registers while k runs.
func (s isa) gemm(rows, vecs int) {
	p("\n// func gemm%sx%dx%d(k int, a *float32, rsa, csa int, b *float32, ldb int, c *float32, ldc, last int)", s.name, rows, vecs)
	p("TEXT ·gemm%sx%dx%d(SB), NOSPLIT, $0-72", s.name, rows, vecs)
	p("\tMOVQ last+64(FP), CX")
	s.mask()
	p("\tMOVQ k+0(FP), DX")
	p("\tMOVQ a+8(FP), AX")
	p("\tMOVQ rsa+16(FP), R8")
	p("\tMOVQ csa+24(FP), CX")
	p("\tMOVQ b+32(FP), BX")
	p("\tMOVQ ldb+40(FP), SI")
	p("\tMOVQ c+48(FP), DI")
	p("\tMOVQ ldc+56(FP), R11")
	p("\tLEAQ (R8)(R8*2), R9")
	p("\tLEAQ (AX)(R8*4), R10")
	acc := func(i, v int) int { return i*vecs + v }
	bReg := rows * vecs
	cRows := func(f func(i, v int, addr string)) {
		p("\tMOVQ DI, R13")
		for i := range rows {
			for v := range vecs {
				f(i, v, fmt.Sprintf("%d(R13)", v*s.lanes*4))
			}
			if i < rows-1 {
				p("\tADDQ R11, R13")
			}
		}
	}
	cRows(func(i, v int, addr string) {
		if v == vecs-1 {
			s.loadMasked(addr, acc(i, v))
		} else {
			p("\tVMOVUPS %s, %s", addr, s.r(acc(i, v)))
		}
	})
	label := fmt.Sprintf("gemm%sx%dx%d", s.name, rows, vecs)
	p("loop_%s:", label)
	for v := range vecs {
		addr := fmt.Sprintf("%d(BX)", v*s.lanes*4)
		if v == vecs-1 {
			s.loadMasked(addr, bReg+v)
		} else {
			p("\tVMOVUPS %s, %s", addr, s.r(bReg+v))
		}
	}
	addrs := []string{"(AX)", "(AX)(R8*1)", "(AX)(R8*2)", "(AX)(R9*1)", "(R10)", "(R10)(R8*1)", "(R10)(R8*2)", "(R10)(R9*1)"}
	for i := range rows {
		x := bReg + vecs
		if s.lanes == 16 && i%2 == 1 {
			x++ // two registers in turn; AVX2 has none to spare
		}
		p("\tVBROADCASTSS %s, %s", addrs[i], s.r(x))
		for v := range vecs {
			p("\tVFMADD231PS %s, %s, %s", s.r(bReg+v), s.r(x), s.r(acc(i, v)))
		}
	}
	p("\tADDQ CX, AX")
	p("\tADDQ CX, R10")
	p("\tADDQ SI, BX")
	p("\tDECQ DX")
	p("\tJNE loop_%s", label)
	cRows(func(i, v int, addr string) {
		if v == vecs-1 {
			s.storeMasked(acc(i, v), addr)
		} else {
			p("\tVMOVUPS %s, %s", s.r(acc(i, v)), addr)
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

// The constants of tanh, in the order of the table.
var tanhTable = []float64{
	7.90531110763549805, -7.90531110763549805,
	-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08, 1.48572235717979e-05,
	6.37261928875436e-04, 4.89352455891786e-03,
	1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03,
	1, -1,
}

func constant(i int) string { return fmt.Sprintf("tanhTable<>+%d(SB)", 64*i) }

func (s isa) tanh() {
	p("\n// func tanh%s(x *float32, n int)", s.name)
	p("TEXT ·tanh%s(SB), NOSPLIT, $0-16", s.name)
	p("\tMOVQ x+0(FP), DI")
	p("\tMOVQ n+8(FP), CX")
	x, t, sq, num, den := s.r(0), s.r(1), s.r(2), s.r(3), s.r(4)
	// VMINPS and VMAXPS return their first operand (in Go's order) where one is NaN: there stands x.
	clamp := func(hi, lo int) {
		p("\tVMOVUPS %s, %s", constant(hi), t)
		p("\tVMINPS %s, %s, %s", x, t, x)
		p("\tVMOVUPS %s, %s", constant(lo), t)
		p("\tVMAXPS %s, %s, %s", x, t, x)
	}
	s.vectors("tanh"+s.name, func(load func(string, int), store func(int, string)) {
		load("(DI)", 0)
		clamp(0, 1)
		p("\tVMULPS %s, %s, %s", x, x, sq)
		p("\tVMOVUPS %s, %s", constant(2), num)
		for i := 3; i <= 8; i++ {
			p("\tVFMADD213PS %s, %s, %s", constant(i), sq, num)
		}
		p("\tVMULPS %s, %s, %s", x, num, num)
		p("\tVMOVUPS %s, %s", constant(9), den)
		for i := 10; i <= 12; i++ {
			p("\tVFMADD213PS %s, %s, %s", constant(i), sq, den)
		}
		p("\tVDIVPS %s, %s, %s", den, num, x)
		clamp(13, 14)
		store(0, "(DI)")
		p("\tADDQ $%d, DI", 4*s.lanes)
	})
	p("\tVZEROUPPER")
	p("\tRET")
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
		p("\tVMULPS %[1]s, %[1]s, %[1]s", s.r(1))
		p("\tVFNMADD231PS %[1]s, %[2]s, %[2]s", s.r(1), s.r(0))
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

func (s isa) sumSquares() {
	p("\n// func sumSquares%s(x *float32, n int, lanes *[16]float32)", s.name)
	p("TEXT ·sumSquares%s(SB), NOSPLIT, $0-24", s.name)
	p("\tMOVQ x+0(FP), DI")
	p("\tMOVQ n+8(FP), CX")
	p("\tVXORPS X0, X0, X0")
	s.vectors("sumSquares"+s.name, func(load func(string, int), store func(int, string)) {
		load("(DI)", 1)
		p("\tVFMADD231PS %[1]s, %[1]s, %[2]s", s.r(1), s.r(0))
		p("\tADDQ $%d, DI", 4*s.lanes)
	})
	p("\tMOVQ lanes+16(FP), DI")
	p("\tVMOVUPS %s, (DI)", s.r(0))
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
	p("// The constants of tanh, each 16 times.")
	for i, x := range tanhTable {
		for j := range 16 {
			p("DATA tanhTable<>+%d(SB)/4, $%#x", 64*i+4*j, math.Float32bits(float32(x)))
		}
	}
	p("GLOBL tanhTable<>(SB), RODATA|NOPTR, $%d", 64*len(tanhTable))
	compact()
	for _, s := range isas {
		for _, rows := range s.rows {
			s.gemm(rows, 2)
			s.gemm(rows, 1)
		}
		full := 4
		if s.lanes == 8 {
			full = 8
			s.sparse(false, 1)
			s.sparse(true, 1)
		}
		s.sparse(false, full)
		s.sparse(true, full)
		s.tanh()
		s.tanhGrad()
		s.add()
		s.sumSquares()
		s.adam()
	}
}
