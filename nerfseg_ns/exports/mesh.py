"""``nerfseg export mesh``: the scene's surface as triangles, in its colours or those of the classes."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tyro
from jaxtyping import Float32, UInt8
from rich.console import Console

from nerfseg_ns.core.class_table import IGNORE, ClassTable
from nerfseg_ns.core.density_surface import NearestPoints
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.ply_file import write_ply
from nerfseg_ns.core.whole_file import refuse_existing, write_whole_text
from nerfseg_ns.exports.place_options import PlaceOptions
from nerfseg_ns.exports.pointcloud import Frame, in_frame
from nerfseg_ns.exports.surface_mesh import BYTES_PER_POINT, SurfaceTriangles, surface_triangles
from nerfseg_ns.exports.surface_options import SurfaceOptions, in_words
from nerfseg_ns.exports.surface_survey import round_length
from nerfseg_ns.exports.voxel_cloud import CloudPoints
from nerfseg_ns.selection.object_glb import write_glb

PIXELS_PER_CELL = 2.0
"""Default size of a cell: the density is not sharper than that."""
NO_CLASS = (160, 160, 160)
"""Colour of what has no class."""
_AT_ONCE = 1 << 16


@dataclass(kw_only=True)
class MeshOptions(SurfaceOptions, PlaceOptions):
    """Options of ``nerfseg export mesh``."""

    load_config: Path
    """The config.yml that ns-train wrote. It can run code of its writer's choice: load only files that you trust."""
    output_dir: Path
    """Where the files go."""
    colour: Literal["rgb", "class"] = "rgb"
    """Colours of the images, or of the classes."""
    format: tuple[Literal["ply", "glb"], ...] = ("ply",)
    """ply: double precision, class ids; glb: for browsers, Blender and game engines. Or both."""
    cell: float | None = None
    """Edge of the grid's cells, metres (units of the input poses). Unset: twice the width of a pixel on the surface."""
    minimum_confidence: float = 0.0
    """What has a class less probable than that, 0 to 1, gets none."""
    frame: Frame = "input"
    """Coordinates: those of the input poses, nerfstudio's scene frame, or map."""
    overwrite: bool = False
    """Replace existing files."""

    def file(self, kind: str) -> Path:
        """mesh.KIND."""
        return self.output_dir / f"mesh.{kind}"


def main(arguments: list[str]) -> None:
    """Run the command.

    Raises:
        InputError: a mistake in the options or the run.
    """
    options = tyro.cli(
        MeshOptions,
        args=arguments,
        prog="nerfseg export mesh",
        description="Export the surface that the training views show as a mesh: mesh.ply or mesh.glb, and mesh.json. "
        "It is where the density is half of what it is at the points seen; what no view shows stays open.",
    )
    export_mesh(options)


def export_mesh(options: MeshOptions) -> dict[str, Any]:
    """Write the mesh of a run.

    Returns:
        What mesh.json holds.

    Raises:
        InputError: see :func:`main`.
    """
    if not options.format:
        raise InputError("--format: expected ply or glb, or both")
    if not 0.0 <= options.minimum_confidence <= 1.0:
        raise InputError(f"--minimum-confidence {options.minimum_confidence}: expected 0 to 1")
    files = [options.file(kind) for kind in (*options.format, "json")]
    if not options.overwrite:
        refuse_existing(files)

    from nerfseg_ns.evaluation.trained_run import load_run
    from nerfseg_ns.exports.surface_views import SurfaceViews
    from nerfseg_ns.exports.view_renderer import ViewRenderer, require_classes
    from nerfseg_ns.selection.console_listener import console_listener
    from nerfseg_ns.selection.run_scene import RunScene

    run = load_run(options.load_config, "train")
    projection = options.projection(run)
    views = SurfaceViews(RunScene.from_run(run), ViewRenderer.of(run))
    if options.colour == "class":
        require_classes(views.renderer, run, "--colour rgb needs none")
    table = views.renderer.class_table
    console = Console(stderr=True)
    with console_listener() as listener:
        surface = options.look(run, views, listener)
        cell = options.cell if options.cell is not None else round_length(PIXELS_PER_CELL * surface.pixel_size)
        options.check(surface, cell, "--cell")
        mesh_memory = surface.points(cell) * BYTES_PER_POINT / 2**20
        about = in_words(surface, cell, len(table or ()))
        console.print(f"{about}, then {mesh_memory:,.0f} MiB for the triangles", highlight=False)
        points = options.cloud(views, surface, cell, listener).points(options.minimum_confidence)
        mesh = surface_triangles(
            points.positions,
            lambda places: views.scene.renderer.density(run.frame.to_scene(places)),
            cell,
            lambda done, total: listener.step("finding the surface", done, total),
        )
        colours, class_ids = vertex_looks(mesh, points, table, options.colour == "class")
    document: dict[str, Any] = {
        "version": 1,
        "vertices": len(mesh.vertices),
        "triangles": len(mesh.faces),
        "cell": cell,
        "colour": options.colour,
        "frame": options.frame,
        "crs": projection.crs if options.frame == "map" else None,
        "classes": [
            {"id": entry.id, "name": entry.name, "rgb": list(entry.rgb)}
            for entry in (table.classes if table is not None else ())
        ],
    }
    positions = in_frame(mesh.vertices, options.frame, projection, run.frame)
    for kind in dict.fromkeys(options.format):
        if kind == "glb":
            # games and browsers have float32: map coordinates would lose their decimetres
            middle = np.round((positions.min(axis=0) + positions.max(axis=0)) / 2) if options.frame == "map" else 0.0
            document["glb_offset"] = (np.zeros(3) + middle).tolist()
            write_glb(options.file(kind), positions - middle, mesh.faces, colours)
        else:
            x, y, z = positions.T
            red, green, blue = (colours * 255.0).round().astype(np.uint8).T
            vertices = {"x": x, "y": y, "z": z, "red": red, "green": green, "blue": blue}
            comments = [f"class_id {entry['id']} is {entry['name']}" for entry in document["classes"]]
            write_ply(
                options.file(kind),
                vertices | ({} if table is None else {"class_id": class_ids}),
                mesh.faces.astype(np.int32),
                tuple(comments),
            )
    write_whole_text(options.file("json"), json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    for file in files:
        print(file)
    return document


def vertex_looks(
    mesh: SurfaceTriangles, points: CloudPoints, table: ClassTable | None, by_class: bool
) -> tuple[Float32[np.ndarray, "vertices 3"], UInt8[np.ndarray, " vertices"]]:
    """Colour, RGB in 0..1, and class of each vertex, from the points around it.

    Args:
        mesh: the surface.
        points: seen on it.
        table: the classes; None: there are none.
        by_class: colours of the classes in the place of the points' own.
    """
    classes = len(table or ())
    palette = np.full((256, 3), NO_CLASS, dtype=np.float32)
    if table is not None:
        palette[:classes] = table.colours.numpy()
    around, colours, class_ids = NearestPoints(points.positions), [], []
    for start in range(0, len(mesh.vertices), _AT_ONCE):
        nearest, shares = around.shares(mesh.vertices[start : start + _AT_ONCE])
        of_point = points.class_ids[nearest]
        votes = np.stack([(shares * (of_point == number)).sum(axis=1) for number in (*range(classes), IGNORE)], axis=1)
        winner = votes.argmax(axis=1)
        class_ids.append(np.where(winner == classes, IGNORE, winner).astype(np.uint8))
        own = (shares[..., None] * points.colours[nearest]).sum(axis=1)
        colours.append(palette[class_ids[-1]] / 255.0 if by_class else own.clip(0.0, 1.0))
    return np.concatenate(colours).astype(np.float32), np.concatenate(class_ids)
