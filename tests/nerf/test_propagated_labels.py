"""Labels of one view, propagated to the others over a surface that is known exactly."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from nerfstudio.cameras.cameras import Cameras

from nerfseg_ns.nerf import propagated_labels as module
from nerfseg_ns.nerf.propagated_labels import propagated_labels

SIZE, FOCAL = 48, 60.0
CENTRES = ((0.0, 0.0), (0.15, 0.05), (0.6, 0.0))
GRASS, ROOF, SKY = 2, 5, 9


class Town:
    """Grass at z = 0 with one red box of height 0.2 at x in 0.1..0.3, and a second one, which view 0 does not see."""

    def __init__(self) -> None:
        self.training = True
        self.device = "cpu"
        self.field = SimpleNamespace(in_grid=lambda positions: (positions.clamp(-2, 2) + 2) / 4)

    def eval(self) -> None:
        self.train(False)

    def train(self, mode: bool = True) -> None:
        self.training = mode

    @staticmethod
    def class_of(points: torch.Tensor) -> torch.Tensor:
        """Of points on a surface."""
        return torch.where(points[:, 2] > 0.1, ROOF, GRASS)

    def surfaces(self, rays) -> dict[str, torch.Tensor]:
        assert not self.training, "training jitters the samples"
        down = -rays.directions[:, 2:]
        top = rays.origins + rays.directions * (rays.origins[:, 2:] - 0.2) / down
        on_box = ((top[:, 0] > 0.1) & (top[:, 0] < 0.3)) | ((top[:, 0] > 0.6) & (top[:, 0] < 0.8))
        on_box &= top[:, 1].abs() < 0.1
        ground = rays.origins + rays.directions * rays.origins[:, 2:] / down
        points = torch.where(on_box[:, None], top, ground)
        sky = points[:, 1] > 0.3  # as if the scene ended there
        distance = (points - rays.origins).norm(dim=-1, keepdim=True)
        return {"points": points, "accumulation": (~sky).float()[:, None], "depth": distance}


class Views:
    """Pictures of the town from 1 above it; view 0 is labelled."""

    labelled_view_indices = (0,)

    def __init__(self, town: Town, hidden: slice = slice(0, 0)) -> None:
        c2w = torch.eye(4)[:3].repeat(3, 1, 1)
        c2w[:, :, 3] = torch.tensor([[x, y, 1.0] for x, y in CENTRES])
        self.cameras = Cameras(c2w, FOCAL, FOCAL, SIZE / 2, SIZE / 2, width=SIZE, height=SIZE)
        town.eval()
        self.truth, self.images = [], []
        for view in range(3):
            found = town.surfaces(self.cameras.generate_rays(view).flatten())
            classes = torch.where(found["accumulation"][:, 0] < 0.5, SKY, town.class_of(found["points"]))
            colours = {GRASS: (0.2, 0.6, 0.2), ROOF: (0.7, 0.2, 0.2), SKY: (0.6, 0.7, 0.9)}
            image = torch.tensor([colours[int(c)] for c in classes]).reshape(SIZE, SIZE, 3)
            self.images.append(image + 0.02 * torch.randn(SIZE, SIZE, 3, generator=torch.Generator().manual_seed(view)))
            self.truth.append(classes.reshape(SIZE, SIZE).to(torch.uint8))
        town.train()
        self.hidden = hidden

    def __len__(self) -> int:
        return 3

    def get_image_float32(self, view: int) -> torch.Tensor:
        return self.images[view]

    def get_semantics(self, view: int) -> torch.Tensor:
        labels = torch.full((SIZE, SIZE, 1), 255, dtype=torch.uint8)
        if view == 0:
            labels[..., 0] = self.truth[0]
            labels[self.hidden] = 255
        return labels


def test_what_a_view_saw_is_carried_over_and_what_it_never_saw_is_judged_by_its_look() -> None:
    town = Town()
    views = Views(town)
    assert not (views.truth[0] == 255).any() and {GRASS, ROOF, SKY} == set(views.truth[0].unique().tolist())
    labels = propagated_labels(town, views)
    assert town.training and sorted(labels) == [0, 1, 2]
    assert (labels[0][0] == 255).all() and (labels[0][1] == 0).all()  # it has labels of its own
    for view in (1, 2):  # the box of view 2 is not in view 0 at all
        classes, certainty = (values[..., 0] for values in labels[view])
        assert classes.dtype == certainty.dtype == torch.uint8
        asked = classes != 255
        expected = torch.zeros(SIZE, SIZE, dtype=torch.bool)
        expected[:: views_stride(views), :: views_stride(views)] = True
        assert torch.equal(asked, expected) and (certainty[~asked] == 0).all()
        right = classes[asked] == views.truth[view][asked]
        assert right.float().mean() > 0.97
        boxes = asked & (views.truth[view] == ROOF)
        assert boxes.sum() > 10 and (classes[boxes] == ROOF).float().mean() > 0.9


def views_stride(views: Views) -> int:
    """View 0 is looked at in every pixel, since it has few; the others on the lattice."""
    assert SIZE * SIZE < module.FEW_KNOWN
    return module.LEAST_STRIDE


def test_unlabelled_parts_of_a_labelled_view_get_classes_too() -> None:
    town = Town()
    views = Views(town, hidden=(slice(None), slice(0, 20)))
    classes = propagated_labels(town, views)[0][0][..., 0]
    assert (classes[:, 20:] == 255).all() and (classes[:, :20] != 255).all()
    assert (classes[:, :20] == views.truth[0][:, :20]).float().mean() > 0.95


def test_without_any_label_or_any_gap_there_is_nothing_to_propagate() -> None:
    town = Town()
    assert propagated_labels(town, Views(town, hidden=(slice(None), slice(None)))) == {}
    whole = Views(town)
    whole.labelled_view_indices = (0, 1, 2)
    whole.get_semantics = lambda view: whole.truth[view][..., None]
    assert propagated_labels(town, whole) == {}


def test_only_so_many_views_are_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_VIEWS", 4)
    assert module._spread(9, (3,)) == [1, 3, 5, 7]
    assert module._spread(3, (0, 1, 2)) == [0, 1, 2]


def test_large_views_are_looked_at_on_a_coarser_lattice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PIXELS", 3 * (SIZE // 4) ** 2)
    monkeypatch.setattr(module, "FEW_KNOWN", 0)
    town = Town()
    views = Views(town)
    labels = propagated_labels(town, views)
    asked = labels[1][0][..., 0] != 255
    assert np.flatnonzero(asked[0].numpy()).tolist() == list(range(0, SIZE, 4))
    right = labels[1][0][..., 0][asked] == views.truth[1][asked]
    assert right.float().mean() > 0.9
