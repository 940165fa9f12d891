"""The datamanager: all rays in stage 1, labelled pixels in stage 2."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from nerfstudio.cameras.rays import RayBundle
from nerfstudio.configs.dataparser_configs import AnnotatedDataParserUnion
from nerfstudio.data.datamanagers.base_datamanager import (
    VanillaDataManager,
    VanillaDataManagerConfig,
    variable_res_collate,
)
from nerfstudio.data.pixel_samplers import PixelSampler, PixelSamplerConfig

from nerfseg_ns.core.image_detail import draw_detailed, pixel_detail
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.semantic_network import CAPTURED_COLOUR
from nerfseg_ns.data.carla_mvs_dataparser import CarlaMVSDataParserConfig
from nerfseg_ns.data.labelled_views import LabelledViews, SparseLabels, SparselyLabelledViews, gather_pixels
from nerfseg_ns.data.masked_pixel_sampler import masked_pixel_sampler
from nerfseg_ns.data.semantic_dataset import SemanticDataset
from nerfseg_ns.data.semantic_views import SEMANTICS

DETAIL_CANDIDATES = 4
"""Pixels that are drawn for each of those kept for their detail."""


@dataclass
class SemanticDataManagerConfig(VanillaDataManagerConfig):
    """Configuration of :class:`SemanticDataManager`."""

    _target: type = field(default_factory=lambda: SemanticDataManager)
    dataparser: AnnotatedDataParserUnion = field(default_factory=CarlaMVSDataParserConfig)
    """Dataparser that reads the capture."""
    pixel_sampler: PixelSamplerConfig = field(default_factory=masked_pixel_sampler)
    """Settings of the sampler of stage 1's pixels."""
    detail_share: float = 0.0
    """Share of stage 1's rays, 0..1, that go to pixels the likelier the more they differ from their neighbours: edges
    and thin things."""
    stage2_num_rays_per_batch: int = 1024
    """Labelled rays per batch in stage 2."""
    class_balanced_share: float = 0.0
    """Share of stage 2's rays, 0..1, that draw every class equally often instead of every labelled pixel: rare
    classes gain, at some cost in overall accuracy."""
    propagated_share: float = 0.0
    """Share of stage 2's rays, 0..1, from pixels without a label, whose classes are propagated from the labelled ones
    over geometry and look before stage 2 begins (not in the paper); never more than such pixels there are."""


def sample_pixels(sampler: PixelSampler, views: dict[str, Any], evenly: int = 0, detailed: int = 0) -> dict[str, Any]:
    """What nerfstudio's sampler draws, and the labels there.

    The sampler cannot read labels of views that differ in size, so they are looked up afterwards.

    Args:
        sampler: draws pixels.
        views: nerfstudio's cache of views.
        evenly: with ``detailed``: pixels that are kept as they were drawn.
        detailed: pixels that are kept of the others drawn, by their detail; 0 keeps all.
    """
    batch = sampler.sample({key: value for key, value in views.items() if key != SEMANTICS})
    indices = batch["indices"].cpu()
    order = torch.as_tensor(views["image_idx"]).cpu()
    positions = torch.empty(int(order.max()) + 1, dtype=torch.long)
    positions[order] = torch.arange(len(order))
    pixels = torch.cat([positions[indices[:, :1]], indices[:, 1:]], dim=-1)
    if detailed:
        drawn = torch.randperm(len(pixels))  # views that differ in size come one after the other
        candidates = drawn[evenly:]
        detail = pixel_detail(views["image"], pixels[candidates], views.get("mask"))
        kept = torch.cat([drawn[:evenly], candidates[draw_detailed(detail.cpu(), detailed)]])
        batch = {
            key: value if key == "full_image" else value[kept.to(value.device)]  # whole images stay whole
            for key, value in batch.items()
        }
        pixels = pixels[kept]
    batch[SEMANTICS] = gather_pixels(views[SEMANTICS], pixels)
    return batch


class SemanticDataManager(VanillaDataManager[SemanticDataset]):
    """Nerfstudio's datamanager with a second source of rays.

    The pipeline sets :attr:`stage` before each step. Labels stay uint8 in nerfstudio's own image cache; stage 2 adds
    an index of bounded size into it.
    """

    config: SemanticDataManagerConfig
    stage: int = 1

    def create_eval_dataset(self) -> SemanticDataset:
        """The evaluation views; views of several sizes in either split are kept in lists."""
        dataset = super().create_eval_dataset()
        for cameras in (self.train_dataset.cameras, dataset.cameras):
            if len(torch.cat([cameras.width, cameras.height], dim=-1).unique(dim=0)) > 1:
                self.config.collate_fn = variable_res_collate
        return dataset

    def setup_train(self) -> None:
        """Set up nerfstudio's loaders; the index of labelled pixels is built when stage 2 begins."""
        for name in ("detail_share", "class_balanced_share", "propagated_share"):
            share = getattr(self.config, name)
            if not 0.0 <= share <= 1.0:
                option = name.replace("_", "-")
                raise InputError(f"--pipeline.datamanager.{option} {share}: expected a share of 0 to 1")
        super().setup_train()
        rays = self.config.train_num_rays_per_batch
        # nerfstudio draws even numbers of rays from views that differ in size
        self._detailed_rays = 2 * int(self.config.detail_share * rays / 2)
        assert self.train_pixel_sampler is not None
        self.train_pixel_sampler.set_num_rays_per_batch(rays + (DETAIL_CANDIDATES - 1) * self._detailed_rays)
        self._labelled: LabelledViews | None = None
        self._propagated: SparselyLabelledViews | None = None
        self._propagated_share = 0.0

    def _views(self, indices: Sequence[int]) -> dict[str, Any]:
        """Nerfstudio's cache of all views, or, where that holds changing ones, those asked for."""
        if self.config.train_num_images_to_sample_from == -1:
            return next(self.iter_train_image_dataloader)
        return self.config.collate_fn([self.train_dataset[index] for index in indices])

    def set_propagated(self, labels: Mapping[int, SparseLabels], unlabelled_share: float) -> None:
        """Give unlabelled pixels the classes that were propagated to them.

        Args:
            labels: view -> labels of some of its pixels; a view without any is none.
            unlabelled_share: share of all pixels, 0..1, that have no label of their own: where these are few, a larger
                share of the rays would learn from little else.
        """
        labels = {view: of_view for view, of_view in labels.items() if len(of_view.classes)}
        self._propagated = None
        self._propagated_share = min(self.config.propagated_share, unlabelled_share)
        if not labels:
            return
        if self.config.train_num_images_to_sample_from != -1:  # they do not fit into the memory together
            self._propagated = SparselyLabelledViews(labels, lambda view: self.train_dataset[view]["image"])
            return
        views = next(self.iter_train_image_dataloader)
        position = {int(view): index for index, view in enumerate(views["image_idx"])}
        self._propagated = SparselyLabelledViews(labels, lambda view: views["image"][position[view]])

    def next_train(self, step: int) -> tuple[RayBundle, dict[str, Any]]:
        """Rays and their pixels: any pixel of any view in stage 1, labelled pixels in stage 2."""
        self.train_count += 1
        batch = self.next_pixels() if self.stage == 1 else self.next_labelled_pixels()
        ray_bundle = self.train_ray_generator(batch["indices"])
        if self.stage == 2:
            ray_bundle.metadata[CAPTURED_COLOUR] = batch["image"][..., :3].to(ray_bundle.origins)
        return ray_bundle, batch

    def next_pixels(self) -> dict[str, Any]:
        """``image``, ``semantics`` and ``indices`` (view, y, x) of pixels of all views."""
        assert self.train_pixel_sampler is not None
        views = next(self.iter_train_image_dataloader)
        rays = self.config.train_num_rays_per_batch
        return sample_pixels(self.train_pixel_sampler, views, rays - self._detailed_rays, self._detailed_rays)

    def next_labelled_pixels(self) -> dict[str, Any]:
        """``image``, ``semantics``, ``certainty`` and ``indices`` (view, y, x) of pixels with a class."""
        if self._labelled is None:
            views = self._views(self.train_dataset.labelled_view_indices or [0])
            self._labelled = LabelledViews(views, views[SEMANTICS])
        rays, balanced = self.config.stage2_num_rays_per_batch, self.config.class_balanced_share
        if self._propagated is None:
            return self._labelled.draw(rays, balanced)
        propagated = round(self._propagated_share * rays)
        parts = self._labelled.draw(rays - propagated, balanced), self._propagated.draw(propagated, balanced)
        return {key: torch.cat([part[key] for part in parts]) for key in parts[0]}

    def next_eval(self, step: int) -> tuple[RayBundle, dict[str, Any]]:
        """Rays of evaluation views and their pixels."""
        self.eval_count += 1
        assert self.eval_pixel_sampler is not None
        batch = sample_pixels(self.eval_pixel_sampler, next(self.iter_eval_image_dataloader))
        return self.eval_ray_generator(batch["indices"]), batch

    def get_train_rays_per_batch(self) -> int:
        """Rays per batch of the current stage."""
        config = self.config  # nerfstudio asks the sampler, which draws candidates as well
        return config.train_num_rays_per_batch if self.stage == 1 else config.stage2_num_rays_per_batch
