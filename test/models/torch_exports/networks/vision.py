"""Networks for images: classification, detection, segmentation, restoration."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from specs import Case, N, module
from torch import Tensor, nn


def conv(
    cin: int, cout: int, kernel: int = 3, stride: int = 1, groups: int = 1, act: type[nn.Module] = nn.ReLU
) -> nn.Sequential:
    """Convolution, batch norm and activation."""
    layer = nn.Conv2d(cin, cout, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(cout), act())


class Residual(nn.Module):
    """x + body(x), with a projection where the shapes differ."""

    def __init__(self, body: nn.Module, skip: nn.Module | None = None) -> None:
        super().__init__()
        self.body, self.skip = body, skip or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.skip(x) + self.body(x)


def head(channels: int, classes: int = 10) -> nn.Sequential:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


class SqueezeExcite(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(channels, 4, 1), nn.Conv2d(4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        scale = F.adaptive_avg_pool2d(x, 1)
        return x * torch.sigmoid(self.up(F.silu(self.down(scale))))


def resnet() -> nn.Module:
    blocks = [Residual(nn.Sequential(conv(8, 4, 1), conv(4, 4), conv(4, 8, 1))) for _ in range(2)]
    down = Residual(nn.Sequential(conv(8, 16, stride=2), conv(16, 16)), conv(8, 16, 1, 2))
    return nn.Sequential(conv(3, 8, 7, 2), nn.MaxPool2d(3, 2, 1), *blocks, down, head(16))


def vgg() -> nn.Module:
    body = (conv(3, 8), nn.MaxPool2d(2), conv(8, 16), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d((2, 2)))
    return nn.Sequential(*body, nn.Flatten(), nn.Dropout(), nn.Linear(64, 10))


def mobilenet_v2() -> nn.Module:
    def block() -> nn.Module:
        return Residual(
            nn.Sequential(conv(8, 24, 1, act=nn.ReLU6), conv(24, 24, groups=24, act=nn.ReLU6), nn.Conv2d(24, 8, 1))
        )

    return nn.Sequential(conv(3, 8, 3, 2, act=nn.ReLU6), block(), block(), head(8))


def mobilenet_v3() -> nn.Module:
    body = nn.Sequential(
        conv(8, 16, 1, act=nn.Hardswish), conv(16, 16, 5, groups=16), SqueezeExcite(16), nn.Conv2d(16, 8, 1)
    )
    return nn.Sequential(conv(3, 8, 3, 2, act=nn.Hardswish), Residual(body), head(8))


def efficientnet() -> nn.Module:
    body = nn.Sequential(
        conv(8, 32, 1, act=nn.SiLU),
        conv(32, 32, groups=32, act=nn.SiLU),
        SqueezeExcite(32),
        nn.Conv2d(32, 8, 1),
        nn.BatchNorm2d(8),
    )
    return nn.Sequential(conv(3, 8, 3, 2, act=nn.SiLU), Residual(body), head(8))


class DenseNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = conv(3, 8, 3, 2)
        self.layers = nn.ModuleList(
            [
                nn.Sequential(nn.BatchNorm2d(8 + 4 * i), nn.ReLU(), nn.Conv2d(8 + 4 * i, 4, 3, padding=1))
                for i in range(4)
            ]
        )
        self.end = nn.Sequential(nn.BatchNorm2d(24), nn.ReLU(), nn.Conv2d(24, 12, 1), nn.AvgPool2d(2), head(12))

    def forward(self, x: Tensor) -> Tensor:
        features = [self.stem(x)]
        for layer in self.layers:
            features.append(layer(torch.cat(features, 1)))
        return self.end(torch.cat(features, 1))


class ShuffleNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.branch, self.end = (
            conv(3, 16, 3, 2),
            nn.Sequential(conv(8, 8, 1), conv(8, 8, groups=8), conv(8, 8, 1)),
            head(16),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for _ in range(2):
            kept, changed = x.chunk(2, dim=1)
            x = torch.cat((kept, self.branch(changed)), dim=1)
            batch, channels, height, width = x.size()
            x = (
                x.view(batch, 2, channels // 2, height, width)
                .transpose(1, 2)
                .contiguous()
                .view(batch, -1, height, width)
            )
        return self.end(x)


class SqueezeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.squeeze = nn.Conv2d(3, 16, 3, 2), nn.Conv2d(16, 4, 1)
        self.left, self.right, self.end = nn.Conv2d(4, 8, 1), nn.Conv2d(4, 8, 3, padding=1), nn.Conv2d(16, 10, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.stem(x)), 3, 2, ceil_mode=True)
        x = F.relu(self.squeeze(x))
        x = torch.cat([F.relu(self.left(x)), F.relu(self.right(x))], 1)
        return F.adaptive_avg_pool2d(F.relu(self.end(x)), (1, 1)).flatten(1)


class Inception(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = (
            conv(3, 4, 1),
            nn.Sequential(conv(3, 4, 1), conv(4, 8)),
            nn.Sequential(conv(3, 4, 1), conv(4, 4, 5)),
        )
        self.d, self.end = nn.Sequential(nn.MaxPool2d(3, 1, 1), conv(3, 4, 1)), head(20)

    def forward(self, x: Tensor) -> Tensor:
        return self.end(torch.cat([self.a(x), self.b(x), self.c(x), self.d(x)], 1))


class ConvNeXtBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise, self.norm = nn.Conv2d(width, width, 7, padding=3, groups=width), nn.LayerNorm(width, eps=1e-6)
        self.up, self.down, self.scale = (
            nn.Linear(width, 4 * width),
            nn.Linear(4 * width, width),
            nn.Parameter(torch.full((width,), 0.1)),
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        return x + (self.scale * self.down(F.gelu(self.up(y)))).permute(0, 3, 1, 2)


def convnext() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 4, 4), ConvNeXtBlock(8), ConvNeXtBlock(8), head(8))


class ViT(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patch, self.token, self.positions = (
            nn.Conv2d(3, 16, 4, 4),
            nn.Parameter(torch.randn(1, 1, 16)),
            nn.Parameter(torch.randn(1, 17, 16)),
        )
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(16, 2, 32, activation="gelu", batch_first=True, norm_first=True),
            2,
            enable_nested_tensor=False,
        )
        self.end = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1) + self.positions
        return self.end(self.encoder(x)[:, 0])


class SwinBlock(nn.Module):
    """Attention in shifted windows with a table of relative positions."""

    def __init__(self, width: int = 8, heads: int = 2, window: int = 4, shift: int = 2) -> None:
        super().__init__()
        self.heads, self.window, self.shift = heads, window, shift
        self.norm, self.qkv, self.out = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.table = nn.Parameter(torch.randn((2 * window - 1) ** 2, heads))
        place = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")).flatten(1)
        relative = (place[:, :, None] - place[:, None, :]).permute(1, 2, 0) + window - 1
        self.register_buffer("index", relative[..., 0] * (2 * window - 1) + relative[..., 1])

    def forward(self, x: Tensor) -> Tensor:
        batch, height, width, channels = x.shape
        side = self.window
        y = torch.roll(self.norm(x), (-self.shift, -self.shift), (1, 2))
        y = (
            y.view(batch, height // side, side, width // side, side, channels)
            .permute(0, 1, 3, 2, 4, 5)
            .reshape(-1, side * side, channels)
        )
        q, k, v = self.qkv(y).reshape(y.shape[0], y.shape[1], 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        bias = self.table[self.index.view(-1)].view(side * side, side * side, -1).permute(2, 0, 1).unsqueeze(0)
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1) + bias
        y = self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(y.shape))
        y = (
            y.view(batch, height // side, width // side, side, side, channels)
            .permute(0, 1, 3, 2, 4, 5)
            .reshape(batch, height, width, channels)
        )
        return x + torch.roll(y, (self.shift, self.shift), (1, 2))


class Swin(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patch, self.blocks, self.merge, self.end = (
            nn.Conv2d(3, 8, 2, 2),
            nn.Sequential(SwinBlock(shift=0), SwinBlock()),
            nn.Linear(32, 16, bias=False),
            nn.Linear(16, 10),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.patch(x).permute(0, 2, 3, 1))
        x = torch.cat([x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]], -1)
        return self.end(self.merge(x).mean((1, 2)))


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = conv(3, 8), conv(8, 16), conv(16, 32)
        self.up1, self.d1, self.up2, self.d2 = (
            nn.ConvTranspose2d(32, 16, 2, 2),
            conv(32, 16),
            nn.ConvTranspose2d(16, 8, 2, 2),
            conv(16, 8),
        )
        self.end = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        a = self.a(x)
        b = self.b(F.max_pool2d(a, 2))
        c = self.c(F.max_pool2d(b, 2))
        b = self.d1(torch.cat([self.up1(c), b], 1))
        return self.end(self.d2(torch.cat([self.up2(b), a], 1)))


class PaddedUNet(nn.Module):
    """Pads what is upsampled to the size of the skip connection."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.inner, self.up, self.end = (
            conv(3, 8),
            conv(8, 8),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
            nn.Conv2d(16, 2, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        skip = self.down(x)
        y = self.up(self.inner(F.max_pool2d(skip, 2)))
        dy, dx = skip.size(2) - y.size(2), skip.size(3) - y.size(3)
        return self.end(torch.cat([skip, F.pad(y, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])], 1))


class ASPP(nn.Module):
    """DeepLab: parallel dilated convolutions and the image's mean, resized to the input."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv(3, 8, 3, 2)
        self.branches = nn.ModuleList([nn.Conv2d(8, 4, 3, padding=rate, dilation=rate) for rate in (1, 2, 4)])
        self.pooled, self.end = nn.Conv2d(8, 4, 1), nn.Conv2d(16, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x)
        mean = F.interpolate(
            F.relu(self.pooled(F.adaptive_avg_pool2d(y, 1))), size=y.shape[-2:], mode="bilinear", align_corners=False
        )
        y = self.end(torch.cat([*(F.relu(branch(y)) for branch in self.branches), mean], 1))
        return F.interpolate(y, size=x.shape[-2:], mode="bilinear", align_corners=False).argmax(1)


class Yolo(nn.Module):
    """Two scales, boxes decoded with grids and a softmax over distances."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = conv(3, 8, 3, 2, act=nn.SiLU), conv(8, 8, 3, 2, act=nn.SiLU)
        self.heads = nn.ModuleList([nn.Conv2d(8, 4 * 4 + 3, 1) for _ in range(2)])
        self.register_buffer("bins", torch.arange(4, dtype=torch.float32))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        a = self.a(x)
        b = self.b(a)
        a = a + F.interpolate(b, scale_factor=2.0, mode="nearest")
        outputs, anchors = [], []
        for y, layer in zip((a, b), self.heads, strict=True):
            height, width = y.shape[2:]
            rows, columns = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
            anchors.append(torch.stack((columns, rows), -1).view(-1, 2))
            outputs.append(layer(y).view(y.shape[0], 19, -1))
        distances, scores = torch.cat(outputs, 2).split((16, 3), 1)
        distances = distances.view(x.shape[0], 4, 4, -1).transpose(1, 2).softmax(1)
        distances = (distances * self.bins.view(1, 4, 1, 1)).sum(1)
        near, far = distances.chunk(2, 1)
        place = torch.cat(anchors).transpose(0, 1).unsqueeze(0)
        low, high = place - near, place + far
        return torch.cat(((low + high) / 2, high - low), 1), scores.sigmoid()


class Detr(nn.Module):
    """Sine positions of a mask, and queries that attend to the image."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.transformer = conv(3, 16, 4, 4), nn.Transformer(16, 2, 1, 1, 32, batch_first=True)
        self.queries, self.classes, self.boxes = nn.Parameter(torch.randn(5, 16)), nn.Linear(16, 4), nn.Linear(16, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.backbone(x)
        present = torch.ones_like(y[:, 0])
        rows, columns = present.cumsum(1), present.cumsum(2)
        rows, columns = rows / (rows[:, -1:, :] + 1e-6) * 6.28, columns / (columns[:, :, -1:] + 1e-6) * 6.28
        waves = 100 ** (torch.arange(4) / 4.0)
        where = torch.cat(
            [t(place[..., None] / waves) for place in (rows, columns) for t in (torch.sin, torch.cos)], -1
        )
        tokens = y.flatten(2).transpose(1, 2) + where.flatten(1, 2)
        found = self.transformer(tokens, self.queries.unsqueeze(0).repeat(x.shape[0], 1, 1))
        return self.classes(found), self.boxes(found).sigmoid()


class Retina(nn.Module):
    """Anchors, decoded boxes, and the best of them by score."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.scores, self.deltas = conv(3, 8, 3, 2), nn.Conv2d(8, 3, 1), nn.Conv2d(8, 4, 1)
        self.register_buffer("anchors", torch.rand(64, 4) + torch.tensor([0.0, 0.0, 1.0, 1.0]))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y = self.stem(x)
        scores = self.scores(y).permute(0, 2, 3, 1).reshape(x.shape[0], -1)
        deltas = self.deltas(y).permute(0, 2, 3, 1).reshape(x.shape[0], -1, 4)
        size = self.anchors[:, 2:] - self.anchors[:, :2]
        middle = (self.anchors[:, :2] + 0.5 * size) + deltas[..., :2] * size
        size = torch.exp(deltas[..., 2:].clamp(max=4.0)) * size
        boxes = torch.cat((middle - size / 2, middle + size / 2), -1).clamp(0, 16)
        best, index = scores.topk(6, dim=1)
        index, label = index // 3, index % 3
        return boxes.gather(1, index.unsqueeze(-1).expand(-1, -1, 4)), best.sigmoid(), label


class Keypoints(nn.Module):
    """Heat maps, and where they are greatest."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(3, 8, 3, 2), nn.ConvTranspose2d(8, 8, 4, 2, 1), nn.Conv2d(8, 5, 1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.body(x)
        value, index = maps.flatten(2).max(-1)
        width = maps.shape[-1]
        return torch.stack((index % width, torch.div(index, width, rounding_mode="floor")), -1), value


class SuperResolution(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.PReLU(8), nn.Conv2d(8, 12, 3, padding=1), nn.PixelShuffle(2)
        )

    def forward(self, x: Tensor) -> Tensor:
        return (self.body(x) + F.interpolate(x, scale_factor=2, mode="bicubic", align_corners=False)).clamp(0, 1)


class OCR(nn.Module):
    """CRNN: columns of features through a bidirectional LSTM."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(1, 8), nn.MaxPool2d(2), conv(8, 16), nn.MaxPool2d((2, 1)))
        self.lstm, self.end = nn.LSTM(16 * 2, 12, bidirectional=True), nn.Linear(24, 20)

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        y = y.permute(3, 0, 1, 2).flatten(2)
        return self.end(self.lstm(y)[0]).log_softmax(-1)


class Depth(nn.Module):
    """An hourglass with instance norms, its output resized to the input."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(3, 8, 3, 2),
            nn.InstanceNorm2d(8),
            nn.ELU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(8, 1, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        disparity = F.interpolate(self.body(x).sigmoid(), x.shape[2:], mode="bilinear", align_corners=True)
        return 1.0 / (0.01 + 9.99 * disparity)


class SpatialTransformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.locate, self.body = nn.Sequential(conv(3, 4, 3, 2), head(4, 6)), conv(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        theta = self.locate(x).view(-1, 2, 3)
        return self.body(
            F.grid_sample(x, F.affine_grid(theta, list(x.size()), align_corners=False), align_corners=False)
        )


VISION: tuple[Case, ...] = (
    module("net_resnet", resnet, N("n", 3, 32, 32)),
    module("net_vgg", vgg, N("n", 3, 16, 16)),
    module("net_mobilenet_v2", mobilenet_v2, N("n", 3, "h", "w")),
    module("net_mobilenet_v3", mobilenet_v3, N("n", 3, 16, 16)),
    module("net_efficientnet", efficientnet, N("n", 3, 16, 16)),
    module("net_densenet", DenseNet, N("n", 3, 16, 16)),
    module("net_shufflenet", ShuffleNet, N("n", 3, 16, 16)),
    module("net_squeezenet", SqueezeNet, N("n", 3, 17, 17)),
    module("net_inception", Inception, N("n", 3, 12, 12)),
    module("net_convnext", convnext, N("n", 3, 16, 16)),
    module("net_vit", ViT, N("n", 3, 16, 16)),
    module("net_swin", Swin, N("n", 3, 16, 16)),
    module("net_unet", UNet, N("n", 3, "h", "w")),
    module("net_unet_padded", PaddedUNet, N(1, 3, 9, 11)),
    module("net_deeplab", ASPP, N("n", 3, "h", "w")),
    module("net_yolo", Yolo, N("n", 3, "h", "w")),
    module("net_detr", Detr, N("n", 3, "h", "w")),
    module("net_retina", Retina, N("n", 3, 16, 16)),
    module("net_keypoints", Keypoints, N("n", 3, 8, 12)),
    module("net_super_resolution", SuperResolution, N("n", 3, "h", "w")),
    module("net_ocr", OCR, N("n", 1, 8, "w")),
    module("net_depth", Depth, N("n", 3, "h", "w")),
    module("net_spatial_transformer", SpatialTransformer, N("n", 3, 8, 8)),
)
