"""The report of `bench noise`: medians by setting, as a table and as curves."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from synth.bench.process import on, quartiles, spread
from synth.install import to_install

Row = dict[str, Any]
SAMPLES = ("presets", "spp", "spp without denoiser", "adaptive threshold")  # the axes that are a curve over time
TIME_NOISE, NOISE = 0.03, {"psnr": 0.15, "flip": 0.0015}  # nearer to the default than this is as good as it
SAME = 1 / 3  # of these: settings of an axis as near to each other are one name in the plot


def summary(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """By group, axis and name, in the order of the first record: spreads of psnr (dB), flip, cpu_s and wall_s; of
    those that are rendered also `over_default`, of the CPU seconds of the defaults rendered around it, and
    `psnr_gain` (dB) and `flip_gain` over the default, all record by record.
    """
    rows = list(rows)
    default = {
        (row["group"], row["spec"]): row for row in rows if row["axis"] == "default" and row["name"] == "default"
    }
    named: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        named.setdefault((row["group"], row["axis"], row["name"]), []).append(row)
    return [_one(key, some, default) for key, some in sorted(named.items(), key=lambda item: _order(rows, item[0]))]


def _order(rows: list[Row], key: tuple[str, str, str]) -> int:
    """Where it stands in the rows of the first record, which begins with the first setting."""
    first = rows[0]["spec"]
    keys = [(row["group"], row["axis"], row["name"]) for row in rows if row["spec"] == first]
    return keys.index(key)


def _one(key: tuple[str, str, str], rows: list[Row], default: dict[tuple[str, int], Row]) -> dict[str, Any]:
    found: dict[str, Any] = dict(zip(("group", "axis", "name"), key, strict=True)) | {"records": len(rows)}
    found |= {name: spread([row[name] for row in rows]) for name in ("psnr", "flip")}
    if "cpu_s" not in rows[0]:
        return found
    pairs = [(row, default[row["group"], row["spec"]]) for row in rows]
    return found | {
        "cpu_s": spread([row["cpu_s"] for row in rows]),
        "wall_s": spread([row["wall_s"] for row in rows]),
        "over_default": spread([row["cpu_s"] / row["default_cpu_s"] for row in rows]),
        **{f"{name}_gain": spread([row[name] - base[name] for row, base in pairs]) for name in ("psnr", "flip")},
    }


def table(report: dict[str, Any]) -> list[str]:
    """The report for people."""
    height, width = report["hw"]
    lines = [
        on(report["machine"]),
        f"{height} x {width}, {report['specs']} records against {report['reference_spp']} spp: medians with quartiles; "
        "seconds are of a core",
    ]
    group = None
    for row in report["settings"]:
        if row["group"] != group:
            group = row["group"]
            lines += ["", f"{group:<22}{'setting':<28}{'CPU s':>8}{'over default':>24}{'PSNR dB':>9}"
                      f"{'over default':>22}{'FLIP':>8}"]  # fmt: skip
        lines.append(_line(row))
    return lines


def _line(row: dict[str, Any]) -> str:
    errors = f"{row['psnr']['median']:>9.1f}"
    if "cpu_s" not in row:
        return f"{row['axis']:<22}{row['name']:<28}{'':>32}{errors}{'':>22}{row['flip']['median']:>8.3f}"
    time, gain = row["over_default"], row["psnr_gain"]
    return (
        f"{row['axis']:<22}{row['name']:<28}{row['cpu_s']['median']:>8.2f}"
        f"{time['median']:>8.2f} ({quartiles(time, 2)}){errors}"
        f"{gain['median']:>+7.1f} ({quartiles(gain, 1):>12}){row['flip']['median']:>8.3f}"
    )


def write_plot(report: dict[str, Any], path: Path) -> None:
    """PSNR and FLIP. Left over CPU seconds, by what changes the samples, the presets as stars; right all other settings
    beside the default of the same geometry, that is gain over the ratio of times.

    ValueError where matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ValueError(f"the plot needs matplotlib; {to_install('--group bench')}") from None
    rows = [row for row in report["settings"] if "cpu_s" in row and row["axis"] not in ("reference", "default")]
    time_noise = time_noise_of(report["settings"])
    figure = Figure(figsize=(13, 11), layout="constrained")
    for (left, right), key, label in zip(figure.subplots(2, 2), ("psnr", "flip"), ("PSNR, dB", "FLIP"), strict=True):
        _plot_samples(left, [row for row in rows if row["axis"] in SAMPLES], key)
        _plot_others(right, [row for row in rows if row["axis"] not in SAMPLES], key, time_noise)
        left.set(ylabel=label)
        right.set(ylabel=f"{label}, over the default")
    height, width = report["hw"]
    figure.suptitle(
        f"{height} x {width}, medians of {report['specs']} records against {report['reference_spp']} spp", fontsize=10
    )
    figure.savefig(path, dpi=100, metadata={"Software": None})


def _plot_samples(axes: Any, rows: list[Row], key: str) -> None:
    from matplotlib.ticker import FormatStrFormatter, NullFormatter

    for k, name in enumerate(dict.fromkeys(row["axis"] for row in rows)):
        some = sorted((row for row in rows if row["axis"] == name), key=lambda row: row["cpu_s"]["median"])
        at = [(row["cpu_s"]["median"], row[key]["median"]) for row in some]
        star = name == "presets"
        style = {"marker": "*", "markersize": 14, "linestyle": "", "zorder": 5} if star else {"marker": "o"}
        color = "black" if star else f"C{k}"
        axes.plot(*zip(*at, strict=True), label=name, color=color, **{"linewidth": 1, "markersize": 4} | style)
        _annotate(axes, [row["name"] for row in some], at, color, below=k % 2 == 1)
    axes.set(xscale="log", xlabel="CPU seconds of the image")
    axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(alpha=0.3, which="both")
    if rows:
        axes.legend(fontsize=8)


def _plot_others(axes: Any, rows: list[Row], key: str, time_noise: float) -> None:
    for k, name in enumerate(dict.fromkeys(row["axis"] for row in rows)):
        some = [row for row in rows if row["axis"] == name]
        at = [(row["over_default"]["median"], row[f"{key}_gain"]["median"]) for row in some]
        color = f"C{k % 10}"
        axes.plot(*zip(*at, strict=True), "o", label=name, color=color, markersize=5, alpha=0.8)
        shown = names_apart([row["name"] for row in some], at, time_noise, NOISE[key])
        _annotate(axes, list(shown), list(shown.values()), color, below=k % 2 == 1)
    axes.axvline(1, color="grey", linewidth=0.5)
    axes.axhline(0, color="grey", linewidth=0.5)
    axes.set(xlabel="CPU seconds over the default")
    axes.margins(x=0.15)  # for the names
    if key == "psnr":
        axes.set_yscale("symlog", linthresh=1)  # without denoiser it is 8 dB lower
    axes.grid(alpha=0.3)
    if rows:
        axes.legend(fontsize=8)


def time_noise_of(settings: Iterable[Row]) -> float:
    """By how much times over the default differ for no reason: how far the quartiles of its second measurements go."""
    again = [row["over_default"] for row in settings if row["axis"] == "default" and row["name"] == "default, again"]
    return max([TIME_NOISE, *(abs(row[quartile] - 1) for row in again for quartile in ("low", "high"))])


def names_apart(
    names: list[str], at: list[tuple[float, float]], time_noise: float, noise: float
) -> dict[str, tuple[float, float]]:
    """Where in a plot to name settings that are at (ratio of times, gain): not those that are as good as the default,
    and those at the same place together.
    """
    found: dict[str, tuple[float, float]] = {}
    for name, (x, y) in zip(names, at, strict=True):
        if abs(x - 1) <= time_noise and abs(y) <= noise:
            continue
        far = lambda place, x=x, y=y: max(abs(place[0] - x) / TIME_NOISE, abs(place[1] - y) / noise)
        same = next((other for other, place in found.items() if far(place) < SAME), None)
        if same is None:
            found[name] = (x, y)
        else:
            found[f"{same}; {name}"] = found.pop(same)
    return found


def _annotate(axes: Any, names: list[str], at: list[tuple[float, float]], color: str, below: bool) -> None:
    for name, place in zip(names, at, strict=True):
        offset, align = ((4, -4), "top") if below else ((4, 3), "bottom")
        axes.annotate(name, place, offset, textcoords="offset points", fontsize=7, color=color, va=align)
