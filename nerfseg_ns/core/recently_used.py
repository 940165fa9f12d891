"""Things held in memory up to a number of bytes."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class RecentlyUsed(Generic[T]):
    """A mapping that lets go of what was used longest ago; the newest entry always stays.

    Args:
        limit: bytes; None for any number.
    """

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self.bytes = 0
        self._held: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()

    def find(self, key: Hashable) -> T | None:
        """What is held under a key, None when nothing is."""
        if key not in self._held:
            return None
        self._held.move_to_end(key)
        return self._held[key][0]

    def keep(self, key: Hashable, value: T, size: int) -> T:
        """Hold a value of so many bytes, and return it."""
        self.bytes += size - self._held.pop(key, (None, 0))[1]
        self._held[key] = value, size
        while self.limit is not None and self.bytes > self.limit and len(self._held) > 1:
            self.bytes -= self._held.popitem(last=False)[1][1]
        return value

    def clear(self) -> None:
        """Let go of everything."""
        self._held.clear()
        self.bytes = 0
