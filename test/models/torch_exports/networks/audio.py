"""Networks for sound: recognition, codecs, generators."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from specs import Case, I, N, module
from torch import Tensor, nn


class Whisper(nn.Module):
    """An encoder of two convolutions, and a decoder that attends to it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv1d(8, 16, 3, padding=1), nn.Conv1d(16, 16, 3, stride=2, padding=1)
        self.encoder = nn.TransformerEncoderLayer(16, 2, 32, activation="gelu", batch_first=True, norm_first=True)
        self.decoder = nn.TransformerDecoderLayer(16, 2, 32, activation="gelu", batch_first=True, norm_first=True)
        self.tokens, self.places = nn.Embedding(20, 16), nn.Parameter(torch.randn(32, 16))

    def forward(self, mel: Tensor, ids: Tensor) -> Tensor:
        x = F.gelu(self.conv2(F.gelu(self.conv1(mel)))).permute(0, 2, 1)
        memory = self.encoder(x + self.places[: x.size(1)])
        y = self.tokens(ids) + self.places[: ids.shape[-1]]
        mask = torch.full((ids.shape[1], ids.shape[1]), float("-inf")).triu_(1)
        return self.decoder(y, memory, tgt_mask=mask) @ self.tokens.weight.t()


class Wav2Vec(nn.Module):
    """Strided convolutions over samples, group norm, convolutional positions."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm, self.conv2 = (
            nn.Conv1d(1, 8, 10, stride=5, bias=False),
            nn.GroupNorm(8, 8),
            nn.Conv1d(8, 8, 3, stride=2),
        )
        self.places = nn.utils.parametrizations.weight_norm(nn.Conv1d(8, 8, 4, padding=2, groups=2), dim=2)
        self.layer, self.end = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), nn.Linear(8, 12)

    def forward(self, x: Tensor) -> Tensor:
        x = (x - x.mean(-1, keepdim=True)) / torch.sqrt(x.var(-1, keepdim=True) + 1e-7)
        x = F.gelu(self.conv2(F.gelu(self.norm(self.conv1(x.unsqueeze(1))))))
        x = x + F.gelu(self.places(x)[..., :-1])
        return self.end(self.layer(x.transpose(1, 2))).log_softmax(-1)


class RNNT(nn.Module):
    """A transducer's joint network over frames and labels."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.predictor, self.tokens = (
            nn.LSTM(8, 6, 2, batch_first=True),
            nn.LSTM(6, 6, batch_first=True),
            nn.Embedding(10, 6),
        )
        self.joint = nn.Linear(6, 10)

    def forward(self, x: Tensor, ids: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        frames = self.encoder(x)[0]
        labels, (h, c) = self.predictor(self.tokens(ids), (h, c))
        return self.joint(torch.tanh(frames.unsqueeze(2) + labels.unsqueeze(1))), h, c


class TCN(nn.Module):
    """Causal dilated convolutions that crop what they padded."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            [nn.utils.parametrizations.weight_norm(nn.Conv1d(6, 6, 3, padding=2 * d, dilation=d)) for d in (1, 2, 4)]
        )

    def forward(self, x: Tensor) -> Tensor:
        for dilation, layer in zip((1, 2, 4), self.convs, strict=True):
            x = F.relu(x + F.relu(layer(x)[:, :, : -2 * dilation]))
        return x[:, :, -1]


class WaveNet(nn.Module):
    """Gated activations with skip connections, samples by mu-law."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.gates = nn.Conv1d(1, 8, 1), nn.ModuleList([nn.Conv1d(8, 16, 2, dilation=d) for d in (1, 2, 4)])
        self.skips, self.end = nn.ModuleList([nn.Conv1d(8, 8, 1) for _ in range(3)]), nn.Conv1d(8, 16, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.sign(x) * torch.log1p(255 * x.abs()) / torch.log(torch.tensor(256.0))
        x, total = self.enter(x), torch.zeros(())
        for dilation, gate, skip in zip((1, 2, 4), self.gates, self.skips, strict=True):
            a, b = gate(F.pad(x, (dilation, 0))).chunk(2, 1)
            y = skip(torch.tanh(a) * torch.sigmoid(b))
            x, total = x + y, total + y
        return self.end(F.relu(total)).argmax(1)


class Vocoder(nn.Module):
    """HiFi-GAN: transposed convolutions and residual blocks of several dilations."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.up = nn.Conv1d(8, 8, 7, padding=3), nn.ConvTranspose1d(8, 4, 4, 2, 1)
        self.blocks, self.end = (
            nn.ModuleList([nn.Conv1d(4, 4, 3, padding=d, dilation=d) for d in (1, 3)]),
            nn.Conv1d(4, 1, 7, padding=3),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.up(F.leaky_relu(self.enter(x), 0.1))
        for block in self.blocks:
            x = x + block(F.leaky_relu(x, 0.1))
        return torch.tanh(self.end(F.leaky_relu(x)))


class Denoiser(nn.Module):
    """A mask on frames of the signal, joined again by overlapping sums."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.mask = nn.GRU(16, 8, batch_first=True), nn.Linear(8, 16)
        self.register_buffer("window", torch.hann_window(16))

    def forward(self, x: Tensor) -> Tensor:
        frames = x.unfold(1, 16, 8) * self.window
        frames = frames * torch.sigmoid(self.mask(self.gru(frames)[0]))
        return F.fold(frames.transpose(1, 2), (1, 64), (1, 16), stride=(1, 8)).flatten(1)


AUDIO: tuple[Case, ...] = (
    module("net_whisper", Whisper, N("n", 8, 12), I("n", "l", high=20)),
    module("net_wav2vec", Wav2Vec, N("n", 200)),
    module("net_rnnt", RNNT, N("n", "l", 8), I("n", 3, high=10), N(1, "n", 6), N(1, "n", 6)),
    module("net_tcn", TCN, N("n", 6, "l")),
    module("net_wavenet", WaveNet, N("n", 1, "l")),
    module("net_vocoder", Vocoder, N("n", 8, "l")),
    module("net_denoiser", Denoiser, N(2, 64)),
)
