"""Small networks in plain torch, each with what its family is made of."""

from .audio import AUDIO
from .other import OTHER
from .text import TEXT
from .vision import VISION

NETWORKS = (*VISION, *TEXT, *AUDIO, *OTHER)
