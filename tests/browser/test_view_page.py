"""The page of `view` in a real browser: what a user sees, types and presses. Skipped where there is no Chromium."""

import asyncio
import json
import re
import shutil
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from storage_records import CLASSES, HW, NAMES, make_manifest, make_record

from synth.passes import PASSES, as_stored
from synth.preview import PICTURES
from synth.storage.manifest import planned_shards, write_manifest
from synth.storage.shard import write_shard

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
web = pytest.importorskip("aiohttp.web", reason="the extra `view` is not installed")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="there is no Chromium: apt-get install chromium")

COUNT, STYLES = 400, ("bob", "long", "buzz")
YAW = "params/yaw_pitch_roll.0"


def spec_of(index: int) -> dict:
    return {"hair": {"style": STYLES[index % 3], "length": index / COUNT}}


@pytest.fixture(scope="module")
def records() -> list:
    return [record_of(index) for index in range(COUNT)]


def record_of(index: int) -> dict:
    """Pixels of one of eight records; numbers of its own."""
    record = make_record(index % 8) | {name: make_record(index)[name] for name in ("params/yaw_pitch_roll",)}
    numbers = {"meta/index": index, "meta/identity_index": index // 2, "meta/spec": json.dumps(spec_of(index))}
    return record | {name: as_stored(PASSES[name], value) for name, value in numbers.items()}


@pytest.fixture(scope="module")
def url(tmp_path_factory, records) -> Iterator[str]:
    """A server of COUNT records, in a thread of its own."""
    from synth.view.library import Library
    from synth.view.server import bind, make_app, url_of

    folder, manifest = tmp_path_factory.mktemp("page"), make_manifest(COUNT, 64)
    for plan in planned_shards(COUNT, 64):
        manifest.shards.append(write_shard(folder, plan, NAMES, records[plan.first : plan.first + plan.count]))
    write_manifest(folder, manifest)
    library, listener, loop = Library(folder), bind("127.0.0.1", None), asyncio.new_event_loop()
    runner = web.AppRunner(make_app(library))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    in_loop = lambda work: asyncio.run_coroutine_threadsafe(work, loop).result(60)
    in_loop(runner.setup())
    in_loop(web.SockSite(runner, listener).start())
    library.wait()
    yield url_of(listener)
    in_loop(runner.cleanup())
    in_loop(asyncio.sleep(0))  # connections that were closed say so in the next round
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="module")
def browser(url):
    """Chromium; it ends before the server does, so that no connection is left."""
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--enable-unsafe-swiftshader"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, url):
    """A function that opens the page; at the end nothing may have failed or been asked of another server."""
    pages, wrong = [], []

    def go(where: str = "#/", slow: str | None = None, **words):
        """slow: an address that is answered half a second late, and not waited for."""
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 800}} | words)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("request", lambda r: None if r.url.startswith((url, "data:")) else wrong.append(f"asked {r.url}"))
        pages.append(context)
        if slow:
            page.route(f"**/{slow}", lambda route: (time.sleep(0.5), route.continue_()))
            page.goto(url + where)
            return page
        with page.expect_response("**/api/columns"):
            page.goto(url + where)
        until(page, "document.getElementById('progress').hidden && document.getElementById('main').children[0]")
        return page

    yield go
    for context in pages:
        context.close()
    assert wrong == []


def shown(page) -> list[int]:
    """Records of the tiles that there are, from the top."""
    rows = page.evaluate("""[...document.querySelectorAll('.tile')].map((tile) => {
      const { e, f } = new DOMMatrix(getComputedStyle(tile).transform);
      return [f, e, +tile.hash.split('/')[2]]; })""")
    return [index for _, _, index in sorted(rows)]


def until(page, question: str) -> None:
    """Until the page says yes. Playwright's own wait_for_function needs eval, which the page's policy forbids."""
    end = time.monotonic() + 20
    while not page.evaluate(question):
        assert time.monotonic() < end, f"never came true: {question}"
        page.wait_for_timeout(20)


def total(page, words: str) -> None:
    until(page, f"document.querySelector('.total')?.textContent === {json.dumps(words)}")


def first_tile(page, index: int) -> None:
    page.wait_for_selector(f".tile[aria-label^='Record {index}'][tabindex='0']")


def test_only_the_rows_on_the_screen_exist_and_the_last_is_reached(open_page):
    page = open_page()
    total(page, f"{COUNT} records")
    first_tile(page, 0)
    assert shown(page)[:5] == [0, 1, 2, 3, 4]
    assert len(shown(page)) < 120
    page.evaluate("document.querySelector('.scroller').scrollTop = 1e9")
    page.wait_for_selector(f".tile[href='#/record/{COUNT - 1}']")
    assert len(shown(page)) < 120


def test_a_range_and_a_choice_leave_the_records_that_have_both(open_page, records):
    page = open_page()
    page.get_by_label("yaw from").fill("10")
    page.get_by_label("yaw from").press("Enter")
    page.get_by_role("checkbox", name="long").check()
    yaw = [np.rad2deg(record["params/yaw_pitch_roll"][0]) for record in records]
    expected = [k for k in range(COUNT) if yaw[k] >= 10 and k % 3 == 1]
    total(page, f"{len(expected)} of {COUNT} records")
    until(page, "document.querySelector('.badge').textContent === '2'")
    first_tile(page, expected[0])
    assert shown(page)[:4] == expected[:4]
    page.get_by_role("button", name="Clear filters").click()
    total(page, f"{COUNT} records")


def test_sorting_shows_the_largest_first_with_its_value(open_page, records):
    page = open_page()
    page.get_by_label("Sort by").select_option(YAW)
    page.get_by_role("button", name="Smallest first").click()
    yaw = np.array([np.rad2deg(record["params/yaw_pitch_roll"][0]) for record in records])
    first_tile(page, int(yaw.argmax()))
    assert page.locator(".tile[tabindex='0'] small").inner_text() == f"{yaw.max():.4g}°"


def test_the_search_box_opens_a_record_and_filters_by_a_choice(open_page):
    page = open_page()
    page.keyboard.press("/")
    page.keyboard.type("buzz")
    page.keyboard.press("Enter")
    total(page, f"{len(range(2, COUNT, 3))} of {COUNT} records")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("123")
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:has-text('Record 123')")


def test_a_search_that_is_faster_than_the_properties_waits_for_them(open_page):
    page = open_page(slow="api/columns")
    page.keyboard.press("/")
    page.keyboard.type("buzz")
    page.keyboard.press("Enter")
    total(page, f"{len(range(2, COUNT, 3))} of {COUNT} records")


def test_keys_walk_the_grid_open_a_record_and_come_back(open_page):
    page = open_page()
    first_tile(page, 0)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".tile[href='#/record/1']:focus")
    page.keyboard.press("End")
    page.wait_for_selector(f".tile[href='#/record/{COUNT - 1}']:focus")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"h1:has-text('Record {COUNT - 1}')")
    page.wait_for_selector(".steps small:has-text('400 of 400')")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector(f"h1:has-text('Record {COUNT - 2}')")
    page.keyboard.press("Escape")
    total(page, f"{COUNT} records")


def test_help_opens_by_its_key_and_closes_by_escape(open_page):
    page = open_page()
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open] h2:has-text('Keys')")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog:not([open])", state="attached")


def loaded(page) -> None:
    """Until the values of all passes have come: each frame has its proportions by then."""
    page.wait_for_selector(".frame")
    until(page, "[...document.querySelectorAll('.frame')].every((frame) => frame.style.aspectRatio)")


def outputs(page) -> dict[str, list[str]]:
    words = "f => [f.querySelector('b').innerText, [...f.querySelectorAll('.number')].map(n => n.innerText)]"
    return dict(page.evaluate(f"[...document.querySelectorAll('.passes figure')].map({words})"))


def under_pointer(shape: tuple[int, ...], row: int, col: int) -> tuple[int, int]:
    """The element of a map that lies where a pixel of the image does: a texture has a size of its own."""
    return int((row + 0.5) / HW[0] * shape[0]), int((col + 0.5) / HW[1] * shape[1])


@pytest.mark.parametrize(("row", "col"), [(12, 20), (5, 31)])
def test_values_under_the_pointer_are_the_records_own_in_every_pass(open_page, records, row, col):
    page = open_page("#/record/0")
    loaded(page)
    box = page.locator(".frame").first.bounding_box()
    x, y = box["x"] + (col + 0.5) / HW[1] * box["width"], box["y"] + (row + 0.5) / HW[0] * box["height"]
    page.mouse.move(x, y)
    page.wait_for_selector(f".where:has-text('row {row}, column {col}')")
    found = outputs(page)
    record = records[0]
    names = {name for name in record if PASSES[name].per_pixel}
    assert names == set(found)
    coded = {name for name in names if PASSES[name].unit == "class"}
    for name in names - coded:
        expected = np.atleast_1d(record[name][under_pointer(record[name].shape, row, col)])
        if found[name]:
            text = np.array([float(word) for word in found[name]])
            np.testing.assert_array_equal(text.astype(expected.dtype), expected, err_msg=name)
        else:  # "nothing here"
            assert not record["alpha"][row, col], name
    for name in coded:
        code = int(record[name][row, col])
        output = page.locator(f"figure:has(b:text-is('{name}')) output")
        assert output.inner_text() == f"{code} {CLASSES[code]}", name


def test_the_pixel_moves_by_keys_and_where_nothing_is_it_says_so(open_page):
    page = open_page("#/record/0")
    loaded(page)
    page.locator(".passes figure").first.focus()
    page.wait_for_selector(f".where:has-text('row {HW[0] // 2}, column {HW[1] // 2}')")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(f".where:has-text('column {HW[1] // 2 + 1}')")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowUp")
        page.keyboard.press("Shift+ArrowLeft")
    page.wait_for_selector(".where:has-text('row 0, column 0')")
    depth = page.locator("figure:has(b:text-is('depth')) output")
    assert depth.inner_text() == "nothing here"


def test_magnified_the_pointer_still_reads_its_own_pixel(open_page, records):
    page = open_page("#/record/0")
    loaded(page)
    page.locator(".passes figure").first.focus()
    page.wait_for_selector(".where:has-text('row')")
    for _ in range(3):
        page.keyboard.press("+")
    turned = page.locator(".turned").first.bounding_box()
    frame = page.locator(".frame").first.bounding_box()
    assert turned["width"] > 3 * frame["width"]
    x, y = frame["x"] + 0.37 * frame["width"], frame["y"] + 0.61 * frame["height"]
    page.keyboard.press("Escape")
    page.mouse.move(x, y)
    col, row = int((x - turned["x"]) / turned["width"] * HW[1]), int((y - turned["y"]) / turned["height"] * HW[0])
    page.wait_for_selector(f".where:has-text('row {row}, column {col}')")
    assert [int(word) for word in outputs(page)["image"]] == records[0]["image"][row, col].tolist()


def test_landmarks_are_drawn_where_they_are_with_their_visibility(open_page, records):
    page = open_page("#/record/0")
    loaded(page)
    dots = """[...document.querySelectorAll('.landmarks circle')].map((dot) =>
      [+dot.getAttribute('cx'), +dot.getAttribute('cy'), dot.classList.contains('seen')])"""
    page.wait_for_selector(".landmarks circle")
    found = page.evaluate(dots)
    np.testing.assert_allclose([[u, v] for u, v, _ in found], records[0]["landmarks/points_2d"], rtol=1e-6)
    assert [seen for _, _, seen in found] == records[0]["landmarks/visible"].tolist()
    page.keyboard.press("l")
    until(page, f"document.querySelectorAll('.landmarks').length === {page.locator('.frame').count()}")
    page.keyboard.press("l")
    until(page, "!document.querySelector('.landmarks')")
    page.keyboard.press("l")


def test_the_point_cloud_is_drawn_and_the_mesh_says_why_it_is_not(open_page):
    page = open_page("#/record/0")
    loaded(page)
    if page.get_by_text("has no WebGL 2").count():
        pytest.skip("this Chromium has no WebGL 2")
    coloured = """(() => { const canvas = document.querySelector('.scene canvas'), gl = canvas.getContext('webgl2');
      const count = canvas.width * canvas.height, pixels = new Uint8Array(4 * count);
      gl.readPixels(0, 0, canvas.width, canvas.height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
      return pixels.filter((value, k) => k % 4 === 3 && value).length > 0.02 * count; })()"""
    until(page, coloured)
    page.keyboard.press("m")
    page.wait_for_selector(".note:has-text('no morphable model')")


def test_a_bar_of_a_histogram_filters_by_its_bin(open_page, records):
    page = open_page("#/histograms")
    card = page.locator(".card:has(h3[title='hair.length'])")
    card.locator(".target").first.click()
    counts = page.evaluate("fetch('api/histograms?columns=hair.length').then(a => a.json())")
    edges = counts[0]["edges"]
    expected = sum(edges[0] <= k / COUNT <= edges[1] for k in range(COUNT))
    total(page, f"{expected} of {COUNT} records")


@pytest.mark.parametrize("where", ["#/", "#/record/0", "#/histograms"])
def test_on_a_phone_nothing_is_wider_than_the_screen(open_page, where):
    page = open_page(where, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page.wait_for_selector(":is(.tile, .passes figure, .card):visible")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_on_a_phone_the_filters_open_over_the_grid_and_close(open_page):
    page = open_page(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    assert not page.locator("#filters").is_visible()
    page.get_by_role("button", name="Filters").tap()
    page.get_by_label("yaw from").wait_for()
    page.get_by_role("button", name="Close the filters").tap()
    page.locator("#filters").wait_for(state="hidden")


COLOURS = """(names) => { const probe = document.body.appendChild(document.createElement('i'));
  const found = names.map((name) => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; });
  probe.remove();
  return found; }"""
PAIRS = [(ink, paper) for ink in ("--ink", "--faint", "--accent", "--warn") for paper in ("--paper", "--card")]
PAIRS += [("--on-accent", "--accent")]


def contrast(ink: str, paper: str) -> float:
    """WCAG 2.2's contrast ratio of two CSS colours rgb(r, g, b)."""
    light = []
    for colour in (ink, paper):
        code = np.array([float(word) for word in re.findall(r"[\d.]+", colour)[:3]]) / 255
        linear = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
        light.append(float(linear @ [0.2126, 0.7152, 0.0722]))
    return (max(light) + 0.05) / (min(light) + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_the_contrast_that_wcag_asks_for(open_page, scheme):
    names = sorted({name for pair in PAIRS for name in pair})
    colours = dict(zip(names, open_page(color_scheme=scheme).evaluate(COLOURS, names), strict=True))
    poor = {pair: contrast(*(colours[name] for name in pair)) for pair in PAIRS}
    assert {pair: ratio for pair, ratio in poor.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("where", ["#/", "#/record/0", "#/histograms"])
def test_everything_that_can_be_pressed_or_typed_into_has_a_name(open_page, where):
    page = open_page(where)
    page.wait_for_selector(":is(.tile, .passes figure, .card input):visible")
    nameless = """[...document.querySelectorAll('button, a[href], input, select, [tabindex="0"]')].filter((entry) => {
      const labels = [...(entry.labels ?? [])].map((label) => label.innerText).join("");
      const own = entry.getAttribute("aria-label") ?? entry.getAttribute("aria-labelledby") ?? entry.innerText;
      return !(own + labels + entry.title).trim(); }).map((entry) => entry.outerHTML.slice(0, 120))"""
    assert page.evaluate(nameless) == []


def test_a_record_that_is_not_there_is_said_in_words(open_page, url):
    page = open_page()
    page.on("console", lambda said: None)
    page.evaluate("location.hash = '#/histograms'")
    page.wait_for_selector(".card")
    answer = page.request.get(f"{url}api/records/99999")
    assert (answer.status, "99999" in answer.json()["error"]) == (404, True)


def test_the_pictures_offered_are_all_passes(open_page):
    page = open_page()
    offered = page.evaluate(
        "[...document.querySelector('[aria-label=\"Pass that is shown\"]').options].map(o => o.value)"
    )
    assert set(PICTURES) <= set(offered)
