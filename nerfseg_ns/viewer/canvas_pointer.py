"""The mouse in the 3D canvas of one browser: the camera's, or pressed into pointing at an object."""

from collections.abc import Callable
from typing import Any


class CanvasPointer:
    """Takes the mouse for one click or one box, then gives it back to the camera.

    Args:
        scene: viser's handle of the browser's scene.
        pointed: called with what was to be pointed at and viser's event.
    """

    def __init__(self, scene: Any, pointed: Callable[[str, Any], None]) -> None:
        self.taken: str | None = None
        """on, beside or box; None: the mouse is the camera's."""
        self._scene = scene
        self._pointed = pointed

    def press(self, name: str) -> None:
        """Take the mouse for one of on, beside and box; a second time gives it back."""
        again = name == self.taken
        self.release()
        if not again:
            self.taken = name

            @self._scene.on_pointer_event(event_type="rect-select" if name == "box" else "click")
            def _(event: Any) -> None:
                if self.taken == name:  # otherwise a second event of the same movement
                    self.release()
                    self._pointed(name, event)

    def release(self) -> None:
        """Give the mouse back to the camera."""
        if self.taken is not None:
            self.taken = None
            self._scene.remove_pointer_callback()
