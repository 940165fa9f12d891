import numpy as np
import pytest

from nerfseg_ns.segmenters.embedding_cache import EmbeddingCache, embedding_folder, embeddings_on_disk, image_hash


@pytest.fixture
def embedding():
    return np.random.default_rng(1).normal(size=(256, 64, 64)).astype(np.float32)


def test_the_hash_is_that_of_pixels_and_shape():
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    other = image.copy()
    other[3, 3, 2] += 1
    flipped = image[:, ::-1]
    hashes = {image_hash(picture) for picture in (image, other, image.reshape(2, 8, 3), flipped)}
    assert len(hashes) == 4
    assert image_hash(image.copy()) in hashes and image_hash(np.ascontiguousarray(flipped)) in hashes


def test_what_is_kept_is_found_again_rounded_to_float16(tmp_path, embedding):
    kept = EmbeddingCache(tmp_path).keep("a", embedding)
    found = EmbeddingCache(tmp_path).find("a")  # another process
    assert found is not None and found.dtype == np.float16
    np.testing.assert_array_equal(found, kept)
    np.testing.assert_allclose(found, embedding, rtol=1e-3, atol=1e-6)
    assert EmbeddingCache(tmp_path).find("b") is None


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "text", "shape", "pickle", "bare"])
def test_a_damaged_file_counts_as_absent_and_is_written_anew(damage, tmp_path, embedding):
    EmbeddingCache(tmp_path).keep("a", embedding)
    (path,) = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "flipped":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif damage == "text":
        path.write_text("not numbers")
    elif damage == "shape":
        np.savez(path, embedding=np.zeros((256, 64), dtype=np.float16))
    elif damage == "pickle":
        np.savez(path, embedding=np.array([{"a": 1}], dtype=object))
    else:
        with path.open("wb") as out:
            np.save(out, np.zeros((256, 64, 64), dtype=np.float16))  # an array where an archive is expected
    assert EmbeddingCache(tmp_path).find("a") is None
    EmbeddingCache(tmp_path).keep("a", embedding)
    assert EmbeddingCache(tmp_path).find("a") is not None


def test_memory_holds_the_newest_and_the_disk_the_rest(tmp_path, embedding):
    for folder, expected in ((tmp_path, True), (None, False)):
        cache = EmbeddingCache(folder, images_in_memory=2)
        for name in "abc":
            cache.keep(name, embedding)
        assert cache.find("b") is not None and cache.find("c") is not None
        assert (cache.find("a") is not None) == expected


def test_the_one_used_longest_ago_leaves_memory(embedding):
    cache = EmbeddingCache(None, images_in_memory=2)
    cache.keep("a", embedding)
    cache.keep("b", embedding)
    cache.find("a")
    cache.keep("c", embedding)
    assert cache.find("a") is not None and cache.find("b") is None


def test_a_folder_that_cannot_be_written_costs_one_warning(tmp_path, embedding):
    (tmp_path / "file").write_text("in the way")
    cache = EmbeddingCache(tmp_path / "file" / "folder")
    with pytest.warns(UserWarning, match="not kept for the next run") as warnings:
        cache.keep("a", embedding)
        cache.keep("b", embedding)
    assert len(warnings) == 1
    assert cache.find("a") is not None and cache.find("b") is not None


def test_sizes_are_counted_over_all_networks(tmp_path, embedding):
    assert embeddings_on_disk(tmp_path) == (0, 0)
    for weights in ("1" * 64, "2" * 64):
        EmbeddingCache(embedding_folder(tmp_path, "mobile-sam", weights)).keep("a", embedding)
    images, size = embeddings_on_disk(tmp_path)
    assert images == 2
    assert 2 * 2**21 < size < 2 * 2**21 + 2000
