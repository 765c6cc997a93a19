"""Control flow that exporters keep: branches and loops on data, written for torch.export or scripted, and sizes that data decides."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from specs import B, Case, I, N, U, function, module
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan
from torch._higher_order_ops.while_loop import while_loop


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.yes, self.no = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cond(x.sum() > 0, lambda x: torch.relu(self.yes(x)), lambda x: self.no(x) * 2, (x,))


class NestedBranches(nn.Module):
    def forward(self, x: Tensor, k: Tensor) -> Tensor:
        def inner(x: Tensor) -> Tensor:
            return torch.cond(x.sum() > 0, lambda x: x + 1, lambda x: x - 1, (x,))

        return torch.cond(k > 3, inner, lambda x: x.sin(), (x,))


class Counted(nn.Module):
    """As many steps as an input says."""

    def forward(self, x: Tensor, n: Tensor) -> Tensor:
        start = (torch.zeros((), dtype=torch.int64), n, x)
        return while_loop(lambda i, n, x: i < n, lambda i, n, x: (i + 1, n.clone(), torch.tanh(x) * 1.1), start)[2]


class Converging(nn.Module):
    """Steps until the numbers are small."""

    def forward(self, x: Tensor) -> Tensor:
        return while_loop(lambda x: x.abs().max() > 1, lambda x: (x / 2,), (x,))[0]


class Scanned(nn.Module):
    """A recurrent cell by scan."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.Linear(6, 3)

    def forward(self, h: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        def step(h: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
            h = torch.tanh(self.cell(torch.cat((h, x), -1)))
            return h, h * 2

        return scan(step, h, x, dim=0)


class ScriptedSteps(nn.Module):
    """A list that a loop over time appends to."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.Linear(8, 4)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        states: list[Tensor] = []
        for step in range(x.size(1)):
            h = torch.tanh(self.cell(torch.cat((x[:, step], h), -1)))
            states.append(h)
        return torch.stack(states, 1), h


class ScriptedBranch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.yes = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        if bool(x.sum() > 0):
            y = self.yes(x)
        else:
            y = x * 2
        return y


class ScriptedWhile(nn.Module):
    def forward(self, x: Tensor, n: Tensor) -> Tensor:
        step = 0
        while step < int(n):
            x = x * 1.5 - 0.1
            step += 1
        return x


class ScriptedGreedy(nn.Module):
    """Tokens one after the other, each appended to the text that the next one sees."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.end = nn.Embedding(10, 6), nn.Linear(6, 10)

    def forward(self, ids: Tensor, n: Tensor) -> Tensor:
        for _ in range(int(n)):
            x = self.tokens(ids).mean(1)
            ids = torch.cat((ids, self.end(x).argmax(-1, keepdim=True)), 1)
        return ids


def scripted(name: str, cls: type[nn.Module], *inputs: object) -> Case:
    return module(name, lambda: torch.jit.script(cls().eval()), *inputs)  # pyright: ignore[reportArgumentType]


def _set_where(x: Tensor, mask: Tensor, y: Tensor) -> Tensor:
    out = x.clone()
    out[mask] = 0.5
    out[:, 0] += 1
    out[..., -1] = y
    return out


def _padded(x: Tensor) -> Tensor:
    """The mean of each 5 x 5 tile, of an image padded to tiles and cropped again."""
    height, width = x.shape[-2:]
    y = F.avg_pool2d(F.pad(x, (0, (-width) % 5, 0, (-height) % 5)), 5)
    return y.repeat_interleave(5, -1).repeat_interleave(5, -2)[..., :height, :width]


class Bag(nn.Module):
    def __init__(self, mode: str) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(10, 6, mode=mode)

    def forward(self, ids: Tensor, weights: Tensor) -> Tensor:
        return self.bag(ids, per_sample_weights=weights)


class Packed(nn.Module):
    """Sequences of several lengths."""

    def __init__(self, kind: type[nn.RNNBase] = nn.LSTM) -> None:
        super().__init__()
        self.rnn = kind(4, 5, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        y, h = self.rnn(packed)
        return nn.utils.rnn.pad_packed_sequence(y, batch_first=True)[0], h


CONTROL: tuple[Case, ...] = (
    module("cond", Branches, N("n", 4)),
    module("cond_nested", NestedBranches, N(3, 4), I()),
    module("while_loop", Counted, N("n", 4), I(low=2, high=5)),
    module("while_converging", Converging, N(3, 4, scale=9)),
    module("scan", Scanned, N(2, 3), N(5, 2, 3)),
    scripted("script_steps", ScriptedSteps, N("n", "l", 4), N("n", 4)),
    scripted("script_branch", ScriptedBranch, N("n", 4)),
    scripted("script_while", ScriptedWhile, N("n", 4), I(low=2, high=6)),
    scripted("script_greedy", ScriptedGreedy, I(2, 3), I(low=2, high=5)),
    function("boolean_set", _set_where, N("n", 5), B("n", 5), N("n")),
    function("boolean_rows", lambda x, m: (x[m] @ x[m].T, x[m].mean(0)), N(6, 5), B(6)),
    function("where_rows", lambda x: x[torch.where(x[:, 0] > 0)[0]].sum(1), N(6, 5)),
    function("unique_consecutive", lambda i: torch.unique_consecutive(i, return_counts=True), I(12, high=3)),
    function("unique_rows", lambda i: torch.unique(i, dim=0), I(8, 2, high=2)),
    function("topk_half", lambda x: torch.topk(x, x.shape[1] // 2, dim=1), N("n", "l")),
    function("pad_to_tiles", _padded, N("n", 3, "h", "w")),
    function("interpolate_recomputed", lambda x: F.interpolate(x, scale_factor=1.7, mode="bilinear", recompute_scale_factor=True),
             N("n", 3, "h", "w")),
    function("interpolate_factors", lambda x: F.interpolate(x, scale_factor=(1.7, 0.6), mode="bilinear"), N("n", 3, "h", "w")),
    function("unfold_dynamic", lambda x: F.unfold(x, 3, padding=1, stride=2), N("n", 3, "h", "w")),
    function("fold_dynamic", lambda x: F.fold(F.unfold(x, 2, stride=2), x.shape[-2:], 2, stride=2), N("n", 3, "h", "w")),
    function("repeat_by_counts", lambda x, r: torch.repeat_interleave(x, r, dim=0), N(4, 3), I(4, low=1, high=4)),
    function("length_mask", lambda x, n: x.masked_fill((torch.arange(x.shape[1])[None] >= n[:, None])[..., None], 0),
             N("n", "l", 3), I("n", low=1, high=5)),
    module("embedding_bag_max", lambda: nn.EmbeddingBag(10, 6, mode="max"), I("n", 5)),
    module("embedding_bag_weights", lambda: Bag("sum"), I("n", 5), U("n", 5)),
    module("lstm_packed", Packed, N(3, 6, 4), I(3, low=2, high=7)),
    module("gru_packed", lambda: Packed(nn.GRU), N(3, 6, 4), I(3, low=2, high=7)),
)  # fmt: skip
