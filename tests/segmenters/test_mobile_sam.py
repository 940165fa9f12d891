"""MobileSAM with its published weights, on pictures drawn here."""

import numpy as np
import pytest

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.segmenters.prompt import Prompt2D
from nerfseg_ns.segmenters.registry import make_segmenter
from nerfseg_ns.segmenters.sam_frame import SamFrame
from nerfseg_ns.segmenters.sam_onnx import make_mobile_sam
from nerfseg_ns.segmenters.weights import WEIGHTS, installed, installed_file

onnxruntime = pytest.importorskip("onnxruntime")
WIDTH, HEIGHT = 320, 200
CENTRE, RADIUS = (210.0, 90.0), 45.0


def disc_mask(height=HEIGHT, width=WIDTH):
    y, x = np.mgrid[:height, :width] + 0.5
    return np.hypot(x - CENTRE[0], y - CENTRE[1]) < RADIUS


def disc_image():
    """A bright disc on a plain dark ground; wide, so that the network sees padding."""
    image = np.full((HEIGHT, WIDTH, 3), (60, 80, 60), dtype=np.uint8)
    image[disc_mask()] = (230, 220, 200)
    return image


def ious(logits, mask):
    found = logits > 0
    return (found & mask).sum((1, 2)) / (found | mask).sum((1, 2))


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory):
    if not installed(WEIGHTS["mobile-sam"]):
        pytest.skip("the weights of MobileSAM are not installed: nerfseg sam install mobile-sam")
    made = make_segmenter("mobile-sam", cache_dir=tmp_path_factory.mktemp("cache"), device="cpu")
    made.set_image(disc_image(), key="disc")
    return made


@pytest.mark.weights
def test_a_click_on_a_disc_finds_the_disc(segmenter, click):
    candidates = segmenter.predict(click(*CENTRE))
    assert candidates.logits.shape == (4, HEIGHT, WIDTH)
    assert candidates.scores.shape == (4,) and candidates.low_resolution.shape == (4, 256, 256)
    assert ious(candidates.logits, disc_mask()).max() > 0.95


@pytest.mark.weights
def test_the_disc_lies_where_it_was_drawn_at_other_sizes_too(segmenter, click):
    candidates = segmenter.predict(click(*CENTRE), (HEIGHT // 2, WIDTH // 2))
    assert candidates.logits.shape == (4, HEIGHT // 2, WIDTH // 2)
    assert ious(candidates.logits, disc_mask()[::2, ::2]).max() > 0.93


@pytest.mark.weights
def test_a_box_around_the_disc_finds_it_with_the_first_candidate(segmenter):
    x, y = CENTRE
    box = np.array([x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS], dtype=np.float32)
    candidates = segmenter.predict(Prompt2D(np.zeros((0, 2), np.float32), np.zeros(0, np.int64), box=box))
    assert ious(candidates.logits, disc_mask())[0] > 0.95


@pytest.mark.weights
def test_a_click_outside_turns_the_mask_away_from_the_disc(segmenter):
    prompt = Prompt2D(np.array([[40.0, 150.0], CENTRE], dtype=np.float32), np.array([1, 0]))
    assert ious(segmenter.predict(prompt).logits, ~disc_mask()).max() > 0.9


@pytest.mark.weights
def test_an_earlier_mask_can_be_refined(segmenter, click):
    first = segmenter.predict(click(*CENTRE))
    best = int(ious(first.logits, disc_mask()).argmax())
    again = Prompt2D(np.array([CENTRE], dtype=np.float32), np.array([1]), mask_logits=first.low_resolution[best].copy())
    refined = segmenter.predict(again)
    assert ious(refined.logits, disc_mask())[0] > 0.95
    assert not np.array_equal(refined.low_resolution, first.low_resolution)


@pytest.mark.weights
@pytest.mark.parametrize("size", [(150, 320), (320, 90)])
def test_the_masks_are_those_of_the_graph_as_published(size, segmenter, click):
    """The decoder as published gives its own choice at full size: one of the four here, the same to a few pixels."""
    image = np.random.default_rng(0).integers(0, 40, size=(*size, 3), dtype=np.uint8)
    image[size[0] // 4 : size[0] // 2, size[1] // 3 : size[1] // 2] += 180
    frame = SamFrame(*size)
    prompt = click(0.42 * size[1], 0.4 * size[0])
    segmenter.set_image(image)
    candidates = segmenter.predict(prompt)
    segmenter.set_image(disc_image(), key="disc")

    sessions = {
        name: onnxruntime.InferenceSession(
            str(installed_file(WEIGHTS["mobile-sam"], name)), providers=["CPUExecutionProvider"]
        )
        for name in ("encoder.onnx", "sam.onnx")
    }
    (embedding,) = sessions["encoder.onnx"].run(None, {"input": frame.network_input(image)})
    points, _ = frame.network_points(prompt)
    feed = {
        "image_embeddings": embedding,
        "point_coords": np.concatenate([points, [[0, 0]]]).astype(np.float32)[None],
        "point_labels": np.array([[1, -1]], dtype=np.float32),
        "mask_input": np.zeros((1, 1, 256, 256), dtype=np.float32),
        "has_mask_input": np.zeros(1, dtype=np.float32),
        "orig_im_size": np.array(size, dtype=np.float32),
    }
    masks, scores, low = sessions["sam.onnx"].run(None, feed)
    chosen = int(np.abs(candidates.low_resolution - low[0]).mean((1, 2)).argmin())
    assert np.abs(candidates.low_resolution[chosen] - low[0, 0]).max() < 0.5  # float16 embeddings
    assert candidates.scores[chosen] == pytest.approx(scores[0, 0], abs=0.01)
    assert ((candidates.logits[chosen] > 0) != (masks[0, 0] > 0)).mean() < 0.005


@pytest.mark.weights
def test_the_encoder_is_not_loaded_for_an_image_that_is_in_the_cache(segmenter, tmp_path, click, monkeypatch):
    first = make_mobile_sam("mobile-sam", cache_dir=tmp_path, device="cpu")
    first.set_image(disc_image())
    second = make_mobile_sam("mobile-sam", cache_dir=tmp_path, device="cpu")
    monkeypatch.setattr(second._network, "encode", None)
    second.set_image(disc_image())
    for one, other in zip(first.predict(click(*CENTRE)).logits, second.predict(click(*CENTRE)).logits):
        np.testing.assert_array_equal(one, other)


def test_a_checkpoint_that_is_no_folder_of_networks_is_refused(tmp_path):
    with pytest.raises(InputError, match="give the folder that holds encoder.onnx and sam.onnx"):
        make_segmenter("mobile-sam", checkpoint=tmp_path / "absent")
    with pytest.raises(InputError, match="encoder.onnx: cannot be read"):
        make_segmenter("mobile-sam", checkpoint=tmp_path)
    (tmp_path / "encoder.onnx").write_bytes(b"")
    (tmp_path / "sam.onnx").write_bytes(b"no network")
    with pytest.raises(InputError, match="sam.onnx: not a SAM decoder in ONNX"):
        make_segmenter("mobile-sam", checkpoint=tmp_path)


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "mps"])
def test_an_unknown_device_is_refused(device, tmp_path):
    with pytest.raises(InputError, match="runs on cpu or cuda"):
        make_segmenter("mobile-sam", checkpoint=tmp_path, device=device)


@pytest.mark.skipif("CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="has CUDA")
def test_asking_for_a_gpu_that_this_runtime_cannot_use_is_refused(tmp_path):
    with pytest.raises(InputError, match="onnxruntime-gpu"):
        make_segmenter("mobile-sam", checkpoint=tmp_path, device="cuda")


@pytest.mark.weights
def test_systems_that_do_not_tell_which_cores_are_allowed(segmenter, tmp_path, monkeypatch):
    monkeypatch.delattr("os.sched_getaffinity", raising=False)  # macOS, Windows
    assert make_mobile_sam("mobile-sam", cache_dir=tmp_path, device="cpu").name == "mobile-sam"
