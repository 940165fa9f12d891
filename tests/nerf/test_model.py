"""The model: stages, outputs, freezing."""

import copy

import pytest
import torch

from nerfseg_ns.core.class_table import ClassTable, SemanticClass
from nerfseg_ns.core.semantic_network import CAPTURED_COLOUR

BATCH = {"image": torch.rand(20, 3), "semantics": torch.arange(20).remainder(3).to(torch.uint8)[:, None]}


def train_step(model, optimizers, bundle) -> dict:
    for optimizer in optimizers.values():
        optimizer.zero_grad()
    outputs = model(bundle)
    losses = model.get_loss_dict(outputs, BATCH)
    sum(losses.values()).backward()
    for optimizer in optimizers.values():
        if any(p.grad is not None for group in optimizer.param_groups for p in group["params"]):
            optimizer.step()
    return losses


def adams(model) -> dict:
    return {name: torch.optim.Adam(params, lr=1e-2) for name, params in model.get_param_groups().items()}


def test_stage_2_leaves_the_geometry_as_it_is_to_the_bit(make_model, make_rays) -> None:
    model = make_model()
    model.train()
    optimizers = adams(model)
    for seed in range(5):  # Adam now has momentum that would go on moving the weights
        assert "rgb_loss" in train_step(model, optimizers, make_rays(seed=seed))
    model.set_stage(2)
    for optimizer in optimizers.values():
        optimizer.zero_grad()
    before = copy.deepcopy(model.state_dict())
    for seed in range(5):
        assert set(train_step(model, optimizers, make_rays(seed=seed))) == {"semantic_loss", "colour_semantic_loss"}
    after = model.state_dict()
    frozen = [key for key in before if key.startswith(("field.", "proposal_networks."))]
    assert len(frozen) >= 8
    for key in frozen:
        assert torch.equal(before[key], after[key]), key
    moved = [key for key in before if key.startswith("semantic_network.") and not torch.equal(before[key], after[key])]
    assert len(moved) == len([key for key in before if key.startswith("semantic_network.")])


def test_stage_1_learns_geometry_and_leaves_the_semantics(make_model, make_rays) -> None:
    model = make_model()
    model.train()
    before = copy.deepcopy(model.state_dict())
    optimizers = adams(model)
    for seed in range(3):
        losses = train_step(model, optimizers, make_rays(seed=seed))
    assert set(losses) == {"rgb_loss", "interlevel_loss", "distortion_loss"}
    after = model.state_dict()
    assert not torch.equal(
        before["field.location_network.encoding.hash_table"], after["field.location_network.encoding.hash_table"]
    )
    for key in before:
        if key.startswith("semantic_network."):
            assert torch.equal(before[key], after[key]), key


def test_haze_between_cameras_is_thinned_out_every_fourth_step(make_model, make_rays) -> None:
    model = make_model(air_loss_mult=10.0)
    model.train()
    assert "air_loss" not in model.get_loss_dict(model(make_rays()), BATCH)  # nobody has said where the cameras are
    places = torch.tensor([[0.0, 0.0, 1.0], [0.2, 0.0, 1.0], [0.0, 0.2, 1.0]])
    model.set_training_cameras(torch.cat([torch.eye(3).expand(3, 3, 3), places[..., None]], dim=-1))
    model.step = 3
    assert "air_loss" not in model.get_loss_dict(model(make_rays()), BATCH)
    model.step = 4
    points, _ = model.free_air.points(200)

    def densities() -> list[float]:
        with torch.no_grad():
            found = [
                model.field.locate(points[:, None])[0],
                *(net.density_fn(points) for net in model.proposal_networks),
            ]
        return [density.mean().item() for density in found]

    before, optimizers = densities(), adams(model)
    for seed in range(10):
        losses = train_step(model, optimizers, make_rays(seed=seed))
        assert losses["air_loss"] > 0
    assert len(before) == 2 and all(after < 0.8 * value for after, value in zip(densities(), before))
    model.config.air_loss_mult = 0.0
    assert "air_loss" not in model.get_loss_dict(model(make_rays()), BATCH)


def test_a_grid_of_its_own_is_learned_in_stage_2_alone_and_moves_with_the_surface(make_model, make_rays) -> None:
    model = make_model(use_surface_grid=True, surface_grid_levels=2, surface_grid_max_res=32, surface_grid_log2_size=8)
    name = "semantic_network.surface_encoding.hash_table"
    before = model.state_dict()[name].clone()
    model.train()
    optimizers = adams(model)
    train_step(model, optimizers, make_rays())
    assert torch.equal(model.state_dict()[name], before)
    model.set_stage(2)
    for seed in range(3):
        train_step(model, optimizers, make_rays(seed=seed))
    assert not torch.equal(model.state_dict()[name], before)
    model.eval()
    first = model(make_rays())["semantics"]
    with torch.no_grad():
        model.state_dict()[name].add_(1.0)
    assert not torch.equal(first, model(make_rays())["semantics"])


def test_the_accuracy_is_that_of_labels_not_of_what_was_propagated(make_model, make_rays) -> None:
    model = make_model().train()
    model.set_stage(2)
    outputs = model(make_rays())
    labels = outputs["logits"].argmax(dim=-1).to(torch.uint8)
    labels[10:] = (labels[10:] + 1) % 3  # wrong, but only propagated
    batch = {"image": BATCH["image"], "semantics": labels[:, None]}
    assert model.get_metrics_dict(outputs, batch)["label_accuracy"] == 0.5
    batch["certainty"] = torch.ones(20, 1).index_fill_(0, torch.arange(10, 20), 0.4)
    assert model.get_metrics_dict(outputs, batch)["label_accuracy"] == 1.0


def test_surfaces_are_where_the_rendered_depth_is(make_model, make_rays) -> None:
    model = make_model().eval()
    rays = make_rays(count=37)  # more than two pieces of 16
    outputs, found = model(rays), model.surfaces(rays)
    assert {name: tuple(value.shape) for name, value in found.items()} == {
        "points": (37, 3),
        "accumulation": (37, 1),
        "depth": (37, 1),
    }
    torch.testing.assert_close(found["depth"], outputs["depth"])
    torch.testing.assert_close(found["points"], rays.origins + rays.directions * outputs["depth"])
    torch.testing.assert_close(found["accumulation"], outputs["accumulation"])
    assert not found["depth"].requires_grad


def test_outputs_that_nerfstudio_can_show(make_model, make_rays) -> None:
    model = make_model().eval()
    assert "semantics" not in model(make_rays())
    model.set_stage(2)
    outputs = model(make_rays())
    assert list(outputs)[0] == "rgb"
    assert {name: value.shape[-1] for name, value in outputs.items()} == {
        "rgb": 3,
        "accumulation": 1,
        "depth": 1,
        "normals": 3,
        "semantics": 3,
        "semantics_colormap": 3,
        "semantics_confidence": 1,
        "semantics_overlay": 3,
    }
    for name, value in outputs.items():
        assert value.dtype == torch.float32, name
        assert len(value) == 20, name
        if name != "depth":
            assert value.min() >= 0 and value.max() <= 1 + 1e-5, name
    torch.testing.assert_close(outputs["semantics"].sum(dim=-1), torch.ones(20))


def test_two_classes_get_a_third_empty_channel(make_model, make_rays) -> None:
    table = ClassTable((SemanticClass(0, "a", (0, 0, 0)), SemanticClass(1, "b", (9, 9, 9))))
    model = make_model(class_table=table).eval()
    model.set_stage(2)
    semantics = model(make_rays())["semantics"]
    assert semantics.shape == (20, 3)
    assert torch.equal(semantics[:, 2], torch.zeros(20))


def test_novel_views_read_the_rendered_colour_whatever_training_read(make_model, make_rays) -> None:
    for source in ("rendered", "captured"):
        model = make_model(colour_source=source)
        model.set_stage(2)
        bundle = make_rays()
        bundle.metadata[CAPTURED_COLOUR] = torch.zeros(20, 3)
        model.eval()
        first = model(bundle)["semantics"]
        bundle.metadata[CAPTURED_COLOUR] = torch.ones(20, 3)
        assert torch.equal(first, model(bundle)["semantics"])


def test_training_reads_the_colour_it_is_told_to(make_model, make_rays) -> None:
    for source in ("rendered", "captured"):
        model = make_model(colour_source=source)
        model.set_stage(2)
        model.train()
        logits = []
        for value in (0.0, 1.0):
            bundle = make_rays()
            bundle.metadata[CAPTURED_COLOUR] = torch.full((20, 3), value)
            logits.append(model(bundle)["colour_logits"])
        # rendered: the same up to the jitter of the samples; captured: black against white
        same = torch.allclose(logits[0], logits[1], atol=2e-2)
        assert same == (source == "rendered")


def test_hidden_classes_change_the_pictures_and_nothing_else(make_model, make_rays) -> None:
    model = make_model().eval()
    model.set_stage(2)
    shown = model(make_rays())
    for name in model.class_legend.names:
        getattr(model.class_legend, name).value = False
    same = model(make_rays())  # a box clicked in the middle of a picture does not tear it
    assert torch.equal(shown["semantics_colormap"], same["semantics_colormap"])
    for name in model.class_legend.names:  # as the viewer does between two pictures
        element = getattr(model.class_legend, name)
        element.cb_hook(element)
    hidden = model(make_rays())
    assert torch.equal(shown["semantics"], hidden["semantics"])
    assert not torch.equal(shown["semantics_colormap"], hidden["semantics_colormap"])
    torch.testing.assert_close(hidden["semantics_overlay"], hidden["rgb"].clamp(0, 1))


def test_pieces_of_one_size_render_what_one_batch_renders(make_model, make_rays) -> None:
    model = make_model().eval()
    model.set_stage(2)
    whole = model(make_rays(37))
    model.compiled = True  # the networks are not compiled; only the cutting into pieces is on
    pieces = model(make_rays(37))
    for name in whole:
        torch.testing.assert_close(pieces[name], whole[name])


def test_a_model_without_classes_trains_stage_1(make_model, make_rays) -> None:
    model = make_model(class_table=None).eval()
    assert model.semantic_network is None
    assert "semantics" not in model.get_param_groups()
    assert "rgb" in model(make_rays())


def test_alpha_of_exports_is_the_opacity(make_model, make_rays) -> None:
    model = make_model().eval()
    model.set_stage(2)
    outputs = model(make_rays())
    rgba = model.get_rgba_image(outputs, "semantics_colormap")
    assert torch.equal(rgba[:, :3], outputs["semantics_colormap"])
    assert torch.equal(rgba[:, 3:], outputs["accumulation"].clamp(0, 1))


def test_normals_can_be_left_out(make_model, make_rays) -> None:
    model = make_model().eval()
    model.set_stage(2)
    outputs = model(make_rays())
    model.renders_normals = False
    fewer = model(make_rays())
    assert set(outputs) - set(fewer) == {"normals"}
    assert all(torch.equal(outputs[name], value) for name, value in fewer.items())


def test_normals_point_out_of_a_surface(make_model) -> None:
    field = make_model().field

    class Ball(torch.nn.Module):
        """Density that falls off from the scene's centre, in contracted coordinates."""

        def forward(self, positions: torch.Tensor) -> tuple:
            distance = (positions * 4 - 2).norm(dim=-1, keepdim=True)
            return positions, torch.cat([-50 * distance, positions], dim=-1)

    field.location_network = Ball()
    points = torch.nn.functional.normalize(torch.randn(50, 3), dim=-1) * 0.5
    # the scene contraction is the identity in the inner half of the scene
    torch.testing.assert_close(field.normals(points, 1e-3), points / 0.5, atol=2e-2, rtol=0)


@pytest.mark.parametrize("lpips", [True, False])
def test_missing_lpips_weights_leave_the_figure_out(make_model, monkeypatch, lpips: bool) -> None:
    import torchmetrics.image.lpip

    def offline(*args, **kwargs) -> None:
        raise OSError("no internet")

    monkeypatch.setattr(torchmetrics.image.lpip, "LearnedPerceptualImagePatchSimilarity", offline)
    model = make_model(lpips=lpips).eval()
    outputs = {"rgb": torch.rand(16, 16, 3), "accumulation": torch.ones(16, 16, 1), "depth": torch.ones(16, 16, 1)}
    metrics, pictures = model.get_image_metrics_and_images(outputs, {"image": torch.rand(16, 16, 3)})
    assert set(metrics) == {"psnr", "ssim"}
    assert pictures["img"].shape == (16, 32, 3)
