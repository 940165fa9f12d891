"""The panel in a real browser: Chromium clicks its way through the viewer of a run that was trained for this."""

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"),
]
ENVIRONMENT = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHONWARNINGS": "ignore"}
ALIKE = {"OMP_NUM_THREADS": "1"}  # sums in one order: the run is the same each time
RED, COLOURED = (205, 48, 45), (255, 99, 71)
PATIENCE = 40.0  # seconds, on a machine that trains the run in TRAINING of them; a busy one gets more
TRAINING = 20.0


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright drives the browser: pip install playwright"
    )
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with playwright.sync_playwright() as made:
        chromium = made.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


class Site(NamedTuple):
    """A viewer that listens.

    Args:
        address: of its page.
        patience: seconds that anything in it may take.
        run: the folder of its run.
        hold: its segmenter waits while this file is there.
    """

    address: str
    patience: float
    run: Path
    hold: Path


@pytest.fixture(scope="module")
def site(browser, tmp_path_factory):
    """A viewer on a run that has just been trained."""
    folder = tmp_path_factory.mktemp("viewer")
    environment = {**ENVIRONMENT, "NERFSEG_CACHE": str(folder / "cache"), "HOLD": str(folder / "hold")}
    began = time.monotonic()
    trained = subprocess.run(
        [sys.executable, HERE / "box_scene.py", folder],
        env={**environment, **ALIKE},
        stdout=subprocess.PIPE,
        text=True,
        timeout=600,
    )
    patience = PATIENCE * max(1.0, (time.monotonic() - began) / TRAINING)
    config = trained.stdout.split()[-1]
    assert config.endswith("config.yml"), trained.stdout
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (folder / "viewer.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, HERE / "viewer_server.py", "viewer", "--load-config", config, "--port", str(port)]
            + ["--segmenter", "colour", "--view", "001", "--learn-steps", "80"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 3 * patience
        while True:
            assert server.poll() is None and time.monotonic() < end, (folder / "viewer.log").read_text()
            try:
                urllib.request.urlopen(address, timeout=1).close()
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.5)
        yield Site(address, patience, Path(config).parent, folder / "hold")
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
        print((folder / "viewer.log").read_text())


@pytest.fixture
def open_panel(browser, site, tmp_path):
    """Opens a page; all are closed after the test, because every open one is drawn for."""
    panels = []

    def open_one() -> "Panel":
        panels.append(Panel(browser, site, tmp_path))
        return panels[-1]

    yield open_one
    for panel in panels:
        panel.page.close()


class Panel:
    """A browser's page."""

    def __init__(self, browser, site: Site, folder: Path) -> None:
        self.folder, self.patience = folder, site.patience
        self.page = browser.new_page(viewport={"width": 1000, "height": 900})
        self.page.set_default_timeout(1000 * site.patience)
        self.page.goto(site.address)
        self.button("Click on the object").wait_for()
        self.button("Reset").click()  # a browser goes on with what one before it left
        size = self.field("Max res")  # as the guide says for CPUs
        size.fill("192")
        size.press("Enter")
        self.wait_for_picture(lambda canvas: near(canvas, RED).sum() > 500)

    def button(self, name: str):
        return self.page.get_by_role("button", name=name, exact=True)

    def text(self, words: str):
        return self.page.get_by_text(words)

    def listed(self, name: str):
        """The paragraph with an object of the list."""
        return self.page.get_by_role("paragraph").filter(has_text=name)

    def canvas(self) -> np.ndarray:
        """What the 3D part of the page shows."""
        picture = self.page.screenshot(clip={"x": 0, "y": 60, "width": 660, "height": 830})
        return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int)

    def wait_for_picture(self, like) -> np.ndarray:
        end = time.monotonic() + self.patience
        while not like(canvas := self.canvas()):
            if time.monotonic() > end:
                self.page.screenshot(path=self.folder / "page.png")
                raise AssertionError(f"the picture never came: {self.folder}/page.png")
            time.sleep(0.3)
        return canvas

    def red_place(self) -> tuple[float, float]:
        """A place on the page in the middle of the red box."""
        rows, columns = np.nonzero(near(self.canvas(), RED))
        return float(np.median(columns)), float(np.median(rows)) + 60

    def click_object(self, place: tuple[float, float] | None = None) -> None:
        place = place or self.red_place()
        self.button("Click on the object").click()
        self.text("Now click on the object in the scene").wait_for()
        self.page.mouse.click(*place)
        self.text("Is the outline right?").wait_for()

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.page.mouse.move(*start)
        self.page.mouse.down()
        self.page.mouse.move(*end, steps=4)
        self.page.mouse.up()

    def save_prompts(self) -> Path:
        with self.page.expect_download() as download:
            self.button("Save prompts").click()
        path = self.folder / "prompts.json"
        download.value.save_as(path)
        return path

    def field(self, label: str):
        """The input behind a label."""
        label_there = self.page.get_by_text(label, exact=True).first
        return label_there.locator(
            "xpath=ancestor::*[.//input[not(@type) or @type='text']][1]//input[not(@type) or @type='text']"
        ).last

    def choose(self, label: str, option: str) -> None:
        self.page.get_by_role("textbox", name=label).click()
        self.page.get_by_role("option", name=option, exact=True).click()


def near(picture: np.ndarray, colour: tuple[int, int, int], by: int = 45) -> np.ndarray:
    return (np.abs(picture - colour).max(axis=-1) < by) & (picture[..., 0] > 120)


def highlighted(picture: np.ndarray) -> int:
    """Pixels that are tomato rather than red: their green has come up."""
    return int(((picture[..., 0] > 180) & (picture[..., 1] > 65) & (picture[..., 1] < 130)).sum())


def test_an_object_is_clicked_segmented_changed_and_taken_back(open_panel):
    panel = open_panel()
    page = panel.page
    before = panel.canvas()

    panel.click_object()
    preview = page.get_by_role("img", name="mask")
    assert preview.get_attribute("src").startswith("data:image/jpeg")

    panel.field("Name").fill("red box")
    panel.button("Segment in 3D").click()
    panel.listed("red box").wait_for()
    page.get_by_text("Show objects").wait_for()
    panel.wait_for_picture(lambda canvas: highlighted(canvas) > highlighted(before) + 4000)

    panel.choose("Show objects", "removed")
    box = near(before, RED)  # this field is too hazy to be free of red afterwards; the hand-made one is
    panel.wait_for_picture(
        lambda canvas: highlighted(canvas) < highlighted(before) + 2000 and np.abs(canvas - before)[box].mean() > 8
    )
    panel.choose("Show objects", "alone")
    panel.wait_for_picture(
        lambda canvas: (
            near(canvas, RED).sum() > 0.5 * near(before, RED).sum()
            and (canvas[..., 1] > canvas[..., 0] + 30).mean() < 0.05
        )
    )
    panel.choose("Show objects", "highlighted")
    panel.wait_for_picture(lambda canvas: highlighted(canvas) > highlighted(before) + 4000)

    threshold = panel.field("Threshold")
    threshold.fill("1")
    threshold.press("Enter")
    panel.wait_for_picture(lambda canvas: highlighted(canvas) < highlighted(before) + 2000)

    panel.button("Undo").click()
    panel.wait_for_picture(lambda canvas: highlighted(canvas) > highlighted(before) + 4000)
    panel.button("Undo").click()
    page.get_by_text("Show objects").wait_for(state="hidden")
    panel.text("Is the outline right?").wait_for()

    page.get_by_text("Files").click()
    assert '"red box"' in panel.save_prompts().read_text()

    # the mouse is the camera's again
    panel.drag((300, 500), (420, 520))
    panel.wait_for_picture(lambda canvas: np.abs(canvas - before).mean() > 10)


def test_an_error_shows_in_one_panel_and_another_browser_is_not_disturbed(open_panel):
    one, other = open_panel(), open_panel()
    one.button("Click beside it").click()
    one.text("Now click on what does not belong").wait_for()
    assert not other.text("Now click on what").count()
    one.page.mouse.click(*one.red_place())
    one.text("start with a click on the object").wait_for()
    assert not other.text("start with a click").count()
    other.click_object()
    assert one.text("start with a click on the object").count() == 1
    assert not one.page.get_by_role("img", name="mask").count()
    one.click_object()


def test_a_box_another_meaning_prompts_from_a_file_edit_and_export(open_panel, site):
    panel = open_panel()
    page = panel.page
    before = panel.canvas()
    rows, columns = np.nonzero(near(before, RED))
    panel.button("Draw a box").click()
    panel.text("Now drag a box around the object").wait_for()
    low, high = ((np.quantile(columns, q), np.quantile(rows, q) + 60) for q in (0.01, 0.99))
    panel.drag((low[0] - 8, low[1] - 8), (high[0] + 8, high[1] + 8))
    panel.text("Is the outline right?").wait_for()
    page.get_by_role("img", name="mask").wait_for()

    panel.button("Segment in 3D").click()
    page.get_by_text("Show objects").wait_for()
    whole = highlighted(panel.wait_for_picture(lambda canvas: highlighted(canvas) > highlighted(before) + 4000))
    panel.choose("A click means", "part")  # the object is made again from the upper half
    panel.wait_for_picture(lambda canvas: highlighted(canvas) < 0.8 * whole)
    panel.choose("A click means", "auto")
    panel.wait_for_picture(lambda canvas: highlighted(canvas) > 0.9 * whole)

    page.get_by_text("Files").click()
    saved = panel.save_prompts()
    (record,) = json.loads(saved.read_text())["objects"]
    assert record["granularity"] == "auto" and len(record["box"]) == 4
    panel.button("Reset").click()
    page.get_by_text("Show objects").wait_for(state="hidden")
    saved.write_text(saved.read_text().replace(record["name"], "from a file"))
    with page.expect_file_chooser() as chooser:
        panel.button("Load prompts").click()
    chooser.value.set_files(saved)
    panel.text("The loaded prompts wait for").wait_for()
    panel.listed("from a file (waits)").wait_for()
    panel.button("Segment in 3D").click()
    panel.wait_for_picture(lambda canvas: highlighted(canvas) > highlighted(before) + 4000)

    panel.button("Edit").click()
    panel.text("Is the outline right?").wait_for()
    panel.field("Name").fill("shed")
    panel.button("Segment in 3D").click()
    panel.listed("shed").wait_for()
    panel.listed("from a file").wait_for(state="hidden")

    panel.button("Export the object").click()
    panel.text("Exported").wait_for()
    exported = {path.name for path in (site.run / "objects" / "shed").iterdir()}
    assert {"shed.npz", "masks"} < exported and any(name.endswith(".ply") for name in exported)

    panel.button("Delete").click()
    page.get_by_text("Show objects").wait_for(state="hidden")
    panel.wait_for_picture(lambda canvas: highlighted(canvas) < highlighted(before) + 2000)


def test_a_selection_that_is_cancelled_leaves_camera_and_panel_working(open_panel, site):
    panel = open_panel()
    before = panel.canvas()
    panel.click_object()
    panel.field("Name").fill("cancelled")  # results of other tests are known under their prompts
    site.hold.touch()
    try:
        panel.button("Segment in 3D").click()
        panel.button("Cancel").click()
        panel.text("Stopping").wait_for()
    finally:
        site.hold.unlink()
    panel.text("stopped; objects that were finished stay").wait_for()
    assert panel.text("Show objects").is_hidden()

    panel.drag((300, 500), (330, 505))
    panel.wait_for_picture(lambda canvas: np.abs(canvas - before).mean() > 10)
    panel.drag((330, 505), (300, 500))  # back: from between the captured views this field hides the box in fog
    panel.button("Segment in 3D").click()
    panel.listed("cancelled").wait_for()
    panel.wait_for_picture(lambda canvas: highlighted(canvas) > highlighted(before) + 4000)


def test_objects_get_classes_and_the_scene_learns_them(open_panel, site):
    """The last one: the viewer shows classes in the place of colours from here on."""
    panel = open_panel()
    page = panel.page
    before = panel.canvas()
    ground = (before[..., 1] > before[..., 0] + 25) & (before[..., 1] > before[..., 2] + 25)
    box = near(before, RED)
    assert ground.sum() > 5000
    rows, columns = np.nonzero(ground)
    x, y = panel.red_place()
    left = np.abs(columns - 0.5 * x) + np.abs(rows + 60 - y)
    place = (float(columns[left.argmin()]), float(rows[left.argmin()]) + 60)

    panel.field("Class").fill("Box")
    panel.click_object()
    panel.button("Segment in 3D").click()
    panel.listed("object 1: Box").wait_for()
    panel.field("Class").fill("Ground")
    panel.click_object(place)
    panel.button("Segment in 3D").click()
    panel.listed("object 2: Ground").wait_for()
    panel.choose("Its class", "Box")
    panel.listed("object 2: Box").wait_for()
    panel.button("Undo").click()
    panel.listed("object 2: Ground").wait_for()

    panel.button("Learn from clicks").click()
    panel.text("Classes were learned").wait_for(timeout=3000 * site.patience)
    run = site.run.with_name("run-clicks")
    assert panel.text(run.name).count() and list((run / "nerfstudio_models").glob("step-*.ckpt"))
    classes = json.loads((run / "classes.json").read_text())["classes"]
    assert [entry["name"] for entry in classes] == ["Box", "Ground"]
    with Image.open(run / "labels" / "001.png") as image:
        assert {0, 1, 255} == set(np.unique(np.asarray(image)).tolist())

    # the ground is in the purple of its class, and the box is in another colour than the ground
    purple = np.array(classes[1]["rgb"])
    assert purple.tolist() == [81, 0, 81]

    def shows_classes(canvas: np.ndarray) -> bool:
        on_ground, on_box = (np.median(canvas[part], axis=0) for part in (ground, box))
        return on_ground[1] < on_ground[0] + 10 and np.abs(on_ground - on_box).max() > 40

    assert not shows_classes(before)
    panel.button("Reset").click()  # not the colours of the objects; what was learned stays
    panel.wait_for_picture(shows_classes)
    page.get_by_text("Classes learned from clicks").wait_for()
    assert json.loads((run / "prompts.json").read_text())["objects"][1]["class"] == "Ground"
