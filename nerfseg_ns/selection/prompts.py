"""What the user said about an object: clicks and boxes in views."""

from dataclasses import dataclass, field

GRANULARITIES = ("auto", "part", "object", "whole")
"""Which of the masks that a click may mean; after ``auto`` in the order of SAM's candidates."""


@dataclass(frozen=True)
class ViewPrompt:
    """Clicks and a box in one view, in pixels of that view's camera (pixel centres at +0.5).

    Args:
        view: the view's name.
        points: (x, y, label), label 1 on the object and 0 beside it.
        box: (x0, y0, x1, y1) around the object.
    """

    view: str
    points: tuple[tuple[float, float, int], ...] = ()
    box: tuple[float, float, float, float] | None = None

    @property
    def positive(self) -> bool:
        """Whether it says where the object is: a click on it or a box around it."""
        return self.box is not None or any(label == 1 for *_, label in self.points)


@dataclass(frozen=True)
class ObjectPrompt:
    """All prompts of one object; the first view is where it was found.

    Args:
        name: the object's name, unique in its session.
        views: at least one. The first one says where the object is; later ones may only say what it is not.
        granularity: one of :data:`GRANULARITIES`.
        class_name: what the object is, such as ``Vehicle``; None: not said.
    """

    name: str
    views: tuple[ViewPrompt, ...] = field(default_factory=tuple)
    granularity: str = "auto"
    class_name: str | None = None
