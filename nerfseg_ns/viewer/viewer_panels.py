"""The panels of all browsers of one viewer: each has its own session, pictures and pointer."""

import threading
import time
from typing import TYPE_CHECKING, Any

from nerfseg_ns.viewer.selection_panel import SelectionPanel
from nerfseg_ns.viewer.selection_rendering import SelectionRendering, ShownObjects
from nerfseg_ns.viewer.selection_session import SelectionSession
from nerfseg_ns.viewer.workbench import Workbench

if TYPE_CHECKING:
    from nerfstudio.viewer.render_state_machine import RenderStateMachine


class ViewerPanels:
    """Gives every browser a panel, and its pictures what its session shows.

    Args:
        viewer: nerfstudio's viewer.
        workbench: shared by all panels.
        opened: whether panels are unfolded at the start.
        start: number of the training view where browsers start, None for viser's own place.
    """

    def __init__(self, viewer: Any, workbench: Workbench, opened: bool = False, start: int | None = None) -> None:
        self.viewer = viewer
        self.workbench = workbench
        self.opened = opened
        self.start = start
        self.panels: dict[int, SelectionPanel] = {}
        self._left: list[SelectionSession] = []  # of browsers that are gone: a page that is loaded again goes on
        self._machines: dict[int, RenderStateMachine] = {}
        self._lock = threading.Lock()
        self._hiding = False

    def install(self) -> None:
        """Hook into the viewer's connections and its model's pictures."""
        model = self.viewer.pipeline.model
        if hasattr(model, "proposal_sampler") and hasattr(model, "field"):
            SelectionRendering(model, self.shown).install()
        self.viewer.viser_server.on_client_connect(self._connect)
        self.viewer.viser_server.on_client_disconnect(self._disconnect)

    def _connect(self, client: Any) -> None:
        if self.start is not None:
            self._move_to(client, self.start)
        with self._lock:
            session = self._left.pop() if self._left else SelectionSession()
            panel = SelectionPanel(
                client, session, self.workbench, lambda: self._render_again(client.client_id), self._render_all_again
            )
            self.panels[client.client_id] = panel
            self._machines[client.client_id] = self.viewer.render_statemachines[client.client_id]
        panel.build(self.opened, order=self.viewer.stats_markdown.order + 0.5)  # above the tabs
        lock = self.viewer.train_lock
        if lock is not None and lock.locked():  # by a picture in full size, for which a new browser would stay black
            self._render_all_again()

    def _disconnect(self, client: Any) -> None:
        with self._lock:
            machine = self._machines.pop(client.client_id, None)
            if machine is not None:  # nerfstudio finishes a picture that nobody waits for, and keeps the model for it
                machine.interrupt_render_flag = True
            panel = self.panels.pop(client.client_id, None)
            if panel is not None:
                panel.close()
                if panel.session.state.objects or panel.session.state.draft.views:
                    self._left.append(panel.session)

    def _move_to(self, client: Any, view: int) -> None:
        from nerfstudio.viewer.viewer import VISER_NERFSTUDIO_SCALE_RATIO

        c2w = self.viewer.pipeline.datamanager.train_dataset.cameras[view].camera_to_worlds.cpu().numpy()
        position = c2w[:, 3] * VISER_NERFSTUDIO_SCALE_RATIO
        with (
            client.atomic()
        ):  # not wxyz: viser makes of it a point to look at, from a position that it may not have yet
            client.camera.position = position
            client.camera.look_at = position - c2w[:, 2] * VISER_NERFSTUDIO_SCALE_RATIO
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
            self._render_all_again()

    def shown(self) -> ShownObjects | None:
        """What the picture being drawn by this thread shows; None outside of a viewer's render thread."""
        client = getattr(threading.current_thread(), "client", None)
        panel = self.panels.get(getattr(client, "client_id", None))  # type: ignore[arg-type]
        return panel.shown() if panel is not None else None

    def _render_all_again(self) -> None:
        for client_id in list(self.viewer.render_statemachines):
            self._render_again(client_id)

    def _render_again(self, client_id: int) -> None:
        from nerfstudio.viewer.render_state_machine import RenderAction

        machine = self.viewer.render_statemachines.get(client_id)
        if machine is not None and self.viewer.ready:
            machine.action(RenderAction("move", self.viewer.get_camera_state(machine.client)))
