"""Measures one row of kind ``gaussian-smoothing``."""

import copy
from typing import Any

import torch
from jaxtyping import Float
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.data.scene_box import SceneBox
from nerfstudio.engine.optimizers import Optimizers
from torch import Tensor

from nerfseg_ns.benchmark.gaussian_city import GaussianCity, gaussian_city
from nerfseg_ns.benchmark.gaussian_smoothing import GaussianSmoothing
from nerfseg_ns.core.confusion import ConfusionMatrix
from nerfseg_ns.core.label_image import LabelFormat
from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.core.view_selection import evenly_spread
from nerfseg_ns.data.semantic_views import SEMANTICS, SemanticViews
from nerfseg_ns.splats.contributions import Contributions
from nerfseg_ns.splats.gaussians import Gaussians
from nerfseg_ns.splats.model import NerfSegSplatModel, NerfSegSplatModelConfig
from nerfseg_ns.splats.model_gaussians import set_gaussians
from nerfseg_ns.splats.reference_rasteriser import ReferenceRasteriser


class StillRasteriser:
    """The reference rasteriser for Gaussians that do not change: the weights of each view are found once.

    Args:
        along: share of the two neighbours along the ray in each Gaussian's feature, 0..1; colour and depth, which
            have up to four channels, stay as they are.
    """

    def __init__(self, along: float) -> None:
        self.along = along
        self._found: dict[bytes, Contributions] = {}

    def contributions(self, gaussians: Gaussians, camera: Pinhole) -> Contributions:
        """See :class:`~nerfseg_ns.splats.rasteriser.Rasteriser`."""
        key = camera.c2w.numpy().tobytes()
        if key not in self._found:
            self._found[key] = ReferenceRasteriser().contributions(gaussians, camera)
        return self._found[key]

    def render(
        self, gaussians: Gaussians, features: Float[Tensor, "gaussians channels"], camera: Pinhole
    ) -> tuple[Float[Tensor, "h w channels"], Float[Tensor, "h w"]]:
        """See there."""
        found, (height, width) = self.contributions(gaussians, camera), camera.size
        mixed = smoothed_along(found, self.along) if features.shape[1] > 4 else found
        image = mixed.composited(features[found.gaussians], height * width)
        alpha = found.composited(torch.ones_like(found.weights[:, None]), height * width)
        return image.reshape(height, width, -1), alpha.reshape(height, width)


def smoothed_along(found: Contributions, share: float) -> Contributions:
    """Weights with which each Gaussian's feature stands for a mix with those before and behind it on the ray.

    Args:
        found: of a view.
        share: of the two neighbours together; a Gaussian without one of them keeps that half.
    """
    if share == 0.0 or len(found.weights) < 2:
        return found
    half = 0.5 * share * found.weights
    same = (found.pixels[1:] == found.pixels[:-1]).to(half)
    weights = found.weights.clone()
    weights[1:] += same * (half[:-1] - half[1:])
    weights[:-1] += same * (half[1:] - half[:-1])
    return Contributions(found.gaussians, found.pixels, weights)


def measure_smoothing(settings: GaussianSmoothing) -> dict[str, Any]:
    """Learn the classes of the city's Gaussians from a few views, once for each seed.

    Raises:
        InputError: embreex is not installed.
    """
    city = gaussian_city(settings.views, settings.size, settings.scene_seed)
    rasteriser = StillRasteriser(settings.along_ray)
    train = city.train
    labelled = tuple(train[i] for i in evenly_spread(len(train), settings.labelled_views))
    scores = [_score(city, rasteriser, labelled, settings, seed) for seed in settings.seeds]
    sky = len(city.class_table) - 1
    still, ceiling = StillRasteriser(0.0), ConfusionMatrix(len(city.class_table))
    one_hot = torch.nn.functional.one_hot(city.class_ids.long(), len(city.class_table)).float()
    for view in city.test:
        shares, alpha = still.render(city.gaussians, one_hot, city.cameras[view])
        ceiling.update(shares.argmax(dim=-1).masked_fill(alpha < 0.5, sky), city.labels[view])
    best = ceiling.scores()
    return {
        "gaussians": len(city.gaussians),
        "classes": len(city.class_table),
        "train_views": len(train),
        "test_views": len(city.test),
        "miou": [miou for miou, _ in scores],
        "overall_accuracy": [accuracy for _, accuracy in scores],
        "ceiling": {"miou": best.miou, "overall_accuracy": best.overall_accuracy},
    }


def _score(
    city: GaussianCity,
    rasteriser: StillRasteriser,
    labelled: tuple[int, ...],
    settings: GaussianSmoothing,
    seed: int,
) -> tuple[float, float]:
    """mIoU and overall accuracy over the test views."""
    from nerfseg_ns.methods import nerfseg_splat

    torch.manual_seed(seed)
    model = _model(city, settings)
    model.rasteriser = rasteriser
    model.set_stage(2)
    model.train()
    optimizer = copy.deepcopy(nerfseg_splat.config.optimizers["semantics"]["optimizer"])
    groups = {"semantics": model.get_param_groups()["semantics"]}
    optimizers = Optimizers({"semantics": {"optimizer": optimizer, "scheduler": None}}, groups)
    for step in range(settings.steps):
        view = labelled[step % len(labelled)]
        model.step_cb(optimizers, step)
        optimizers.zero_grad_all()
        outputs = model.get_outputs(_camera(city.cameras[view]))
        losses = model.get_loss_dict(outputs, {"semantics": city.labels[view][..., None]})
        torch.stack(list(losses.values())).sum().backward()
        optimizers.optimizer_step("semantics")
    model.eval()
    confusion = ConfusionMatrix(len(city.class_table))
    for view in city.test:
        shown = model.get_outputs_for_camera(_camera(city.cameras[view]))["semantics"]
        confusion.update(shown.argmax(dim=-1), city.labels[view])
    scores = confusion.scores()
    return scores.miou, scores.overall_accuracy


def _model(city: GaussianCity, settings: GaussianSmoothing) -> NerfSegSplatModel:
    config = NerfSegSplatModelConfig(
        num_random=8,
        random_init=True,
        sh_degree=1,
        background_color="black",
        smoothing_neighbours=settings.neighbours,
        smoothing_share=settings.share,
    )
    box = SceneBox(aabb=torch.tensor([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]]))
    views = SemanticViews(city.class_table, label_filenames=(), label_format=LabelFormat())
    model = config.setup(scene_box=box, num_train_data=len(city.train), metadata={SEMANTICS: views})
    assert isinstance(model, NerfSegSplatModel)
    flat = city.gaussians
    rest = torch.nn.functional.pad(flat.harmonics, (0, 0, 0, 3))
    set_gaussians(model, Gaussians(flat.means, flat.log_scales, flat.quaternions, flat.opacity_logits, rest))
    return model


def _camera(pinhole: Pinhole) -> Cameras:
    height, width = pinhole.size
    return Cameras(pinhole.c2w[None], pinhole.fx, pinhole.fy, pinhole.cx, pinhole.cy, width, height)[0:1]
