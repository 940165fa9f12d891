"""Which view of a scene the labels of an image belong to."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean
from nerfseg_ns.data.scene_folder import listed
from nerfseg_ns.labels.import_notes import ImportNotes
from nerfseg_ns.labels.label_source import ImageLabels
from nerfseg_ns.labels.label_target import TargetView


def matched(
    images: Sequence[ImageLabels], views: Sequence[TargetView], source: str, notes: ImportNotes | None
) -> list[tuple[TargetView, ImageLabels]]:
    """The view of each labelled image, in the order of the views.

    Names are compared without folders and suffixes. Views of one name, as of several cameras, are told apart by as many
    of the folders before it as agree.

    Args:
        images: labelled images.
        views: of the scene.
        source: the scene, for messages.
        notes: told the images that the scene lacks; None: they are an error.

    Raises:
        InputError: labels of images that the scene lacks, of several views at once, or twice of one view.
    """
    by_stem: dict[str, list[TargetView]] = {}
    for view in views:
        by_stem.setdefault(_parts(view.name, False)[-1], []).append(view)
    found: dict[str, ImageLabels] = {}
    missing: list[ImageLabels] = []
    for image in images:
        candidates = by_stem.get(_parts(image.name)[-1], [])
        if not candidates:
            missing.append(image)
            continue
        view = _nearest(image, candidates, source)
        if view.name in found:
            first = found[view.name]
            raise InputError(
                f"{image.place}: labels of {image.name}, and {first.place} has labels of {first.name}: both are view "
                f"{view.name!r} of {source}; keep one of them"
            )
        found[view.name] = image
    if missing and notes is None:
        stem = _parts(missing[0].name)[-1]
        raise InputError(
            f"{missing[0].place}: {len(missing)} of {len(images)} labelled images are not in {source} ({len(views)} "
            f"views): {listed([image.name for image in missing])}. Labels are matched to images by name; for "
            f"{stem!r}: {did_you_mean(stem, by_stem)}; give --skip-unknown-images to leave them out"
        )
    for image in missing:
        if notes is not None:
            notes.add(f"labelled images that are not in {source}, left out", image.name)
    return [(view, found[view.name]) for view in views if view.name in found]


def _nearest(image: ImageLabels, candidates: list[TargetView], source: str) -> TargetView:
    if len(candidates) == 1:
        return candidates[0]
    wanted = _parts(image.name)

    def agreeing(view: TargetView) -> int:
        pairs = zip(reversed(wanted), reversed(_parts(view.name, False)))
        return next(
            (count for count, (a, b) in enumerate(pairs) if a != b), min(len(wanted), len(_parts(view.name, False)))
        )

    most = max(map(agreeing, candidates))
    nearest = [view for view in candidates if agreeing(view) == most]
    if len(nearest) > 1:
        raise InputError(
            f"{image.place}: labels of {image.name}, which can be each of {listed([view.name for view in nearest])} in "
            f"{source}; put the labels into folders named as those of the images"
        )
    return nearest[0]


def _parts(name: str, has_suffix: bool = True) -> tuple[str, ...]:
    """Folders and stem of a path of any system."""
    path = PurePosixPath(name.replace("\\", "/"))
    return (path.with_suffix("") if has_suffix and path.suffix else path).parts
