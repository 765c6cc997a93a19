"""`@weights` as an engine stores it: read, and checked against the rest of the engine before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from xdsl.context import Context
from xdsl.dialects import builtin, func
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import Operation

from ...dialects import nn, quant
from ...dialects.blob import digest_of, store
from ...dialects.dominance import verify_dominance
from ...dialects.dtypes import numpy_dtype
from ...dialects.errors import EngineFormatError, TrtcError
from ...dialects.ir_text import read_module
from ...dialects.limits import MAX_CONSTANT_BYTES, MAX_CONSTANT_GROWTH
from ...dialects.meaning import has_meaning
from ...dialects.meaning.weights import WeightsFunction
from ...dialects.verify import verify_ops
from ..container import Section
from .table import Initializer

if TYPE_CHECKING:
    from ..variant import Variant


def read_function(variant: Variant, table: Mapping[str, Initializer], blobs: Mapping[str, str]) -> WeightsFunction:
    """The `@weights` of a variant. Raises EngineFormatError unless it computes the weights that the variant reads from data of the
    engine."""
    try:
        return _read(variant, table, blobs)
    except EngineFormatError:
        raise
    except (TrtcError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise EngineFormatError(
            f"engine: its @weights for {variant.arch} cannot be used: {' '.join(str(error).split())[:300]}; rebuild the engine."
        ) from error
    except Exception as error:  # verifiers of ops raise any exception on unforeseen attributes
        raise _broken(variant.arch, f"it does not verify: {' '.join(str(error).split())[:300]}") from error


def _read(variant: Variant, table: Mapping[str, Initializer], blobs: Mapping[str, str]) -> WeightsFunction:
    context = Context(allow_unregistered=False)
    for dialect in (builtin.Builtin, func.Func, nn.NN, quant.QUANT):
        context.register_dialect(dialect.name, lambda dialect=dialect: dialect)
    held = [_blob(digest, variant.sections[section]) for digest, section in blobs.items()]
    module = read_module(context, variant.sections[variant.manifest["function"]].data, "weights")
    del held  # the attributes hold the bytes now
    verify_ops(module)
    verify_dominance(module)
    functions = list(module.body.block.ops)
    if len(functions) != 1 or not isinstance(weights := functions[0], func.FuncOp) or weights.is_declaration:
        raise _broken(variant.arch, "expected one function")
    if weights.sym_name.data != "weights" or weights.body.block.args:
        raise _broken(variant.arch, "expected @weights without arguments")
    most = MAX_CONSTANT_BYTES + MAX_CONSTANT_GROWTH * sum(each.nbytes for each in table.values() if each.section)
    for op in weights.body.block.ops:
        _check_op(variant.arch, op, table, most)
    function = WeightsFunction.of(weights)
    for name, (shape, dtype) in variant.program.weights.items():
        exported = function.exports.get(name)
        if exported is None or _type(exported.type) != (shape, dtype):
            raise _broken(variant.arch, f"expected it to export '{name:.100}' as {dtype}{list(shape)}")
    return function


def _blob(digest: str, section: Section) -> np.ndarray:
    data = np.frombuffer(section.data, np.uint8)
    if digest_of(data) != digest:
        raise EngineFormatError(
            f"engine: a constant of its @weights is not that of '{digest:.64}'; rebuild the engine."
        )
    return store(data)[1]


def _check_op(arch: str, op: Operation, table: Mapping[str, Initializer], most: int) -> None:
    if isinstance(op, nn.ExportOp | func.ReturnOp):
        return
    if op.regions or not op.results or isinstance(op, nn.WeightOp) or not has_meaning(type(op)):
        raise _broken(arch, f"{op.name} may not appear in it")
    for result in op.results:
        shape, dtype = _type(result.type)
        if dtype.itemsize * prod(shape) > most:
            raise _broken(arch, f"{op.name} makes {result.type}, which is more than {most} bytes")
    if isinstance(op, nn.ConstantOp):
        op.array()
    if isinstance(op, nn.InitializerOp):
        known = table.get(op.label.data)
        if op.value is not None or known is None or not known.section:
            raise _broken(arch, f"expected initializer '{op.label.data:.100}' among those of the manifest")
        if _type(op.result.type) != (known.shape, known.dtype):
            raise _broken(arch, f"expected initializer '{known.name:.100}' as {known.dtype}{list(known.shape)}")


def _type(type_: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and dtype of a static tensor. Raises ValueError for any other type."""
    if not isinstance(type_, TensorType) or not type_.has_static_shape():
        raise ValueError(f"expected tensors of static shape, got {type_}")
    return tuple(type_.get_shape()), numpy_dtype(type_.element_type)


def _broken(arch: str, why: str) -> EngineFormatError:
    return EngineFormatError(f"engine: its @weights for {arch} cannot be used: {why}; rebuild the engine.")


def module_of(function: func.FuncOp) -> ModuleOp:
    """`@weights` as an engine stores it: the names of initializers, without their numbers."""
    stored = function.clone()
    for op in stored.walk():
        if isinstance(op, nn.InitializerOp):
            op.properties.pop("value", None)
        op.attributes.pop("nn.names", None)
    return ModuleOp([stored])
