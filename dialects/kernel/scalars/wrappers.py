"""The entries of the prelude that scalars need: storage types, conversions, and arithmetic that C lacks."""

from __future__ import annotations

from ..instruction import FUNCTION, PreludeSection, Wrapper


def _type(name: str, text: str) -> Wrapper:
    return Wrapper(name, text, section=PreludeSection.TYPES)


def _scalar(name: str, text: str) -> Wrapper:
    return Wrapper(name, text, section=PreludeSection.SCALARS)


def _convert(name: str, result: str, operand: str, instruction: str, constraints: tuple[str, str]) -> Wrapper:
    to, of = constraints
    return _scalar(
        name,
        f"{FUNCTION}{result} {name}({operand} x) {{\n  {result} r;\n"
        f'  asm("{instruction} %0, %1;" : "={to}"(r) : "{of}"(x));\n  return r;\n}}',
    )


def _binary(name: str, type_: str, instruction: str, constraint: str) -> Wrapper:
    return _scalar(
        name,
        f"{FUNCTION}{type_} {name}({type_} a, {type_} b) {{\n  {type_} r;\n"
        f'  asm("{instruction} %0, %1, %2;" : "={constraint}"(r) : "{constraint}"(a), "{constraint}"(b));\n  return r;\n}}',
    )


def _extremum_f64(name: str, before: str, both: str) -> Wrapper:
    """The later one in order, `a != a` being NaN."""
    bits = f"__double_as_longlong(a) {both} __double_as_longlong(b)"
    return _scalar(
        name,
        f"{FUNCTION}double {name}(double a, double b) {{\n  if (a {before} b) return b;\n  if (b {before} a) return a;\n"
        f"  return a != a ? a : b != b ? b : __longlong_as_double({bits});\n}}",
    )


def _integer_power(name: str, type_: str, unsigned: str) -> Wrapper:
    """a ** b, wrapped around; a negative power of anything but 1 and -1 is 0."""
    return _scalar(
        name,
        f"{FUNCTION}{type_} {name}({type_} a, {type_} b) {{\n"
        "  if (b < 0) return a == 1 || a == -1 ? b & 1 ? a : 1 : 0;\n"
        f"  {unsigned} result = 1, square = a;\n"
        "  for (; b > 0; b >>= 1, square *= square)\n    if (b & 1) result *= square;\n"
        f"  return ({type_})result;\n}}",
    )


F16 = _type("f16", "typedef unsigned short f16;  // storage only: arithmetic is in float")
BF16 = _type("bf16", "typedef unsigned short bf16;  // storage only: arithmetic is in float")
F8E4M3 = _type("f8e4m3", "typedef unsigned char f8e4m3;  // storage only: arithmetic is in float")
F8E5M2 = _type("f8e5m2", "typedef unsigned char f8e5m2;  // storage only: arithmetic is in float")
VEC16 = _type("vec16", "struct __align__(16) vec16 { unsigned x, y, z, w; };")
VEC8 = _type("vec8", "struct __align__(8) vec8 { unsigned x, y; };")
TENSOR_MAP = _type("TensorMap", "struct __align__(128) TensorMap { unsigned char bytes[128]; };")
TYPES = {"f16": F16, "bf16": BF16, "f8e4m3": F8E4M3, "f8e5m2": F8E5M2}

F16_TO_F32 = _convert("f16_to_f32", "float", "unsigned short", "cvt.f32.f16", ("f", "h"))
F32_TO_F16 = _convert("f32_to_f16", "unsigned short", "float", "cvt.rn.f16.f32", ("h", "f"))
BF16_TO_F32 = _scalar(
    "bf16_to_f32", f"{FUNCTION}float bf16_to_f32(unsigned short x) {{\n  return __uint_as_float((unsigned)x << 16);\n}}"
)
F32_TO_BF16 = _convert("f32_to_bf16", "unsigned short", "float", "cvt.rn.bf16.f32", ("h", "f"))
F32_TO_TF32 = _convert("f32_to_tf32", "unsigned", "float", "cvt.rna.tf32.f32", ("r", "f"))
# In C for every architecture: instructions for these formats come with sm_89, and saturate. Below the least normal number, adding one
# whose unit in the last place is that of the format rounds; above it, so does adding half a unit to the bits.
F8E4M3_TO_F32 = _scalar(
    "f8E4M3FN_to_f32",
    f"{FUNCTION}float f8E4M3FN_to_f32(unsigned char x) {{\n  unsigned a = x & 0x7f;\n"
    "  if (a == 0x7f) return __int_as_float(0x7fffffff);\n"
    "  float r = a < 8 ? a * 0.001953125f : __uint_as_float((a << 20) + 0x3c000000);\n  return x & 0x80 ? -r : r;\n}",
)
F32_TO_F8E4M3 = _scalar(
    "f32_to_f8E4M3FN",
    f"{FUNCTION}unsigned char f32_to_f8E4M3FN(float x) {{\n  unsigned u = __float_as_uint(x), sign = u >> 24 & 0x80, a = u & 0x7fffffff;\n"
    "  if (a > 0x7f800000) return sign | 0x7f;\n"
    "  if (a < 0x3c800000) return sign | (__float_as_uint(__uint_as_float(a) + 16384.0f) - 0x46800000);\n"
    "  a = (a + 0x7ffff + (a >> 20 & 1) >> 20) - 960;\n  return sign | (a > 0x7e ? 0x7f : a);\n}",
)
F8E5M2_TO_F32 = _scalar(
    "f8E5M2_to_f32",
    f"{FUNCTION}float f8E5M2_to_f32(unsigned char x) {{\n  unsigned a = x & 0x7f;\n"
    "  float r = a < 4 ? a * 0.0000152587890625f : __uint_as_float(a < 0x7c ? (a << 21) + 0x38000000 : 0x7f800000 | (a & 3) << 21);\n"
    "  return x & 0x80 ? -r : r;\n}",
)
F32_TO_F8E5M2 = _scalar(
    "f32_to_f8E5M2",
    f"{FUNCTION}unsigned char f32_to_f8E5M2(float x) {{\n  unsigned u = __float_as_uint(x), sign = u >> 24 & 0x80, a = u & 0x7fffffff;\n"
    "  if (a > 0x7f800000) return sign | 0x7e;\n"
    "  if (a < 0x38800000) return sign | (__float_as_uint(__uint_as_float(a) + 128.0f) - 0x43000000);\n"
    "  a = (a + 0xfffff + (a >> 21 & 1) >> 21) - 448;\n  return sign | (a > 0x7b ? 0x7c : a);\n}",
)
_FROM_AND_TO_F32 = (
    F16_TO_F32, F32_TO_F16, BF16_TO_F32, F32_TO_BF16, F8E4M3_TO_F32, F32_TO_F8E4M3, F8E5M2_TO_F32, F32_TO_F8E5M2,
)  # fmt: skip
CONVERSIONS = {w.name: w for w in _FROM_AND_TO_F32}

FLOOR_DIV = _scalar(
    "floor_div",
    f"{FUNCTION}int floor_div(int a, int b) {{\n  int q = a / b;\n  return q - (a % b != 0 && (a % b < 0) != (b < 0));\n}}",
)
CEIL_DIV = _scalar(
    "ceil_div",
    f"{FUNCTION}int ceil_div(int a, int b) {{\n  int q = a / b;\n  return q + (a % b != 0 && (a % b < 0) == (b < 0));\n}}",
)
MAX_NAN = _binary("max_nan", "float", "max.NaN.f32", "f")
MIN_NAN = _binary("min_nan", "float", "min.NaN.f32", "f")
# Equal values have equal bits, but for zeros.
MAX_NAN_F64 = _extremum_f64("max_nan_f64", "<", "&")
MIN_NAN_F64 = _extremum_f64("min_nan_f64", ">", "|")
IPOW = {
    32: _integer_power("ipow_i32", "int", "unsigned"),
    64: _integer_power("ipow_i64", "long long", "unsigned long long"),
}
TANH_APPROX = _convert("tanh_approx", "float", "float", "tanh.approx.f32", ("f", "f"))
EXP2_APPROX = _convert("exp2_approx", "float", "float", "ex2.approx.ftz.f32", ("f", "f"))
RCP_APPROX = _convert("rcp_approx", "float", "float", "rcp.approx.ftz.f32", ("f", "f"))

WRAPPERS = (
    *TYPES.values(), VEC16, VEC8, TENSOR_MAP, *CONVERSIONS.values(), F32_TO_TF32, FLOOR_DIV, CEIL_DIV, MAX_NAN, MIN_NAN,
    MAX_NAN_F64, MIN_NAN_F64, *IPOW.values(), TANH_APPROX, EXP2_APPROX, RCP_APPROX,
)  # fmt: skip
