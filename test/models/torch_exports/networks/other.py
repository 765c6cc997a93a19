"""Networks of other kinds: generators, scenes, graphs, tables, control."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from specs import Case, I, N, module
from torch import Tensor, nn


class VAE(nn.Module):
    """The mean and the variance of the code, and what its mean decodes to."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.mean, self.log, self.out = nn.Linear(12, 8), nn.Linear(8, 3), nn.Linear(8, 3), nn.Linear(3, 12)

    def forward(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        h = F.relu(self.enter(x))
        mean, log = self.mean(h), self.log(h)
        loss = -0.5 * torch.sum(1 + log - mean.pow(2) - log.exp())
        return torch.sigmoid(self.out(mean + noise * torch.exp(0.5 * log))), loss


def generator() -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (6, 1, 1)), nn.ConvTranspose2d(6, 8, 4), nn.BatchNorm2d(8), nn.ReLU(), nn.ConvTranspose2d(8, 3, 4, 2, 1), nn.Tanh()
    )  # fmt: skip


class StyleGAN(nn.Module):
    """Convolution whose weights each image modulates: groups of a folded batch."""

    def __init__(self) -> None:
        super().__init__()
        self.style, self.weight = nn.Linear(4, 6), nn.Parameter(torch.randn(8, 6, 3, 3))

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        weight = self.weight * (self.style(code) + 1).view(batch, 1, channels, 1, 1)
        weight = weight * torch.rsqrt(weight.pow(2).sum([2, 3, 4], keepdim=True) + 1e-8)
        y = F.conv2d(
            x.reshape(1, batch * channels, height, width),
            weight.view(batch * 8, channels, 3, 3),
            padding=1,
            groups=batch,
        )
        return F.leaky_relu(y.view(batch, 8, height, width), 0.2)


class Diffusion(nn.Module):
    """A U-Net's block: time embedding, group norms, attention to a context."""

    def __init__(self) -> None:
        super().__init__()
        self.time, self.norm1, self.conv1 = nn.Linear(8, 8), nn.GroupNorm(2, 8), nn.Conv2d(8, 8, 3, padding=1)
        self.norm2, self.conv2, self.norm3 = nn.GroupNorm(2, 8), nn.Conv2d(8, 8, 3, padding=1), nn.LayerNorm(8)
        self.attention = nn.MultiheadAttention(8, 2, kdim=6, vdim=6, batch_first=True)

    def forward(self, x: Tensor, t: Tensor, context: Tensor) -> Tensor:
        waves = torch.exp(-math.log(10000) * torch.arange(4, dtype=torch.float32) / 4)
        angles = t[:, None].float() * waves[None]
        time = self.time(torch.cat([angles.cos(), angles.sin()], dim=-1))
        y = self.conv1(F.silu(self.norm1(x))) + F.silu(time)[:, :, None, None]
        x = x + self.conv2(F.silu(self.norm2(y)))
        batch, channels, height, width = x.shape
        tokens = x.permute(0, 2, 3, 1).reshape(batch, height * width, channels)
        tokens = tokens + self.attention(self.norm3(tokens), context, context, need_weights=False)[0]
        x = tokens.reshape(batch, height, width, channels).permute(0, 3, 1, 2)
        return F.interpolate(x, scale_factor=2.0, mode="nearest")


class NeRF(nn.Module):
    """Positional encoding, and the colours along each ray by transmittance."""

    def __init__(self) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(3 + 3 * 2 * 4, 16), nn.ReLU(), nn.Linear(16, 4))

    def forward(self, origin: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
        depth = torch.linspace(0.5, 2.0, 8)
        points = origin[:, None] + direction[:, None] * depth[None, :, None]
        waves = 2.0 ** torch.arange(4)
        angles = (points[..., None] * waves).flatten(-2)
        out = self.mlp(torch.cat((points, angles.sin(), angles.cos()), -1))
        colour, density = out[..., :3].sigmoid(), F.softplus(out[..., 3])
        steps = torch.cat((depth[1:] - depth[:-1], torch.tensor([1e3])))
        alpha = 1 - torch.exp(-density * steps)
        through = torch.cumprod(torch.cat((torch.ones_like(alpha[:, :1]), 1 - alpha + 1e-10), -1), -1)[:, :-1]
        weights = alpha * through
        return (weights[..., None] * colour).sum(-2), (weights * depth).sum(-1)


class GNN(nn.Module):
    """Messages along edges, summed and averaged at their targets."""

    def __init__(self) -> None:
        super().__init__()
        self.message, self.update, self.end = nn.Linear(12, 8), nn.Linear(14, 6), nn.Linear(6, 2)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        source, target = edges[0], edges[1]
        messages = F.relu(self.message(torch.cat((x[source], x[target]), -1)))
        total = torch.zeros(x.size(0), 8).index_add_(0, target, messages)
        count = torch.zeros(x.size(0)).scatter_add(0, target, torch.ones_like(target, dtype=torch.float32))
        x = F.relu(self.update(torch.cat((x, total / count.clamp(min=1).unsqueeze(-1)), -1)))
        return self.end(x)


class GAT(nn.Module):
    """Attention over neighbours by a mask of adjacency."""

    def __init__(self) -> None:
        super().__init__()
        self.project, self.left, self.right = nn.Linear(6, 8), nn.Linear(8, 1), nn.Linear(8, 1)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        h = self.project(x)
        scores = F.leaky_relu(self.left(h) + self.right(h).transpose(-1, -2), 0.2)
        scores = scores.masked_fill(adjacency + torch.eye(x.size(-2), dtype=torch.long) == 0, -9e15)
        return F.elu(scores.softmax(-1) @ h)


class PointNet(nn.Module):
    """Nearest neighbours by distance, gathered, and their maximum."""

    def __init__(self) -> None:
        super().__init__()
        self.edge, self.end = nn.Linear(6, 8), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        squares = (x**2).sum(-1, keepdim=True)
        distance = squares - 2 * x @ x.transpose(1, 2) + squares.transpose(1, 2)
        near = distance.topk(3, dim=-1, largest=False)[1]
        batch, count, width = x.shape
        near = (near + torch.arange(batch).view(-1, 1, 1) * count).view(-1)
        neighbours = x.reshape(batch * count, width)[near].view(batch, count, 3, width)
        middle = x.unsqueeze(2).expand(-1, -1, 3, -1)
        features = F.relu(self.edge(torch.cat((neighbours - middle, middle), -1))).max(dim=2)[0]
        return self.end(features.amax(1))


class Recommender(nn.Module):
    """DLRM: bags of embeddings and their pairwise products."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = nn.ModuleList([nn.EmbeddingBag(10, 4, mode="sum") for _ in range(3)])
        self.dense, self.end = nn.Linear(5, 4), nn.Linear(4 + 6, 1)
        rows, columns = torch.tril_indices(4, 4, -1)
        self.register_buffer("rows", rows)
        self.register_buffer("columns", columns)

    def forward(self, x: Tensor, ids: Tensor) -> Tensor:
        dense = F.relu(self.dense(x))
        features = torch.stack([dense, *(table(ids[:, i]) for i, table in enumerate(self.tables))], 1)
        products = torch.bmm(features, features.transpose(1, 2))[:, self.rows, self.columns]
        return torch.sigmoid(self.end(torch.cat((dense, products), 1)))


class Policy(nn.Module):
    """An actor and critic with a recurrent state, its action the likeliest."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.cell, self.actor, self.critic = (
            nn.Linear(6, 8),
            nn.GRUCell(8, 8),
            nn.Linear(8, 4),
            nn.Linear(8, 1),
        )

    def forward(self, x: Tensor, state: Tensor, done: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        state = self.cell(torch.tanh(self.body(x)), state * (1 - done.float()).unsqueeze(-1))
        logits = self.actor(state)
        return logits.argmax(-1), self.critic(state).squeeze(-1), state


OTHER: tuple[Case, ...] = (
    module("net_vae", VAE, N("n", 12), N("n", 3)),
    module("net_gan", generator, N("n", 6)),
    module("net_stylegan", StyleGAN, N(2, 6, 5, 5), N(2, 4)),
    module("net_diffusion", Diffusion, N("n", 8, "h", "w"), I("n", high=1000), N("n", 4, 6)),
    module("net_nerf", NeRF, N("n", 3), N("n", 3)),
    module("net_gnn", GNN, N(6, 6), I(2, 14, high=6)),
    module("net_gat", GAT, N("n", 5, 6), I("n", 5, 5, high=2)),
    module("net_pointnet", PointNet, N("n", 9, 3)),
    module("net_recommender", Recommender, N("n", 5), I("n", 3, 4, high=10)),
    module("net_policy", Policy, N("n", 6), N("n", 8), I("n", high=2)),
)
