"""Rays of stage 1 and of stage 2."""

import pytest
import torch
from PIL import Image

from nerfseg_ns.core.semantic_network import CAPTURED_COLOUR
from nerfseg_ns.data.carla_mvs_dataparser import CarlaMVSDataParserConfig
from nerfseg_ns.data.joint_datamanager import JointDataManagerConfig
from nerfseg_ns.data.labelled_views import SparseLabels, gather_pixels
from nerfseg_ns.data.masked_pixel_sampler import kept_pixels
from nerfseg_ns.data.semantic_datamanager import SemanticDataManager, SemanticDataManagerConfig


def datamanager(scene, labelled_views: int = 2, **options) -> SemanticDataManager:
    dataparser = CarlaMVSDataParserConfig(data=scene, labelled_views=labelled_views)
    config = SemanticDataManagerConfig(
        dataparser=dataparser, train_num_rays_per_batch=400, stage2_num_rays_per_batch=300, **options
    )
    return config.setup(device="cpu", test_mode="val")


@pytest.mark.parametrize("share", [0.0, 0.5])
@pytest.mark.parametrize("images", [-1, 3])
def test_stage_1_reads_all_views_and_stage_2_labelled_pixels(tiny_scene, share: float, images: int) -> None:
    made = datamanager(tiny_scene, class_balanced_share=share, train_num_images_to_sample_from=images)
    _, batch = made.next_train(0)
    assert len(batch["image"]) == made.get_train_rays_per_batch() == 400
    assert len(batch["indices"][:, 0].unique()) == (6 if images == -1 else images)
    made.stage = 2
    bundle, batch = made.next_train(0)
    assert len(bundle) == made.get_train_rays_per_batch() == 300
    assert set(batch["indices"][:, 0].tolist()) == set(made.train_dataset.labelled_view_indices)
    assert (batch["semantics"] != 255).all()
    assert torch.equal(bundle.metadata[CAPTURED_COLOUR], batch["image"])


@pytest.mark.parametrize("sizes", ["one", "several"])
def test_a_share_of_stage_1_goes_to_detail(tiny_scene, sizes: str) -> None:
    for index in range(6):  # flat but for one bright line, a 24th of each image
        size = (24, 24) if sizes == "one" or index else (24, 18)
        image = Image.new("RGB", size, (90, 90, 90))
        image.paste((250, 250, 250), (10, 0, 11, size[1]))
        image.save(tiny_scene / f"train/color/{index:03d}.png")
        Image.new("L", size, 0).save(tiny_scene / f"train/rgb/{index:03d}.png")

    def near_the_line(share: float) -> float:
        made = datamanager(tiny_scene, detail_share=share)
        assert made.get_train_rays_per_batch() == 400
        batches = [made.next_train(0)[1] for _ in range(3)]
        assert all(len(batch["image"]) == len(batch["semantics"]) == 400 for batch in batches)
        pixels = torch.cat([batch["indices"] for batch in batches])
        assert len(pixels[:, 0].unique()) == 6
        for batch in batches:
            bright = batch["image"].mean(dim=-1) > 0.6
            assert torch.equal(bright, batch["indices"][:, 2] == 10)
        return ((pixels[:, 2] - 10).abs() <= 1).float().mean().item()

    torch.manual_seed(0)
    assert near_the_line(0.0) == pytest.approx(3 / 24, abs=0.04)
    # of the other half one candidate in 4 is kept, first those at the line: (1 + 4) / 2 times as many
    assert near_the_line(0.5) == pytest.approx(2.5 * 3 / 24, abs=0.06)


def test_all_of_an_odd_number_of_rays_can_go_to_detail_and_whole_images_stay_whole(tiny_scene) -> None:
    config = SemanticDataManagerConfig(
        dataparser=CarlaMVSDataParserConfig(data=tiny_scene), train_num_rays_per_batch=403, detail_share=1.0
    )
    config.pixel_sampler.keep_full_image = True
    _, batch = config.setup(device="cpu", test_mode="val").next_train(0)
    assert len(batch["image"]) == len(batch["semantics"]) == 403
    assert batch["full_image"].shape == (6, 24, 24, 3)


@pytest.mark.parametrize("share", [0.0, 0.5])
@pytest.mark.parametrize("images", [-1, 3])
def test_masked_pixels_are_drawn_in_neither_stage(tiny_scene, share: float, images: int) -> None:
    (tiny_scene / "train/mask").mkdir()
    for index in range(6):  # left out: the left half, but only the upper left quarter in view 0
        mask = Image.new("L", (24, 24), 255)
        mask.paste(0, (0, 0, 12, 12 if index == 0 else 24))
        mask.save(tiny_scene / f"train/mask/{index:03d}.png")
    made = datamanager(tiny_scene, 6, class_balanced_share=share, train_num_images_to_sample_from=images)
    for stage in (1, 2):
        made.stage = stage
        pixels = torch.cat([made.next_train(0)[1]["indices"] for _ in range(12)])
        view, y, x = pixels.unbind(-1)
        assert ((x >= 12) | ((view == 0) & (y >= 12))).all()
        if stage == 2:  # and of the pixels that are left, every part is drawn
            assert set(view.tolist()) == set(range(6))
            assert x[view == 0].min() < 12 and x[view == 1].max() == 23 and y.min() == 0 and y.max() == 23


@pytest.fixture
def masked_views_of_two_sizes(tiny_scene):
    """View 0 is 24x18, the others 24x24; masks leave out the left half of each."""
    (tiny_scene / "train/mask").mkdir()
    for index in range(6):
        size = (24, 24) if index else (24, 18)
        for folder in ("color", "rgb"):
            path = tiny_scene / f"train/{folder}/{index:03d}.png"
            Image.open(path).crop((0, 0, *size)).save(path)
        mask = Image.new("L", size, 255)
        mask.paste(0, (0, 0, 12, size[1]))
        mask.save(tiny_scene / f"train/mask/{index:03d}.png")
    return tiny_scene


@pytest.mark.parametrize("detail", [0.0, 0.5])
@pytest.mark.parametrize("rejection", [True, False])
def test_masks_of_views_that_differ_in_size(masked_views_of_two_sizes, detail: float, rejection: bool) -> None:
    made = datamanager(masked_views_of_two_sizes, 6, detail_share=detail)
    made.train_pixel_sampler.config.rejection_sample_mask = rejection
    for stage in (1, 2):
        made.stage = stage
        batches = [made.next_train(0)[1] for _ in range(6)]
        view, y, x = torch.cat([batch["indices"] for batch in batches]).unbind(-1)
        assert set(view.tolist()) == set(range(6))
        assert x.min() == 12 and x.max() == 23
        assert y[view == 0].max() == 17 and y[view == 1].max() == 23
        item, batch = made.train_dataset[0], batches[0]
        row = int((batch["indices"][:, 0] == 0).nonzero()[0])
        _, y, x = batch["indices"][row].tolist()
        assert torch.equal(batch["image"][row], item["image"][y, x])


def test_a_masked_view_alone(tiny_scene) -> None:
    (tiny_scene / "train/mask").mkdir()
    mask = Image.new("L", (24, 24), 255)
    mask.paste(0, (0, 0, 24, 12))
    for index in range(6):
        mask.save(tiny_scene / f"train/mask/{index:03d}.png")
    _, batch = datamanager(tiny_scene, train_num_images_to_sample_from=1).next_train(0)
    assert len(batch["indices"][:, 0].unique()) == 1
    assert batch["indices"][:, 1].min() == 12 and batch["indices"][:, 1].max() == 23


@pytest.mark.parametrize("rejection", [True, False])
@pytest.mark.parametrize("kept", [0, 3])
def test_masks_that_leave_little_of_a_view(masked_views_of_two_sizes, kept: int, rejection: bool) -> None:
    mask = Image.new("L", (24, 18), 0)
    mask.paste(255, (20, 5, 20 + kept, 6))
    mask.save(masked_views_of_two_sizes / "train/mask/000.png")
    made = datamanager(masked_views_of_two_sizes)
    made.train_pixel_sampler.config.rejection_sample_mask = rejection
    if not kept:
        with pytest.raises(ValueError, match="24x18 pixels leaves out all of it"):
            made.next_train(0)
        return
    _, batch = made.next_train(0)
    drawn = batch["indices"][batch["indices"][:, 0] == 0]
    assert len(batch["indices"]) == 400 and len(drawn) > 60  # more than the view has
    assert {tuple(row[1:]) for row in drawn.tolist()} == {(5, 20), (5, 21), (5, 22)}
    assert made.train_pixel_sampler.config.rejection_sample_mask is rejection  # as it was set


def test_kept_pixels_are_equally_likely() -> None:
    torch.manual_seed(0)
    mask = torch.zeros(8, 6, dtype=torch.bool)
    mask[2:5, 1:4] = True
    rows = kept_pixels(mask, 9000)
    counts = torch.zeros(8, 6).index_put_(tuple(rows.T), torch.ones(9000), accumulate=True)
    assert (counts[~mask] == 0).all()
    assert (counts[mask] - 1000).abs().max() < 130  # four standard deviations


def test_pixels_rays_and_labels_belong_together(tiny_scene) -> None:
    made = datamanager(tiny_scene)
    made.stage = 2
    bundle, batch = made.next_train(0)
    for row in range(0, 300, 50):
        view, y, x = batch["indices"][row].tolist()
        item = made.train_dataset[view]
        assert torch.equal(batch["image"][row], item["image"][y, x])
        assert torch.equal(batch["semantics"][row], item["semantics"][y, x])
        coords = torch.tensor([[y + 0.5, x + 0.5]])
        ray = made.train_dataset.cameras.generate_rays(torch.tensor([[view]]), coords=coords)
        torch.testing.assert_close(bundle.directions[row], ray.directions[0])


def test_single_stage_batches_hold_pixels_of_all_views_and_labelled_ones(tiny_scene) -> None:
    dataparser = CarlaMVSDataParserConfig(data=tiny_scene, labelled_views=2)
    config = JointDataManagerConfig(dataparser=dataparser, train_num_rays_per_batch=400, stage2_num_rays_per_batch=300)
    made = config.setup(device="cpu", test_mode="val")
    bundle, batch = made.next_train(0)
    assert len(bundle) == len(batch["image"]) == made.get_train_rays_per_batch() == 700
    view = batch["indices"][:, 0]
    assert len(view[:400].unique()) == 6
    assert set(view[400:].tolist()) == set(made.train_dataset.labelled_view_indices)
    assert (batch["semantics"][400:] != 255).all() and (batch["semantics"][:400] == 255).any()
    for row in (0, 399, 400, 699):
        of, y, x = batch["indices"][row].tolist()
        assert torch.equal(batch["image"][row], made.train_dataset[of]["image"][y, x])
        ray = made.train_dataset.cameras.generate_rays(torch.tensor([[of]]), coords=torch.tensor([[y + 0.5, x + 0.5]]))
        torch.testing.assert_close(bundle.directions[row], ray.directions[0])


def test_views_of_different_sizes() -> None:
    views = [torch.arange(6).reshape(2, 3, 1), 10 + torch.arange(4).reshape(4, 1, 1)]
    assert gather_pixels(views, torch.tensor([[1, 2, 0], [0, 1, 2], [1, 0, 0]])).tolist() == [[12], [5], [10]]


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_impossible_shares_are_refused(tiny_scene, share: float) -> None:
    with pytest.raises(ValueError, match="class-balanced-share"):
        datamanager(tiny_scene, class_balanced_share=share)


def test_captures_of_several_image_sizes(make_tiny_scene) -> None:
    scene = make_tiny_scene("mixed")
    for folder in ("color", "rgb"):
        path = sorted((scene / "train" / folder).glob("*.png"))[0]
        Image.open(path).crop((0, 0, 24, 18)).save(path)
    made = datamanager(scene, labelled_views=6)
    for batch in (made.next_train(0)[1], made.next_eval(0)[1]):
        assert batch["semantics"].shape == (len(batch["image"]), 1)
    made.stage = 2
    _, batch = made.next_train(0)
    rows = batch["indices"][:, 0] == 0
    assert rows.any() and batch["indices"][rows, 1].max() < 18


def test_evaluation_batches_carry_the_labels_of_their_pixels(tiny_scene) -> None:
    made = datamanager(tiny_scene)
    _, batch = made.next_eval(0)
    for row in range(0, 1000, 250):
        view, y, x = batch["indices"][row].tolist()
        assert torch.equal(batch["semantics"][row], made.eval_dataset[view]["semantics"][y, x])


@pytest.mark.parametrize("images", [-1, 3])
def test_propagated_classes_fill_their_share_of_stage_2(tiny_scene, images: int) -> None:
    made = datamanager(tiny_scene, propagated_share=0.4, train_num_images_to_sample_from=images)
    made.stage = 2
    labelled = made.train_dataset.labelled_view_indices
    other = next(view for view in range(6) if view not in labelled)
    pixels = torch.tensor([[4, 7], [4, 6]])
    classes, certainty = torch.tensor([8, 7], dtype=torch.uint8), torch.tensor([102, 51], dtype=torch.uint8)
    made.set_propagated({other: SparseLabels(pixels, classes, certainty)}, 0.9)
    bundle, batch = made.next_train(0)
    assert len(bundle) == 300
    known, propagated = (rows.tolist() for rows in batch["indices"].split([180, 120]))
    assert {view for view, _, _ in known} == set(labelled)
    assert {tuple(row) for row in propagated} == {(other, 4, 6), (other, 4, 7)}
    assert (batch["certainty"][:180] == 1).all()
    seven = batch["semantics"][180:] == 7
    torch.testing.assert_close(batch["certainty"][180:], torch.where(seven, 0.2, 0.4))
    for row in (180, 299):
        view, y, x = batch["indices"][row].tolist()
        assert x == (6 if seven[row - 180] else 7)
        assert torch.equal(batch["image"][row], made.train_dataset[view]["image"][y, x])
    made.set_propagated({other: SparseLabels(pixels[:0], classes[:0], certainty[:0])}, 0.5)  # nothing had no label
    assert set(made.next_train(0)[1]["indices"][:, 0].tolist()) <= set(labelled)


def test_propagated_classes_take_no_larger_share_than_there_are_pixels_without_a_label(tiny_scene) -> None:
    made = datamanager(tiny_scene, labelled_views=5, propagated_share=0.5, class_balanced_share=0.5)
    made.stage = 2
    other = next(view for view in range(6) if view not in made.train_dataset.labelled_view_indices)
    one = torch.tensor([7], dtype=torch.uint8)
    made.set_propagated({other: SparseLabels(torch.tensor([[0, 0]]), one, one)}, 0.1)
    views = made.next_train(0)[1]["indices"][:, 0]
    assert (views == other).sum() == 30


def test_images_are_not_kept_for_propagated_pixels(tiny_scene) -> None:
    made = datamanager(tiny_scene, propagated_share=0.5, train_num_images_to_sample_from=2)
    one = torch.tensor([3], dtype=torch.uint8)
    labels = {view: SparseLabels(torch.tensor([[view, 1]]), one, one) for view in range(6)}
    loaded = []
    of_view = made.train_dataset.get_data
    made.train_dataset.get_data = lambda view, *kind, **kinds: loaded.append(view) or of_view(view, *kind, **kinds)
    made.set_propagated(labels, 1.0)
    assert loaded == [0, 1, 2, 3, 4, 5]
    kept = [value for value in vars(made._propagated).values() if isinstance(value, torch.Tensor)]
    assert len(kept) == 4 and all(len(value) == 6 for value in kept)


def test_shares_beyond_the_whole_are_refused(tiny_scene) -> None:
    for name in ("detail_share", "class_balanced_share", "propagated_share"):
        with pytest.raises(SystemExit, match=f"{name.replace('_', '-')} 1.5: expected a share of 0 to 1"):
            datamanager(tiny_scene, **{name: 1.5})
