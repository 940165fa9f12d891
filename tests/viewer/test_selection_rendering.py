"""Objects in the pictures of a model made by hand: a small red cube before a blue wall."""

import threading
from types import SimpleNamespace

import pytest
import torch
from nerfstudio.cameras.rays import RayBundle
from nerfstudio.model_components.ray_samplers import ProposalNetworkSampler
from torch import nn

from nerfseg_ns.viewer.selection_rendering import COLOUR_SHARE, GROUND, SelectionRendering, ShownObjects

YELLOW = (255, 255, 0)
RED, BLUE = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 1.0])


def density_of(positions):
    """The cube from -0.5 to 0.5, and the wall behind z = -1; the camera looks along -z."""
    cube = (positions.abs() < 0.5).all(dim=-1)
    return 200.0 * (cube | (positions[..., 2] < -1.0)).float()[..., None]


class LocatingField(nn.Module):
    """As nerfseg's field."""

    def locate(self, positions):
        return density_of(positions), positions, positions


class DensityField(nn.Module):
    """As nerfacto's field."""

    def get_density(self, samples):
        positions = samples.frustums.get_positions()
        return density_of(positions), positions


class HandMadeModel(nn.Module):
    """Colours and opacity of rays."""

    def __init__(self, field):
        super().__init__()
        self.field = field
        self.proposal_sampler = ProposalNetworkSampler(
            num_proposal_samples_per_ray=(256,), num_nerf_samples_per_ray=64, num_proposal_network_iterations=1
        )

    def get_outputs(self, bundle):
        samples, _, _ = self.proposal_sampler(bundle, density_fns=[density_of])
        if hasattr(self.field, "locate"):
            density, positions, _ = self.field.locate(samples.frustums.get_positions())
        else:
            density, positions = self.field.get_density(samples)
        weights = samples.get_weights(density)
        colours = torch.where(positions[..., 2:] > -0.9, RED, BLUE)
        return {"rgb": (weights * colours).sum(dim=-2), "accumulation": weights.sum(dim=-2)}


@pytest.fixture(params=[LocatingField, DensityField])
def model(request):
    return HandMadeModel(request.param()).eval()


def draw(model):
    """Rays from z = 3: through the cube's middle, and past it onto the wall."""
    origins = torch.tensor([[0.0, 0.0, 3.0], [2.0, 0.0, 3.0]])
    directions = torch.tensor([[0.0, 0.0, -1.0]]).expand(2, 3)
    ones = torch.ones(2, 1)
    bundle = RayBundle(origins, directions, ones * 1e-6, nears=ones * 0.5, fars=ones * 6.0)
    with torch.no_grad():
        return model.get_outputs(bundle)


def colours(model):
    return draw(model)["rgb"]


def assert_near(actual, *expected):
    torch.testing.assert_close(actual, torch.stack(expected), atol=0.02, rtol=0.0)


@pytest.fixture
def shown(make_cube):
    """What is shown; None as long as nobody has set its mode."""
    state = SimpleNamespace(mode=None, objects=((make_cube(-0.6, 0.6), YELLOW),))
    state.ask = lambda: None if state.mode is None else ShownObjects(state.mode, state.objects)
    return state


def test_modes_colour_isolate_and_remove_and_go_away_without_a_trace(model, shown):
    plain = colours(model)
    assert_near(plain, RED, BLUE)
    rendering = SelectionRendering(model, shown.ask)
    rendering.install()
    assert torch.equal(colours(model), plain)
    shown.mode = "highlight"
    assert_near(colours(model), (1 - COLOUR_SHARE) * RED + COLOUR_SHARE * torch.tensor([1.0, 1.0, 0.0]), BLUE)
    shown.mode = "isolate"
    outputs = draw(model)
    assert_near(outputs["rgb"], RED, torch.full((3,), GROUND))
    assert outputs["accumulation"][:, 0].tolist() == pytest.approx([1.0, 0.0], abs=0.02)
    shown.mode = "remove"
    assert_near(colours(model), BLUE, BLUE)
    shown.mode = None
    assert torch.equal(colours(model), plain)
    rendering.uninstall()
    assert not {"get_outputs"} & set(vars(model)) and not {"locate", "get_density"} & set(vars(model.field))


def test_a_model_in_training_is_left_alone(model, shown):
    SelectionRendering(model, shown.ask).install()
    shown.mode = "remove"
    model.train()
    assert_near(colours(model), RED, BLUE)
    model.eval()
    assert_near(colours(model), BLUE, BLUE)


def test_queries_outside_of_a_picture_see_the_whole_field(model, shown):
    SelectionRendering(model, shown.ask).install()
    shown.mode = "remove"
    draw(model)
    inside = torch.zeros(1, 1, 3)
    if hasattr(model.field, "locate"):
        assert float(model.field.locate(inside)[0]) == 200.0
    else:
        samples = SimpleNamespace(frustums=SimpleNamespace(get_positions=lambda: inside))
        assert float(model.field.get_density(samples)[0]) == 200.0


def test_an_interrupted_picture_leaves_nothing_behind(model, shown):
    class Interrupt(Exception):
        pass

    field, name = model.field, "locate" if hasattr(model.field, "locate") else "get_density"
    original = getattr(field, name)

    def interrupted(*arguments):
        raise Interrupt

    setattr(field, name, interrupted)
    rendering = SelectionRendering(model, shown.ask)
    rendering.install()
    shown.mode = "remove"
    with pytest.raises(Interrupt):
        draw(model)
    rendering.uninstall()
    assert vars(field)[name] is interrupted
    setattr(field, name, original)
    assert rendering._active is None
    assert_near(colours(model), RED, BLUE)


def test_each_thread_draws_what_is_its_own(model, shown):
    """Two browsers draw with one model: one shows the cube alone, the other removes it."""
    modes = {"one": "isolate", "other": "remove"}
    rendering = SelectionRendering(model, lambda: ShownObjects(modes[threading.current_thread().name], shown.objects))
    rendering.install()
    seen = {}
    threads = [
        threading.Thread(target=lambda: seen.update({threading.current_thread().name: colours(model)}), name=name)
        for name in modes
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_near(seen["one"], RED, torch.full((3,), GROUND))
    assert_near(seen["other"], BLUE, BLUE)


def test_a_higher_threshold_shows_less(model, shown, make_cube):
    cube = make_cube(-0.6, 0.6)
    cube.votes.outside[:] += 0.5 * cube.votes.inside  # membership 2/3 inside
    SelectionRendering(model, shown.ask).install()
    shown.mode = "remove"
    shown.objects = ((cube, YELLOW),)
    assert_near(colours(model), BLUE, BLUE)
    shown.objects = ((cube.with_threshold(0.7), YELLOW),)
    assert_near(colours(model), RED, BLUE)
