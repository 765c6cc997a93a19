"""Kernels per inference of usual models beside the targets of fusion: `python test/bench/bench_fusion.py [model ...] [--batch 1 32]`.

Suite `fusion`, unit kernels: the launches of an engine for this GPU in fp16, as test/models/launches.py counts them. The note of a case has
how many there are of each kind and what the launches are that are no products, so that the next thing to fuse is in the record.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "models")]
import launches  # noqa: E402
from records import Recorder  # noqa: E402

from trtc.compiler.targets import detect_arch  # noqa: E402


def measure(recorder: Recorder, name: str, batch: int, precision: str, arch: str) -> None:
    """Records one model; one whose batch is part of the file is counted at that batch only."""
    subject = launches.SUBJECTS[name]
    if batch != 1 and "batch" not in subject.sizes:
        return
    found = launches.count(name, precision=precision, arch=arch, sizes={"batch": batch} if subject.sizes else {})
    peers = {} if subject.target is None else {"target": float(subject.target)}
    recorder.case(
        name, batch=batch, dtype=precision, unit="kernels", ours=float(len(found)), peers=peers, note=note(found)
    )


def note(found: Sequence[launches.Launch]) -> str:
    """`53 conv, 2 window; left: max_pool 2, reduce`: kinds, then the ops of what is left."""
    kinds = ", ".join(f"{many} {kind}" for kind, many in launches.kinds(found).items())
    left = Counter(each.label for each in launches.left(found))
    names = ", ".join(label + (f" x{many}" if many > 1 else "") for label, many in left.most_common())
    return f"{kinds}; left: {names or 'nothing'}"


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=list(launches.SUBJECTS), metavar="model")
    parser.add_argument("--batch", type=int, nargs="*", default=[1])
    parser.add_argument("--precision", default="fp16")
    parser.add_argument("--arch", help="by default this GPU's; counting needs none")
    arguments = parser.parse_args(given)
    arch = arguments.arch or detect_arch()
    recorder = Recorder("fusion", gpu=arguments.arch is None)
    for name in arguments.models:
        for batch in arguments.batch:
            measure(recorder, name, batch, arguments.precision, arch)


if __name__ == "__main__":
    main()
