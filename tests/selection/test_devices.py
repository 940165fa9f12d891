"""Selection where the samples of a scene are on a GPU: everything meets on one device."""

import numpy as np
import pytest
import torch

from nerfseg_ns.benchmark.selection_run import _projected
from nerfseg_ns.selection.mask_votes import vote_with_masks
from nerfseg_ns.selection.object_masks import view_masks
from nerfseg_ns.selection.object_points import object_points
from nerfseg_ns.selection.prompts import ObjectPrompt, ViewPrompt
from nerfseg_ns.selection.sa3d_selector import Sa3dSelector, Sa3dSettings
from nerfseg_ns.selection.selector import Listener, Selector
from nerfseg_ns.selection.vote_selector import VoteSelector, VoteSettings

ENGINES = [VoteSelector(VoteSettings(growth=(1.0,), rounds=1)), Sa3dSelector(Sa3dSettings(resolution=96))]


@pytest.mark.parametrize("engine", ENGINES, ids=["vote", "sa3d"])
@pytest.mark.parametrize("kind", ["click", "box", "click and a later one"])
def test_an_object_on_the_gpu_is_that_on_the_cpu(
    gpu: torch.device, make_analytic_scene, colour_segmenter: object, engine: Selector, kind: str
) -> None:
    masks = {}
    for device in (gpu, torch.device("cpu")):
        scene = make_analytic_scene(views=4, device=device)
        assert scene.samples(0).positions.device == device
        rows, columns = scene.truth(0, "red").nonzero().unbind(-1)
        box = (float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1))
        view = ViewPrompt("000", (), box) if kind == "box" else ViewPrompt("000", ((*scene.middle(0, "red"), 1),))
        later = [ViewPrompt("001", ((*scene.middle(1, "blue"), 1),))] if "later" in kind else []
        prompt = ObjectPrompt("red", (view, *later))
        selected = next(engine.select(scene, colour_segmenter, [prompt], Listener()))
        assert selected.votes.inside.device == device
        masks[device] = np.stack([mask for _, mask in view_masks(scene, selected)])
        assert len(object_points(scene, selected)) > 10
    assert masks[gpu].any() and (masks[gpu] == masks[torch.device("cpu")]).mean() > 0.999


def test_masks_of_the_cpu_vote_on_the_gpu(gpu: torch.device, make_analytic_scene) -> None:
    scene = make_analytic_scene(views=4, device=gpu)
    masks = {view: torch.stack([scene.truth(view, b) for b in ("red", "blue")], dim=-1) for view in range(4)}
    red, blue = vote_with_masks(scene, masks, ["red", "blue"])
    for selected, ball in ((red, "red"), (blue, "blue")):
        mask, truth = selected.mask(scene.samples(1)).cpu(), scene.truth(1, ball)
        assert (mask & truth).sum() / (mask | truth).sum() > 0.9
    projected = _projected(scene, 0, scene.truth(0, "red"))(scene, 0).cpu()
    assert bool((projected == scene.truth(0, "red")).all())
