"""Classes of a scene as the classification codes of LAS 1.4."""

from collections.abc import Mapping, Sequence

from nerfseg_ns.core.class_table import IGNORE, ClassTable
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean

UNCLASSIFIED = 1
FIRST_OF_USERS = 64
"""Codes from here to 255 are the writer's to define (LAS 1.4 R15, table 17)."""
ASPRS_NAMES: Mapping[int, str] = {
    1: "Unclassified",
    2: "Ground",
    3: "Low Vegetation",
    4: "Medium Vegetation",
    5: "High Vegetation",
    6: "Building",
    9: "Water",
    10: "Rail",
    11: "Road Surface",
    13: "Wire Guard",
    14: "Wire Conductor",
    15: "Transmission Tower",
    17: "Bridge Deck",
    19: "Overhead Structure",
    21: "Snow",
}
"""The codes of the standard that are used here."""
_CODES = {
    2: "ground terrain soil earth baresoil bareearth",
    3: "grass lawn lowvegetation",
    4: "shrub bush mediumvegetation",
    5: "vegetation tree forest highvegetation",
    6: "building house roof",
    9: "water river lake sea",
    10: "rail railway railtrack",
    11: "road roadline roadsurface street roadmarking",
    13: "wireguard",
    14: "wire wireconductor powerline",
    15: "transmissiontower pylon",
    17: "bridge bridgedeck",
    21: "snow",
}
_CODE_OF = {word: code for code, words in _CODES.items() for word in words.split()}


def asprs_code(name: str) -> int | None:
    """The standard's code for a class name, whatever its case, spaces or plural; None where it has none."""
    key = "".join(character for character in name.lower() if character.isalnum())
    return _CODE_OF.get(key) or _CODE_OF.get(key.removesuffix("s"))


def las_codes(class_table: ClassTable, chosen: Sequence[str] = ()) -> dict[int, int]:
    """The code of every class: by its name, else 64 plus its id.

    Args:
        class_table: the classes.
        chosen: ``NAME=CODE`` of the user's, which go first.

    Returns:
        class id -> code; 255 -> unclassified.

    Raises:
        InputError: a choice that is not of this form, of a class that does not exist, of a code beyond 0..255, or a
            class without a code of its own.
    """
    own: dict[str, int] = {}
    for choice in chosen:
        name, equals, number = choice.rpartition("=")
        if not equals or not number.strip().isdecimal() or int(number) > 255:
            raise InputError(f"--las-codes {choice}: expected NAME=CODE with a code of 0 to 255, such as SideWalk=11")
        if name not in class_table.names:
            raise InputError(f"--las-codes {choice}: no class {name!r}; {did_you_mean(name, class_table.names)}")
        own[name] = int(number)
    codes = {IGNORE: UNCLASSIFIED}
    for entry in class_table.classes:
        code = own.get(entry.name, asprs_code(entry.name))
        if code is None:
            code = FIRST_OF_USERS + entry.id
            if code > 255:
                raise InputError(
                    f"class {entry.name!r}: its id {entry.id} leaves no code for it (64 plus the id, at most 255); "
                    f"choose one, --las-codes {entry.name}=CODE"
                )
        codes[entry.id] = code
    return codes
