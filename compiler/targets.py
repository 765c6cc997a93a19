"""GPU architectures by name, for builds with and without the GPU at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..dialects.errors import OptionError, TargetError
from ..runtime.driver import DeviceInfo, find_device

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

    from ..dialects.kernel.types import Target

TARGET = "kernel.target"
DEFAULT_ARCH = "sm_80"
"""The target of a build without a GPU and without a named target: the oldest supported architecture."""

_KNOWN = {
    # architecture -> (SMs of its usual data-centre or top card, bytes of shared memory that a block may use)
    "sm_80": (108, 166912),
    "sm_86": (84, 101376),
    "sm_89": (142, 101376),
    "sm_90": (132, 232448),
    "sm_90a": (132, 232448),
    "sm_100": (148, 232448),
    "sm_100a": (148, 232448),
    "sm_120": (170, 101376),
    "sm_120a": (170, 101376),
}


def detect_arch() -> str:
    """The architecture of this machine's GPU, with its architecture-specific instructions (`sm_90a`); `sm_80` without a GPU."""
    info = find_device()
    if info is None:
        return DEFAULT_ARCH
    return f"{info.arch}a" if f"{info.arch}a" in _KNOWN else info.arch


def describe_target(arch: str, device: DeviceInfo | None = None) -> Target:
    """The target attribute of an architecture, from the GPU given or else from a table. TargetError for an unknown one."""
    from xdsl.dialects.builtin import IntAttr, StringAttr

    from ..dialects.kernel.types import Target

    if device is not None and arch.rstrip("af") == device.arch:
        return Target(StringAttr(arch), IntAttr(device.sms), IntAttr(device.shared_bytes))
    if arch not in _KNOWN:
        raise TargetError(f"target '{arch}': expected one of {', '.join(_KNOWN)}.")
    sms, shared_bytes = _KNOWN[arch]
    return Target(StringAttr(arch), IntAttr(sms), IntAttr(shared_bytes))


def check_target(module: ModuleOp, arch: str | None) -> None:
    """Raises OptionError where a module was made for another architecture than the one asked for."""
    from ..dialects.kernel.types import Target

    target = module.attributes.get(TARGET)
    if arch is not None and isinstance(target, Target) and target.arch.data != arch:
        raise OptionError(
            f"--arch {arch}: the module was made for {target.arch.data}; leave the flag out, or start from the model"
        )


def set_target(module: ModuleOp, arch: str | None) -> None:
    """Sets the target attribute of a module that has none, by default to this machine's GPU."""
    if TARGET not in module.attributes:
        module.attributes[TARGET] = describe_target(arch or detect_arch())
