"""Where tests of whole models run: on the simulator, or on this machine's GPU if $TRTC_TEST_GPU is set."""

from __future__ import annotations

import os

from trtc.compiler.targets import detect_arch

DEVICE: str | int = 0 if os.environ.get("TRTC_TEST_GPU") else "simulator"


def targets(*simulated: str) -> tuple[str, ...]:
    """The architectures to build for: the given ones on the simulator, the GPU's own on a GPU."""
    return simulated if DEVICE == "simulator" else (detect_arch(),)
