"""Networks for text: encoders, decoders with caches, mixtures of experts, state spaces."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from specs import B, Case, I, N, module
from torch import Tensor, nn

VOCABULARY = 20


class Bert(nn.Module):
    """Token types, a padding mask, a pooler."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.places, self.types = nn.Embedding(VOCABULARY, 16), nn.Embedding(32, 16), nn.Embedding(2, 16)
        self.norm, self.pooler = nn.LayerNorm(16, eps=1e-12), nn.Linear(16, 16)
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(16, 2, 32, activation="gelu", batch_first=True), 2, enable_nested_tensor=False
        )

    def forward(self, ids: Tensor, types: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        places = torch.arange(ids.size(1)).unsqueeze(0).expand_as(ids)
        x = self.norm(self.tokens(ids) + self.places(places) + self.types(types))
        bias = (1.0 - mask[:, None, None, :].float()) * torch.finfo(torch.float32).min
        x = self.encoder(x, mask=bias.expand(-1, 2, ids.size(1), -1).reshape(-1, ids.size(1), ids.size(1)))
        return x, torch.tanh(self.pooler(x[:, 0]))


class SelfAttention(nn.Module):
    """Causal attention with a cache: the new keys and values are appended."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        batch, length, width = x.shape
        q, k, v = self.qkv(x).split(width, dim=2)
        q, k, v = (t.view(batch, length, self.heads, width // self.heads).transpose(1, 2) for t in (q, k, v))
        k, v = torch.cat((past[0], k), dim=-2), torch.cat((past[1], v), dim=-2)
        scores = q @ k.transpose(-1, -2) / (v.size(-1) ** 0.5)
        causal = torch.ones(k.size(-2), k.size(-2), dtype=torch.bool).tril()[k.size(-2) - length :, :]
        scores = torch.where(causal, scores, torch.full([], torch.finfo(torch.float32).min))
        y = (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, width)
        return self.out(y), torch.stack((k, v))


class GPT2(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.places, self.attention = (
            nn.Embedding(VOCABULARY, 16),
            nn.Embedding(64, 16),
            SelfAttention(16, 2),
        )
        self.norm1, self.norm2 = nn.LayerNorm(16), nn.LayerNorm(16)
        self.mlp = nn.Sequential(nn.Linear(16, 64), nn.GELU(approximate="tanh"), nn.Linear(64, 16))

    def forward(self, ids: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        start = past.size(-2)
        x = self.tokens(ids) + self.places(torch.arange(start, start + ids.size(1)))
        y, past = self.attention(self.norm1(x), past)
        x = x + y
        x = x + self.mlp(self.norm2(x))
        return F.linear(x, self.tokens.weight), past


class T5Attention(nn.Module):
    """Relative positions in logarithmic buckets."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(16, 16, bias=False) for _ in range(4))
        self.bias = nn.Embedding(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        q, k, v = (t(x).view(batch, -1, 2, 8).transpose(1, 2) for t in (self.q, self.k, self.v))
        distance = torch.arange(length)[None, :] - torch.arange(length)[:, None]
        bucket = (distance > 0).to(torch.long) * 4
        distance = distance.abs()
        large = 2 + (torch.log(distance.float() / 2) / 2.0 * 2).to(torch.long)
        large = torch.min(large, torch.full_like(large, 3))
        bucket = bucket + torch.where(distance < 2, distance, large)
        scores = q @ k.transpose(3, 2) + self.bias(bucket).permute(2, 0, 1).unsqueeze(0)
        weights = F.softmax(scores.float(), dim=-1).type_as(scores)
        return self.out((weights @ v).transpose(1, 2).contiguous().view(batch, -1, 16))


class RMS(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(width) + 0.5)

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * (x * torch.rsqrt(x.to(torch.float32).pow(2).mean(-1, keepdim=True) + 1e-6)).to(x.dtype)


class T5(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.norm, self.attention, self.norm2 = (
            nn.Embedding(VOCABULARY, 16),
            RMS(16),
            T5Attention(),
            RMS(16),
        )
        self.up, self.gate, self.down = (nn.Linear(a, b, bias=False) for a, b in ((16, 32), (16, 32), (32, 16)))

    def forward(self, ids: Tensor) -> Tensor:
        x = self.tokens(ids)
        x = x + self.attention(self.norm(x))
        y = self.norm2(x)
        return x + self.down(F.gelu(self.gate(y), approximate="tanh") * self.up(y))


def rotated(x: Tensor, angles: Tensor) -> Tensor:
    half = torch.cat((-x[..., x.shape[-1] // 2 :], x[..., : x.shape[-1] // 2]), dim=-1)
    return x * angles.cos() + half * angles.sin()


class Llama(nn.Module):
    """Rotary positions, grouped queries, SwiGLU."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.norm, self.norm2 = nn.Embedding(VOCABULARY, 16), RMS(16), RMS(16)
        self.q, self.kv, self.out = (
            nn.Linear(16, 16, bias=False),
            nn.Linear(16, 8, bias=False),
            nn.Linear(16, 16, bias=False),
        )
        self.gate, self.up, self.down = (
            nn.Linear(16, 24, bias=False),
            nn.Linear(16, 24, bias=False),
            nn.Linear(24, 16, bias=False),
        )
        self.register_buffer("frequencies", 1.0 / (100 ** (torch.arange(0, 4, 2).float() / 4)))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        batch, length = ids.shape
        x = self.tokens(ids)
        y = self.norm(x)
        places = (mask.long().cumsum(-1) - 1).masked_fill(mask == 0, 1)
        angles = places[:, None, :, None].float() * torch.cat((self.frequencies, self.frequencies))
        q = rotated(self.q(y).view(batch, length, 4, 4).transpose(1, 2), angles)
        k, v = self.kv(y).view(batch, length, 2, 4).transpose(1, 2).chunk(2, 1)
        k = rotated(k, angles)
        k, v = (t[:, :, None].expand(batch, 1, 4, length, 4).reshape(batch, 4, length, 4) for t in (k, v))
        causal = torch.full((length, length), torch.finfo(x.dtype).min).triu(1)
        padding = (causal[None, None] + mask[:, None, None, :].float()) == 0
        bias = causal[None, None].masked_fill(padding & (mask[:, None, None, :] == 0), torch.finfo(x.dtype).min)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=bias).transpose(1, 2).reshape(batch, length, 16)
        x = x + self.out(y)
        y = self.norm2(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class MoE(nn.Module):
    """The two best of four experts for each token, all computed and weighed."""

    def __init__(self) -> None:
        super().__init__()
        self.router, self.up, self.down = (
            nn.Linear(8, 4),
            nn.Parameter(torch.randn(4, 8, 16)),
            nn.Parameter(torch.randn(4, 16, 8)),
        )

    def forward(self, x: Tensor) -> Tensor:
        flat = x.reshape(-1, x.shape[-1])
        weights, chosen = torch.topk(self.router(flat).softmax(-1), 2, dim=-1)
        weights = weights / weights.sum(-1, keepdim=True)
        gates = torch.zeros(flat.shape[0], 4).scatter(1, chosen, weights)
        hidden = F.silu(torch.einsum("td,edh->teh", flat, self.up))
        return torch.einsum("teh,ehd,te->td", hidden, self.down, gates).view(x.shape)


class SparseMoE(nn.Module):
    """The weights of the chosen expert are gathered for each token."""

    def __init__(self) -> None:
        super().__init__()
        self.router, self.weight = nn.Linear(8, 4), nn.Parameter(torch.randn(4, 8, 8))

    def forward(self, x: Tensor) -> Tensor:
        score, chosen = self.router(x).softmax(-1).max(-1)
        return (x.unsqueeze(-2) @ self.weight[chosen]).squeeze(-2) * score.unsqueeze(-1)


class Mamba(nn.Module):
    """A gated state space: the recurrence in closed form by cumulated sums."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.conv, self.out = nn.Linear(8, 32), nn.Conv1d(16, 16, 4, groups=16, padding=3), nn.Linear(16, 8)
        self.project, self.step, self.decay = nn.Linear(16, 8), nn.Linear(16, 16), nn.Parameter(torch.rand(16, 4))

    def forward(self, x: Tensor) -> Tensor:
        length = x.size(1)
        x, gate = self.enter(x).chunk(2, -1)
        x = F.silu(self.conv(x.transpose(1, 2))[..., :length].transpose(1, 2))
        b, c = self.project(x).chunk(2, -1)
        step = F.softplus(self.step(x))
        decay = (step[..., None] * -torch.exp(self.decay)).cumsum(1)
        states = ((step * x)[..., None] * b[:, :, None] * torch.exp(-decay)).cumsum(1) * torch.exp(decay)
        return self.out((states * c[:, :, None]).sum(-1) * F.silu(gate))


class Seq2Seq(nn.Module):
    """A GRU encoder, and a decoder that attends to it at each of three steps."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.encoder, self.cell = (
            nn.Embedding(VOCABULARY, 8),
            nn.GRU(8, 12, batch_first=True),
            nn.GRUCell(20, 12),
        )
        self.start, self.feed, self.end = (
            nn.Parameter(torch.randn(8)),
            nn.Linear(VOCABULARY, 8),
            nn.Linear(12, VOCABULARY),
        )

    def forward(self, ids: Tensor) -> Tensor:
        memory, state = self.encoder(self.tokens(ids))
        state, word = state[0], self.start.expand(ids.shape[0], -1)
        outputs = []
        for _ in range(3):
            weights = torch.bmm(memory, state.unsqueeze(-1)).squeeze(-1).softmax(-1)
            context = torch.bmm(weights.unsqueeze(1), memory).squeeze(1)
            state = self.cell(torch.cat((word, context), -1), state)
            outputs.append(self.end(state))
            word = self.feed(outputs[-1])
        return torch.stack(outputs, 1)


class TextCNN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.end = nn.Embedding(VOCABULARY, 8), nn.Linear(12, 3)
        self.convs = nn.ModuleList([nn.Conv1d(8, 4, size) for size in (2, 3, 4)])

    def forward(self, ids: Tensor) -> Tensor:
        x = self.tokens(ids).transpose(1, 2)
        return self.end(torch.cat([F.relu(each(x)).amax(-1) for each in self.convs], -1))


class Tagger(nn.Module):
    """A BiLSTM with the scores of a CRF's best paths, four steps of Viterbi."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.lstm, self.end = (
            nn.Embedding(VOCABULARY, 8),
            nn.LSTM(8, 6, bidirectional=True, batch_first=True),
            nn.Linear(12, 4),
        )
        self.transitions = nn.Parameter(torch.randn(4, 4))

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        scores = self.end(self.lstm(self.tokens(ids))[0])
        best = scores[:, 0]
        for step in range(1, 4):
            best, last = (best.unsqueeze(-1) + self.transitions).max(1)
            best = best + scores[:, step]
        return best, last


class Clip(nn.Module):
    """An image and texts: the text's feature is at its end token, which is its greatest id."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.tokens = nn.Conv2d(3, 8, 4, 4), nn.Embedding(VOCABULARY, 8)
        self.layer, self.scale = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), nn.Parameter(torch.tensor(2.6))

    def forward(self, image: Tensor, ids: Tensor) -> Tensor:
        image = self.patch(image).flatten(2).mean(-1)
        mask = torch.full((ids.shape[1], ids.shape[1]), float("-inf")).triu(1)
        text = self.layer(self.tokens(ids), src_mask=mask)
        text = text[torch.arange(text.shape[0]), ids.argmax(dim=-1)]
        image, text = image / image.norm(dim=-1, keepdim=True), text / text.norm(dim=-1, keepdim=True)
        return self.scale.exp() * image @ text.t()


TEXT: tuple[Case, ...] = (
    module("net_bert", Bert, I("n", "l", high=VOCABULARY), I("n", "l", high=2), I("n", "l", low=1, high=2)),
    module("net_gpt2", GPT2, I("n", 3, high=VOCABULARY), N(2, "n", 2, "l", 8)),
    module("net_t5", T5, I("n", "l", high=VOCABULARY)),
    module("net_llama", Llama, I("n", "l", high=VOCABULARY), B("n", "l")),
    module("net_moe", MoE, N("n", 5, 8)),
    module("net_sparse_moe", SparseMoE, N("n", 5, 8)),
    module("net_mamba", Mamba, N("n", "l", 8)),
    module("net_seq2seq", Seq2Seq, I("n", "l", high=VOCABULARY)),
    module("net_text_cnn", TextCNN, I("n", 7, high=VOCABULARY)),
    module("net_tagger", Tagger, I("n", 6, high=VOCABULARY)),
    module("net_clip", Clip, N(3, 3, 8, 8), I("n", 7, high=VOCABULARY)),
)
