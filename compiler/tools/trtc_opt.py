"""`trtc-opt`: runs passes over `.mlir` and `.onnx` files, and shows, checks or executes what comes out.

It is xDSL's `xdsl-opt` with trtc's guards (dominance, phase boundaries), tools for looking at passes, and one rule for
errors: a broken module is `error: ...` and exit code 1 (with `--verify-diagnostics` on stdout and exit code 0, for tests of
invalid input), a wrong flag, pass or option is one sentence and exit code 2; a traceback appears only with `--traceback`.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import IO, NoReturn

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.utils.arg_spec import parse_pipeline
from xdsl.utils.exceptions import ArgSpecParseError, DiagnosticException, ParseError, PyRDLError, ShrinkException
from xdsl.xdsl_opt_main import xDSLOptMain

from ...dialects.errors import OptionError, TrtcError
from ..observers import DumpObserver, PrintObserver, TimingObserver
from ..options import PRECISIONS, BuildOptions, parse_profile
from ..pipeline import PHASES, Observer, run_passes, run_pipeline, verify_module
from ..universe import all_passes

_MODULE_ERRORS = (TrtcError, DiagnosticException, PyRDLError)
_MISUSE = 2


class TrtcOptMain(xDSLOptMain):
    """The tool; `main` wraps it. See the module's docstring for the rule on errors."""

    def __init__(self, args: Sequence[str] | None = None) -> None:
        super().__init__("Run trtc's passes over .mlir and .onnx files.", args)
        self.failed = False

    def register_all_passes(self) -> None:
        for name, load in all_passes().items():
            self.register_pass(name, load)

    def register_all_frontends(self) -> None:
        super().register_all_frontends()
        self.available_frontends["onnx"] = _parse_onnx

    def register_all_arguments(self, arg_parser: argparse.ArgumentParser) -> None:
        super().register_all_arguments(arg_parser)
        _add_arguments(arg_parser)

    def setup_pipeline(self) -> None:
        """Read every flag, so that misuse is reported before any input is."""
        args = self.args
        self.passes = [self._make_pass(spec) for spec in parse_pipeline(args.passes)]
        self.stop_after: str | None = args.stop_after
        self.options = BuildOptions(
            precision=args.precision,
            target=args.arch,
            profiles=dict(parse_profile(text) for text in args.profile),
            memory_limit=args.memory_limit,
            verify_each=not args.disable_verify,
        )
        self.timing = TimingObserver()
        for name in [*(args.print_ir_before or ()), *(args.print_ir_after or ())]:
            if name not in self.available_passes:
                raise OptionError(f"--print-ir: there is no pass '{name}'{_hint(name, self.available_passes)}")

    def _make_pass(self, spec: object) -> ModulePass:
        name = spec.name  # type: ignore[attr-defined]
        if name not in self.available_passes:
            raise OptionError(f"-p: there is no pass '{name}'{_hint(name, self.available_passes)}")
        try:
            return self.available_passes[name]().from_spec(spec)  # type: ignore[arg-type]
        except ValueError as error:
            raise OptionError(f"-p: wrong options for pass '{name}': {error}") from error
        except ImportError as error:
            raise OptionError(f"-p: pass '{name}' cannot be loaded: {error}") from error

    def _observers(self) -> list[Observer]:
        args = self.args
        observers: list[Observer] = [PrintObserver(sys.stdout, args.print_ir_before, args.print_ir_after)]
        if args.dump_dir is not None:
            observers.append(DumpObserver(args.dump_dir))
        if args.timing:
            observers.append(self.timing)
        if args.check_numerics:
            from ..check import NumericsObserver

            observers.append(NumericsObserver(seed=args.seed, directory=args.failures, source=self.args.input_file))
        return observers

    def run(self) -> None:
        chunks, extension = self.prepare_input()
        output = self.prepare_output()
        for position, (chunk, offset) in enumerate(chunks):
            if position:
                output.write("// -----\n")
            try:
                self._run_chunk(chunk, extension, offset, output)
            except ParseError as error:
                self._report(_parse_error(error, self.get_input_name(), offset), error, output)
            except ShrinkException:
                raise
            except _MODULE_ERRORS as error:
                self._report(str(error), error, output)
            finally:
                chunk.close()
            output.flush()
        if self.args.timing:
            self.timing.report(sys.stderr)
        if output is not sys.stdout:
            output.close()

    def _run_chunk(self, chunk: IO[bytes], extension: str, offset: int, output: IO[str]) -> None:
        module = self.parse_chunk(chunk, extension, offset)
        assert module is not None
        if not self.args.disable_verify:
            verify_module(module, "the input")
        if self.args.remarks:
            from ...passes.remarks import collecting

            with collecting() as remarks:
                self.apply_passes(module)
            for remark in remarks:
                print(remark, file=sys.stderr)
        else:
            self.apply_passes(module)
        if self.args.run:
            from .run_module import run_and_report

            symbols = {name: opt for name, (_, opt, _) in self.options.profiles.items()}
            run_and_report(
                module,
                output,
                seed=self.args.seed,
                inputs=self.args.inputs,
                save=self.args.save_outputs,
                symbols=symbols,
            )
        else:
            output.write(self.output_resulting_program(module))

    def apply_passes(self, prog: ModuleOp) -> None:
        """The phases up to `--stop-after`, then the passes of `-p`."""
        observers = self._observers()
        first = 1
        if self.stop_after is not None:
            run_pipeline(prog, self.options, stop_after=self.stop_after, observers=observers, context=self.ctx)
        run_passes(prog, self.passes, self.ctx, observers=observers, verify=self.options.verify_each, first_index=first)

    def _report(self, message: str, error: BaseException, output: IO[str]) -> None:
        """A broken module: to the output where the test asks for it, else to stderr and a failing exit code."""
        if self.args.traceback:
            traceback.print_exception(error, file=sys.stderr)
        if self.args.verify_diagnostics:
            output.write(f"error: {message}\n")
        else:
            self.failed = True
            print(f"error: {message}", file=sys.stderr)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("trtc")
    names = {"type": lambda text: text.split(","), "nargs": "?", "const": [], "metavar": "PASS,..."}
    group.add_argument("--print-ir-before", help="print the module before every pass, or before the named ones", **names)
    group.add_argument("--print-ir-after", help="print the module after every pass, or after the named ones", **names)
    group.add_argument("--dump-dir", type=Path, metavar="DIR", help="write one numbered file per pass into DIR")
    group.add_argument("--stop-after", choices=PHASES, metavar="PHASE", help=f"run the pipeline up to one of {', '.join(PHASES)}")
    group.add_argument("--precision", choices=PRECISIONS, default="fp32", help="precision for --stop-after")
    group.add_argument("--arch", metavar="SM", help="GPU architecture for --stop-after, such as sm_90a")
    group.add_argument("--profile", action="append", default=[], metavar="DIM=MIN,OPT,MAX", help="range of a dynamic dimension")
    group.add_argument("--memory-limit", type=int, metavar="BYTES", help="arena limit for --stop-after")
    group.add_argument("--timing", action="store_true", help="print the time of every pass to stderr")
    group.add_argument("--remarks", action="store_true", help="print what passes did and declined to do to stderr")
    group.add_argument("--run", action="store_true", help="execute @main on a CPU and print statistics of the outputs")
    group.add_argument("--check-numerics", action="store_true", help="execute before and after each pass and compare")
    group.add_argument("--seed", type=int, default=0, help="seed of random inputs (default 0)")
    group.add_argument("--inputs", type=Path, metavar="NPZ", help="inputs for --run, by ONNX name")
    group.add_argument("--save-outputs", type=Path, metavar="NPZ", help="save the outputs of --run")
    group.add_argument("--failures", type=Path, default=Path("numerics-failure"), metavar="DIR", help="where --check-numerics saves tensors")
    group.add_argument("--traceback", action="store_true", help="print the traceback of an error to stderr")


def _parse_onnx(stream: IO[bytes]) -> ModuleOp:
    from ..frontend import import_onnx

    return import_onnx(getattr(stream, "name", None) or stream.read())


def _parse_error(error: ParseError, name: str, offset: int) -> str:
    """`file:line:column: message`, with the line of source below."""
    text = StringIO()
    start = error.span.start
    source = error.span.input.content
    source = source.decode() if isinstance(source, bytes) else source
    line = source.count("\n", 0, start) + 1
    column = start - (source.rfind("\n", 0, start) + 1) + 1
    text.write(f"{name}:{line + offset}:{column}: {error.msg}")
    return text.getvalue()


def _hint(name: str, known: object) -> str:
    import difflib

    close = difflib.get_close_matches(name, list(known), n=1)  # type: ignore[call-overload]
    return f"; did you mean '{close[0]}'?" if close else "; trtc-opt --help lists the passes"


def _misuse(message: str) -> NoReturn:
    print(f"trtc-opt: error: {message}", file=sys.stderr)
    raise SystemExit(_MISUSE)


def main(args: Sequence[str] | None = None) -> None:
    """The console script."""
    try:
        tool = TrtcOptMain(args)
    except (OptionError, ArgSpecParseError, ValueError) as error:
        _misuse(" ".join(str(error).split()))
    try:
        tool.run()
    except OSError as error:
        _misuse(str(error))
    except ValueError as error:
        if "file extension" not in str(error):
            raise
        _misuse(f"{error}; expected .mlir or .onnx, or -f")
    raise SystemExit(1 if tool.failed else 0)


if __name__ == "__main__":
    main()
