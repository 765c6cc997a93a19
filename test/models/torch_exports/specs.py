"""What a case of this folder is made of: a module of torch and how its inputs are drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

Dim: TypeAlias = "int | str"

SIZES = {"n": (2, 3, 5), "l": (6, 9, 4), "h": (8, 12, 16), "w": (12, 8, 16)}
"""The sizes of a dynamic dim in the data sets: batch, length, height, width. The model is exported with the first."""
SETS = 3


@dataclass(frozen=True)
class Spec:
    """An input: its shape, in which a letter of `SIZES` is a dynamic dim, and how its elements are drawn."""

    shape: tuple[Dim, ...]
    draw: Callable[[tuple[int, ...], torch.Generator], Tensor]

    def tensor(self, which: int, seed: int) -> Tensor:
        shape = tuple(SIZES[dim][which] if isinstance(dim, str) else dim for dim in self.shape)
        return self.draw(shape, torch.Generator().manual_seed(seed))

    @property
    def dynamic(self) -> dict[int, str]:
        return {axis: dim for axis, dim in enumerate(self.shape) if isinstance(dim, str)}


def N(*shape: Dim, scale: float = 1.0, dtype: torch.dtype = torch.float32) -> Spec:
    """Normal numbers."""
    return Spec(shape, lambda dims, rng: (torch.randn(dims, generator=rng) * scale).to(dtype))


def U(*shape: Dim, low: float = 0.1, high: float = 0.9) -> Spec:
    """Uniform numbers."""
    return Spec(shape, lambda dims, rng: torch.rand(dims, generator=rng) * (high - low) + low)


def I(*shape: Dim, low: int = 0, high: int = 10, dtype: torch.dtype = torch.int64) -> Spec:  # noqa: E743
    """Integers, `high` excluded."""
    return Spec(shape, lambda dims, rng: torch.randint(low, high, dims, generator=rng).to(dtype))


def B(*shape: Dim) -> Spec:
    """Booleans."""
    return Spec(shape, lambda dims, rng: torch.rand(dims, generator=rng) > 0.5)


class Call(nn.Module):
    """A function, and the modules that it calls, as a module."""

    def __init__(self, function: Callable[..., Any], *modules: nn.Module) -> None:
        super().__init__()
        self.function = function
        self.inner = nn.ModuleList(modules)

    def forward(self, *inputs: Tensor) -> Any:
        return self.function(*self.inner, *inputs)


@dataclass(frozen=True)
class Case:
    """A module by name, made when it is needed, with its inputs."""

    name: str
    make: Callable[[], nn.Module]
    inputs: tuple[Spec, ...]
    error: float = 1e-4
    """The relative error of norms that floats may have; other types are compared exactly."""

    @property
    def dynamic(self) -> bool:
        return any(spec.dynamic for spec in self.inputs)

    def module(self) -> nn.Module:
        """With weights drawn by a fixed seed, and statistics of norms that are not 0 and 1."""
        torch.manual_seed(0)
        made = self.make().eval()
        for module in made.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_var is not None:  # pyright: ignore[reportPrivateUsage]
                assert module.running_mean is not None
                nn.init.normal_(module.running_mean, std=0.2)
                nn.init.uniform_(module.running_var, 0.5, 1.5)
        return made

    def data(self, which: int) -> tuple[Tensor, ...]:
        return tuple(spec.tensor(which, 100 * which + index) for index, spec in enumerate(self.inputs))


def function(name: str, call: Callable[..., Any], *inputs: Spec, error: float = 1e-4) -> Case:
    """A case of a function of tensors."""
    return Case(name, lambda: Call(call), inputs, error)


def module(name: str, make: Callable[[], nn.Module], *inputs: Spec, error: float = 1e-4) -> Case:
    """A case of a module, which is called with the tensors."""
    return Case(name, make, inputs, error)
