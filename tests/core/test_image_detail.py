"""Where images have detail."""

import pytest
import torch

from nerfseg_ns.core.image_detail import FLOOR, draw_detailed, pixel_detail


def pole() -> torch.Tensor:
    """A column of 1 in the middle of a dark image, 5x7."""
    image = torch.zeros(5, 7, 3)
    image[:, 3] = 1.0
    return image


def every_pixel(height: int, width: int, view: int = 0) -> torch.Tensor:
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([torch.full_like(y, view), y, x], dim=-1).reshape(-1, 3)


def test_a_pole_and_what_stands_beside_it_have_detail_and_nothing_else() -> None:
    detail = pixel_detail(pole()[None], every_pixel(5, 7)).reshape(5, 7)
    assert torch.equal(detail, torch.tensor([0.0, 0, 1, 1, 1, 0, 0]).expand(5, 7))


def test_detail_is_the_mean_of_the_channels_towards_the_neighbour_that_differs_most() -> None:
    image = torch.full((3, 3, 4), 0.5)
    image[1, 2, :3] = torch.tensor([0.5, 0.8, 0.5])  # differs by 0.1 in the mean
    image[2, 1, :3] = torch.tensor([0.5, 0.5, 0.2])  # by 0.1 too
    image[0, 1, :3] = torch.tensor([0.8, 0.8, 0.5])  # by 0.2
    image[1, 0, 3] = 0.0  # opacity does not count
    assert pixel_detail(image[None], torch.tensor([[0, 1, 1]])).item() == pytest.approx(0.2)


def test_the_edge_of_a_mask_is_no_detail() -> None:
    mask = torch.ones(5, 7, 1, dtype=torch.bool)
    mask[:, 3] = False
    beside = torch.tensor([[0, 1, 2], [0, 1, 4], [0, 2, 3]])
    assert pixel_detail(pole()[None], beside, mask[None]).tolist() == [0.0, 0.0, 1.0]
    assert pixel_detail([pole()], beside, [mask]).tolist() == [0.0, 0.0, 1.0]


def test_views_that_differ_in_size_are_looked_at_one_by_one() -> None:
    images = [pole(), torch.zeros(3, 3, 3), pole()[:, :5]]
    pixels = torch.tensor([[2, 0, 4], [0, 4, 6], [1, 2, 2], [0, 0, 2]])
    assert pixel_detail(images, pixels).tolist() == [1.0, 0.0, 0.0, 1.0]


def test_rows_are_drawn_by_their_detail_and_none_twice() -> None:
    torch.manual_seed(0)
    detail = torch.zeros(200)
    detail[:100] = 0.03
    drawn = torch.stack([draw_detailed(detail, 20) for _ in range(500)])
    assert all(len(set(rows)) == 20 for rows in drawn.tolist())
    # without replacement, a little under 3 of 4 have the detail; without any weight it would be half
    share = (drawn < 100).float().mean().item()
    assert 0.70 < share < 0.76
    assert detail[0] / FLOOR == pytest.approx(3.0)


def test_flat_images_are_drawn_from_all_the_same() -> None:
    assert sorted(draw_detailed(torch.zeros(8), 8).tolist()) == list(range(8))
