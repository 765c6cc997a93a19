"""The set-up of `trtc-opt`: dialects, passes, front ends and flags, all of which are read before any input."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import IO, TextIO

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.utils.arg_spec import ArgSpec, parse_pipeline
from xdsl.xdsl_opt_main import xDSLOptMain

from ....dialects.errors import InvalidModelError, OptionError
from ....dialects.ir_text import OpPlaces, read_module
from ....runtime.files import check_apart, check_writable
from ...options import BuildOptions, parse_bounds, parse_constants, parse_profiles
from ...pipeline import PHASES, phase_steps
from ...resume import check_order, position
from ...universe import all_passes, multiverse
from .arguments import add_arguments, check_combinations, check_printed, hint, parse_shapes
from .diagnostics import Diagnostic
from .remark_filter import remark_filter


class OptSetup(xDSLOptMain):
    """The state before the first case is run. Raises OptionError for a wrong flag, pass or option."""

    version_format = f"trtc-opt {version('trtc')} built on xDSL {{xdsl_version}}"

    def __init__(self, args: Sequence[str] | None = None) -> None:
        super().__init__("Run trtc's passes over .mlir and .onnx files.", args)
        self.failed = False
        self.case = 1
        """The number of the case of `--split-input-file` that is being processed."""
        self.offset = 0
        """Lines of the input before that case."""
        self.places = OpPlaces()
        """The places of that case's ops in its text."""
        self.strict = False
        """Whether errors and remarks are compared with comments: `--verify-diagnostics`, and a file that has some."""
        self.expected: list[Diagnostic] = []
        """The diagnostics that the case's comments expect."""
        self.made: list[Diagnostic] = []
        """The diagnostics that occurred."""
        self.blobs: dict[str, np.ndarray] = {}
        """The bytes of the blobs in the results, with `--save-blobs`."""

    def register_all_dialects(self) -> None:
        multiverse()  # its error names the broken package, which xDSL's does not
        super().register_all_dialects()

    def register_all_passes(self) -> None:
        for name, load in all_passes().items():
            self.register_pass(name, load)

    def register_all_frontends(self) -> None:
        super().register_all_frontends()
        self.available_frontends["mlir"] = self._parse_mlir
        self.available_frontends["onnx"] = self._parse_onnx
        self.available_frontends["onnxtxt"] = self._parse_onnx

    def register_all_arguments(self, arg_parser: argparse.ArgumentParser) -> None:
        super().register_all_arguments(arg_parser)
        for action in arg_parser._actions:  # pyright: ignore[reportPrivateUsage]
            if "--verify-diagnostics" in action.option_strings:
                action.help = (
                    "compare errors and remarks with the comments 'expected-error@+1 {{text}}' of each case; for a file without any, "
                    "print the error to stdout and exit with code 0"
                )
        add_arguments(arg_parser)

    def setup_pipeline(self) -> None:
        """Read every flag, so that misuse is reported before any input is read."""
        args = self.args
        if args.input_file == "-":
            args.input_file = None
        if args.output_file == "-":
            args.output_file = None
        if args.print_between_passes and args.print_ir_after is None:
            args.print_ir_after = []
        args.timing = args.timing or args.time_passes
        check_combinations(args)
        read = [args.input_file, args.inputs, args.blobs]
        for path, flag in (
            (args.output_file, "-o"),
            (args.save_outputs, "--save-outputs"),
            (args.save_blobs, "--save-blobs"),
        ):
            if path is not None and (flag == "-o" or Path(path).parent.is_dir()):
                check_writable(path, flag)
                in_place = flag == "-o" and str(args.input_file).endswith(".mlir")
                check_apart(Path(path), flag, read[1:] if in_place else read)
                read.append(path)
        self.passes = [self._make_pass(spec) for spec in parse_pipeline(args.passes)]
        self.stop_after: str | None = args.stop_after
        self.options = BuildOptions(
            precision=args.precision or "fp32",
            target=args.arch,
            profiles=parse_profiles(args.profile),
            constants=parse_constants(args.constant),
            bounds=parse_bounds(args.bound),
            memory_limit=args.memory_limit,
            verify_each=not args.disable_verify,
        )
        self.shapes = parse_shapes(args.shape)
        self.remark_filters = [remark_filter(text) for text in args.remarks or ()]
        # The importer sets the ranges from profiles of whole inputs, and from those with a step.
        self.symbols = {
            name: each[1] for name, each in self.options.profiles.items() if len(each) == 3 and isinstance(each[1], int)
        }
        self.reports: list[Callable[[TextIO], None]] = []
        steps = self.steps = phase_steps(self.options)
        self.start_after: int | None = None if args.start_after is None else position(args.start_after, steps)
        if self.stop_after is not None and self.start_after is not None:
            check_order(self.start_after, self.stop_after, steps, "--start-after")
        phases = PHASES[: PHASES.index(self.stop_after) + 1] if self.stop_after is not None else ()
        pipeline = [step.name for phase in phases for step in steps[phase]][self.start_after or 0 :]
        running = pipeline + [step.name for step in self.passes]
        for flag, names in (("--print-ir-before", args.print_ir_before), ("--print-ir-after", args.print_ir_after)):
            check_printed(flag, names or (), running, self.available_passes)

    def _parse_mlir(self, stream: IO[bytes]) -> ModuleOp:
        content = stream.read()
        if not content.strip():
            raise InvalidModelError(f"{self.get_input_name()} is empty; expected IR")
        return read_module(
            self.ctx,
            content,
            self.get_input_name(),
            first_line=self.offset + 1,
            implicit_module=not self.args.no_implicit_module,
            verify=False,
            places=self.places,
        )

    def _parse_onnx(self, stream: IO[bytes]) -> ModuleOp:
        from ...frontend import import_onnx

        profiles = dict(self.options.profiles)
        model = stream.read() if self.args.input_file is None else self.args.input_file
        return import_onnx(
            model,
            profiles=profiles,
            static_shapes=self.shapes,
            constants=self.options.constants,
            bounds=self.options.bounds,
            refit=self.args.refit,
        )

    def _make_pass(self, spec: ArgSpec) -> ModulePass:
        name = spec.name
        if name not in self.available_passes:
            raise OptionError(f"-p: there is no pass '{name}'{hint(name, self.available_passes)}")
        try:
            return self.available_passes[name]().from_spec(spec)
        except ValueError as error:
            raise OptionError(f"-p: wrong options for pass '{name}': {error}") from error
        except ImportError as error:
            raise OptionError(f"-p: pass '{name}' cannot be loaded: {error}") from error
