"""The segmenter over a network that only notes what it is given."""

import numpy as np
import pytest

from nerfseg_ns.segmenters.embedding_cache import EmbeddingCache
from nerfseg_ns.segmenters.sam_segmenter import SamSegmenter


class NotingNetwork:
    """Gives the mean of the picture as embedding, and a mask that is positive in the upper half of the square."""

    def __init__(self):
        self.encoded, self.decoded = [], []

    def encode(self, pixels):
        self.encoded.append(pixels)
        return np.full((256, 64, 64), pixels.mean(), dtype=np.float32)

    def decode(self, embedding, points, labels, mask_logits):
        self.decoded.append((embedding, points, labels, mask_logits))
        low = np.ones((4, 256, 256), dtype=np.float32)
        low[:, 128:] = -1
        return low, np.array([0.1, 0.2, 0.3, 0.4], dtype=np.float32)


def picture(value, shape=(20, 40, 3)):
    return np.full(shape, value, dtype=np.uint8)


@pytest.fixture
def network():
    return NotingNetwork()


@pytest.fixture
def segmenter(network):
    return SamSegmenter("noting", network, EmbeddingCache(None))


def test_candidates_come_at_the_size_of_the_image_or_the_size_asked_for(segmenter, click):
    segmenter.set_image(picture(9, (40, 40, 3)))
    candidates = segmenter.predict(click(3, 4))
    assert candidates.logits.shape == (4, 40, 40)
    assert (candidates.logits[:, :19] > 0).all() and (candidates.logits[:, 21:] < 0).all()
    assert candidates.low_resolution.shape == (4, 256, 256)
    assert candidates.scores.tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert segmenter.predict(click(3, 4), (10, 12)).logits.shape == (4, 10, 12)


def test_a_wide_image_fills_only_the_upper_half_of_the_square(segmenter, click):
    segmenter.set_image(picture(9))
    assert (segmenter.predict(click(3, 4)).logits > 0)[:, :-1].all()


def test_prompts_reach_the_network_in_its_frame(segmenter, network, click):
    segmenter.set_image(picture(9))  # 40 wide: scale 25.6
    segmenter.predict(click(10, 5))
    _, points, labels, mask_logits = network.decoded[0]
    np.testing.assert_allclose(points, [[255.5, 127.5]])
    assert labels.tolist() == [1] and mask_logits is None


def test_each_picture_is_encoded_once_however_often_it_comes_back(segmenter, network, click):
    for value in (1, 2, 1, 2, 1):
        segmenter.set_image(picture(value))
        segmenter.predict(click(1, 1))
    assert len(network.encoded) == 2
    means = [float(embedding.mean()) for embedding, *_ in network.decoded]
    assert means[0] == means[2] == means[4] != means[1] == means[3]


def test_a_key_stands_for_the_pixels(segmenter, network, monkeypatch):
    hashed = []
    import nerfseg_ns.segmenters.sam_segmenter as module

    original = module.image_hash
    monkeypatch.setattr(module, "image_hash", lambda image: hashed.append(1) or original(image))
    for key in ("a", "b", "a", "b"):
        segmenter.set_image(picture(ord(key)), key=key)
    assert len(network.encoded) == len(hashed) == 2
    segmenter.set_image(picture(7, (30, 30, 3)), key="a")  # cannot be the same image
    assert len(network.encoded) == 3


def test_a_later_run_takes_the_embedding_from_the_disk_and_predicts_the_same(network, tmp_path, click):
    embeddings = []
    for _ in range(2):
        segmenter = SamSegmenter("noting", network, EmbeddingCache(tmp_path))
        segmenter.set_image(picture(77))
        segmenter.predict(click(1, 1))
        embeddings.append(network.decoded[-1][0])
    assert len(network.encoded) == 1
    np.testing.assert_array_equal(*embeddings)
    assert embeddings[0].dtype == np.float32


@pytest.mark.parametrize("image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_what_is_no_image_is_refused(image, segmenter):
    with pytest.raises(ValueError, match="expected uint8"):
        segmenter.set_image(image)


def test_there_has_to_be_an_image_first(segmenter, click):
    with pytest.raises(ValueError, match="before set_image"):
        segmenter.predict(click(1, 1))
