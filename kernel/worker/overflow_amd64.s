#include "textflag.h"

// func stackTop() uintptr
TEXT ·stackTop(SB), NOSPLIT, $0-8
	MOVQ (TLS), AX // the goroutine, which begins with the bounds of its stack
	MOVQ 8(AX), AX
	MOVQ AX, ret+0(FP)
	RET

// func self() uintptr
TEXT ·self(SB), NOSPLIT, $0-8
	MOVQ (TLS), AX
	MOVQ AX, ret+0(FP)
	RET
