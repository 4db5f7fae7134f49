"""The formats that a dataset can be exported to, and what they have in common."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from synth.install import to_install
from synth.storage.choice import chosen_passes
from synth.storage.files import TEMPORARY, disk_errors_in_words
from synth.storage.reader import Dataset, open_dataset

CONTRACT = "synth-dataset.json"  # the copy of dataset.json in an export: by its own name it would be a dataset
Tick = Callable[[], None]  # called after every record


@dataclass(frozen=True, slots=True)
class Format:
    """A format, written by `write(dataset, folder, tick)` of its module.

    needs: passes it cannot do without. uses: passes it takes where they are there. Without either it takes any.
    """

    module: str
    doc: str
    needs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()


FORMATS = {
    "webdataset": Format("webdataset", "tar files of PNG, NPY and JSON, one per shard"),
    "coco": Format(
        "coco",
        "images, faces with boxes and keypoints, and the parts of each as RLE masks",
        needs=("image", "segmentation", "meta/index"),
        uses=("landmarks/points_2d", "landmarks/visible", "boxes/face"),
    ),
    "300w-lp": Format(
        "w300lp",
        "JPEG and .mat with Pose_Para, Shape_Para, Exp_Para, pt2d and pt3d_68",
        needs=("image", "landmarks/points_2d", "landmarks/points_3d", "params/head_to_camera", "meta/index"),
        uses=("params/identity", "params/expression", "params/albedo"),
    ),
    "huggingface": Format("huggingface", "Parquet files with a card, for datasets.load_dataset"),
    "folder": Format("folder", "one PNG, EXR or NPZ file per map and record"),
}


def export(
    name: str,
    dataset_dir: str | Path,
    output: str | Path,
    passes: Iterable[str] | None = None,
    count: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write the dataset to the new folder `output` in the format of that name; returns the number of records.

    passes: which to take, all if None; only for formats that take any. count: the first so many records alone.
    progress: called with (records done, records in all). The folder appears when all of it is there.
    ValueError names an unknown format, a pass that is missing and the key that renders it, a library that is not
    installed, and an output that is in the way.
    """
    form = _format(name)
    dataset = _chosen(open_dataset(dataset_dir), name, form, passes)[:count]
    if not len(dataset):
        raise ValueError(f"{dataset_dir} has no finished record to export")
    write = import_module(f"synth.export.{form.module}").write
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        if progress:
            progress(done, len(dataset))

    size = sum(row.bytes for row in dataset.manifest.shards)
    with new_folder(Path(output)) as folder, disk_errors_in_words(folder / "files", size):
        write(dataset, folder, tick)
    dataset.close()
    return len(dataset)


def _format(name: str) -> Format:
    if name not in FORMATS:
        raise ValueError(f"the format must be one of {', '.join(FORMATS)}, got {name!r}")
    return FORMATS[name]


def _chosen(dataset: Dataset, name: str, form: Format, passes: Iterable[str] | None) -> Dataset:
    """The dataset with the passes that go into the format."""
    if not form.needs:
        wanted = dataset.names if passes is None else chosen_passes(passes, dataset.names)
        return dataset.select(dict.fromkeys([*wanted, "meta/index"]))
    if passes is not None:
        raise ValueError(f"--passes is for formats that take any; {name} takes {', '.join((*form.needs, *form.uses))}")
    there = [extra for extra in form.uses if extra in dataset.names]
    try:
        return dataset.select([*form.needs, *there])
    except ValueError as error:
        raise ValueError(f"export {name}: {error}") from None


@contextmanager
def new_folder(output: Path) -> Iterator[Path]:
    """A temporary folder beside `output`, which takes its place when the block ends; an exception leaves no trace.

    ValueError if `output` is there already and is not an empty folder.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ValueError(f"{output} is in the way; choose a folder that is not there yet, or delete it")
    output = output.absolute()
    temporary = output.with_name(f".{output.name}{TEMPORARY}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        temporary.replace(output)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


@contextmanager
def needs_library(format_name: str) -> Iterator[None]:
    """An ImportError in the block says how to install what is missing."""
    try:
        yield
    except ImportError as error:
        raise ValueError(f"export {format_name} needs {error.name}; {to_install('--extra export')}") from None
