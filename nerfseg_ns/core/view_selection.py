"""Which training views keep their labels."""

from collections.abc import Sequence
from pathlib import PurePath

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean


def evenly_spread(count_views: int, n: int) -> list[int]:
    """``n`` of ``count_views`` positions, each in the middle of one of ``n`` equal stretches.

    So a trajectory that closes on itself is covered evenly too.

    Args:
        count_views: how many views there are, in the order of the trajectory.
        n: how many to choose.

    Raises:
        InputError: ``n`` is not 1..count_views.
    """
    if n < 1:
        raise InputError(f"{n} labelled views were asked for; at least 1 is needed (--labelled-views 5)")
    if n > count_views:
        raise InputError(
            f"{n} labelled views were asked for, but only {count_views} training views have a label; ask for "
            f"--labelled-views {count_views} or fewer, or leave the option out to use them all"
        )
    return [(2 * index + 1) * count_views // (2 * n) for index in range(n)]


def select_labelled(
    stems: Sequence[str], has_label: Sequence[bool], count: int | None, names: Sequence[str], source: str
) -> list[int]:
    """Positions of the views that keep their labels, ascending.

    Args:
        stems: the names of all training views, in the order of the trajectory.
        has_label: whether each has a label.
        count: how many to choose, spread evenly over those with a label; None: as ``names`` says.
        names: the views to choose, with or without a file suffix; empty with no count: all that have a label.
        source: where the views come from, for messages.

    Raises:
        InputError: both count and names are given; more views are asked for than have a label; a name that does not
            exist or whose view has no label.
    """
    if count is not None and names:
        raise InputError(
            f"--labelled-views {count} and --labelled-view-names {' '.join(names)} exclude each other; give one"
        )
    labelled = [position for position, present in enumerate(has_label) if present]
    if names:
        return sorted({_position(name, stems, has_label, source) for name in names})
    if count is not None:
        return [labelled[index] for index in evenly_spread(len(labelled), count)]
    return labelled


def _position(name: str, stems: Sequence[str], has_label: Sequence[bool], source: str) -> int:
    stem = name if name in stems else PurePath(name).stem
    if stem not in stems:
        raise InputError(
            f"{source}: there is no training view {name!r} (--labelled-view-names); {did_you_mean(stem, stems)}"
        )
    position = list(stems).index(stem)
    if not has_label[position]:
        labelled = [other for other, present in zip(stems, has_label) if present]
        listed = ", ".join(labelled[:8]) + (" ..." if len(labelled) > 8 else "")
        raise InputError(
            f"{source}: view {name!r} has no label image; views with one: {listed or 'none'} ({len(labelled)} in all)"
        )
    return position
