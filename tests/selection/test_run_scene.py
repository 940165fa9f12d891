"""Runs as scenes: samples, images, names, caches."""

import gc
import weakref

import numpy as np
import pytest
import torch
from PIL import Image

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.user_cache import user_cache
from nerfseg_ns.evaluation.trained_run import load_run
from nerfseg_ns.segmenters.embedding_cache import EmbeddingCache
from nerfseg_ns.segmenters.sam_segmenter import SamSegmenter
from nerfseg_ns.segmenters.segmenter import Candidates
from nerfseg_ns.selection.field_renderer import FieldRenderer
from nerfseg_ns.selection.first_view import predict
from nerfseg_ns.selection.run_scene import RunScene
from nerfseg_ns.selection.selector import Listener, SelectionCancelled


@pytest.fixture
def run(train_tiny_run):
    """A tiny trained run with its six training views."""
    return load_run(train_tiny_run(), "train")


def rays_of(run, view):
    return run.dataset.cameras.to("cpu").generate_rays(camera_indices=view, keep_shape=True)


def test_samples_are_what_the_model_renders(run):
    model = run.pipeline.model
    rays = rays_of(run, 2)
    samples = FieldRenderer(model).samples(rays, minimum_weight=0.0)
    outputs = model.get_outputs_for_camera_ray_bundle(rays)
    # the model also renders what is farther than the sky, so it can only see more
    light = samples.per_pixel(torch.ones(len(samples.weights), 1))[..., 0]
    assert light.max() > 0.05 and bool((light <= outputs["accumulation"][..., 0] + 1e-4).all())
    density = FieldRenderer(model).density(samples.positions[:50])
    expected, _, _ = model.field.locate(samples.positions[:50, None])
    torch.testing.assert_close(density, expected.reshape(-1))
    torch.testing.assert_close(samples.elevation, rays.directions[..., 2])
    on_ray = rays.origins.reshape(-1, 3)[samples.pixels] - samples.positions
    torch.testing.assert_close(
        torch.nn.functional.normalize(-on_ray, dim=-1),
        rays.directions.reshape(-1, 3)[samples.pixels],
        atol=1e-4,
        rtol=0,
    )


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("piece", [100, 576, 1000])
def test_the_size_of_the_pieces_changes_nothing(run, piece, compiled, monkeypatch):
    model = run.pipeline.model
    whole = FieldRenderer(model).samples(rays_of(run, 0))
    sizes = []
    density_fn = model.proposal_networks[0].density_fn
    monkeypatch.setattr(
        model.proposal_networks[0], "density_fn", lambda p, *a, **k: sizes.append(len(p)) or density_fn(p, *a, **k)
    )
    model.config.eval_num_rays_per_chunk, model.compiled = piece, compiled
    pieces = FieldRenderer(model).samples(rays_of(run, 0))
    assert torch.equal(pieces.pixels, whole.pixels)
    torch.testing.assert_close(pieces.positions, whole.positions)
    torch.testing.assert_close(pieces.distance, whole.distance)
    if compiled:
        assert set(sizes) == {piece}  # code is compiled for one number of rays
    assert sum(sizes) >= 576


def test_a_model_without_a_density_field_is_named():
    model = torch.nn.Linear(1, 1)
    with pytest.raises(InputError, match=r"method splatfacto: .*lacks field, .* takes runs of nerfseg, .*nerfacto"):
        FieldRenderer(model, "splatfacto")


def test_training_goes_on_after_a_view(run):
    scene = RunScene.from_pipeline(run.pipeline)
    run.pipeline.model.train()
    first = scene.samples(0)
    assert len(first.weights) > 10
    assert run.pipeline.model.training and not user_cache().exists()
    assert torch.equal(scene.samples(0).positions, first.positions)
    with torch.no_grad():
        run.pipeline.model.field.location_network.mlp.layers[-1].bias.add_(3.0)
    assert torch.equal(scene.samples(0).weights, first.weights)
    scene.forget()
    assert not torch.equal(scene.samples(0).distance, first.distance)


def test_samples_are_kept_on_the_disk(run, monkeypatch):
    stages = []
    scene = RunScene.from_run(run)
    scene.prepare(Listener(lambda *step: stages.append(step)))
    assert stages == [("rendering the views", done, 6) for done in range(7)]
    files = sorted(user_cache().glob("samples/*/*.npz"))
    assert len(files) == 6
    first = scene.samples(3)
    assert len(first.weights) > 10

    def refuse(*_):
        raise AssertionError("rendered again")

    with monkeypatch.context() as patch:
        patch.setattr(FieldRenderer, "samples", refuse)
        again = RunScene.from_run(run).samples(3)
    assert torch.equal(again.positions, first.positions) and torch.equal(again.weights, first.weights)
    assert torch.equal(again.pixels, first.pixels) and torch.equal(again.distance, first.distance)

    for file in files:  # damaged files count as absent
        file.write_bytes(file.read_bytes()[:-50])
    assert torch.equal(RunScene.from_run(run).samples(3).positions, first.positions)
    assert RunScene.from_run(run)._find_or_render(3).consistent

    with torch.no_grad():  # other weights, other samples
        run.pipeline.model.field.location_network.mlp.layers[-1].bias.add_(3.0)
    RunScene.from_run(run).samples(3)
    assert len(list(user_cache().glob("samples/*"))) == 2


def test_room_is_made_by_deleting_the_oldest_runs(run):
    scene = RunScene.from_run(run)
    scene.prepare()
    old = user_cache() / "samples" / "old-v1"
    old.mkdir()
    (old / "a.npz").write_bytes(b"x" * 1000)
    own = sum(file.stat().st_size for file in scene._disk.folder.iterdir())
    assert scene._disk.make_room(own + 1000) == own + 1000 and old.exists()
    assert scene._disk.make_room(own + 999) == own and not old.exists()
    assert scene._disk.make_room(1) == own  # never those in use


def test_what_the_disk_has_need_not_all_be_in_memory(run, monkeypatch):
    whole = RunScene.from_run(run)
    whole.prepare()
    expected = [whole.samples(view) for view in range(6)]
    one = max(whole._packed.find(view).bytes for view in range(6))
    monkeypatch.setattr("nerfseg_ns.selection.run_scene._BYTES_OF_PACKED", 2 * one)
    monkeypatch.setattr("nerfseg_ns.selection.run_scene._BYTES_OF_SAMPLES", 1)
    scene = RunScene.from_run(run)
    training = RunScene.from_pipeline(run.pipeline)
    training.prepare()
    with monkeypatch.context() as patch:
        patch.setattr(FieldRenderer, "samples", None)  # nothing is rendered again
        scene.prepare()
        assert 0 < scene._packed.bytes <= 2 * one
        for view, samples in enumerate(expected):
            assert torch.equal(scene.samples(view).positions, samples.positions)
            assert len(training.samples(view).positions) == len(samples.positions)  # kept in memory alone
        assert scene._packed.bytes <= 2 * one


def test_without_a_disk_that_can_be_written_all_stays_in_memory(run, monkeypatch):
    monkeypatch.setattr("nerfseg_ns.selection.run_scene._BYTES_OF_PACKED", 1)
    user_cache().parent.mkdir(parents=True, exist_ok=True)
    user_cache().write_text("a file, where the folder would be")
    scene = RunScene.from_run(run)
    with pytest.warns(UserWarning, match="samples are not kept"):
        scene.prepare()
    assert all(scene._packed.find(view) is not None for view in range(6))


def test_keys_of_images_follow_the_images_and_hold_no_scene(run, colour_segmenter):
    captured, rendered = RunScene.from_run(run), RunScene.from_run(run, source="rendered")
    keys = [scene.image_key(view) for scene in (captured, rendered) for view in (0, 1)]
    assert len(set(keys)) == 4 and keys == [s.image_key(v) for s in (captured, rendered) for v in (0, 1)]
    captured.forget()
    rendered.forget()
    assert captured.image_key(0) == keys[0]  # the files are what they were
    assert rendered.image_key(0) not in keys
    gone = weakref.ref(rendered)
    used = []
    colour_segmenter.set_image = lambda image, key: used.append(key)
    colour_segmenter.predict = lambda prompt, size: Candidates(np.ones((1, *size)), np.ones(1), np.ones((1, 256, 256)))
    predict(rendered, colour_segmenter, 0, np.ones((1, 2)), np.ones(1))
    assert used == [rendered.image_key(0)]
    del rendered
    gc.collect()
    assert gone() is None


def test_the_segmenter_sees_what_a_training_model_renders_now(run):
    seen = []

    class Network:
        def encode(self, pixels):
            seen.append(float(pixels.mean()))
            return np.full((256, 64, 64), pixels.mean(), np.float32)

        def decode(self, embedding, *_):
            return np.full((4, 256, 256), embedding.mean(), np.float32), np.ones(4, np.float32)

    segmenter = SamSegmenter("network", Network(), EmbeddingCache(None))
    scene = RunScene.from_pipeline(run.pipeline, source="rendered")
    for _ in range(2):
        predict(scene, segmenter, 0, np.ones((1, 2)), np.ones(1))
    assert len(seen) == 1
    with torch.no_grad():
        for parameter in run.pipeline.model.field.parameters():
            parameter.mul_(-2.0)
    scene.forget()
    predict(scene, segmenter, 0, np.ones((1, 2)), np.ones(1))
    assert len(seen) == 2 and seen[0] != seen[1]


def test_prepare_can_be_cancelled(run):
    asked = []
    scene = RunScene.from_run(run)
    with pytest.raises(SelectionCancelled):
        scene.prepare(Listener(cancelled=lambda: asked.append(1) or len(asked) > 2))
    assert len(list(user_cache().glob("samples/*/*.npz"))) == 2


def test_cameras_are_those_of_the_rays(run):
    scene = RunScene.from_run(run)
    assert list(scene.names) == ["000", "001", "002", "003", "004", "005"]
    for view in range(6):
        camera, rays = scene.camera(view), rays_of(run, view)
        assert camera.size == (24, 24)
        torch.testing.assert_close(camera.directions(), rays.directions, atol=1e-6, rtol=0)
        torch.testing.assert_close(camera.centre, rays.origins[0, 0])
    twice = RunScene.from_run(run, camera_scale=2.0)
    assert twice.camera(0).size == (48, 48) and twice.camera(0).fx == 2 * scene.camera(0).fx
    assert twice.samples(0).size == (48, 48) and twice.image(0).shape == (48, 48, 3)
    with pytest.raises(InputError, match="camera scale 0.01"):
        RunScene.from_run(run, camera_scale=0.01)
    evaluated = RunScene.from_pipeline(run.pipeline, split="eval")
    assert list(evaluated.names) == ["000", "001"]


def test_the_frame_leads_back_to_the_poses_of_the_files(run, tiny_scene):
    scene = RunScene.from_run(run)
    written = np.array((tiny_scene / "train" / "pose" / "004.txt").read_text().split(), float).reshape(4, 4)[:3, 3]
    np.testing.assert_allclose(scene.frame.to_input(scene.camera(4).centre), written, atol=1e-5)


def test_captured_images_come_in_full_resolution(run, monkeypatch):
    path = run.dataset.image_filenames[0]
    large = np.random.default_rng(0).integers(0, 255, (72, 72, 3), dtype=np.uint8)
    Image.fromarray(large).save(path)
    np.testing.assert_array_equal(RunScene.from_run(run).image(0), large)
    monkeypatch.setattr("nerfseg_ns.selection.run_scene.LONGEST_SIDE", 50)
    assert RunScene.from_run(run).image(0).shape == (48, 48, 3)
    Image.fromarray(large[:, :70]).save(path)  # not a multiple of 24
    scene = RunScene.from_run(run)
    np.testing.assert_array_equal(scene.image(0), run.dataset.get_image_uint8(0).numpy())
    path.write_bytes(b"cut short")
    with pytest.raises(InputError, match="000.png: the image cannot be read"):
        RunScene.from_run(run).image(0)
    assert scene.image(0).shape == (24, 24, 3)  # held


def test_rendered_images_are_the_models(run):
    scene = RunScene.from_run(run, source="rendered")
    expected = run.pipeline.model.get_outputs_for_camera_ray_bundle(rays_of(run, 1))["rgb"]
    np.testing.assert_allclose(scene.image(1), expected.numpy() * 255, atol=1.0)
    assert scene.image(1).dtype == np.uint8


class Shift(torch.nn.Module):
    """Nerfacto's camera optimizer, with a correction known beforehand."""

    class config:
        mode = "SO3xR3"

    def forward(self, indices):
        turn = torch.tensor([[0.0, -1, 0, 0.5], [1, 0, 0, 0.25], [0, 0, 1, 0.125]])
        return turn.expand(len(indices), 3, 4)


def test_corrected_poses_are_used_for_training_views_only(run):
    plain = RunScene.from_run(run).camera(1)
    run.pipeline.model.camera_optimizer = Shift()
    camera = RunScene.from_run(run).camera(1)
    torch.testing.assert_close(camera.centre, plain.centre + torch.tensor([0.5, 0.25, 0.125]))
    x, y, z = plain.directions().unbind(-1)
    torch.testing.assert_close(camera.directions(), torch.stack([-y, x, z], dim=-1), atol=1e-6, rtol=0)
    samples = RunScene.from_run(run).samples(1)
    on_ray = torch.nn.functional.normalize(samples.positions - camera.centre, dim=-1)
    torch.testing.assert_close(on_ray, camera.directions().reshape(-1, 3)[samples.pixels], atol=1e-4, rtol=0)
    evaluated = RunScene.from_pipeline(run.pipeline, split="eval").camera(0).centre
    del run.pipeline.model.camera_optimizer
    assert torch.equal(evaluated, RunScene.from_pipeline(run.pipeline, split="eval").camera(0).centre)


def test_plain_nerfacto_is_sampled_too(run, monkeypatch):
    import nerfstudio.models.nerfacto as nerfacto
    import torchmetrics.image.lpip

    # it downloads its weights when it is made
    monkeypatch.setattr(torchmetrics.image.lpip, "LearnedPerceptualImagePatchSimilarity", lambda **_: None)
    config = nerfacto.NerfactoModelConfig(
        implementation="torch",
        num_levels=2,
        max_res=32,
        log2_hashmap_size=8,
        num_proposal_samples_per_ray=(8, 8),
        num_nerf_samples_per_ray=6,
        average_init_density=5.0,
        eval_num_rays_per_chunk=200,
        background_color="black",
    )
    model = config.setup(scene_box=run.dataset.scene_box, num_train_data=6, metadata={}).eval()
    scene = RunScene(run.dataset, model)
    rays = scene.nerfstudio_camera(0).generate_rays(camera_indices=0, keep_shape=True)
    samples = FieldRenderer(model).samples(rays, minimum_weight=0.0)
    outputs = model.get_outputs_for_camera_ray_bundle(rays)
    light = samples.per_pixel(torch.ones(len(samples.weights), 1))
    assert bool((light <= outputs["accumulation"] + 1e-4).all()) and light.max() > 0.5
    near = outputs["depth"][..., 0] < 50
    torch.testing.assert_close(scene.samples(0).distance[near], outputs["depth"][..., 0][near])
    assert bool(near.any()) and scene.image(0).shape == (24, 24, 3)


def test_cameras_that_are_no_pinholes(run):
    from nerfstudio.cameras.cameras import CameraType

    run.dataset.cameras.distortion_params = torch.tensor([[-0.1, 0.03, 0.0, 0.0, 0.002, -0.001]]).expand(6, 6)
    distorted = RunScene.from_run(run)
    camera = distorted.camera(0)
    rays = distorted.nerfstudio_camera(0).generate_rays(camera_indices=0, keep_shape=True)
    torch.testing.assert_close(camera.directions(), rays.directions, atol=1e-4, rtol=0)
    pixels, _, _ = camera.project(camera.points(torch.full(camera.size, 2.0)))
    y, x = torch.meshgrid(torch.arange(camera.size[0]) + 0.5, torch.arange(camera.size[1]) + 0.5, indexing="ij")
    torch.testing.assert_close(pixels, torch.stack([x, y], dim=-1), atol=0.02, rtol=0)
    run.dataset.cameras.camera_type[2] = CameraType.FISHEYE.value
    with pytest.raises(InputError, match="cameras that are not perspective"):
        RunScene.from_run(run)
