"""Nerfstudio's world: how a dataparser turns, centres and scales the world of its input poses."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from nerfstudio.cameras.camera_utils import auto_orient_and_center_poses
from nerfstudio.data.scene_box import SceneBox
from nerfstudio.utils.rich_utils import CONSOLE
from torch import Tensor

from nerfseg_ns.core.poses import axis_spread

LEAST_AXIS_SPREAD = 10.0
"""Degrees between optical axes (:func:`~nerfseg_ns.core.poses.axis_spread`) below which they have no focus."""


@dataclass
class WorldOptions:
    """The options about orientation, centre and scale that the dataparsers of this package's own formats have."""

    orientation_method: Literal["none", "up", "pca", "vertical"] = "none"
    """How to turn the world; none keeps the axes of the input, which have z up in Carla-MVS and on the Earth."""
    center_method: Literal["focus", "poses", "none"] = "focus"
    """What to put at the origin. Focus is the point nearest to all optical axes, for orbits the ground in the middle;
    where the axes are nearly parallel, as in nadir flights, the mean of the cameras is taken instead."""
    auto_scale_poses: bool = True
    """Whether to scale the world so that the farthest training camera is at distance 1."""
    scale_factor: float = 1.0
    """How much to scale the camera positions by, after that."""
    scene_scale: float = 1.0
    """Half the edge of the scene box."""

    def world_transform(
        self, poses: Float[Tensor, "views 4 4"], ground: Float[Tensor, "3"] | None = None
    ) -> tuple[Float[Tensor, "3 4"], float]:
        """Input world -> nerfstudio world: rotation and shift, then scale (float64).

        Args:
            poses: camera-to-world of the training cameras, OpenGL axes, float64.
            ground: a point on the ground in the middle of the scene, where one is known: the centre of a nadir flight.
        """
        centre_method, centre = self.center_method, poses[:, :3, 3].mean(dim=0)
        if centre_method == "focus" and axis_spread(poses) < LEAST_AXIS_SPREAD:
            centre_method, what = ("poses", "them") if ground is None else ("none", "the ground below")
            CONSOLE.log(
                f"The cameras look in nearly one direction: the world is centred on {what}, not on their focus."
            )
            centre = centre if ground is None else ground.to(poses)
        # Shifted first, in double precision: map coordinates of millions of metres do not fit into single precision.
        shift = torch.eye(4, dtype=torch.float64)
        if self.center_method != "none":
            shift[:3, 3] = -centre
        oriented, near_transform = auto_orient_and_center_poses(
            (shift @ poses).float(), method=self.orientation_method, center_method=centre_method
        )
        scale = float(self.scale_factor)
        if self.auto_scale_poses:
            farthest = float(oriented[:, :3, 3].norm(dim=-1).max())
            if farthest > 0.0:
                scale /= farthest
        return near_transform.double() @ shift, scale

    def scene_box(self) -> SceneBox:
        """The scene box of the options, in nerfstudio's world."""
        half = self.scene_scale
        return SceneBox(aabb=torch.tensor([[-half] * 3, [half] * 3], dtype=torch.float32))
