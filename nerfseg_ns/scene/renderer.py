"""Pictures, labels, object ids and depth of the city from a camera."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8, UInt16

from nerfseg_ns.scene.city import City
from nerfseg_ns.scene.city_mesh import SKY_OBJECT
from nerfseg_ns.scene.daylight import Daylight, display_colour, sky_colour
from nerfseg_ns.scene.materials import Materials
from nerfseg_ns.scene.ray_caster import RayCaster, RayHits
from nerfseg_ns.scene.trajectory import Camera

RAYS_PER_PIXEL_AXIS = 3
"""Odd, so that one of the rays goes through the centre of the pixel and tells its label."""
_RAYS_AT_ONCE = 1 << 16
"""Few enough for the intermediate arrays to stay in the processor's cache."""


@dataclass(frozen=True)
class View:
    """What a camera sees.

    Args:
        colour: RGB, the mean over each pixel.
        labels: class ids at the pixel centres.
        instances: object ids at the pixel centres, 0 for the sky.
        depth: metres along the ray through the pixel centre, infinite for the sky.
    """

    colour: UInt8[np.ndarray, "h w 3"]
    labels: UInt8[np.ndarray, "h w"]
    instances: UInt16[np.ndarray, "h w"]
    depth: Float[np.ndarray, "h w"]


class Renderer:
    """Renders views of one city."""

    def __init__(self, city: City) -> None:
        self._mesh = city.mesh
        self.caster = RayCaster(city.mesh)
        self._daylight = Daylight(city, self.caster)
        self._materials = Materials()
        self._class_of_object = city.mesh.class_of_object

    def render(self, camera: Camera) -> View:
        """Render one view."""
        size = camera.size
        band = max(1, _RAYS_AT_ONCE // (size * RAYS_PER_PIXEL_AXIS**2))
        bands = [self._render_rows(camera, first, min(first + band, size)) for first in range(0, size, band)]
        colour, objects, depth = (np.concatenate(parts) for parts in zip(*bands, strict=True))
        return View(colour, self._class_of_object[objects], objects.astype(np.uint16), depth)

    def _render_rows(self, camera: Camera, first: int, last: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Colour, object ids and depth of the pixel rows ``first`` to ``last`` - 1."""
        n = RAYS_PER_PIXEL_AXIS
        shape = (last - first, n, camera.size, n)
        middle = (slice(None), n // 2, slice(None), n // 2)
        origins, directions = camera.rays(n, first, last)
        hits = self.caster.cast(origins, directions)
        colour = self._shade(origins, directions, hits, 1.0 / (camera.intrinsics[0, 0] * n))
        colour = colour.reshape(*shape, 3).mean(axis=(1, 3))
        face = hits.face.reshape(shape)[middle]
        objects = np.where(face >= 0, self._mesh.object_ids[face], SKY_OBJECT)
        return np.clip(np.rint(colour * 255), 0, 255).astype(np.uint8), objects, hits.depth.reshape(shape)[middle]

    def _shade(
        self,
        origins: Float[np.ndarray, "rays 3"],
        directions: Float[np.ndarray, "rays 3"],
        hits: RayHits,
        spread: float,
    ) -> Float[np.ndarray, "rays 3"]:
        """Display colour of rays; ``spread`` is the angle [rad] between neighbouring rays."""
        colour = sky_colour(directions)
        rows = np.flatnonzero(hits.face >= 0)
        face, depth = hits.face[rows], hits.depth[rows]
        towards = directions[rows]
        points = origins[rows] + depth[:, None] * towards
        flat, normals = self._normals(face, hits.barycentric[rows])
        cosine = np.einsum("ij,ij->i", flat, towards)
        turned = np.where(cosine > 0, -1.0, 1.0)[:, None]  # thin things are seen from both sides
        footprint = depth * spread * 1.6 / np.sqrt(np.maximum(np.abs(cosine), 0.08))
        albedo = self._materials.albedo(points, self._mesh.surface_ids[face], footprint, self._mesh.surfaces)
        light = self._daylight.irradiance(points, flat * turned, normals * turned)
        colour[rows] = display_colour(albedo * light)
        return colour

    def _normals(
        self, face: np.ndarray, barycentric: Float[np.ndarray, "rays 2"]
    ) -> tuple[Float[np.ndarray, "rays 3"], Float[np.ndarray, "rays 3"]]:
        """Normals of the triangles and shading normals interpolated between their corners."""
        corners = self._mesh.corner_normals[face]
        u, v = barycentric[:, :1], barycentric[:, 1:]
        smooth = corners[:, 0] * (1 - u - v) + corners[:, 1] * u + corners[:, 2] * v
        smooth = smooth / np.maximum(np.linalg.norm(smooth, axis=1, keepdims=True), 1e-6)
        return self.caster.normals[face], smooth
