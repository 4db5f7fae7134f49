"""Laws of damage: a file that is not what was written gives an error that names the place, never another answer.

Mutated and hostile files are opened in a process of their own, with little memory and little time.
"""

import pickle
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from storage_records import NAMES, assert_same, make_dataset, make_record, replace, update_checksum

import synth
from synth.check import check
from synth.storage.damage import Damaged, DamagedRecord, DamagedShard
from synth.storage.manifest import ShardPlan
from synth.storage.shard import Shard, verify_shard, write_shard

TINY = (5, 7)
PLAN = ShardPlan(number=0, first=0, count=2)
MEGABYTES, SECONDS = 600, 240  # of one process, above what it has when it starts


# --- single bits


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """(row of the manifest, bytes) of a shard of two tiny records."""
    folder = tmp_path_factory.mktemp("tiny")
    row = write_shard(folder, PLAN, NAMES, (make_record(i, TINY) for i in range(2)))
    return row, (folder / PLAN.file).read_bytes()


def test_a_flipped_bit_anywhere_in_a_shard_changes_what_check_compares(tiny, tmp_path):
    row, content = tiny
    path = tmp_path / PLAN.file
    path.parent.mkdir()
    positions = [*range(256), *np.random.default_rng(0).integers(len(content), size=600), len(content) - 1]
    for k, at in enumerate(positions):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1 << k % 8]) + content[at + 1 :])
        assert verify_shard(tmp_path, row, deep=True), f"byte {at}"


def test_check_names_the_shard_with_a_flipped_bit(tmp_path):
    manifest = make_dataset(tmp_path, 2, 2, hw=TINY)
    path = tmp_path / manifest.shards[0].file
    content = path.read_bytes()
    for at in np.linspace(0, len(content) - 1, 40).astype(int):
        path.write_bytes(content[:at] + bytes([content[at] ^ 16]) + content[at + 1 :])
        assert any(text.startswith(manifest.shards[0].file) for text in check(tmp_path).problems), f"byte {at}"


CHILD = """
import resource, sys
from pathlib import Path
sys.path[:0] = [sys.argv[3]]
from storage_records import assert_same, make_record
from synth.config import Config
from synth.farm.folder import claim
from synth.passes import PASSES
from synth.storage.damage import Damaged, DamagedRecord
from synth.storage.shard import Shard
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[2]) * 2**20,) * 2)
hw = tuple(map(int, sys.argv[4].split("x"))) if len(sys.argv) > 4 else None
sound = [make_record(index, hw) for index in range(2)] if hw else []
for path in sorted(Path(sys.argv[1]).glob("*.h5")):
    print(path.name, end=" ", flush=True)  # of a crash, the last one is known
    try:
        with Shard(path) as shard:
            if not sound:
                shard.require()
            for row in range(min(shard.count, 2)):
                for name in shard.names:
                    try:
                        array = shard.record(row, (name,))
                    except Damaged as error:
                        assert path.name in str(error), error
                        assert name in str(error) or not isinstance(error, DamagedRecord), error
                    else:
                        if sound:
                            assert_same(array, {name: sound[row][name]})
        print("opened")
    except Damaged as error:
        print("refused:", error)
"""


def opened(folder: Path, hw: str = "") -> dict[str, str]:
    """{file name: what its reader said} of all files in a folder, read in a process with limits.

    hw: then whatever is read must be what `make_record` made.
    """
    words = [sys.executable, "-c", CHILD, str(folder), str(MEGABYTES), str(Path(__file__).parent), *filter(None, [hw])]
    run = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert run.returncode == 0, run.stdout[-200:] + run.stderr[-2000:]
    return dict(line.split(" ", 1) for line in run.stdout.splitlines())


def mutations(content: bytes, rng: np.random.Generator):
    """Damaged copies: bits and bytes changed, runs overwritten, moved, cut out and cut off."""
    size = len(content)
    for _ in range(250):
        at = int(rng.integers(size))
        yield content[:at] + bytes([content[at] ^ 1 << int(rng.integers(8))]) + content[at + 1 :]
    for _ in range(100):
        damaged = bytearray(content)
        for at in rng.integers(size, size=int(rng.integers(2, 40))):
            damaged[at] = int(rng.integers(256))
        yield bytes(damaged)
    for fill in (b"\x00", b"\xff", b"\x7f"):
        for _ in range(40):
            at, length = int(rng.integers(size)), int(2 ** rng.uniform(1, 12))
            yield content[:at] + (fill * length)[: size - at] + content[at + length :]
    for _ in range(40):
        here, there, length = (int(n) for n in (*rng.integers(size - 4096, size=2), rng.integers(4, 4096)))
        yield content[:here] + content[there : there + length] + content[here + length :]
        yield content[:here] + content[here + length :]
        yield content[:here]


def test_a_damaged_shard_reads_as_it_was_or_names_the_damage(tiny, tmp_path):
    for number, content in enumerate(mutations(tiny[1], np.random.default_rng(1))):
        (tmp_path / f"{number:04d}.h5").write_bytes(content)
    (tmp_path / "sound.h5").write_bytes(tiny[1])
    said = opened(tmp_path, "x".join(map(str, TINY)))
    assert said.pop("sound.h5") == "opened"
    assert any(words != "opened" for words in said.values())


# --- hostile files: sound HDF5 that says what it must not


def bomb(file):
    side = 8192
    dataset = replace(
        file, "pncc", (2, side, side, 3), "f4", chunks=(1, side, side, 3), compression="gzip", shuffle=True
    )
    dataset.id.write_direct_chunk((0, 0, 0, 0), zlib.compress(bytes(100)))
    dataset.id.write_direct_chunk((1, 0, 0, 0), zlib.compress(bytes(2**24)))


def tall(file):
    replace(file, "image", (2, 2**31, 64, 3), "u1", chunks=(1, 2**20, 64, 3), compression="gzip", shuffle=True)


def external(file):
    attributes = dict(file["params/albedo"].attrs)
    del file["params/albedo"]
    Path(file.filename + ".raw").write_bytes(bytes(24))
    made = file.create_dataset("params/albedo", (2, 3), "f4", external=[(file.filename + ".raw", 0, 24)])
    made.attrs.update(attributes)


def linked(file):
    del file["depth"]
    file["depth"] = h5py.ExternalLink("sound.h5", "/depth")


def linked_group(file):
    del file["camera"]
    file["camera"] = h5py.ExternalLink("sound.h5", "/camera")


def endless_link(file):
    del file["depth"]
    file["depth"] = h5py.SoftLink("/depth")


def virtual(file):
    layout = h5py.VirtualLayout(file["depth"].shape, "f4")
    layout[:] = h5py.VirtualSource("sound.h5", "depth", file["depth"].shape)
    attributes = dict(file["depth"].attrs)
    del file["depth"]
    file.create_virtual_dataset("depth", layout).attrs.update(attributes)


def filtered(file):
    replace(file, "depth", (2, *TINY), "f4", chunks=(1, *TINY), scaleoffset=3)


def squeezed(file):
    replace(file, "params/identity", (2, 2**28), "f4", chunks=(1, 2**20), compression="lzf")


def text(file, shape, length, **options):
    replace(file, "meta/spec", shape, h5py.string_dtype("utf-8", length), chunks=(1,), **options)


def hollow(file):
    replace(file, "params/identity", (2, 2**40), "f4", chunks=(1, 2**20), compression="gzip", shuffle=True)


HOSTILE = {  # what is done to a sound shard: words of the error
    "count is huge": (lambda file: file.attrs.modify("count", 2**62), "shape"),
    "count is negative": (lambda file: file.attrs.modify("count", -1), "0 or more"),
    "count is an array": (lambda file: file.attrs.create("count", np.ones(1000)), "0 or more"),
    "count is text": (lambda file: file.attrs.create("count", "two"), "0 or more"),
    "count is missing": (lambda file: file.attrs.__delitem__("count"), "count"),
    "first is empty": (lambda file: file.attrs.create("first", h5py.Empty("i8")), "0 or more"),
    "schema is of the future": (lambda file: file.attrs.modify("schema_version", 99), "update synth"),
    "a pass is a group": (lambda file: (file.__delitem__("depth"), file.create_group("depth")), "plain dataset"),
    "a pass has no shape": (lambda file: replace(file, "depth", data=h5py.Empty("f4")), "shape"),
    "a pass is one number": (lambda file: replace(file, "depth", data=np.float32(1)), "shape"),
    "a pass has no pixels": (lambda file: replace(file, "depth", (2, 0, 7), "f4", maxshape=(2, 9, 7)), "px"),
    "a pass is contiguous": (lambda file: replace(file, "depth", (2, *TINY), "f4"), "chunks"),
    "a pass is of text": (lambda file: replace(file, "depth", (2, *TINY), h5py.string_dtype()), "must be float32"),
    "a pass is compound": (lambda file: replace(file, "depth", (2, *TINY), [("x", "f4")]), "must be float32"),
    "a pass has other bytes": (lambda file: replace(file, "depth", (2, *TINY), ">f4", chunks=(1, *TINY)), "must be"),
    "a pass has another layout": (filtered, "filters"),
    "a fixed length is another": (lambda file: replace(file, "camera/K", (2, 3, 2**20), "f8"), "shape"),
    "a pass is higher than any image": (tall, "8192"),
    "a pass is elsewhere": (external, "plain dataset"),
    "a pass is a link": (linked, "plain dataset"),
    "a group is a link": (linked_group, "plain dataset"),
    "a pass links to itself": (endless_link, "cannot be read"),
    "a pass is virtual": (virtual, "plain dataset"),
    "a small array has another layout": (squeezed, "filters"),
    "a small array is hollow": (hollow, "too few"),
    "text is hollow": (lambda file: text(file, (2,), 2**31 - 1, compression=6), "too few"),
    "text is not compressed": (lambda file: text(file, (2,), 2**28), "filters"),
    "text is of variable length": (lambda file: replace(file, "meta/spec", (2,), h5py.string_dtype()), "must be text"),
}
ATTRIBUTES = {
    "unit": np.zeros(5000),
    "space": h5py.Empty("S1"),
    "doc": "x" * 60_000,
    "empty": 7,
    "bound": np.nan,
    "rounding": "none",
}


@pytest.mark.parametrize("key", ATTRIBUTES)
def test_a_hostile_attribute_is_named_by_check_and_read_by_nobody_else(tmp_path, key):
    manifest = make_dataset(tmp_path, 2, 2, hw=TINY)
    with h5py.File(tmp_path / manifest.shards[0].file, "r+") as file:
        file["depth"].attrs.create(key, ATTRIBUTES[key])
    update_checksum(tmp_path, manifest, 0)
    assert_same(synth.open_dataset(tmp_path).record(0), make_record(0, TINY))
    assert any(f"{manifest.shards[0].file}: depth has another {key}" in text for text in check(tmp_path).problems)


def test_a_hostile_shard_is_refused_in_words_without_a_crash_or_much_memory(tiny, tmp_path):
    (tmp_path / "sound.h5").write_bytes(tiny[1])
    for number, (change, _) in enumerate(HOSTILE.values()):
        path = tmp_path / f"{number}.h5"
        path.write_bytes(tiny[1])
        with h5py.File(path, "r+", libver=("v110", "v110")) as file:
            change(file)
    said = opened(tmp_path)
    assert said.pop("sound.h5") == "opened"
    wrong = {
        name: said[f"{number}.h5"] for number, (name, (_, words)) in enumerate(HOSTILE.items())
        if not said[f"{number}.h5"].startswith("refused") or words not in said[f"{number}.h5"]
    }  # fmt: skip
    assert wrong == {}


def test_a_chunk_that_cannot_hold_its_array_is_not_made_room_for(tiny, tmp_path):
    path = tmp_path / "bomb.h5"
    path.write_bytes(tiny[1])
    with h5py.File(path, "r+", libver=("v110", "v110")) as file:
        bomb(file)
    assert opened(tmp_path) == {"bomb.h5": "opened"}  # in 600 MB, where one array would take 800
    with Shard(path) as shard:
        with pytest.raises(DamagedRecord, match=r"record 0, pncc .* too few"):
            shard.record(0, ("pncc",))
        assert_same(shard.record(0, ("depth",)), make_record(0, TINY, ("depth",)))


def test_a_record_that_was_never_written_is_not_read_as_zeros(tmp_path):
    write_shard(tmp_path, PLAN, NAMES, (make_record(i, TINY) for i in range(2)))
    with h5py.File(tmp_path / PLAN.file, "r+", libver=("v110", "v110")) as file:
        replace(file, "depth", (2, *TINY), "f4", chunks=(1, *TINY), compression="gzip", shuffle=True)
    with Shard(tmp_path / PLAN.file) as shard, pytest.raises(DamagedRecord, match=r"depth .* never written"):
        shard.record(1)


# --- the errors


@pytest.fixture
def damaged(tmp_path) -> Path:
    """A dataset of 7 records: record 4 is damaged, and so is all of the last shard, record 6."""
    manifest = make_dataset(tmp_path)
    path = tmp_path / manifest.shards[1].file
    with h5py.File(path) as file:
        info = file["pncc"].id.get_chunk_info(1)
    content = bytearray(path.read_bytes())
    content[info.byte_offset + info.size // 2] ^= 1
    path.write_bytes(content)
    (tmp_path / manifest.shards[2].file).write_bytes(b"not HDF5")
    return tmp_path


def test_the_error_of_a_damaged_record_tells_shard_record_and_pass_and_survives_pickling(damaged):
    with pytest.raises(DamagedRecord) as caught:
        synth.open_dataset(damaged).record(4)
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.file, error.index, error.name) == ("shards/shard-000001.h5", 4, "pncc")
    assert str(error) == str(caught.value)
    with pytest.raises(DamagedShard, match=r"shards/shard-000002\.h5 cannot be read"):
        synth.open_dataset(damaged).record(6)


def test_a_reader_that_is_told_to_skip_gives_the_other_records_and_warns(damaged):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = [int(record["meta/index"]) for record in synth.open_dataset(damaged, damaged="skip")]
    assert found == [0, 1, 2, 3, 5]
    words = [str(warning.message) for warning in caught]
    assert ["record 4 is skipped" in words[0], "record 6 is skipped" in words[1], len(words)] == [True, True, 2]


def test_a_reader_that_is_not_told_to_skip_stops_at_the_damage(damaged):
    with pytest.raises(Damaged, match="record 4, pncc"):
        list(synth.open_dataset(damaged))
    with pytest.raises(ValueError, match="damaged must be 'raise' or 'skip', got 'ignore'"):
        synth.open_dataset(damaged, damaged="ignore")


def test_a_pass_that_is_not_asked_for_may_be_damaged(damaged):
    names = tuple(name for name in NAMES if name != "pncc")
    assert_same(synth.open_dataset(damaged).record(4, names), make_record(4, names=names))


def test_text_is_kept_whole_whatever_its_length_and_checked(tmp_path):
    texts = [b"{}", "ÄÖ€".encode(), b"x" * 5000, b""]
    records = [make_record(i, TINY) | {"meta/spec": np.array(text, object)} for i, text in enumerate(texts)]
    write_shard(tmp_path, ShardPlan(0, 0, 4), NAMES, records)
    path = tmp_path / PLAN.file
    with Shard(path) as shard:
        assert [shard.record(row)["meta/spec"].item() for row in range(4)] == texts
        info = shard._dataset("meta/spec").id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[info.byte_offset + info.size // 2] ^= 1
    path.write_bytes(content)
    with Shard(path) as shard, pytest.raises(DamagedRecord, match="record 2, meta/spec"):
        shard.record(2)
