"""ComfyUI: the graph that its queue got, or the workflow of its page."""

from collections.abc import Iterator
from typing import Any

from studio.metadata import foreign_json
from studio.metadata.comfyui import graph, reading, workflow
from studio.metadata.file_texts import FileTexts
from studio.metadata.imported import ImportedSettings
from studio.metadata.readers.base import Reader


def read(texts: FileTexts) -> ImportedSettings | None:
    """The settings of the first graph with a sampler: that of the queue says more than the page's."""
    objects = sorted(texts.objects.items(), key=lambda pair: pair[0] not in ("prompt", "text"))
    for _, given in objects:
        for one in _graphs(given):
            if found := reading.read(one, texts.size):
                return found
    return None


def _graphs(given: dict[str, Any]) -> Iterator[graph.Graph]:
    for read_graph, inner in ((graph.read, "prompt"), (workflow.read, "workflow")):
        for value in (given, given.get(inner)):
            as_mapping = foreign_json.mapping(value) if isinstance(value, str) else value
            if found := read_graph(as_mapping):
                yield found


READER = Reader("ComfyUI", read, rank=80)
