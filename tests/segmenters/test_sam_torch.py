"""SAM in torch: a small random network against the package's own forward pass, and a random ViT-B."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.segmenters.prompt import Prompt2D
from nerfseg_ns.segmenters.registry import make_segmenter
from nerfseg_ns.segmenters.sam_frame import SamFrame
from nerfseg_ns.segmenters.sam_torch import TorchNetwork

sam_package = pytest.importorskip("segment_anything")
NO_POINTS = np.zeros((0, 2), dtype=np.float32)


def small_sam():
    """SAM with an encoder of one small layer."""
    from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

    torch.manual_seed(0)
    return Sam(
        ImageEncoderViT(
            depth=1,
            embed_dim=16,
            num_heads=2,
            mlp_ratio=1,
            norm_layer=partial(nn.LayerNorm, eps=1e-6),
            window_size=14,
            out_chans=256,
        ),
        PromptEncoder(256, (64, 64), (1024, 1024), 16),
        MaskDecoder(
            transformer_dim=256,
            transformer=TwoWayTransformer(depth=1, embedding_dim=256, num_heads=8, mlp_dim=64),
            num_multimask_outputs=3,
        ),
    ).eval()


@pytest.fixture(scope="module")
def sam():
    return small_sam()


@pytest.fixture
def image():
    return np.random.default_rng(3).integers(0, 256, size=(60, 100, 3), dtype=np.uint8)


def test_preprocessing_is_that_of_the_package(sam, image):
    resized = sam_package.utils.transforms.ResizeLongestSide(1024).apply_image(image)
    expected = sam.preprocess(torch.from_numpy(resized.copy()).permute(2, 0, 1)[None].float())
    np.testing.assert_allclose(SamFrame(60, 100).network_input(image), expected.numpy(), atol=1e-5)


@pytest.mark.parametrize("prompt", ["clicks", "box", "clicks and box", "clicks and mask", "mask"])
def test_all_four_candidates_are_those_of_the_package(prompt, sam, image):
    points, labels = NO_POINTS, np.zeros(0, dtype=np.int64)
    if "clicks" in prompt:
        points, labels = np.array([[100.0, 200.0], [900.0, 50.0]], dtype=np.float32), np.array([1, 0])
    box = np.array([[10.0, 20.0, 700.0, 500.0]], dtype=np.float32) if "box" in prompt else None
    mask = np.random.default_rng(0).normal(size=(256, 256)).astype(np.float32) if "mask" in prompt else None
    network = TorchNetwork(sam, torch.device("cpu"))
    embedding = network.encode(SamFrame(60, 100).network_input(image))

    clicks = (torch.from_numpy(points)[None], torch.from_numpy(labels)[None])
    with torch.no_grad():
        sparse, dense = sam.prompt_encoder(
            points=clicks,
            boxes=None if box is None else torch.from_numpy(box),
            masks=None if mask is None else torch.from_numpy(mask)[None, None],
        )
        expected = [
            sam.mask_decoder(
                torch.from_numpy(embedding)[None],
                sam.prompt_encoder.get_dense_pe(),
                sparse,
                dense,
                multimask_output=many,
            )
            for many in (False, True)  # the first candidate, then the other three
        ]
    if box is not None:
        points, labels = np.concatenate([points, box.reshape(2, 2)]), np.concatenate([labels, [2, 3]])
    masks, scores = network.decode(embedding, points, labels, mask)
    np.testing.assert_allclose(masks, torch.cat([part[0] for part in expected], 1)[0], atol=1e-4)
    np.testing.assert_allclose(scores, torch.cat([part[1] for part in expected], 1)[0], atol=1e-4)


@pytest.fixture
def mobile_sam_package(monkeypatch):
    """A package of MobileSAM's form that builds the small network."""
    package = SimpleNamespace(sam_model_registry={"vit_t": small_sam})
    monkeypatch.setitem(__import__("sys").modules, "mobile_sam", package)


def test_a_torch_checkpoint_of_mobile_sam_is_loaded_where_its_package_is(sam, image, mobile_sam_package, tmp_path):
    checkpoint = tmp_path / "mobile_sam.pt"
    torch.save({name: value + 0 for name, value in sam.state_dict().items()}, checkpoint)
    segmenter = make_segmenter("mobile-sam-torch", cache_dir=tmp_path, checkpoint=checkpoint, device="cpu")
    segmenter.set_image(image)
    candidates = segmenter.predict(Prompt2D(np.array([[5.0, 6.0]], dtype=np.float32), np.array([1])))
    assert candidates.logits.shape == (4, 60, 100) and np.isfinite(candidates.logits).all()
    (folder,) = (tmp_path / "embeddings").iterdir()
    assert folder.name.startswith("mobile-sam-torch-")
    with pytest.raises(InputError, match="needs a checkpoint"):
        make_segmenter("mobile-sam-torch")


def test_files_that_are_no_checkpoint_are_refused(sam, mobile_sam_package, tmp_path):
    def make(path, device="cpu"):
        return make_segmenter("mobile-sam-torch", cache_dir=tmp_path, checkpoint=path, device=device)

    path = tmp_path / "weights.pt"
    with pytest.raises(InputError, match="weights.pt: cannot be read: No such file"):
        make(path)
    for content in (b"", b"text that is no archive", b"PK\x03\x04 cut short"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="not a whole file of torch weights"):
            make(path)
    torch.save(sam, path)  # a pickled module: code, which weights_only does not run
    with pytest.raises(InputError, match="not a whole file of torch weights"):
        make(path)
    torch.save({"step": 3}, path)
    with pytest.raises(InputError, match="something else than named tensors"):
        make(path)
    state = dict(sam.state_dict())
    torch.save({**state, "surplus.weight": torch.zeros(2)}, path)
    with pytest.raises(InputError, match="not a checkpoint of mobile-sam-torch: .*surplus.weight"):
        make(path)
    torch.save(state, path)
    with pytest.raises(InputError, match="device 'gpu'"):
        make(path, "gpu")


@pytest.mark.slow
def test_vit_b_with_random_weights_segments_something(image, tmp_path):
    torch.manual_seed(0)
    checkpoint = tmp_path / "random.pth"
    torch.save(sam_package.sam_model_registry["vit_b"]().state_dict(), checkpoint)
    segmenter = make_segmenter("sam-vit-b", cache_dir=tmp_path, checkpoint=checkpoint, device="cpu")
    segmenter.set_image(image)
    candidates = segmenter.predict(Prompt2D(NO_POINTS, np.zeros(0, np.int64), box=np.array([5, 5, 50, 40], np.float32)))
    assert candidates.logits.shape == (4, 60, 100) and np.isfinite(candidates.logits).all()
    assert candidates.scores.shape == (4,)
    with pytest.raises(InputError, match="not a checkpoint of sam-vit-l"):
        make_segmenter("sam-vit-l", cache_dir=tmp_path, checkpoint=checkpoint, device="cpu")
