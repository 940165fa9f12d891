"""The states that a session has gone through, for undo."""

from dataclasses import replace

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.viewer.session_state import SessionState

UNDO_STEPS = 100


class SessionHistory:
    """Keeps the present state and those to go back to. Not safe in threads: the session has a lock."""

    def __init__(self) -> None:
        self.state = SessionState.empty()
        """The present one. Setting it is a change that undo passes over."""
        self._earlier: list[SessionState] = []
        self._slider: str | None = None

    @property
    def can_undo(self) -> bool:
        """Whether :meth:`undo` has something to take back."""
        return bool(self._earlier)

    def change(self, state: SessionState, slider: str | None = None) -> None:
        """Go on to a state.

        Args:
            state: the new one.
            slider: the slider or text field that made the change; one undo takes back all that it does in a row.
        """
        if slider is None or slider != self._slider:
            self._earlier.append(self.state)
            del self._earlier[:-UNDO_STEPS]
        self._slider = slider
        self.state = state

    def undo(self) -> None:
        """Go back by one change; how objects are shown stays.

        Raises:
            InputError: there is none.
        """
        if not self._earlier:
            raise InputError("there is nothing to undo")
        self.state = replace(self._earlier.pop(), mode=self.state.mode)
        self._slider = None
