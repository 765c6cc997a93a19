"""Products over one value, as heads of attention, inception modules and detectors have them."""

from __future__ import annotations

from ..graphs import Maker
from .shared import first


def siblings(g: Maker) -> None:
    """Two to four, with what follows them mostly alike, of which some are joined or multiplied with one another."""
    images = g.pick(lambda v: v.dtype.kind == "f" and v.rank == 4 and min(v.shape) > 0)
    is_conv = g.chance(0.5)
    if not is_conv:
        x = g.float_value(g.choice((2, 3)))
    else:
        x = images if images is not None and g.chance(0.7) else g.input(4, shape=[2, g.choice((4, 8, 16)), 5, 4])
    axis = 1 if is_conv else g.values[x].rank - 1
    inner, wanted = g.values[x].shape[axis], g.choice((4, 8, 16))
    kernel = g.choice(([1, 1], [1, 1], [3, 3]))
    steps = [g.word("bias bias scale Relu Sigmoid Swish Tanh") for _ in range(g.number(0, 3))]
    made: list[str] = []
    for _ in range(g.number(2, 4)):
        channels = wanted if g.chance(0.7) else g.choice((4, 8, 12, 3))
        if is_conv:
            weights = [x, g.weight([channels, inner, *kernel])]
            value = first(g.emit("Conv", weights, pads=[size // 2 for size in kernel] * 2))
        else:
            value = first(g.emit("MatMul", [x, g.weight([inner, channels])]))
        for step in steps:
            if value is not None and g.chance(0.85):
                value = _after(g, value, step, channels, is_conv) or value
        made += [value] if value is not None else []
    if len(made) < 2:
        return
    if g.chance(0.5):
        g.emit("Concat", [g.choice(made) for _ in range(g.number(2, 3))], axis=axis)
    a, b = made[:2]
    if not is_conv and g.values[a].shape == g.values[b].shape:
        order = [*range(axis - 1), axis, axis - 1]
        turned = first(g.emit("Transpose", [b], perm=order))
        if turned is not None:
            g.emit("MatMul", [a, turned])


def _after(g: Maker, value: str, step: str, channels: int, is_conv: bool) -> str | None:
    if step in ("bias", "scale"):
        shape = [channels, 1, 1] if is_conv else [channels]
        numbers = g.weight(shape if g.chance(0.7) else [])
        return first(
            g.emit("Add" if step == "bias" else "Mul", [numbers, value] if g.chance(0.3) else [value, numbers])
        )
    if step == "Swish":
        gate = first(g.emit("Sigmoid", [value]))
        return first(g.emit("Mul", [value, gate])) if gate is not None else None
    return first(g.emit(step, [value]))
