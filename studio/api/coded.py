"""Pictures that JSON holds: as base64, with or without the head of a data address, or as the address of one."""

import re
from base64 import b64decode
from binascii import Error as NotBase64

from studio.errors import InvalidRequest
from studio.safe_fetch import WEB, bring

HEAD = re.compile(r"data:image/[\w.+-]{1,40};base64,", re.ASCII)


def decoded(text: str, field: str) -> bytes:
    """The bytes of a picture, fetched where its address is given; InvalidRequest on `field` where it is none, Busy."""
    if WEB.match(text):
        return bring(text, field)
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
