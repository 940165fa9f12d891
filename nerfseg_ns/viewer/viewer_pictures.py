"""The pictures that nerfstudio's render threads draw for browsers: drawn anew, or given up for what cannot wait."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nerfstudio.viewer.render_state_machine import RenderStateMachine


class ViewerPictures:
    """A picture in full size keeps the model for many seconds on a CPU; coarse ones are quick.

    Args:
        viewer: nerfstudio's viewer.
    """

    def __init__(self, viewer: Any) -> None:
        self.viewer = viewer
        self._machines: dict[int, RenderStateMachine] = {}

    def draw_again(self, client_id: int) -> None:
        """Draw a browser's picture anew, coarse at first."""
        from nerfstudio.viewer.render_state_machine import RenderAction

        machine = self.viewer.render_statemachines.get(client_id)
        if machine is not None and self.viewer.ready:
            machine.action(RenderAction("move", self.viewer.get_camera_state(machine.client)))

    def draw_all_again(self) -> None:
        """Draw all browsers' pictures anew."""
        for client_id in list(self.viewer.render_statemachines):
            self.draw_again(client_id)

    def make_way(self) -> None:
        """Begin pictures in full size again, so that whoever waits for the model gets it in between."""
        for client_id, machine in list(self.viewer.render_statemachines.items()):
            if machine.state == "high":
                self.draw_again(client_id)

    def open(self, client_id: int) -> None:
        """A browser is there: its first picture comes before the full ones of others."""
        self._machines[client_id] = self.viewer.render_statemachines[client_id]
        lock = self.viewer.train_lock
        if lock is not None and lock.locked():
            self.make_way()

    def close(self, client_id: int) -> None:
        """A browser is gone. Nerfstudio would finish a picture that nobody waits for."""
        machine = self._machines.pop(client_id, None)
        if machine is not None:
            machine.interrupt_render_flag = True
