"""Writes the models of this folder: one step of three decoders of `transformers`, with a cache, as torch's exporter writes them.

    python -m venv /tmp/exports
    /tmp/exports/bin/pip install torch==2.14.1 transformers==5.24.0 onnx==1.23.2 onnxscript
    /tmp/exports/bin/python test/models/exports/decoders/export.py [name ...]

A step reads ids [batch, step] and, for each layer, the keys and values so far [batch, heads, past, head size]; it returns logits and the
keys and values with the new ones behind. `past` is 0 in the first step. T5 and Whisper read what their encoder made too.
"""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import torch
import transformers
from transformers.cache_utils import DynamicCache, EncoderDecoderCache

sys.path.insert(0, str(Path(__file__).parents[1]))
from export import without_weights

HERE = Path(__file__).parent
VOCABULARY, HIDDEN, HEADS, LAYERS, POSITIONS = 256, 64, 4, 2, 128
SOURCE = 20
"""Positions of the encoder's output in the example that is traced."""


class Step(torch.nn.Module):
    """A decoder from ids, encoder output and cache to logits and cache."""

    def __init__(self, model: Any, encoded: bool) -> None:
        super().__init__()
        self.model, self.encoded = model, encoded

    def forward(self, ids: torch.Tensor, *given: torch.Tensor) -> tuple[torch.Tensor, ...]:
        past = given[1:] if self.encoded else given
        cache = DynamicCache()
        for layer in range(LAYERS):
            cache.update(past[2 * layer], past[2 * layer + 1], layer)
        logits = self.logits(ids, given[0], cache) if self.encoded else self.logits(ids, cache)
        return logits, *(tensor for layer in cache.layers for tensor in (layer.keys, layer.values))

    def logits(self, ids: torch.Tensor, *given: Any) -> torch.Tensor:
        raise NotImplementedError


def positions(ids: torch.Tensor, cache: DynamicCache) -> torch.Tensor:
    """The places of the ids: behind those of the cache, [1, step]."""
    before = cache.layers[0].keys.shape[2]
    return torch.arange(before, before + ids.shape[1])[None]


class Gpt2(Step):
    def logits(self, ids: torch.Tensor, *given: Any) -> torch.Tensor:
        (cache,) = given
        return self.model(ids, past_key_values=cache, position_ids=positions(ids, cache), use_cache=True).logits


class Encoded(Step):
    """T5 and Whisper: the keys and values of the encoder's output are made anew in each step."""

    def logits(self, ids: torch.Tensor, *given: Any) -> torch.Tensor:
        encoded, cache = given
        both = EncoderDecoderCache(cache, DynamicCache())
        more = {"decoder_position_ids": positions(ids, cache)} if self.model.config.model_type == "whisper" else {}
        return self.model(
            decoder_input_ids=ids, encoder_outputs=(encoded,), past_key_values=both, use_cache=True, **more
        ).logits


def gpt2() -> Step:
    config = transformers.GPT2Config(
        vocab_size=VOCABULARY, n_positions=POSITIONS, n_embd=HIDDEN, n_layer=LAYERS, n_head=HEADS,
        attn_implementation="eager",
    )  # fmt: skip
    return Gpt2(transformers.GPT2LMHeadModel(config), encoded=False)


def t5() -> Step:
    config = transformers.T5Config(
        vocab_size=VOCABULARY, d_model=HIDDEN, d_kv=HIDDEN // HEADS, d_ff=2 * HIDDEN, num_layers=1, num_decoder_layers=LAYERS,
        num_heads=HEADS, feed_forward_proj="gated-gelu", tie_word_embeddings=False, attn_implementation="eager",
    )  # fmt: skip
    return Encoded(transformers.T5ForConditionalGeneration(config), encoded=True)


def whisper() -> Step:
    config = transformers.WhisperConfig(
        vocab_size=VOCABULARY, d_model=HIDDEN, encoder_layers=1, decoder_layers=LAYERS, encoder_attention_heads=HEADS,
        decoder_attention_heads=HEADS, encoder_ffn_dim=HIDDEN, decoder_ffn_dim=2 * HIDDEN, max_target_positions=POSITIONS,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1, attn_implementation="eager",
    )  # fmt: skip
    return Encoded(transformers.WhisperForConditionalGeneration(config), encoded=True)


MODELS: dict[str, Callable[[], Step]] = {"gpt2": gpt2, "t5": t5, "whisper": whisper}


def randomise(model: torch.nn.Module) -> None:
    """Weights under which logits differ from token to token, so that which is the greatest is beyond rounding."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim == 1:
                weight.normal_(1.0 if name.endswith("weight") else 0.0, 0.1)
            else:
                weight.normal_(0.0, 2.0 * HIDDEN**-0.5)
        for module in model.modules():
            if isinstance(module, torch.nn.Embedding):
                module.weight.normal_()


def export(name: str) -> onnx.ModelProto:
    torch.manual_seed(0)
    step = MODELS[name]()
    randomise(step)
    ids = torch.randint(3, VOCABULARY, (2, 3))
    past = [torch.randn(2, HEADS, 5, HIDDEN // HEADS) for _ in range(2 * LAYERS)]
    names = [f"{kind}.{layer}" for layer in range(LAYERS) for kind in ("key", "value")]
    encoded = [torch.randn(2, SOURCE, HIDDEN)] if step.encoded else []
    dynamic = {"ids": {0: "batch", 1: "step"}, "logits": {0: "batch", 1: "step"}}
    dynamic |= {"encoded": {0: "batch", 1: "source"}} if step.encoded else {}
    dynamic |= {f"past.{each}": {0: "batch", 2: "past"} for each in names}
    dynamic |= {f"present.{each}": {0: "batch", 2: "past + step"} for each in names}
    inputs = ["ids", *(["encoded"] if step.encoded else []), *(f"past.{each}" for each in names)]
    file = io.BytesIO()
    torch.onnx.export(
        step.eval(), (ids, *encoded, *past), file, dynamo=False, opset_version=17, input_names=inputs,
        output_names=["logits", *(f"present.{each}" for each in names)], dynamic_axes=dynamic,
    )  # fmt: skip
    return onnx.load_from_string(file.getvalue())


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for chosen in sys.argv[1:] or MODELS:
        made = without_weights(export(chosen))
        onnx.checker.check_model(made)
        onnx.save(made, HERE / f"{chosen}.onnx")
        print(f"{chosen}: {len(made.graph.node)} nodes, {(HERE / f'{chosen}.onnx').stat().st_size} bytes")
