"""Meshes as GLB, the binary form of glTF 2.0, which browsers and Blender open."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from nerfseg_ns.core.whole_file import replacing

Y_UP = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
"""From z up to glTF's y up: (x, y, z) -> (x, z, -y). Importers for programs with z up turn it back."""


def write_glb(
    path: Path,
    vertices: Float[np.ndarray, "vertices 3"],
    faces: Integer[np.ndarray, "faces 3"],
    colours: Float[np.ndarray, "vertices 3"],
) -> None:
    """Write a coloured mesh, replacing the file at once.

    glTF has only float32 for vertices: they are stored around their middle, which the node holds in double precision.

    Args:
        path: the file.
        vertices: z up.
        faces: indices of the corners of triangles.
        colours: sRGB in 0..1; shown as they are, since captured colours have the light in them.

    Raises:
        InputError: the folder cannot be written.
    """
    import trimesh  # a second that nothing else of an export needs

    middle = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    scene = trimesh.Scene()
    scene.add_geometry(
        trimesh.Trimesh(vertices - middle, faces, vertex_colors=(linear * 255).round().astype(np.uint8), process=False),
        transform=Y_UP @ trimesh.transformations.translation_matrix(middle),
    )
    content = scene.export(file_type="glb", tree_postprocessor=_unlit)
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _unlit(tree: dict[str, Any]) -> None:
    # without a material a mesh is metal, which is black where nothing is reflected
    tree["materials"] = [{"pbrMetallicRoughness": {"metallicFactor": 0.0}, "extensions": {"KHR_materials_unlit": {}}}]
    tree["extensionsUsed"] = ["KHR_materials_unlit"]
    for mesh in tree["meshes"]:
        for primitive in mesh["primitives"]:
            primitive["material"] = 0
