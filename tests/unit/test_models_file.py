"""Laws of model files and of the cache, on a model of a few vertices."""

from dataclasses import replace

import h5py
import numpy as np
import pytest

from synth.models import Eyeballs, LinearMesh, MorphableModel, checksum, library, load_model
from synth.models.file import read_model, save_model
from synth.models.schema import arrays


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)


def mesh(vertices: int) -> dict[str, np.ndarray]:
    return {
        "mean": random(vertices, 3),
        "identity": random(2, vertices, 3),
        "expression": random(1, vertices, 3),
        "faces": np.array([[0, 1, 2, 3], [0, 3, 4, 4]], dtype=np.int32),
        "uv": np.zeros((2, 4, 2), dtype=np.float32),
        "part": np.array([1, 2], dtype=np.uint8),
    }


@pytest.fixture
def model() -> MorphableModel:
    return MorphableModel(
        **mesh(5),
        name="toy",
        licence="CC0-1.0",
        source="a test",
        identity_names=("a", "b"),
        expression_names=("smile",),
        albedo_mean=random(5, 3),
        albedo_basis=random(3, 5, 3),
        landmark_triangles=np.tile(np.array([0, 1, 2], dtype=np.int32), (68, 1)),
        landmark_weights=np.full((68, 3), 1 / 3, dtype=np.float32),
        eyeballs=Eyeballs(
            center=random(2, 3),
            center_identity=random(2, 2, 3),
            radius=np.full(2, 0.012, dtype=np.float32),
            radius_identity=random(2, 2),
            axis=np.tile(np.array([0, -1, 0], dtype=np.float32), (2, 1)),
        ),
        garment=LinearMesh(**mesh(6)),
        regions={"scalp": np.linspace(0, 1, 5, dtype=np.float32)},
        paths={"lash": np.array([0, 1, 2], dtype=np.int32)},
        traits={"old": random(3)},
    )


@pytest.fixture
def path(model, tmp_path):
    save_model(model, tmp_path / "toy.h5")
    return tmp_path / "toy.h5"


def test_a_round_trip_keeps_every_byte(model, path):
    back = read_model(path)
    assert checksum(back) == checksum(model)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(arrays(back).values(), arrays(model).values(), strict=True))


def test_a_subdivided_model_comes_back_with_bases_at_all_its_vertices(model, tmp_path):
    fine = model.subdivided(1)
    save_model(fine, tmp_path / "fine.h5")
    back, coefficients = read_model(tmp_path / "fine.h5"), (np.array([0.5, -1.0]), np.array([0.7]))
    assert back.identity.shape == (2, *fine.mean.shape)
    np.testing.assert_allclose(back.vertices(*coefficients), fine.vertices(*coefficients), atol=1e-5)


def test_a_model_without_a_garment_comes_back_without_one(model, tmp_path):
    save_model(replace(model, garment=None), tmp_path / "bare.h5")
    assert read_model(tmp_path / "bare.h5").garment is None


def test_another_model_has_another_checksum(model):
    assert checksum(replace(model, mean=model.mean + 1e-6)) != checksum(model)


def test_a_saved_file_leaves_no_partial_file_behind(path):
    assert [p.name for p in path.parent.iterdir()] == ["toy.h5"]


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused_in_one_line(path, share):
    raw = path.read_bytes()
    path.write_bytes(raw[: int(share * len(raw))])
    with pytest.raises(ValueError, match=r"toy\.h5 cannot be used") as error:
        read_model(path)
    assert "\n" not in str(error.value)


def test_a_flipped_bit_is_found(path):
    with h5py.File(path, "r+") as file:
        file["mean"][0, 0] += 1e-3
    with pytest.raises(ValueError, match="checksum"):
        read_model(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="nowhere"):
        load_model(str(tmp_path / "nowhere.h5"))


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="makehuman"):
        load_model("nobody")


HOSTILE = {
    "faces": np.array([[0, 1, 2, 99], [0, 3, 4, 4]], dtype=np.int32),
    "identity": np.zeros((2, 7, 3), dtype=np.float32),
    "mean": np.full((5, 3), np.nan, dtype=np.float32),
    "part": np.zeros(2, dtype=np.int64),
    "landmark_triangles": np.full((68, 3), -1, dtype=np.int32),
    "landmark_weights": np.full((68, 3), 2, dtype=np.float32),
    "paths/lash": np.array([5], dtype=np.int32),
    "paths/lash, which leaves the edges": np.array([0, 2], dtype=np.int32),
    "landmark_weights, which sum to 0.6": np.full((68, 3), 0.2, dtype=np.float32),
    "eyeballs/axis": np.tile(np.array([0, -0.5, 0], dtype=np.float32), (2, 1)),
    "regions/scalp": np.zeros(4, dtype=np.float32),
    "traits/old": np.zeros(2, dtype=np.float32),
    "garment/faces": np.full((2, 4), 6, dtype=np.int32),
    "uv": np.zeros(8, dtype=np.float32),
}


def test_a_model_that_would_be_refused_is_not_written(model, path):
    before = path.read_bytes()
    for bad in (replace(model, mean=model.mean.astype(np.float64)), replace(model, identity_names=("a",))):
        with pytest.raises(ValueError, match=r"mean|identity_names"):
            save_model(bad, path)
    assert path.read_bytes() == before


def test_a_subdivided_makehuman_comes_back_from_its_file(tmp_path):
    fine = load_model("makehuman").subdivided(1)
    save_model(fine, tmp_path / "fine.h5")
    assert checksum(read_model(tmp_path / "fine.h5")) == checksum(fine)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_dataset_is_named(path, name):
    dataset = name.partition(",")[0]
    rewrite(path, dataset, HOSTILE[name])
    with pytest.raises(ValueError, match=dataset):
        read_model(path)


def test_a_dataset_larger_than_its_file_is_not_read(path):
    with h5py.File(path, "r+") as file:
        del file["mean"]
        file.create_dataset("mean", shape=(10**12, 3), dtype="f4", chunks=(1024, 3))
    with pytest.raises(ValueError, match="mean claims"):
        read_model(path)


def test_a_missing_dataset_is_named(path):
    rewrite(path, "albedo_mean", None)
    with pytest.raises(ValueError, match="albedo_mean"):
        read_model(path)


def test_another_schema_is_refused(path):
    with h5py.File(path, "r+") as file:
        file.attrs["schema"] = 99
    with pytest.raises(ValueError, match="schema"):
        read_model(path)


def test_a_damaged_cache_is_built_again_with_a_warning(model, path, monkeypatch):
    monkeypatch.setattr(library, "cache_path", lambda name: path)
    monkeypatch.setattr("synth.models.makehuman.build", lambda name, children: model)
    path.write_bytes(b"not a model")
    with pytest.warns(UserWarning, match="built again"):
        assert checksum(load_model("makehuman")) == checksum(model)
    assert checksum(load_model("makehuman")) == checksum(model)


def rewrite(path, name: str, value: np.ndarray | None) -> None:
    """Replace a dataset (None: delete it) and sign the file anew, as an attacker would."""
    from synth.models.file import _read
    from synth.models.schema import checksum_of

    with h5py.File(path, "r+") as file:
        del file[name]
        if value is not None:
            file[name] = value
    values, attributes, _ = _read(path)
    with h5py.File(path, "r+") as file:
        file.attrs["checksum"] = checksum_of(values, attributes)


def test_another_builder_is_another_cache_file(monkeypatch, tmp_path):
    first = library.cache_path("makehuman")
    builder = tmp_path / "makehuman"
    builder.mkdir()
    (builder / "__init__.py").write_text("# another builder\n")
    monkeypatch.setattr(library, "__file__", str(tmp_path / "library.py"))
    assert library.cache_path("makehuman") != first
