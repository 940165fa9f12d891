"""Changing the outputs of a graph, on one of two operators that is written out here byte by byte."""

import numpy as np
import pytest

from nerfseg_ns.segmenters.onnx_graph import with_outputs

onnxruntime = pytest.importorskip("onnxruntime")


def part(number: int, content: bytes | str | int) -> bytes:
    """A field of a protobuf message with at most 127 bytes in it."""
    if isinstance(content, int):
        return bytes([number << 3, content])
    content = content.encode() if isinstance(content, str) else content
    assert len(content) < 128
    return bytes([number << 3 | 2, len(content)]) + content


def tensor(name: str) -> bytes:
    shape = part(1, part(1, 3))  # one dimension of 3
    return part(1, name) + part(2, part(1, part(1, 1) + part(2, shape)))  # float


def negate_then_clip() -> bytes:
    """x [3] -> Neg -> middle -> Relu -> y."""
    nodes = part(1, part(1, "x") + part(2, "middle") + part(4, "Neg"))
    nodes += part(1, part(1, "middle") + part(2, "y") + part(4, "Relu"))
    graph = nodes + part(2, "g") + part(11, tensor("x")) + part(12, tensor("y"))
    opset = part(8, part(2, 13))
    return part(1, 8) + part(7, graph) + opset


def run(model: bytes) -> dict[str, list[float]]:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    values = session.run(None, {"x": np.array([1, -2, 0], dtype=np.float32)})
    return {output.name: value.tolist() for output, value in zip(session.get_outputs(), values)}


def test_the_sample_works_as_it_is():
    assert run(negate_then_clip()) == {"y": [0, 2, 0]}


def test_a_tensor_from_the_middle_becomes_the_only_output():
    assert run(with_outputs(negate_then_clip(), ["middle"])) == {"middle": [-1, 2, 0]}


def test_outputs_come_in_the_order_asked_for():
    assert list(run(with_outputs(negate_then_clip(), ["y", "middle"]))) == ["y", "middle"]


@pytest.mark.parametrize("content", [b"", b"no graph", b"\x3a", b"\xff" * 20, negate_then_clip()[:-10]])
def test_what_is_not_a_whole_file_is_refused(content):
    with pytest.raises(ValueError):
        with_outputs(content, ["y"])
