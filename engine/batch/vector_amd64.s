#include "textflag.h"

// func packFours(dst unsafe.Pointer, v unsafe.Pointer, n int, less uint64, shifts *[4]uint64, step int) (all uint64)
//
// Sixteen values a turn, a group in each register: its lanes are shifted to their places, and
// those of two groups come to lie over one another.
TEXT ·packFours(SB), NOSPLIT, $0-56
	MOVQ         dst+0(FP), DI
	MOVQ         v+8(FP), SI
	MOVQ         n+16(FP), CX
	VPBROADCASTQ less+24(FP), Y0
	MOVQ         shifts+32(FP), AX
	VMOVDQU      (AX), Y1
	MOVQ         step+40(FP), R8
	LEAQ         (R8)(R8*2), R9
	VPXOR        Y15, Y15, Y15

fours:
	VPADDQ       (SI), Y0, Y2
	VPADDQ       32(SI), Y0, Y3
	VPADDQ       64(SI), Y0, Y4
	VPADDQ       96(SI), Y0, Y5
	VPOR         Y2, Y3, Y6
	VPOR         Y4, Y5, Y7
	VPOR         Y6, Y15, Y15
	VPOR         Y7, Y15, Y15
	VPSLLVQ      Y1, Y2, Y2
	VPSLLVQ      Y1, Y3, Y3
	VPSLLVQ      Y1, Y4, Y4
	VPSLLVQ      Y1, Y5, Y5
	VPUNPCKLQDQ  Y3, Y2, Y6
	VPUNPCKHQDQ  Y3, Y2, Y7
	VPUNPCKLQDQ  Y5, Y4, Y8
	VPUNPCKHQDQ  Y5, Y4, Y9
	VPOR         Y6, Y7, Y6
	VPOR         Y8, Y9, Y8
	VEXTRACTI128 $1, Y6, X7
	VEXTRACTI128 $1, Y8, X9
	VPOR         X6, X7, X6
	VPOR         X8, X9, X8
	VMOVQ        X6, (DI)
	VMOVHPS      X6, (DI)(R8*1)
	VMOVQ        X8, (DI)(R8*2)
	VMOVHPS      X8, (DI)(R9*1)
	ADDQ         $128, SI
	LEAQ         (DI)(R8*4), DI
	SUBQ         $16, CX
	JNZ          fours

	VEXTRACTI128 $1, Y15, X2
	VPOR         X2, X15, X2
	VPEXTRQ      $1, X2, AX
	VMOVQ        X2, BX
	ORQ          BX, AX
	MOVQ         AX, all+48(FP)
	VZEROUPPER
	RET

// func packTwos(dst unsafe.Pointer, v unsafe.Pointer, n int, less uint64, shifts *[4]uint64, step int) (all uint64)
//
// Eight values a turn, in four groups.
TEXT ·packTwos(SB), NOSPLIT, $0-56
	MOVQ         dst+0(FP), DI
	MOVQ         v+8(FP), SI
	MOVQ         n+16(FP), CX
	VPBROADCASTQ less+24(FP), Y0
	MOVQ         shifts+32(FP), AX
	VMOVDQU      (AX), Y1
	MOVQ         step+40(FP), R8
	LEAQ         (R8)(R8*2), R9
	VPXOR        Y15, Y15, Y15

twos:
	VPADDQ       (SI), Y0, Y2
	VPADDQ       32(SI), Y0, Y3
	VPOR         Y2, Y15, Y15
	VPOR         Y3, Y15, Y15
	VPSLLVQ      Y1, Y2, Y2
	VPSLLVQ      Y1, Y3, Y3
	VPUNPCKLQDQ  Y3, Y2, Y4 // first halves of groups 0, 2, 1, 3
	VPUNPCKHQDQ  Y3, Y2, Y5
	VPOR         Y4, Y5, Y4
	VEXTRACTI128 $1, Y4, X5
	VMOVQ        X4, (DI)
	VMOVQ        X5, (DI)(R8*1)
	VMOVHPS      X4, (DI)(R8*2)
	VMOVHPS      X5, (DI)(R9*1)
	ADDQ         $64, SI
	LEAQ         (DI)(R8*4), DI
	SUBQ         $8, CX
	JNZ          twos

	VEXTRACTI128 $1, Y15, X2
	VPOR         X2, X15, X2
	VPEXTRQ      $1, X2, AX
	VMOVQ        X2, BX
	ORQ          BX, AX
	MOVQ         AX, all+48(FP)
	VZEROUPPER
	RET

// func packViews(dst unsafe.Pointer, v unsafe.Pointer, n int, less, least uint64, shifts *[4]uint64, step int) (sizes uint64)
//
// Eight views a turn: their lengths less what they have at least, and above them their places
// less the first one's.
TEXT ·packViews(SB), NOSPLIT, $0-64
	MOVQ         dst+0(FP), DI
	MOVQ         v+8(FP), SI
	MOVQ         n+16(FP), CX
	VPBROADCASTQ less+24(FP), Y0
	VPBROADCASTQ least+32(FP), Y1
	MOVQ         shifts+40(FP), AX
	VMOVDQU      (AX), Y2
	MOVQ         step+48(FP), R8
	LEAQ         (R8)(R8*2), R9
	VPXOR        Y15, Y15, Y15
	VPCMPEQQ     Y3, Y3, Y3
	VPSRLQ       $32, Y3, Y3

views:
	VMOVDQU      (SI), Y4
	VMOVDQU      64(SI), Y5
	VPUNPCKHQDQ  32(SI), Y4, Y6 // places of views 0, 2, 1, 3
	VPUNPCKHQDQ  96(SI), Y5, Y7
	VPUNPCKLQDQ  32(SI), Y4, Y4
	VPUNPCKLQDQ  96(SI), Y5, Y5
	VPAND        Y3, Y4, Y4
	VPAND        Y3, Y5, Y5
	VPADDQ       Y1, Y4, Y4
	VPADDQ       Y1, Y5, Y5
	VPOR         Y4, Y15, Y15
	VPOR         Y5, Y15, Y15
	VPSRLQ       $24, Y6, Y6
	VPSRLQ       $24, Y7, Y7
	VPADDQ       Y6, Y4, Y4
	VPADDQ       Y7, Y5, Y5
	VPADDQ       Y0, Y4, Y4
	VPADDQ       Y0, Y5, Y5
	VPSLLVQ      Y2, Y4, Y4
	VPSLLVQ      Y2, Y5, Y5
	VEXTRACTI128 $1, Y4, X6
	VEXTRACTI128 $1, Y5, X7
	VPOR         X4, X6, X4
	VPOR         X5, X7, X5
	VMOVQ        X4, (DI)
	VMOVHPS      X4, (DI)(R8*1)
	VMOVQ        X5, (DI)(R8*2)
	VMOVHPS      X5, (DI)(R9*1)
	ADDQ         $128, SI
	LEAQ         (DI)(R8*4), DI
	SUBQ         $8, CX
	JNZ          views

	VEXTRACTI128 $1, Y15, X2
	VPOR         X2, X15, X2
	VPEXTRQ      $1, X2, AX
	VMOVQ        X2, BX
	ORQ          BX, AX
	MOVQ         AX, sizes+56(FP)
	VZEROUPPER
	RET

// func borders32(dst *uint16, most int, v unsafe.Pointer, n int) (many int)
//
// 32 numbers a turn, each beside the one behind it.
TEXT ·borders32(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ most+8(FP), R8
	MOVQ v+16(FP), SI
	MOVQ n+24(FP), CX
	XORQ R9, R9  // borders
	MOVQ $1, R10 // place behind the first number of the turn

turn32:
	VMOVDQU   (SI), Y0
	VMOVDQU   32(SI), Y1
	VMOVDQU   64(SI), Y2
	VMOVDQU   96(SI), Y3
	VPCMPEQD  4(SI), Y0, Y0
	VPCMPEQD  36(SI), Y1, Y1
	VPCMPEQD  68(SI), Y2, Y2
	VPCMPEQD  100(SI), Y3, Y3
	VPAND     Y0, Y1, Y4
	VPAND     Y2, Y3, Y5
	VPAND     Y4, Y5, Y4
	VPMOVMSKB Y4, AX
	CMPL      AX, $-1
	JNE       some32

next32:
	ADDQ $128, SI
	ADDQ $32, R10
	SUBQ $32, CX
	JNZ  turn32
	MOVQ R9, many+32(FP)
	VZEROUPPER
	RET

some32:
	LEAQ      32(R9), BX
	CMPQ      BX, R8
	JGT       over32
	VMOVMSKPS Y0, AX
	VMOVMSKPS Y1, BX
	VMOVMSKPS Y2, R11
	VMOVMSKPS Y3, R12
	SHLL      $8, BX
	SHLL      $16, R11
	SHLL      $24, R12
	ORL       BX, AX
	ORL       R11, R12
	ORL       R12, AX
	NOTL      AX

each32:
	TZCNTL AX, BX
	ADDQ   R10, BX
	MOVW   BX, (DI)(R9*2)
	INCQ   R9
	BLSRL  AX, AX
	JNZ    each32
	JMP    next32

over32:
	MOVQ $-1, many+32(FP)
	VZEROUPPER
	RET

// func borders64(dst *uint16, most int, v unsafe.Pointer, n int) (many int)
//
// 16 numbers a turn, each beside the one behind it.
TEXT ·borders64(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ most+8(FP), R8
	MOVQ v+16(FP), SI
	MOVQ n+24(FP), CX
	XORQ R9, R9  // borders
	MOVQ $1, R10 // place behind the first number of the turn

turn64:
	VMOVDQU   (SI), Y0
	VMOVDQU   32(SI), Y1
	VMOVDQU   64(SI), Y2
	VMOVDQU   96(SI), Y3
	VPCMPEQQ  8(SI), Y0, Y0
	VPCMPEQQ  40(SI), Y1, Y1
	VPCMPEQQ  72(SI), Y2, Y2
	VPCMPEQQ  104(SI), Y3, Y3
	VPAND     Y0, Y1, Y4
	VPAND     Y2, Y3, Y5
	VPAND     Y4, Y5, Y4
	VPMOVMSKB Y4, AX
	CMPL      AX, $-1
	JNE       some64

next64:
	ADDQ $128, SI
	ADDQ $16, R10
	SUBQ $16, CX
	JNZ  turn64
	MOVQ R9, many+32(FP)
	VZEROUPPER
	RET

some64:
	LEAQ      16(R9), BX
	CMPQ      BX, R8
	JGT       over64
	VMOVMSKPD Y0, AX
	VMOVMSKPD Y1, BX
	VMOVMSKPD Y2, R11
	VMOVMSKPD Y3, R12
	SHLL      $4, BX
	SHLL      $8, R11
	SHLL      $12, R12
	ORL       BX, AX
	ORL       R11, R12
	ORL       R12, AX
	XORL      $0xFFFF, AX

each64:
	TZCNTL AX, BX
	ADDQ   R10, BX
	MOVW   BX, (DI)(R9*2)
	INCQ   R9
	BLSRL  AX, AX
	JNZ    each64
	JMP    next64

over64:
	MOVQ $-1, many+32(FP)
	VZEROUPPER
	RET
