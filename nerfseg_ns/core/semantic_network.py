"""The second stage's networks (Qi et al. 2022): Seg-MLP, ray-convolution, colour-radiance network and the two heads."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.core.compositing import composite

CAPTURED_COLOUR = "captured_colour"
"""Key of a ray bundle's metadata that carries the captured colour of each ray in stage 2."""

CERTAINTY = "certainty"
"""Key of a batch that carries how much each ray's class counts, 0..1."""


def relu_mlp(widths: tuple[int, ...]) -> nn.Sequential:
    """Linear layers of the given widths, a ReLU after each."""
    layers = []
    for i in range(len(widths) - 1):
        layers += [nn.Linear(widths[i], widths[i + 1]), nn.ReLU()]
    return nn.Sequential(*layers)


class RayConvolution(nn.Module):
    """R: a 1-D convolution along the samples of a ray, so that a sample sees its neighbours in front and behind.

    Args:
        in_dim: channels of a sample's feature.
        out_dim: channels of the ray feature (128 in the paper).
        kernel: odd number of neighbouring samples seen at once (3 coarse, 5 fine in the paper).
    """

    def __init__(self, in_dim: int, out_dim: int, kernel: int) -> None:
        super().__init__()
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(f"ray-convolution kernel must be an odd number of samples, not {kernel}")
        self.convolution = nn.Conv1d(in_dim, out_dim, kernel, padding=kernel // 2)

    def forward(self, features: Float[Tensor, "rays samples in_dim"]) -> Float[Tensor, "rays samples out_dim"]:
        return F.relu(self.convolution(features.transpose(1, 2))).transpose(1, 2)


@dataclass(frozen=True)
class SemanticNetworkShape:
    """Sizes and switches of a :class:`SemanticNetwork`; the defaults are the paper's."""

    location_dim: int
    num_classes: int
    seg_mlp_widths: tuple[int, ...] = (128, 128)
    ray_feature_dim: int = 128
    ray_convolution_kernel: int = 5
    colour_widths: tuple[int, ...] = (16, 64)
    use_ray_convolution: bool = True
    use_colour_network: bool = True
    surface_dim: int = 0
    """Channels of what is known of the surface that a ray meets, beyond the frozen field; 0: nothing (the paper)."""


class SemanticNetwork(nn.Module):
    """Class logits of rays from frozen location features, frozen weights and the rays' colours.

    Seg-MLP acts on each sample, R on each ray's samples, the frozen weights composite the result to one ray feature;
    C lifts the ray's colour; F2S reads both, C2S reads the colour alone and is only a training aid.

    Args:
        shape: sizes and switches.
        surface_encoding: positions in 0..1 -> features, trained with the network; needed with ``shape.surface_dim``.
            The frozen features were learned from colours and cannot tell apart what looks alike; these can.
    """

    def __init__(self, shape: SemanticNetworkShape, surface_encoding: nn.Module | None = None) -> None:
        super().__init__()
        if (surface_encoding is None) != (shape.surface_dim == 0):
            raise ValueError(f"surface_dim {shape.surface_dim} and surface encoding {surface_encoding} do not agree")
        self.shape = shape
        self.seg_mlp = relu_mlp((shape.location_dim, *shape.seg_mlp_widths))
        if shape.use_ray_convolution:
            self.to_ray_feature: nn.Module = RayConvolution(
                shape.seg_mlp_widths[-1], shape.ray_feature_dim, shape.ray_convolution_kernel
            )
        else:
            self.to_ray_feature = relu_mlp((shape.seg_mlp_widths[-1], shape.ray_feature_dim))
        colour_dim = 0
        if shape.use_colour_network:
            colour_dim = shape.colour_widths[-1]
            self.colour_network = relu_mlp((3, *shape.colour_widths))
            self.c2s = nn.Linear(colour_dim, shape.num_classes)
        surface_dim = 0
        if surface_encoding is not None:
            surface_dim = shape.ray_feature_dim
            self.surface_encoding = surface_encoding
            self.surface_network = relu_mlp(
                (shape.surface_dim + shape.ray_feature_dim, shape.ray_feature_dim, shape.ray_feature_dim)
            )
        self.f2s = nn.Linear(shape.ray_feature_dim + colour_dim + surface_dim, shape.num_classes)

    def forward(
        self,
        location_features: Float[Tensor, "rays samples location_dim"],
        weights: Float[Tensor, "rays samples 1"],
        colour: Float[Tensor, "rays 3"],
        surface: Float[Tensor, "rays 3"] | None = None,
    ) -> tuple[Float[Tensor, "rays classes"], Float[Tensor, "rays classes"] | None]:
        """Logits of F2S, and of C2S or None when the colour network is off.

        Args:
            location_features: the field's features of each sample; no gradient flows back into them.
            weights: volume-rendering weights that sum to 1 along each ray.
            colour: RGB of the ray, 0..1 (rendered by stage 1, or captured).
            surface: where the ray meets a surface, in 0..1, for the surface encoding.
        """
        return self.classify(composite(weights, self.sample_features(location_features)), colour, surface)

    def sample_features(self, location_features: Float[Tensor, "*samples location_dim"]) -> Tensor:
        """What is composited to the ray feature: [..., ray_feature_dim] of each sample."""
        return self.to_ray_feature(self.seg_mlp(location_features))

    def classify(
        self,
        ray_feature: Float[Tensor, "rays ray_feature_dim"],
        colour: Float[Tensor, "rays 3"],
        surface: Float[Tensor, "rays 3"] | None = None,
    ) -> tuple[Float[Tensor, "rays classes"], Float[Tensor, "rays classes"] | None]:
        """Logits of both heads from composited features; see :meth:`forward`."""
        read, colour_logits = [ray_feature], None
        if self.shape.use_colour_network:
            colour_feature = self.colour_network(colour)
            colour_logits = self.c2s(colour_feature)
            read.append(colour_feature)
        if self.shape.surface_dim:
            encoded = self.surface_encoding(surface).to(ray_feature)
            read.append(self.surface_network(torch.cat([encoded, ray_feature], dim=-1)))
        return self.f2s(torch.cat(read, dim=-1)), colour_logits


def semantic_loss(
    logits: Float[Tensor, "rays classes"],
    labels: UInt8[Tensor, "rays 1"],
    certainty: Float[Tensor, "rays 1"] | None = None,
) -> Float[Tensor, ""]:
    """Mean cross-entropy over the labelled rays; 0, with a gradient of 0, when none is labelled.

    Args:
        certainty: weight of each ray in the mean, 0..1; None: all count alike.
    """
    target = labels.reshape(-1).long()
    if certainty is None:
        labelled = (target != IGNORE).sum().clamp(min=1)
        return F.cross_entropy(logits, target, ignore_index=IGNORE, reduction="sum") / labelled
    weight = certainty.reshape(-1).to(logits) * (target != IGNORE)
    losses = F.cross_entropy(logits, target, ignore_index=IGNORE, reduction="none")
    return (weight * losses).sum() / weight.sum().clamp(min=1e-6)
