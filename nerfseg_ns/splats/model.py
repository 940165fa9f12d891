"""The model of nerfseg-splat: nerfstudio's Splatfacto, and classes on its frozen Gaussians."""

from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.engine.optimizers import Optimizers
from nerfstudio.models.base_model import ModelConfig
from nerfstudio.models.splatfacto import SplatfactoModel, SplatfactoModelConfig
from torch import Tensor
from torch.nn import Parameter

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.confusion import ConfusionMatrix
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.semantic_network import SemanticNetwork, SemanticNetworkShape
from nerfseg_ns.data.pinhole_cameras import pinhole_of
from nerfseg_ns.data.semantic_views import SEMANTICS, SemanticViews
from nerfseg_ns.nerf.class_legend import ClassLegend
from nerfseg_ns.nerf.perceptual_metric import no_lpips
from nerfseg_ns.nerf.semantic_outputs import class_losses, class_outputs, label_accuracy, view_record
from nerfseg_ns.nerf.two_stage_model import TwoStageModel
from nerfseg_ns.splats.gaussian_features import GaussianFeatures
from nerfseg_ns.splats.gaussian_views import gaussian_outputs, visible_gaussians
from nerfseg_ns.splats.model_gaussians import model_gaussians
from nerfseg_ns.splats.neighbours import nearest_gaussians
from nerfseg_ns.splats.rasteriser import Rasteriser, make_rasteriser


@dataclass
class NerfSegSplatModelConfig(SplatfactoModelConfig):
    """Configuration of the two-stage semantic Gaussians."""

    _target: type = field(default_factory=lambda: NerfSegSplatModel)
    random_scale: float = 3.0
    """Size of the cube in which Gaussians begin where the data has no points (cameras are within 1 of its middle)."""
    learned_feature_dim: int = 16
    """Learned channels of each Gaussian."""
    seg_mlp_widths: tuple[int, ...] = (64, 64)
    """Widths of the Seg-MLP, which reads each Gaussian's feature."""
    ray_feature_dim: int = 32
    """Channels that are rasterised; gsplat takes 32 at once."""
    smoothing_neighbours: int = 0
    """Nearest Gaussians whose features are mixed in, in the place of the ray-convolution; 0: none, which was best on
    known Gaussians (docs/splats.md)."""
    smoothing_share: float = 0.5
    """Share of the neighbours in a Gaussian's feature, 0..1."""
    colour_widths: tuple[int, ...] = (16, 64)
    """Widths of the colour-radiance network (paper: 16, 64)."""
    use_colour_network: bool = True
    """C: let the pixel's rendered colour take part."""
    c2s_loss_mult: float = 1.0
    """Weight of the loss on the colour-only head (paper: 1)."""


class NerfSegSplatModel(SplatfactoModel, TwoStageModel):
    """Stage 1 is Splatfacto. Stage 2 freezes the Gaussians and learns a feature of each, rasterised as colour is.

    Attributes:
        rasteriser: of features, and without a CUDA device of colours too; None until it is needed.
    """

    config: NerfSegSplatModelConfig
    geometry_prefixes = ("gauss_params.",)
    geometry_methods = "nerfseg-splat or splatfacto"
    geometry_grows = True

    def populate_modules(self) -> None:
        """Build Splatfacto, without LPIPS, whose weights are a download; and the semantic network."""
        with no_lpips(SplatfactoModel.__module__):
            super().populate_modules()
        config = self.config
        semantics = (self.kwargs.get("metadata") or {}).get(SEMANTICS)
        self.class_table: ClassTable | None = (
            semantics.class_table if isinstance(semantics, SemanticViews) and len(semantics.class_table) else None
        )
        self.confusion: ConfusionMatrix | None = None
        self.stage = 1
        self.rasteriser: Rasteriser | None = None
        self._near: Int64[Tensor, "gaussians near"] | None = None
        self._rasterised: Tensor | None = None
        self.class_legend = ClassLegend(self.class_table)
        self.gaussian_features: GaussianFeatures | None = None
        self.semantic_network: SemanticNetwork | None = None
        if self.class_table is not None:
            self.gaussian_features = GaussianFeatures(config.learned_feature_dim)
            self.semantic_network = SemanticNetwork(
                SemanticNetworkShape(
                    location_dim=self.gaussian_features.out_dim,
                    num_classes=len(self.class_table),
                    seg_mlp_widths=tuple(config.seg_mlp_widths),
                    ray_feature_dim=config.ray_feature_dim,
                    colour_widths=tuple(config.colour_widths),
                    use_ray_convolution=False,
                    use_colour_network=config.use_colour_network,
                )
            )

    def takes_geometry_of(self, config: ModelConfig) -> bool:
        """Of runs of Splatfacto, and of those that build on it.

        Raises:
            InputError: their colours have spherical harmonics of another degree.
        """
        if isinstance(config, SplatfactoModelConfig) and config.sh_degree != self.config.sh_degree:
            raise InputError(
                f"--pipeline.geometry-config: its Gaussians have spherical harmonics of degree {config.sh_degree}, and "
                f"those of this run would have degree {self.config.sh_degree}; add --pipeline.model.sh-degree "
                f"{config.sh_degree}"
            )
        return isinstance(config, SplatfactoModelConfig)

    def set_stage(self, stage: int) -> None:
        """See :class:`~nerfseg_ns.nerf.two_stage_model.TwoStageModel`."""
        self.stage = stage
        self.class_legend.stage.text = {1: "Stage 1: geometry and colour", 2: "Stage 2: semantics"}[stage]
        if stage == 2 and self.gaussian_features is not None:
            self.gaussian_features.resize(self.num_points)
        self._forget()

    def train(self, mode: bool = True) -> "NerfSegSplatModel":
        """Nerfstudio's switch; what was computed for rendering is let go of."""
        self._rasterised = None
        return super().train(mode)

    def load_state_dict(self, dict: Any, **kwargs: Any) -> Any:
        """Load weights of any number of Gaussians."""
        if self.gaussian_features is not None and "gauss_params.means" in dict:
            learned = dict.get("gaussian_features.learned")
            self.gaussian_features.resize(len(dict["gauss_params.means"] if learned is None else learned))
        self._forget()
        return super().load_state_dict(dict, **kwargs)

    def _forget(self) -> None:
        self._rasterised = self._near = None

    def get_param_groups(self) -> dict[str, list[Parameter]]:
        """Splatfacto's groups (stage 1), and ``semantics`` (stage 2)."""
        groups = super().get_param_groups()
        if self.semantic_network is not None:
            groups["semantics"] = self._semantic_parameters()
        return groups

    def _semantic_parameters(self) -> list[Parameter]:
        assert self.gaussian_features is not None and self.semantic_network is not None
        return [*self.gaussian_features.parameters(), *self.semantic_network.parameters()]

    def step_cb(self, optimizers: Optimizers, step: int) -> None:
        """Before each step: what a checkpoint or a new stage has put in the place of a parameter is optimised too."""
        super().step_cb(optimizers, step)
        if self.stage == 2:  # colours of all degrees, which Splatfacto brings in one after the other
            self.step = max(step, self.config.sh_degree * self.config.sh_degree_interval)
        for name, wanted in self.get_param_groups().items():
            optimizer = optimizers.optimizers.get(name)
            if optimizer is None or all(a is b for a, b in zip(optimizer.param_groups[0]["params"], wanted)):
                continue
            for have, want in zip(optimizer.param_groups[0]["params"], wanted):
                state = optimizer.state.pop(have, None)
                # a resumed run's moments are those of the Gaussians in its checkpoint
                if state and all(value.shape in ((), want.shape) for value in state.values()):
                    optimizer.state[want] = state
            optimizer.param_groups[0]["params"] = wanted
            optimizers.parameters[name] = wanted

    def step_post_backward(self, step: int) -> None:
        """Splitting and culling, in stage 1 alone."""
        if self.stage == 1:
            super().step_post_backward(step)

    def get_outputs(self, camera: Cameras) -> dict[str, Any]:
        """Render a view.

        Args:
            camera: one, in nerfstudio's scene frame.

        Returns:
            rgb, depth, accumulation and background as Splatfacto; in stage 2 what the losses need or, while rendering,
            the semantic outputs.
        """
        if self.stage == 1 and self.training:
            return super().get_outputs(camera)
        with torch.no_grad():
            if self.device.type == "cuda" and not self.training:
                outputs = super().get_outputs(camera)
            else:
                outputs = gaussian_outputs(self, camera, self._rasteriser())
        if self.stage == 2 and self.semantic_network is not None:
            outputs.update(self._semantics(camera, outputs["rgb"]))
        return outputs

    def _rasteriser(self) -> Rasteriser:
        if self.rasteriser is None:
            self.rasteriser = make_rasteriser(self.device, self.num_points)
        return self.rasteriser

    def _semantics(self, camera: Cameras, rgb: Tensor) -> dict[str, Any]:
        gaussians, which = visible_gaussians(self)
        features = self.rasterised_features()[which]
        if len(features):
            drawn, _ = self._rasteriser().render(gaussians, features, pinhole_of(camera, self.device))
        else:  # a crop around nothing
            drawn = features.new_zeros(*rgb.shape[:2], features.shape[1])
        return self.classes_of(drawn, rgb)

    def classes_of(self, drawn: Float[Tensor, "*pixels channels"], rgb: Float[Tensor, "*pixels 3"]) -> dict[str, Any]:
        """What the heads say of pixels: in training what the losses need, else the semantic outputs.

        Args:
            drawn: :meth:`rasterised_features`, composited.
            rgb: rendered colours.
        """
        assert self.semantic_network is not None and self.class_table is not None
        logits, colour_logits = self.semantic_network.classify(drawn.reshape(-1, drawn.shape[-1]), rgb.reshape(-1, 3))
        if self.training:
            return {"logits": logits, "colour_logits": colour_logits}
        return class_outputs(logits.reshape(*rgb.shape[:-1], -1), rgb, self.class_table, self.class_legend.visible)

    def rasterised_features(self) -> Float[Tensor, "gaussians channels"]:
        """What is rasterised, of each Gaussian; computed once for many views while nothing is learned."""
        if self._rasterised is not None:
            return self._rasterised
        assert self.semantic_network is not None and self.gaussian_features is not None
        features = self.semantic_network.sample_features(self.gaussian_features(model_gaussians(self)))
        if self.config.smoothing_neighbours > 0:
            if self._near is None or len(self._near) != len(features):
                self._near = nearest_gaussians(self.means, self.config.smoothing_neighbours)
            if self._near.shape[1] > 0:
                around = features[self._near].mean(dim=1)
                features = torch.lerp(features, around, self.config.smoothing_share)
        if not self.training and not torch.is_grad_enabled():
            self._rasterised = features
        return features

    def get_metrics_dict(self, outputs: dict[str, Any], batch: dict[str, Any]) -> dict[str, Tensor]:
        """Splatfacto's figures; in stage 2 PSNR and the accuracy on the labelled pixels."""
        if "logits" not in outputs:
            return super().get_metrics_dict(outputs, batch)
        rgb = outputs["rgb"]
        image = self.composite_with_background(self._image(batch), outputs["background"])
        accuracy = label_accuracy(outputs["logits"], batch["semantics"].reshape(-1, 1))
        return {"psnr": -10.0 * torch.log10(F.mse_loss(rgb, image)), "label_accuracy": accuracy}

    def get_loss_dict(
        self, outputs: dict[str, Any], batch: dict[str, Any], metrics_dict: dict[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Stage 1: Splatfacto's losses. Stage 2: cross-entropies of both heads."""
        if "logits" not in outputs:
            return super().get_loss_dict(outputs, batch, metrics_dict)
        labels = batch["semantics"].reshape(-1, 1)
        return class_losses(outputs["logits"], outputs["colour_logits"], labels, self.config.c2s_loss_mult)

    def get_image_metrics_and_images(
        self, outputs: dict[str, Tensor], batch: dict[str, Tensor]
    ) -> tuple[dict[str, float], dict[str, Tensor]]:
        """Figures and pictures of one evaluated view, as nerfseg has them."""
        image = self.composite_with_background(self._image(batch), outputs["background"])
        return view_record(outputs, {**batch, "image": image}, self.class_table, self.confusion)

    def _image(self, batch: dict[str, Any]) -> Tensor:
        """The captured image at full size, 0..1."""
        image = batch["image"].to(self.device)
        return image.float() / 255.0 if image.dtype == torch.uint8 else image
