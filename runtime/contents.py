"""The contents of an engine, which its contexts read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from ..dialects.dims import parse_expr
from ..dialects.errors import EngineFormatError, OptionError, TargetError
from .container import PAGE, Section
from .driver import DeviceInfo, find_device
from .dtypes import dtype_of
from .manifest import check_manifest, malformed
from .program.memory import TensorSpec
from .variant import Variant

if TYPE_CHECKING:
    from .refit.refitter import Refitter

TEXT_ALIGNMENTS = (64,)
WEIGHT_ALIGNMENTS = (PAGE, 256)
"""Alignment in bytes of the first weight in a file, and of the others."""
SIMULATOR = "simulator"


@dataclass
class EngineStats:
    """Counters of one engine in this process. `compiles` counts NVRTC runs: 0 for a loaded engine or one built from the cache."""

    compiles: int = 0
    arena_bytes: int = 0
    weight_bytes: int = 0
    kernels: int = 0
    launches_per_run: int = 0
    runs: int = 0
    launches: int = 0
    plans: int = 0
    graph_captures: int = 0
    graph_replays: int = 0
    staged_inputs: int = 0

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


class EngineContents:
    """A built network without a way to run it: the manifest, a variant for each architecture, and this process's counters."""

    def __init__(self, manifest: dict[str, Any], sections: Mapping[str, Section], *, compiles: int = 0):
        self._manifest = manifest
        self._sections = dict(sections)
        check_manifest(manifest)
        _check_sections(manifest, self._sections)
        for stored in (*manifest["inputs"], *manifest["outputs"]):
            _spec(stored)
        self.variants = {arch: Variant(arch, stored, self._sections) for arch, stored in manifest["variants"].items()}
        self.stats = EngineStats(compiles=compiles)
        self.weights_lock = RLock()
        """Held while contexts load weights, and while weights change."""
        self.contexts: WeakSet[Any] = WeakSet()
        """The contexts that hold weights."""
        self.loaded: dict[tuple[str, int], Any] = {}
        """Kernels and weights on GPUs, by architecture and GPU, which contexts share."""
        variant = self._preferred()
        self.stats.kernels = len(variant.manifest["kernels"])
        self.stats.arena_bytes = int(variant.manifest["plan"]["arena_bytes"])
        self.stats.launches_per_run = int(variant.manifest["plan"]["launches"])
        self.stats.weight_bytes = variant.weight_bytes

    def __repr__(self) -> str:
        """Inputs, outputs and architectures: `<Engine x: float32[N, 4] -> y: float32[N, 4] for sm_80>`."""
        ends = " -> ".join(", ".join(map(str, specs)) or "nothing" for specs in (self.inputs, self.outputs))
        return f"<Engine {ends} for {', '.join(self.variants)}>"

    # The public facts.

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """Inputs in order: ONNX name, dtype and dims."""
        return tuple(_spec(stored) for stored in self._manifest["inputs"])

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Outputs in order: ONNX name, dtype and dims."""
        return tuple(_spec(stored) for stored in self._manifest["outputs"])

    @property
    def symbols(self) -> dict[str, tuple[int, int, int]]:
        """(min, opt, max) of each dynamic dim."""
        return {name: (low, opt, high) for name, (low, opt, high) in self._manifest["symbols"].items()}

    @property
    def refittable(self) -> bool:
        """Whether the weights can be replaced: the engine was built with `refit`."""
        return self._manifest["refit"] is not None

    @cached_property
    def refitter(self) -> Refitter:
        """The part of the engine that refits read. Raises OptionError for an engine built without `refit`."""
        from .refit.refitter import Refitter

        if not self.refittable:
            raise OptionError(
                "engine: it was built without refit; build it with BuildOptions(refit=True), or trtc build --refit."
            )
        return Refitter(self._manifest, self._sections, self.variants)

    @property
    def stored_bytes(self) -> int:
        """The bytes of its sections: nearly the size of its file."""
        return sum(len(section.data) for section in self._sections.values())

    @property
    def external_files(self) -> tuple[str, ...]:
        """The files beside the model's own that weights were read from, as the model names them."""
        return tuple(map(str, self._manifest["model"].get("files", ())))

    @property
    def nvrtc_major(self) -> int:
        """The major version of the CUDA toolkit that compiled its kernels."""
        return int(self._manifest["toolchain"]["nvrtc"][0])

    @property
    def device(self) -> str:
        """Where `run` runs: the GPU's name and architecture, or "simulator" on a machine without a GPU."""
        info = find_device()
        return SIMULATOR if info is None else f"{info.name} ({info.arch})"

    def inspect(self) -> dict[str, Any]:
        """The manifest, with the sizes of sections and this process's counters, as a copy in JSON values."""
        sizes = {name: len(section.data) for name, section in self._sections.items()}
        return {**deepcopy(self._manifest), "sections": sizes, "device": self.device, "stats": self.stats.as_dict()}

    def variant(self, arch: str | None = None) -> Variant:
        """The variant for `arch`; without one, that for this machine's GPU, else the first. Raises TargetError for a missing one."""
        if arch is None:
            return self._preferred()
        if arch not in self.variants:
            raise TargetError(
                f"engine: it holds kernels for {', '.join(self.variants)}, not for '{arch}'; rebuild it for that target."
            )
        return self.variants[arch]

    def variant_for(self, info: DeviceInfo) -> Variant:
        """The variant that runs best on a GPU; TargetError when none runs on it."""
        chosen = best_arch(list(self.variants), info.compute_capability)
        if chosen is None:
            wanted = f"{info.arch}a" if info.compute_capability >= (9, 0) else info.arch
            raise TargetError(
                f"engine: it holds kernels for {', '.join(self.variants)}, but {info.name} is {info.arch}; "
                f"rebuild it with target '{wanted}'."
            )
        return self.variants[chosen]

    def verify(self) -> None:
        """Raises EngineFormatError unless the plan of every architecture is valid, and fits the inputs and outputs."""
        said = [self.inputs, self.outputs, {name: tuple(values) for name, values in self._manifest["symbols"].items()}]
        for variant in self.variants.values():
            program = variant.program
            if said != [program.inputs, program.outputs, program.symbols]:
                raise EngineFormatError(
                    f"engine: its manifest and its host function for {variant.arch} differ in inputs, outputs or symbols; "
                    f"rebuild the engine."
                )
        if self.refittable:
            self.refitter.verify()

    def _preferred(self) -> Variant:
        info = find_device()
        chosen = best_arch(list(self.variants), info.compute_capability) if info is not None else None
        return self.variants[chosen] if chosen is not None else next(iter(self.variants.values()))


def best_arch(archs: list[str], capability: tuple[int, int]) -> str | None:
    """The architecture, of those a file holds, whose cubins run best on a GPU of this compute capability; None when none runs.

    A cubin runs on its own major version from its minor version on; `sm_90a` on 9.0 alone; `sm_100f` like a plain one.
    """
    best: tuple[tuple[int, int], str] | None = None
    for arch in archs:
        matched = re.fullmatch(r"sm_(\d+)(\d)([af]?)", arch)
        if matched is None:
            continue
        major, minor, suffix = int(matched[1]), int(matched[2]), matched[3]
        runs = (major, minor) == capability if suffix == "a" else major == capability[0] and minor <= capability[1]
        rank = (minor, {"": 0, "f": 1, "a": 2}[suffix])
        if runs and (best is None or rank > best[0]):
            best = (rank, arch)
    return None if best is None else best[1]


def _check_sections(manifest: Mapping[str, Any], sections: Mapping[str, Section]) -> None:
    """Raises EngineFormatError unless the manifest names exactly the sections that exist, each with the alignment of its content."""
    weights = {name for stored in manifest["variants"].values() for name in stored["weights"].values()}
    texts: set[str] = set()
    if (refit := manifest["refit"]) is not None:
        weights |= {each["section"] for each in refit["initializers"].values() if each["section"]}
        texts |= {*refit["blobs"].values(), *(stored["function"] for stored in manifest["variants"].values())}
    elif any(stored["function"] for stored in manifest["variants"].values()):
        raise EngineFormatError(
            "engine manifest: expected no 'function' where there is no 'refit'; rebuild the engine."
        )
    for stored in manifest["variants"].values():
        texts |= {stored["host"], stored["tiles"]}
        texts |= {kernel[part] for kernel in stored["kernels"] for part in ("source", "cubin")}
    if missing := sorted((texts | weights) - sections.keys()):
        raise EngineFormatError(f"engine manifest: section '{missing[0]}' does not exist; rebuild the engine.")
    if unknown := sorted(sections.keys() - texts - weights):
        raise EngineFormatError(f"engine manifest: nothing uses section '{unknown[0]}'; rebuild the engine.")
    for names, allowed in ((texts, TEXT_ALIGNMENTS), (weights, WEIGHT_ALIGNMENTS)):
        if wrong := sorted(name for name in names if sections[name].align not in allowed):
            raise EngineFormatError(
                f"engine manifest: expected section '{wrong[0]}' aligned to {' or '.join(map(str, allowed))} bytes, got "
                f"{sections[wrong[0]].align}; rebuild the engine."
            )


def _spec(stored: Mapping[str, Any]) -> TensorSpec:
    try:
        return TensorSpec(stored["name"], dtype_of(stored["dtype"]), tuple(parse_expr(text) for text in stored["dims"]))
    except ValueError as error:
        raise malformed(str(error)) from error


def spec_to_json(spec: TensorSpec) -> dict[str, Any]:
    """An input or output as the manifest keeps it."""
    return {"name": spec.name, "dtype": spec.dtype.name, "dims": [str(extent) for extent in spec.dims]}
