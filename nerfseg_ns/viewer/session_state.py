"""What a session holds at one moment: the prompts being made and the list of objects."""

from dataclasses import dataclass, replace

from nerfseg_ns.selection.prompts import ObjectPrompt
from nerfseg_ns.selection.selected_object import SelectedObject

MODES = ("highlight", "isolate", "remove")
"""How objects are shown: coloured, alone, or taken out of the scene."""

COLOURS = (
    (255, 99, 71),
    (64, 156, 255),
    (255, 205, 60),
    (80, 200, 120),
    (200, 110, 255),
    (255, 140, 30),
    (50, 210, 210),
    (255, 105, 180),
)
"""Colours of objects, given out in this order."""


@dataclass(frozen=True, eq=False)
class SessionObject:
    """An object of the list.

    Args:
        prompt: what the user said.
        colour: RGB, 0..255.
        selected: the object in 3D; None until it was segmented.
    """

    prompt: ObjectPrompt
    colour: tuple[int, int, int]
    selected: SelectedObject | None = None

    @property
    def name(self) -> str:
        """The name, unique in its session."""
        return self.prompt.name


@dataclass(frozen=True, eq=False)
class SessionState:
    """All that undo brings back. Immutable.

    Args:
        draft: the prompts being made; without views when nothing was clicked yet.
        edited: name of the object that the draft will replace, None when it makes a new one.
        objects: in the order they were made.
        current: name of the object that the sliders act on.
        mode: one of :data:`MODES`.
    """

    draft: ObjectPrompt
    edited: str | None = None
    objects: tuple[SessionObject, ...] = ()
    current: str | None = None
    mode: str = MODES[0]

    @classmethod
    def empty(cls) -> "SessionState":
        """Nothing clicked, no objects."""
        return cls(ObjectPrompt("object 1"))

    def object(self, name: str | None) -> SessionObject | None:
        """The object of a name, None when there is none."""
        return next((entry for entry in self.objects if entry.name == name), None)

    def free_name(self) -> str:
        """The first of "object 1", "object 2", ... that no object has."""
        names = {entry.name for entry in self.objects}
        return next(name for i in range(1, len(names) + 2) if (name := f"object {i}") not in names)

    def free_colour(self) -> tuple[int, int, int]:
        """The colour that fewest objects have."""
        used = [entry.colour for entry in self.objects]
        return min(COLOURS, key=used.count)

    def empty_draft(self) -> ObjectPrompt:
        """The draft of a further object; a click goes on meaning what it meant, and the class stays."""
        return ObjectPrompt(self.free_name(), granularity=self.draft.granularity, class_name=self.draft.class_name)

    def replaced(self, changed: SessionObject, name: str | None = None) -> "SessionState":
        """This state with an object in the place of the one called ``name``; None: of the one of its own name."""
        name = name or changed.name
        return replace(self, objects=tuple(changed if entry.name == name else entry for entry in self.objects))
