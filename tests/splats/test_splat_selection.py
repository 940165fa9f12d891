"""The engines on a scene of Gaussians: they are those of the fields, unchanged."""

from dataclasses import replace

import pytest
import torch

from nerfseg_ns.core.gaussian_sites import GaussianSites
from nerfseg_ns.selection.mask_votes import vote_with_masks
from nerfseg_ns.selection.object_file import read_object, write_object
from nerfseg_ns.selection.object_points import object_points
from nerfseg_ns.selection.prompts import ObjectPrompt, ViewPrompt
from nerfseg_ns.selection.sa3d_selector import Sa3dSelector, Sa3dSettings
from nerfseg_ns.selection.selector import Listener
from nerfseg_ns.selection.vote_selector import VoteSelector
from nerfseg_ns.splats.reference_rasteriser import ReferenceRasteriser


@pytest.fixture(scope="module")
def scene(known_module, small_known):
    return known_module.KnownScene(small_known, ReferenceRasteriser())


@pytest.fixture(scope="module")
def truth(scene):
    with torch.no_grad():
        return [scene.known.masks(scene.rasteriser, view) for view in range(len(scene.names))]


def iou(one, other):
    return float((one & other).sum() / (one | other).sum())


def mean_iou(scene, selected, truth, channel):
    return sum(iou(selected.mask(scene.samples(v)), truth[v][..., channel]) for v in range(len(truth))) / len(truth)


def test_samples_show_surfaces_at_their_distance(scene, truth):
    camera, samples = scene.camera(0), scene.samples(0)
    assert int(torch.bincount(samples.pixels).max()) <= 100  # PackedSamples counts to 255
    points = camera.points(samples.distance)
    ground = samples.distance.isfinite() & ~truth[0].any(dim=-1)
    assert float(points[ground][:, 2].abs().quantile(0.9)) < 0.03
    ball = points[truth[0][..., 0]] - torch.tensor([0.0, 0.0, 0.2])
    assert float((ball.norm(dim=-1) - 0.2).abs().quantile(0.9)) < 0.05


@pytest.mark.parametrize("channel, name", [(0, "red ball"), (2, "yellow box")])
def test_one_click_gives_the_gaussians_of_an_object(scene, truth, palette_segmenter, channel, name):
    click = (*scene.middle(truth[1][..., channel]), 1)
    prompt = ObjectPrompt(name, (ViewPrompt("001", (click,)),))
    selected = next(VoteSelector().select(scene, palette_segmenter, [prompt], Listener()))
    assert isinstance(selected.sites, GaussianSites)
    assert mean_iou(scene, selected, truth, channel) > 0.9
    member = selected.votes.membership(selected.sites.numbered(torch.arange(len(scene.known.ids))))[:, 0] > 0.5
    own = scene.known.ids == channel + 1
    assert float((member & own).sum() / member.sum()) > 0.93  # a pixel is nearly as wide as the ground's Gaussians
    points = object_points(scene, selected)
    assert len(points) > 50 and float(points.membership.mean()) > 0.9


def test_sa3d_runs_on_gaussians(scene, truth, palette_segmenter):
    prompt = ObjectPrompt("ball", (ViewPrompt("001", ((*scene.middle(truth[1][..., 0]), 1),)),))
    engine = Sa3dSelector(Sa3dSettings(resolution=64))
    selected = next(engine.select(scene, palette_segmenter, [prompt], Listener()))
    assert mean_iou(scene, selected, truth, 0) > 0.7


def test_masks_vote_for_several_objects_at_once_and_survive_their_file(scene, truth, tmp_path):
    names = ["red", "blue", "yellow"]
    objects = vote_with_masks(scene, dict(enumerate(truth)), names)
    for channel, selected in enumerate(objects):
        assert mean_iou(scene, selected, truth, channel) > 0.93
    prompt = ObjectPrompt("red", (ViewPrompt("001", ((1.0, 2.0, 1),)),))
    write_object(tmp_path / "red.npz", replace(objects[0], prompt=prompt), scene.frame)
    stored = read_object(tmp_path / "red.npz")
    assert isinstance(stored.object.sites, GaussianSites)
    for view in (0, 3):
        assert torch.equal(stored.object.mask(scene.samples(view)), objects[0].mask(scene.samples(view)))
    low, high = objects[0].bounds()
    assert low.tolist() == pytest.approx([-0.2, -0.2, 0.0], abs=0.06)
    assert high.tolist() == pytest.approx([0.2, 0.2, 0.4], abs=0.06)
