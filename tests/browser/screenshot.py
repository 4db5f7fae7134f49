"""Makes docs/view.png, the picture of `view`: python tests/browser/screenshot.py DATASET RECORD, from the root."""

import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

SIZE = {"width": 1440, "height": 900}
POINT = (0.42, 0.55)  # of the image: where the pointer is
PICTURE = Path(__file__).resolve().parents[2] / "docs/view.png"


def main(dataset: str, record: str) -> None:
    """Serve the dataset, open the record, and take its picture."""
    words = [sys.executable, "-m", "synth", "view", dataset]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server, sync_playwright() as play:
        assert server.stdout is not None
        url = next(word for word in server.stdout.readline().split() if word.startswith("http"))
        browser = play.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--enable-unsafe-swiftshader"]
        )
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.goto(f"{url}#/record/{record}")
        page.wait_for_load_state("networkidle")
        frame = page.locator(".frame").first
        box = frame.bounding_box()
        assert box is not None
        frame.hover(position={"x": POINT[0] * box["width"], "y": POINT[1] * box["height"]})
        page.locator(".scene canvas").focus()
        for key in ("ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowLeft", "+"):
            page.keyboard.press(key)
        page.locator(".scene canvas").blur()
        page.wait_for_timeout(500)  # the 3D view is drawn in the next frames
        page.screenshot(path=PICTURE)
        browser.close()
        server.terminate()
    print(PICTURE, PICTURE.stat().st_size, "bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
