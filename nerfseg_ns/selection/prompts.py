"""What the user said about an object: clicks and boxes in views."""

from dataclasses import dataclass, field


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


@dataclass(frozen=True)
class ObjectPrompt:
    """All prompts of one object; the first view is where it was found.

    Args:
        name: the object's name, unique in its session.
        views: at least one.
        granularity: ``auto``, ``part``, ``object`` or ``whole``: which of the masks that a click may mean.
    """

    name: str
    views: tuple[ViewPrompt, ...] = field(default_factory=tuple)
    granularity: str = "auto"
