"""The guide's picture of the viewer, driven by a real Chromium on what scripts/demo.sh left.

python scripts/viewer_picture.py [OUT.png] clicks on the demonstration's building, has it segmented, and takes the page.
"""

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

DEMO = Path("demo")
ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"),
]
WIDTH, HEIGHT, PANEL, BAR = 1180, 760, 340, 60
PATIENCE = 300.0
RESOLUTION = 320


def main(out: Path) -> None:
    """Start the viewer, click, and take the picture."""
    from playwright.sync_api import sync_playwright

    config = next(DEMO.glob("outputs/demo/*/*/config.yml"), None)
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if config is None or not (DEMO / "done" / "object").exists() or chromium is None:
        sys.exit("this needs Chromium, and in demo/ a demonstration with a selected object: bash scripts/demo.sh")
    prompt = json.loads((DEMO / "prompts.json").read_text())["objects"][0]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["nerfseg", "viewer", "--load-config", str(config), "--port", str(port), "--view", prompt["view"]]
    server = subprocess.Popen(words, stdin=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}", server)
        with sync_playwright() as made:
            browser = made.chromium.launch(executable_path=chromium, args=ARGUMENTS)
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            page.set_default_timeout(1000 * PATIENCE)
            page.goto(f"http://127.0.0.1:{port}")
            page.get_by_role("button", name="Click on the object", exact=True).wait_for()
            size = page.get_by_text("Max res", exact=True).first.locator(
                "xpath=ancestor::*[.//input[not(@type) or @type='text']][1]//input[not(@type) or @type='text']"
            )
            size.last.fill(str(RESOLUTION))
            size.last.press("Enter")
            _wait_until_fine(page)
            x, y, _ = prompt["points"][0]
            side, middle = HEIGHT - BAR, (WIDTH - PANEL) / 2  # the view's square fills the height of the canvas
            place = middle + (x / 160 - 0.5) * side, BAR + y / 160 * side
            page.get_by_role("button", name="Click on the object", exact=True).click()
            page.get_by_text("Now click on the object in the scene").wait_for()
            page.mouse.click(*place)
            page.get_by_text("Is the outline right?").wait_for()
            page.get_by_role("button", name="Segment in 3D", exact=True).click()
            page.get_by_text("Show objects").wait_for()
            _wait_until_fine(page)
            out.parent.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=out, clip={"x": 0, "y": BAR - 10, "width": WIDTH, "height": HEIGHT - BAR + 10})
            browser.close()
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()


def _wait_until_fine(page: Any, seconds: float = 4.0) -> None:
    """Wait for the picture of a camera that stands still: coarse ones come first, and the panel says which this is."""
    canvas = {"x": 0, "y": BAR, "width": WIDTH - PANEL, "height": HEIGHT - BAR}
    last, since, end = b"", time.monotonic(), time.monotonic() + PATIENCE
    while time.monotonic() - since < seconds:
        if time.monotonic() > end:
            sys.exit(f"no still picture of {RESOLUTION} pixels within {PATIENCE:.0f} seconds")
        time.sleep(1.0)
        said = re.search(r"Resolution: (\d+)\D(\d+)px", page.inner_text("body"))
        fine = said is not None and max(map(int, said.groups())) > 0.9 * RESOLUTION
        picture = page.screenshot(clip=canvas)
        if picture != last or not fine:
            last, since = picture, time.monotonic()


def _wait_for(address: str, server: subprocess.Popen) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        if server.poll() is not None or time.monotonic() > end:
            sys.exit("the viewer did not start, see above")
        try:
            urllib.request.urlopen(address, timeout=1).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/pictures/viewer.png"))
