"""Reduced colours, labels and rays lie around the same points."""

import numpy as np
import pytest
import torch
from PIL import Image

from nerfseg_ns.core.image_reduction import averaged, picked, picked_offset


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 5, 8])
def test_a_slope_is_reduced_to_its_value_at_the_picked_pixel(factor: int) -> None:
    size = (6 * factor, 5 * factor)
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    slope = np.stack([4 * x, 4 * y, 2 * x + 2 * y], axis=-1).astype(np.uint8)
    colours = averaged(Image.fromarray(slope), (6, 5)).astype(int)
    at = [np.asarray(picked(Image.fromarray(channel.astype(np.uint8)), (6, 5))) for channel in (x, y)]
    expected = np.stack([4 * at[0], 4 * at[1], 2 * at[0] + 2 * at[1]], axis=-1)
    inside = np.s_[:-1, :-1]  # the last area of an even factor reaches beyond the image
    assert np.abs(colours - expected)[inside].max() <= 1
    # the ray of reduced pixel i, whose centre is i + 0.5, goes through the centre of the picked pixel
    centres = (np.arange(6) + 0.5 + picked_offset(size[0], 6)) * factor
    np.testing.assert_allclose(centres, at[0][0] + 0.5)


def test_an_average_by_hand() -> None:
    row = np.array([[10, 20, 40, 80, 100, 200]], dtype=np.uint8).repeat(2, axis=0)
    image = Image.fromarray(np.stack([row] * 3, axis=-1))
    # around pixels 1, 3 and 5, whose neighbours count half, as (10 / 2 + 20 + 40 / 2) / 2; after the last comes itself
    assert averaged(image, (3, 1))[0, :, 0].tolist() == [23, 75, 175]
    assert averaged(image, (6, 2)).tolist() == np.asarray(image).tolist()


def test_sizes_that_do_not_divide_are_averaged_around_their_middles() -> None:
    assert picked_offset(24, 4) == pytest.approx(1 / 12) and picked_offset(24, 8) == picked_offset(25, 12) == 0.0
    values = np.random.default_rng(0).integers(0, 256, (9, 25, 3)).astype(np.uint8)
    image = Image.fromarray(values)
    expected = np.asarray(image.resize((12, 4), Image.Resampling.BOX))
    np.testing.assert_array_equal(averaged(image, (12, 4)), expected)
    mixed = averaged(image, (12, 3))  # an even axis would be shifted alone
    np.testing.assert_array_equal(mixed, np.asarray(image.resize((12, 3), Image.Resampling.BOX)))


def test_what_is_transparent_has_no_share_in_the_colour() -> None:
    pixels = np.zeros((2, 4, 4), dtype=np.uint8)
    pixels[:, 0] = pixels[:, 1] = (200, 100, 0, 255)
    pixels[:, 2:] = (0, 0, 255, 0)
    reduced = averaged(Image.fromarray(pixels), (2, 1))
    # around pixel 1: (half of 0, all of 1, half of 2): three quarters are opaque
    assert reduced[0, 0].tolist() == [pytest.approx(200, abs=2), pytest.approx(100, abs=2), 0, 191]
    assert reduced[0, 1, 3] == 0


def test_a_perfect_prediction_at_the_rays_is_right(tiny_scene) -> None:
    from nerfseg_ns.data.carla_mvs_dataparser import CarlaMVSDataParserConfig
    from nerfseg_ns.data.semantic_dataset import SemanticDataset

    x, y = np.meshgrid(np.arange(24), np.arange(24))
    stripes = ((x + 2 * y) % 4).astype(np.uint8)  # one pixel wide: whatever lies beside the ray is another class
    Image.fromarray(stripes).save(tiny_scene / "train/rgb/001.png")
    config = CarlaMVSDataParserConfig(data=tiny_scene, downscale_factor=2)
    full = CarlaMVSDataParserConfig(data=tiny_scene)
    views = [SemanticDataset(one.setup().get_dataparser_outputs("train")) for one in (config, full)]
    rays = views[0].cameras.generate_rays(camera_indices=1).directions.reshape(-1, 3)
    all_rays = views[1].cameras.generate_rays(camera_indices=1).directions.reshape(-1, 3)
    nearest = (rays @ all_rays.T).argmax(dim=-1)
    assert torch.allclose(rays, all_rays[nearest], atol=1e-6)
    assert torch.equal(torch.from_numpy(stripes).reshape(-1)[nearest], views[0][1]["semantics"].reshape(-1))
