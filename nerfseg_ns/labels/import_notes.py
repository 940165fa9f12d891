"""What an import has to say besides errors: grouped, so that a thousand clipped polygons are one line."""

import sys

from nerfseg_ns.data.scene_folder import listed


class ImportNotes:
    """Collects remarks and prints them as one line a kind."""

    def __init__(self) -> None:
        self._places: dict[str, list[str]] = {}

    def add(self, remark: str, place: str) -> None:
        """Note a remark, such as "shapes clipped at the edge of their image", at a place."""
        self._places.setdefault(remark, []).append(place)

    def lines(self) -> list[str]:
        """One line a remark, with its count and its first places."""
        return [f"{remark} ({len(places)}): {listed(places)}" for remark, places in self._places.items()]

    def print(self) -> None:
        """Print the lines to the standard error output."""
        for line in self.lines():
            print(f"note: {line}", file=sys.stderr)
