"""Label images: PNG files of class ids or of class colours, read to uint8 class ids."""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, UInt8
from PIL import Image, UnidentifiedImageError

from nerfseg_ns.core.class_table import IGNORE, ClassTable
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.palettes import PALETTES, UNLABELLED_COLOUR, name_of_colour, palette_entries

FoundKind = Literal["index", "colour"]
LabelKind = Literal["auto", "index", "colour"]
ChannelOrder = Literal["auto", "rgb", "bgr"]

_LISTED = 8
"""How many wrong ids or colours an error message lists."""


@dataclass(frozen=True)
class LabelFormat:
    """How the label images of a scene are to be read.

    Args:
        kind: ``index`` (a pixel holds its class id in channel 0), ``colour`` (a pixel holds its class colour) or
            ``auto``, which goes by :func:`kind_of_label_image` and takes what can be both as ids.
            :func:`~nerfseg_ns.core.label_kind.decided_format` decides for a whole scene instead.
        palette: the palette of colour label images, whose entries are matched to the classes by name; None: the
            images have the colours of the class table itself.
        channel_order: of colour label images. Auto takes the order that explains more pixels, RGB when both explain
            as many.
        ignore: the id of pixels without a class in index images. Black does that in colour images, unless a class
            is black.
        like: the image that ``kind`` was found from; an image that is surely of the other kind is then refused. None:
            the user has chosen.
    """

    kind: LabelKind = "auto"
    palette: str | None = None
    channel_order: ChannelOrder = "auto"
    ignore: int = IGNORE
    like: Path | None = None


@dataclass(frozen=True)
class ImageHeader:
    """What an image file says about itself before any pixel is decoded; sizes in pixels."""

    format: str
    width: int
    height: int


def open_image(path: Path) -> Image.Image:
    """Open an image file; its pixels are decoded later.

    Raises:
        InputError: the file is missing, is not an image, or has more pixels than Pillow decodes.
    """
    try:
        return Image.open(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such image file") from None
    except Image.DecompressionBombError:
        raise InputError(
            f"{path}: more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels, which is refused because decoding them "
            "could take all of the memory; use smaller images"
        ) from None
    except (UnidentifiedImageError, OSError) as error:
        raise InputError(f"{path}: not an image that can be read ({error})") from None


def read_image_header(path: Path) -> ImageHeader:
    """Read format and size without decoding pixels.

    Raises:
        InputError: the file is missing or is not an image.
    """
    with open_image(path) as image:
        return ImageHeader(image.format or "", image.width, image.height)


def check_label_header(path: Path, image_path: Path, image_sizes: tuple[tuple[int, int], ...]) -> None:
    """Check, without decoding it, that a label image is a PNG of its view's size.

    Args:
        path: the label image.
        image_path: the view's image, for the message.
        image_sizes: the sizes (width, height) that are right.

    Raises:
        InputError: the file is a JPEG or anything but a PNG, or its size is another.
    """
    header = read_image_header(path)
    _require_png(path, header.format)
    if (header.width, header.height) not in image_sizes:
        width, height = image_sizes[0]
        raise InputError(
            f"{path}: the label image is {header.width}x{header.height} pixels, but its image {image_path} is "
            f"{width}x{height}; label and image must have the same size (enlarge or reduce labels by nearest "
            f"neighbour only)"
        )


def read_label_image(path: Path, label_format: LabelFormat, class_table: ClassTable) -> UInt8[np.ndarray, "h w"]:
    """Read the class id of every pixel; :data:`IGNORE` where there is none.

    Args:
        path: a PNG file of 1, 2, 4, 8 or 16 bits.
        label_format: how to read it.
        class_table: the classes of the scene.

    Raises:
        InputError: the file is missing, is cut short or is not a PNG; ids beyond the table; colours of no class; an
            image of another kind than those of its scene.
    """
    pixels, mode = _decoded(path)
    if pixels.ndim == 2:
        refuse_other_kind(path, "index", label_format)
        if label_format.kind == "colour" and mode == "P":
            with open_image(path) as image:
                return _ids_of_colours(path, np.asarray(image.convert("RGB")), label_format, class_table)
        if label_format.kind == "colour":
            pixels = np.repeat(pixels[..., None], 3, axis=2)
            return _ids_of_colours(path, pixels, label_format, class_table)
        return _checked_ids(path, pixels, label_format, class_table)
    colours, kind = pixels[..., :3], label_format.kind
    if kind == "auto":
        kind = _kind_of_channels(colours, label_format, class_table) or "index"
    elif label_format.like is not None:
        refuse_other_kind(path, _kind_of_channels(colours, label_format, class_table), label_format)
    if kind == "index":
        return _checked_ids(path, colours[..., 0], label_format, class_table)
    return _ids_of_colours(path, colours, label_format, class_table)


def kind_of_label_image(path: Path, label_format: LabelFormat, class_table: ClassTable) -> FoundKind | None:
    """What a label image surely holds; None when it can be both, such as an all-black image of three channels.

    A single-channel or palette PNG holds ids. In a PNG of three channels ids have three equal channels or green and
    blue 0 (CARLA's raw form); where that is so, the values decide: ids of the table, colours of its classes, or both.

    Args:
        path: a PNG file.
        label_format: palette, channel order and ignored id; its kind does not matter.
        class_table: the classes of the scene.

    Raises:
        InputError: the file is missing, is cut short or is not a PNG.
    """
    with open_image(path) as image:
        if image.format == "PNG" and len(image.getbands()) < 3:
            return "index"  # no pixel is decoded
    return _kind_of_channels(_decoded(path)[0][..., :3], label_format, class_table)


def refuse_other_kind(path: Path, found: FoundKind | None, label_format: LabelFormat) -> None:
    """Make sure that an image is not surely of another kind than the images of its scene.

    Raises:
        InputError: it is; both files are named.
    """
    if label_format.like is None or found is None or found == label_format.kind:
        return
    said = {"index": "class ids", "colour": "class colours"}
    raise InputError(
        f"{path}: this label image holds {said[found]}, but {label_format.like} holds {said[label_format.kind]}; the "
        f"label images of a scene are of one kind. Write the others again, or say what all of them hold: --label-kind "
        f"index or --label-kind colour"
    )


def _decoded(path: Path) -> tuple[npt.NDArray[np.integer | np.bool_], str]:
    """Pixels [h, w] or [h, w, 3 or 4] of a PNG, ids of few bits as they are, and Pillow's mode."""
    with open_image(path) as image:
        _require_png(path, image.format or "")
        try:
            pixels = np.asarray(image)
        except (OSError, SyntaxError, ValueError) as error:
            raise InputError(f"{path}: the label image cannot be decoded ({error}); write it again") from None
        mode = image.mode
    bits, is_grey = _png_depth(path)
    if bits == 16 and mode not in ("I;16", "I"):
        raise InputError(f"{path}: a label image of 16 bits must have one channel; write 8 bits per channel instead")
    if is_grey and bits in (2, 4) and mode == "L":
        pixels = pixels // (255 // (2**bits - 1))  # decoders stretch grey levels of few bits to 0..255
    if pixels.ndim == 3 and pixels.shape[2] < 3:
        pixels = pixels[..., 0]  # grey with alpha
    return pixels, mode


def _require_png(path: Path, image_format: str) -> None:
    if image_format == "PNG":
        return
    reason = "JPEG is lossy and blurs class ids into each other" if image_format in ("JPEG", "MPO") else "only PNG is"
    raise InputError(
        f"{path}: a label image must be a PNG and this file is {image_format or 'something else'}; {reason}"
        f"{'' if image_format in ('JPEG', 'MPO') else ' accepted'}. Export the labels again as PNG; converting a "
        f"JPEG does not bring its ids back"
    )


def _png_depth(path: Path) -> tuple[int, bool]:
    """Bits per channel and whether the colour type is plain grey, from the PNG's IHDR chunk."""
    with path.open("rb") as file:
        header = file.read(26)
    return header[24], header[25] == 0


def _checked_ids(
    path: Path, values: npt.NDArray[np.integer | np.bool_], label_format: LabelFormat, class_table: ClassTable
) -> UInt8[np.ndarray, "h w"]:
    ids: npt.NDArray[np.integer] = values.astype(np.int64) if values.dtype != np.uint8 else np.asarray(values, np.uint8)
    ignored = ids == label_format.ignore
    wrong = (ids >= len(class_table)) & ~ignored
    if wrong.any():
        numbers, counts = np.unique(ids[wrong], return_counts=True)
        order = np.argsort(-counts, kind="stable")[:_LISTED]
        listed = ", ".join(f"{numbers[i]} ({counts[i]} pixels)" for i in order)
        more = f" and {len(numbers) - _LISTED} more" if len(numbers) > _LISTED else ""
        raise InputError(
            f"{path}: label ids beyond the class table: {listed}{more}; the table has {len(class_table)} classes, "
            f"ids 0..{len(class_table) - 1}, and {label_format.ignore} for pixels without a class. Add the classes to "
            f"the table, or choose label kind 'colour' if the image holds colours"
        )
    result = ids.astype(np.uint8)  # a copy of the decoder's read-only buffer
    result[ignored] = IGNORE
    return result


def _kind_of_channels(
    colours: UInt8[np.ndarray, "h w 3"], label_format: LabelFormat, class_table: ClassTable
) -> FoundKind | None:
    red, green, blue = colours[..., 0], colours[..., 1], colours[..., 2]
    if not ((green == blue) & ((green == 0) | (green == red))).all():
        return "colour"
    are_ids = bool(((red < len(class_table)) | (red == label_format.ignore)).all())
    steps = {"auto": (1, -1), "rgb": (1,), "bgr": (-1,)}[label_format.channel_order]
    try:
        are_colours = any(_lookup(colours[..., ::step], label_format, class_table)[1].all() for step in steps)
    except InputError:  # two classes of one colour, which does not matter to ids
        are_colours = False
    if are_ids == are_colours:
        return None
    return "index" if are_ids else "colour"


@lru_cache(maxsize=8)
def _colour_ids(
    label_format: LabelFormat, class_table: ClassTable
) -> tuple[npt.NDArray[np.uint32], UInt8[np.ndarray, "n"]]:
    """Sorted packed colours and the class id of each.

    Raises:
        InputError: two classes have one colour.
    """
    palette = label_format.palette
    classes = class_table.classes if palette is None else palette_entries(class_table.names, palette)
    doubled = [colour for colour, count in Counter(entry.rgb for entry in classes).items() if count > 1]
    if doubled:
        names = ", ".join(entry.name for entry in classes if entry.rgb == doubled[0])
        raise InputError(
            f"classes {names} have one colour, {doubled[0]}: colour label images cannot tell them apart; give each "
            f"class of the table its own rgb, or use index label images"
        )
    packed = {_packed(np.array(entry.rgb)).item(): entry.id for entry in classes}
    packed.setdefault(_packed(np.array(UNLABELLED_COLOUR)).item(), IGNORE)
    keys = sorted(packed)
    return np.array(keys, dtype=np.uint32), np.array([packed[key] for key in keys], dtype=np.uint8)


def _packed(colours: npt.NDArray[np.integer]) -> npt.NDArray[np.uint32]:
    wide = colours.astype(np.uint32)
    packed: npt.NDArray[np.uint32] = wide[..., 0] * np.uint32(65536) + wide[..., 1] * np.uint32(256) + wide[..., 2]
    return packed


def _lookup(
    colours: UInt8[np.ndarray, "h w 3"], label_format: LabelFormat, class_table: ClassTable
) -> tuple[UInt8[np.ndarray, "h w"], Bool[np.ndarray, "h w"]]:
    """The id of every pixel's colour, and whether it has one."""
    keys, ids = _colour_ids(label_format, class_table)
    packed = _packed(colours)
    position = np.minimum(np.searchsorted(keys, packed), len(keys) - 1)
    return ids[position], keys[position] == packed


def _ids_of_colours(
    path: Path, colours: UInt8[np.ndarray, "h w 3"], label_format: LabelFormat, class_table: ClassTable
) -> UInt8[np.ndarray, "h w"]:
    swapped = label_format.channel_order == "bgr"
    read = colours[..., ::-1] if swapped else colours
    ids, known = _lookup(read, label_format, class_table)
    if label_format.channel_order == "auto" and not known.all():
        other_ids, other_known = _lookup(colours[..., ::-1], label_format, class_table)
        if other_known.sum() > known.sum():
            swapped, read, ids, known = True, colours[..., ::-1], other_ids, other_known
    if not known.all():
        raise InputError(_unknown_colours(path, read[~known], label_format, "blue-green-red" if swapped else "RGB"))
    return ids


def _unknown_colours(path: Path, unknown: UInt8[np.ndarray, "n 3"], label_format: LabelFormat, order: str) -> str:
    packed, counts = np.unique(_packed(unknown), return_counts=True)
    lines = []
    for index in np.argsort(-counts, kind="stable")[:_LISTED]:
        value = int(packed[index])
        rgb = (value >> 16, value >> 8 & 255, value & 255)
        palettes = [label_format.palette] if label_format.palette is not None else list(PALETTES)
        names = [f"{name} of {key}" for key in palettes if (name := name_of_colour(rgb, key)) is not None]
        lines.append(f"{rgb} {counts[index]} pixels" + (f" [{names[0]}]" if names else ""))
    more = f" and {len(packed) - _LISTED} more" if len(packed) > _LISTED else ""
    source = f"palette {label_format.palette}" if label_format.palette is not None else "class table's colours"
    return (
        f"{path}: colours of no class in the table (read as {order} with the {source}): {'; '.join(lines)}{more}. "
        f"Name those classes in the class table, choose another palette ({', '.join(PALETTES)}) or channel order "
        f"(rgb, bgr), or label kind 'index' if the image holds ids"
    )
