"""Other outputs for an ONNX graph, by editing the file's own encoding.

An ONNX file is a protobuf message. Replacing the list of outputs needs nothing but the framing of that encoding, so the
package ``onnx`` is not needed here: its current releases ask for a newer protobuf than nerfstudio allows.
"""

from collections.abc import Iterator, Sequence

# Field numbers of onnx.proto.
MODEL_GRAPH = 7
GRAPH_OUTPUT = 12
VALUE_NAME = 1


def with_outputs(model: bytes, names: Sequence[str]) -> bytes:
    """The same network with other tensors as its outputs.

    What no output depends on any more is left out by the runtime when it loads the graph.

    Args:
        model: an ONNX file.
        names: tensors of the graph, in the order wanted.

    Raises:
        ValueError: the bytes are not an ONNX file.
    """
    if not any(number == MODEL_GRAPH for number, _, _ in _fields(model)):
        raise ValueError("no graph in it")
    return b"".join(
        _message(MODEL_GRAPH, _graph_with_outputs(model[content], names)) if number == MODEL_GRAPH else model[whole]
        for number, whole, content in _fields(model)
    )


def _graph_with_outputs(graph: bytes, names: Sequence[str]) -> bytes:
    kept = [graph[whole] for number, whole, _ in _fields(graph) if number != GRAPH_OUTPUT]
    return b"".join(kept + [_message(GRAPH_OUTPUT, _message(VALUE_NAME, name.encode())) for name in names])


def _fields(message: bytes) -> Iterator[tuple[int, slice, slice]]:
    """Number, whole extent and extent of the content of each field of a protobuf message."""
    at = 0
    while at < len(message):
        start = at
        tag, at = _read_varint(message, at)
        number, kind = tag >> 3, tag & 7
        content = at
        if kind == 0:
            _, at = _read_varint(message, at)
        elif kind == 1:
            at += 8
        elif kind == 2:
            length, content = _read_varint(message, at)
            at = content + length
        elif kind == 5:
            at += 4
        else:
            raise ValueError("not an ONNX file")
        if at > len(message):
            raise ValueError("not a whole ONNX file")
        yield number, slice(start, at), slice(content, at)


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    """A number in base 128, low digits first, and where it ends."""
    value = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise ValueError("not a whole ONNX file")
        digit = message[at]
        at += 1
        value |= (digit & 0x7F) << shift
        shift += 7
        if digit < 0x80:
            return value, at


def _varint(value: int) -> bytes:
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)


def _message(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content
