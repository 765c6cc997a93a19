"""Writes the models of this folder: small language models of `transformers` as torch's TorchScript exporter writes them.

    python -m venv /tmp/exports
    /tmp/exports/bin/pip install torch==2.13.0 transformers==5.23.0 onnx==1.23.2
    /tmp/exports/bin/python test/models/exports/export.py [name ...]

The weights are random, so a file holds none of the large ones: each is an input of the graph instead, whose doc string says
what to draw it from (`normal <mean> <deviation>`); `exported.py` puts them back.
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
from onnx import numpy_helper

HERE = Path(__file__).parent
KEPT = 64
"""Float initializers up to this many elements stay in the file."""
BATCH, LENGTH, VOCABULARY, HIDDEN, HEADS, LAYERS = 2, 12, 128, 32, 4, 2


def gpt2() -> tuple[Any, dict[str, Any]]:
    config = transformers.GPT2Config(
        vocab_size=VOCABULARY, n_positions=16, n_embd=HIDDEN, n_layer=LAYERS, n_head=HEADS, use_cache=False,
        attn_implementation="eager",
    )  # fmt: skip
    return transformers.GPT2LMHeadModel(config), {"input_ids": ids(), "attention_mask": mask()}


def llama() -> tuple[Any, dict[str, Any]]:
    config = transformers.LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=HIDDEN, intermediate_size=2 * HIDDEN, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, num_key_value_heads=HEADS // 2, max_position_embeddings=16, use_cache=False,
        attn_implementation="eager",
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config), {"input_ids": ids(), "attention_mask": mask()}


def bart() -> tuple[Any, dict[str, Any]]:
    config = transformers.BartConfig(
        vocab_size=VOCABULARY, d_model=HIDDEN, encoder_layers=LAYERS, decoder_layers=LAYERS, encoder_attention_heads=HEADS,
        decoder_attention_heads=HEADS, encoder_ffn_dim=2 * HIDDEN, decoder_ffn_dim=2 * HIDDEN, max_position_embeddings=16,
        use_cache=False, attn_implementation="eager",
    )  # fmt: skip
    given = {"input_ids": ids(), "attention_mask": mask(), "decoder_input_ids": ids()}
    return transformers.BartForConditionalGeneration(config), given


MODELS: dict[str, Callable[[], tuple[Any, dict[str, Any]]]] = {"gpt2": gpt2, "llama": llama, "bart": bart}


def ids() -> torch.Tensor:
    return torch.randint(3, VOCABULARY, (BATCH, LENGTH))


def mask() -> torch.Tensor:
    return torch.ones(BATCH, LENGTH, dtype=torch.int64)


class Logits(torch.nn.Module):
    """A model with tensors in and the logits out."""

    def __init__(self, model: Any, names: list[str]) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *given: torch.Tensor) -> torch.Tensor:
        return self.model(**dict(zip(self.names, given, strict=True)), use_cache=False, return_dict=True).logits


def randomise(model: torch.nn.Module) -> None:
    """Weights under which attention and its mask move the logits: as drawn by `transformers` they hardly do."""
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
    model, given = MODELS[name]()
    randomise(model)
    file = io.BytesIO()
    torch.onnx.export(
        Logits(model.eval(), list(given)), tuple(given.values()), file, dynamo=False, opset_version=17,
        input_names=list(given), output_names=["logits"],
    )  # fmt: skip
    return onnx.load_from_string(file.getvalue())


def without_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Large float initializers become inputs that say what to draw."""
    kept = []
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.dtype.kind != "f" or array.size <= KEPT:
            kept.append(tensor)
            continue
        value = onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, array.shape)
        value.doc_string = f"normal {array.mean():.3g} {array.std():.3g}"
        model.graph.input.append(value)
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    for node in model.graph.node:
        node.ClearField("doc_string")
        del node.metadata_props[:]
    del model.graph.value_info[:]
    model.doc_string = f"torch {torch.__version__}, transformers {transformers.__version__}"
    return model


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for chosen in sys.argv[1:] or MODELS:
        made = without_weights(export(chosen))
        onnx.checker.check_model(made)
        onnx.save(made, HERE / f"{chosen}.onnx")
        print(f"{chosen}: {len(made.graph.node)} nodes, {(HERE / f'{chosen}.onnx').stat().st_size} bytes")
