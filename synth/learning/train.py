"""Training the landmark network from shards, and predicting with it."""

import time
from collections.abc import Callable

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from torch import nn  # pyright: ignore[reportMissingImports]

from synth.adapters.torch import Loader
from synth.learning.network import CROP, LandmarkNet
from synth.learning.score import POINTS
from synth.storage.reader import Dataset

SIDE = 1.35  # of a crop, in longer sides of the box of the points: the box is given, as a detector would
BATCH = 32


def device_of(name: str) -> str:
    """The device of that name; "auto" is a GPU where there is one, else the CPU. ValueError if there is none."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"--device {name} cannot be used: {str(error).splitlines()[0]}; say cpu, cuda or auto"
        ) from None
    return name


def train(
    dataset: Dataset, epochs: int, device: str, seed: int = 0, workers: int = 0, tell: Callable[[str], None] = print
) -> LandmarkNet:
    """A network trained on a view's images and landmarks, for so many epochs. tell: gets a line per some epochs."""
    torch.manual_seed(seed)
    view = dataset.select(["image", "landmarks/points_2d"])
    loader = Loader(view, min(BATCH, len(view)), seed=seed, num_workers=workers, drop_last=True)
    net = LandmarkNet(POINTS).to(device)
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=epochs * len(loader))
    start = time.perf_counter()
    for epoch in range(epochs):
        losses = [_step(net, batch, optimizer, schedule, device) for batch in loader]
        if epoch % max(1, epochs // 8) == 0 or epoch == epochs - 1:
            loss = float(torch.stack(losses).mean()) / 2  # of crops that are 2 wide
            seconds = time.perf_counter() - start
            tell(f"epoch {epoch + 1} of {epochs}: off by {100 * loss:.2f} % of the crop, {seconds:.0f} s")
    return net.eval()


def _step(net, batch, optimizer, schedule, device: str) -> torch.Tensor:
    images = batch["image"].to(device, non_blocking=True)
    points = batch["landmarks/points_2d"][:, :POINTS].to(device)
    crops, wanted = cropped(images, points, jitter=True)
    loss = (net(_recoloured(crops)) - wanted).norm(dim=-1).mean()
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    return loss.detach()


@torch.inference_mode()
def predict(net: LandmarkNet, images: np.ndarray, points: np.ndarray, device: str) -> np.ndarray:
    """Points float64 [N, 68, 2] (px) found in images uint8 [N, H, W, 3], cut out by the boxes of their true points."""
    found = []
    for k in range(0, len(images), BATCH):
        batch = torch.from_numpy(images[k : k + BATCH]).movedim(-1, 1).to(device)
        true = torch.from_numpy(points[k : k + BATCH].astype(np.float32)).to(device)
        crops, _ = cropped(batch, true)
        center, axes = _frames(true)
        found.append((center[:, None] + net(crops) @ axes).cpu().numpy())
    return np.concatenate(found).astype(np.float64)


def cropped(images: torch.Tensor, points: torch.Tensor, jitter: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """Crops float [N, 3, 96, 96] in [0, 1] around the points [N, 68, 2] (px), and the points in crops, from -1 to 1.

    images: uint8 [N, 3, H, W]. jitter: shifted, turned and scaled at random, by torch's own generator.
    """
    center, axes = _frames(points, jitter)
    size = torch.tensor(images.shape[:1:-1], device=points.device)  # width, height
    # grid_sample has (-1, -1) at the corner of the first pixel (align_corners=False), as image coordinates do.
    affine = torch.cat([axes.mT * 2 / size[:, None], (center * 2 / size - 1)[..., None]], dim=-1)
    grid = nn.functional.affine_grid(affine, [len(images), 3, CROP, CROP], align_corners=False)
    crops = nn.functional.grid_sample(images.float() / 255, grid, align_corners=False)
    return crops, (points - center[:, None]) @ torch.linalg.inv(axes)


def _frames(points: torch.Tensor, jitter: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """Of each crop its centre [N, 2] and its axes [N, 2, 2], px: image = center + crop @ axes."""
    low, high = points.amin(dim=1), points.amax(dim=1)
    half = SIDE / 2 * (high - low).amax(dim=-1)
    center, turn = (low + high) / 2, torch.zeros_like(half)
    if jitter:
        half = half * torch.empty_like(half).uniform_(0.88, 1.15)
        turn = turn.normal_(0, 0.2).clamp(-0.5, 0.5)
        center = center + half[:, None] * torch.empty_like(center).uniform_(-0.08, 0.08)
    c, s = half * turn.cos(), half * turn.sin()
    return center, torch.stack([torch.stack([c, s], -1), torch.stack([-s, c], -1)], dim=1)


def _recoloured(crops: torch.Tensor) -> torch.Tensor:
    """Crops as another camera might take them: contrast, brightness, tint, grey, blur and noise at random."""
    shape = (len(crops), 1, 1, 1)
    new = lambda *size: torch.rand(*size, device=crops.device)
    tint = 0.85 + 0.3 * new(len(crops), 3, 1, 1)
    out = ((crops - 0.5) * (0.6 + 0.8 * new(*shape)) + 0.5 + 0.3 * (new(*shape) - 0.5)) * tint
    out = torch.where(new(*shape) < 0.2, out.mean(dim=1, keepdim=True), out)
    out = torch.where(new(*shape) < 0.25, nn.functional.avg_pool2d(out, 3, 1, 1), out)
    return (out + 0.05 * new(*shape) * torch.randn_like(out)).clamp(0, 1)
