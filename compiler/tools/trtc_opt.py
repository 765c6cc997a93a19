"""`trtc-opt`: the console script around `opt/tool.py`, which is imported once failures are handled."""

from __future__ import annotations

from collections.abc import Sequence

from .failures import guarded


def main(args: Sequence[str] | None = None) -> None:
    """The console script; ends in SystemExit."""
    raise SystemExit(guarded("trtc-opt", lambda: _run(args), script=args is None))


def _run(args: Sequence[str] | None) -> int:
    from .opt.tool import run

    return run(args)


if __name__ == "__main__":
    main()
