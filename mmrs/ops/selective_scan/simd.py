"""SIMD vectors of float32 inside numba functions.

Numba compiles loops over scalars and leaves it to LLVM to find vectors in
them, which it does not in a recurrence. Here a vector is a type of its own:
`load` makes one, the functions below compute with it, `store` writes it back.
LLVM maps it to the registers of the machine at hand, AVX, AVX-512 or NEON.

All functions work inside ``numba.njit`` alone.
"""

from collections.abc import Callable
from inspect import Parameter, Signature

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

__all__ = [
    'LANES',
    'add',
    'clamp',
    'div',
    'exp2_of_product',
    'fma',
    'horizontal_sum',
    'load',
    'mul',
    'prefetch',
    'sigmoid',
    'softplus',
    'splat',
    'splat_load',
    'store',
    'sub',
]

# Two registers of AVX or one of AVX-512: two chains of instructions hide each
# other's latency, and share what is the same in all lanes.
LANES = 16

_SCALAR, _INT = ir.FloatType(), ir.IntType(32)
_VECTOR, _INTS = ir.VectorType(_SCALAR, LANES), ir.VectorType(_INT, LANES)


class _VectorType(types.Type):
    def __init__(self) -> None:
        super().__init__(name=f'float32x{LANES}')


@register_model(_VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, fe_type) -> None:
        super().__init__(manager, fe_type, _VECTOR)


vector = _VectorType()


def _operation(build: Callable) -> Callable:
    """Make a numba function of vectors out of a builder of LLVM code."""
    names = build.__code__.co_varnames[1 : build.__code__.co_argcount]

    def codegen(context, builder, signature, args):
        return build(builder, *args)

    def typer(context, *arguments):
        return vector(*[vector] * len(arguments)), codegen

    # numba looks at the names of the arguments.
    typer.__signature__ = Signature(
        Parameter(name, Parameter.POSITIONAL_OR_KEYWORD)
        for name in ('context', *names)
    )
    typer.__name__, typer.__doc__ = build.__name__, build.__doc__
    return intrinsic(typer)


def _constant(value: float) -> ir.Constant:
    # llvmlite prints the number as it is, so it must be a float32.
    return ir.Constant(_VECTOR, [float(np.float32(value))] * LANES)


def _ints(value: int) -> ir.Constant:
    return ir.Constant(_INTS, [value] * LANES)


def _fma(builder, a, b, c):
    """A b + c, in one rounding where the machine can."""
    name = f'llvm.fmuladd.v{LANES}f32'
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(function, [a, b, c])


def _polynomial(builder, x, coefficients):
    """Sum of coefficients[i] x^i, by Horner's rule."""
    value = _constant(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value = _fma(builder, value, x, _constant(coefficient))
    return value


def _maximum(builder, low, x):
    """The larger one; NaN in x stays NaN."""
    return builder.select(builder.fcmp_ordered('>', low, x), low, x)


def _minimum(builder, high, x):
    """The smaller one; NaN in x stays NaN."""
    return builder.select(builder.fcmp_ordered('<', high, x), high, x)


# 2^x on [-1/2, 1/2] and log(1 + x) / x on [0, 1]: interpolation at Chebyshev
# nodes. The relative errors are 1.9e-7 and 1.5e-7.
def _interpolate(function: Callable, low: float, high: float, degree: int):
    polynomial = np.polynomial.Chebyshev.interpolate(
        function, degree, domain=(low, high)
    )
    return polynomial.convert(kind=np.polynomial.Polynomial).coef.tolist()


_EXP2 = _interpolate(np.exp2, -0.5, 0.5, 5)
_LOG1P = _interpolate(lambda x: np.log1p(x) / x, 0.0, 1.0, 9)
_ROUNDER = 1.5 * 2**23  # adding it leaves an integer in the low bits


def _exp2_of_product(builder, a, b):
    """2^(a b): 2^n by the bits of the exponent, and 2^(a b - n).

    The product itself is never rounded.
    """
    rounder = _constant(_ROUNDER)
    shifted = _fma(builder, a, b, rounder)
    n = builder.fsub(shifted, rounder)
    rest = _fma(builder, a, b, builder.fneg(n))
    power = _polynomial(builder, rest, _EXP2)
    lowest = _constant(_ROUNDER - 126)
    bits = builder.bitcast(_maximum(builder, lowest, shifted), _INTS)
    exponent = builder.shl(bits, _ints(23))
    total = builder.add(builder.bitcast(power, _INTS), exponent)
    return builder.bitcast(total, _VECTOR)


def _exp(builder, x):
    x = _minimum(builder, _constant(88.7), x)
    return _exp2_of_product(builder, x, _constant(np.log2(np.e)))


@_operation
def exp2_of_product(builder, a, b):
    """2^(a b) for a b <= 128; 1e-38 where a b is below -126."""
    return _exp2_of_product(builder, a, b)


@_operation
def sigmoid(builder, x):
    """1 / (1 + exp(-x))."""
    decay = _exp(builder, builder.fneg(x))
    one = _constant(1)
    return builder.fdiv(one, builder.fadd(one, decay))


@_operation
def softplus(builder, x):
    """log(1 + exp(x))."""
    zero = _constant(0)
    is_positive = builder.fcmp_ordered('>', x, zero)
    negative = builder.select(is_positive, builder.fneg(x), x)
    decay = _exp(builder, negative)
    log = builder.fmul(decay, _polynomial(builder, decay, _LOG1P))
    return builder.fadd(log, builder.select(is_positive, x, zero))


@_operation
def clamp(builder, x, low, high):
    """Put x between two bounds; NaN stays NaN."""
    return _minimum(builder, high, _maximum(builder, low, x))


@_operation
def add(builder, a, b):
    """A + b."""
    return builder.fadd(a, b)


@_operation
def sub(builder, a, b):
    """A - b."""
    return builder.fsub(a, b)


@_operation
def mul(builder, a, b):
    """A b."""
    return builder.fmul(a, b)


@_operation
def div(builder, a, b):
    """A / b."""
    return builder.fdiv(a, b)


@_operation
def fma(builder, a, b, c):
    """A b + c, in one rounding where the machine can."""
    return _fma(builder, a, b, c)


def _splat(builder, scalar):
    nothing = ir.Constant(_VECTOR, ir.Undefined)
    lane = builder.insert_element(nothing, scalar, _INT(0))
    return builder.shuffle_vector(lane, nothing, _ints(0))


@intrinsic
def splat(context, scalar):
    """Vector whose lanes all hold a float32."""

    def codegen(context, builder, signature, args):
        return _splat(builder, args[0])

    return vector(types.float32), codegen


@intrinsic
def horizontal_sum(context, x):
    """Sum of the lanes, pairs first, always in the same order."""

    def codegen(context, builder, signature, args):
        value, width = args[0], LANES
        while width > 1:
            width //= 2
            low, high = (
                builder.shuffle_vector(
                    value,
                    ir.Constant(value.type, ir.Undefined),
                    ir.Constant(
                        ir.VectorType(_INT, width),
                        list(range(start, start + width)),
                    ),
                )
                for start in (0, width)
            )
            value = builder.fadd(low, high)
        return builder.extract_element(value, _INT(0))

    return types.float32(vector), codegen


def _pointer(context, builder, array_type, array, offset):
    """Address of an element of a one-dimensional array."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [offset])


@intrinsic
def load(context, array, offset):
    """Read LANES elements of a flat float32 array from an offset on."""

    def codegen(context, builder, signature, args):
        pointer = _pointer(context, builder, signature.args[0], *args)
        pointer = builder.bitcast(pointer, _VECTOR.as_pointer())
        return builder.load(pointer, align=4)

    return vector(array, types.intp), codegen


@intrinsic
def splat_load(context, array, offset):
    """Vector whose lanes all hold one element of a flat float32 array."""

    def codegen(context, builder, signature, args):
        pointer = _pointer(context, builder, signature.args[0], *args)
        return _splat(builder, builder.load(pointer))

    return vector(array, types.intp), codegen


@intrinsic
def store(context, array, offset, value):
    """Write a vector to a flat float32 array from an offset on."""

    def codegen(context, builder, signature, args):
        array, offset, value = args
        pointer = _pointer(context, builder, signature.args[0], array, offset)
        pointer = builder.bitcast(pointer, _VECTOR.as_pointer())
        builder.store(value, pointer, align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), codegen


@intrinsic
def prefetch(context, array, offset):
    """Ask for the cache line of an element."""

    def codegen(context, builder, signature, args):
        pointer = _pointer(context, builder, signature.args[0], *args)
        byte = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, _INT, _INT, _INT])
        function = cgutils.get_or_insert_function(
            builder.module, kind, 'llvm.prefetch.p0'
        )
        pointer = builder.bitcast(pointer, byte)
        # For reading, to be kept in all caches, data.
        builder.call(function, [pointer, _INT(0), _INT(3), _INT(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), codegen
