"""``nerfseg export object``: objects for other programs, as points, a mesh and a box."""

import json
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
import tyro
from jaxtyping import Float
from torch import Tensor

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.ply_file import write_ply
from nerfseg_ns.core.scene_frame import SceneFrame
from nerfseg_ns.core.whole_file import refuse_existing, write_whole_text
from nerfseg_ns.selection.object_file import StoredObject, read_object
from nerfseg_ns.selection.object_glb import write_glb
from nerfseg_ns.selection.object_mesh import Mesh, object_mesh
from nerfseg_ns.selection.object_points import ObjectPoints, object_points
from nerfseg_ns.selection.run_scene import RunScene
from nerfseg_ns.selection.selected_object import SelectedObject
from nerfseg_ns.selection.selector import Listener

Frame = Literal["input", "scene"]
MeshFormat = Literal["ply", "glb"]


@dataclass
class ObjectExportOptions:
    """Options of ``nerfseg export object``."""

    load_config: Path
    """The config.yml of the run that the objects were selected in. It can run code: load only files that you trust."""
    objects: Annotated[list[Path], tyro.conf.arg(metavar="NAME.npz ...")]
    """Files that nerfseg segment wrote."""
    output_dir: Path
    """Where the files go."""
    frame: Frame = "input"
    """Coordinates of points and meshes: those of the data's poses, or nerfstudio's scene frame."""
    mesh_format: MeshFormat = "ply"
    """ply: double precision; glb: for browsers, Blender and game engines."""
    threshold: float | None = None
    """Another threshold than the one in the file, 0 to 1: higher is stricter."""
    overwrite: bool = False
    """Replace existing files."""


@dataclass(frozen=True)
class ExportFiles:
    """The files of one exported object."""

    points: Path
    mesh: Path
    box: Path

    @classmethod
    def named(cls, folder: Path, name: str, mesh_format: MeshFormat = "ply") -> "ExportFiles":
        """``NAME-points.ply``, ``NAME-mesh.ply`` or ``.glb``, and ``NAME-box.json`` in a folder."""
        return cls(folder / f"{name}-points.ply", folder / f"{name}-mesh.{mesh_format}", folder / f"{name}-box.json")

    @property
    def all(self) -> list[Path]:
        """All of them."""
        return [self.points, self.mesh, self.box]


def main(arguments: list[str]) -> None:
    """Run the command.

    Raises:
        InputError: a mistake in the options, the files or the run.
    """
    options = tyro.cli(
        ObjectExportOptions,
        args=arguments,
        prog="nerfseg export object",
        description="Export selected objects: NAME-points.ply (coloured and labelled points), NAME-mesh.ply or .glb "
        "(the object's density cut out of the scene), NAME-box.json (bounding box in scene and input coordinates). "
        "The masks are what nerfseg segment wrote.",
    )
    if options.threshold is not None and not 0 <= options.threshold < 1:
        raise InputError(f"--threshold {options.threshold}: expected 0 to 1")
    stored = [read_object(path) for path in options.objects]
    names = [entry.object.prompt.name for entry in stored]
    if len(set(names)) < len(names):
        raise InputError(f"--objects: two files hold objects of one name ({', '.join(names)}); export them apart")
    if not options.overwrite:
        files = [ExportFiles.named(options.output_dir, name, options.mesh_format) for name in names]
        refuse_existing([path for of_object in files for path in of_object.all])

    from nerfseg_ns.evaluation.trained_run import load_run
    from nerfseg_ns.selection.console_listener import console_listener

    scene = RunScene.from_run(load_run(options.load_config, "train"))
    for path, entry in zip(options.objects, stored):
        check_frame(path, entry, scene.frame)
    with console_listener() as listener:
        scene.prepare(listener)
        for label, path in enumerate(options.objects, start=1):
            selected = read_object(path, scene.model.device).object
            if options.threshold is not None:
                selected = selected.with_threshold(options.threshold)
            written = export_object(
                scene, selected, options.output_dir, options.frame, label, listener, options.mesh_format
            )
            for file in written.all:
                print(file)


def check_frame(path: Path, stored: StoredObject, frame: SceneFrame) -> None:
    """Make sure that an object was selected in this scene.

    Raises:
        InputError: its scene frame is another one.
    """
    same = torch.allclose(stored.frame.transform.double(), frame.transform.double(), atol=1e-4)
    if not same or abs(stored.frame.scale - frame.scale) > 1e-4 * frame.scale:
        raise InputError(
            f"{path}: selected in another run, whose scene frame has scale {stored.frame.scale:.6g} in the place of "
            f"{frame.scale:.6g}; give the config.yml of that run"
        )


def export_object(
    scene: RunScene,
    selected: SelectedObject,
    folder: Path,
    frame: Frame = "input",
    label: int = 1,
    listener: Listener | None = None,
    mesh_format: MeshFormat = "ply",
) -> ExportFiles:
    """Write points, mesh and box of an object; existing files are replaced.

    Args:
        scene: the run's.
        selected: the object.
        folder: where the files go.
        frame: coordinates of points and mesh.
        label: number of the object, in the points' property ``label``.
        listener: asked and told once a view.
        mesh_format: of the mesh.

    Raises:
        InputError: nothing of the object is above its threshold, it is the sky, or the folder cannot be written.
        SelectionCancelled: see :class:`~nerfseg_ns.selection.selector.Listener`.
    """
    if not selected.has_place:
        raise InputError(
            f"object {selected.prompt.name!r}: it is the sky, which has no points and no surface to export"
        )
    files = ExportFiles.named(folder, selected.prompt.name, mesh_format)
    points = object_points(scene, selected, listener)
    mesh = object_mesh(selected, scene.renderer.density, points)
    frame_of = scene.frame if frame == "input" else SceneFrame.identity()
    write_points(files.points, points, frame_of, label, selected.prompt.name)
    write_mesh(files.mesh, mesh, frame_of)
    write_whole_text(files.box, json.dumps(box_record(selected, scene.frame), indent=1, ensure_ascii=False) + "\n")
    return files


def write_points(path: Path, points: ObjectPoints, frame: SceneFrame, label: int, name: str) -> None:
    """Write points as PLY: x, y, z (double), red, green, blue, label (ushort), membership (float)."""
    numbers = {
        "label": np.full(len(points), label, dtype=np.uint16),
        "membership": points.membership.float().cpu().numpy(),
    }
    comments = (f"label {label} is {name}",)
    write_ply(path, _vertices(points.positions, points.colours, frame) | numbers, comments=comments)


def write_mesh(path: Path, mesh: Mesh, frame: SceneFrame) -> None:
    """Write a mesh as GLB where the name ends so, else as PLY: x, y, z (double), red, green, blue, and triangles."""
    if path.suffix == ".glb":
        colours = mesh.colours.cpu().clamp(0, 1).numpy()
        write_glb(path, frame.to_input(mesh.vertices.cpu()).numpy(), mesh.faces, colours)
    else:
        write_ply(path, _vertices(mesh.vertices, mesh.colours, frame), mesh.faces)


def _vertices(
    positions: Float[Tensor, "points 3"], colours: Float[Tensor, "points 3"], frame: SceneFrame
) -> dict[str, np.ndarray]:
    x, y, z = frame.to_input(positions.cpu()).numpy().T
    red, green, blue = (colours.cpu().clamp(0, 1) * 255).round().to(torch.uint8).numpy().T
    return {"x": x, "y": y, "z": z, "red": red, "green": green, "blue": blue}


def box_record(selected: SelectedObject, frame: SceneFrame) -> dict[str, Any]:
    """An object's bounding box, along the axes of each frame, and its eight corners as the scene frame has them.

    Raises:
        InputError: nothing of the object is above its threshold.
    """
    bounds = selected.bounds()
    if bounds is None:
        name = selected.prompt.name
        raise InputError(f"object {name!r}: there is nothing above its threshold {selected.threshold:g}; lower it")
    low, high = (corner.cpu() for corner in bounds)
    corners = torch.stack([torch.stack(corner) for corner in product(*zip(low, high))])
    there = frame.to_input(corners)
    return {
        "name": selected.prompt.name,
        "threshold": selected.threshold,
        "scene": {"low": low.tolist(), "high": high.tolist()},
        "input": {
            "low": there.amin(dim=0).tolist(),
            "high": there.amax(dim=0).tolist(),
            "corners": there.tolist(),
        },
        "scene_units_per_input_unit": frame.scale,
    }
