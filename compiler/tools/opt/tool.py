"""`trtc-opt`: runs passes over `.mlir` and `.onnx` files, and shows, checks or executes the results.

It is xDSL's `xdsl-opt` with trtc's guards (dominance, phase boundaries), tools for looking at passes, and one rule for
errors: a broken module is `file:line:column: error: ...` and exit code 1 (with `--verify-diagnostics` compared with the
comments of the file, see `diagnostics`; in a file without any, on stdout and exit code 0), a wrong flag, pass or option is
one sentence and exit code 2 (see `failures`); a traceback appears only with `--traceback` or TRTC_TRACEBACK=1.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from io import BytesIO, StringIO
from pathlib import Path
from typing import IO, NoReturn

from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.exceptions import ArgSpecParseError, DiagnosticException, PyRDLError, ShrinkException

from ....dialects.errors import OptionError, PassError, TrtcError
from ....dialects.ir_text import IRTextError, OpPlaces
from ....dialects.text import printable_lines
from ....runtime.files import check_readable, replacing
from ...blobs import blobs_of, load_blobs, save_blobs
from ...debug.check_numerics import NumericsObserver
from ...debug.observers import DumpObserver, PrintObserver, TimingObserver
from ...options import dim_ranges
from ...pipeline import PHASES, Observer, run_passes, run_pipeline, verify_module
from ...resume import check_order, position_of
from ..flags import check_words
from .arguments import set_profiles
from .diagnostics import Diagnostic, as_diagnostic, expected_in, has_expectations, mismatches
from .setup import OptSetup

_MODULE_ERRORS = (TrtcError, DiagnosticException, PyRDLError)


class TrtcOptMain(OptSetup):
    """The tool; `run` wraps it. See the module's docstring for the rule on errors."""

    def _observers(self) -> list[Observer]:
        args = self.args
        observers: list[Observer] = [PrintObserver(sys.stderr, args.print_ir_before, args.print_ir_after)]
        if args.dump_dir is not None:
            dump = DumpObserver(args.dump_dir / str(self.case) if args.split_input_file else args.dump_dir)
            self.reports.append(dump.finish)
            observers.append(dump)
        if args.timing:
            timing = TimingObserver()
            self.reports.append(timing.report)
            observers.append(timing)
        if args.check_numerics:
            numerics = NumericsObserver(
                seed=args.seed,
                directory=args.failures or Path("numerics-failure"),
                command=self._command(),
                symbols=self.symbols,
                pipeline=self.stop_after is not None,
            )
            observers.append(numerics)
        return observers

    def _command(self) -> list[str]:
        """The start of a command that reads the same input, for messages that say how to reproduce."""
        command = ["trtc-opt", self.args.input_file or "-"]
        command += [f"--profile={text}" for text in self.args.profile]
        command += [f"--constant={text}" for text in self.args.constant]
        command += [f"--bound={text}" for text in self.args.bound]
        command += [f"--shape={text}" for text in self.args.shape]
        flags = ("start_after", "stop_after", "precision", "arch", "memory_limit")
        given = {flag.replace("_", "-"): getattr(self.args, flag) for flag in flags}
        return command + [f"--{flag}={value}" for flag, value in given.items() if value is not None]

    def run(self) -> None:
        chunks, extension = self._open_input()
        _given = None if self.args.blobs is None else load_blobs(self.args.blobs)  # held until the text is parsed
        # The file is written at the end, complete: it may be the input, and an interrupt leaves it unchanged.
        path = self.args.output_file
        output = sys.stdout if path is None else StringIO()
        for index, (chunk, offset) in enumerate(chunks):
            self.case, self.offset = index + 1, offset
            if index:
                output.write("// -----\n")
            self._expect(chunk)
            try:
                self._run_chunk(chunk, extension, offset, output)
            except IRTextError as error:
                place = error.place if error.said is not None else None
                self._report(error.said or str(error), error, output, place, parsing=True)
            except ShrinkException:
                raise
            except _MODULE_ERRORS as error:
                if isinstance(error, OptionError) and not self.args.verify_diagnostics:
                    raise
                place = self.places.of(error.op) if isinstance(error, PassError) else None
                self._report(str(error), error, output, place)
            finally:
                chunk.close()
            for problem in mismatches(self.expected, self.made) if self.strict else ():
                self._fail(f"{self.get_input_name()}: {problem}")
            output.flush()
        for report in self.reports:
            report(sys.stderr)
        if self.args.save_blobs is not None and not self.failed:
            save_blobs(self.args.save_blobs, self.blobs)
        if isinstance(output, StringIO) and path is not None and not self.failed:
            with replacing(path, "-o") as stream:
                stream.write(output.getvalue().encode())

    def _open_input(self) -> tuple[list[tuple[IO[bytes], int]], str]:
        if self.args.input_file is not None:
            check_readable(self.args.input_file, "input")
        try:
            chunks, extension = self.prepare_input()
        except ValueError as error:
            raise OptionError(f"{error}; expected .mlir or .onnx, or -f") from error
        if self.args.input_file is None or not extension.startswith("onnx"):
            texts: list[tuple[IO[bytes], int]] = []
            for chunk, offset in chunks:
                with chunk:
                    texts.append((BytesIO(chunk.read()), offset))  # which can be read again where a pass fails
            chunks = texts
        if self.args.verify_diagnostics and extension == "mlir":
            self.strict = any(has_expectations(chunk.read()) for chunk, _ in chunks)
        return chunks, extension

    def _run_chunk(self, chunk: IO[bytes], extension: str, offset: int, output: IO[str]) -> None:
        with self._remarks():
            module = self._read(chunk, extension, offset)
            if not self.args.disable_verify:
                verify_module(module, "the input")
            try:
                self.apply_passes(module)
            except PassError as error:
                if error.index is None or self.args.verify_diagnostics:
                    raise
                failure = error
            else:
                failure = None
        if failure is not None:
            self._reproduce(failure, lambda: self._read(chunk, extension, offset))
        if self.args.save_blobs is not None:
            self.blobs |= blobs_of(module)
        if self.args.run:
            from .run import run_and_report

            run_and_report(
                module,
                output,
                seed=self.args.seed,
                inputs=self.args.inputs,
                save=self.args.save_outputs,
                symbols=self.symbols,
                references=bool(self.args.references),
            )
        else:
            output.write(self.output_resulting_program(module))

    def _read(self, chunk: IO[bytes], extension: str, offset: int) -> ModuleOp:
        """The module of a case, from the beginning of its text, with the ranges of `--profile`."""
        if chunk.seekable():
            chunk.seek(0)
        module = self.parse_chunk(chunk, extension, offset)
        assert module is not None
        if extension == "mlir" and self.options.profiles:
            set_profiles(module, dim_ranges(self.options.profiles))
        return module

    def _reproduce(self, error: PassError, read: Callable[[], ModuleOp]) -> NoReturn:
        """Raise the error of a pass, with the reproducer that is written for it."""
        from ...debug.reproducer import write_reproducer

        assert error.index is not None

        def prepared() -> ModuleOp:
            module = read()
            self._prepare(module)
            return module

        places, self.places = self.places, OpPlaces()  # what the failed module's ops are looked up in
        folder = self.args.failures or Path("pass-failure")
        said = write_reproducer(
            folder / str(self.case) if self.args.split_input_file else folder,
            prepared,
            self.running,
            error.index - self.start - 1,
            self.ctx,
            first_index=self.start + 1,
            flags=[
                flag
                for flag in ("--allow-unregistered-dialect", "--disable-verify")
                if getattr(self.args, flag[2:].replace("-", "_"))
            ],
        )
        self.places = places
        named = type(error)(f"{error}; {said}")
        named.op = error.op
        raise named from error

    @contextmanager
    def _remarks(self) -> Generator[None]:
        """Print the remarks made inside, also before a failure, that `--remarks` selects; keep them where a comment expects one."""
        wanted = any(each.kind == "remark" for each in self.expected)
        if not self.remark_filters and not wanted:
            yield
            return
        from ....passes.remarks import collecting

        with collecting(self.places.of) as remarks:
            try:
                yield
            finally:
                for remark in remarks:
                    if any(wanted_by(remark) for wanted_by in self.remark_filters):
                        print(remark, file=sys.stderr)
                self.made += [as_diagnostic(remark) for remark in remarks] if wanted else []

    def apply_passes(self, prog: ModuleOp) -> None:
        """Run the remaining phases up to `--stop-after`, then the passes of `-p`."""
        observers = self._observers()
        self._prepare(prog)
        done = 0
        if self.stop_after is not None:
            done = run_pipeline(
                prog,
                self.options,
                start_after=self.start,
                stop_after=self.stop_after,
                observers=observers,
                context=self.ctx,
            )
        run_passes(
            prog, self.passes, self.ctx, observers=observers, verify=self.options.verify_each, first_index=done + 1
        )
        self.reports += [
            each.report for each in observers if isinstance(each, NumericsObserver)
        ]  # no verdict on what failed

    def _prepare(self, prog: ModuleOp) -> None:
        """Before the first pass: decide how far in the pipeline the module is and what will run, and set the target."""
        self.start, self.running = 0, self.passes
        if self.stop_after is None:
            return
        self.start = position_of(prog, self.steps) if self.start_after is None else self.start_after
        check_order(self.start, self.stop_after, self.steps, "the module")
        phases = PHASES[: PHASES.index(self.stop_after) + 1]
        pipeline = [step for phase in phases for step in self.steps[phase]][self.start :]
        self.running = [*(step.make() for step in pipeline), *self.passes]
        if self.stop_after not in ("import", "graph"):
            from ...targets import DEFAULT_ARCH, check_target, set_target

            check_target(prog, self.options.target)
            set_target(prog, self.options.target or DEFAULT_ARCH)

    def output_resulting_program(self, prog: ModuleOp) -> str:
        try:
            return super().output_resulting_program(prog)
        except _MODULE_ERRORS:
            raise
        except Exception as error:  # a target of xDSL, or of another package, on a module that is not at its level
            if self.args.target in ("mlir", "cuda"):
                raise
            raise OptionError(
                f"-t {self.args.target}: the module cannot be printed so: {error or type(error).__name__}"
            ) from error

    def _report(
        self,
        message: str,
        error: BaseException,
        output: IO[str],
        place: tuple[int, int] | None,
        *,
        parsing: bool = False,
    ) -> None:
        """Report a broken module: for comparison with comments where the file has some, to the output with `--verify-diagnostics`, else to
        stderr with a failing exit code. `place` is the line and column of the error."""
        where = "" if place is None else f"{self.get_input_name()}:{place[0]}:{place[1]}: "
        text = printable_lines(f"{where}error: {message}")
        if self.args.traceback:
            traceback.print_exception(error, file=sys.stderr)
        if self.strict:
            self.made.append(Diagnostic("error", None if place is None else place[0], message))
        elif self.args.verify_diagnostics or (parsing and self.args.parsing_diagnostics):
            output.write(f"{text}\n")
        else:
            self.failed = True
            print(text, file=sys.stderr)

    def _fail(self, message: str) -> None:
        """Report a case that is not as its comments expect."""
        self.failed = True
        print(f"error: {printable_lines(message)}", file=sys.stderr)

    def _expect(self, chunk: IO[bytes]) -> None:
        """Read what the comments of a case expect, with `--verify-diagnostics`."""
        self.places, self.expected, self.made = OpPlaces(), [], []
        if self.strict:
            chunk.seek(0)
            self.expected, wrong = expected_in(chunk.read().decode(errors="replace"), self.offset + 1)
            for problem in wrong:
                self._fail(f"{self.get_input_name()}: {problem}")


def run(args: Sequence[str] | None) -> int:
    """The tool on these arguments: its exit code. Raises OptionError for misuse."""
    check_words(sys.argv[1:] if args is None else args)
    try:
        tool = TrtcOptMain(args)
    except (ArgSpecParseError, ValueError) as error:
        raise OptionError(" ".join(str(error).split())) from error
    if tool.args.list_passes or tool.args.list_schedules:
        from . import listing

        print(
            "\n".join(
                make()
                for make, wanted in (
                    (listing.passes, tool.args.list_passes),
                    (listing.schedules, tool.args.list_schedules),
                )
                if wanted
            ),
            end="",
        )
        return 0
    try:
        tool.run()
    except ShrinkException:
        print("Success, can shrink")
        return 0
    except Exception:
        if tool.args.traceback:
            traceback.print_exc()
        raise
    if tool.args.shrink:
        print("Failure, can't shrink")
    return 1 if tool.failed or tool.args.shrink else 0
