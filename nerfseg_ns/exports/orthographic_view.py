"""A scene seen straight from above: vertical rays of a map through a radiance field."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64, Integer, UInt8
from nerfstudio.cameras.rays import RayBundle
from nerfstudio.models.base_model import Model
from torch import Tensor

from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.core.georeference import MapProjection
from nerfseg_ns.core.scene_frame import SceneFrame
from nerfseg_ns.selection.field_renderer import evaluating

OPAQUE = 0.5
"""Accumulated opacity from which a ray has met a surface."""
NO_HEIGHT = -9999.0
"""Height of a pixel without a surface."""
_PIXEL_AREA = 1e-8  # of a ray at distance 1; the models of perspective views want one and none here uses it


@dataclass(frozen=True, eq=False)
class GroundPixels:
    """What vertical rays met.

    Args:
        rgb: 0..255.
        height: of the surface: above the ellipsoid, or the input's z; metres; :data:`NO_HEIGHT` without a surface.
        surface: the same as points of the scene frame, on the model's device.
        classes: class ids; None when the model has no classes.
        confidence: of the class, 0..1; None as well.
    """

    rgb: UInt8[np.ndarray, "rays 3"]
    height: Float32[np.ndarray, " rays"]
    surface: Float[Tensor, "rays 3"]
    classes: UInt8[np.ndarray, " rays"] | None
    confidence: Float32[np.ndarray, " rays"] | None

    @property
    def solid(self) -> np.ndarray:
        """Which rays met a surface."""
        return self.height != NO_HEIGHT

    def rows(self, chosen: Bool[np.ndarray, " rays"]) -> "GroundPixels":
        """Some of the rays."""
        return GroundPixels(
            self.rgb[chosen],
            self.height[chosen],
            self.surface[torch.from_numpy(chosen).to(self.surface.device)],
            None if self.classes is None else self.classes[chosen],
            None if self.confidence is None else self.confidence[chosen],
        )

    def with_rows(self, rows: Integer[np.ndarray, " some"], other: "GroundPixels") -> "GroundPixels":
        """The same with some rays replaced."""

        def replaced(own: np.ndarray | None, new: np.ndarray | None) -> np.ndarray | None:
            if own is None or new is None:
                return own
            own = own.copy()
            own[rows] = new
            return own

        surface = self.surface.index_copy(0, torch.from_numpy(rows).to(self.surface.device), other.surface)
        rgb, height = replaced(self.rgb, other.rgb), replaced(self.height, other.height)
        assert rgb is not None and height is not None
        return GroundPixels(
            rgb,
            height,
            surface,
            replaced(self.classes, other.classes),
            replaced(self.confidence, other.confidence),
        )


class OrthographicView:
    """Renders the places of a map by rays from a top height down to a bottom height.

    Each ray goes through the input-frame points of both heights at one easting and northing, so that it is vertical in
    the map, whatever scale and convergence the map has there.

    Args:
        model: of nerfseg, nerfacto or Gaussians; rays are rendered in bundles of at most
            eval_num_rays_per_chunk, one at a time.
        frame: from the frame of the input poses to the scene frame.
        projection: from map coordinates to the frame of the input poses.
        heights: bottom and top, metres.
        classes: number of classes of the run; 0: none.
    """

    def __init__(
        self,
        model: Model,
        frame: SceneFrame,
        projection: MapProjection,
        heights: tuple[float, float],
        classes: int = 0,
    ) -> None:
        self.model, self.frame, self.projection, self.classes = model, frame, projection, classes
        self.bottom, self.top = heights

    def rays(self, places: Float64[np.ndarray, "rays 2"], tops: Float[np.ndarray, " rays"] | None = None) -> RayBundle:
        """Rays of the scene frame, with near and far planes at their two heights.

        Args:
            places: easting and northing.
            tops: height that each ray starts at; None: the view's.
        """
        ends = []
        for height in (self.top if tops is None else tops, self.bottom):
            points = np.concatenate([places, np.broadcast_to(height, len(places))[:, None]], axis=1)
            ends.append(torch.from_numpy(np.ascontiguousarray(self.projection.from_map(points))))
        # the length in double precision, before the scene frame rounds to single
        length = (ends[1] - ends[0]).norm(dim=-1, keepdim=True)
        turned = self.frame.transform.double()[:, :3]
        directions = ((ends[1] - ends[0]) / length) @ turned.T
        device = self.model.device
        fars = (length * self.frame.scale).float().to(device)
        return RayBundle(
            origins=self.frame.to_scene(ends[0]).to(device),
            directions=torch.nn.functional.normalize(directions, dim=-1).float().to(device),
            pixel_area=torch.full_like(fars, _PIXEL_AREA),
            camera_indices=torch.zeros_like(fars, dtype=torch.long),
            nears=torch.zeros_like(fars),  # a collider keeps near and far planes that are set
            fars=fars,
            metadata={"directions_norm": torch.ones_like(fars)},
        )

    def render(
        self, places: Float64[np.ndarray, "rays 2"], tops: Float[np.ndarray, " rays"] | None = None
    ) -> GroundPixels:
        """Render places of the map.

        Args:
            places: easting and northing.
            tops: height that each ray starts at; None: the view's.
        """
        size = self.model.config.eval_num_rays_per_chunk
        rays = self.rays(places, tops)
        outputs = []
        with evaluating(self.model):
            for start in range(0, len(places), size):
                outputs.append(self._chosen(self._outputs(rays[start : start + size])))
        found = {name: torch.cat([piece[name] for piece in outputs]) for name in outputs[0]}
        depth = found["depth"][:, 0]
        solid = (found["accumulation"][:, 0] >= OPAQUE).cpu().numpy()
        # a ray is straight and its two ends differ in height alone
        share = (depth / rays.fars[:, 0]).double().cpu().numpy()
        begin = np.full(len(places), self.top) if tops is None else tops
        height = begin + share * (self.bottom - begin)
        rgb = (found["rgb"].clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
        classes = confidence = None
        if "classes" in found:
            classes = found["classes"].cpu().numpy()
            confidence = found["confidence"].float().cpu().numpy()
        return GroundPixels(
            rgb,
            np.where(solid, height, NO_HEIGHT).astype(np.float32),
            rays.origins + rays.directions * depth[:, None],
            classes,
            confidence,
        )

    def _outputs(self, rays: RayBundle) -> dict[str, Tensor]:
        if hasattr(self.model, "gauss_params"):
            from nerfseg_ns.splats.gaussian_rays import ray_outputs

            return ray_outputs(self.model, rays)
        return self.model(rays)

    def _chosen(self, outputs: dict[str, Tensor]) -> dict[str, Tensor]:
        chosen = {name: outputs[name] for name in ("rgb", "depth", "accumulation")}
        if self.classes and "semantics" in outputs:
            # two classes come with a third, empty channel
            likelihood, ids = outputs["semantics"][:, : self.classes].max(dim=-1)
            chosen |= {"classes": ids.clamp(max=IGNORE - 1).to(torch.uint8), "confidence": likelihood}
        return chosen
