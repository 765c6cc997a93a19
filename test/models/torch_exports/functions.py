"""Functions, modules and methods of torch that models use, each with inputs that show what is odd about it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from specs import B, Case, I, N, U, function, module
from torch import nn

inf = float("inf")


def _masked_mean(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    weights = mask.to(x.dtype).unsqueeze(-1)
    return (x * weights).sum(1) / weights.sum(1).clamp(min=1e-9)


def _set_slice(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = x.clone()
    out[:, 1:3] = y
    return out


def _add_at(x: torch.Tensor, rows: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return x.index_put((rows,), y, accumulate=True)


def _windows(x: torch.Tensor) -> torch.Tensor:
    x = x.view(x.size(0), x.size(1) // 4, 4, x.size(2) // 4, 4, 3)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, 16, 3)


ACTIVATIONS: tuple[Case, ...] = (
    function("relu6", F.relu6, N("n", 7, scale=4)),
    function("leaky_relu", lambda x: F.leaky_relu(x, 0.2), N("n", 7)),
    module("prelu", lambda: nn.PReLU(5), N("n", 5, 3)),
    function("elu_celu_selu", lambda x: (F.elu(x, 0.5), F.celu(x, 2.0), F.selu(x)), N("n", 7)),
    function("gelu", F.gelu, N("n", 7)),
    function("gelu_tanh", lambda x: F.gelu(x, approximate="tanh"), N("n", 7)),
    function("silu", F.silu, N("n", 7)),
    function("mish", F.mish, N("n", 7)),
    function("hardswish", F.hardswish, N("n", 7, scale=3)),
    function("hardsigmoid", F.hardsigmoid, N("n", 7, scale=3)),
    function("hardtanh", lambda x: F.hardtanh(x, -0.5, 0.7), N("n", 7)),
    function("hardshrink", lambda x: F.hardshrink(x, 0.3), N("n", 7)),
    function("softshrink", lambda x: F.softshrink(x, 0.3), N("n", 7)),
    function("tanhshrink", F.tanhshrink, N("n", 7)),
    function("softplus", lambda x: F.softplus(x, beta=2.0), N("n", 7, scale=3)),
    function("softsign_logsigmoid", lambda x: (F.softsign(x), F.logsigmoid(x)), N("n", 7, scale=5)),
    function("threshold", lambda x: F.threshold(x, 0.1, 20.0), N("n", 7)),
    function("glu", lambda x: F.glu(x, dim=-1), N("n", 8)),
    function("softmax", lambda x: F.softmax(x, dim=1), N("n", 5, 4)),
    function("log_softmax", lambda x: F.log_softmax(x, dim=-1), N("n", 5, "l")),
    function("softmin_float16", lambda x: F.softmin(x, dim=-1), N(3, 8, dtype=torch.float16), error=1e-2),
    function("rrelu", F.rrelu, N(3, 4)),
)

ARITHMETIC: tuple[Case, ...] = (
    function("add_alpha", lambda x, y: torch.add(x, y, alpha=2.5) - 3, N("n", 5), N(5)),
    function("rsub_integers", lambda x: 10 - 3 * x, I("n", 5)),
    function("mixed_types", lambda x, y: x * y + y, N(3, 5), I(3, 5)),
    function("div_floor", lambda x, y: torch.div(x, y, rounding_mode="floor"), N(3, 5, scale=9), N(3, 5)),
    function("div_trunc", lambda x, y: torch.div(x, y, rounding_mode="trunc"), N(3, 5, scale=9), N(3, 5)),
    function("floor_divide_integers", lambda x, y: x // y, I(3, 5, low=-20, high=20), I(3, 5, low=1, high=7)),
    function("true_divide_integers", lambda x, y: x / y, I(3, 5, low=-20, high=20), I(3, 5, low=1, high=7)),
    function("fmod", lambda x, y: torch.fmod(x, y), N(3, 5, scale=9), N(3, 5)),
    function("remainder", lambda x, y: (torch.remainder(x, y), x % 3), N(3, 5, scale=9), N(3, 5)),
    function("remainder_integers", lambda x: (x % 5, torch.fmod(x, 5)), I(3, 5, low=-20, high=20)),
    function("pow", lambda x, y: (x**y, x**2, x**0.5, 2**x), U(3, 5), N(3, 5)),
    function("sqrt_rsqrt", lambda x: (x.sqrt(), x.rsqrt(), x.square(), x.reciprocal()), U("n", 5)),
    function("exp_family", lambda x: (x.exp(), x.exp2(), x.expm1()), N(3, 5)),
    function("log_family", lambda x: (x.log(), x.log2(), x.log10(), x.log1p()), U(3, 5)),
    function("signs", lambda x: (x.abs(), -x, x.sign(), x.signbit()), N(3, 5)),
    function("rounding", lambda x: (x.floor(), x.ceil(), x.round(), x.trunc(), x.frac()), N(3, 5, scale=4)),
    function("round_decimals", lambda x: torch.round(x, decimals=2), N(3, 5)),
    function("trigonometric", lambda x: (x.sin(), x.cos(), x.tan()), N(3, 5)),
    function("inverse_trigonometric", lambda x: (x.asin(), x.acos(), x.atan()), U(3, 5, low=-0.9)),
    function("hyperbolic", lambda x: (x.sinh(), x.cosh(), x.tanh()), N(3, 5)),
    function("inverse_hyperbolic", lambda x: (x.asinh(), (x + 1).acosh(), x.atanh()), U(3, 5)),
    function("atan2", torch.atan2, N(3, 5), N(3, 5)),
    function("erf", lambda x: (x.erf(), x.erfc()), N(3, 5)),
    function("sigmoid_logit", lambda x: (x.sigmoid(), x.logit(eps=1e-6)), U(3, 5)),
    function("clamp", lambda x: (x.clamp(-0.5, 0.5), x.clamp(min=0.1), x.clamp_max(0.3)), N("n", 5)),
    function("clamp_tensors", lambda x, a, b: torch.clamp(x, a, b), N(3, 5), U(5, low=-1, high=-0.5), U(5)),
    function("minimum_maximum", lambda x, y: (torch.minimum(x, y), torch.maximum(x, y)), N(3, 5), N(3, 5)),
    function("lerp_addcmul", lambda x, y, z: (torch.lerp(x, y, 0.3), torch.addcmul(x, y, z, value=0.5)),
             N(3, 5), N(3, 5), N(3, 5)),
    function("logaddexp", torch.logaddexp, N(3, 5), N(3, 5)),
    function("nan_to_num", lambda x: torch.nan_to_num(x / x.round(), 1.0, 2.0, 3.0), N(3, 5, scale=0.6)),
    function("isnan_isinf", lambda x: ((x / x.round()).isnan(), (1 / x.round()).isinf(), (1 / x.round()).isfinite()),
             N(3, 5, scale=0.6)),
    function("comparisons", lambda x, y: (x > y, x >= y, x < 1, x <= 2, x == y, x != y), I(3, 5, high=4), I(3, 5, high=4)),
    function("boolean", lambda a, b: (a & b, a | b, a ^ b, ~a, torch.logical_and(a, b)), B(3, 5), B(3, 5)),
    function("boolean_arithmetic", lambda a, b, x: (a * x, a.sum(1), a.int() + b, a.float().mean()), B(3, 5), B(3, 5), N(3, 5)),
    function("bitwise", lambda a, b: (a & b, a | b, a ^ b, ~a), I(3, 5, high=64), I(3, 5, high=64)),
    function("shifts", lambda a, b: (a << b, a >> b), I(3, 5, high=64), I(3, 5, high=5)),
    function("where", lambda c, x, y: (torch.where(c, x, y), torch.where(x > 0, x, 0.0)), B("n", 5), N("n", 5), N(5)),
    function("masked_fill", lambda x, m: x.masked_fill(m, -inf).softmax(-1), N("n", 5, 4), B(5, 1)),
    function("casts", lambda x: (x.int(), x.long(), x.half(), x.double(), x.bool(), x.to(torch.uint8)), U(3, 5, high=200)),
    function("scalars", lambda x, s: (x * s, s + 1, torch.tensor(2.0) * s), N(3, 5), N()),
    function("double", lambda x: (x @ x.T).exp().mean(), N(4, 4, dtype=torch.float64)),
)  # fmt: skip

REDUCTIONS: tuple[Case, ...] = (
    function("sum_mean", lambda x: (x.sum(), x.mean((1, 2)), x.sum(-1, keepdim=True)), N("n", 5, 4)),
    function("prod", lambda x: (x.prod(1), x.prod()), N(3, 5)),
    function("amax_amin", lambda x: (x.amax((0, 2)), x.amin(-1), x.max(), x.min()), N("n", 5, 4)),
    function("max_with_indices", lambda x: torch.max(x, dim=1), N("n", 5, 4)),
    function("argmax_argmin", lambda x: (x.argmax(), x.argmax(1), x.argmin(-1, keepdim=True)), N("n", 5, 4)),
    function("any_all", lambda m: (m.any(), m.all(1), m.any(-1)), B("n", 5)),
    function("var_std", lambda x: (x.var(1), x.std(-1, unbiased=False), torch.var_mean(x, dim=1)), N("n", 5, 4)),
    function("norms", lambda x: (x.norm(), x.norm(1, dim=1), torch.linalg.vector_norm(x, 3, dim=-1)), N("n", 5)),
    function("norm_inf", lambda x: torch.linalg.vector_norm(x, inf, dim=-1), N("n", 5)),
    function("normalize", lambda x: (F.normalize(x, dim=1), F.cosine_similarity(x[:, :4], x[:, 4:])), N("n", 8)),
    function("logsumexp", lambda x: (x.logsumexp(1), x.logsumexp((0, 1))), N("n", 5, scale=30)),
    function("cumsum", lambda x, i: (x.cumsum(1), i.cumsum(-1), i.bool().long().cumsum(0)), N("n", "l"), I(3, 5)),
    function("cumprod", lambda x: x.cumprod(1), N(3, 5)),
    function("logcumsumexp", lambda x: x.logcumsumexp(1), N(3, 5)),
    function("masked_mean", _masked_mean, N("n", "l", 4), B("n", "l")),
    function("median_like", lambda x: x.sort(-1)[0][..., x.shape[-1] // 2], N(3, 7)),
    function("cdist", torch.cdist, N(2, 5, 3), N(2, 4, 3)),
    function("cross", lambda x, y: torch.linalg.cross(x, y), N(4, 3), N(4, 3)),
)

SHAPES: tuple[Case, ...] = (
    function("reshape_views", lambda x: (x.view(x.size(0), -1), x.flatten(1), x.reshape(-1)), N("n", 5, 4)),
    function("unflatten", lambda x: x.unflatten(1, (2, 3)).transpose(1, 2), N("n", 6)),
    function("permute", lambda x: (x.permute(2, 0, 1), x.transpose(-1, -2), x.movedim(0, -1)), N("n", 5, 4)),
    function("squeeze", lambda x: (x.squeeze(1), x.unsqueeze(-1), x.squeeze()), N("n", 1, 4)),
    function("expand_repeat", lambda x: (x.expand(-1, 3, -1), x.repeat(1, 2, 3), x.tile(2)), N("n", 1, 4)),
    function("repeat_interleave", lambda x: x.repeat_interleave(3, dim=1), N("n", 5)),
    function("cat_stack", lambda x, y: (torch.cat([x, y], 1), torch.stack([x, x], -1), torch.hstack([x, y])), N("n", 5), N("n", 3)),
    function("cat_empty", lambda x: torch.cat([x[:0], x, x[:, :0].sum(1, keepdim=True).expand(-1, 5)]), N(3, 5)),
    function("split_chunk", lambda x: (*x.split((1, 2, 2), 1), *x.chunk(2, -1), *x.unbind(1)), N("n", 5, 4)),
    function("tensor_split", lambda x: torch.tensor_split(x, 3, dim=1), N(3, 7)),
    function("flip", lambda x: (x.flip(1), x.flip((0, -1))), N("n", 5, 4)),
    function("roll", lambda x: (x.roll(2, 1), torch.roll(x, (1, -1), (1, 2)), x.roll(1)), N(2, 5, 4)),
    function("rot90", lambda x: torch.rot90(x, 1, (1, 2)), N(2, 5, 4)),
    function("diagonal", lambda x: (x.diagonal(dim1=-2, dim2=-1), torch.diag_embed(x[0])), N(2, 4, 4)),
    function("triu_tril", lambda x: (x.triu(1), x.tril(-1)), N("n", 5, 5)),
    function("causal_mask", lambda x: x.masked_fill(torch.ones(x.size(-1), x.size(-1)).triu(1).bool(), -inf), N("n", "l", "l")),
    function("meshgrid", lambda x, y: torch.meshgrid(x, y, indexing="ij"), N(3), N(4)),
    function("arange_positions", lambda x: x + torch.arange(x.size(1)).unsqueeze(0), N("n", "l")),
    function("linspace_full", lambda x: (x + torch.linspace(0, 1, 5), torch.full_like(x, 2), torch.zeros_like(x), x.new_ones(2)),
             N("n", 5)),
    function("eye", lambda x: x @ torch.eye(5) + torch.eye(x.size(1)), N(5, 5)),
    function("pixel_shuffle", lambda x: F.pixel_shuffle(x, 2), N("n", 8, 3, 4)),
    function("pixel_unshuffle", lambda x: F.pixel_unshuffle(x, 2), N("n", 2, 4, 6)),
    function("channel_shuffle", lambda x: F.channel_shuffle(x, 2), N("n", 6, 3, 4)),
    function("unfold", lambda x: F.unfold(x, 3, padding=1, stride=2), N(2, 3, 8, 8)),
    function("fold", lambda x: F.fold(x, (6, 6), 2, stride=2), N(2, 12, 9)),
    function("tensor_unfold", lambda x: x.unfold(1, 4, 2), N("n", 10)),
    function("pad_constant", lambda x: (F.pad(x, (1, 2, 0, 1), value=3.0), F.pad(x, (-1, 1))), N("n", 3, 5)),
    function("pad_reflect", lambda x: F.pad(x, (1, 2, 2, 1), mode="reflect"), N(2, 3, 5, 6)),
    function("pad_replicate", lambda x: F.pad(x, (1, 2, 2, 1), mode="replicate"), N(2, 3, 5, 6)),
    function("pad_circular", lambda x: F.pad(x, (1, 2), mode="circular"), N(2, 3, 6)),
    function("size_arithmetic", lambda x: x[:, : (x.size(1) * 3 + 1) // 4].reshape(x.size(0), -1, 1), N("n", "l")),
    function("window_partition", _windows, N("n", "h", "w", 3)),
)  # fmt: skip

INDEXING: tuple[Case, ...] = (
    function("slices", lambda x: (x[:, 1:-1], x[..., ::2], x[0], x[:, -1], x[:, None, 2:]), N("n", 5, 4)),
    function("index_list", lambda x: (x[:, [0, 2, 4]], x[:, torch.tensor([[1, -1], [0, 2]])]), N("n", 5)),
    function("index_tensors", lambda x, i, j: (x[i, j], x[:, i]), N(5, 5, 4), I(6, high=5), I(6, high=5)),
    function("index_select", lambda x, i: (x.index_select(1, i), x.take_along_dim(i[None], 1)), N(3, 5), I(3, high=5)),
    function("gather", lambda x, i: torch.gather(x, 1, i), N("n", 5), I("n", 3, high=5)),
    function("take", lambda x, i: torch.take(x, i), N(3, 5), I(2, 3, high=15)),
    function("set_slice", _set_slice, N("n", 5), N("n", 2)),
    function("scatter", lambda x, i, s: x.scatter(0, i, s), N(5, 4), I(1, 4, high=5), N(1, 4)),
    function("scatter_add", lambda x, i, s: x.scatter_add(0, i, s), N(5, 4), I(7, 4, high=5), N(7, 4)),
    function("scatter_reduce", lambda x, i, s: x.scatter_reduce(0, i, s, "amax"), N(5, 4), I(7, 4, high=5), N(7, 4)),
    function("index_add", lambda x, i, s: x.index_add(0, i, s), N(5, 4), I(7, high=5), N(7, 4)),
    function(
        "index_apart",
        lambda x, i, j, v: x.index_put((i[:, None], torch.arange(4)[None], j[:, None]), v),
        N(5, 4, 6),
        I(3, high=5),
        I(3, high=6),
        N(3, 4),
    ),
    function(
        "scatter_kinds",
        lambda x, i, s: (x.scatter_reduce(1, i, s, "mean", include_self=False), x.scatter_reduce(0, i, s, "prod")),
        N(5, 5),
        I(5, 3, high=5),
        N(5, 3),
    ),
    function("index_put", _add_at, N(5, 4), I(7, high=5), N(7, 4)),
    function("index_copy", lambda x, s: x.index_copy(0, torch.tensor([3, 0]), s), N(5, 4), N(2, 4)),
    function("index_fill", lambda x: x.index_fill(1, torch.tensor([3, 0]), -1.0), N(3, 4)),
    function("slice_scatter", lambda x, s: x.slice_scatter(s, 1, 1, 5, 2), N(3, 6), N(3, 2)),
    function("topk", lambda x: torch.topk(x, 3, dim=-1), N("n", 7)),
    function("topk_smallest", lambda x: torch.topk(x, 2, dim=0, largest=False), N(5, 4)),
    function("sort", lambda x: torch.sort(x, dim=-1, descending=True), N("n", 7)),
    function("argsort", lambda x: x.argsort(dim=0), N(7, 3)),
    function("one_hot", lambda i: F.one_hot(i, 10), I("n", 5)),
    function("nonzero", lambda x: (x > 0.3).nonzero(), N(4, 5)),
    function("masked_select", lambda x: (x.masked_select(x > 0.3), x[x < 0]), N(4, 5)),
    function("masked_scatter", lambda x, m, y: x.masked_scatter(m, y), N(4, 5), B(4, 5), N(4, 5)),
    function("unique", lambda i: torch.unique(i, return_inverse=True, return_counts=True), I(9, high=5)),
    function("bucketize", lambda x: torch.bucketize(x, torch.tensor([-1.0, 0.0, 1.0])), N(3, 5)),
    function("searchsorted", lambda s, x: torch.searchsorted(s.sort(-1)[0], x), N(3, 8), N(3, 5)),
    function("bincount", lambda i: torch.bincount(i, minlength=6), I(9, high=5)),
)

PRODUCTS: tuple[Case, ...] = (
    module("linear", lambda: nn.Linear(6, 5), N("n", "l", 6)),
    module("bilinear", lambda: nn.Bilinear(4, 5, 3), N("n", 4), N("n", 5)),
    function("matmul", lambda x, y: (x @ y, x[0] @ y[0, :, 0], torch.mv(x[0], y[0, :, 0])), N("n", 5, 4), N("n", 4, 6)),
    function("bmm_baddbmm", lambda b, x, y: torch.baddbmm(b, x, y, beta=0.5, alpha=2), N("n", 5, 6), N("n", 5, 4), N("n", 4, 6)),
    function("addmm_outer", lambda b, x, y: (torch.addmm(b, x, y), torch.outer(b, b), x[0] @ b[:4]), N(6), N("n", 4), N(4, 6)),
    function("integer_matmul", lambda x, y: x @ y, I(3, 4), I(4, 5)),
    function("einsum", lambda q, k: torch.einsum("bhid,bhjd->bhij", q, k), N("n", 2, "l", 4), N("n", 2, "l", 4)),
    function("einsum_three", lambda a, b, c: torch.einsum("ni,ijk,nk->nj", a, b, c), N(3, 4), N(4, 5, 6), N(3, 6)),
    function("tensordot_kron", lambda x, y: (torch.tensordot(x, y, 1), torch.kron(x, y)), N(3, 4), N(4, 2)),
    module("embedding", lambda: nn.Embedding(10, 6, padding_idx=0), I("n", "l")),
    module("embedding_bag", lambda: nn.EmbeddingBag(10, 6, mode="mean"), I("n", 5)),
    module("multihead_attention", lambda: Attend(nn.MultiheadAttention(8, 2, batch_first=True)), N("n", "l", 8)),
    function("attention", F.scaled_dot_product_attention, N("n", 2, "l", 4), N("n", 2, "l", 4), N("n", 2, "l", 4)),
    function("attention_causal", lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
             N("n", 2, "l", 4), N("n", 2, "l", 4), N("n", 2, "l", 4)),
    function("attention_mask", lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, attn_mask=m, scale=0.3),
             N(2, 2, 6, 4), N(2, 2, 6, 4), N(2, 2, 6, 4), N(6, 6)),
    function("attention_groups", lambda q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True),
             N("n", 4, "l", 4), N("n", 2, "l", 4), N("n", 2, "l", 4)),
    function("attention_boolean", lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, attn_mask=m | (torch.arange(m.shape[-1]) < 1)),
             N("n", 2, "l", 4), N("n", 2, "l", 4), N("n", 2, "l", 4), B("n", 1, 1, "l")),
    function("einsum_kinds", lambda a, b: (torch.einsum("ij->ji", a), torch.einsum("ij,ji->", a, b), torch.einsum("ii->i", a[:, :3])),
             N(3, 4), N(4, 3)),
    function("einsum_ellipsis", lambda a, b: torch.einsum("...ij,...jk->...ik", a, b), N("n", 2, 3, 4), N("n", 2, 4, 4)),
    module("transformer_layer", lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), N("n", "l", 8)),
    module("lstm", lambda: nn.LSTM(4, 5, num_layers=2, bidirectional=True, batch_first=True), N("n", "l", 4)),
    module("gru", lambda: nn.GRU(4, 5, batch_first=True), N("n", "l", 4)),
    module("rnn", lambda: nn.RNN(4, 5, nonlinearity="relu"), N("l", "n", 4)),
    module("lstm_cell", lambda: nn.LSTMCell(4, 5), N("n", 4)),
)  # fmt: skip


class Attend(nn.Module):
    """Self-attention with its averaged weights."""

    def __init__(self, attention: nn.MultiheadAttention) -> None:
        super().__init__()
        self.attention = attention

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.attention(x, x, x)


WINDOWS: tuple[Case, ...] = (
    module("conv1d", lambda: nn.Conv1d(4, 6, 3, padding=2, dilation=2), N("n", 4, "l")),
    module("conv1d_same", lambda: nn.Conv1d(4, 6, 4, padding="same"), N("n", 4, 9)),
    module("conv2d", lambda: nn.Conv2d(3, 6, 3, stride=2, padding=1), N("n", 3, "h", "w")),
    module("conv2d_reflect", lambda: nn.Conv2d(3, 6, 3, padding=1, padding_mode="reflect"), N(2, 3, 6, 7)),
    module("conv2d_depthwise", lambda: nn.Conv2d(6, 12, 3, groups=6, bias=False), N("n", 6, 8, 8)),
    module("conv3d", lambda: nn.Conv3d(2, 4, (1, 3, 3), padding=(0, 1, 1)), N("n", 2, 3, 5, 5)),
    function("conv2d_weights", lambda x, w: F.conv2d(x, w), N(2, 3, 6, 6), N(4, 3, 3, 3)),
    module("conv_transpose1d", lambda: nn.ConvTranspose1d(4, 3, 4, stride=2, padding=1), N("n", 4, "l")),
    module("conv_transpose2d", lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2), N("n", 4, 5, 5)),
    module("conv_transpose3d", lambda: nn.ConvTranspose3d(2, 3, 2, stride=2), N(2, 2, 3, 3, 3)),
    module("max_pool1d", lambda: nn.MaxPool1d(3, stride=2, padding=1), N("n", 4, 9)),
    module("max_pool2d", lambda: nn.MaxPool2d(3, stride=2, ceil_mode=True), N("n", 4, 8, 9)),
    module("max_pool_indices", lambda: nn.MaxPool2d(2, return_indices=True), N("n", 3, 6, 6)),
    function("max_unpool", lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2), N(2, 3, 6, 6)),
    module("max_pool3d", lambda: nn.MaxPool3d(2), N(2, 2, 4, 4, 4)),
    module("avg_pool1d", lambda: nn.AvgPool1d(3, stride=2, padding=1), N("n", 4, 9)),
    module("avg_pool2d", lambda: nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False), N("n", 4, 8, 9)),
    module("avg_pool3d", lambda: nn.AvgPool3d(2), N(2, 2, 4, 4, 4)),
    module("lp_pool", lambda: nn.LPPool2d(2, 2), U(2, 3, 6, 6)),
    module("adaptive_avg_pool", lambda: nn.AdaptiveAvgPool2d(1), N("n", 4, "h", "w")),
    module("adaptive_avg_pool_3x2", lambda: nn.AdaptiveAvgPool2d((3, 2)), N("n", 4, 9, 8)),
    module("adaptive_max_pool", lambda: nn.AdaptiveMaxPool2d(2), N("n", 4, 8, 8)),
    function("interpolate_nearest", lambda x: F.interpolate(x, scale_factor=2), N("n", 3, "h", "w")),
    function("interpolate_nearest_size", lambda x: F.interpolate(x, size=(7, 9)), N("n", 3, 5, 6)),
    function("interpolate_exact", lambda x: F.interpolate(x, size=(7, 9), mode="nearest-exact"), N(2, 3, 5, 6)),
    function("interpolate_linear", lambda x: F.interpolate(x, scale_factor=1.5, mode="linear"), N(2, 3, 8)),
    function("interpolate_bilinear", lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"), N("n", 3, "h", "w")),
    function("interpolate_corners", lambda x: F.interpolate(x, size=(7, 9), mode="bilinear", align_corners=True), N(2, 3, 5, 6)),
    function("interpolate_bicubic", lambda x: F.interpolate(x, size=(7, 9), mode="bicubic"), N(2, 3, 5, 6)),
    function("interpolate_like", lambda x, y: F.interpolate(x, size=y.shape[2:], mode="bilinear") + y,
             N("n", 3, 4, 5), N("n", 3, "h", "w")),
    function("interpolate_antialias", lambda x: F.interpolate(x, size=(4, 5), mode="bilinear", antialias=True), N(2, 3, 8, 9)),
    function("interpolate_trilinear", lambda x: F.interpolate(x, scale_factor=2, mode="trilinear"), N(2, 2, 3, 3, 3)),
    function("interpolate_area", lambda x: F.interpolate(x, size=(4, 4), mode="area"), N(2, 3, 8, 8)),
    function("grid_sample", lambda x, g: F.grid_sample(x, g, align_corners=False), N("n", 3, 6, 5), N("n", 4, 4, 2, scale=0.5)),
    function("grid_sample_3d", lambda x, g: F.grid_sample(x, g, align_corners=True), N(2, 2, 3, 4, 5), N(2, 2, 3, 3, 3, scale=0.5)),
    function("grid_sample_cubic", lambda x, g: F.grid_sample(x, g, "bicubic", "zeros", False), N(2, 3, 6, 5), N(2, 4, 4, 2)),
    function("grid_sample_reflected", lambda x, g: F.grid_sample(x, g, "bilinear", "reflection", False), N(2, 3, 6, 5), N(2, 4, 4, 2)),
    function("grid_sample_border", lambda x, g: F.grid_sample(x, g, "nearest", "border", True), N(2, 3, 6, 5), N(2, 4, 4, 2, scale=0.5)),
    function("affine_grid", lambda t, x: F.grid_sample(x, F.affine_grid(t, x.size(), align_corners=False), align_corners=False),
             N(2, 2, 3), N(2, 3, 5, 5)),
)  # fmt: skip

NORMS: tuple[Case, ...] = (
    module("batch_norm1d", lambda: nn.BatchNorm1d(5), N("n", 5)),
    module("batch_norm2d", lambda: nn.BatchNorm2d(5, affine=False), N("n", 5, 4, 4)),
    module("layer_norm", lambda: nn.LayerNorm((5, 4)), N("n", 5, 4)),
    module("group_norm", lambda: nn.GroupNorm(2, 6), N("n", 6, "l")),
    module("instance_norm", lambda: nn.InstanceNorm2d(5, affine=True), N("n", 5, 4, 4)),
    module("rms_norm", lambda: nn.RMSNorm(6), N("n", "l", 6)),
    module("local_response_norm", lambda: nn.LocalResponseNorm(3), N(2, 5, 4, 4)),
    module("weight_norm", lambda: nn.utils.parametrizations.weight_norm(nn.Linear(5, 4)), N("n", 5)),
    module("dropout", lambda: nn.Sequential(nn.Dropout(), nn.Dropout2d(), nn.AlphaDropout()), N("n", 5, 4, 4)),
    function("losses", lambda x, y: (F.mse_loss(x, y), F.smooth_l1_loss(x, y), F.huber_loss(x, y), F.l1_loss(x, y)), N(3, 5), N(3, 5)),
    function("cross_entropy", lambda x, t: (F.cross_entropy(x, t), F.nll_loss(x.log_softmax(1), t)), N("n", 5), I("n", high=5)),
    function("binary_cross_entropy", lambda x, y: (F.binary_cross_entropy_with_logits(x, y), F.kl_div(x, y)), N(3, 5), U(3, 5)),
    function("stft", lambda x: torch.view_as_real(torch.stft(x, 16, 4, window=torch.hann_window(16), return_complex=True)), N(2, 64)),
    function("rfft", lambda x: torch.view_as_real(torch.fft.rfft(x)), N(2, 16)),
    function("fft2_power", lambda x: torch.fft.fft2(x).abs(), N(2, 8, 8)),
    function("stft_dynamic", lambda x: torch.stft(x, 16, 4, window=torch.hann_window(16), return_complex=True).abs(), N("n", 64)),
    function("irfft", lambda x: torch.fft.irfft(torch.fft.rfft(x) * 2, n=16), N(2, 16)),
    function("complex_rotary", lambda x, f: torch.view_as_real(torch.view_as_complex(x.reshape(2, 5, 3, 2)) * torch.view_as_complex(f)),
             N(2, 5, 6), N(5, 3, 2)),
    function("fake_quantize", lambda x: torch.fake_quantize_per_tensor_affine(x, 0.05, 3, -128, 127), N("n", 5)),
    function("images_uint8", lambda x: (x.permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.2, I("n", 4, 4, 3, high=256, dtype=torch.uint8)),
    function("small_integers", lambda a, b: (a + 1, b * 2, a.to(torch.int16) // 3), I(3, 5, dtype=torch.int8), I(3, 5, dtype=torch.int32)),
    function("random_like", lambda x: (torch.rand_like(x), torch.randn(2, 3)), N(3, 5)),
    function("outputs_as_they_are", lambda x, y: (x, y + 1, x, torch.ones(2, 3)), N("n", 5), N("n", 5)),
)  # fmt: skip

FUNCTIONS = (*ACTIVATIONS, *ARITHMETIC, *REDUCTIONS, *SHAPES, *INDEXING, *PRODUCTS, *WINDOWS, *NORMS)
