"""A runner that hangs or crashes where a case says so, for tests of the harness; its processes import it from here."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

import judge
from onnx import ModelProto


def trtc(model: ModelProto, inputs: Sequence[dict[str, Any]]) -> judge.Run:
    """`judge.trtc`, with a hang and a crash for two graphs."""
    if model.graph.name == "hangs":
        time.sleep(1e6)
    if model.graph.name == "crashes":
        os.kill(os.getpid(), 9)
    return judge.trtc(model, inputs)
