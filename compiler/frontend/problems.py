"""What a table row raises where a node cannot be imported; the importer collects these and reports all of them at once."""

from __future__ import annotations


class UnsupportedNode(Exception):
    """Raised by a table row: the node is valid ONNX that trtc cannot import. `fix` says what the user can do."""

    def __init__(self, why: str, fix: str = ""):
        super().__init__(why)
        self.why, self.fix = why, fix


class BranchesDiffer(UnsupportedNode):
    """Raised by the row of If: its branches make results of different ranks, or sequences, so that no one value could be either."""


class InvalidNode(Exception):
    """Raised by a table row: the node breaks the rules of ONNX."""

    def __init__(self, why: str, fix: str = ""):
        super().__init__(why)
        self.why, self.fix = why, fix
