"""`--remarks=KIND:REGEX`: which remarks are printed."""

from __future__ import annotations

import re
from collections.abc import Callable

from ....dialects.errors import OptionError
from ....passes.remarks import KINDS, Remark


def remark_filter(text: str) -> Callable[[Remark], bool]:
    """A filter for remarks of one of the kinds (default: any) whose line, as `--remarks` prints it, matches the expression (default: any).

    `missed`, `missed,analysis`, `missed:conv.*stride` and `:conv1` are such texts; "" accepts all. Raises OptionError for another text.
    """
    before, _, expression = text.partition(":")
    kinds = [kind for kind in before.split(",") if kind] or list(KINDS)
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown and re.search(r"\.(mlir|onnx|onnxtxt)$", text):
        raise OptionError(f"--remarks: '{text}' is no kind of remark; name the file first, or write --remarks=missed")
    if unknown:
        raise OptionError(
            f"--remarks={text}: expected KIND:REGEX with one of {', '.join(KINDS)}, or :REGEX, got '{unknown[0]}'"
        )
    try:
        pattern = re.compile(expression)
    except re.error as error:
        raise OptionError(f"--remarks={text}: '{expression}' is no regular expression: {error}") from error
    return lambda remark: remark.kind in kinds and pattern.search(str(remark)) is not None
