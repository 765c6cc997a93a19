"""trtc: ONNX models compiled to CUDA engines, in the open.

    engine = trtc.build("model.onnx", trtc.BuildOptions(precision="fp16"))
    engine.save("model.engine")
    outputs = trtc.load("model.engine").run({"input": array})

Names are loaded on first use, so that `import trtc` is quick and needs neither onnx nor cupy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .compiler.build import build
    from .compiler.network import Network
    from .compiler.options import BuildOptions
    from .dialects.errors import (
        EngineFormatError,
        InvalidModelError,
        OptionError,
        PassError,
        SimulationError,
        TargetError,
        TrtcError,
        UnsupportedOpError,
    )
    from .dialects.host.control import HostValueError
    from .runtime.engine import Engine, load
    from .runtime.program.memory import InputError

_WHERE = {
    "build": "compiler.build",
    "Network": "compiler.network",
    "BuildOptions": "compiler.options",
    "Engine": "runtime.engine",
    "load": "runtime.engine",
    "HostValueError": "dialects.host.control",
    "InputError": "runtime.program.memory",
    **dict.fromkeys(
        (
            "EngineFormatError",
            "InvalidModelError",
            "OptionError",
            "PassError",
            "SimulationError",
            "TargetError",
            "TrtcError",
            "UnsupportedOpError",
        ),
        "dialects.errors",
    ),
}

__all__ = [
    "BuildOptions", "Engine", "EngineFormatError", "HostValueError", "InputError", "InvalidModelError", "Network", "OptionError",
    "PassError", "SimulationError", "TargetError", "TrtcError", "UnsupportedOpError", "build", "load",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_WHERE[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
