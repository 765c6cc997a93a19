"""Every dialect, pass and target of trtc, by name, loaded on first use.

`UNIVERSE` is trtc's entry in the entry point group `xdsl.universe`; a package outside the tree adds dialects, passes and
targets through an entry of its own, and `trtc-opt` (and stock `xdsl-opt`) sees them all. Schedules come through the entry
point group `trtc.schedules` in the same way.

To add a pass: write `passes/<folder>/<name_with_underscores>.py`, then add its name to `PASSES` here. To add a dialect: add
its module and the name of its `Dialect` object to `DIALECTS`.

Importing this module imports no pass, no dialect of trtc and no heavy library.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any

from xdsl.context import Context
from xdsl.ir import Dialect
from xdsl.passes import ModulePass
from xdsl.universe import XDSL_UNIVERSE, Universe
from xdsl.utils.target import Target

from ..dialects.errors import OptionError

DIALECTS: dict[str, tuple[str, str]] = {
    # dialect -> (module, name of the Dialect object)
    "nn": ("dialects.nn", "NN"),
    "quant": ("dialects.quant", "Quant"),
    "fusion": ("dialects.fusion", "Fusion"),
    "buffer": ("dialects.buffer", "Buffer"),
    "kernel": ("dialects.kernel", "Kernel"),
}

PASSES: dict[str, tuple[str, ...]] = {
    # folder under passes/ -> passes in it; the file is named like the pass, with underscores
    "graph": (
        "canonicalize-nn",
        "fold-constants",
        "cse",
        "dce",
        "recognise-activations",
        "recognise-norms",
        "decompose-activations",
        "fold-batch-norm",
        "eliminate-transposes",
        "recognise-attention",
        "recognise-rotary",
        "widen-sums",
        "analyze-ranges",
        "assign-precision",
        "nest-concats",
        "pad-concats",
        "sink-reshapes",
        "approximate-functions",
        "transpose-weights",
        "pad-channels",
        "hoist-weights",
    ),
    "quantization": ("place-qdq",),
    "fusion": (
        "split-gates",
        "merge-siblings",
        "fold-norms",
        "decompose-attention",
        "fuse-groups",
        "materialise-storage",
        "realize-integer",
        "assign-destinations",
        "merge-pointwise",
        "outline-groups",
    ),
    "buffers": ("bufferize", "plan-arena", "insert-pdl"),
    "kernels": (
        "select-schedule",
        "mark-early-operands",
        "lower-groups",
        "place-shared-memory",
        "expand-rings",
        "lower-fragments",
    ),
}

TARGETS: dict[str, tuple[str, str]] = {
    "cuda": ("compiler.codegen.cuda.target", "CudaTarget"),
    "dot": ("compiler.picture.dot", "DotTarget"),
}

_ROOT = __name__.removesuffix(".compiler.universe")


def _lazy(module: str, attribute: str) -> Callable[[], Any]:
    """A loader of `trtc.<module>.<attribute>`: nothing is imported before it is called."""

    def load() -> Any:
        return getattr(import_module(f"{_ROOT}.{module}"), attribute)

    return load


def _lazy_dialect(module: str, attribute: str) -> Callable[[], Dialect]:
    """A loader of the `Dialect` object named `attribute` of a module, in any letter case (`NN`, `Nn`, `nn`)."""

    def load() -> Dialect:
        loaded = import_module(f"{_ROOT}.{module}")
        named = [
            value
            for name, value in vars(loaded).items()
            if isinstance(value, Dialect) and name.lower() == attribute.lower()
        ]
        if not named:
            raise ImportError(f"module {loaded.__name__} defines no Dialect named {attribute}")
        return named[0]

    return load


def pass_module(folder: str, name: str) -> str:
    """The module, below the package, that defines a pass: `passes.graph.fold_constants` for `fold-constants`."""
    return f"passes.{folder}.{name.replace('-', '_')}"


def _lazy_pass(folder: str, name: str) -> Callable[[], type[ModulePass]]:
    """A loader of the pass class called `name`; the class is found by that name, the module by the file's."""

    def load() -> type[ModulePass]:
        path = f"{_ROOT}.{pass_module(folder, name)}"
        if find_spec(path) is None:
            raise ImportError(f"pass '{name}' is registered in compiler/universe.py, but there is no module {path}")
        for value in vars(import_module(path)).values():
            if isinstance(value, type) and issubclass(value, ModulePass) and vars(value).get("name") == name:
                return value
        raise ImportError(f"module {path} defines no pass called '{name}'")

    return load


def trtc_passes() -> dict[str, Callable[[], type[ModulePass]]]:
    """Loaders of trtc's own passes, by name."""
    return {name: _lazy_pass(folder, name) for folder, names in PASSES.items() for name in names}


def _dialects() -> dict[str, Callable[[], Dialect]]:
    return {name: _lazy_dialect(*where) for name, where in DIALECTS.items()}


def _targets() -> dict[str, Callable[[], type[Target]]]:
    return {name: _lazy(*where) for name, where in TARGETS.items()}


# xDSL refuses two passes of one name across universes, and stock `xdsl-opt` would then not start. A pass of trtc that
# replaces one of xDSL's (cse, dce) is therefore left out here and put in place by `all_passes`.
UNIVERSE = Universe(
    all_dialects=_dialects(),
    all_passes={name: load for name, load in trtc_passes().items() if name not in XDSL_UNIVERSE.all_passes},
    all_targets=_targets(),
)


def multiverse() -> Universe:
    """What all installed packages add. Raises OptionError, naming the package, for one that cannot be loaded or adds a name twice."""
    try:
        return Universe.get_multiverse()
    except Exception as error:
        for entry in entry_points(group="xdsl.universe"):
            try:
                entry.load()
            except Exception as cause:
                package = entry.dist.name if entry.dist is not None else entry.name
                raise OptionError(
                    f"the package '{package}' cannot be loaded: its xdsl.universe '{entry.value}' raises {type(cause).__name__}: "
                    f"{cause}; repair it, or pip uninstall {package}"
                ) from cause
        raise OptionError(f"installed packages do not go together: {error}; rename, or uninstall one") from error


def all_passes() -> dict[str, Callable[[], type[ModulePass]]]:
    """Every pass of the environment: xDSL's, those of installed packages, and trtc's, which win over xDSL's."""
    return {**multiverse().all_passes, **trtc_passes()}


def load_pass(name: str) -> type[ModulePass]:
    """The class of the pass called `name`, from trtc or from an installed package; `KeyError` where there is none."""
    own = trtc_passes()
    return own[name]() if name in own else all_passes()[name]()


def make_context() -> Context:
    """An xDSL `Context` with every dialect of the environment registered, none loaded."""
    context = Context()
    for name, load in multiverse().all_dialects.items():
        context.register_dialect(name, load)
    return context
