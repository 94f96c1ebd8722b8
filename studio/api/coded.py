"""Pictures that JSON holds as base64, with or without the head of a data address."""

import re
from base64 import b64decode
from binascii import Error as NotBase64

from studio.errors import InvalidRequest

HEAD = re.compile(r"data:image/[\w.+-]{1,40};base64,", re.ASCII)


def decoded(text: str, field: str) -> bytes:
    """The bytes of a picture; InvalidRequest on `field` where it is none, or an address, which is not fetched."""
    if text.startswith(("http://", "https://", "file:")):
        raise InvalidRequest("Pictures are not fetched from addresses here.", "Send it as base64.", field=field)
    head = HEAD.match(text)
    try:
        data = b64decode(text[head.end() :] if head else text, validate=True)
    except (NotBase64, ValueError) as error:
        raise InvalidRequest(
            "The picture is not valid base64.", "Send a PNG, JPEG or WebP as base64.", field=field
        ) from error
    if not data:
        raise InvalidRequest("There is no picture.", "Send one as base64.", field=field)
    return data
