"""2D segmentation networks that other libraries define: what a user would train instead."""

from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from nerfseg_ns.core.input_error import InputError

NetworkName = Literal["unet", "deeplabv3-mobilenet", "deeplabv3-resnet50"]

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's colours, 0..1; what pretrained weights expect."""
_MULTIPLE = 32
"""Sides of images are padded to multiples of this: the networks halve them up to five times."""


class ImageSegmenter(nn.Module):
    """Colours of whole images to class scores of the same size.

    Args:
        name: ``unet``: MONAI's BasicUNet; ``deeplabv3-*``: torchvision's DeepLabv3.
        classes: how many.
        width: channels of the U-Net's first level; each of the four below has twice as many.
        pretrained: whether the DeepLabv3 encoder starts from ImageNet weights, which torchvision downloads.

    Raises:
        InputError: MONAI is not installed; pretrained weights that do not exist or cannot be downloaded.
    """

    def __init__(self, name: NetworkName, classes: int, width: int = 16, pretrained: bool = False) -> None:
        super().__init__()
        if name == "unet":
            self.network = _unet(classes, width, pretrained)
        else:
            self.network = _deeplab(name, classes, pretrained)
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None])
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None])

    def forward(self, images: Float[Tensor, "batch 3 h w"]) -> Float[Tensor, "batch classes h w"]:
        """Class scores (logits) of images with colours in 0..1."""
        height, width = images.shape[-2:]
        padding = (0, -width % _MULTIPLE, 0, -height % _MULTIPLE)
        mode = "reflect" if padding[1] < width and padding[3] < height else "replicate"
        padded = nn.functional.pad((images - self.mean) / self.deviation, padding, mode=mode)
        scores = self.network(padded)
        if isinstance(scores, dict):  # torchvision's networks
            scores = scores["out"]
        return scores[..., :height, :width]


def _unet(classes: int, width: int, pretrained: bool) -> nn.Module:
    if pretrained:
        raise InputError("pretrained: the U-Net has no pretrained weights; accepted: the deeplabv3 networks")
    try:
        from monai.networks.nets import BasicUNet
    except ImportError:
        raise InputError(
            "network unet needs the package monai, which is not installed: pip install 'nerfseg-ns[benchmark]'"
        ) from None
    features = (width, 2 * width, 4 * width, 8 * width, 16 * width, width)
    # its own default, statistics of each image, would see other ones in whole images than in crops
    return BasicUNet(spatial_dims=2, in_channels=3, out_channels=classes, features=features, norm="batch")


def _deeplab(name: NetworkName, classes: int, pretrained: bool) -> nn.Module:
    from torchvision.models import MobileNet_V3_Large_Weights, ResNet50_Weights, segmentation

    builders = {
        "deeplabv3-mobilenet": (segmentation.deeplabv3_mobilenet_v3_large, MobileNet_V3_Large_Weights.IMAGENET1K_V2),
        "deeplabv3-resnet50": (segmentation.deeplabv3_resnet50, ResNet50_Weights.IMAGENET1K_V2),
    }
    if name not in builders:
        raise InputError(f"network {name!r}; accepted: {', '.join(get_args(NetworkName))}")
    build, weights = builders[name]
    try:
        return build(weights=None, weights_backbone=weights if pretrained else None, num_classes=classes)
    except OSError as error:  # URLError is one
        raise InputError(
            f"pretrained: torchvision's weights {weights.url} cannot be downloaded ({error}); leave pretrained out to "
            "start from random weights"
        ) from None
