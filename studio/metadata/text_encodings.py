"""Bytes that tools wrote as text, in whatever encoding they did."""

import re
from typing import Any, Literal

Order = Literal["<", ">"]

COMMENT_ENCODINGS = {b"ASCII\0\0\0": "utf-8", b"JIS\0\0\0\0\0": "iso2022_jp"}
UNICODE, UNDEFINED = b"UNICODE\0", b"\0" * 8
UTF_16 = {"<": "utf-16-le", ">": "utf-16-be"}
CHARSET = re.compile(r'charset="?\w+"? ', re.IGNORECASE)


def decoded(data: bytes) -> str:
    """UTF-8 where it is that, else UTF-16 where it looks so, else Latin-1; without marks of order and NULs."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return _clean(data.decode("utf-16", "replace"))
    # Plain words in UTF-16 have a NUL beside each letter.
    if data[:200].count(0) > len(data[:200]) // 4:
        return _clean(_utf_16(data, ">"))
    try:
        return _clean(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return _clean(data.decode("latin-1"))


def repaired(text: str) -> str:
    """The text, once more as UTF-8 where it was taken for Latin-1 or Windows-1252 before."""
    for encoding in ("latin-1", "cp1252"):
        try:
            return text if text.isascii() else text.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
    return text


def whole(text: str) -> str:
    """The text with U+FFFD for each half of a character, which nothing can write down or show."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def user_comment(value: Any, order: Order) -> str:
    """The text of EXIF's UserComment: eight bytes say how it is encoded, if the writer wrote them, and it did so."""
    if isinstance(value, str):
        # Fooocus writes plain ASCII; a prefix then stands in the words.
        value = value.encode("latin-1", "replace") if not _beyond_latin(value) else value.encode()
    if not isinstance(value, bytes):
        return ""
    prefix, rest = value[:8], value[8:]
    if prefix == UNICODE:
        text = _utf_16(rest, order) if b"\0" in rest or not _is_utf_8(rest) else rest.decode()
    elif prefix in COMMENT_ENCODINGS:
        text = _as(rest, COMMENT_ENCODINGS[prefix])
    else:
        text = decoded(rest if prefix == UNDEFINED else value)
    return CHARSET.sub("", _clean(text), count=1) if text.startswith("charset=") else _clean(text)


def windows(value: Any) -> str:
    """The text of the tags that Windows shows, such as XPComment."""
    data = bytes(value) if isinstance(value, bytes | tuple) else b""
    return _clean(data.decode("utf-16-le", "replace"))


def _utf_16(data: bytes, order: str) -> str:
    """By its mark of order, else the order in which more of it is plain letters; `order` where both are alike."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    other = "<" if order == ">" else ">"
    sample = data[: min(len(data), 4000) & ~1]
    return data.decode(UTF_16[max((order, other), key=lambda one: _plain(sample, one))], "replace")


def _plain(data: bytes, order: str) -> int:
    text = data.decode(UTF_16[order], "replace")
    return sum(" " <= letter <= "~" or letter == "\n" for letter in text)


def _as(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeError:
        return decoded(data)


def _is_utf_8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _beyond_latin(text: str) -> bool:
    return any(ord(letter) > 255 for letter in text)


def _clean(text: str) -> str:
    return text.replace("\0", "").lstrip("\ufeff").strip()
