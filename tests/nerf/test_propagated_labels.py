"""Labels of one view, propagated to the others over a surface that is known exactly."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from nerfstudio.cameras.cameras import Cameras

from nerfseg_ns.core.class_table import ClassTable, SemanticClass
from nerfseg_ns.data.labelled_views import SparseLabels
from nerfseg_ns.nerf import propagated_labels as module
from nerfseg_ns.nerf.lattice_looks import Lattice
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
    semantic_views = None

    def __init__(self, town: Town, hidden: slice = slice(0, 0), masked: slice | None = None) -> None:
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
        self.hidden, self.masked = hidden, masked

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

    def get_mask(self, view: int) -> torch.Tensor | None:
        if self.masked is None:
            return None
        mask = torch.ones((SIZE, SIZE, 1), dtype=torch.bool)
        mask[self.masked] = False
        return mask


def dense(labels: SparseLabels) -> tuple[torch.Tensor, torch.Tensor]:
    """Class and certainty of each pixel of a view, 255 and 0 where there is none."""
    classes, certainty = torch.full((SIZE, SIZE), 255, dtype=torch.uint8), torch.zeros(SIZE, SIZE, dtype=torch.uint8)
    y, x = labels.pixels.unbind(-1)
    classes[y, x], certainty[y, x] = labels.classes, labels.certainty
    return classes, certainty


def test_what_a_view_saw_is_carried_over_and_what_it_never_saw_is_judged_by_its_look() -> None:
    town = Town()
    views = Views(town)
    assert not (views.truth[0] == 255).any() and {GRASS, ROOF, SKY} == set(views.truth[0].unique().tolist())
    found = propagated_labels(town, views)
    assert town.training and sorted(found.views) == [1, 2]  # view 0 has labels of its own
    assert found.unlabelled_share == pytest.approx(2 / 3)
    for view in (1, 2):  # the box of view 2 is not in view 0 at all
        classes, certainty = dense(found.views[view])
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
    found = propagated_labels(town, views)
    assert found.unlabelled_share == pytest.approx((2 + 20 / 48) / 3)
    classes, _ = dense(found.views[0])
    assert (classes[:, 20:] == 255).all() and (classes[:, :20] != 255).all()
    assert (classes[:, :20] == views.truth[0][:, :20]).float().mean() > 0.95


@pytest.mark.parametrize("outlined", [False, True])
def test_beside_the_outline_of_a_thing_its_label_is_not_carried_on(outlined: bool) -> None:
    town = Town()
    views = Views(town)
    # roofs and grass were clicked; something that lies on the grass was not, and the grass's outline left it out
    views.truth[0] = torch.where(views.truth[0] == SKY, 255, views.truth[0])
    left_out = (slice(40, 46), slice(4, 12))
    assert (views.truth[0][left_out] == GRASS).all()
    views.truth[0][left_out] = 255
    classes = tuple(SemanticClass(id, f"class {id}", (id, 0, 0)) for id in range(10))
    views.semantic_views = SimpleNamespace(class_table=ClassTable(classes), outlined=outlined)
    asked = []

    class Propagation(module.LabelPropagation):
        def _carried(self, points, colours):
            asked.append(len(points))
            return super()._carried(points, colours)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "LabelPropagation", Propagation)
        found = propagated_labels(town, views)
    asked = asked[1:]  # the first was for examples
    lattice = (SIZE // 2) ** 2
    unlabelled = int((views.truth[0] == 255).sum())
    # views without labels have no outlines either
    assert asked == ([lattice, lattice] if outlined else [unlabelled, lattice, lattice])
    assert len(found.views[0].classes) == unlabelled


@pytest.mark.parametrize("outlined", [False, True])
def test_of_few_things_the_exact_size_is_not_learned(outlined: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    town = Town()
    views = Views(town)
    classes = tuple(SemanticClass(id, f"class {id}", (id, 0, 0)) for id in range(10))
    views.semantic_views = SimpleNamespace(class_table=ClassTable(classes), outlined=outlined)
    sizes = []

    class Propagation(module.LabelPropagation):
        def __init__(self, points, colours, features, classes, *others, frequencies_count, unlabelled):
            sizes.append(np.unique(features[classes == ROOF][:, -5]))
            assert frequencies_count is not outlined
            assert unlabelled is not None and len(unlabelled)
            options = {"frequencies_count": frequencies_count, "unlabelled": unlabelled}
            super().__init__(points, colours, features, classes, *others, **options)

    monkeypatch.setattr(module, "LabelPropagation", Propagation)
    propagated_labels(town, views)
    assert (len(sizes[0]) > 100) is outlined  # view 0 shows one roof


def test_a_sky_that_no_label_shows_is_found_above_the_horizon() -> None:
    class Flight(Town):
        """The town with its far end above the horizon: what is beyond y = 0.3 rises and is 1.5 away."""

        def surfaces(self, rays) -> dict[str, torch.Tensor]:
            found = super().surfaces(rays)
            sky = found["accumulation"] < 0.5
            rays.directions[:, 2:] = torch.where(sky, 0.3, rays.directions[:, 2:])
            points = torch.where(
                sky, rays.origins + 1.5 * rays.directions + torch.tensor([0.0, 1.0, 0.0]), found["points"]
            )
            # as dense as anything: a radiance field paints the sky on a wall far away
            return {**found, "points": points, "accumulation": torch.ones_like(found["accumulation"])}

    def without_sky(named: str) -> tuple[torch.Tensor, torch.Tensor, Views]:
        town, flight = Town(), Flight()
        views = Views(town)
        views.truth[0] = torch.where(views.truth[0] == SKY, 255, views.truth[0])
        classes = tuple(SemanticClass(id, named if id == SKY else f"class {id}", (id, 0, 0)) for id in range(10))
        views.semantic_views = SimpleNamespace(class_table=ClassTable(classes), outlined=False)
        flight.train(town.training)
        found, _ = dense(propagated_labels(flight, views).views[1])
        sky = (found != 255) & (views.truth[1] == SKY)
        return sky, found, views

    sky, found, views = without_sky("Sky")
    assert sky.sum() > 20 and (found[sky] == SKY).float().mean() > 0.95
    ground = (found != 255) & (views.truth[1] != SKY)
    assert (found[ground] == views.truth[1][ground]).float().mean() > 0.95
    sky, found, _ = without_sky("Heaven")
    assert not (found == SKY).any()


def test_without_any_label_or_any_gap_there_is_nothing_to_propagate() -> None:
    town = Town()
    assert propagated_labels(town, Views(town, hidden=(slice(None), slice(None)))).views == {}
    whole = Views(town)
    whole.labelled_view_indices = (0, 1, 2)
    whole.get_semantics = lambda view: whole.truth[view][..., None]
    assert propagated_labels(town, whole).views == {}


def test_only_so_many_views_are_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_VIEWS", 4)
    assert module._spread(9, (3,)) == ([1, 3, 5, 7], [3])
    assert module._spread(3, (0, 1, 2)) == ([0, 1, 2], [0, 1, 2])
    assert module._spread(8, range(8)) == ([1, 3, 5, 7], [1, 3, 5, 7])
    assert module._spread(9, range(8)) == ([1, 4, 6, 8], [1, 4, 6])
    assert module._spread(8, range(0, 8, 2)) == ([2, 3, 6, 7], [2, 6])


def test_large_views_are_looked_at_on_a_coarser_lattice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PIXELS", 3 * (SIZE // 4) ** 2)
    monkeypatch.setattr(module, "FEW_KNOWN", 0)
    town = Town()
    views = Views(town)
    classes, _ = dense(propagated_labels(town, views).views[1])
    asked = classes != 255
    assert np.flatnonzero(asked[0].numpy()).tolist() == list(range(0, SIZE, 4))
    assert (classes[asked] == views.truth[1][asked]).float().mean() > 0.9


def test_a_scribble_on_a_large_view_is_found_without_looking_at_every_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        module, "MOST_PIXELS", (SIZE // 4) ** 2
    )  # of one view every fourth pixel, of three every eighth
    town = Town()
    views = Views(town)
    truth = views.truth[0]
    scribbles = torch.full_like(truth, 255)
    for value in (GRASS, ROOF, SKY):  # a row of three pixels, none of them on the lattice
        y, x = next(p for p in (truth == value).nonzero().tolist() if p[0] % 4 == 1 and p[1] % 4 == 1)
        scribbles[y, x : x + 3] = value
    views.truth = [scribbles, *views.truth[1:]]
    rendered = []
    surfaces = town.surfaces
    town.surfaces = lambda rays: rendered.append(len(rays)) or surfaces(rays)
    found = propagated_labels(town, views)
    assert rendered == [12 * 12, 6 * 6, 6 * 6]
    classes, _ = dense(found.views[1])
    asked = classes != 255
    assert {GRASS, ROOF, SKY} >= set(classes[asked].tolist()) and asked.sum() == 36
    assert (classes[asked] == views.truth[1][asked]).float().mean() > 0.75  # of nine labelled pixels
    classes, _ = dense(found.views[0])
    assert ((classes != 255) & (scribbles != 255)).sum() == 0 and (classes != 255).sum() == 144 - 3


def test_masked_pixels_neither_teach_nor_learn() -> None:
    town = Town()
    left = (slice(None), slice(0, 24))
    wrong = Views(town, masked=left)
    wrong.truth[0][left] = 7  # a class that is nowhere else
    found = propagated_labels(town, wrong)
    for view in (1, 2):
        classes, _ = dense(found.views[view])
        assert (classes[left] == 255).all() and (classes != 7).all() and (classes[:, 24::2][::2] != 255).all()
    assert found.unlabelled_share == pytest.approx(2 / 3)
    whole = Views(town, masked=left)
    whole.labelled_view_indices = (0, 1, 2)
    whole.get_semantics = lambda view: whole.truth[view][..., None].clone().index_fill_(1, torch.arange(24), 255)
    assert propagated_labels(town, whole).views == {}  # what has no label is masked


def test_other_views_of_labelled_surfaces_teach_without_what_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    given = []

    class Noted(module.LabelPropagation):
        def __init__(self, *arguments, **options) -> None:
            given.append(arguments[-1])
            super().__init__(*arguments, **options)

    monkeypatch.setattr(module, "LabelPropagation", Noted)
    town = Town()
    propagated_labels(town, Views(town, hidden=(slice(None), slice(0, 20)), masked=(slice(None), slice(0, 24))))
    # of the two views without labels alone, and of these the half that is not masked
    assert len(given[0].points) == 2 * (SIZE // 2) * (SIZE // 4)


def test_a_failure_leaves_the_model_in_training(monkeypatch: pytest.MonkeyPatch) -> None:
    town = Town()
    monkeypatch.setattr(module, "_learn", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        propagated_labels(town, Views(town))
    assert town.training


def test_a_geometry_of_fog_gives_an_answer() -> None:
    town = Town()
    views = Views(town)
    surfaces = town.surfaces
    town.surfaces = lambda rays: {**surfaces(rays), "accumulation": torch.zeros(len(rays), 1)}
    assert sorted(propagated_labels(town, views).views) == [1, 2]


def test_a_view_of_a_single_lattice_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    lattice = Lattice.over((1, 5), 8, None)
    assert lattice.y.tolist() == lattice.x.tolist() == [[0]]
    label = np.full((1, 5), 255, np.uint8)
    label[0, 3] = 1
    lattice = Lattice.over((1, 5), 8, label)
    assert (lattice.y.tolist(), lattice.x.tolist()) == ([[0]], [[3]])
