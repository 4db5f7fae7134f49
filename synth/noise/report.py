"""The report of `bench noise`: medians by setting, as a table and as curves."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from synth.bench.process import on, quartiles, spread
from synth.install import to_install

Row = dict[str, Any]


def summary(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """By group, axis and name, in the order of the first record: spreads of psnr (dB), flip, cpu_s and wall_s; of
    those that are rendered also `over_default`, of the CPU seconds of the defaults rendered around it, and
    `psnr_gain` (dB) over the default, both record by record.
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
        "psnr_gain": spread([row["psnr"] - base["psnr"] for row, base in pairs]),
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
    """PSNR and FLIP over CPU seconds, a curve for each axis of the config's own geometry, the presets as stars.

    ValueError where matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ValueError(f"the plot needs matplotlib; {to_install('--group bench')}") from None
    rows = [row for row in report["settings"] if "cpu_s" in row and row["axis"] != "reference"]
    axes_names = [name for name in dict.fromkeys(row["axis"] for row in rows) if name != "default"]
    figure = Figure(figsize=(13, 6), layout="constrained")
    for axes, key, label in zip(figure.subplots(1, 2), ("psnr", "flip"), ("PSNR, dB", "FLIP"), strict=True):
        for k, name in enumerate(axes_names):
            some = sorted((row for row in rows if row["axis"] == name), key=lambda row: row["cpu_s"]["median"])
            x, y = [row["cpu_s"]["median"] for row in some], [row[key]["median"] for row in some]
            style = {"marker": "*", "markersize": 13, "linestyle": "", "color": "black", "zorder": 5}
            plain = {"marker": "o", "markersize": 4, "linewidth": 1, "color": f"C{k % 10}"}
            plain |= {"linestyle": "--"} if k >= 10 else {}
            axes.plot(x, y, label=name, **(style if name == "presets" else plain))
            for row, *at in zip(some, x, y, strict=True):
                axes.annotate(row["name"], at, fontsize=6, xytext=(3, 3), textcoords="offset points")
        axes.set(xscale="log", xlabel="CPU seconds of the image", ylabel=label)
        axes.grid(alpha=0.3)
    figure.axes[0].legend(fontsize=7)
    height, width = report["hw"]
    figure.suptitle(
        f"{height} x {width}, medians of {report['specs']} records against {report['reference_spp']} spp", fontsize=9
    )
    figure.savefig(path, dpi=100, metadata={"Software": None})
