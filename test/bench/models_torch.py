"""Models that torch runs too, for comparing times: made by torch with seeded weights, exported to ONNX where the timing is done."""

from __future__ import annotations

import io
import warnings
from typing import Any


def vision(name: str, batch: int) -> tuple[Any, tuple[Any, ...]]:
    """A network of torchvision with seeded weights, and images."""
    import torch
    import torchvision

    torch.manual_seed(0)
    more = {"aux_logits": False, "init_weights": True} if name == "googlenet" else {}
    net = torchvision.models.get_model(name, weights=None, **more).eval()
    seed_norms(net)
    return net, (torch.randn(batch, 3, 224, 224),)


def bert(batch: int, sequence: int = 128, **config: int) -> tuple[Any, tuple[Any, ...]]:
    """
    BERT with seeded weights, without the pooler, by default base (12 layers, 768 wide), and example inputs (ids, mask, types). The mask is
    additive, [batch, 1, sequence, sequence]: torch can then capture it in a graph, and neither side computes it from a padding mask.
    """
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    made = BertConfig(attn_implementation="eager", **config)
    net = hidden_states(BertModel(made, add_pooling_layer=False), "input_ids", "attention_mask", "token_type_ids")
    ids, mask = _texts(batch, sequence, made.vocab_size)
    mask[..., sequence - sequence // 8 :] = LEAST
    return net, (ids, mask, torch.zeros_like(ids))


def gpt2(batch: int, sequence: int = 128) -> tuple[Any, tuple[Any, ...]]:
    """GPT-2 of 12 layers up to its last hidden states, and (ids, mask), whose mask is additive and causal."""
    import torch
    from transformers import GPT2Config, GPT2Model

    torch.manual_seed(0)
    made = GPT2Config(attn_implementation="eager", use_cache=False)
    return hidden_states(GPT2Model(made), "input_ids", "attention_mask"), _causal(batch, sequence, made.vocab_size)


def llama(batch: int, sequence: int = 128) -> tuple[Any, tuple[Any, ...]]:
    """Four layers of a Llama of 1B up to its last hidden states, and (ids, mask) as of `gpt2`."""
    import torch
    from transformers import LlamaConfig, LlamaModel

    torch.manual_seed(0)
    made = LlamaConfig(
        hidden_size=2048, intermediate_size=8192, num_attention_heads=32, num_key_value_heads=8, num_hidden_layers=4,
        attn_implementation="eager", use_cache=False,
    )  # fmt: skip
    return hidden_states(LlamaModel(made), "input_ids", "attention_mask"), _causal(batch, sequence, made.vocab_size)


def whisper_encoder(batch: int) -> tuple[Any, tuple[Any, ...]]:
    """The encoder of Whisper tiny, and log-mel spectra [batch, 80, 3000]."""
    import torch
    from transformers import WhisperConfig, WhisperModel

    torch.manual_seed(0)
    made = WhisperConfig(
        d_model=384, encoder_layers=4, encoder_attention_heads=6, encoder_ffn_dim=1536, decoder_layers=1,
        decoder_attention_heads=6, decoder_ffn_dim=1536, attn_implementation="eager",
    )  # fmt: skip
    return hidden_states(WhisperModel(made).encoder, "input_features"), (torch.randn(batch, 80, 3000),)


LEAST = -10000.0
"""What is added to the scores of keys that a mask hides; f16 holds it."""


def _texts(batch: int, sequence: int, vocabulary: int) -> tuple[Any, Any]:
    """Ids, and an additive mask that hides nothing."""
    import torch

    return torch.randint(0, vocabulary, (batch, sequence)), torch.zeros(batch, 1, sequence, sequence)


def _causal(batch: int, sequence: int, vocabulary: int) -> tuple[Any, Any]:
    import torch

    ids, mask = _texts(batch, sequence, vocabulary)
    return ids, mask + torch.triu(torch.full((sequence, sequence), LEAST), 1)


def hidden_states(model: Any, *names: str) -> Any:
    """A model of transformers as a module from tensors, by position, to its last hidden state; `attention(kind)` sets how it attends."""
    import torch

    for name, parameter in model.named_parameters():
        if name.endswith("bias"):  # zeros, as initialised, would be folded away
            torch.nn.init.normal_(parameter, 0.0, 0.02)

    class Hidden(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, first: Any, second: Any = None, third: Any = None) -> Any:
            given = [value for value in (first, second, third) if value is not None]
            return self.model(**dict(zip(names, given, strict=True))).last_hidden_state

        def attention(self, kind: str) -> None:
            self.model.set_attn_implementation(kind)

    return Hidden().eval()


def export(model: Any, inputs: tuple[Any, ...], names: tuple[str, ...]) -> bytes:
    """The model as ONNX bytes, opset 18, static shapes, output `out`."""
    import torch

    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(
        False
    )  # one op for all of nn.MultiheadAttention, which ONNX has no name for
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            buffer = io.BytesIO()
            program = torch.onnx.export(
                model,
                inputs,
                input_names=list(names),
                output_names=["out"],
                opset_version=18,
                dynamo=True,
                verbose=False,
            )
            assert program is not None
            program.save(buffer)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return buffer.getvalue()


def seed_norms(net: Any) -> None:
    """Batch-norms as trained networks have them: statistics near those of the data, residual branches scaled down; no head of zeros."""
    import torch

    torch.manual_seed(1)
    for name, module in net.named_modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.8, 1.2)
            torch.nn.init.uniform_(module.bias, -0.1, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.8, 1.2)
            if name.endswith("bn3"):
                module.weight.data *= 0.25
        elif (
            isinstance(module, torch.nn.Linear) and not module.weight.any()
        ):  # the head of a ViT: its logits would all be 0
            torch.nn.init.normal_(module.weight, std=0.02)


class from_onnx:
    """A convnet in ONNX run by torch eager, node by node, channels-last: what a user of torch would have written by hand."""

    def __init__(self, proto: Any, half: bool = False) -> None:
        import torch
        from onnx import numpy_helper

        self.proto = proto
        self.dtype = torch.float16 if half else torch.float32
        self.weights: dict[str, Any] = {}
        for initializer in proto.graph.initializer:
            value = torch.tensor(numpy_helper.to_array(initializer)).cuda()
            if value.is_floating_point():
                value = value.to(self.dtype)
            self.weights[initializer.name] = value.to(memory_format=torch.channels_last) if value.ndim == 4 else value
        self.shapes = {name: value.tolist() for name, value in self.weights.items() if not value.is_floating_point()}

    def half(self) -> from_onnx:
        """The same network in fp16."""
        return from_onnx(self.proto, half=True)

    def __call__(self, inputs: dict[str, Any]) -> dict[str, Any]:
        import onnx
        import torch.nn.functional as F

        values = {**self.weights, **inputs}
        for node in self.proto.graph.node:
            a = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
            x = [values[name] for name in node.input]
            match node.op_type:
                case "Conv":
                    y = F.conv2d(
                        _padded(x[0], a),
                        x[1],
                        x[2] if len(x) > 2 else None,
                        a.get("strides", 1),
                        0,
                        a.get("dilations", 1),
                    )
                case "Relu":
                    y = F.relu(x[0])
                case "Add":
                    y = x[0] + x[1]
                case "MaxPool":
                    y = F.max_pool2d(_padded(x[0], a, float("-inf")), a["kernel_shape"], a["strides"])
                case "AveragePool":
                    y = F.avg_pool2d(_padded(x[0], a), a["kernel_shape"], a["strides"])
                case "Transpose":
                    y = x[0].permute(a["perm"])
                case "Reshape":
                    y = x[0].reshape(self.shapes[node.input[1]])
                case "MatMul":
                    y = x[0] @ x[1]
                case "Softmax":
                    y = F.softmax(x[0], a.get("axis", 1))
                case other:
                    raise ValueError(f"from_onnx: no torch call for {other} (node {node.name})")
            values[node.output[0]] = y
        return values


def _padded(x: Any, attributes: dict[str, Any], value: float = 0.0) -> Any:
    import torch.nn.functional as F

    top, left, bottom, right = attributes.get("pads", [0, 0, 0, 0])
    return F.pad(x, (left, right, top, bottom), value=value) if any((top, left, bottom, right)) else x
