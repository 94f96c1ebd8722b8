"""XMP, the packet of properties that pictures of any format carry: written, and searched without being parsed."""

import html
import re
from collections.abc import Mapping

PNG_KEYWORD = "XML:com.adobe.xmp"
NAMES: Mapping[str, str] = {
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "studio": "urn:image-studio:",
}
HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


def packet(properties: Mapping[str, str]) -> str:
    """A packet of these properties, by names such as “xmp:CreatorTool” of the namespaces above."""
    spaces = "".join(f' xmlns:{name}="{address}"' for name, address in NAMES.items())
    inside = "".join(f"<{name}>{html.escape(value, quote=False)}</{name}>" for name, value in properties.items())
    return (
        f'{HEAD}<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about=""{spaces}>'
        f'{inside}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    )


def property_of(text: str, name: str) -> str:
    """A property, written as an element or as an attribute; empty where there is none. Nothing in it is expanded."""
    start = text.find(f"<{name}>")
    if start >= 0:
        end = text.find(f"</{name}>", start)
        inside = text[start + len(name) + 2 : end if end >= 0 else None]
        return html.unescape(re.sub(r"<[^<>]*>", "", inside)).strip()
    start = text.find(f'{name}="')
    end = text.find('"', start + len(name) + 2)
    return html.unescape(text[start + len(name) + 2 : end]).strip() if 0 <= start < end else ""
