"""COCO's run-length masks: lengths of runs of 0 and 1 in turn, down the columns, and their compressed text.

Written here instead of taken from pycocotools, which fills what runs that are too few leave open with whatever was in
memory; the tests compare with it.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from nerfseg_ns.core.input_error import InputError

_LONGEST_NUMBER = 13
"""Characters of five bits that a length can take: 64 bits."""


def run_lengths(mask: Bool[np.ndarray, "h w"]) -> list[int]:
    """The lengths of the runs of a mask, column by column; the first run is of 0 and may be empty."""
    flat = np.asarray(mask, bool).ravel(order="F")
    changes = np.flatnonzero(np.diff(flat, prepend=False))
    return np.diff(changes, prepend=0, append=flat.size).tolist()


def mask_of_runs(lengths: Sequence[int], width: int, height: int, source: str) -> Bool[np.ndarray, "h w"]:
    """The mask that runs describe.

    Args:
        lengths: as :func:`run_lengths` gives them.
        width: of the mask, in pixels.
        height: of the mask, in pixels.
        source: file and annotation, for messages.

    Raises:
        InputError: lengths that are no whole numbers, are negative, or do not add up to the pixels of the mask.
    """
    if any(isinstance(value, bool) or not isinstance(value, int) or value < 0 for value in lengths):
        raise InputError(f"{source}: run lengths must be whole numbers from 0 on")
    if sum(lengths) != width * height:
        raise InputError(
            f"{source}: the run lengths add up to {sum(lengths)} pixels, but the mask of {width}x{height} has "
            f"{width * height}"
        )
    values = np.arange(len(lengths)) % 2 == 1
    return np.repeat(values, np.array(lengths, dtype=np.int64)).reshape((height, width), order="F")


def compressed(lengths: Sequence[int]) -> str:
    """The compressed text of COCO: signed numbers in groups of five bits, the lowest first.

    From the fourth on a number is the difference to the last length but one. Bit 6 of a character, after 48 is taken
    from it, says that more groups follow.
    """
    characters = []
    for index, length in enumerate(lengths):
        rest = length - lengths[index - 2] if index > 2 else length
        more = True
        while more:
            group = rest & 0x1F
            rest >>= 5
            more = rest != (-1 if group & 0x10 else 0)
            characters.append(chr(48 + (group | 0x20 if more else group)))
    return "".join(characters)


def decompressed(text: str, source: str) -> list[int]:
    """The lengths in a compressed text, the inverse of :func:`compressed`.

    Args:
        text: the text.
        source: file and annotation, for messages.

    Raises:
        InputError: a character that is none of the form, or a number that is cut short or too long.
    """
    lengths: list[int] = []
    value = shift = 0
    for position, character in enumerate(text):
        group = ord(character) - 48
        if not 0 <= group < 64 or shift >= 5 * _LONGEST_NUMBER:
            raise InputError(f"{source}: character {position + 1}, {character!r}, does not belong to compressed runs")
        value |= (group & 0x1F) << shift
        shift += 5
        if group & 0x20:
            continue
        if group & 0x10:
            value -= 1 << shift
        lengths.append(value + lengths[-2] if len(lengths) > 2 else value)
        value = shift = 0
    if shift:
        raise InputError(f"{source}: the compressed runs are cut short")
    return lengths
