"""Reads the compact ``E5S1`` file of multilingual-e5-small: 4-bit weights, pieces, character map."""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MAGIC = b"E5S1"
BLOCK = 32


class FormatError(ValueError):
    """The file is not what its name promises."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of the network."""

    hidden: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class Pieces:
    """The vocabulary of a Unigram tokenizer and the map applied to each character before it."""

    pieces: list[tuple[str, float]]
    bos: int
    eos: int
    pad: int
    unknown: int
    characters: dict[int, str]


@dataclass(frozen=True, slots=True)
class Packed:
    """A matrix in blocks of 32 along its last axis: value = (nibble - 8) * scale of the block."""

    nibbles: NDArray[np.uint8]
    scales: NDArray[np.float32]

    def floats(self) -> NDArray[np.float32]:
        """The matrix as plain floats."""
        blocks = self.nibbles.reshape(*self.scales.shape, BLOCK).astype(np.float32) - 8.0
        return (blocks * self.scales[..., None]).reshape(self.nibbles.shape)


Tensor = Packed | NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class CompactModel:
    """Everything the file holds."""

    shape: Shape
    pieces: Pieces
    tensors: dict[str, Tensor]

    def packed(self, name: str) -> Packed:
        """A 4-bit matrix. Raises FormatError when it is not one."""
        tensor = self.tensors[name]
        if not isinstance(tensor, Packed):
            raise FormatError(f"{name} is not packed")
        return tensor

    def plain(self, name: str) -> NDArray[np.float32]:
        """A tensor as floats, unpacked where needed."""
        tensor = self.tensors[name]
        return tensor.floats() if isinstance(tensor, Packed) else tensor


class _Cursor:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        piece = self.data[self.at : self.at + count]
        if len(piece) != count:
            raise FormatError("the file ends too early")
        self.at += count
        return piece

    def unpack(self, form: str) -> tuple[int, ...]:
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))


def read_compact(path: Path) -> CompactModel:
    """The model in ``path``. Raises FormatError."""
    cursor = _Cursor(path.read_bytes())
    if cursor.take(4) != MAGIC:
        raise FormatError("no E5S1 file")
    cursor.unpack("I")
    hidden, layers, heads, inner, vocabulary, positions, types = cursor.unpack("7i")
    (epsilon,) = struct.unpack("<f", cursor.take(4))
    (block,) = cursor.unpack("i")
    if block != BLOCK:
        raise FormatError(f"blocks of {block}")
    shape = Shape(hidden, layers, heads, inner, vocabulary, positions, types, epsilon)
    pieces = _read_pieces(cursor)
    return CompactModel(shape, pieces, _read_tensors(cursor, shape))


def _read_pieces(cursor: _Cursor) -> Pieces:
    count, bos, eos, pad, unknown = cursor.unpack("5i")
    (length,) = cursor.unpack("Q")
    offsets = np.frombuffer(cursor.take((count + 1) * 4), "<u4")
    scores = np.frombuffer(cursor.take(count * 4), "<f4")
    blob = cursor.take(length)
    pieces = [(blob[offsets[i] : offsets[i + 1]].decode(), float(scores[i])) for i in range(count)]
    return Pieces(pieces, bos, eos, pad, unknown, _read_characters(cursor))


def _read_characters(cursor: _Cursor) -> dict[int, str]:
    count, size = cursor.unpack("iI")
    inner = _Cursor(cursor.take(size))
    characters: dict[int, str] = {}
    for _ in range(count):
        code, length = inner.unpack("IB")
        characters[code] = "".join(map(chr, inner.unpack(f"{length}I")))
    return characters


def _read_tensors(cursor: _Cursor, shape: Shape) -> dict[str, Tensor]:
    (count,) = cursor.unpack("i")
    tensors: dict[str, Tensor] = {}
    for _ in range(count):
        (name_length,) = cursor.unpack("H")
        name = cursor.take(name_length).decode()
        kind, items, offset, size = cursor.unpack("BIQQ")
        raw = cursor.data[offset : offset + size]
        if len(raw) != size:
            raise FormatError(f"{name} is cut off")
        floats = np.frombuffer(raw, "<f4") if kind == 0 else None
        tensors[name] = _packed(raw, items, name, shape) if floats is None else floats
    return tensors


def _packed(raw: bytes, items: int, name: str, shape: Shape) -> Packed:
    columns = shape.inner if name.endswith("fo.w") else shape.hidden
    rows = items // columns
    blocks = np.frombuffer(raw, np.dtype([("scale", "<f2"), ("bits", "u1", (16,))]))
    if len(blocks) * BLOCK != items:
        raise FormatError(f"{name} has {len(blocks)} blocks for {items} numbers")
    nibbles = np.concatenate([blocks["bits"] & 15, blocks["bits"] >> 4], axis=1)
    scales = blocks["scale"].astype(np.float32).reshape(rows, columns // BLOCK)
    return Packed(nibbles.reshape(rows, columns), scales)
