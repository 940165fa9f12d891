"""Whether the label images of a scene hold class ids or class colours, decided once for all of them.

One image alone may not say: an all-black image is class 0 everywhere among index images, and without a class (or of the
black class) among colour images.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.label_image import LabelFormat, kind_of_label_image, open_image, refuse_other_kind


def decided_format(paths: Iterable[Path], label_format: LabelFormat, class_table: ClassTable) -> LabelFormat:
    """The format with the kind that the label images of a scene have.

    Reads the header of every image, and the pixels of images of three channels until one of them surely holds ids or
    colours; the others are compared with it when they are read. Images that cannot be read are passed over here, since
    reading them says what is wrong.

    Args:
        paths: all label images of the scene, those of all splits.
        label_format: what the user has chosen; returned as it is when the kind is among it, or when every image can be
            both.
        class_table: the classes of the scene.

    Raises:
        InputError: images of both kinds; one file of each is named.
    """
    if label_format.kind != "auto":
        return label_format
    decided = label_format
    several_channels = []
    for path in paths:
        try:
            with open_image(path) as image:
                channels = len(image.getbands())
        except InputError:
            continue
        if channels >= 3:
            several_channels.append(path)
        elif decided.like is None:
            decided = replace(label_format, kind="index", like=path)
    for path in several_channels:
        try:
            found = kind_of_label_image(path, label_format, class_table)
        except InputError:
            continue
        if found is not None:
            refuse_other_kind(path, found, decided)
            return decided if decided.like is not None else replace(label_format, kind=found, like=path)
    return decided
