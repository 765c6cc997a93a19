"""Models that torch runs too, for comparing times: made by torch with seeded weights, exported to ONNX where the timing is done."""

from __future__ import annotations

import io
import warnings
from typing import Any


def bert_base(batch: int, sequence: int = 128) -> tuple[Any, tuple[Any, ...]]:
    """
    BERT-base (12 layers, 768 wide) with seeded weights, without the pooler, and example inputs (ids, mask, types). The mask is additive,
    [batch, 1, sequence, sequence]: torch can then capture it in a graph, and neither side computes it from a padding mask.
    """
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(attn_implementation="eager")
    model = BertModel(config, add_pooling_layer=False).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):  # zeros, as initialised, would be folded away
            torch.nn.init.normal_(parameter, 0.0, 0.02)

    class Encoder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bert = model

        def forward(self, ids: Any, mask: Any, types: Any) -> Any:
            return self.bert(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state

    ids = torch.randint(0, config.vocab_size, (batch, sequence))
    mask = torch.zeros(batch, 1, sequence, sequence)
    mask[..., sequence - sequence // 8 :] = -10000.0
    return Encoder(), (ids, mask, torch.zeros_like(ids))


def export(model: Any, inputs: tuple[Any, ...], names: tuple[str, ...]) -> bytes:
    """The model as ONNX bytes, opset 18, static shapes, output `out`."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        buffer = io.BytesIO()
        program = torch.onnx.export(
            model, inputs, input_names=list(names), output_names=["out"], opset_version=18, dynamo=True, verbose=False
        )
        assert program is not None
        program.save(buffer)
    return buffer.getvalue()


def seed_norms(net: Any) -> None:
    """Batch-norms as trained networks have them: statistics near those of the data, residual branches scaled down."""
    import torch

    torch.manual_seed(1)
    for name, module in net.named_modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.8, 1.2)
            torch.nn.init.uniform_(module.bias, -0.1, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.8, 1.2)
            if name.endswith("bn3"):
                module.weight.data *= 0.25


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
