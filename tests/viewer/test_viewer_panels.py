"""Browsers that come and go while nerfstudio's own render threads draw for them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.viewer.render_state_machine import RenderAction, RenderStateMachine
from nerfstudio.viewer.utils import CameraState

from nerfseg_ns.selection.field_renderer import FieldRenderer
from nerfseg_ns.viewer.shared_renderer import SharedRenderer
from nerfseg_ns.viewer.viewer_panels import ViewerPanels
from nerfseg_ns.viewer.viewer_pictures import ViewerPictures
from nerfseg_ns.viewer.workbench import Workbench

FULL, COARSE = 128, 40
"""Sizes of pictures; full ones are never finished unless they are interrupted."""


class SlowModel(torch.nn.Module):
    """Draws full pictures for ever and coarse ones at once."""

    device = torch.device("cpu")

    def __init__(self):
        super().__init__()
        self.drawing = threading.Event()
        self.given_up = False

    def get_outputs_for_camera(self, camera, obb_box=None):
        if int(camera.height) == FULL:
            self.drawing.set()
            try:
                while not self.given_up:
                    time.sleep(0.01)
            finally:
                self.drawing.clear()
        return {"rgb": torch.zeros(int(camera.height), int(camera.width), 3)}


class ViewerStandIn:
    """The parts of nerfstudio's viewer that render threads and panels use."""

    ready, include_time, step = True, False, 0

    def __init__(self):
        self.model, self.train_lock = SlowModel(), threading.Lock()
        self.pipeline = SimpleNamespace(model=self.model)
        self.control_panel = SimpleNamespace(crop_viewport=False, layer_depth=False, max_res=FULL)
        self.render_tab_state = SimpleNamespace(preview_render=False)
        self.stats_markdown = SimpleNamespace(order=0.0)
        self.render_statemachines, self.pictures = {}, []
        self.connected, self.disconnected = [], []
        self.viser_server = SimpleNamespace(
            on_client_connect=self.connected.append, on_client_disconnect=self.disconnected.append
        )

    def get_model(self):
        return self.model

    def get_camera_state(self, client):
        return CameraState(fov=1.0, aspect=1.0, c2w=torch.eye(4)[:3], camera_type=None)

    def open(self, browser):
        """As nerfstudio's handle_new_client, then ours."""
        machine = RenderStateMachine(self, 10.0, browser)
        machine.target_fps = 100_000 / COARSE**2  # nerfstudio's guess of rays per second, to be COARSE
        machine._send_output_to_viewer = lambda outputs, static_render: self.pictures.append(
            (browser.client_id, len(outputs["rgb"]))
        )
        self.render_statemachines[browser.client_id] = machine
        machine.start()
        self.connected[0](browser)
        machine.action(RenderAction("move", self.get_camera_state(browser)))
        return machine

    def close(self, browser):
        """As nerfstudio's handle_disconnect, then ours."""
        self.render_statemachines.pop(browser.client_id).running = False
        self.disconnected[0](browser)


@pytest.fixture
def viewer(monkeypatch, tmp_path):
    monkeypatch.setattr("nerfstudio.viewer.render_state_machine.get_camera", camera_of_size)
    # trainings in this process would leave it statistics to guess its speed from
    monkeypatch.setattr("nerfstudio.utils.writer.is_initialized", lambda: False)
    made = ViewerStandIn()
    made.pictures_of_browsers = ViewerPictures(made)
    ViewerPanels(made, made.pictures_of_browsers, Workbench(made.pipeline, tmp_path, made.train_lock)).install()
    yield made
    made.model.given_up = True
    for machine in made.render_statemachines.values():
        machine.running = False


def camera_of_size(state, height, width):
    from nerfstudio.cameras.cameras import Cameras

    return Cameras(state.c2w, 50.0, 50.0, width / 2, height / 2, width, height)


def test_a_picture_for_a_browser_that_is_gone_is_given_up(viewer, make_browser, wait_until):
    gone, there = make_browser(), make_browser()
    machine = viewer.open(gone)
    wait_until(viewer.model.drawing.is_set)
    assert viewer.train_lock.locked()
    viewer.close(gone)
    wait_until(lambda: not viewer.train_lock.locked() and not machine.is_alive())
    viewer.open(there)
    wait_until(lambda: (there.client_id, COARSE) in viewer.pictures)


def test_a_new_browser_gets_its_first_picture_while_another_ones_is_drawn(viewer, make_browser, wait_until):
    viewer.open(make_browser())
    wait_until(viewer.model.drawing.is_set)
    new = make_browser()
    viewer.open(new)
    wait_until(lambda: (new.client_id, COARSE) in viewer.pictures)
    wait_until(viewer.model.drawing.is_set)  # and full pictures go on
    assert viewer.pictures.count((new.client_id, COARSE)) >= 1 and (new.client_id, FULL) not in viewer.pictures


def test_a_selection_gets_the_model_between_full_pictures(viewer, make_browser, wait_until):
    viewer.open(make_browser())
    wait_until(viewer.model.drawing.is_set)
    viewer.model.field = SimpleNamespace(get_density=None, density_fn=lambda positions: positions[..., :1])
    viewer.model.proposal_sampler = viewer.model.proposal_networks = None
    renderer = SharedRenderer(FieldRenderer(viewer.model), viewer.train_lock, viewer.pictures_of_browsers.make_way)
    with ThreadPoolExecutor() as threads:
        points = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
        for _ in range(3):
            assert threads.submit(renderer.density, points).result(timeout=30).tolist() == [1.0, 4.0]
            wait_until(viewer.model.drawing.is_set)


def test_browsers_start_where_a_view_was_taken_and_see_as_much_of_it(viewer, tmp_path):
    c2w = torch.tensor([[1.0, 0, 0, 0.1], [0, 1, 0, 0.2], [0, 0, 1, 0.3]])  # looks down
    cameras = Cameras(c2w.repeat(2, 1, 1), 60.0, 60.0, 40.0, 30.0, width=80, height=60)
    dataset = SimpleNamespace(cameras=cameras)
    viewer.pipeline.datamanager = SimpleNamespace(train_dataset=dataset)
    workbench = Workbench(viewer.pipeline, tmp_path, viewer.train_lock)
    panels = ViewerPanels(viewer, viewer.pictures_of_browsers, workbench, start=1)
    panels._hiding = True  # no images of the views here
    client = SimpleNamespace(camera=SimpleNamespace(), atomic=nullcontext)
    panels._move_to(client, 1)
    np.testing.assert_allclose(client.camera.position, [1.0, 2.0, 3.0], rtol=1e-6)  # viser's units: 10 to 1
    np.testing.assert_allclose(client.camera.look_at - client.camera.position, [0.0, 0.0, -10.0], rtol=1e-6)
    assert client.camera.fov == pytest.approx(2 * np.arctan(30.0 / 60.0))
