"""The panels of all browsers of one viewer: each has its own session, pictures and pointer."""

import math
import threading
import time
from typing import Any

from nerfseg_ns.viewer.selection_panel import SelectionPanel
from nerfseg_ns.viewer.selection_rendering import SelectionRendering, ShownObjects
from nerfseg_ns.viewer.selection_session import SelectionSession
from nerfseg_ns.viewer.viewer_pictures import ViewerPictures
from nerfseg_ns.viewer.workbench import Workbench

CLASS_OUTPUT = "semantics_overlay"
"""What pictures show once classes were learned."""


class ViewerPanels:
    """Gives every browser a panel, and its pictures what its session shows.

    Args:
        viewer: nerfstudio's viewer.
        pictures: of that viewer.
        workbench: shared by all panels.
        opened: whether panels are unfolded at the start.
        start: number of the training view where browsers start, None for viser's own place.
    """

    def __init__(
        self,
        viewer: Any,
        pictures: ViewerPictures,
        workbench: Workbench,
        opened: bool = False,
        start: int | None = None,
    ) -> None:
        self.viewer = viewer
        self.pictures = pictures
        self.workbench = workbench
        self.opened = opened
        self.start = start
        self.panels: dict[int, SelectionPanel] = {}
        self._left: list[SelectionSession] = []  # of browsers that are gone: a page that is loaded again goes on
        self._lock = threading.Lock()
        self._hiding = False

    def install(self) -> None:
        """Hook into the viewer's connections and its model's pictures."""
        model = self.viewer.pipeline.model
        if hasattr(model, "gauss_params") or (hasattr(model, "proposal_sampler") and hasattr(model, "field")):
            SelectionRendering(model, self.shown).install()
        if self.workbench.learner is not None:
            self.workbench.learner.changed = self._show_classes
        self.viewer.viser_server.on_client_connect(self._connect)
        self.viewer.viser_server.on_client_disconnect(self._disconnect)

    def _show_classes(self, former: Any) -> None:
        """The model says other classes now: another legend, and pictures of them in all browsers."""
        viewer, legend = self.viewer, self.viewer.pipeline.model.class_legend
        for element in former.elements:
            element.remove()
        with viewer.viser_server.gui.add_folder("Classes learned from clicks"):
            for element in legend.elements:
                element.install(viewer.viser_server)
        for element in legend.elements:
            element.cb_hook = lambda _: self._read_ticks(legend)
        for panel in list(self.panels.values()):
            panel.refresh()
        self.pictures.draw_all_again()
        threading.Thread(target=self._choose_output, daemon=True).start()

    def _choose_output(self, seconds: float = 120.0) -> None:
        """Show the classes, once every browser's pictures have them: others would end their render threads."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            machines = list(self.viewer.render_statemachines.values())
            if all(CLASS_OUTPUT in machine.output_keys for machine in machines):
                self.viewer.control_panel._output_render.value = CLASS_OUTPUT
                return
            time.sleep(0.2)

    def _read_ticks(self, legend: Any) -> None:
        with self.viewer.train_lock:
            legend.read_ticks()
        self.pictures.draw_all_again()

    def _connect(self, client: Any) -> None:
        if self.start is not None:
            self._move_to(client, self.start)
        with self._lock:
            session = self._left.pop() if self._left else SelectionSession()
            number = client.client_id
            panel = SelectionPanel(client, session, self.workbench, lambda: self.pictures.draw_again(number))
            self.panels[number] = panel
        panel.build(self.opened, order=self.viewer.stats_markdown.order + 0.5)  # above the tabs
        self.pictures.open(number)

    def _disconnect(self, client: Any) -> None:
        self.pictures.close(client.client_id)
        with self._lock:
            panel = self.panels.pop(client.client_id, None)
            if panel is not None:
                panel.close()
                if panel.session.state.objects or panel.session.state.draft.views:
                    self._left.append(panel.session)

    def _move_to(self, client: Any, view: int) -> None:
        from nerfstudio.viewer.viewer import VISER_NERFSTUDIO_SCALE_RATIO

        camera = self.viewer.pipeline.datamanager.train_dataset.cameras[view]
        c2w = camera.camera_to_worlds.cpu().numpy()
        position = c2w[:, 3] * VISER_NERFSTUDIO_SCALE_RATIO
        with (
            client.atomic()
        ):  # not wxyz: viser makes of it a point to look at, from a position that it may not have yet
            client.camera.position = position
            client.camera.look_at = position - c2w[:, 2] * VISER_NERFSTUDIO_SCALE_RATIO
            client.camera.fov = 2.0 * math.atan(float(camera.height) / (2.0 * float(camera.fy)))
        if not self._hiding:
            self._hiding = True
            threading.Thread(target=self._hide_images, daemon=True).start()

    def _hide_images(self, seconds: float = 120.0) -> None:
        """Hide the training images: that of the view would cover the scene. The viewer adds them some time after start.

        As its own button does; the first browser may be there before they are.
        """
        end = time.monotonic() + seconds
        while not hasattr(self.viewer, "train_state") and time.monotonic() < end:  # set once they are all there
            time.sleep(0.2)
        if hasattr(self.viewer, "train_state"):
            self.viewer.set_camera_visibility(False)
            self.viewer.hide_images.visible, self.viewer.show_images.visible = False, True
            self.pictures.draw_all_again()

    def shown(self) -> ShownObjects | None:
        """What the picture being drawn by this thread shows; None outside of a viewer's render thread."""
        client = getattr(threading.current_thread(), "client", None)
        panel = self.panels.get(getattr(client, "client_id", None))  # type: ignore[arg-type]
        return panel.shown() if panel is not None else None
