"""``nerfseg export pointcloud``: the surface as labelled points, LAS, LAZ and PLY."""

import json
from dataclasses import dataclass
from math import floor, log10
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
import tyro
from jaxtyping import Float64, UInt16
from rich.console import Console

from nerfseg_ns.core.class_table import IGNORE, ClassTable
from nerfseg_ns.core.georeference import MapProjection
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.ply_file import write_ply
from nerfseg_ns.core.scene_frame import SceneFrame
from nerfseg_ns.core.whole_file import refuse_existing, write_whole_text
from nerfseg_ns.exports.las_classes import ASPRS_NAMES, las_codes
from nerfseg_ns.exports.las_file import LasPoints, laspy_package, write_las
from nerfseg_ns.exports.place_options import PlaceOptions
from nerfseg_ns.exports.surface_options import SurfaceOptions, in_words
from nerfseg_ns.exports.surface_survey import round_length
from nerfseg_ns.exports.voxel_cloud import CloudPoints

Format = Literal["laz", "las", "ply"]
Frame = Literal["map", "input", "scene"]


@dataclass(kw_only=True)
class PointcloudOptions(SurfaceOptions, PlaceOptions):
    """Options of ``nerfseg export pointcloud``."""

    load_config: Path
    """The config.yml that ns-train wrote. It can run code of its writer's choice: load only files that you trust."""
    output_dir: Path
    """Where the files go."""
    format: tuple[Format, ...] = ("laz",)
    """laz, las, ply; several with spaces between."""
    spacing: float | None = None
    """Edge of the voxels that the points are thinned to, metres (units of the input poses). Unset: the width of a pixel
    on the surface."""
    objects: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="NAME.npz ...")] = ()
    """Files that nerfseg segment wrote: their points get the ids 1, 2, ... in this order."""
    minimum_confidence: float = 0.0
    """Points whose class is less probable than that, 0 to 1, get none."""
    minimum_views: int = 1
    """Leave out points that fewer views show."""
    las_codes: tuple[str, ...] = ()
    """LAS classification of classes by name, such as SideWalk=11, in the place of the code that their name has."""
    frame: Frame = "map"
    """Coordinates of the PLY file: map, those of the input poses, or nerfstudio's scene frame. LAS is always map."""
    overwrite: bool = False
    """Replace existing files."""

    def file(self, kind: str) -> Path:
        """pointcloud.KIND."""
        return self.output_dir / f"pointcloud.{kind}"


def main(arguments: list[str]) -> None:
    """Run the command.

    Raises:
        InputError: a mistake in the options, the object files or the run.
    """
    options = tyro.cli(
        PointcloudOptions,
        args=arguments,
        prog="nerfseg export pointcloud",
        description="Export the surface that the training views show as points with colour, class, object and "
        "confidence: pointcloud.laz (ASPRS classes, CRS), .las, .ply, and pointcloud.json, which says what the ids "
        "mean. The class of a point is voted on by the pixels that show it.",
    )
    export_pointcloud(options)


def export_pointcloud(options: PointcloudOptions) -> dict[str, Any]:
    """Write the points of a run.

    Returns:
        What pointcloud.json holds.

    Raises:
        InputError: see :func:`main`.
    """
    if not options.format:
        raise InputError("--format: expected laz, las or ply, or several of them")
    if not 0.0 <= options.minimum_confidence <= 1.0:
        raise InputError(f"--minimum-confidence {options.minimum_confidence}: expected 0 to 1")
    files = [options.file(kind) for kind in (*options.format, "json")]
    if not options.overwrite:
        refuse_existing(files)
    if {"las", "laz"} & {*options.format}:
        laspy_package()  # before minutes of work

    from nerfseg_ns.evaluation.trained_run import load_run
    from nerfseg_ns.exports.run_objects import RunObjects
    from nerfseg_ns.exports.surface_views import SurfaceViews
    from nerfseg_ns.exports.view_renderer import OR_OBJECTS, ViewRenderer, require_classes
    from nerfseg_ns.selection.console_listener import console_listener
    from nerfseg_ns.selection.run_scene import RunScene

    run = load_run(options.load_config, "train")
    projection = options.projection(run)
    views = SurfaceViews(RunScene.from_run(run), ViewRenderer.of(run))
    if not options.objects:
        require_classes(views.renderer, run, OR_OBJECTS)
    table = views.renderer.class_table
    codes = las_codes(table or ClassTable(()), options.las_codes)
    objects = RunObjects.read(options.objects, run.frame)
    console = Console(stderr=True)
    with console_listener() as listener:
        surface = options.look(run, views, listener)
        spacing = options.spacing if options.spacing is not None else round_length(surface.pixel_size)
        options.check(surface, spacing, "--spacing")
        console.print(in_words(surface, spacing, len(table or ())), highlight=False)
        points = options.cloud(views, surface, spacing, listener).points(
            options.minimum_confidence, options.minimum_views
        )
    if not len(points):
        raise InputError(f"--minimum-views {options.minimum_views}: no point is shown by so many of {len(views)} views")
    ids = objects.at(run.frame.to_scene(torch.from_numpy(points.positions))).numpy().astype(np.uint16)
    document = _document(points, ids, table, objects.names, codes, projection, spacing)
    _write(options, points, ids, document, projection, run.frame)
    write_whole_text(options.file("json"), json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    for file in files:
        print(file)
    return document


def _document(
    points: CloudPoints,
    ids: UInt16[np.ndarray, " points"],
    table: ClassTable | None,
    objects: tuple[str, ...],
    codes: dict[int, int],
    projection: MapProjection,
    spacing: float,
) -> dict[str, Any]:
    classes = [
        {
            "id": entry.id,
            "name": entry.name,
            "rgb": list(entry.rgb),
            "las_code": codes[entry.id],
            "las_name": ASPRS_NAMES.get(codes[entry.id], entry.name),
            "points": int((points.class_ids == entry.id).sum()),
        }
        for entry in (table.classes if table is not None else ())
    ]
    without = int((points.class_ids == IGNORE).sum())
    return {
        "version": 1,
        "points": len(points),
        "spacing": spacing,
        "crs": projection.crs,
        "heights": "metres above the WGS84 ellipsoid" if projection.crs is not None else "z of the input poses",
        "classes": classes,
        "without_class": {"class_id": IGNORE, "las_code": codes[IGNORE], "points": without},
        "objects": [
            {"id": number, "name": name, "points": int((ids == number).sum())}
            for number, name in enumerate(objects, start=1)
        ],
    }


def _write(
    options: PointcloudOptions,
    points: CloudPoints,
    ids: UInt16[np.ndarray, " points"],
    document: dict[str, Any],
    projection: MapProjection,
    frame: SceneFrame,
) -> None:
    numbers = {"class_id": points.class_ids, "object_id": ids, "confidence": points.confidence}
    code_of = np.full(256, document["without_class"]["las_code"], dtype=np.uint8)
    names = {document["without_class"]["las_code"]: "Unclassified"}
    for entry in document["classes"]:
        code_of[entry["id"]] = entry["las_code"]
        names[entry["las_code"]] = entry["las_name"]
    for kind in dict.fromkeys(options.format):
        if kind == "ply":
            x, y, z = in_frame(points.positions, options.frame, projection, frame).T
            red, green, blue = (points.colours.clip(0.0, 1.0) * 255.0).round().astype(np.uint8).T
            comments = [f"class_id {entry['id']} is {entry['name']}" for entry in document["classes"]]
            comments += [f"object_id {entry['id']} is {entry['name']}" for entry in document["objects"]]
            comments += [f"crs {projection.crs}"] if options.frame == "map" and projection.crs is not None else []
            vertices = {"x": x, "y": y, "z": z, "red": red, "green": green, "blue": blue}
            write_ply(options.file(kind), vertices | numbers | {"views": points.views}, comments=tuple(comments))
            continue
        las = LasPoints(
            projection.to_map(points.positions), points.colours, code_of[points.class_ids], points.class_ids, ids,
            points.confidence,
        )  # fmt: skip
        write_las(options.file(kind), las, projection.crs, names, document, las_resolution(document["spacing"]))


def in_frame(
    positions: Float64[np.ndarray, "points 3"], frame: Frame, projection: MapProjection, scene: SceneFrame
) -> Float64[np.ndarray, "points 3"]:
    """Points of the input frame in a frame of the user's choice.

    Args:
        positions: input frame.
        frame: the choice.
        projection: to the map.
        scene: to the scene frame.
    """
    if frame == "map":
        return projection.to_map(positions)
    if frame == "scene":
        return scene.to_scene(torch.from_numpy(positions)).double().numpy()
    return positions


def las_resolution(spacing: float) -> float:
    """Step of the stored coordinates: a millimetre, or a hundredth of a finer spacing."""
    return min(0.001, 10.0 ** floor(log10(spacing / 100.0)))
