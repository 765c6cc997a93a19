"""The flags that `trtc-opt` has beside those of xDSL, and the checks of their values."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp, TensorType

from ....dialects.errors import OptionError
from ...options import PRECISIONS, Profile
from ...pipeline import PHASES
from ..flags import count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add trtc's flags in a group of their own."""
    group = parser.add_argument_group("trtc")
    for when in ("before", "after"):
        group.add_argument(
            f"--print-ir-{when}",
            type=lambda text: text.split(","),
            nargs="?",
            const=[],
            metavar="PASS,...",
            help=f"print the module to stderr {when} every pass, or {when} the named ones",
        )
    group.add_argument(
        "--dump-dir",
        type=Path,
        metavar="DIR",
        help="write one numbered file per pass into DIR, and their weights (a folder for each case with --split-input-file)",
    )
    group.add_argument(
        "--stop-after", choices=PHASES, metavar="PHASE", help=f"run the pipeline up to one of {', '.join(PHASES)}"
    )
    group.add_argument(
        "--start-after",
        metavar="PHASE|PASS",
        help="what the .mlir file has been through, when --stop-after goes on from it: a phase, a pass, or a file of --dump-dir "
        "such as 05-fold-constants (default: as far as the file shows: groups, buffers, tiles or threads)",
    )
    group.add_argument(
        "--precision", choices=PRECISIONS, help="what the model's f32 becomes with --stop-after (default fp32)"
    )
    group.add_argument("--arch", metavar="SM", help="GPU architecture for --stop-after, such as sm_90a (default sm_80)")
    group.add_argument(
        "--profile",
        action="append",
        default=[],
        metavar="DIM=MIN,OPT,MAX",
        help="range of a dynamic dimension, or of all of an ONNX input as INPUT=1x64,8x64,32x64; may be repeated",
    )
    group.add_argument(
        "--constant",
        action="append",
        default=[],
        metavar="INPUT=VALUE",
        help="bind an ONNX input to a number, as sr=16000, or to numbers, as x=1,2; may be repeated",
    )
    group.add_argument(
        "--bound",
        action="append",
        default=[],
        metavar="NAME=MOST",
        help="most elements or iterations that data may decide, for an ONNX node or operator, as nonzero=4096; may be repeated",
    )
    group.add_argument(
        "--shape",
        action="append",
        default=[],
        metavar="INPUT=EXTENTS",
        help="shape of an ONNX input, as 1x3x48x192; may be repeated",
    )
    group.add_argument(
        "--refit", action="store_true", help="import the weights of an ONNX model as refittable initializers"
    )
    group.add_argument("--memory-limit", type=count, metavar="BYTES", help="arena limit for --stop-after")
    group.add_argument("--timing", action="store_true", help="print the time of every pass to stderr")
    group.add_argument(
        "--remarks",
        action="append",
        nargs="?",
        const="",
        metavar="KIND:REGEX",
        help="print what passes did and declined to do to stderr: all of it, one kind (applied, missed or analysis; several with "
        "commas), or only what REGEX is found in, as missed:REGEX or :REGEX; may be repeated",
    )
    for what in ("passes", "schedules"):
        group.add_argument(
            f"--list-{what}", action="store_true", help=f"list the {what}, with a sentence each, and exit"
        )
    group.add_argument("--run", action="store_true", help="execute @main on a CPU and print statistics of the outputs")
    group.add_argument("--check-numerics", action="store_true", help="execute before and after each pass and compare")
    group.add_argument("--seed", type=count, default=0, metavar="N", help="seed of random inputs (default 0)")
    group.add_argument("--inputs", type=Path, metavar="NPZ", help="inputs for --run, by ONNX name")
    group.add_argument(
        "--references", action="store_true", help="with --run: groups compute by their functions, not by their kernels"
    )
    group.add_argument("--save-outputs", type=Path, metavar="NPZ", help="save the outputs of --run")
    group.add_argument("--blobs", type=Path, metavar="NPZ", help="the weights that an .mlir file refers to")
    group.add_argument("--save-blobs", type=Path, metavar="NPZ", help="save the weights that the result refers to")
    group.add_argument(
        "--failures",
        type=Path,
        metavar="DIR",
        help="where --check-numerics saves tensors (default numerics-failure), and what a failing pass was given "
        "(default pass-failure)",
    )
    group.add_argument("--traceback", action="store_true", help="print the traceback of an error to stderr")


def set_profiles(module: ModuleOp, profiles: Mapping[str, Profile]) -> None:
    """Set the ranges of dynamic dimensions on a module that was read as IR; the ONNX importer sets them itself."""
    from ....dialects.buffer import SymbolOp
    from ....dialects.nn.base import DimsAttr, set_symbol_ranges, symbol_ranges

    ranges = symbol_ranges(module)
    blocks = [block for op in module.walk() for region in op.regions for block in region.blocks]
    encodings = [a.type.encoding for block in blocks for a in block.args if isinstance(a.type, TensorType)]
    used = {s for encoding in encodings if isinstance(encoding, DimsAttr) for e in encoding.exprs for s in e.symbols()}
    used |= {op.symbol.data for op in module.walk() if isinstance(op, SymbolOp)}
    for symbol in profiles.keys() - ranges.keys() - used:
        raise OptionError(
            f"--profile: there is no dynamic dimension '{symbol}'; there are {', '.join(sorted(used)) or 'none'}"
        )
    set_symbol_ranges(module, {**ranges, **profiles})


def check_combinations(args: argparse.Namespace) -> None:
    """Raise OptionError for a flag that would do nothing."""
    runs_passes = bool(args.passes) or args.stop_after is not None
    for flag, given, needs, wanted in (
        ("--start-after", args.start_after, "--stop-after", args.stop_after),
        ("--precision", args.precision, "--stop-after", args.stop_after),
        ("--arch", args.arch, "--stop-after", args.stop_after),
        ("--memory-limit", args.memory_limit, "--stop-after", args.stop_after),
        ("--inputs", args.inputs, "--run", args.run),
        ("--save-outputs", args.save_outputs, "--run", args.run),
        ("--references", args.references or None, "--run", args.run),
        ("--print-ir-before", args.print_ir_before, "-p or --stop-after", runs_passes),
        ("--print-ir-after", args.print_ir_after, "-p or --stop-after", runs_passes),
        ("--dump-dir", args.dump_dir, "-p or --stop-after", runs_passes),
        ("--timing", args.timing or None, "-p or --stop-after", runs_passes),
        ("--check-numerics", args.check_numerics or None, "-p or --stop-after", runs_passes),
    ):
        if given is not None and not wanted:
            raise OptionError(f"{flag} does nothing without {needs}")
    if args.run and args.target != "mlir":
        raise OptionError(f"-t {args.target} does nothing with --run, which prints the outputs and not the module")
    is_onnx = str(args.input_file).endswith((".onnx", ".onnxtxt")) or args.frontend in ("onnx", "onnxtxt")
    if args.start_after is not None and is_onnx:
        raise OptionError("--start-after: an ONNX file has been through no pass; give the .mlir file of a dump")
    if args.refit and not is_onnx:
        raise OptionError("--refit is for ONNX files; an .mlir file itself marks what is refittable, as nn.initializer")
    if args.shape and not is_onnx:
        raise OptionError(
            "--shape fixes the shape of an ONNX input; an .mlir file itself has the types of its inputs, see --profile"
        )


def check_printed(flag: str, names: Iterable[str], running: Iterable[str], known: Iterable[str]) -> None:
    """Raise OptionError for printing around a pass that does not exist, or that does not run."""
    running, known = list(running), list(known)
    for name in names:
        if name.endswith((".mlir", ".onnx", ".onnxtxt")):
            raise OptionError(f"{flag}: '{name}' is no pass; name the file first, or write {flag}=<pass>")
        if name not in known:
            raise OptionError(f"{flag}: there is no pass '{name}'{hint(name, known)}")
        if name not in running:
            raise OptionError(f"{flag}: pass '{name}' does not run here; these do: {', '.join(dict.fromkeys(running))}")


def parse_shapes(texts: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """The shapes of all `--shape` flags. Raises OptionError, also for two different shapes of one input."""
    shapes: dict[str, tuple[int, ...]] = {}
    for text in texts:
        name, shape = parse_shape(text)
        if shapes.setdefault(name, shape) != shape:
            raise OptionError(f"--shape {text!r}: {name} has another shape already; give one")
    return shapes


def parse_shape(text: str) -> tuple[str, tuple[int, ...]]:
    """Read `input=1x3x48x192`. The name ends at the last `=`: ONNX names may contain one."""
    name, equals, extents = text.rpartition("=")
    if not equals or not name or not all(extent.isdecimal() and int(extent) > 0 for extent in extents.split("x")):
        raise OptionError(f"--shape {text!r}: expected <input>=<extent>x<extent>..., such as x=1x3x48x192")
    return name, tuple(int(extent) for extent in extents.split("x"))


def hint(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name, with the name that was probably meant."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else "; trtc-opt --list-passes shows what there is"
