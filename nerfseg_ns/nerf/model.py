"""The model: a hash-grid radiance field with proposal sampling, and the two-stage semantic networks on top of it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from nerfstudio.cameras.rays import RayBundle, RaySamples
from nerfstudio.engine.callbacks import TrainingCallback, TrainingCallbackAttributes, TrainingCallbackLocation
from nerfstudio.field_components.encodings import HashEncoding
from nerfstudio.field_components.spatial_distortions import SceneContraction
from nerfstudio.fields.density_fields import HashMLPDensityField
from nerfstudio.model_components.losses import distortion_loss, interlevel_loss
from nerfstudio.model_components.ray_samplers import ProposalNetworkSampler
from nerfstudio.model_components.renderers import DepthRenderer
from nerfstudio.model_components.scene_colliders import NearFarCollider
from nerfstudio.models.base_model import ModelConfig
from torch import Tensor
from torch.nn import Parameter

from nerfseg_ns.core.class_table import IGNORE, ClassTable
from nerfseg_ns.core.compositing import absorb_remainder, composite, composite_weights
from nerfseg_ns.core.confusion import ConfusionMatrix
from nerfseg_ns.core.free_air import FreeAir, air_loss
from nerfseg_ns.core.image_quality import PerceptualDistance
from nerfseg_ns.core.semantic_network import CAPTURED_COLOUR, CERTAINTY, SemanticNetwork, SemanticNetworkShape
from nerfseg_ns.data.semantic_views import SemanticViews
from nerfseg_ns.nerf.class_legend import ClassLegend
from nerfseg_ns.nerf.compilation import compile_methods, eager_under_trace
from nerfseg_ns.nerf.field import NerfSegField
from nerfseg_ns.nerf.geometry_checkpoint import GEOMETRY_PREFIXES
from nerfseg_ns.nerf.model_config import NerfSegModelConfig as NerfSegModelConfig
from nerfseg_ns.nerf.semantic_outputs import class_losses, class_outputs, label_accuracy, view_record
from nerfseg_ns.nerf.two_stage_model import TwoStageModel

AIR_POINTS, AIR_EVERY = 256, 4
"""Points in the air that a step looks at, and every how many steps: looking costs a tenth of a step on a CPU."""


class NerfSegModel(TwoStageModel):
    """Stage 1 learns geometry and colour; stage 2 freezes them and learns classes.

    The pipeline sets :attr:`stage` before every training step and after loading a checkpoint.
    """

    config: NerfSegModelConfig
    geometry_prefixes = GEOMETRY_PREFIXES
    geometry_methods = "nerfseg, nerfseg-big or nerfseg-lite"
    renders_normals = True
    """Whether there is an output of normals; a seventh of the time goes into it."""

    def takes_geometry_of(self, config: ModelConfig) -> bool:
        """Of runs with a model like this; sizes are checked when the weights are there."""
        return isinstance(config, NerfSegModelConfig)

    def populate_modules(self) -> None:
        """Build field, proposal networks, samplers and the semantic network."""
        super().populate_modules()
        config = self.config
        semantics = (self.kwargs.get("metadata") or {}).get("semantics")
        self.class_table: ClassTable | None = (
            semantics.class_table if isinstance(semantics, SemanticViews) and len(semantics.class_table) else None
        )
        self.stage = 1
        self.perceptual_distance = PerceptualDistance()
        self.confusion: ConfusionMatrix | None = None  # set by the pipeline while it goes over a whole data set

        contraction = SceneContraction(order=float("inf"))
        self.field = NerfSegField(
            spatial_distortion=contraction,
            num_levels=config.num_levels,
            base_res=config.base_res,
            max_res=config.max_res,
            log2_hashmap_size=config.log2_hashmap_size,
            features_per_level=config.features_per_level,
            hidden_dim=config.hidden_dim,
            geo_feat_dim=config.geo_feat_dim,
            num_layers_color=config.num_layers_color,
            hidden_dim_color=config.hidden_dim_color,
            average_init_density=config.average_init_density,
            implementation=config.implementation,
        )
        self.proposal_networks = torch.nn.ModuleList(
            HashMLPDensityField(
                self.scene_box.aabb,
                spatial_distortion=contraction,
                average_init_density=config.average_init_density,
                implementation=config.implementation,
                **arguments,
            )
            for arguments in config.proposal_net_args_list
        )
        self.proposal_sampler = ProposalNetworkSampler(
            num_proposal_samples_per_ray=config.num_proposal_samples_per_ray,
            num_nerf_samples_per_ray=config.num_nerf_samples_per_ray,
            num_proposal_network_iterations=len(config.num_proposal_samples_per_ray),
            single_jitter=True,
            update_sched=lambda step: float(
                np.clip(
                    step / max(config.proposal_warmup, 1) * config.proposal_update_every,
                    1,
                    config.proposal_update_every,
                )
            ),
        )
        self.collider = NearFarCollider(near_plane=config.near_plane, far_plane=config.far_plane)
        self.depth_renderer = DepthRenderer(method="median")

        self.class_legend = ClassLegend(self.class_table)
        self.semantic_network: SemanticNetwork | None = None
        if self.class_table is not None:
            surface_encoding = None
            if config.use_surface_grid:
                surface_encoding = HashEncoding(
                    num_levels=config.surface_grid_levels,
                    min_res=config.base_res,
                    max_res=config.surface_grid_max_res,
                    log2_hashmap_size=config.surface_grid_log2_size,
                    features_per_level=config.features_per_level,
                    implementation=config.implementation,
                )
            self.semantic_network = SemanticNetwork(
                SemanticNetworkShape(
                    location_dim=self.field.location_dim,
                    num_classes=len(self.class_table),
                    seg_mlp_widths=tuple(config.seg_mlp_widths),
                    ray_feature_dim=config.ray_feature_dim,
                    ray_convolution_kernel=config.ray_convolution_kernel,
                    colour_widths=tuple(config.colour_widths),
                    use_ray_convolution=config.use_ray_convolution,
                    use_colour_network=config.use_colour_network,
                    surface_dim=0 if surface_encoding is None else surface_encoding.get_out_dim(),
                ),
                surface_encoding,
            )
        self.free_air: FreeAir | None = None
        self.step = 0
        self.compiled = False
        if config.compile:
            # not the semantic network: torch's own convolution is faster than compiled code
            self.compiled = compile_methods(
                (self.field, "locate"),
                (self.field, "colour"),
                *((network, "density_fn") for network in self.proposal_networks),
            )

    def set_training_cameras(self, c2w: Float[Tensor, "cameras 3 4"]) -> None:
        """Keep the air between the training cameras free."""
        self.free_air = FreeAir(c2w.to(self.device))

    def set_stage(self, stage: int) -> None:
        """Stage 1: geometry and colour are learned. Stage 2: they are frozen and semantics is learned."""
        self.stage = stage
        names = {1: "Stage 1: geometry and colour", 2: "Stage 2: semantics"}
        self.class_legend.stage.text = names[stage]

    def get_param_groups(self) -> dict[str, list[Parameter]]:
        """Parameter groups ``proposal_networks`` and ``fields`` (stage 1) and ``semantics`` (stage 2)."""
        groups = {
            "proposal_networks": list(self.proposal_networks.parameters()),
            "fields": list(self.field.parameters()),
        }
        if self.semantic_network is not None:
            groups["semantics"] = list(self.semantic_network.parameters())
        return groups

    def get_training_callbacks(
        self, training_callback_attributes: TrainingCallbackAttributes
    ) -> list[TrainingCallback]:
        """Annealing of the proposal weights, the proposal networks' update interval, and the step that it is."""

        def anneal(step: int) -> None:
            # mip-NeRF 360, Eq. 18, with slope 10; frozen geometry is trusted from the first step
            self.step = step
            fraction = 1.0 if self.stage == 2 else min(step / max(self.config.proposal_anneal_steps, 1), 1.0)
            self.proposal_sampler.set_anneal(10 * fraction / (9 * fraction + 1))

        return [
            TrainingCallback([TrainingCallbackLocation.BEFORE_TRAIN_ITERATION], anneal, update_every_num_iters=1),
            TrainingCallback(
                [TrainingCallbackLocation.AFTER_TRAIN_ITERATION],
                self.proposal_sampler.step_cb,
                update_every_num_iters=1,
            ),
        ]

    def forward(self, ray_bundle: RayBundle) -> dict[str, Any]:
        """Render rays, in pieces of one size when the networks are compiled."""
        if self.training or not self.compiled:
            return super().forward(ray_bundle)
        return self._in_equal_pieces(super().forward, ray_bundle)

    def surfaces(self, ray_bundle: RayBundle) -> dict[str, Tensor]:
        """Where rays meet a surface.

        Args:
            ray_bundle: rays in nerfstudio's scene frame, [rays].

        Returns:
            ``points`` [rays, 3] in the scene frame, ``accumulation`` and ``depth`` [rays, 1].
        """

        def render(rays: RayBundle) -> dict[str, Tensor]:
            ray_samples, _, _ = self._samples(self.collider(rays) if self.collider is not None else rays)
            density, _, _ = self.field.locate(ray_samples.frustums.get_positions())
            weights = composite_weights(density, ray_samples.deltas)
            depth = self.depth_renderer(weights=weights, ray_samples=ray_samples)
            points = rays.origins + rays.directions * depth
            return {"points": points, "accumulation": weights.sum(dim=-2), "depth": depth}

        with torch.no_grad():
            return self._in_equal_pieces(render, ray_bundle)

    def _in_equal_pieces(
        self, render: Callable[[RayBundle], dict[str, Any]], ray_bundle: RayBundle
    ) -> dict[str, Tensor]:
        """What a function makes of rays.

        Compiled code would be compiled anew for every new number of rays; a short last piece is filled up and cut off
        again.
        """
        size, count = self.config.eval_num_rays_per_chunk, len(ray_bundle)
        pieces = []
        for start in range(0, count, size):
            rows = torch.arange(start, start + size, device=ray_bundle.origins.device).clamp(max=count - 1)
            with eager_under_trace():
                piece = render(ray_bundle.flatten()[rows])
            pieces.append({name: value[: count - start] for name, value in piece.items()})
        return {name: torch.cat([piece[name] for piece in pieces]) for name in pieces[0]}

    def get_rgba_image(self, outputs: dict[str, Tensor], output_name: str = "rgb") -> Float[Tensor, "*image 4"]:
        """A colour output with the scene's opacity as alpha, so that exports leave the sky out."""
        return torch.cat([outputs[output_name], outputs["accumulation"].clamp(0.0, 1.0)], dim=-1)

    def get_outputs(self, ray_bundle: RayBundle) -> dict[str, Any]:
        """Render rays.

        Args:
            ray_bundle: rays in nerfstudio's scene frame.

        Returns:
            rgb and accumulation per ray; while training what the losses need; while rendering depth and normals, and
            in stage 2 the semantic outputs.
        """
        if self.training and self.stage == 1:
            return self.render(ray_bundle)
        with torch.no_grad():
            outputs = self.render(ray_bundle)
        if self.stage == 2:
            captured = None
            if self.training and self.config.colour_source == "captured":
                captured = ray_bundle.metadata[CAPTURED_COLOUR]
            outputs.update(self.render_semantics(outputs, captured))
        if not self.training:
            if self.renders_normals:
                surface = ray_bundle.origins + ray_bundle.directions * outputs["depth"]
                # in 0..1, the form ns-export and the viewer expect; a cell of the finest level is 4 / max_res wide
                outputs["normals"] = (self.field.normals(surface, spacing=4.0 / self.config.max_res) + 1.0) / 2.0
            for name in ("weights", "location_features", "surface"):
                outputs.pop(name, None)
        return outputs

    def render(self, ray_bundle: RayBundle) -> dict[str, Any]:
        """Geometry and colour of rays; see :meth:`get_outputs`."""
        ray_samples, weights_list, ray_samples_list = self._samples(ray_bundle)
        density, geometry, hash_features = self.field.locate(ray_samples.frustums.get_positions())
        rgb = self.field.colour(geometry, ray_bundle.directions)
        weights = composite_weights(density, ray_samples.deltas)
        complete = absorb_remainder(weights)
        outputs: dict[str, Any] = {
            "rgb": composite(complete, rgb),
            "accumulation": weights.sum(dim=-2),
            "weights": complete,
        }
        if self.stage == 2 or self.joint:
            outputs["location_features"] = self.field.location_features(geometry, hash_features)
        if not self.training or self.stage == 2:
            outputs["depth"] = self.depth_renderer(weights=weights, ray_samples=ray_samples)
        if self.stage == 2:
            outputs["surface"] = self.field.in_grid(ray_bundle.origins + ray_bundle.directions * outputs["depth"])
        if self.training:
            outputs["weights_list"] = [*weights_list, weights]
            outputs["ray_samples_list"] = [*ray_samples_list, ray_samples]
        return outputs

    def _samples(self, ray_bundle: RayBundle) -> tuple[RaySamples, list[Tensor], list[RaySamples]]:
        """The field's samples, and weights and samples of the proposal networks."""
        samples: tuple[RaySamples, list[Tensor], list[RaySamples]] = self.proposal_sampler(
            ray_bundle, density_fns=[network.density_fn for network in self.proposal_networks]
        )
        return samples

    def render_semantics(self, outputs: dict[str, Any], captured: Tensor | None) -> dict[str, Any]:
        """Semantic outputs of rays whose geometry and colour are rendered already."""
        if self.semantic_network is None or self.class_table is None:
            return {}
        colour = outputs["rgb"] if captured is None else captured.to(outputs["rgb"])
        logits, colour_logits = self.semantic_network(
            outputs["location_features"], outputs["weights"], colour, outputs.get("surface")
        )
        if self.training:
            return {"logits": logits, "colour_logits": colour_logits}
        return class_outputs(logits, outputs["rgb"], self.class_table, self.class_legend.visible)

    def get_metrics_dict(self, outputs: dict[str, Any], batch: dict[str, Any]) -> dict[str, Tensor]:
        """PSNR of the batch of rays, and in stage 2 the accuracy on its labelled rays."""
        image = batch["image"].to(outputs["rgb"])[..., :3]
        metrics = {"psnr": -10.0 * torch.log10(F.mse_loss(outputs["rgb"].detach(), image))}
        if "logits" in outputs:
            labels = batch["semantics"]
            if CERTAINTY in batch:  # what was propagated is no label
                labels = labels.masked_fill(batch[CERTAINTY].to(labels.device) < 1.0, IGNORE)
            metrics["label_accuracy"] = label_accuracy(outputs["logits"], labels)
        return metrics

    def get_loss_dict(
        self, outputs: dict[str, Any], batch: dict[str, Any], metrics_dict: dict[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Stage 1: colour, proposal and distortion losses. Stage 2: cross-entropies of both heads."""
        if "logits" in outputs:
            return class_losses(
                outputs["logits"],
                outputs["colour_logits"],
                batch["semantics"],
                self.config.c2s_loss_mult,
                batch.get(CERTAINTY),
            )
        return self.geometry_losses(outputs, batch)

    def geometry_losses(self, outputs: dict[str, Any], batch: dict[str, Any]) -> dict[str, Tensor]:
        """The losses of stage 1."""
        image = batch["image"].to(outputs["rgb"])[..., :3]
        losses = {"rgb_loss": F.mse_loss(outputs["rgb"], image)}
        if "weights_list" in outputs:
            weights, samples = outputs["weights_list"], outputs["ray_samples_list"]
            losses["interlevel_loss"] = self.config.interlevel_loss_mult * interlevel_loss(weights, samples)
            losses["distortion_loss"] = self.config.distortion_loss_mult * distortion_loss(weights, samples)
            if self.config.air_loss_mult > 0 and self.free_air and self.step % AIR_EVERY == 0:
                losses["air_loss"] = AIR_EVERY * self.config.air_loss_mult * self._air_loss(self.free_air)
        return losses

    def _air_loss(self, air: FreeAir) -> Tensor:
        """Of the field and of the proposal networks, which would spend a new view's samples in haze."""
        points, distances = air.points(AIR_POINTS)
        # the methods of the classes: those of the objects may be compiled, for other numbers of points
        densities = [NerfSegField.locate(self.field, points[:, None])[0][:, 0]]
        densities += [HashMLPDensityField.density_fn(network, points) for network in self.proposal_networks]
        return torch.stack([air_loss(density, distances) for density in densities]).mean()

    def get_image_metrics_and_images(
        self, outputs: dict[str, Tensor], batch: dict[str, Tensor]
    ) -> tuple[dict[str, float], dict[str, Tensor]]:
        """Figures and pictures of one evaluated view.

        Semantic figures are data-set figures: see the pipeline and ``nerfseg evaluate``.
        """
        metrics, pictures = view_record(outputs, batch, self.class_table, self.confusion)
        if self.config.lpips:
            distance = self.perceptual_distance(outputs["rgb"], batch["image"].to(outputs["rgb"])[..., :3])
            if distance is not None:
                metrics["lpips"] = distance
        return metrics, pictures
