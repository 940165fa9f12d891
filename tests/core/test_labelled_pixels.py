"""Drawing labelled pixels."""

import pytest
import torch

from nerfseg_ns.core.labelled_pixels import LabelledPixels


def views() -> list:
    first = torch.full((3, 4, 1), 255, dtype=torch.uint8)
    first[0, 1], first[2, 3] = 0, 2
    second = torch.full((5, 2, 1), 255, dtype=torch.uint8)
    second[:, 0] = 0
    return [first, second, torch.full((2, 2, 1), 255, dtype=torch.uint8)]


def test_only_labelled_pixels_are_drawn() -> None:
    labels = views()
    index = LabelledPixels(labels)
    assert len(index) == 7
    for pixels in (index.draw(500), index.draw_balanced(500)):
        assert all(labels[v][y, x].item() != 255 for v, y, x in pixels.tolist())
        assert {tuple(row) for row in pixels.tolist()} == {(0, 0, 1), (0, 2, 3), *((1, y, 0) for y in range(5))}


def test_uniform_and_balanced_shares() -> None:
    torch.manual_seed(0)
    labels = views()
    index = LabelledPixels(labels)

    def share_of_class_2(pixels: torch.Tensor) -> float:
        return sum(labels[v][y, x].item() == 2 for v, y, x in pixels.tolist()) / len(pixels)

    assert share_of_class_2(index.draw(7000)) == pytest.approx(1 / 7, abs=0.02)
    assert share_of_class_2(index.draw_balanced(7000)) == pytest.approx(1 / 2, abs=0.02)


def test_one_labelled_pixel_fills_a_batch() -> None:
    label = torch.full((8, 8, 1), 255, dtype=torch.uint8)
    label[3, 4] = 1
    assert torch.equal(LabelledPixels([label]).draw(64), torch.tensor([[0, 3, 4]]).expand(64, 3))


def test_index_stays_bounded_and_keeps_every_class() -> None:
    labels = [torch.zeros(50, 50, 1, dtype=torch.uint8) for _ in range(4)]
    labels[2][7, 7] = 3
    index = LabelledPixels(labels, max_pixels=1000)
    assert len(index) <= 1001
    assert [2, 7, 7] in index.draw_balanced(100).tolist()


def test_no_label_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="stage2-steps 0"):
        LabelledPixels([torch.full((4, 4, 1), 255, dtype=torch.uint8)])
