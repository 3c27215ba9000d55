"""ResNet-50 and ViT-B/16 without their classifiers, in torch alone, with seeded weights; and small ones of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

SIDE = 224


class Bottleneck(nn.Module):
    """Three convolutions beside a short cut (He et al. 2016)."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.body = nn.Sequential(
            *_convolution(inputs, width, 1),
            nn.ReLU(),
            *_convolution(width, width, 3, stride),
            nn.ReLU(),
            *_convolution(width, outputs, 1),
        )
        is_same = inputs == outputs and stride == 1
        self.short_cut = nn.Identity() if is_same else nn.Sequential(*_convolution(inputs, outputs, 1, stride))
        # Random weights: full branches would grow beyond 16 bits over 16 blocks.
        nn.init.constant_(self.body[-1].weight, 0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.body(x) + self.short_cut(x))


def _convolution(inputs: int, outputs: int, size: int, stride: int = 1) -> tuple[nn.Module, nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return convolution, nn.BatchNorm2d(outputs)


def resnet(blocks: tuple[int, ...] = (3, 4, 6, 3), width: int = 64) -> nn.Module:
    """ResNet-50 by default: vectors of 2,048 numbers."""
    layers: list[nn.Module] = [*_convolution(3, width, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    inputs = width
    for stage, number in enumerate(blocks):
        for block in range(number):
            layers.append(Bottleneck(inputs, width * 2**stage, 2 if stage and not block else 1))
            inputs = 4 * width * 2**stage
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


class Encoder(nn.Module):
    """A block of a transformer, normalised before each half (Dosovitskiy et al. 2021)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = self.attention(self.before(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(parts[0], parts[1], parts[2])
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        return x + self.mlp(self.between(x))


class ViT(nn.Module):
    """ViT-B/16 by default: vectors of 768 numbers, those of the class token."""

    def __init__(self, width: int = 768, depth: int = 12, heads: int = 12, patch: int = 16) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.position = nn.Parameter(torch.randn(1, (SIDE // patch) ** 2 + 1, width) * 0.02)
        self.blocks = nn.Sequential(*(Encoder(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        patches = self.patches(x).flatten(2).transpose(1, 2)
        token = self.token.expand(patches.shape[0], -1, -1)
        x = torch.cat([token, patches], dim=1) + self.position
        return self.norm(self.blocks(x)[:, 0])


NETWORKS: dict[str, Any] = {
    "ResNet-50": resnet,
    "ViT-B/16": ViT,
    "small ResNet": lambda: resnet((1, 1, 1, 1), 8),
    "small ViT": lambda: ViT(48, 2, 3, 32),
}


def save_network(name: str, path: Path) -> None:
    """Save a network of `NETWORKS` as TorchScript."""
    torch.manual_seed(0)
    network = NETWORKS[name]().eval()
    with torch.inference_mode():
        torch.jit.trace(network, torch.rand(2, 3, SIDE, SIDE)).save(str(path))
