"""What a denoiser has to tell of its noise while it learns: what is where, and in what colour."""

import torch
from torch.nn.functional import one_hot

from starter_factory.draw import draw
from starter_factory.scene import Scene, Spot, Subject
from starter_factory.semantics import COLOURS, KINDS, semantic_map, telling_loss

HOUSE = Subject("house", (Spot(0.25, 0.9, 0.5),), "large", "drawn", "red")
SCENE = Scene("beach", "day", "illustration", (HOUSE,), seed=1)


def test_a_map_has_the_kind_and_the_colour_of_each_place():
    kinds, colours = semantic_map(SCENE, draw(SCENE).labels, 24, 24)
    house, beach = KINDS.index("house"), KINDS.index("beach")
    assert set(kinds.unique().tolist()) == {house, beach}
    assert {COLOURS[number] for number in colours[kinds == house].tolist()} == {"red"}
    assert {COLOURS[number] for number in colours[kinds == beach].tolist()} == {None}
    assert (kinds[:, 16:] == beach).all(), "the house is on the left"


def test_what_is_told_wrongly_costs_more_and_most_where_things_are():
    known = semantic_map(SCENE, draw(SCENE).labels, 24, 24)[None]
    right = 9.0 * torch.cat(
        [one_hot(known[:, 0].long(), len(KINDS)), one_hot(known[:, 1].long(), len(COLOURS))], dim=3
    ).permute(0, 3, 1, 2)
    is_house = known[:, 0] == KINDS.index("house")
    shown = is_house.float().repeat_interleave(2, 1).repeat_interleave(2, 2)
    at_house, around = (torch.where(where[:, None], -right, right) for where in (is_house, ~is_house))
    assert telling_loss(right, known, shown) < 0.1
    assert telling_loss(at_house, known, shown) > 1
    as_much = is_house.float().mean() / (~is_house).float().mean()
    assert telling_loss(at_house, known, shown) > as_much * telling_loss(around, known, shown)
