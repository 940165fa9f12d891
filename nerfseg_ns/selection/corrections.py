"""What the user's clicks in later views say against the votes: it decides, however many views vote otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from scipy import ndimage
from torch import Tensor

from nerfseg_ns.selection.neighbourhood import Neighbourhood
from nerfseg_ns.selection.prompts import ViewPrompt
from nerfseg_ns.selection.scene import Scene
from nerfseg_ns.selection.view_choice import on_surface

_CELLS_OFF = 3
"""Voxels so near to a surface are on it."""


@dataclass(frozen=True, eq=False)
class Correction:
    """A region of a view on which the user and the votes of other views disagree.

    Args:
        view: number of the view.
        region: pixels around the click on which they disagree.
        belongs: what the user says of it.
    """

    view: int
    region: Bool[Tensor, "h w"]
    belongs: bool

    def reaches(self, scene: Scene, points: Float[Tensor, "points 3"], tolerance: float) -> Bool[Tensor, " points"]:
        """Which points, scene frame, it is about: those on the surface that the region shows.

        What does not belong is taken to be as deep as it is wide: its far side goes, too, but not all that it hides.

        Args:
            scene: gives camera and samples of the view.
            points: scene frame.
            tolerance: of the distance, scene units.
        """
        camera, distance = scene.camera(self.view), scene.samples(self.view).distance
        shown = distance[self.region & distance.isfinite()]
        if len(shown) == 0:
            return torch.zeros(len(points), dtype=torch.bool, device=points.device)
        width = float(self.region.any(dim=0).sum()) * float(shown.median()) / camera.fx
        return on_surface(camera, distance, self.region, points, tolerance, tolerance if self.belongs else width)


def corrections(
    view: int, prompt: ViewPrompt, rendered: Bool[Tensor, "h w"], mask: Bool[Tensor, "h w"]
) -> list[Correction]:
    """What the clicks of a view correct.

    Args:
        view: number of the view.
        prompt: the user's in this view.
        rendered: the object as the other views see it.
        mask: as the segmenter does after the clicks.
    """
    found = []
    for x, y, label in prompt.points:
        differs = mask & ~rendered if label == 1 else rendered & ~mask
        parts, _ = ndimage.label(differs.cpu().numpy())
        number = parts[min(int(y), parts.shape[0] - 1), min(int(x), parts.shape[1] - 1)]
        if number:
            found.append(Correction(view, torch.from_numpy(parts == number).to(mask.device), label == 1))
    return found


def decide(neighbourhood: Neighbourhood, scene: Scene, found: Sequence[Correction]) -> None:
    """Let corrections decide about the voxels of a neighbourhood."""
    centres, cell = neighbourhood.sites.centres(), neighbourhood.sites.cell
    for correction in found:
        neighbourhood.decide(correction.reaches(scene, centres, _CELLS_OFF * cell), correction.belongs)
