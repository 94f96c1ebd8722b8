"""ComfyUI's graphs as files hold them: workflows of its page, subgraphs, labels, and what would break a reader."""

import copy
import json
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

from studio.errors import Unreadable
from studio.metadata import readers
from studio.recipe import Recipe
from tests.metadata.graphs import WHOLE, WORKFLOW, Graph, changed, flux, graph, node, read


def test_a_workflow_of_the_page_is_read_with_its_bypassed_and_muted_nodes():
    for given in (WORKFLOW, {"workflow": WORKFLOW}, {"workflow": json.dumps(WORKFLOW)}):
        found = read(given)
        assert (found.values, found.left) == (WHOLE, ())
    active = copy.deepcopy(WORKFLOW)
    active["nodes"][1]["mode"] = 0
    assert [lora.name for lora in read(active).values["loras"]] == ["off"]


def test_a_subgraph_is_unfolded_and_named_links_are_followed():
    inner = {
        "id": "abc",
        "inputs": [{"name": "clip", "type": "CLIP"}],
        "outputs": [{"name": "words", "type": "CONDITIONING"}],
        "nodes": [{"id": 1, "type": "CLIPTextEncode", "inputs": [{"name": "clip", "link": 1}, {"name": "text", "widget": {"name": "text"}}], "outputs": [{}], "widgets_values": ["a fox, woods"]}],
        "links": [{"id": 1, "origin_id": -10, "origin_slot": 0, "target_id": 1, "target_slot": 0}, {"id": 2, "origin_id": 1, "origin_slot": 0, "target_id": -20, "target_slot": 0}],
    }  # fmt: skip
    made = copy.deepcopy(WORKFLOW) | {"definitions": {"subgraphs": [inner]}}
    made["nodes"][3] = {"id": 6, "type": "abc", "inputs": [{"name": "clip", "link": 3}], "outputs": [{"name": "words"}]}
    made["nodes"].append({"id": 30, "type": "SetNode", "inputs": [{"name": "*", "link": 20}], "widgets_values": ["m"]})
    made["nodes"].append({"id": 31, "type": "GetNode", "outputs": [{}], "widgets_values": ["m"]})
    made["links"][3] = [4, 31, 0, 3, 0, "MODEL"]
    made["links"].append([20, 4, 0, 30, 0, "MODEL"])
    assert read(made).values == WHOLE


def test_not_a_number_in_the_json_is_nothing():
    text = json.dumps(graph()).replace('"seed": 99', '"seed": 99, "is_changed": [NaN]').replace("5.5", "NaN")
    found = readers.of_text(text)
    assert (found.values["seed"], "guidance_scale" in found.values) == (99, False)


@pytest.mark.parametrize("label", ["prompt:", "Prompt: ", "workflow:"])
def test_webp_and_jpeg_hold_the_graph_behind_a_label(tmp_path: Path, label: str):
    for ending in ("webp", "jpg"):
        block = Image.Exif()
        block[0x010F] = "workflow:{}"
        block[0x0110] = label + json.dumps(WORKFLOW if "work" in label else graph())
        Image.new("RGB", (64, 64)).save(tmp_path / f"a.{ending}", exif=block)
        assert readers.of_file(tmp_path / f"a.{ending}").values == WHOLE


def loops() -> list[Graph]:
    ring = changed({"positive": ["30", 0]}, n30=node("Reroute", x=["31", 0]), n31=node("Reroute", x=["30", 0]))
    words = graph(n30=node("StringConcatenate", string_a=["30", 0], string_b="x"))
    words["6"]["inputs"]["text"] = ["30", 0]
    own = changed(
        {"latent_image": ["3", 0], "model": ["3", 0], "positive": ["3", 0], "seed": ["3", 0], "steps": ["3", 0]}
    )
    pipes = changed({"basic_pipe": ["30", 0], "model": None}, n30=node("Pipe", basic_pipe=["30", 0], model=["30", 0]))
    wide = graph(
        **{
            f"n{k}": node("StringConcatenate", string_a=[str(k + 1), 0], string_b=[str(k + 1), 0])
            for k in range(100, 300)
        }
    )
    wide["6"]["inputs"]["text"] = ["100", 0]
    many = graph(
        **{f"n{k}": node("ConditioningCombine", a=[str(k + 1), 0], b=[str(k + 1), 0]) for k in range(100, 300)}
    )
    many["3"]["inputs"]["positive"] = ["100", 0]
    stack = changed(
        {"model": ["30", 0]},
        n30=node("Stack", lora_stack=["31", 0], model=["30", 0]),
        n31=node("S", lora_stack=["31", 0]),
    )
    return [ring, words, own, pipes, wide, many, stack]


@pytest.mark.parametrize("given", loops(), ids=range(7))
def test_a_graph_that_leads_back_to_itself_ends(given: Graph):
    Recipe.make(**read(given).values)


HOSTILE = [None, [], {}, "x", -1, True, [["a"]], ["3", 0], ["3", 99], ["3", True], [3, 0], {"lora": 3}, 1e308, 10**30]


@pytest.mark.parametrize("turn", [3, pytest.param(1, marks=pytest.mark.soak)], ids=["in turns", "all"])
@pytest.mark.parametrize("base", [graph(), flux()], ids=["usual", "flux"])
def test_inputs_of_any_kind_break_nothing(base: Graph, turn: int):
    for shift, (key, one) in enumerate(base.items()):
        for number, name in enumerate([*one["inputs"], "basic_pipe", "lora_1", "lora_name_1", "loras", "width"]):
            for value in HOSTILE[(shift + number) % turn :: turn]:
                made = copy.deepcopy(base)
                made[key]["inputs"][name] = value
                with suppress(Unreadable):
                    Recipe.make(**read(made).values)


@pytest.mark.parametrize("place", range(len(WORKFLOW["nodes"])))
def test_workflows_of_any_kind_break_nothing(place: int):
    for name in ("id", "type", "inputs", "outputs", "widgets_values", "mode"):
        for value in [*HOSTILE, [{}], [{"name": 3, "link": [1]}], [{"widget": {"name": 5}}]]:
            made = copy.deepcopy(WORKFLOW)
            made["nodes"][place][name] = value
            with suppress(Unreadable):
                Recipe.make(**read(made).values)
