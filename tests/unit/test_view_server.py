"""The server of `view`: who may ask, what is answered, and that every value is the record's own."""

import asyncio
import dataclasses
import io
import json
import shutil
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from storage_records import HW, make_dataset, make_manifest, make_record

from synth.__main__ import main
from synth.config import MOST_SUBDIVISION
from synth.derived import skin_albedo, typology_angle
from synth.geometry import head_rotation, rigid, transform
from synth.models import checksum, load_model
from synth.passes import PASSES, as_stored
from synth.preview import PICTURES
from synth.storage.manifest import planned_shards, read_manifest, write_manifest
from synth.storage.shard import write_shard

pytest.importorskip("aiohttp", reason="the extra `view` is not installed")
from aiohttp.test_utils import TestClient, TestServer

from synth.view.library import Library, stretched
from synth.view.server import PAGE, bind, is_host_allowed, make_app, read_query, url_of

KINDS = {"float32": np.float32, "float64": np.float64, "uint8": np.uint8, "int32": np.int32}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("view")
    make_dataset(folder, 11, 4)
    return folder


def ask(folder, *requests, **client_words) -> list:
    """Answers (status, headers, body) to (path, headers) requests, once the columns have been read."""

    async def go():
        library = Library(folder)
        async with TestClient(TestServer(make_app(library)), **client_words) as client:
            await asyncio.to_thread(library.wait)
            answers = []
            for request in requests:
                path, words = request if isinstance(request, tuple) else (request, {})
                async with client.request(words.pop("method", "GET"), path, **words) as answer:
                    answers.append((answer.status, answer.headers, await answer.read()))
            return answers

    return asyncio.run(go())


def get_json(folder, *paths) -> list:
    answers = ask(folder, *paths)
    assert [status for status, _, _ in answers] == [200] * len(paths), answers
    return [json.loads(body) for _, _, body in answers]


def array(answer) -> np.ndarray:
    status, headers, body = answer
    assert status == 200, body
    shape = [int(n) for n in headers["X-Shape"].split(",")]
    return np.frombuffer(body, KINDS[headers["X-Dtype"]]).reshape(shape)


def test_every_value_of_every_pass_is_the_records_own(folder):
    record = make_record(5)
    names = [name for name in record if PASSES[name].per_pixel]
    answers = ask(folder, *(f"/api/records/5/values/{name}" for name in names))
    for name, answer in zip(names, answers, strict=True):
        np.testing.assert_array_equal(array(answer), record[name], err_msg=name)


def test_every_pass_has_a_picture_and_a_thumbnail(folder):
    record = make_record(1)
    (facts,) = get_json(folder, "/api/dataset")
    assert {name for name in record if PASSES[name].per_pixel} <= set(facts["pictures"])
    names = facts["pictures"]
    pictures = ask(folder, *(f"/api/records/1/picture/{name}" for name in names))
    thumbnails = ask(folder, *(f"/api/records/1/thumbnail/{name}?px=64" for name in names))
    for name, picture, thumbnail in zip(names, pictures, thumbnails, strict=True):
        expected = PICTURES[name](record) if name in PICTURES else stretched(record[name])
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(picture[2]))), expected)
        assert max(Image.open(io.BytesIO(thumbnail[2])).size) == 64


def test_a_record_is_all_its_small_passes_and_its_spec(folder):
    (answer,) = get_json(folder, "/api/records/4")
    record = make_record(4)
    np.testing.assert_allclose(answer["arrays"]["landmarks/points_2d"], record["landmarks/points_2d"])
    assert answer["arrays"]["landmarks/visible"] == record["landmarks/visible"].tolist()
    assert answer["spec"] == {"index": 4, "name": "Grüße"}
    assert answer["views"] == [5]


def test_a_spec_that_cannot_be_read_is_said_in_words_and_the_rest_is_shown(tmp_path):
    manifest, records = make_manifest(2, 2), [make_record(k) for k in range(2)]
    records[1]["meta/spec"] = as_stored(PASSES["meta/spec"], "[" * 200_000 + "]" * 200_000)
    manifest.shards.append(write_shard(tmp_path, *planned_shards(2, 2), tuple(PASSES), records))
    write_manifest(tmp_path, manifest)
    paths = ("/api/columns", "/api/records/0", "/api/records/1", "/api/records/1/picture/image")
    columns, sound, strange, picture = ask(tmp_path, *paths)
    assert json.loads(columns[2])["unreadable"][0].startswith("record 1, meta/spec cannot be read")
    assert [answer[0] for answer in (columns, sound, strange, picture)] == [200, 200, 400, 200]
    assert "recursion" in json.loads(strange[2])["error"]


def test_the_order_is_filtered_sorted_and_paged(folder):
    yaw = np.array([make_record(k)["params/yaw_pitch_roll"][0] for k in range(11)])
    expected = [int(k) for k in np.argsort(-yaw, kind="stable") if yaw[k] >= 0]
    where = [{"column": "params/yaw_pitch_roll.0", "low": 0}]
    query = json.dumps({"where": where, "sort": "params/yaw_pitch_roll.0", "descending": True})
    path = f"/api/records?q={query}"
    whole, part, around = get_json(folder, path, f"{path}&offset=1&limit=2", f"{path}&around={expected[1]}")
    assert (whole["total"], whole["records"]) == (len(expected), expected)
    assert part["records"] == expected[1:3]
    assert len(part["captions"]) == 2
    assert (around["at"], around["previous"], around["next"]) == (1, expected[0], expected[2])


def test_histograms_are_numpys_of_all_and_of_those_that_pass(folder):
    identity = np.array([make_record(k)["params/identity"][0] for k in range(11)])
    query = json.dumps({"where": [{"column": "meta/index", "low": 3, "high": 8}]})
    ((found,),) = get_json(folder, f"/api/histograms?columns=params/identity.0&q={query}")
    np.testing.assert_array_equal(found["all"], np.histogram(identity, found["edges"])[0])
    np.testing.assert_array_equal(found["selected"], np.histogram(identity[3:9], found["edges"])[0])


def test_columns_are_there_once_they_are_read(folder):
    (answer,) = get_json(folder, "/api/columns")
    assert (answer["ready"], answer["done"]) == (True, 11)
    found = {row["name"]: row for row in answer["columns"]}
    assert found["params/yaw_pitch_roll.0"] | {"group": "Pose", "main": True} == found["params/yaw_pitch_roll.0"]


def test_datasets_with_other_records_have_other_addresses_whatever_their_config(folder, tmp_path):
    make_dataset(tmp_path / "same", 11, 4)
    make_dataset(tmp_path / "other", 11, 4, hw=(12, 20))
    get = lambda path: get_json(path, "/api/dataset")[0]["version"]
    assert get(folder) == get(tmp_path / "same")
    assert get(folder) != get(tmp_path / "other")
    assert get(folder) != get(shortened(tmp_path / "same"))


def shortened(folder):
    """The dataset without its last shard."""
    manifest = read_manifest(folder)
    write_manifest(folder, dataclasses.replace(manifest, shards=manifest.shards[:-1]))
    return folder


def test_a_browser_keeps_only_what_has_the_address_of_this_dataset(folder):
    (facts,) = get_json(folder, "/api/dataset")
    paths = ("values/depth", "picture/depth", "thumbnail/depth")
    for path in (f"/api/records/0/{path}" for path in paths):
        own, others, bare = ask(folder, f"{path}?v={facts['version']}", f"{path}?v=0", path)
        assert [answer[0] for answer in (own, others, bare)] == [200, 200, 200]
        assert own[1]["Cache-Control"] == "private, max-age=86400"
        assert [answer[1]["Cache-Control"] for answer in (others, bare)] == ["no-store", "no-store"]


def test_the_mesh_is_refused_in_words_where_there_is_none(folder):
    ((status, _, body),) = ask(folder, "/api/records/0/vertices")
    assert status == 404
    assert "no morphable model" in json.loads(body)["error"]


MISSING = [
    "/api/records/11",
    "/api/records/999999999999",
    "/api/records/0/values/meta/spec",
    "/api/records/0/values/nothing",
    "/api/records/0/picture/nothing",
    "/page/nothing.js",
    "/page/__init__.py",
    "/page/..%2Fserver.py",
    "/page/%2e%2e/%2e%2e/passes.py",
    "/../../../etc/passwd",
    "/page/....//....//etc/passwd",
    "/static/%00",
]


@pytest.mark.parametrize("path", MISSING)
def test_what_is_not_of_the_dataset_or_the_page_is_not_found(folder, path):
    from yarl import URL

    ((status, _, body),) = ask(folder, (URL(path, encoded=True), {}))
    assert status == 404
    assert b"root:" not in body
    assert b"import" not in body


BAD = [
    "/api/records?q=nonsense",
    "/api/records?q=[1]",
    '/api/records?q={"where":[{"low":1}]}',
    '/api/records?q={"where":[{"column":"nothing"}]}',
    '/api/records?q={"sort":7}',
    '/api/records?q={"sort":"nothing"}',
    "/api/records?offset=-1",
    "/api/records?limit=many",
    "/api/histograms?columns=nothing",
    "/api/records/0/thumbnail/image?px=1e9",
]


@pytest.mark.parametrize("path", BAD)
def test_bad_questions_are_answered_in_words(folder, path):
    ((status, _, body),) = ask(folder, path)
    assert status == 400
    assert json.loads(body)["error"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_the_server_only_shows(folder, method):
    ((status, _, _),) = ask(folder, ("/api/dataset", {"method": method}))
    assert status == 405


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:8642", "127.0.0.1.evil.example", "", "[::1"])
def test_a_name_that_a_stranger_lets_point_here_is_refused(folder, host):
    answers = ask(folder, ("/api/dataset", {"headers": {"Host": host}}), ("/", {"headers": {"Host": host}}))
    assert [status for status, _, _ in answers] == [403, 403]


@pytest.mark.parametrize("header", ["localhost", "LOCALHOST:1", "127.0.0.1:8642", "[::1]:8642", "192.168.1.7:80"])
def test_localhost_and_addresses_are_not_strangers(header):
    assert is_host_allowed(header, {"localhost"})


def test_another_site_may_link_here_but_not_read(folder):
    foreign = {"Sec-Fetch-Site": "cross-site"}
    image = {"headers": foreign | {"Sec-Fetch-Mode": "no-cors"}}
    link = {"headers": foreign | {"Sec-Fetch-Mode": "navigate"}}
    answers = ask(folder, ("/api/records/0/picture/image", image), ("/", link), ("/api/dataset", dict(link)))
    assert [status for status, _, _ in answers] == [403, 200, 403]


def test_the_page_asks_nothing_of_another_server(folder):
    for entry in PAGE.iterdir():
        text = entry.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text, entry.name
        assert "https:" not in text, entry.name
        assert "//cdn" not in text, entry.name
    ((_, headers, _),) = ask(folder, "/")
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in headers


def test_the_files_that_the_page_names_are_there(folder):
    (index,) = ask(folder, "/")
    text = index[2].decode()
    names = [word for word in text.replace("'", '"').split('"') if word.startswith("page/")]
    assert len(names) >= 3
    answers = ask(folder, *(f"/{name}" for name in names))
    assert [status for status, _, _ in answers] == [200] * len(names)


def test_columns_being_read_do_not_keep_the_first_page_waiting(folder, monkeypatch):
    """The first page of the grid is answered while no column has been read."""

    async def go():
        library = Library(folder)
        monkeypatch.setattr(library, "start", lambda: None)
        async with TestClient(TestServer(make_app(library))) as client:
            records = await (await client.get("/api/records?limit=5")).json()
            thumbnail = await client.get("/api/records/0/thumbnail/image?px=64")
            columns = await (await client.get("/api/columns")).json()
            return records, thumbnail.status, columns

    records, status, columns = asyncio.run(go())
    assert records["records"] == [0, 1, 2, 3, 4]
    assert status == 200
    assert (columns["ready"], columns["done"]) == (False, 0)


def test_thumbnails_that_are_kept_are_few(folder, monkeypatch):
    monkeypatch.setattr("synth.view.library.THUMBNAILS", 3)
    library = Library(folder)
    for index in range(8):
        library.thumbnail(index, "image", 64)
    assert len(library._thumbnails) == 3
    library.close()


def test_a_dataset_without_records_is_not_viewed(tmp_path):
    write_manifest(tmp_path, make_manifest(4, 2))
    with pytest.raises(ValueError, match="nothing to view"):
        Library(tmp_path)


def test_a_port_that_is_taken_is_refused_in_words_and_another_is_found_if_none_was_asked_for(monkeypatch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        monkeypatch.setattr("synth.view.server.PORT", taken)
        with pytest.raises(ValueError, match=f"--port {taken}"):
            bind("127.0.0.1", taken)
        with bind("127.0.0.1", None) as listener:
            assert listener.getsockname()[1] != taken
            assert url_of(listener).startswith("http://127.0.0.1:")


def test_a_query_is_read_or_refused_whatever_it_is():
    conditions, sort, descending = read_query('{"where":[{"column":"a","high":2}],"sort":"b","descending":true}')
    assert (conditions[0].low, conditions[0].high, sort, descending) == (-np.inf, 2.0, "b", True)
    for text in ("", "1", "[]", '{"where":1}', '{"where":[1]}', '{"where":[{"column":"a","low":"x"}]}', "[" * 100_000):
        with pytest.raises(ValueError, match="q must be JSON"):
            read_query(text)


def test_a_pass_without_colours_of_its_own_goes_from_black_to_white():
    seen = stretched(np.array([[1.0, np.inf], [3.0, 2.0]], np.float32))
    assert seen[..., 0].tolist() == [[0, 0], [255, 128]]
    assert stretched(np.zeros((2, 3, 2), np.int32)).shape == (2, 3, 3)


def test_the_picture_has_the_records_own_size(folder):
    (answer,) = ask(folder, "/api/records/0/picture/depth")
    assert Image.open(io.BytesIO(answer[2])).size == HW[::-1]


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    """A dataset of three records with coefficients of the built-in model, subdivided once."""
    folder, model, rng = tmp_path_factory.mktemp("heads"), load_model("makehuman"), np.random.default_rng(1)
    manifest = make_manifest(3, 3)
    manifest.record_keys |= {"model": "makehuman", "scene.subdivision": 1}
    manifest.model = {"name": model.name, "licence": model.licence, "checksum": checksum(model)}
    records = [make_record(index) for index in range(3)]
    for record in records:
        record["params/identity"] = rng.normal(size=len(model.identity)).astype(np.float32)
        record["params/expression"] = rng.uniform(size=len(model.expression)).astype(np.float32)
        record["params/albedo"] = rng.normal(size=len(model.albedo_basis)).astype(np.float32)
        record["params/head_to_camera"] = rigid(head_rotation(0.3, -0.1, 0.2), np.array([0.01, 0.02, 0.6]))
    manifest.shards.append(write_shard(folder, planned_shards(3, 3)[0], manifest.names, records))
    write_manifest(folder, manifest)
    return folder, model, records


def test_the_mesh_is_the_models_at_the_records_params(heads):
    folder, model, records = heads
    vertices, triangles = ask(folder, "/api/records/2/vertices", "/api/triangles")
    fine = model.subdivided(1)
    points = fine.rebuilt(records[2]).astype(np.float64)
    np.testing.assert_allclose(array(vertices), transform(records[2]["params/head_to_camera"], points), atol=1e-6)
    np.testing.assert_array_equal(array(triangles), fine.triangles())


@pytest.mark.parametrize("levels", [0, MOST_SUBDIVISION])
def test_the_mesh_has_as_many_levels_as_a_config_may_ask_for(heads, tmp_path, levels):
    folder, model, _ = heads
    (triangles,) = ask(with_levels(folder, tmp_path, levels), "/api/triangles")
    assert len(array(triangles)) == 4**levels * len(model.triangles())


@pytest.mark.parametrize("levels", [MOST_SUBDIVISION + 1, -1, "2", True])
def test_a_mesh_of_levels_that_no_config_asks_for_is_refused_in_words(heads, tmp_path, levels):
    ((status, _, body),) = ask(with_levels(heads[0], tmp_path, levels), "/api/triangles")
    assert status == 404
    assert "scene.subdivision" in json.loads(body)["error"]


def with_levels(folder, tmp_path, levels):
    """A copy of a dataset whose config says so many levels of subdivision."""
    path = shutil.copytree(folder, tmp_path / "copy")
    manifest = read_manifest(path)
    keys = manifest.record_keys | {"scene.subdivision": levels}
    write_manifest(path, dataclasses.replace(manifest, record_keys=keys))
    return path


def test_with_the_model_skin_tone_and_what_it_says_of_shapes_are_columns(heads):
    folder, model, records = heads
    library = Library(folder)
    library.start()
    library.wait()
    albedo = np.stack([record["params/albedo"] for record in records])
    np.testing.assert_allclose(library.columns["skin/ita_deg"].values, typology_angle(skin_albedo(model, albedo)))
    for trait in model.traits:
        expected = [model.trait(trait, record["params/identity"]) for record in records]
        np.testing.assert_allclose(library.columns[f"model/{trait}"].values, expected, atol=1e-5)
    library.close()


def test_a_model_that_has_changed_since_is_not_used(heads):
    folder, model, _ = heads
    library = Library(folder)
    library.manifest.model = {"name": model.name, "licence": model.licence, "checksum": "another"}
    library.start()
    library.wait()
    assert "has changed since" in library.why_no_mesh
    assert "skin/ita_deg" not in library.columns
    library.close()


def test_without_the_extra_the_command_names_the_way_to_it(folder, monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "synth.view.server")
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    assert main(["view", str(folder)]) == 2
    assert "--extra view" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["0", "65536", "-1"])
def test_a_port_that_is_none_is_refused(folder, port, capsys):
    assert main(["view", str(folder), f"--port={port}"]) == 2
    assert "--port must be from 1 to 65535" in capsys.readouterr().err


def test_interrupted_it_ends_well_and_leaves_nothing_behind(folder):
    words = [sys.executable, "-m", "synth", "view", str(folder)]
    before = sorted(folder.rglob("*"))
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        line = server.stdout.readline()
        assert "http://127.0.0.1:" in line
        server.send_signal(signal.SIGINT)
        _, said = server.communicate(timeout=60)
    assert (server.returncode, said) == (0, "")
    assert sorted(folder.rglob("*")) == before
