"""Where rays meet the city."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.scene.city_mesh import CityMesh, face_normals


@dataclass(frozen=True)
class RayHits:
    """First hits of a bundle of rays.

    Args:
        face: triangle that was hit, -1 for the sky.
        depth: metres along the ray, infinite for the sky.
        barycentric: weights of the second and third corner.
    """

    face: Int[np.ndarray, " rays"]
    depth: Float[np.ndarray, " rays"]
    barycentric: Float[np.ndarray, "rays 2"]


class RayCaster:
    """Casts rays at a city with Embree.

    Embree finds the triangle in single precision; the depth is then worked out from the plane of that triangle in
    double precision, so that it is exact.

    Args:
        mesh: what to hit.

    Raises:
        InputError: embreex is not installed.
    """

    def __init__(self, mesh: CityMesh) -> None:
        try:
            from embreex.mesh_construction import TriangleMesh
            from embreex.rtcore_scene import EmbreeScene
        except ImportError as error:
            raise InputError(
                f"the city needs the ray caster embreex ({error}); install it with: pip install embreex"
            ) from None
        self.normals = face_normals(mesh.triangles)
        """Unit normals of the triangles."""
        self._offsets = np.einsum("ij,ij->i", self.normals, mesh.triangles[:, 0])
        self._scene = EmbreeScene()
        TriangleMesh(self._scene, np.ascontiguousarray(mesh.triangles, dtype=np.float32))

    def cast(self, origins: Float[np.ndarray, "rays 3"], directions: Float[np.ndarray, "rays 3"]) -> RayHits:
        """First hits of rays with unit directions."""
        found = self._scene.run(
            np.ascontiguousarray(origins, dtype=np.float32),
            np.ascontiguousarray(directions, dtype=np.float32),
            output=1,
        )
        face = found["primID"]
        hit = face >= 0
        at = face[hit]
        distance = self._offsets[at] - np.einsum("ij,ij->i", self.normals[at], origins[hit])
        slope = np.einsum("ij,ij->i", self.normals[at], directions[hit])
        approximate = found["tfar"][hit].astype(np.float64)
        # on a triangle seen edge-on the plane says nothing about the depth: Embree's own value stands
        exact = np.where(np.abs(slope) > 1e-4, distance / np.where(slope == 0.0, 1.0, slope), approximate)
        depth = np.full(len(face), np.inf)
        depth[hit] = np.where(np.abs(exact - approximate) < 0.05, exact, approximate)
        return RayHits(face, depth, np.stack([found["u"], found["v"]], axis=1))

    def blocked(
        self, origins: Float[np.ndarray, "rays 3"], directions: Float[np.ndarray, "rays 3"]
    ) -> Bool[np.ndarray, " rays"]:
        """Whether anything lies on each ray."""
        return (
            self._scene.run(
                np.ascontiguousarray(origins, dtype=np.float32),
                np.ascontiguousarray(directions, dtype=np.float32),
                query="OCCLUDED",
            )
            >= 0
        )
