"""Views of a run as the exports need them: colour, depth and classes of every pixel."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from nerfseg_ns.core.class_table import IGNORE, ClassTable
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.evaluation.trained_run import LoadedRun
from nerfseg_ns.evaluation.view_scores import RendersCameras
from nerfseg_ns.selection.field_renderer import SKY

OR_OBJECTS = "or give objects: --objects NAME.npz, which nerfseg segment writes"


@dataclass(frozen=True, eq=False)
class RenderedView:
    """One rendered view, on the model's device.

    Args:
        rgb: 0..1.
        depth: distance from the camera along each ray, scene units; infinite where the ray meets nothing.
        probabilities: of the classes; None when the run has none.
    """

    rgb: Float[Tensor, "h w 3"]
    depth: Float[Tensor, "h w"]
    probabilities: Float[Tensor, "h w classes"] | None

    def class_ids(self, minimum_confidence: float = 0.0) -> UInt8[Tensor, "h w"]:
        """The most likely class of each pixel, 255 where its probability is below the minimum."""
        assert self.probabilities is not None
        confidence, ids = self.probabilities.max(dim=-1)
        return ids.to(torch.uint8).masked_fill(confidence < minimum_confidence, IGNORE)


@dataclass(frozen=True, eq=False)
class ViewRenderer:
    """Renders cameras.

    Args:
        model: the trained model.
        class_table: the classes that it knows; None: it knows none.
    """

    model: RendersCameras
    class_table: ClassTable | None

    @classmethod
    def of(cls, run: LoadedRun) -> "ViewRenderer":
        """The renderer of a run; without classes when the run has none, or has not begun to learn them."""
        model = run.pipeline.model
        knows_classes = getattr(model, "stage", None) == 2 and getattr(model, "semantic_network", None) is not None
        return cls(model, run.class_table if knows_classes else None)

    @property
    def device(self) -> torch.device:
        """Where cameras have to be."""
        return getattr(self.model, "device", torch.device("cpu"))

    @torch.no_grad()
    def render(self, camera: Any) -> RenderedView:
        """Render a camera of nerfstudio's, one view."""
        outputs = self.model.get_outputs_for_camera(camera)
        depth = outputs["depth"][..., 0].float()
        if hasattr(self.model, "gauss_params"):  # Splatfacto's depth runs along the viewing axis
            rays = camera.generate_rays(camera_indices=0, keep_shape=True)
            depth = depth * rays.metadata["directions_norm"][..., 0].to(depth)
        solid = (outputs["accumulation"][..., 0] > 0.5) & (depth < SKY)
        probabilities = None
        if self.class_table is not None:
            # two classes come with a third, empty channel
            probabilities = outputs["semantics"][..., : len(self.class_table)].float()
        return RenderedView(
            outputs["rgb"][..., :3].float().clamp(0.0, 1.0), depth.where(solid, torch.inf), probabilities
        )


def require_classes(renderer: ViewRenderer, run: LoadedRun, otherwise: str) -> None:
    """Make sure that a run knows classes.

    Args:
        renderer: of the run.
        run: the run, for the message.
        otherwise: what can be done without classes, for the message.

    Raises:
        InputError: it knows none.
    """
    if renderer.class_table is not None:
        return
    if run.class_table is not None:
        why = f"its training stopped at step {run.step}, before stage 2, which learns the classes; train it further"
    else:
        why = "its data has no classes; train nerfseg on labelled views"
    raise InputError(f"{run.checkpoint}: the run knows no classes: {why} ({otherwise})")
