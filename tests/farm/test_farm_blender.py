"""The farm with a real Blender, where the stub cannot show it."""

import shutil
from pathlib import Path

import pytest

from synth.__main__ import main
from synth.blender.scratch import MEMORY


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="this machine may have a GPU")
def test_a_worker_that_finds_no_gpu_where_one_is_demanded_ends_the_run_at_once(tmp_path, capsys):
    assert main(["run", "+experiment=shapes_smoke", "farm.device=gpu", f"output.dir={tmp_path / 'data'}"]) == 2
    said = capsys.readouterr().err
    assert "farm.device must be one that this machine has, got gpu" in said
    assert not list((tmp_path / "data").glob("shards/*"))


def test_blenders_own_stages_are_in_the_report_and_nothing_stays_in_the_memory_file_system(tmp_path):
    words = ["+experiment=shapes_smoke", "num_records=2", "farm.device=cpu", f"output.dir={tmp_path / 'data'}"]
    before = set(MEMORY.glob("synth-*"))
    assert main(["run", *words]) == 0
    text = (tmp_path / "data/report.txt").read_text()
    assert all(f"\n{stage} " in text for stage in ("draw", "build", "beauty", "label_render", "label", "save"))
    assert "renders on CPU" in Path(tmp_path / "data/run.log").read_text()
    left = {path for path in set(MEMORY.glob("synth-*")) - before if not _lives(path)}  # others may be at work
    assert not left


def _lives(path: Path) -> bool:
    """Whether the process that made a folder of this name is still there."""
    return Path("/proc", path.name.split("-")[2]).exists()
