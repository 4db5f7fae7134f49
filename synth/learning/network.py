"""A small network from a crop of a face to 68 points: an hourglass of residual blocks, read out by expectation."""

import torch  # pyright: ignore[reportMissingImports]
from torch import nn  # pyright: ignore[reportMissingImports]

CROP = 96  # px, side of what the network sees
GRID = CROP // 4  # cells of a heat map


class Residual(nn.Module):
    """Two 3x3 convolutions around a shortcut; stride 2 halves the map."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)),
            *(nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after)),
        )
        same = before == after and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(before, after, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


class LandmarkNet(nn.Module):
    """float crops [N, 3, 96, 96] in [0, 1] to points [N, L, 2]: (-1, -1) and (1, 1) are corners of the crop."""

    def __init__(self, landmarks: int, width: int = 32) -> None:
        super().__init__()
        wide = 2 * width
        self.stem = nn.Sequential(nn.Conv2d(3, 24, 5, 2, 2, bias=False), nn.BatchNorm2d(24), nn.ReLU(inplace=True))
        self.fine = nn.Sequential(Residual(24, width, 2), Residual(width, width))  # 24 x 24
        self.middle = nn.Sequential(Residual(width, wide, 2), Residual(wide, wide))  # 12 x 12
        self.coarse = nn.Sequential(Residual(wide, wide, 2), Residual(wide, wide), Residual(wide, wide))  # 6 x 6
        self.up_middle, self.up_fine = Residual(wide, width), Residual(width, width)
        self.heat = nn.Conv2d(width, landmarks, 1)
        steps = (torch.arange(GRID) + 0.5) * 2 / GRID - 1  # centres of the cells
        self.register_buffer("steps", 1.2 * steps, persistent=False)  # an expectation never reaches the outermost cell

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        fine = self.fine(self.stem(crops - 0.5))
        middle = self.middle(fine)
        middle = self.up_middle(middle + nn.functional.interpolate(self.coarse(middle), scale_factor=2.0))
        heat = self.heat(self.up_fine(fine + nn.functional.interpolate(middle, scale_factor=2.0)))
        share = heat.flatten(2).softmax(dim=-1).unflatten(2, (GRID, GRID))
        steps = self.get_buffer("steps")
        return torch.stack([share.sum(dim=2) @ steps, share.sum(dim=3) @ steps], dim=-1)
