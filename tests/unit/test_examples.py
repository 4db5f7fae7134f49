"""The examples run, on a dataset of six heads, and do what they say."""

import importlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from model_records import HW, make_head, make_heads
from PIL import Image

import synth
from synth.camera import pixel_centers, project
from synth.geometry import interpolate
from synth.models import load_model, locate

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("examples") / "heads"
    make_heads(path)
    return path


@pytest.fixture
def example(monkeypatch):
    """Imports an example by name."""
    monkeypatch.syspath_prepend(EXAMPLES)
    return importlib.import_module


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_says_in_its_first_lines_how_to_run_it(path):
    assert f"python examples/{path.name} DATASET" in path.read_text(encoding="utf-8").split('"""')[1]


def test_a_script_runs_by_itself(folder, tmp_path):
    words = [sys.executable, EXAMPLES / "densereg_batch.py", folder]
    environment = os.environ | {"PYTHONPATH": str(EXAMPLES.parent)}
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert "(4, 2, 48, 64)" in done.stdout, done.stderr


def test_the_plot_puts_a_dot_on_every_landmark(folder, tmp_path, example):
    example("read_and_plot").main(folder, tmp_path / "plot.png", "-1")
    picture = np.asarray(Image.open(tmp_path / "plot.png"))
    assert picture.shape == (HW[0], 4 * HW[1], 3)
    points = synth.open_dataset(folder)[-1]["landmarks/points_2d"].astype(int)
    assert (picture[points[:, 1], points[:, 0]] == [0, 255, 0]).all()


def test_the_rebuilt_mesh_is_the_one_that_the_image_shows(folder, tmp_path, example):
    assert example("rebuild_mesh").main(folder, tmp_path / "mesh.png") < 1e-5
    drawn = np.asarray(Image.open(tmp_path / "mesh.png")).astype(int)
    record = synth.open_dataset(folder)[0]
    touched = (drawn != record["image"]).any(axis=-1)
    assert touched[record["segmentation"] > 0].mean() > 0.9
    assert touched[record["segmentation"] == 0].mean() < 0.1


def test_the_pncc_of_an_estimate_is_where_the_estimates_mesh_is(folder, example):
    dataset = synth.open_dataset(folder)
    model = example("rebuild_mesh").model_of(dataset)
    records = list(dataset[:2])
    inputs, targets = example("coarsenet_batch").coarsenet_batch(records, model, seed=3)
    assert inputs.shape == (2, 7, *HW)
    np.testing.assert_allclose(inputs[0, :3], np.moveaxis(records[0]["image"], -1, 0) / 255, atol=1e-6)
    mask = inputs[0, 6] > 0
    estimate = {name: (records[0][name] - targets[name][0]).astype(records[0][name].dtype) for name in targets}
    points = example("rebuild_mesh").posed(model, estimate)
    triangle, weights = locate(inputs[0, 3:6][:, mask].T, model.pncc(), model.triangles())
    found = interpolate(points[model.triangles()[triangle]], weights)
    miss = np.linalg.norm(project(records[0]["camera/K"], found) - pixel_centers(HW)[mask], axis=-1)
    assert np.median(miss) < 0.02
    assert mask.mean() > 0.1
    assert not np.allclose(inputs[0, 3:6][:, mask], np.moveaxis(records[0]["pncc"], -1, 0)[:, mask], atol=1e-3)


@pytest.mark.parametrize("lacks", ["identity", "expression"])
def test_estimates_are_of_the_coefficients_that_the_model_has(lacks, rng, example):
    model = load_model("makehuman")
    model = replace(model, **{lacks: getattr(model, lacks)[:0]})
    record = {name: array for name, array in make_head(0).items() if name != f"params/{lacks}"}
    estimate = example("coarsenet_batch").perturbed(record, model, rng)
    (has,) = {"params/identity", "params/expression"} - {f"params/{lacks}"}
    changed = {name for name, array in estimate.items() if not np.array_equal(array, record[name])}
    assert changed == {has, "params/head_to_camera"}


@pytest.mark.parametrize(("unit", "low"), [("weight", 0), ("standard deviation", -2.5)])
def test_estimates_of_expressions_are_clipped_if_they_are_weights(unit, low, rng, example):
    model = replace(load_model("makehuman"), expression_unit=unit)
    record = make_head(0) | {"params/expression": np.full(len(model.expression), low, np.float32)}
    estimate = example("coarsenet_batch").perturbed(record, model, rng)["params/expression"]
    assert estimate.dtype == np.float32
    assert (estimate.min() >= low) == (unit == "weight")
    assert abs(np.median(estimate) - low) < 0.3


def test_bins_and_residuals_give_the_uv_back(folder, example):
    densereg = example("densereg_batch")
    batch = densereg.main(folder)
    uv = synth.open_dataset(folder)[:4].column("uv")
    back = densereg.restored(np.moveaxis(batch["bin"], 1, -1), np.moveaxis(batch["residual"], 1, -1))
    np.testing.assert_allclose(back, uv, atol=2e-7)
    assert set(np.unique(batch["bin"])) <= set(range(11))
    assert ((batch["bin"] > 0).all(axis=1) == (uv[..., 0] >= 0)).all()
    assert (batch["residual"].min(), batch["residual"].max()) >= (0, 0)
    assert batch["residual"].max() <= 1


@pytest.mark.parametrize(("u", "number", "residual"), [(0, 1, 0), (0.25, 3, 0.5), (1, 10, 1), (-1, 0, 0)])
def test_the_bin_of_a_coordinate(u, number, residual, example):
    found = example("densereg_batch").quantised(np.float32([u]))
    assert (found[0][0], found[1][0]) == (number, pytest.approx(residual))


def test_the_loss_of_the_landmark_network_falls(folder, example):
    pytest.importorskip("torch", reason="torch is not installed")
    losses = example("train_landmarks").train(folder, steps=40, batch_size=3)
    assert len(losses) == 40
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:3])
