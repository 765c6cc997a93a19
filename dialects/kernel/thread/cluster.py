"""Thread ops on the shared memory of other blocks of a cluster."""

from __future__ import annotations

from xdsl.dialects.builtin import MemRefType, i1
from xdsl.ir import SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, opt_operand_def

from ...errors import TrtcError
from ...provenance import describe
from ..base import index, int_attr
from ..instruction import FUNCTION, Access, Guard, PreludeSection, Registers, SharedAddress, Value, Wrapper, instruction
from ..types import bitwidth
from .arrays import Local, Move, Shared
from .copies import SMEM_ADDRESS

__all__ = ["CLUSTERS", "StClusterOp"]


@irdl_op_definition
class StClusterOp(Move):
    """
    st.shared::cluster: shared[offset ..] = local[position ..] in the block of `rank` in the cluster, which must not have ended. Visible to
    it after a barrier of the cluster.
    """

    name = "kernel.st_cluster"
    source = operand_def(Local)
    position = operand_def(index)
    target = operand_def(Shared)
    offset = operand_def(index)
    rank = operand_def(index)
    predicate = opt_operand_def(i1)
    assembly_format = (
        "$source `[` $position `]` `to` $target `[` $offset `]` `of` $rank `count` $count (`if` $predicate^)? attr-dict "
        "`:` type($source) `,` type($target)"
    )

    def __init__(
        self,
        source: SSAValue,
        position: SSAValue,
        target: SSAValue,
        offset: SSAValue,
        rank: SSAValue,
        count: int,
        predicate: SSAValue | None = None,
    ):
        super(Move, self).__init__(
            operands=[source, position, target, offset, rank, predicate], properties={"count": int_attr(count)}
        )


_STORES = {
    2: ("unsigned short", "u16", '"h"(from[0])', "%2"),
    4: ("unsigned", "u32", '"r"(from[0])', "%2"),
    8: ("unsigned", "v2.u32", '"r"(from[0]), "r"(from[1])', "{%2, %3}"),
    16: ("unsigned", "v4.u32", '"r"(from[0]), "r"(from[1]), "r"(from[2]), "r"(from[3])', "{%2, %3, %4, %5}"),
}
"""By the bytes of a store: C type, PTX type, operands, their list."""


def _wrapper(bytes_: int) -> Wrapper:
    """Clusters exist from sm_90 on."""
    c_type, ptx, operands, listed = _STORES[bytes_]
    return Wrapper(
        f"st_cluster_{bytes_}",
        f"{FUNCTION}void st_cluster_{bytes_}(unsigned address, int rank, const {c_type}* from) {{\n"
        "#if __CUDA_ARCH__ >= 900\n"
        '  asm volatile("{.reg .b32 remote; mapa.shared::cluster.u32 remote, %0, %1;\\n"\n'
        f'               "st.shared::cluster.{ptx} [remote], {listed};}}" : : "r"(address), "r"(rank), {operands} : "memory");\n'
        "#endif\n}",
        (SMEM_ADDRESS,),
        PreludeSection.COPIES,
    )


_WRAPPERS = {bytes_: _wrapper(bytes_) for bytes_ in _STORES}


def _bytes(op: StClusterOp) -> int:
    """Bytes of a store. Raises TrtcError for a width that the instruction does not have."""
    type_ = op.source.type
    assert isinstance(type_, MemRefType)
    width = op.count.value.data * bitwidth(type_.element_type) // 8
    if width not in _STORES:
        raise TrtcError(f"CUDA C, {describe(op)}: expected a store of 2, 4, 8 or 16 bytes, got {width}")
    return width


instruction(
    StClusterOp,
    lambda op: f"{{guard}}st_cluster_{_bytes(op)}({{target}}, {{rank}}, {{source}})",
    {
        "guard": Guard("predicate"),
        "target": SharedAddress("target", "offset"),
        "rank": Value("rank"),
        "source": Registers("source", "position", 1, Access.READ, lambda op: _STORES[_bytes(op)][0]),
    },
    runs="moves",
    wrapper=lambda op: _WRAPPERS[_bytes(op)],
    forms=lambda: (SMEM_ADDRESS, *_WRAPPERS.values()),
)

CLUSTERS = (StClusterOp,)
