"""check-numerics: the module is executed before and after each pass, and values are compared by ONNX tensor name.

A pass declares what it may do to numbers: `exact` (nothing; 1e-6 is left for BLAS, which sums in another order when shapes
change), `reassociates` (sums in another order) or `changes-precision` (rounds elsewhere). Each pass is held to its declaration; the error
names the first pass that exceeds it, with the first value that does, in order of execution.

A pass that makes casts of `nn.stored`, all of them, is held to a closer tolerance: against the module before it, executed again with the
roundings that the attribute stands for (rounding.py). One that decides the type of products is also compared with the module before it with
these types.

A value that rounding alone moves by more than that, such as a small difference of large sums, proves nothing about a pass: before the error
is raised, the module before the pass is executed again with every value rounded at random (Monte Carlo arithmetic; Parker, 1997), and the
tolerance grows with the change of the value. A pass that decides what is stored narrow is allowed the effect of such rounding at that
place.

Modules that compute in fp16 or bf16 round every value, and a sum taken in another order may round the other way: for them the tolerance of
`reassociates` is widened to a few units in the last place of the narrowest type.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import ml_dtypes
import numpy as np
from xdsl.dialects.builtin import BFloat16Type, Float16Type, MemRefType, ModuleOp, TensorType
from xdsl.ir import Attribute, Operation
from xdsl.passes import ModulePass

from ...dialects.errors import OptionError, PassError
from ...dialects.meaning import Perturb
from ...dialects.meaning.registry import is_narrow
from ...dialects.provenance import as_onnx_orders, describe
from ..interpret.module import Array, execute, io_names, random_inputs
from ..npz import save_arrays
from ..pipeline import Observer
from .rounding import stores_narrow, with_products_of, with_roundings

TOLERANCES = {"exact": 1e-6, "reassociates": 1e-5, "changes-precision": 1e-2}
"""Relative error of norms that a pass may cause, by what it declares."""

_USUAL = 8.0
"""The change, in units in the last place, that random rounding may cause in a value that is not sensitive to it: errors of layers add
up."""

_STORED = 2.0
"""The change that a pass may cause by deciding what is stored narrow, as a multiple of the change by random rounding there."""

_FLIPS = 4.0
"""The change that a pass may cause in integers or booleans, as a multiple of the change by random rounding."""

_BEYOND = 0.25
"""The least share of a type's range that a number beyond the range may become: clamping gives half of it, and additions follow."""

HALF_TOLERANCES = {"exact": 1e-6, "reassociates": 4e-3, "changes-precision": 1e-2}
"""The same for modules with f16."""
BFLOAT_TOLERANCES = {"exact": 1e-6, "reassociates": 3.2e-2, "changes-precision": 1e-1}
"""The same for modules with bf16."""


class NumericsError(PassError):
    """A pass changed numbers by more than it declares; the message names the pass, the value and the ONNX node."""


@dataclass(frozen=True)
class Traced:
    """A value of one execution and what computed it, in words."""

    array: Array
    origin: str


@dataclass
class Trace:
    """The named values of one execution in order, and the outputs."""

    values: dict[str, Traced] = field(default_factory=dict[str, Traced])

    def record(self, name: str, array: Array, op: Operation) -> None:
        name, array = as_onnx_orders(name, array)
        # Of two values with one name (a value and its copy in another type) the last is kept.
        self.values[name] = Traced(np.array(array, copy=True), describe(op))


def trace(module: ModuleOp, inputs: Mapping[str, Array], perturb: Perturb | None = None) -> Trace:
    """Execute `@main` and keep every named value and the outputs."""
    result = Trace()
    for name, array in execute(module, inputs, result.record, perturb).items():
        result.values.setdefault(name, Traced(array, "output of @main"))
        result.values[name] = Traced(array, result.values[name].origin)
    return result


def relative_error(got: Array, expected: Array) -> float:
    """The norm of the difference over the norm of `expected`, in double precision; infinite where shapes or non-finite
    entries differ. Non-finite entries that agree are left out.

    So are finite entries of `expected` beyond what the type of `got` can hold, such as a mask's lowest float in fp16, as long as
    `got` has large finite numbers of the same sign there (`_BEYOND` of its range).
    """
    if got.shape != expected.shape:
        return float("inf")
    if np.array_equal(got, expected):
        return 0.0  # the usual case, and for weights several times as fast as norms
    a, b = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    if is_narrow(got.dtype):
        largest = float(ml_dtypes.finfo(got.dtype).max)
        beyond = (np.abs(b) > largest) & np.isfinite(b)
        clamped = a[beyond] * np.sign(b[beyond])
        if not (np.isfinite(clamped) & (clamped >= _BEYOND * largest)).all():
            return float("inf")
        a, b = a[~beyond], b[~beyond]
    finite = np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True) or not np.isfinite(a[finite]).all():
        return float("inf")
    difference = float(np.linalg.norm(a[finite] - b[finite]))
    size = float(np.linalg.norm(b[finite]))
    return difference if difference == 0.0 or size == 0.0 else difference / size


def random_rounding(seed: int) -> Perturb:
    """Changes floats by up to a unit in the last place, at random: what another order of sums, or a fused multiply-add, may do."""
    generator = np.random.default_rng(seed)

    def perturb(array: Array) -> Array:
        if not is_real(array.dtype):
            return array
        wide = array.astype(np.float64)
        noise = generator.uniform(-1, 1, array.shape) * float(ml_dtypes.finfo(array.dtype).eps)
        return (wide + wide * noise).astype(array.dtype)

    return perturb


def is_real(dtype: np.dtype[Any]) -> bool:
    """Whether a type is a float of NumPy or of ml_dtypes."""
    return dtype.kind == "f" or is_narrow(dtype)


def widened(allowed: float, before: Array, noisy: Array) -> float:
    """A tolerance for a value that random rounding changes from `before` to `noisy`: it grows where that change exceeds the usual one."""
    moved = relative_error(noisy, before)
    if not is_real(before.dtype):  # an index or a comparison, which flips or does not
        return max(allowed, _FLIPS * moved)
    return allowed * max(1.0, moved / (_USUAL * float(ml_dtypes.finfo(before.dtype).eps)))


def tolerance(step: ModulePass | type[ModulePass], module: ModuleOp) -> tuple[str, float]:
    """What a pass declares about numbers, and the tolerance that follows in this module. Undeclared counts as `exact`."""
    declared: str = getattr(step, "numerics", "exact")
    if declared not in TOLERANCES:
        raise PassError(f"pass '{step.name}': numerics is {declared!r}, expected one of {', '.join(TOLERANCES)}")
    types = set(_element_types(module))
    if any(isinstance(type_, BFloat16Type) for type_ in types):
        return declared, BFLOAT_TOLERANCES[declared]
    if any(isinstance(type_, Float16Type) for type_ in types):
        return declared, HALF_TOLERANCES[declared]
    return declared, TOLERANCES[declared]


def _element_types(module: ModuleOp) -> list[Attribute]:
    """Of all tensors and, after bufferize, memrefs, those that functions take included."""
    types = {type_ for op in module.walk() for type_ in op.result_types}
    types |= {a.type for op in module.walk() for region in op.regions for block in region.blocks for a in block.args}
    return [type_.element_type for type_ in types if isinstance(type_, TensorType | MemRefType)]


class NumericsObserver(Observer):
    """Compares the module after every pass with that before it; raises `NumericsError` at the first pass that exceeds its declaration.

    `command` is the start of the command that reads the same module, for the message of a failure; the tensors of the
    failure and the inputs are saved in `directory`. `symbols` gives dynamic dimensions a size other than `opt`.
    `pipeline` says that `command` runs the passes itself, so that they need not be listed.
    """

    def __init__(
        self,
        *,
        seed: int,
        directory: Path,
        command: Sequence[str] = ("trtc-opt", "FILE"),
        symbols: Mapping[str, int] | None = None,
        pipeline: bool = False,
    ) -> None:
        self.seed, self.directory, self.command, self.symbols = seed, directory, command, symbols
        self.pipeline = pipeline
        self.checked: dict[str, tuple[int, float]] = {}
        """For each pass that ran: how many values were compared, and the largest relative error."""
        self.explained: dict[str, float] = {}
        """For each pass the largest relative error of values that changed by more than declared, but no more than by rounding alone."""
        self._inputs: dict[str, Array] | None = None
        self._before = Trace()
        self._module_before: ModuleOp | None = None
        self._noisy: Trace | None = None
        """The execution of that module with random rounding, once it was needed."""
        self._stored: tuple[Trace, Trace] | None = None
        """Executions of the module after the pass with the roundings of storage: as they are, and with random rounding."""
        self._outputs: list[str] = []
        self._specs: list[str] = []

    def report(self, stream: TextIO) -> None:
        """One line: how many passes and values were compared, and where the largest error was."""
        if not self.checked:
            return
        worst = max(self.checked, key=lambda name: self.checked[name][1])
        count = sum(compared for compared, _ in self.checked.values())
        stream.write(
            f"check-numerics: {len(self.checked)} passes, {count} values compared, largest relative error "
            f"{self.checked[worst][1]:.2g} (after {worst})\n"
        )
        for name, error in self.explained.items():
            stream.write(
                f"check-numerics: {name}: errors of up to {error:.2g} in values that rounding alone moves as far\n"
            )

    def before_pass(self, index: int, step: ModulePass, module: ModuleOp) -> None:
        self._module_before, self._noisy, self._stored = module.clone(), None, None
        if self._inputs is None:
            self._inputs = random_inputs(module, self.seed, self.symbols)
            self._before = trace(module, self._inputs)
            self._outputs = io_names(module)[1]
            _require_finite(self._before, self._outputs)

    def after_pass(self, index: int, step: ModulePass, module: ModuleOp, seconds: float) -> None:
        assert self._inputs is not None
        self._specs.append(str(step.spec()))
        after = trace(module, self._inputs)
        declared, allowed = tolerance(step, module)
        before = self._before
        assert self._module_before is not None
        closer = declared == "changes-precision" and stores_narrow(self._module_before) and not stores_narrow(module)
        if closer:
            before = trace(with_roundings(self._module_before), self._inputs)
            allowed = TOLERANCES["reassociates"]
        elif declared == "changes-precision":
            self._check_products(index, step, module, after)
        worst, compared, explained = 0.0, 0, 0.0
        for name in self._outputs:
            if name not in after.values:
                raise NumericsError(
                    f"check-numerics: pass '{step.name}' lost output '{name}': expected it in nn.outputs of @main"
                )
        for name, expected in before.values.items():
            if name not in after.values:
                continue
            error = relative_error(after.values[name].array, expected.array)
            compared += 1
            if not error <= allowed and not closer:
                wide = allowed
                if declared != "changes-precision":
                    wide = widened(allowed, expected.array, self._rounded().values[name].array)
                elif stores_narrow(module):
                    wide = max(allowed, _STORED * self._moved_by_storage(module, name))
                if error <= wide:
                    explained = max(explained, error)
                    continue
            if not error <= allowed:
                raise NumericsError(
                    self._message(index, step, name, expected, after.values[name], declared, error, allowed)
                )
            worst = max(worst, error)
        self.checked[f"{index}-{step.name}"] = (compared, worst)
        if explained:
            self.explained[f"{index}-{step.name}"] = explained
        self._before = after

    def _check_products(self, index: int, step: ModulePass, module: ModuleOp, after: Trace) -> None:
        """Checks that a pass that only decides the types of products changes nothing else: the module before it, with these types,
        agrees."""
        assert self._module_before is not None and self._inputs is not None
        alike = with_products_of(self._module_before, module)
        if alike is None:
            return
        allowed = TOLERANCES["reassociates"]
        for name, expected in trace(alike, self._inputs).values.items():
            if name in after.values:
                error = relative_error(after.values[name].array, expected.array)
                if not error <= allowed:
                    declared = "changes-precision, beside the module before it with the same products"
                    raise NumericsError(
                        self._message(index, step, name, expected, after.values[name], declared, error, allowed)
                    )

    def _rounded(self) -> Trace:
        """The named values of the module before the pass, with every value rounded at random."""
        if self._noisy is None:
            assert self._module_before is not None and self._inputs is not None
            self._noisy = trace(self._module_before, self._inputs, random_rounding(self.seed))
        return self._noisy

    def _moved_by_storage(self, module: ModuleOp, name: str) -> float:
        """How far random rounding moves a value of a module in which it is done where values are stored narrow, too."""
        if self._stored is None:
            assert self._inputs is not None
            rounded = with_roundings(module)
            self._stored = trace(rounded, self._inputs), trace(rounded, self._inputs, random_rounding(self.seed))
        plain, noisy = (each.values.get(name) for each in self._stored)
        return 0.0 if plain is None or noisy is None else relative_error(noisy.array, plain.array)

    def _message(
        self,
        index: int,
        step: ModulePass,
        name: str,
        before: Traced,
        after: Traced,
        declared: str,
        error: float,
        allowed: float,
    ) -> str:
        path = self.directory / f"{index:02d}-{step.name}-{_file_name(name)}.npz"
        arrays: dict[str, Any] = {"before": before.array, "after": after.array}
        saved = f"tensors saved to {path}"
        try:
            save_arrays(path, arrays | {f"input:{key}": value for key, value in (self._inputs or {}).items()})
        except OptionError as error_of_file:  # which must not hide what the pass did
            saved = f"tensors not saved ({error_of_file})"
        difference = f"relative error {error:.3g}, allowed {allowed:.3g}"
        if before.array.shape != after.array.shape:
            difference = f"shape {before.array.shape} became {after.array.shape}"
        passes = [] if self.pipeline else ["-p", ",".join(self._specs)]
        command = [*self.command, *passes, "--check-numerics", "--seed", str(self.seed)]
        return (
            f"check-numerics: pass '{step.name}' ({declared}) changed value '{name}', computed by {after.origin} and before by "
            f"{before.origin}: {difference}; {saved}; reproduce with: {shlex.join(command)}"
        )


def _require_finite(values: Trace, outputs: Sequence[str]) -> None:
    """Raises PassError for an output without a finite entry: comparing nothing proves nothing."""
    for name in outputs:
        if not np.isfinite(np.asarray(values.values[name].array, np.float64)).any():
            shape = list(values.values[name].array.shape)
            raise PassError(
                f"check-numerics: output '{name}' of shape {shape} has no finite entry to compare; choose larger dimensions with "
                "--profile, or inputs that the model is made for"
            )


def _file_name(name: str) -> str:
    return "".join(character if character.isalnum() or character in "-_." else "_" for character in name)
