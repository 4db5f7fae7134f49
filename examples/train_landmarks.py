"""Train a small landmark network from shards on the CPU: python examples/train_landmarks.py DATASET [STEPS]"""

import sys
from itertools import pairwise

import torch
from torch import nn

import synth
from synth.adapters.torch import Loader


class LandmarkNet(nn.Module):
    """uint8 images [N, 3, H, W] to points [N, L, 2], in image widths and heights."""

    def __init__(self, landmarks: int) -> None:
        super().__init__()
        sizes = (3, 16, 32, 64)
        layers = [
            nn.Sequential(nn.Conv2d(a, b, 3, stride=2, padding=1), nn.BatchNorm2d(b), nn.ReLU())
            for a, b in pairwise(sizes)
        ]
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten())
        self.points = nn.Linear(64 * 16, 2 * landmarks)
        nn.init.zeros_(self.points.weight)
        nn.init.constant_(self.points.bias, 0.5)  # begins with the middle of the image

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.points(self.features(image / 255 - 0.5)).unflatten(1, (-1, 2))


def train(dataset_dir: str, steps: int, batch_size: int = 8) -> list[float]:
    """The loss of every step: mean distance of a point, in image sizes."""
    torch.manual_seed(0)
    dataset = synth.open_dataset(dataset_dir, ["image", "landmarks/points_2d"])
    height, width = dataset[0]["image"].shape[:2]
    loader = Loader(dataset, batch_size, seed=0)
    net = LandmarkNet(len(dataset[0]["landmarks/points_2d"]))
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
    losses = []
    while len(losses) < steps:
        for batch in loader:  # one epoch
            target = batch["landmarks/points_2d"] / torch.tensor([width, height])
            loss = (net(batch["image"].float()) - target).norm(dim=-1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses[:steps]


def main(dataset_dir: str, steps: str = "60") -> None:
    losses = train(dataset_dir, int(steps))
    for step in range(0, len(losses), max(1, len(losses) // 10)):
        print(f"step {step:4d}: {100 * losses[step]:.1f} % of the image's size")
    print(f"step {len(losses) - 1:4d}: {100 * losses[-1]:.1f} %")


if __name__ == "__main__":
    main(*sys.argv[1:])
