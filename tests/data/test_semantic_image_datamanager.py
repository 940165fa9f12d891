"""Labelled views for Gaussians."""

from types import SimpleNamespace

import torch
from nerfstudio.cameras.cameras import Cameras

from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.data.semantic_image_datamanager import SemanticImageDatamanager


def datamanager(views: list[dict[str, torch.Tensor]], labelled: list[int]) -> SemanticImageDatamanager:
    made = object.__new__(SemanticImageDatamanager)
    torch.nn.Module.__init__(made)
    made.stage, made.device, made._labelled_left = 2, "cpu", []
    made.train_dataset = SimpleNamespace(labelled_view_indices=labelled)
    poses = torch.eye(4)[:3].expand(len(views), 3, 4)
    made.train_cameras = Cameras(poses, 10.0, 10.0, 1.0, 1.0, 2, 2)
    vars(made)["cached_train"] = views
    return made


def view(number: int, **more: torch.Tensor) -> dict[str, torch.Tensor]:
    labels = torch.full((2, 2, 1), number, dtype=torch.uint8)
    return {"image": torch.zeros(2, 2, 3, dtype=torch.uint8), "semantics": labels, **more}


def test_labels_under_the_mask_of_the_data_teach_nothing():
    kept = torch.tensor([[True, False], [True, True]])[..., None]
    views = [view(3, mask=kept)]
    _, batch = datamanager(views, [0]).next_train(0)
    assert batch["semantics"][..., 0].tolist() == [[3, IGNORE], [3, 3]]
    assert views[0]["semantics"].unique().tolist() == [3]  # the cache stays as it is


def test_every_labelled_view_comes_as_often_as_the_others():
    made = datamanager([view(number) for number in range(4)], [1, 3])
    seen = [int(made.next_train(step)[1]["semantics"][0, 0, 0]) for step in range(6)]
    assert sorted(seen) == [1, 1, 1, 3, 3, 3]
    camera, _ = made.next_train(6)
    assert camera.metadata["cam_idx"] in (1, 3)
