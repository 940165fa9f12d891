"""The panels of all browsers of one viewer: each has its own session, pictures and pointer."""

import threading
from typing import Any

from nerfseg_ns.viewer.selection_panel import SelectionPanel
from nerfseg_ns.viewer.selection_rendering import SelectionRendering, ShownObjects
from nerfseg_ns.viewer.selection_session import SelectionSession
from nerfseg_ns.viewer.workbench import Workbench


class ViewerPanels:
    """Gives every browser a panel, and its pictures what its session shows.

    Args:
        viewer: nerfstudio's viewer.
        workbench: shared by all panels.
        opened: whether panels are unfolded at the start.
    """

    def __init__(self, viewer: Any, workbench: Workbench, opened: bool = False) -> None:
        self.viewer = viewer
        self.workbench = workbench
        self.opened = opened
        self.panels: dict[int, SelectionPanel] = {}
        self._left: list[SelectionSession] = []  # of browsers that are gone: a page that is loaded again goes on
        self._lock = threading.Lock()

    def install(self) -> None:
        """Hook into the viewer's connections and its model's pictures."""
        model = self.viewer.pipeline.model
        if hasattr(model, "proposal_sampler") and hasattr(model, "field"):
            SelectionRendering(model, self.shown).install()
        self.viewer.viser_server.on_client_connect(self._connect)
        self.viewer.viser_server.on_client_disconnect(self._disconnect)

    def _connect(self, client: Any) -> None:
        with self._lock:
            session = self._left.pop() if self._left else SelectionSession()
            panel = SelectionPanel(client, session, self.workbench, lambda: self._render_again(client.client_id))
            self.panels[client.client_id] = panel
        panel.build(self.opened, order=self.viewer.stats_markdown.order + 0.5)  # above the tabs

    def _disconnect(self, client: Any) -> None:
        with self._lock:
            panel = self.panels.pop(client.client_id, None)
            if panel is not None:
                panel.close()
                if panel.session.state.objects or panel.session.state.draft.views:
                    self._left.append(panel.session)

    def shown(self) -> ShownObjects | None:
        """What the picture being drawn by this thread shows; None outside of a viewer's render thread."""
        client = getattr(threading.current_thread(), "client", None)
        panel = self.panels.get(getattr(client, "client_id", None))  # type: ignore[arg-type]
        return panel.shown() if panel is not None else None

    def _render_again(self, client_id: int) -> None:
        from nerfstudio.viewer.render_state_machine import RenderAction

        machine = self.viewer.render_statemachines.get(client_id)
        if machine is not None and self.viewer.ready:
            machine.action(RenderAction("move", self.viewer.get_camera_state(machine.client)))
