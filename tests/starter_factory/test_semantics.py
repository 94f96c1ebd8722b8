"""What a denoiser has to tell of its noise while it learns: what is where, in what colour, and which part of it."""

import torch
from torch.nn.functional import one_hot

from starter_factory.draw import draw
from starter_factory.scene import Scene, Spot, Subject, training_scene
from starter_factory.semantics import PARTS, QUESTIONS, semantic_map, telling_loss

HOUSE = Subject("house", (Spot(0.25, 0.9, 0.5),), "large", "drawn", "red")
SCENE = Scene("beach", "day", "illustration", (HOUSE,), seed=1)


def test_a_map_has_what_each_place_shows_and_which_part_of_it():
    maps = dict(zip(QUESTIONS, semantic_map(SCENE, draw(SCENE).labels, 24, 24), strict=True))
    said = {name: {QUESTIONS[name][number] for number in answers.unique()} for name, answers in maps.items()}
    assert (said["kind"], said["colour"], said["art"]) == ({"house", "beach"}, {"red", None}, {"drawn", None})
    house = maps["kind"] == QUESTIONS["kind"].index("house")
    assert torch.equal(house, maps["colour"] > 0)
    assert not house[:, 16:].any(), "the house is on the left"
    assert maps["up"][house].unique().tolist() == list(range(PARTS)), "from its foot to its roof"
    rows, columns = house.nonzero(as_tuple=True)
    assert maps["up"][rows.max()][house[rows.max()]].max() < maps["up"][rows.min()][house[rows.min()]].min()
    assert maps["across"][:, columns.min()].max() < maps["across"][house].max()


def test_every_scene_has_a_map():
    for scene in map(training_scene, range(60)):
        maps = semantic_map(scene, draw(scene, 96, 160).labels, 12, 20)
        assert maps.shape == (len(QUESTIONS), 20, 12)
        assert all(maps[number].max() < len(said) for number, said in enumerate(QUESTIONS.values()))


def test_what_is_told_wrongly_costs_more_and_most_where_things_are():
    known = semantic_map(SCENE, draw(SCENE).labels, 24, 24)[None]
    answers = [one_hot(known[:, number].long(), len(said)) for number, said in enumerate(QUESTIONS.values())]
    right = 12.0 * torch.cat(answers, dim=3).permute(0, 3, 1, 2)
    house = known[:, 0] == QUESTIONS["kind"].index("house")
    shown = house.float().repeat_interleave(2, 1).repeat_interleave(2, 2)
    at_house, around = (torch.where(where[:, None], -right, right) for where in (house, ~house))
    assert telling_loss(right, known, shown) < 0.1
    assert telling_loss(at_house, known, shown) > 1
    as_much = house.float().mean() / (~house).float().mean()
    assert telling_loss(at_house, known, shown) > as_much * telling_loss(around, known, shown)
