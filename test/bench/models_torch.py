"""Models for timing beside torch: made by torch with seeded weights, exported to ONNX where the timing is done."""

from __future__ import annotations

import io
import warnings
from typing import Any


def bert_base(batch: int, sequence: int = 128) -> tuple[Any, tuple[Any, ...]]:
    """BERT-base (12 layers, 768 wide) with seeded weights, without the pooler, and example inputs (ids, mask, types)."""
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(attn_implementation="eager")
    model = BertModel(config, add_pooling_layer=False).eval()

    class Encoder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bert = model

        def forward(self, ids: Any, mask: Any, types: Any) -> Any:
            return self.bert(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state

    ids = torch.randint(0, config.vocab_size, (batch, sequence))
    mask = torch.ones(batch, sequence, dtype=torch.int64)
    mask[:, sequence - sequence // 8 :] = 0
    return Encoder(), (ids, mask, torch.zeros_like(ids))


def export(model: Any, inputs: tuple[Any, ...], names: tuple[str, ...]) -> bytes:
    """The model as ONNX bytes, opset 18, static shapes, output `out`."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        buffer = io.BytesIO()
        program = torch.onnx.export(model, inputs, input_names=list(names), output_names=["out"], opset_version=18, dynamo=True, verbose=False)
        assert program is not None
        program.save(buffer)
    return buffer.getvalue()
