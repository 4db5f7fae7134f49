"""`python -m synth bench noise`: how far images are from noiseless ones, and what that takes, setting by setting.

References are rendered once for each record (`--reference-spp`, no denoiser, no clamping, long paths) and kept in
`--folder`, as are the measurements of each record: the same command goes on where it stopped. What is kept of another
state of the scene is not used: one sample per pixel tells. Errors are over the pixels of the subject.
"""

import argparse
import hashlib
import io
import json
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from platformdirs import user_cache_dir

from synth.bench.process import Child, machine, progress
from synth.compose import choices, compose_config
from synth.config import flatten, record_keys
from synth.noise.child import Taken, open_photographer
from synth.noise.errors import flip, psnr, shown, yardsticks
from synth.noise.report import summary, table, write_plot
from synth.noise.settings import DEFAULT, Group, Setting, axes_of, groups, preset

EXPERIMENT = "+experiment=faces_demo"
Row = dict[str, Any]  # group, spec, axis, name, psnr, flip; and where it is rendered cpu_s, wall_s, default_cpu_s


def main(argv: list[str]) -> int:
    """Measure, print the table, and write noise.json and noise.png where --out says."""
    words = _parser().parse_intermixed_args(argv)
    for name, least in (("specs", 1), ("reference_spp", 4)):
        if getattr(words, name) < least:
            option = name.replace("_", "-")
            raise ValueError(f"--{option} must be at least {least}, got {getattr(words, name)}")
    from synth.blender.libraries import require_libraries

    require_libraries()
    report = bench_noise(_overrides(words), words.specs, words.reference_spp, words.axes, words.folder)
    if words.out:
        words.out.mkdir(parents=True, exist_ok=True)
        (words.out / "noise.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        write_plot(report, words.out / "noise.png")
    print(json.dumps(report, indent=2) if words.json else "\n".join(table(report)))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m synth bench noise", description=__doc__, exit_on_error=False)
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="Hydra's overrides")
    parser.add_argument("--specs", type=int, default=12, help="records 0 to N - 1 are measured")
    parser.add_argument("--reference-spp", type=int, default=4096, help="samples of a reference")
    parser.add_argument("--hw", type=int, nargs=2, metavar=("H", "W"), help="px, for render.hw")
    parser.add_argument("--axes", help="comma-separated; all if it is not given")
    parser.add_argument("--folder", type=Path, default=Path(user_cache_dir("synth")) / "noise", help="what is kept")
    parser.add_argument("--out", type=Path, help="the folder of noise.json and noise.png")
    parser.add_argument("--json", action="store_true", help="for programs")
    return parser


def _overrides(words: argparse.Namespace) -> list[str]:
    chosen = any("experiment=" in word for word in words.overrides)
    size = [f"render.hw=[{words.hw[0]},{words.hw[1]}]"] if words.hw else []
    return [*([] if chosen else [EXPERIMENT]), *words.overrides, *size]


def bench_noise(overrides: list[str], specs: int, reference_spp: int, axes: str | None, folder: Path) -> dict[str, Any]:
    """The errors and times of all settings of these axes, as medians over `specs` records with quartiles."""
    config = compose_config(overrides)
    known = axes_of(set(flatten(record_keys(config))))
    names = tuple(axes.split(",")) if axes else known
    if unknown := sorted(set(names) - set(known)):
        raise ValueError(f"--axes must be among {', '.join(known)}, got {', '.join(unknown)}")
    files = [name for name in choices()["render"] if name != "reference"]
    presets = [preset(name, compose_config([*overrides, f"render={name}"]).render) for name in files]
    rows: list[Row] = []
    for group in groups(names, presets, reference_spp):
        rows += _Session(overrides, group, folder).rows(specs)
    facts = {"overrides": overrides, "hw": config.render.hw, "specs": specs, "reference_spp": reference_spp}
    return {"machine": machine(), **facts, "settings": summary(rows)}


class _Session:
    """The processes of a group, opened when they are needed, and what is kept of it."""

    def __init__(self, overrides: list[str], group: Group, folder: Path) -> None:
        self.overrides, self.group, self.folder = overrides, group, folder
        self._children: dict[tuple[str, ...], Child] = {}

    def rows(self, specs: int) -> list[Row]:
        """Of all records, measured now or before."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            return [row for index in range(specs) for row in self._rows_of(index)]
        finally:
            for child in self._children.values():
                child.close()

    def take(self, index: int, setting: Setting) -> Taken:
        """The photograph of a record under a setting."""
        if setting.overrides not in self._children:
            config = compose_config([*self.overrides, *setting.overrides])
            self._children[setting.overrides] = Child(open_photographer, config)
        return self._children[setting.overrides].ask((index, setting))

    def _rows_of(self, index: int) -> list[Row]:
        one = self.take(index, self.group.fingerprint())
        scene = hashlib.sha256(one.linear.tobytes() + one.alpha.tobytes()).hexdigest()
        facts = machine() | {"date": ""}
        kept = self.folder / f"rows-{_digest(scene, index, self.group, facts)}.json"
        if kept.is_file():
            return json.loads(kept.read_text())
        reference = self._reference(index, scene)
        progress(f"{self.group.name}: record {index}, {len(self.group.settings)} settings")
        rows = self._measured(index, reference)
        _write(kept, json.dumps(rows).encode())
        return rows

    def _reference(self, index: int, scene: str) -> dict[str, np.ndarray]:
        """linear and half_difference [H, W, 3] of image_linear, alpha [H, W], cpu_s, wall_s: kept, or rendered now."""
        path = self.folder / f"reference-{_digest(scene, self.group.reference_spp)}.npz"
        if path.is_file():
            with np.load(path, allow_pickle=False) as found:
                return dict(found)
        progress(f"{self.group.name}: record {index}, its reference")
        a, b = (self.take(index, half) for half in self.group.references())
        made = {"linear": (a.linear + b.linear) / 2, "other": b.linear, "alpha": (a.alpha + b.alpha) / 2}
        times = {"cpu_s": np.array(a.cpu_s + b.cpu_s), "wall_s": np.array(a.wall_s + b.wall_s)}
        file = io.BytesIO()
        np.savez_compressed(file, allow_pickle=False, **made, **times)
        _write(path, file.getvalue())
        return made | times

    def _measured(self, index: int, reference: dict[str, np.ndarray]) -> list[Row]:
        truth, mask = shown(reference["linear"]), reference["alpha"] > 0

        def row(axis: str, name: str, image: np.ndarray, **seconds: float) -> Row:
            facts = {"group": self.group.name, "spec": index, "axis": axis, "name": name}
            return facts | {"psnr": psnr(image, truth, mask), "flip": flip(image, truth, mask)} | seconds

        # Each half has the noise of half the samples: the mean of both is as far from the truth as from one of them.
        times = {name: float(reference[name]) for name in ("cpu_s", "wall_s")}
        rows = [row("reference", "reference", shown(reference["other"]), **times)]
        if not self.group.geometry:
            rows += [row("yardstick", name, image) for name, image in yardsticks(reference["linear"]).items()]
        defaults, measured = self._taken(index)
        middle = sorted(defaults, key=lambda taken: taken.cpu_s)[len(defaults) // 2]
        for setting, taken, around in [(DEFAULT, middle, middle.cpu_s), *measured]:
            seconds = {"cpu_s": taken.cpu_s, "wall_s": taken.wall_s, "default_cpu_s": around}
            rows.append(row(setting.axis, setting.name, shown(taken.linear), **seconds))
        rows[0]["default_cpu_s"] = middle.cpu_s
        return rows

    def _taken(self, index: int) -> tuple[list[Taken], list[tuple[Setting, Taken, float]]]:
        """The default before, between and after the axes, and each setting with the seconds of the defaults around it.

        A machine that others use is slower now and then, for longer than an axis takes.
        """
        defaults, found = [self.take(index, DEFAULT)], []
        for axis in _turned(self.group.settings, index):
            taken = [(setting, self.take(index, setting)) for setting in axis]
            defaults.append(self.take(index, DEFAULT))
            around = (defaults[-2].cpu_s + defaults[-1].cpu_s) / 2
            found += [(setting, one, around) for setting, one in taken]
        return defaults, found


def _turned(settings: tuple[Setting, ...], index: int) -> list[list[Setting]]:
    """The settings by axis; each record begins with another one, so that none is always measured first."""
    axes = [list(some) for _, some in groupby(settings, key=lambda setting: setting.axis)]
    first = index % len(axes)
    return [*axes[first:], *axes[:first]]


def _digest(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]


def _write(path: Path, content: bytes) -> None:
    path.with_suffix(".tmp").write_bytes(content)
    path.with_suffix(".tmp").rename(path)
