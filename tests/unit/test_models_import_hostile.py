"""Wrong, cut and hostile files end in a ValueError of one line: no crash, no other error, no memory for a claim."""

import io
import pickle
import struct
import tracemalloc
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_files import flame_arrays, make_head, npy_of, write_gnm, write_lsfm, write_mat
from test_models_import_formats import write

from synth.models.importers import FORMATS, import_model
from synth.models.importers.containers import read_npz
from synth.models.importers.mat import read_mat
from synth.models.importers.pickles import load_pickle

BINARY = [form for form in FORMATS if form != "ict"]
MANY = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Originals(dict[str, tuple[Path, bytes]]):
    """By format, the path of a model's file and its bytes when it was whole."""

    def __repr__(self) -> str:
        return "originals"  # hypothesis prints it


@pytest.fixture(scope="module")
def originals(tmp_path_factory) -> Originals:
    paths = {form: write(form, tmp_path_factory.mktemp(f"whole-{form}"))[0] for form in BINARY}
    return Originals({form: (path, path.read_bytes()) for form, path in paths.items()})


def refused(form: str, path: Path) -> bool:
    """Whether an import ends in a ValueError of one line; False where the damage did no harm."""
    said = None
    try:
        import_model(form, path)
    except ValueError as error:
        said = str(error)
    assert said is None or ("\n" not in said and path.name in said)
    return said is not None


@pytest.mark.parametrize("form", BINARY)
@given(share=st.floats(0, 0.97))
@MANY
def test_a_cut_file_is_refused(originals, form, share):
    path, raw = originals[form]
    path.write_bytes(raw[: int(share * len(raw))])
    assert refused(form, path)


DAMAGE = st.lists(
    st.tuples(st.integers(-4096, 4096) | st.integers(0, 1 << 30), st.integers(0, 255)), min_size=1, max_size=4
)


def damaged(raw: bytes, damage: list[tuple[int, int]]) -> bytes:
    """Bytes replaced at places that count from either end, where headers are, or lie anywhere."""
    out = bytearray(raw)
    for place, value in damage:
        out[place % len(out)] = value
    return bytes(out)


@pytest.mark.parametrize("form", BINARY)
@given(damage=DAMAGE)
@MANY
def test_flipped_bytes_are_refused_or_harmless(originals, form, damage):
    path, raw = originals[form]
    path.write_bytes(damaged(raw, damage))
    refused(form, path)


@pytest.mark.parametrize("form", BINARY)
@given(raw=st.binary(max_size=300))
@MANY
def test_bytes_of_nothing_are_refused(originals, form, raw):
    path, _ = originals[form]
    path.write_bytes(raw)
    assert refused(form, path)


@pytest.mark.parametrize("form", BINARY)
@pytest.mark.parametrize("other", BINARY)
def test_a_file_of_another_format_is_refused(originals, form, other, tmp_path):
    path = tmp_path / originals[form][0].name
    path.write_bytes(originals[other][1])
    assert refused(form, path) or form == other


@pytest.mark.parametrize("name", ["generic_neutral_mesh.obj", "identity001.obj", "vertex_indices.json"])
@given(damage=DAMAGE)
@MANY
def test_flipped_bytes_of_ict_are_refused_or_harmless(tmp_path_factory, name, damage):
    path = write("ict", tmp_path_factory.getbasetemp() / f"flipped-{name}" / "FaceXModel")[0] / name
    path.write_bytes(damaged(path.read_bytes(), damage))
    refused("ict", path.parent)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("name", ["generic_neutral_mesh.obj", "identity001.obj", "vertex_indices.json"])
def test_a_cut_file_of_ict_is_refused(tmp_path, name, share):
    path = write("ict", tmp_path / "FaceXModel")[0] / name
    raw = path.read_bytes()
    path.write_bytes(raw[: int(share * len(raw))])
    assert refused("ict", path.parent)


def test_what_is_wrong_is_said_in_the_words_of_the_format(tmp_path):
    head, eyed = make_head(), make_head(eyes=True)
    whole = write_lsfm(tmp_path / "big.mat", head).read_bytes()
    (tmp_path / "big.mat").write_bytes(whole[:124] + b"\x01\x00MI" + whole[128:])
    write_mat(
        tmp_path / "none.mat",
        {
            "mean": head.mean,
            "components": head.mean.reshape(-1, 1),
            "eigenvalues": np.ones((1, 1)),
            "trilist": np.zeros((0, 3)),
        },
    )
    held, eye = flame_arrays(eyed), eyed.left_eye[0]
    faces, mean = held["f"].astype(float), held["v_template"].copy()
    faces[0, 0], mean[eye, 0] = np.nan, np.nan
    np.savez(tmp_path / "faces.npz", **held | {"f": faces})
    np.savez(tmp_path / "eye.npz", **held | {"v_template": mean})
    with np.load(write_gnm(tmp_path / "gnm.npz", eyed)) as file:
        gnm = dict(file)
    gnm["template_vertex_positions"][eye, 0] = np.nan
    np.savez(tmp_path / "gnm.npz", **gnm)
    for form, name, said in (
        ("lsfm", "big.mat", "big-endian"),
        ("lsfm", "none.mat", "triangles trilist"),
        ("flame", "faces.npz", "triangles f"),
        ("flame", "eye.npz", "finite numbers in the mean"),
        ("gnm", "gnm.npz", "finite numbers in the mean"),
    ):
        with pytest.raises(ValueError, match=said):
            import_model(form, tmp_path / name)


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function, *args) -> None:
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_that_would_run_something_runs_nothing(tmp_path, protocol):
    import os

    trace = tmp_path / "ran"
    raw = pickle.dumps({"v_template": Call(os.mkdir, str(trace))}, protocol=protocol)
    with pytest.raises(ValueError, match=r"names (posix|nt)\.mkdir"):
        load_pickle(raw)
    assert not trace.exists()


@pytest.mark.parametrize(
    "name", ["builtins eval", "numpy.testing measure", "numpy f2py", "scipy.sparse.linalg eigs", "chum py"]
)
def test_names_that_no_model_needs_are_refused(name):
    module, function = name.split()
    with pytest.raises(ValueError, match=module.split(".")[0]):
        load_pickle(f"c{module}\n{function}\n(S'1'\ntR.".encode())


@given(st.recursive(st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(), st.lists, max_leaves=20))
def test_plain_values_come_through_a_pickle(value):
    assert load_pickle(pickle.dumps({"a": value, "deep": 0}))["deep"] == 0


@given(raw=st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_a_dictionary_or_refused(raw):
    with suppress(ValueError):
        assert isinstance(load_pickle(raw), dict)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("dtype", ["f8", ">f4", "i2", "u1", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_come_through_a_pickle(protocol, dtype, order):
    array = np.asarray(np.arange(24).reshape(2, 3, 4) % 3, dtype=dtype, order=order)
    held = load_pickle(pickle.dumps({"a": array, "s": array[1, 2, 3], "l": [array]}, protocol=protocol))
    np.testing.assert_array_equal(held["a"], array)
    assert held["a"].dtype == array.dtype
    assert held["s"] == array[1, 2, 3]


@pytest.mark.parametrize("layout", ["csc", "csr", "coo"])
def test_sparse_matrices_come_through_a_pickle(layout):
    from scipy.sparse import random

    matrix = random(5, 9, density=0.4, format=layout, rng=np.random.default_rng(1))
    matrix = getattr(__import__("scipy.sparse").sparse, f"{layout}_matrix")(matrix)
    np.testing.assert_array_equal(load_pickle(pickle.dumps({"a": matrix}))["a"], matrix.toarray())


GREEDY = {
    "an array of a terabyte": b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(L1000000000000L\ntS'b'\ntR.",
    "a place of the memo far out": b"}r\xff\xff\xff\xff.",
    "text longer than the file": b"X\xff\xff\xff\x7fabc.",
    "bytes longer than the file": b"\x8e" + struct.pack("<Q", 1 << 40) + b"abc.",
    "a frame longer than the file": b"\x80\x04\x95" + struct.pack("<Q", 1 << 40) + b".",
    "a long of gigabytes": b"\x8b" + struct.pack("<i", 2**31 - 1) + b"\x01.",
    "lists in lists, doubled": b"]" + b"2(lp0\n" * 5 + b"." * 3,
}


@pytest.mark.parametrize("raw", GREEDY.values(), ids=GREEDY)
def test_a_pickle_gets_no_memory_for_what_it_claims(raw):
    assert most_memory(lambda: suppressed(load_pickle, raw)) < 1 << 20


def test_nested_references_are_not_unfolded():
    value: list = []
    for _ in range(60):
        value = [value, value]
    assert most_memory(lambda: load_pickle(pickle.dumps({"a": value, "b": 1}))) < 1 << 20


def test_a_sparse_matrix_gets_no_memory_for_what_it_claims():
    state = {"_shape": (1 << 20, 1 << 20), "data": np.zeros(1), "indices": np.zeros(1, int), "indptr": np.zeros(2, int)}
    from scipy.sparse import csc_matrix

    matrix = csc_matrix((2, 2))
    matrix.__dict__.update(state)
    with pytest.raises(ValueError, match="shape"):
        load_pickle(pickle.dumps({"J_regressor": matrix}))


def test_an_npz_gets_no_memory_for_what_it_claims(tmp_path):
    header = npy_of(np.zeros((1, 3)))[:128].replace(b"(1, 3)", b"(9999999999, 3)"[:6].ljust(6))
    bomb = npy_of(np.zeros(30 << 20))
    for name, raw in (("claims", header + bytes(24)), ("bomb", bomb)):
        with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{name}.npy", raw)
        del raw
        assert most_memory(lambda name=name: refused_by(read_npz, tmp_path / "a.npz", (name,))) < 1 << 20


def test_a_mat_gets_no_memory_for_what_it_claims(tmp_path):
    path = write_mat(tmp_path / "a.mat", {"shapeMU": np.zeros((40 << 20, 1), np.float32)})
    assert path.stat().st_size < 1 << 20
    assert most_memory(lambda: refused_by(read_mat, path, ("shapeMU",))) < 4 << 20


@pytest.mark.parametrize("packed", [True, False])
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_arrays_come_through_a_mat_file(tmp_path, packed, data):
    shape = data.draw(st.lists(st.integers(0, 5), min_size=2, max_size=4))
    array = np.random.default_rng(0).normal(size=shape)
    held = read_mat(write_mat(tmp_path / "a.mat", {"other": np.ones((2, 2)), "x": array}, packed), ("x",))
    np.testing.assert_array_equal(held["x"], array)


@pytest.mark.parametrize("packed", [True, False])
def test_what_scipy_writes_is_read(tmp_path, packed):
    from scipy.io import savemat

    arrays = {
        "shapePC": np.random.default_rng(0).normal(size=(12, 3)).astype("f4"),
        "tl": np.arange(12, dtype=np.uint16),
    }
    savemat(tmp_path / "a.mat", {**arrays, "text": "abc", "cell": np.array([1, "b"], object)}, do_compression=packed)
    held = read_mat(tmp_path / "a.mat", ("shapePC", "tl"))
    np.testing.assert_array_equal(held["shapePC"], arrays["shapePC"])
    np.testing.assert_array_equal(held["tl"].ravel(), arrays["tl"])


def test_a_mat_of_version_7_3_is_read(tmp_path):
    import h5py

    array = np.random.default_rng(0).normal(size=(6, 2))
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        file["mean"] = array.T
    np.testing.assert_array_equal(read_mat(tmp_path / "a.mat", ("mean",))["mean"], array)


def test_text_in_place_of_numbers_is_refused(tmp_path):
    from scipy.io import savemat

    savemat(tmp_path / "a.mat", {"shapeMU": "abc"})
    with pytest.raises(ValueError, match="shapeMU must be a full array of real numbers"):
        read_mat(tmp_path / "a.mat", ("shapeMU",))


@pytest.mark.parametrize("name", ["v_template", "weights", "f"])
def test_an_array_that_is_missing_is_named(originals, tmp_path, name):
    from model_files import flame_arrays

    held = flame_arrays(make_head(eyes=True))
    del held[name]
    np.savez(tmp_path / "flame.npz", **held)
    with pytest.raises(ValueError, match=f"{name} missing"):
        import_model("flame", tmp_path / "flame.npz")


def refused_by(function, *args) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        function(*args)


def suppressed(function, *args) -> None:
    with suppress(ValueError):
        function(*args)


def most_memory(call) -> int:
    """Bytes that a call had at most at a time, beyond what was there before."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_zlib_is_never_let_loose():
    assert len(zlib.decompressobj().decompress(zlib.compress(bytes(1 << 20)), 100)) == 100
    assert io.BytesIO(b"abc").read(1 << 40) == b"abc"
