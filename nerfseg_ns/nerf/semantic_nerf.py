"""Semantic-NeRF (Zhi et al. 2021): one stage that learns geometry, colour and classes together, for comparison."""

from dataclasses import dataclass, field
from typing import Any

import torch
from nerfstudio.cameras.rays import RayBundle
from torch import Tensor

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.semantic_network import semantic_loss
from nerfseg_ns.nerf.model import NerfSegModel, NerfSegModelConfig


@dataclass
class SemanticNerfModelConfig(NerfSegModelConfig):
    """Configuration of :class:`SemanticNerfModel`. R and C, which Semantic-NeRF does not have, are off."""

    _target: type = field(default_factory=lambda: SemanticNerfModel)
    use_ray_convolution: bool = False
    use_colour_network: bool = False
    semantic_loss_mult: float = 0.04
    """Weight of the cross-entropy beside the colour loss (Semantic-NeRF, Eq. 7: 0.04)."""


class SemanticNerfModel(NerfSegModel):
    """Classes are a further output of the radiance field, and their loss shapes the geometry too.

    The field, its samples and the size of the semantic network are those of the two-stage model; without R and C the
    network is one logit vector per sample, composited along the ray (Semantic-NeRF, Eq. 3).
    """

    config: SemanticNerfModelConfig
    joint = True

    def populate_modules(self) -> None:
        """Build the modules.

        Raises:
            InputError: the surface grid is asked for, which needs a surface that is finished.
        """
        if self.config.use_surface_grid:
            raise InputError(
                "--pipeline.model.use-surface-grid True: only methods of two stages have one; leave it out"
            )
        super().populate_modules()

    def set_stage(self, stage: int) -> None:
        """There is one stage; a geometry without classes is none of its checkpoints."""
        super().set_stage(stage)
        self.class_legend.stage.text = "Geometry, colour and classes together"

    def get_outputs(self, ray_bundle: RayBundle) -> dict[str, Any]:
        """Render rays; see the two-stage model, whose outputs of stage 2 these are."""
        with torch.set_grad_enabled(self.training):
            outputs = self.render(ray_bundle)
            outputs.update(self.render_semantics(outputs, None))
        if not self.training:
            for name in ("weights", "location_features"):
                outputs.pop(name, None)
        return outputs

    def get_loss_dict(
        self, outputs: dict[str, Any], batch: dict[str, Any], metrics_dict: dict[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Colour, proposal and distortion losses, and the cross-entropy of the labelled rays."""
        losses = self.geometry_losses(outputs, batch)
        if "logits" in outputs:
            labels = batch["semantics"].to(outputs["logits"].device)
            losses["semantic_loss"] = self.config.semantic_loss_mult * semantic_loss(outputs["logits"], labels)
        return losses
