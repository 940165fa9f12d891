import pytest
import torch

from nerfseg_ns.benchmark.gaussian_smoothing import GaussianSmoothing
from nerfseg_ns.benchmark.gaussian_smoothing_run import StillRasteriser, smoothed_along
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.splats.contributions import Contributions
from nerfseg_ns.splats.gaussians import Gaussians
from nerfseg_ns.splats.reference_rasteriser import ReferenceRasteriser


def test_smoothing_along_the_ray_mixes_the_features_before_and_behind():
    # one pixel with three Gaussians, one with a single one
    pixels, weights = torch.tensor([0, 0, 0, 4]), torch.tensor([0.5, 0.3, 0.1, 0.8])
    mixed = smoothed_along(Contributions(torch.arange(4), pixels, weights), share=0.4)
    features = torch.tensor([1.0, 10.0, 100.0, 7.0])
    by_hand = 0.5 * (0.8 * 1 + 0.2 * 10) + 0.3 * (0.6 * 10 + 0.2 * 1 + 0.2 * 100) + 0.1 * (0.8 * 100 + 0.2 * 10)
    image = mixed.composited(features[:, None], 5)[:, 0]
    assert image.tolist() == pytest.approx([by_hand, 0, 0, 0, 5.6], rel=1e-5)


def test_weights_found_once_draw_the_same_pictures():
    generator = torch.Generator().manual_seed(0)
    means = torch.randn(60, 3, generator=generator) * 0.4 - torch.tensor([0, 0, 2.0])
    shapes = torch.full((60, 3), -2.5), torch.randn(60, 4, generator=generator)
    gaussians = Gaussians(means, *shapes, torch.zeros(60), torch.zeros(60, 1, 3))
    features = torch.randn(60, 5, generator=generator)
    camera = Pinhole(torch.eye(4)[:3], 30.0, 30.0, 16.0, 12.0, (24, 32))
    still, wanted = StillRasteriser(0.0), ReferenceRasteriser().render(gaussians, features, camera)
    for _ in range(2):
        image, alpha = still.render(gaussians, features, camera)
        torch.testing.assert_close(image, wanted[0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(alpha, wanted[1], rtol=1e-4, atol=1e-5)
    along = StillRasteriser(0.5)
    assert float((along.render(gaussians, features, camera)[0] - image).abs().max()) > 0.05
    torch.testing.assert_close(
        along.render(gaussians, features[:, :4], camera)[0], image[..., :4], rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(
    "values, message",
    [({"neighbours": -1}, "neighbours -1"), ({"along_ray": 1.5}, "along_ray 1.5"), ({"seeds": ()}, "seeds")],
)
def test_numbers_out_of_range_are_named(values, message):
    with pytest.raises(InputError, match=message):
        GaussianSmoothing(**values)


@pytest.mark.slow
def test_the_city_of_gaussians_shows_its_own_classes():
    from nerfseg_ns.benchmark.gaussian_city import gaussian_city

    city = gaussian_city(4, 32, seed=3)
    assert len(city.cameras) == len(city.labels) == 8 and len(city.test) == 4 == len(city.train)
    assert float(torch.stack([camera.centre.abs().max() for camera in city.cameras]).max()) == pytest.approx(1.0)
    one_hot = torch.nn.functional.one_hot(city.class_ids.long(), len(city.class_table)).float()
    view = city.train[0]
    shares, alpha = ReferenceRasteriser().render(city.gaussians, one_hot, city.cameras[view])
    right = (shares.argmax(dim=-1) == city.labels[view])[alpha > 0.5]
    assert float((alpha > 0.5).float().mean()) > 0.5 and float(right.float().mean()) > 0.6
