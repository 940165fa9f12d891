"""The surface that the training views show: coloured and classified points, view by view."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.scene_frame import SceneFrame
from nerfseg_ns.exports.view_renderer import RenderedView, ViewRenderer
from nerfseg_ns.selection.object_points import camera_image
from nerfseg_ns.selection.run_scene import RunScene


@dataclass(frozen=True, eq=False)
class SurfacePixels:
    """What the pixels of one view show of the surface.

    Args:
        positions: input frame.
        colours: RGB, 0..1.
        probabilities: of the classes; no columns without classes.
    """

    positions: Float64[np.ndarray, "points 3"]
    colours: Float32[np.ndarray, "points 3"]
    probabilities: Float32[np.ndarray, "points classes"]

    def where(self, kept: Bool[np.ndarray, " points"]) -> "SurfacePixels":
        """The pixels of a mask."""
        return SurfacePixels(self.positions[kept], self.colours[kept], self.probabilities[kept])


@dataclass(frozen=True, eq=False)
class SurfaceViews:
    """The training views of a run, rendered one at a time.

    Classes belong to rays, not to places: the ray convolution sees a ray's samples, the colour network its colour. So
    they are rendered for the pixels of the training views, and whoever wants the class of a place lets the pixels that
    show it vote.

    Args:
        scene: the training views.
        renderer: of the same run.
    """

    scene: RunScene
    renderer: ViewRenderer

    @property
    def frame(self) -> SceneFrame:
        """From the input frame to the scene frame."""
        return self.scene.frame

    def __len__(self) -> int:
        return len(self.scene.names)

    def pixels(self, view: int) -> SurfacePixels:
        """The surface in a view, in the colours of the captured image; sky and pixels that the data masks are left out.

        Raises:
            InputError: the image cannot be read.
        """
        colours = camera_image(self.scene, view).numpy()
        camera, mask = self.scene.nerfstudio_camera(view).to(self.renderer.device), self.scene.mask(view)
        rendered = self.renderer.render(camera)
        shown = self._on_surface(rendered)
        if mask is not None:
            shown &= torch.from_numpy(mask).to(shown)
        rays = camera.generate_rays(camera_indices=0, keep_shape=True)
        depth = rendered.depth[shown]
        positions = (rays.origins[shown] + rays.directions[shown] * depth[:, None]).cpu()
        probabilities = positions.new_zeros(len(positions), 0)
        if rendered.probabilities is not None:
            probabilities = rendered.probabilities[shown].cpu()
        return SurfacePixels(
            self.frame.to_input(positions).numpy(), colours[shown.flatten().cpu().numpy()], probabilities.numpy()
        )

    def _on_surface(self, view: RenderedView) -> torch.Tensor:
        shown = view.depth.isfinite()
        if view.probabilities is not None and self.renderer.class_table is not None:
            sky = sky_classes(self.renderer.class_table)
            shown &= ~torch.isin(view.probabilities.argmax(dim=-1), torch.tensor(sky, device=shown.device))
        return shown


def sky_classes(class_table: ClassTable) -> list[int]:
    """The classes that are no surface: those of the name sky, in any case."""
    return [entry.id for entry in class_table.classes if entry.name.strip().lower() == "sky"]
