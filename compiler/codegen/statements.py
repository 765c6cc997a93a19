"""What the CUDA C printer writes with: the C names of values, the list of wrappers used, and statements; nothing about any op."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from xdsl.ir import Attribute, SSAValue
from xdsl.utils.base_printer import BasePrinter

from .scalars import c_type

_KEYWORDS = """
auto bool break case char class const continue default delete do double else enum explicit extern false float for friend goto if inline int
long namespace new operator private protected public register return short signed sizeof static struct switch template this throw true try
typedef typename union unsigned using virtual void volatile while
"""
_OTHERS = "smem shared_base min max blockIdx threadIdx gridDim blockDim f16 bf16 vec8 vec16 keep TensorMap"
_FUNCTIONS = """
abs acos asin atan cbrt ceil cos cosh div erf erfc exp exp2 floor fma fmod isinf isnan labs ldiv log log2 max memcpy memset min mod modf pow
remainder rint round rsqrt sign sin sinh sqrt tan tanh trunc and not or xor
"""
RESERVED = frozenset(f"{_KEYWORDS} {_OTHERS} {_FUNCTIONS}".split())
"""What no value and no kernel may be called: C++'s words, functions of CUDA's, the printer's own names."""
# Functions that NVRTC declares without headers.
_LIBRARY = """
fabs ceil copysign cos erf exp2 expm1 exp floor fma fmod log10 log1p log2 log pow rint round rsqrt sin sqrt tanh trunc fmax fmin
"""
_INTRINSICS = ["__cosf", "__sinf", "__expf", "__logf", "__log2f"]
_BUILT_IN = frozenset([f"{name}f" for name in _LIBRARY.split()] + _INTRINSICS)


@dataclass(eq=False, repr=False)
class StatementPrinter(BasePrinter):
    """Prints the statements of one kernel; `wrappers` collects the names of the prelude entries that it uses."""

    wrappers: dict[str, None] = field(default_factory=dict[str, None], init=False)
    names: dict[SSAValue, str] = field(default_factory=dict[SSAValue, str], init=False)
    taken: set[str] = field(default_factory=set[str], init=False)
    unnamed: int = field(default=0, init=False)

    # Names.

    def needs(self, wrapper: str) -> str:
        """Puts an entry of the prelude on the list; a name without an entry is CUDA's own and passes through."""
        if wrapper not in _BUILT_IN:
            self.wrappers[wrapper] = None
        return wrapper

    def unique(self, wanted: str) -> str:
        """`wanted` as a C identifier that no other value of the kernel has."""
        base = re.sub(r"\W", "_", wanted, flags=re.ASCII)
        if not base or base[0].isdigit() or base in RESERVED:
            base = f"{base}_" if base in RESERVED else f"v{base}"
        name, count = base, 0
        while name in self.taken or name in RESERVED:
            count += 1
            name = f"{base}_{count}"
        self.taken.add(name)
        return name

    def declare(self, value: SSAValue, fallback: str | None = None) -> str:
        """Names a value: by its hint, else `fallback`, else v0, v1, ..."""
        if value.name_hint is not None:
            name = self.unique(value.name_hint)
        elif fallback is not None:
            name = self.unique(fallback)
        else:
            name = self.unique(f"v{self.unnamed}")
            self.unnamed += 1
        self.names[value] = name
        return name

    def name(self, value: SSAValue) -> str:
        """The C text of a value: its name, or its literal."""
        return self.names[value]

    def type(self, type_: Attribute) -> str:
        return c_type(type_, self.needs)

    # Statements.

    def statement(self, text: str) -> None:
        self.print_string("\n" + text)

    def assign(self, value: SSAValue, expression: str) -> None:
        """`const T name = expression;`"""
        type_ = self.type(value.type)
        self.statement(f"const {type_} {self.declare(value)} = {expression};")
