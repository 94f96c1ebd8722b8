"""The words of ComfyUI's graphs: put together where that is plain, and said where they cannot be told."""

from typing import Any

import pytest

from tests.metadata.graphs import WHOLE, changed, graph, node, read


@pytest.mark.parametrize(
    ("nodes", "prompt"),
    [
        ({"n30": node("StringConcatenate", string_a="a fox", string_b="woods", delimiter=", ")}, "a fox, woods"),
        ({"n30": node("Text Concatenate", delimiter="\\n", text_a="a fox", text_b=["31", 0]), "n31": node("String Literal", string="woods")}, "a fox\nwoods"),
        ({"n30": node("JoinStrings", string2="woods", string1=["31", 0], delimiter=" "), "n31": node("PrimitiveStringMultiline", value="a fox")}, "a fox woods"),
        ({"n30": node("StringFunction|pysssss", action="append", tidy_tags="yes", text_a="a fox", text_b="woods", text_c="")}, "a fox, woods"),
        ({"n30": node("ShowText|pysssss", text=["31", 0]), "n31": node("CR Text", text="a fox")}, "a fox"),
        ({"n30": node("ImpactWildcardProcessor", wildcard_text="a __animal__", populated_text="a fox", mode="populate")}, "a fox"),
        ({"n30": node("CR Text Input Switch", Input=2, text1="a cat", text2="a fox")}, "a fox"),
        ({"n30": node("ImpactSwitch", select=1, input1=["31", 0], input2=["32", 0]), "n31": node("CR Text", text="a fox"), "n32": node("CR Text", text="a cat")}, "a fox"),
        ({"n30": node("Any Switch (rgthree)", any_02=["32", 0], any_01=["31", 0]), "n31": node("CR Text", text="a fox"), "n32": node("CR Text", text="a cat")}, "a fox"),
        ({"n30": node("Switch", switch=False, on_true=["32", 0], on_false=["31", 0]), "n31": node("CR Text", text="a fox"), "n32": node("CR Text", text="a cat")}, "a fox"),
        ({"n30": node("easy positive", positive="a fox")}, "a fox"),
        ({"n30": node("Reroute", x=["31", 0]), "n31": node("CR Text", text="a fox")}, "a fox"),
    ],
    ids=range(12),
)  # fmt: skip
def test_a_text_is_put_together_where_that_is_plain(nodes: dict[str, Any], prompt: str):
    made = graph(**nodes)
    made["6"]["inputs"]["text"] = ["30", 0]
    found = read(made)
    assert (found.values["prompt"], found.left) == (prompt, ())


@pytest.mark.parametrize(
    "maker",
    [
        node("WD14Tagger|pysssss", image=["5", 0]),
        node("SDXLPromptStyler", text_positive="a fox", text_negative="b", style="x"),
        node("StringReplace", string="a cat", find="cat", replace="fox"),
        node("OllamaGenerate", prompt="say a fox"),
        node("StringConcatenate", string_a=["31", 0], string_b="woods"),
    ],
    ids=lambda one: one["class_type"],
)
def test_a_prompt_that_cannot_be_told_is_left_out_and_said(maker: dict[str, Any]):
    made = graph(n30=maker, n31=node("Unknown", x=1, y=2))
    made["6"]["inputs"]["text"] = ["30", 0]
    found = read(made)
    assert "prompt" not in found.values
    assert f"The prompt is made by nodes that are not read: {maker['class_type']}" in found.left


def test_words_behind_one_another_are_breaks_and_those_beside_are_said():
    night = node("CLIPTextEncode", text="at night", clip=["4", 1])
    behind = node("ConditioningConcat", conditioning_to=["6", 0], conditioning_from=["61", 0])
    found = read(changed({"positive": ["60", 0]}, n60=behind, n61=night))
    assert (found.values["prompt"], found.left) == ("a fox, woods BREAK at night", ())
    area = node("ConditioningSetArea", width=64, height=64, conditioning=["61", 0])
    beside = node("ConditioningCombine", conditioning_1=["62", 0], conditioning_2=["6", 0])
    found = read(changed({"positive": ["60", 0]}, n60=beside, n61=night, n62=area))
    assert found.values["prompt"] == "a fox, woods"
    assert found.left == ("Another positive prompt, for a part of the picture: at night",)


def test_texts_for_several_encoders_are_one_where_they_are_the_same():
    made = graph()
    made["6"] = node("CLIPTextEncodeSDXL", text_g="a fox, woods", text_l="a fox, woods", width=1024, height=1024)
    assert (read(made).values, read(made).left) == (WHOLE, ())
    made["6"]["inputs"]["text_l"] = "ink"
    assert read(made).left == ("Another positive prompt: ink",)
    made["6"] = node("CLIPTextEncodeFlux", clip_l="", t5xxl="a fox, woods", guidance=3.5)
    assert (read(made).values["guidance_scale"], read(made).left) == (3.5, ())


def test_no_negative_words_are_an_empty_prompt():
    found = read(changed({"negative": ["40", 0]}, n40=node("ConditioningZeroOut", conditioning=["6", 0])))
    assert found.values["negative_prompt"] == ""
