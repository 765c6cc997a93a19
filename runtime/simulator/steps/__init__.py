"""
The effect of each thread op on a strand. `decode` turns a block into code; the table that it reads (`table.py`) is filled by the families
of ops that are imported here; `instructions.py` reads the table of instructions for all others.
"""

from . import barriers, control, moves, tma_copies, wgmma
from .table import decode

_FAMILIES = (barriers, control, moves, tma_copies, wgmma)  # imported for what they register

__all__ = ["decode"]
