#include "textflag.h"

// func stackTop() uintptr
TEXT ·stackTop(SB), NOSPLIT, $0-8
	MOVD 8(g), R0 // the goroutine, which begins with the bounds of its stack
	MOVD R0, ret+0(FP)
	RET

// func self() uintptr
TEXT ·self(SB), NOSPLIT, $0-8
	MOVD g, ret+0(FP)
	RET
