"""What maps of the city are measured against: the city seen straight from above, and the outlines of its buildings."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8, UInt16

from nerfseg_ns.core.georeference import Georeference
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.whole_file import replacing, write_whole_text
from nerfseg_ns.scene.city import City
from nerfseg_ns.scene.city_mesh import SKY_OBJECT, CityMesh
from nerfseg_ns.scene.ray_caster import RayCaster

GROUND_SAMPLING_DISTANCE = 0.2
"""Metres between the pixels of the view from above."""
MARGIN = 10.0
"""Metres of country around the built-up square that the view from above shows."""
TRUTH_FILES = ("top_down.npz", "buildings.json", "georeference.json")
_SLIVER = 0.01
"""Metres: how far corners may move when neighbouring triangles are joined to an outline."""


@dataclass(frozen=True)
class TopDown:
    """The city seen straight from above, each pixel at its centre; row 0 lies in the north, column 0 in the west.

    Pixel (row, column) has its centre at x = west + (column + 0.5) gsd, y = north - (row + 0.5) gsd.

    Args:
        classes: class ids.
        objects: object ids.
        height: z of the highest surface, metres.
        west, north: x and y of the raster's edges, metres.
        gsd: metres per pixel.
    """

    classes: UInt8[np.ndarray, "h w"]
    objects: UInt16[np.ndarray, "h w"]
    height: Float32[np.ndarray, "h w"]
    west: float
    north: float
    gsd: float


def view_from_above(city: City, caster: RayCaster, gsd: float = GROUND_SAMPLING_DISTANCE) -> TopDown:
    """The built-up square and a margin around it from above."""
    half = np.ceil(city.grid.half_size + MARGIN)
    side = round(2 * half / gsd)
    centres = (np.arange(side) + 0.5) * gsd - half
    x, y = np.meshgrid(centres, -centres)
    above = float(city.mesh.triangles[..., 2].max()) + 10.0
    origins = np.stack([x, y, np.full_like(x, above)], axis=-1).reshape(-1, 3)
    hits = caster.cast(origins, np.broadcast_to([0.0, 0.0, -1.0], origins.shape))
    objects = np.where(hits.face >= 0, city.mesh.object_ids[hits.face], SKY_OBJECT).astype(np.uint16)
    return TopDown(
        classes=city.mesh.class_of_object[objects].reshape(side, side),
        objects=objects.reshape(side, side),
        height=(above - hits.depth).astype(np.float32).reshape(side, side),
        west=-half,
        north=half,
        gsd=gsd,
    )


def building_records(mesh: CityMesh, top: TopDown) -> list[dict[str, Any]]:
    """The buildings that lie wholly in the view from above; coordinates in metres, x east, y north, z up.

    Each has ``id``, ``kind``, ``outlines`` (the edges of its plan as seen from above, roofs that stand out included:
    rings of corners, counter-clockwise, the first not repeated), ``holes`` (rings, clockwise), ``base`` and ``top``
    (lowest and highest z), ``roof`` (median z of its surface from above; None where nothing of it is seen) and
    ``clearance`` (metres to the next building).

    Raises:
        InputError: shapely is not installed.
    """
    shapely = geometry_package()
    plans = {}
    for entry in mesh.objects:
        if entry.class_name == "Building":
            corners = mesh.triangles[mesh.object_ids == entry.id]
            flat = shapely.polygons(corners[..., :2])
            plan = shapely.union_all(flat[shapely.area(flat) > 1e-6], grid_size=_SLIVER / 10)
            plan = plan.buffer(_SLIVER, join_style="mitre").buffer(-_SLIVER, join_style="mitre")
            plans[entry.id] = (entry.kind, plan, corners[..., 2])
    tree = shapely.STRtree([plan for _, plan, _ in plans.values()])
    records = []
    for number, (kind, plan, z) in plans.items():
        west, south, east, north = plan.bounds
        if min(west, south) < top.west or max(east, north) > top.north:
            continue
        seen = top.height[top.objects == number]
        parts = [shapely.geometry.polygon.orient(part) for part in getattr(plan, "geoms", [plan])]
        others = [i for i in tree.query(plan.buffer(50.0)) if tree.geometries[i] is not plan]
        records.append(
            {
                "id": number,
                "kind": kind,
                "outlines": [_ring(part.exterior) for part in parts],
                "holes": [_ring(hole) for part in parts for hole in part.interiors],
                "base": float(z.min()),
                "top": float(z.max()),
                "roof": float(np.median(seen)) if len(seen) else None,
                "clearance": min((float(plan.distance(tree.geometries[i])) for i in others), default=50.0),
            }
        )
    return records


def write_truth(folder: Path, city: City, caster: RayCaster, georeference: Georeference) -> None:
    """Write the view from above, the buildings and the place of the city.

    Raises:
        InputError: shapely is not installed, or the folder cannot be written.
    """
    top = view_from_above(city, caster)
    with replacing(folder / "top_down.npz") as temporary:
        np.savez_compressed(temporary, **vars(top))
    document = {"buildings": building_records(city.mesh, top)}
    write_whole_text(folder / "buildings.json", json.dumps(document, indent=1) + "\n")
    write_whole_text(folder / "georeference.json", json.dumps(georeference.record(), indent=1) + "\n")


def geometry_package() -> Any:
    """The package shapely.

    Raises:
        InputError: it is not installed.
    """
    try:
        import shapely
    except ImportError:
        raise InputError(
            "outlines of buildings need the package shapely, which is not installed: pip install 'nerfseg-ns[geo]'"
        ) from None
    return shapely


def _ring(ring: Any) -> list[list[float]]:
    """The corners of a ring in millimetres, without those that lie on a straight edge."""
    points = np.array(ring.coords)[:-1]
    while True:
        before, after = np.roll(points, 1, axis=0), np.roll(points, -1, axis=0)
        along, there = after - before, points - before
        area = np.abs(along[:, 0] * there[:, 1] - along[:, 1] * there[:, 0])
        aside = area / np.maximum(np.linalg.norm(along, axis=1), 1e-9)
        least = int(aside.argmin())
        if len(points) <= 3 or aside[least] > _SLIVER:
            return points.round(3).tolist()
        points = np.delete(points, least, axis=0)
