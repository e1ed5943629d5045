"""Sound files' own statements of where they end, which libsndfile passes over: it counts the frames that are there."""

import struct

UNKNOWN = (2**32 - 1, 2**31 - 1)
"""Sizes that programs write which do not know yet how long the sound will be: not a promise."""
CHUNKS = 1_000
"""Looked at, at most: a file of zeros is millions of empty ones."""


def is_cut_short(data: bytes) -> bool:
    """Whether a WAV, RF64, AIFF, AU or Ogg file ends before its samples do; False for other formats.

    Uncompressed sounds have no end mark: the size of the chunk of samples is all that says how many there are.
    The last page of an Ogg stream is marked as such (RFC 3533).
    """
    if data[:4] in (b"RIFF", b"RF64") and data[8:12] == b"WAVE":
        return _chunk_is_cut(data, b"data", "<")
    if data[:4] in (b"FORM", b"RIFX") and data[8:12] in (b"AIFF", b"AIFC", b"WAVE"):
        return _chunk_is_cut(data, b"data" if data[8:12] == b"WAVE" else b"SSND", ">")
    if data[:4] == b".snd" and len(data) >= 12:
        offset, size = struct.unpack(">2I", data[4:12])
        return size not in UNKNOWN and offset + size > len(data)
    return data[:4] == b"OggS" and _last_page_is_cut(data[data.rindex(b"OggS") :])


def _chunk_is_cut(data: bytes, wanted: bytes, order: str) -> bool:
    place, long_size = 12, None
    for _ in range(CHUNKS):
        if place + 8 > len(data):
            break
        name = data[place : place + 4]
        (size,) = struct.unpack(f"{order}I", data[place + 4 : place + 8])
        if name == b"ds64" and place + 24 <= len(data):  # RF64: the sizes that do not fit into 32 bits
            (long_size,) = struct.unpack("<Q", data[place + 16 : place + 24])
        if name == wanted:
            if size in UNKNOWN:
                return long_size is not None and place + 8 + long_size > len(data)
            return bool(place + 8 + size > len(data))
        place += 8 + size + size % 2
    return False


def _last_page_is_cut(page: bytes) -> bool:
    sizes = page[27 : 27 + page[26]] if len(page) > 26 else b""
    return not sizes or not page[5] & 4 or len(page) < 27 + len(sizes) + sum(sizes)
