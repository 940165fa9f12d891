"""nerfseg-splat on a CPU, with the reference rasteriser where gsplat would be."""

import copy
from dataclasses import replace

import pytest
import torch
from nerfstudio.cameras.cameras import Cameras, CameraType
from nerfstudio.data.scene_box import SceneBox
from nerfstudio.engine.optimizers import Optimizers

from nerfseg_ns.core.class_table import ClassTable, SemanticClass
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.label_image import LabelFormat
from nerfseg_ns.data.pinhole_cameras import pinhole_of
from nerfseg_ns.data.semantic_views import SemanticViews
from nerfseg_ns.selection.sample_renderer import make_renderer
from nerfseg_ns.splats.gaussian_renderer import GaussianRenderer
from nerfseg_ns.splats.model import NerfSegSplatModel, NerfSegSplatModelConfig
from nerfseg_ns.splats.model_gaussians import model_gaussians, set_gaussians
from nerfseg_ns.splats.reference_rasteriser import ReferenceRasteriser

CLASSES = ClassTable(
    tuple(SemanticClass(i, name, (i * 40, 90, 200 - i * 40)) for i, name in enumerate(["Ground", "Red", "Blue", "Box"]))
)


def padded(gaussians):
    harmonics = torch.nn.functional.pad(gaussians.harmonics, (0, 0, 0, 3))
    return replace(gaussians, harmonics=harmonics)


def make_model(known, **options) -> NerfSegSplatModel:
    torch.manual_seed(0)
    config = NerfSegSplatModelConfig(num_random=8, random_init=True, sh_degree=1, background_color="black", **options)
    box = SceneBox(aabb=torch.tensor([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]]))
    views = SemanticViews(CLASSES, label_filenames=(), label_format=LabelFormat())
    model = config.setup(scene_box=box, num_train_data=3, metadata={"semantics": views})
    set_gaussians(model, padded(known.gaussians))
    return model


def nerfstudio_camera(pinhole) -> Cameras:
    height, width = pinhole.size
    numbers = (pinhole.fx, pinhole.fy, pinhole.cx, pinhole.cy)
    return Cameras(pinhole.c2w[None], *numbers, width, height, camera_type=CameraType.PERSPECTIVE)[0:1]


@pytest.fixture(scope="module")
def labels(small_known):
    """True classes [h, w, 1] of each view; 255 where there is nothing."""
    result = []
    for camera in small_known.cameras:
        shares, alpha = ReferenceRasteriser().render(
            small_known.gaussians, torch.nn.functional.one_hot(small_known.ids, 4).float(), camera
        )
        result.append(torch.where(alpha > 0.5, shares.argmax(dim=-1), 255).to(torch.uint8)[..., None])
    return result


def learn(model, known, labels, views, steps):
    """Stage 2 as the pipeline runs it."""
    model.set_stage(2)
    config = {"semantics": {"optimizer": copy.deepcopy(_method().config.optimizers["semantics"]["optimizer"])}}
    config["semantics"]["scheduler"] = None
    optimizers = Optimizers(config, {"semantics": model.get_param_groups()["semantics"]})
    model.train()
    for step in range(steps):
        view = views[step % len(views)]
        model.step_cb(optimizers, step)
        optimizers.zero_grad_all()
        outputs = model.get_outputs(nerfstudio_camera(known.cameras[view]))
        losses = model.get_loss_dict(outputs, {"semantics": labels[view]})
        sum(losses.values()).backward()
        optimizers.optimizer_step("semantics")
        model.step_post_backward(step)
    model.eval()
    return losses


def _method():
    from nerfseg_ns.methods import nerfseg_splat

    return nerfseg_splat


def accuracy(model, known, labels, view):
    shown = model.get_outputs_for_camera(nerfstudio_camera(known.cameras[view]))["semantics"].argmax(dim=-1)
    truth = labels[view][..., 0]
    return float((shown == truth)[truth != 255].float().mean())


def test_stage_2_learns_classes_on_gaussians_that_stay_as_they_are(small_known, labels):
    model = make_model(small_known)
    before = {name: value.clone() for name, value in model.gauss_params.items()}
    learn(model, small_known, labels, views=[0, 3], steps=24)
    for name, value in model.gauss_params.items():
        assert torch.equal(value, before[name]) and value.grad is None, name
    assert float(model.gaussian_features.learned.abs().max()) > 0
    assert min(accuracy(model, small_known, labels, view) for view in (1, 5)) > 0.93  # no labels of these
    outputs = model.get_outputs_for_camera(nerfstudio_camera(small_known.cameras[5]))
    assert outputs["rgb"].shape == outputs["semantics_colormap"].shape == (64, 64, 3)
    torch.testing.assert_close(outputs["semantics"].sum(dim=-1), torch.ones(64, 64))


@pytest.mark.parametrize("options", [{"smoothing_neighbours": 8}, {"use_colour_network": False}])
def test_smoothing_can_be_switched_on_and_colour_off(small_known, labels, options):
    model = make_model(small_known, **options)
    losses = learn(model, small_known, labels, views=[0], steps=2)
    assert ("colour_semantic_loss" in losses) == options.get("use_colour_network", True)
    assert all(bool(torch.isfinite(loss)) for loss in losses.values())


def test_smoothing_mixes_the_features_of_neighbours(small_known):
    one, other = make_model(small_known, smoothing_neighbours=0), make_model(small_known, smoothing_neighbours=4)
    for model in (one, other):
        model.set_stage(2)
        model.eval()
    with torch.no_grad():
        plain, mixed = one.rasterised_features(), other.rasterised_features()
        distances = torch.cdist(small_known.gaussians.means, small_known.gaussians.means)
        near = distances.topk(5, largest=False).indices[:, 1:]
        torch.testing.assert_close(mixed, 0.5 * plain + 0.5 * plain[near].mean(dim=1), rtol=1e-4, atol=1e-5)


def test_weights_of_any_number_of_gaussians_are_loaded(small_known, labels):
    trained = make_model(small_known)
    learn(trained, small_known, labels, views=[0], steps=2)
    state = copy.deepcopy(trained.state_dict())
    fresh = make_model(small_known)
    set_gaussians(fresh, padded(small_known.gaussians.where(torch.arange(5))))
    fresh.load_state_dict(state)
    fresh.set_stage(2)
    fresh.eval(), trained.eval()
    camera = nerfstudio_camera(small_known.cameras[2])
    one, other = (model.get_outputs_for_camera(camera)["semantics"] for model in (trained, fresh))
    torch.testing.assert_close(one, other)


def test_a_resumed_run_optimises_the_gaussians_of_its_checkpoint(small_known):
    model = make_model(small_known)
    set_gaussians(model, padded(small_known.gaussians.where(torch.arange(5))))
    names = [name for name in model.get_param_groups() if name in _method().config.optimizers]
    settings = {name: {**copy.deepcopy(_method().config.optimizers[name]), "scheduler": None} for name in names}
    optimizers = Optimizers(settings, model.get_param_groups())
    model.load_state_dict(copy.deepcopy(make_model(small_known).state_dict()))
    adam = optimizers.optimizers["means"]
    moments = torch.ones(len(small_known.gaussians), 3)  # what the trainer loads after the weights
    adam.state[adam.param_groups[0]["params"][0]] = {
        "step": torch.tensor(7.0),
        "exp_avg": moments,
        "exp_avg_sq": moments,
    }
    model.step_cb(optimizers, 7)
    assert adam.param_groups[0]["params"][0] is model.gauss_params["means"]
    assert adam.state[model.gauss_params["means"]]["exp_avg"] is moments
    assert optimizers.optimizers["scales"].param_groups[0]["params"][0] is model.gauss_params["scales"]


def test_colours_on_a_cpu_are_those_of_the_gaussians(small_known):
    model = make_model(small_known)
    model.eval()
    view = small_known.cameras[0]
    outputs = model.get_outputs_for_camera(nerfstudio_camera(view))
    wanted, alpha = ReferenceRasteriser().render(
        small_known.gaussians, small_known.gaussians.colours(view.centre), view
    )
    torch.testing.assert_close(outputs["rgb"], wanted.clamp(0, 1), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(outputs["accumulation"][..., 0], alpha, rtol=1e-4, atol=1e-5)


def test_the_renderer_of_a_splat_model_gives_samples_by_view_and_by_ray(small_known):
    model = make_model(small_known)
    renderer = make_renderer(model)
    assert isinstance(renderer, GaussianRenderer)
    camera = nerfstudio_camera(small_known.cameras[0])
    by_view = renderer.view(camera, pinhole_of(camera))
    rays = camera.generate_rays(camera_indices=0, keep_shape=True)[::9, ::9]
    by_ray = renderer.samples(rays)
    ours, theirs = by_view.distance[::9, ::9], by_ray.distance
    both = ours.isfinite() & theirs.isfinite()
    assert both.float().mean() > 0.5
    torch.testing.assert_close(by_ray.elevation, by_view.elevation[::9, ::9])
    torch.testing.assert_close(by_ray.elevation, rays.directions[..., 2])
    assert float((ours - theirs)[both].abs().median()) < 0.02  # rays have no pixel's width
    on, off = torch.tensor([[0.0, 0.0, 0.4]]), torch.tensor([[0.0, 0.0, 0.9]])
    assert float(renderer.density(on)) > 0.1 and float(renderer.density(off)) == 0.0
    means = model_gaussians(model).means
    torch.testing.assert_close(by_view.positions, means[by_view.primitives])


def test_ns_train_without_cuda_says_what_to_use_instead(tmp_path):
    config = copy.deepcopy(_method().config)
    config.machine.device_type = "cpu"
    config.output_dir, config.experiment_name, config.timestamp = tmp_path, "a", "b"
    with pytest.raises(InputError, match="gsplat rasterises on CUDA GPUs only, .*use nerfseg-lite on this machine"):
        config.save_config()
    assert not list(tmp_path.iterdir())


def test_colours_of_all_degrees_are_shown_in_stage_2(small_known):
    """Splatfacto brings the degrees in one after the other, by the step, which begins anew on a given geometry."""
    model = make_model(small_known)
    optimizers = Optimizers({}, {})
    model.set_stage(1)
    model.step_cb(optimizers, 5)
    assert model.step == 5
    model.set_stage(2)
    model.step_cb(optimizers, 5)
    assert model.step // model.config.sh_degree_interval >= model.config.sh_degree


def test_the_gaussians_of_another_degree_are_refused(small_known):
    model, other = make_model(small_known), NerfSegSplatModelConfig(sh_degree=3)
    assert model.takes_geometry_of(NerfSegSplatModelConfig(sh_degree=1))
    with pytest.raises(InputError, match="of degree 3, and those of this run .* 1; add --pipeline.model.sh-degree 3"):
        model.takes_geometry_of(other)


def test_a_crop_around_nothing_shows_nothing(small_known):
    from nerfstudio.data.scene_box import OrientedBox

    model = make_model(small_known)
    model.set_stage(2)
    model.eval()
    far = OrientedBox(R=torch.eye(3), T=torch.full((3,), 50.0), S=torch.ones(3))
    outputs = model.get_outputs_for_camera(nerfstudio_camera(small_known.cameras[0]), far)
    assert not outputs["accumulation"].any() and outputs["semantics"].shape == (64, 64, 4)
    assert torch.isfinite(outputs["semantics"]).all()
