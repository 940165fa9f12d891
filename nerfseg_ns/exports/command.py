"""``nerfseg export KIND``: a table of kinds, each imported when it is called."""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean

EXPORTS: Mapping[str, tuple[str, str]] = {
    "object": (
        "nerfseg_ns.selection.object_export:main",
        "selected objects: coloured and labelled points, a mesh, a bounding box",
    ),
    "gaussians": (
        "nerfseg_ns.splats.export_command:main",
        "Gaussians as PLY: of objects, of the rest, with ids of objects and classes",
    ),
    "masks": ("nerfseg_ns.exports.masks:main", "classes and objects of every pixel of views: index PNG, CVAT, COCO"),
    "dataset": ("nerfseg_ns.exports.dataset:main", "new views with predicted labels, to train a 2D network on"),
    "pointcloud": ("nerfseg_ns.exports.pointcloud:main", "labelled points of the surface: LAS, LAZ, PLY"),
    "mesh": ("nerfseg_ns.exports.mesh:main", "the surface as triangles, in its colours or those of the classes"),
    "orthomap": (
        "nerfseg_ns.exports.orthomap:main",
        "a map seen straight from above: GeoTIFF of colours, classes, heights",
    ),
    "vectors": ("nerfseg_ns.exports.vectors:main", "polygons of classes or objects: GeoPackage and GeoJSON"),
}
"""kind -> (``module:function`` taking the remaining arguments, one line of help)."""


def help_text(exports: Mapping[str, tuple[str, str]] = EXPORTS) -> str:
    """What ``nerfseg export --help`` prints."""
    width = max(len(name) for name in exports)
    lines = [f"  {name:<{width}}  {summary}" for name, (_, summary) in exports.items()]
    return "\n".join(["usage: nerfseg export KIND --load-config CONFIG [OPTIONS]", "", "kinds:", *lines])


def main(arguments: Sequence[str]) -> None:
    """Run the export of a kind.

    Raises:
        InputError: no kind, an unknown one, or what the kind raises.
    """
    if arguments and arguments[0] in ("-h", "--help"):
        print(help_text())
        return
    if not arguments:
        print(help_text(), file=sys.stderr)
        raise InputError(f"nerfseg export: which kind? {did_you_mean('', EXPORTS)}")
    kind, rest = arguments[0], list(arguments[1:])
    if kind not in EXPORTS:
        raise InputError(f"nerfseg export has no kind {kind!r}; {did_you_mean(kind, EXPORTS)}")
    module, function = EXPORTS[kind][0].split(":")
    getattr(import_module(module), function)(rest)
