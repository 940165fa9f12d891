import torch

from nerfseg_ns.core.mask_agreement import agreement, largest_of_the_best


def test_only_pixels_with_votes_count() -> None:
    rendered = torch.tensor([[True, True, False, False]])
    known = torch.tensor([[True, True, True, False]])
    masks = torch.tensor([[[True, False, False, True]], [[True, True, True, True]], [[False, False, False, True]]])
    # 1 of 2; 2 of 3, the unknown pixel left out; nothing in common
    torch.testing.assert_close(agreement(rendered, known, masks), torch.tensor([0.5, 2 / 3, 0.0]))


def test_nothing_known_agrees_with_nothing() -> None:
    nothing = torch.zeros(2, 2, dtype=torch.bool)
    assert agreement(~nothing, nothing, ~nothing[None]).tolist() == [0.0]


def test_the_largest_of_nearly_equal_candidates_wins() -> None:
    assert largest_of_the_best([0.9, 0.8, 0.3], [10, 50, 900], ratio=0.8) == 1
    assert largest_of_the_best([0.9, 0.8, 0.3], [10, 50, 900], ratio=1.0) == 0
    assert largest_of_the_best([0.9, 0.8, 0.3], [10, 50, 900], ratio=0.0) == 2
