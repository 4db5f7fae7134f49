"""Laws of rounding and packing: what is stored is as close as its attributes say, and reads the same everywhere."""

import subprocess
import sys
import zlib

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from storage_records import CLASSES, NAMES, assert_same, make_manifest, make_record

from synth.passes import PASSES
from synth.record import violations
from synth.storage.codec import LAYOUTS, pack, require_codec, unpack
from synth.storage.manifest import ShardPlan, pass_rows
from synth.storage.rounding import ROUNDING, rounded
from synth.storage.shard import Shard, write_shard

PLAN = ShardPlan(number=0, first=0, count=4)
FINITE = {"float16": (-8, 8), "float32": (-1000, 1000)}


def floats(name: str):
    low, high = FINITE[PASSES[name].dtype]
    width = 8 * np.dtype(PASSES[name].dtype).itemsize
    return hnp.arrays(PASSES[name].dtype, (5, 3), elements=st.floats(low, high, width=width, allow_subnormal=False))


@pytest.mark.parametrize("name", ROUNDING)
def test_what_is_stored_is_within_the_bound_of_its_attributes(name):
    rounding = ROUNDING[name]

    @given(floats(name))
    def law(array):
        error = np.abs(rounded(name, array).astype(np.float64) - array)
        scale = np.abs(array).astype(np.float64) if rounding.relative else 1
        ulp = np.spacing(np.abs(array)).astype(np.float64)  # where floats are coarser than the grid
        assert (error <= np.maximum(rounding.bound * scale, ulp)).all()

    law()


@pytest.mark.parametrize("name", ROUNDING)
def test_rounding_keeps_dtype_order_and_what_is_no_number_and_is_the_same_again(name):
    @given(floats(name))
    def law(array):
        array = np.sort(array.ravel())
        array = np.concatenate([array, np.array([0, 1, -1, np.inf, -np.inf, np.nan], array.dtype)])
        once = rounded(name, array)
        assert once.dtype == array.dtype
        assert (np.diff(once[:-6].astype(float)) >= 0).all()
        np.testing.assert_array_equal(once[-6:], array[-6:])
        assert rounded(name, once).tobytes() == once.tobytes()

    law()


def test_a_grid_holds_no_negative_zero():
    assert not np.signbit(rounded("normal", np.array([-0.0, -1e-4], np.float16))).any()


def test_exact_passes_are_stored_as_they_are():
    image = np.random.default_rng(0).random((4, 4, 3)).astype(np.float16)
    assert rounded("image_linear", image) is image


@given(
    st.sampled_from(["u1", "f2", "f4", "i4", "f8"]).flatmap(
        lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=2, max_dims=3, max_side=9))
    )
)
def test_a_packed_array_is_unpacked_byte_for_byte(array):
    again = unpack(pack(array), array.shape, array.dtype)
    assert (again.dtype, again.shape, again.tobytes()) == (array.dtype, array.shape, array.tobytes())


def test_a_transposed_array_is_packed_in_its_own_order():
    array = np.arange(12, dtype=np.float32).reshape(3, 4).T
    np.testing.assert_array_equal(unpack(pack(array), array.shape, array.dtype), array)


@pytest.mark.parametrize("cut", ["short", "long", "garbage", "checksum", "empty"])
def test_a_chunk_that_is_not_what_it_says_is_refused(cut):
    array = np.arange(600, dtype=np.float32).reshape(20, 30)
    good = pack(array)
    bad = {
        "short": zlib.compress(b"x" * 2399),
        "long": zlib.compress(b"x" * 2401),
        "garbage": bytes(range(200)),
        "checksum": good[:-1] + bytes([good[-1] ^ 1]),
        "empty": b"",
    }
    with pytest.raises(ValueError, match=r"stream|holds"):
        unpack(bad[cut], array.shape, array.dtype)


@pytest.mark.parametrize("codec", LAYOUTS)
def test_records_are_the_same_in_every_codec_for_synth_and_for_h5py(tmp_path, codec):
    write_shard(tmp_path, PLAN, NAMES, (make_record(i) for i in range(4)), codec=codec)
    with Shard(tmp_path / PLAN.file) as shard, h5py.File(tmp_path / PLAN.file) as file:
        for index in range(4):
            record = make_record(index)
            assert_same(shard.record(index), record)
            plain = {name: np.asarray(file[name][index], object if name == "meta/spec" else None) for name in NAMES}  # pyright: ignore
            assert_same(plain, record)


def test_the_default_needs_no_plug_in(tmp_path):
    write_shard(tmp_path, PLAN, NAMES, (make_record(i) for i in range(4)))
    code = (
        "import h5py, sys; f = h5py.File(sys.argv[1]); assert not {'hdf5plugin', 'deflate'} & set(sys.modules);"
        "print(float(f['pncc'][1].sum()), f['pncc'].attrs['rounding'], f['pncc'].attrs['bound'] == 2**-19)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / PLAN.file)], capture_output=True, text=True, check=True
    )
    assert run.stdout == f"{float(make_record(1)['pncc'].sum())} multiples of 2**-18 True\n"


def test_zstd_without_its_plug_in_says_how_to_get_it(tmp_path, monkeypatch):
    write_shard(tmp_path, PLAN, NAMES, (make_record(i) for i in range(4)), codec="zstd")
    monkeypatch.setitem(sys.modules, "hdf5plugin", None)
    with pytest.raises(ValueError, match="--extra codecs"):
        require_codec("zstd")
    with pytest.raises(ValueError, match=r"shard-000000\.h5 .*--extra codecs"):
        Shard(tmp_path / PLAN.file).record(0)
    require_codec("gzip")


def test_every_codec_of_the_config_has_a_layout():
    from synth.config import Codec

    assert {codec.name for codec in Codec} == set(LAYOUTS)


def test_stored_records_keep_all_invariants(tmp_path):
    write_shard(tmp_path, PLAN, NAMES, (make_record(i) for i in range(4)))
    with Shard(tmp_path / PLAN.file) as shard:
        assert [violations(shard.record(row), CLASSES) for row in range(4)] == [[]] * 4


def test_the_manifest_says_how_each_pass_is_rounded():
    rows = {row["name"]: row for row in make_manifest(1, 1).passes}
    assert (rows["depth"]["rounding"], rows["depth"]["bound"]) == ("17 bits after the leading one", 2.0**-18)
    assert "rounding" not in rows["image"]
    assert all("rounding" not in row for row in pass_rows(NAMES, version=1))
