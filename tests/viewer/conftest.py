"""Objects in 3D made by hand, and browsers without a browser."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import viser

from nerfseg_ns.core.object_votes import ObjectVotes
from nerfseg_ns.core.voxel_blocks import blocks_around
from nerfseg_ns.selection.prompts import ObjectPrompt, ViewPrompt
from nerfseg_ns.selection.selected_object import SelectedObject


def cube(low: float, high: float, prompt: ObjectPrompt | None = None, cell: float = 0.1) -> SelectedObject:
    """The cube from (low, low, low) to (high, high, high)."""
    steps = torch.arange(low, high + cell / 2, cell)
    blocks = blocks_around(torch.cartesian_prod(steps, steps, steps), cell)
    votes = ObjectVotes.none(blocks, 1)
    centres = blocks.centres()
    inside = ((centres >= low - 1e-4) & (centres <= high + 1e-4)).all(dim=-1).float()
    votes.inside[: blocks.count, 0], votes.outside[: blocks.count, 0] = inside, 1.0 - inside
    prompt = prompt or ObjectPrompt("cube", (ViewPrompt("000", ((1.0, 1.0, 1),)),))
    return SelectedObject(prompt, blocks, votes)


@pytest.fixture
def make_cube():
    """:func:`cube`."""
    return cube


class BrowserStandIn:
    """What viser gives for a browser, over a server that nobody visits.

    Args:
        client_id: its number.
    """

    def __init__(self, client_id: int = 0) -> None:
        self.server = viser.ViserServer(host="127.0.0.1", port=0, verbose=False)
        self.client_id = client_id
        self.gui, self.scene = self.server.gui, self
        self.camera = SimpleNamespace(aspect=1.0)
        self.point: Any = None
        self.notes: list[tuple[str, str]] = []

    def atomic(self) -> Any:
        return self.server.atomic()

    def on_pointer_event(self, event_type: str) -> Any:
        """As that of viser's scene: decorates what is called for a click or a box on the canvas."""

        def take(callback: Any) -> None:
            self.point = callback

        return take

    def remove_pointer_callback(self) -> None:
        self.point = None

    def add_notification(self, title: str, body: str, **_: Any) -> None:
        self.notes.append((title, body))

    def act(self, handle: Any, value: Any = None) -> None:
        """Press a button or give another element a value, as a user does."""
        if value is not None:
            handle._impl.value = value
        for callback in list(handle._impl.update_cb):
            callback(SimpleNamespace(client=self, client_id=self.client_id, target=handle))

    def close(self) -> None:
        lock = self.server._websock_server._atomic_lock
        if lock.locked():  # a test has failed; threads that wait for it would keep the server from stopping
            lock.release()
        self.server.stop()


@pytest.fixture
def make_browser():
    """Makes a :class:`BrowserStandIn`."""
    made = []

    def make() -> BrowserStandIn:
        made.append(BrowserStandIn(len(made)))
        return made[-1]

    yield make
    for browser in made:
        browser.close()


@pytest.fixture
def wait_until():
    """Waits for another thread; an AssertionError when it takes too long."""

    def wait(true, seconds: float = 30.0) -> None:
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, "it did not come"
            time.sleep(0.01)

    return wait
