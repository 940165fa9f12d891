"""The demonstration scene on disk: the NeRF++ layout of Carla-MVS in its stage-2 form, with object ids and depth."""

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Float
from PIL import Image

from nerfseg_ns.core.array_file import DamagedFileError, read_arrays, write_arrays
from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.whole_file import replacing, write_whole_text
from nerfseg_ns.scene.city import City
from nerfseg_ns.scene.city_mesh import CLASS_NAMES, CityObject
from nerfseg_ns.scene.renderer import Renderer, View
from nerfseg_ns.scene.trajectory import Camera

SPLITS = ("train", "test", "validation")
FOLDERS = ("color", "rgb", "instances", "pose", "intrinsics")
DEPTH = "depth"
"""Folder of the true depth, NAME.npz, and the name of the array in it: metres along the ray, infinite for the sky."""
PALETTE = "carla-0.9.10"
CLASSES_FILE = "classes.json"
VALIDATION_VIEWS = 3
_VIEW_FILE = re.compile(r"\d+\.(png|txt|npz)")


class SceneWriter:
    """Writes views one after the other, each file whole; ``classes.json`` comes last and marks a complete scene.

    Args:
        out: folder of the scene; made when it is missing.
        overwrite: allow a folder that is not empty, and take away the views of the scene that it holds.
        depth: write the true depth as well.

    Raises:
        InputError: ``out`` is a file, or is not empty and ``overwrite`` is off.
    """

    def __init__(self, out: Path, overwrite: bool = False, depth: bool = False) -> None:
        self.out = out
        self._depth = depth
        self._validation = 0
        claim_folder(out, overwrite, self._own_files)

    def _own_files(self) -> Iterable[Path]:
        yield self.out / CLASSES_FILE
        for split in SPLITS:
            for folder in (*FOLDERS, DEPTH):
                yield from (p for p in (self.out / split / folder).glob("*") if _VIEW_FILE.fullmatch(p.name))

    def write_view(self, split: str, name: str, camera: Camera, view: View) -> None:
        """Write the picture, the labels, the object ids, the pose and the intrinsics of one view.

        The first test views are validation views too.
        """
        if split == "test" and self._validation < VALIDATION_VIEWS:
            self._validation += 1
            self.write_view("validation", name, camera, view)
        folder = self.out / split
        write_png(folder / "color" / f"{name}.png", view.colour)
        write_png(folder / "rgb" / f"{name}.png", view.labels)
        write_png(folder / "instances" / f"{name}.png", view.instances)
        if self._depth:
            write_arrays(folder / DEPTH / f"{name}.npz", compressed=True, depth=view.depth.astype(np.float32))
        write_whole_text(folder / "pose" / f"{name}.txt", matrix_text(camera.pose))
        write_whole_text(folder / "intrinsics" / f"{name}.txt", matrix_text(camera.intrinsics))

    def finish(self, city: City, renderer: Renderer) -> None:
        """Write the class table and the list of objects."""
        write_classes(self.out / CLASSES_FILE, city.mesh.objects)


def read_true_depth(folder: Path, name: str) -> Float[np.ndarray, "h w"]:
    """The true depth of a view, metres along the ray through each pixel's centre, infinite for the sky.

    Args:
        folder: of the split, such as SCENE/train.
        name: of the view.

    Raises:
        InputError: the scene has none, or the file is damaged.
    """
    path = folder / DEPTH / f"{name}.npz"
    try:
        return read_arrays(path)["depth"]
    except FileNotFoundError:
        raise InputError(
            f"{path}: no such file: the scene has no true depth; `nerfseg scene OUT --depth` makes one that has it"
        ) from None
    except (DamagedFileError, KeyError) as error:
        raise InputError(f"{path}: cannot be read ({error}); make the scene again with --overwrite") from None


def claim_folder(out: Path, overwrite: bool, own_files: Callable[[], Iterable[Path]]) -> None:
    """Make sure that a scene can be written into a folder.

    Args:
        out: the folder; it need not exist.
        overwrite: allow one that is not empty, and take away what an earlier scene left there.
        own_files: lists those files, the one that marks a complete scene first.

    Raises:
        InputError: ``out`` is a file, or is not empty and ``overwrite`` is off.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file; give a folder that does not exist yet or is empty")
    if out.is_dir() and any(out.iterdir()):
        if not overwrite:
            raise InputError(f"{out}: is not empty; give another folder, or add --overwrite to replace the scene in it")
        for path in list(own_files()):
            path.unlink(missing_ok=True)


def write_classes(path: Path, objects: tuple[CityObject, ...]) -> None:
    """Write the class table of the city and the list of its objects."""
    with replacing(path) as temporary:
        ClassTable.from_names(CLASS_NAMES, PALETTE).to_json(temporary)
        document = json.loads(temporary.read_text(encoding="utf-8"))
        document["objects"] = [{"id": o.id, "kind": o.kind, "class": o.class_name} for o in objects]
        temporary.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write RGB or grey 8-bit, or grey 16-bit pixels."""
    with replacing(path) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG")


def matrix_text(matrix: Float[np.ndarray, "4 4"]) -> str:
    """Sixteen numbers, row by row, that read back to the same doubles."""
    return " ".join(repr(float(value)) for value in matrix.ravel()) + "\n"
