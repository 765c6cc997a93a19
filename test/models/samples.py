"""Inputs of the kinds that trained models read, drawn from a seed: pictures in a range, text in lines, speech, log spectra, bytes, letters.

A maker is a function of a generator and sizes by name that gives a model's inputs: `picture("x", -1, 1)(rng, batch=2, width=100)`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import zoo
from zoo import Array, Inputs

Maker = Callable[..., Inputs]
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


def picture(name: str, low: float, high: float, shape: tuple[int, int, int] = (3, 48, 192)) -> Maker:
    """Images between `low` and `high` for the input `name`, [batch, channels, height, width], by default of the given shape."""

    def inputs(rng: np.random.Generator, batch: int = 1, height: int = shape[1], width: int = shape[2]) -> Inputs:
        image = (zoo.images(rng, batch, shape[0], height, width) + 1) / 2
        return {name: (low + (high - low) * image).astype(np.float32)}

    return inputs


def text(name: str, low: float, high: float, shape: tuple[int, int, int]) -> Maker:
    """As `picture`, of dark marks in lines on a light ground."""

    def inputs(rng: np.random.Generator, batch: int = 1, height: int = shape[1], width: int = shape[2]) -> Inputs:
        return {name: (low + (high - low) * _marks(rng, batch, shape[0], height, width)).astype(np.float32)}

    return inputs


def page(rng: np.random.Generator, batch: int = 1, height: int = 96, width: int = 160) -> Inputs:
    """A text normalised as a text detector was trained: x f32 [batch, 3, height, width]."""
    return {"x": ((_marks(rng, batch, 3, height, width) - 0.45) / 0.225).astype(np.float32)}


def _marks(rng: np.random.Generator, batch: int, channels: int, height: int, width: int) -> Array:
    """Glyph-like marks, dark in lines on a light ground, with noise; about 0 to 1."""
    light = np.full((batch, 1, height, width), 0.9)
    for image in light[:, 0]:
        for top in range(int(rng.integers(4, 12)), height - 14, 28):
            for left in range(int(rng.integers(2, 20)), width - 12, 12):
                if rng.random() < 0.8:
                    image[top : top + 14, left : left + 10] -= 0.8 * np.kron(rng.random((7, 5)) < 0.5, np.ones((2, 2)))
    return np.repeat(light, channels, 1) + 0.02 * rng.standard_normal((batch, channels, height, width))


def speech(name: str, *, channel: bool = False, samples: int) -> Maker:
    def inputs(rng: np.random.Generator, batch: int = 1) -> Inputs:
        array = audio(rng, batch, samples)
        return {name: array[..., None] if channel else array}

    return inputs


def frames(name: str, count: int, bins: int, *, channel: bool = False, offset: float = 0.0) -> Maker:
    """A log spectrum around `offset` for the input `name`, [batch, count, bins], with a `channel` after it."""

    def inputs(rng: np.random.Generator, batch: int = 1) -> Inputs:
        array = spectrum(rng, batch, count, bins) + np.float32(offset)
        return {name: array[..., None] if channel else array}

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


def halves(rng: np.random.Generator, batch: int = 1) -> Inputs:
    """The first Magika reads 512 bytes from a file's start, middle and end, as floats."""
    return {"bytes": file_bytes(rng, batch)["bytes"][:, 500:2036].astype(np.float32)}


def windows(**vocabularies: int) -> Maker:
    """Thai word splitters read the 21 characters around each one, and what kinds they are: ids as floats, [count, 21]."""

    def inputs(rng: np.random.Generator, count: int = 8) -> Inputs:
        return {name: rng.integers(1, size, (count, 21)).astype(np.float32) for name, size in vocabularies.items()}

    return inputs


def syllables(rng: np.random.Generator, length: int = 32) -> Inputs:
    """AttaCut reads for each character its id and that of its syllable, i64 [1, 2, length]."""
    return {"input": np.stack([rng.integers(0, size, length) for size in (139, 6227)])[None]}


def sentence(rng: np.random.Generator, length: int = 20) -> Inputs:
    """LAC reads a sentence as a column of ids, and where sentences begin and end."""
    return {"token_ids": rng.integers(0, 58224, (length, 1)), "length": np.array([0, length])}


def voices(rng: np.random.Generator, batch: int = 1, frames: int = 8) -> Inputs:
    """VoiceFilter reads four log-mel frames at a time, [batch, frames, 512], whose voice to keep, and the states of three LSTMs."""
    speaker = rng.standard_normal((batch, 256), np.float32)
    states = (0.1 * rng.standard_normal((2, 3, batch, 512))).astype(np.float32)
    loud = spectrum(rng, batch, frames, 512)
    return {"stacked_logmel": loud, "dvec": speaker / np.float32(16), "h0": states[0], "c0": states[1]}


def pitched(rng: np.random.Generator, samples: int = 16000) -> Inputs:
    """SwiftF0 reads speech and the range of its pitch in Hz."""
    return {"audio": audio(rng, 1, samples), "fmin": np.array(60, np.float32), "fmax": np.array(900, np.float32)}


def pcm(rng: np.random.Generator, samples: int = 16000) -> Inputs:
    """Speech as 16-bit numbers in floats: input f32 [1, samples]."""
    return {"input": np.rint(32767 * audio(rng, 1, samples)).astype(np.float32)}


def letters(name: str, vocabulary: int) -> Maker:
    def inputs(rng: np.random.Generator, batch: int = 1, sequence: int = 64) -> Inputs:
        return {name: rng.integers(1, vocabulary, (batch, sequence))}

    return inputs
