"""The embedded model's family: members are trained, stored and loaded by stock classes; their data are right."""

import json
import random
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from diffusers import ControlNetModel

from starter_factory import base, comparing, controlnets, editing, measures, probe, publish, stages
from starter_factory.__main__ import STORED
from starter_factory.art import ArtError
from starter_factory.captions import EVERYTHING, describe, known_words, vocabulary, word_groups, words_of
from starter_factory.cards import write_figures
from starter_factory.control_member import OPEN, at_the_edge
from starter_factory.controlnets import EAGERNESS, HINT_CHANNELS, LAYOUT_UNSAID, build_controlnet, make_plain
from starter_factory.draw import SIDE, draw
from starter_factory.family import MEMBERS, loras, safety_checker, upscaler
from starter_factory.family.base import begin, weights_of
from starter_factory.family.depth_estimator import build_depth_estimator
from starter_factory.family.pose_estimator import build_pose_estimator
from starter_factory.posing import people, person_scene
from starter_factory.probe import Probe
from starter_factory.sampling import FIXED_PROMPTS
from starter_factory.scene import drawn_scene, held_out_scene, is_held_out, random_scene, training_scene
from starter_factory.scoring import Scorer
from starter_factory.sitting import Sitting, full_caption, variation
from starter_factory.stages import LANES, STAGES, MissingError
from starter_factory.store import Stored
from starter_factory.training import Session, samples_of
from starter_factory.twins import twins
from studio.catalogue.vocabulary import Vocabulary
from studio.openpose import JOINTS

# Of all, what is trained in the suite; the rest takes the same way.
QUICK = ("canny",)
# What is not trained anew by its family: other tests do.
BASE = ("text_to_image", "probe", "decoder")


@pytest.fixture(scope="module")
def grown(stored, tmp_path_factory) -> Stored:
    """The model before any training, to store a family beside it."""
    return Stored(Path(shutil.copytree(stored.folder, tmp_path_factory.mktemp("grown") / "starter")))


@pytest.fixture(autouse=True)
def small_batches(monkeypatch) -> None:
    for name in MEMBERS:
        module = __import__(f"starter_factory.family.{name}", fromlist=["MEMBER"])
        if hasattr(module, "BATCH"):
            monkeypatch.setattr(module, "BATCH", 2)
    monkeypatch.setattr("starter_factory.control_member.BATCH", 2)
    monkeypatch.setattr(loras, "NOISES", 1)
    monkeypatch.setattr(base, "BATCH", 4)
    monkeypatch.setattr(base, "CAPTIONS", 1)
    monkeypatch.setattr(controlnets, "CAPTIONS", 1)
    monkeypatch.setattr(controlnets, "HINT_CHANNELS", (4, 4, 4, 4))


def session(work: Path, steps: int = 1) -> Session:
    return Session(work, torch.device("cpu"), steps=steps, shrink=2)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in QUICK else pytest.mark.soak)
        for lane in LANES.values()
        for name in lane
        if name not in BASE
    ],
)
def test_a_member_is_trained_goes_on_and_is_stored_as_stock_files(name, grown, tmp_path):
    member = MEMBERS[name]
    if name == "safety_checker":
        stages.train("scorer", session(tmp_path), grown)
        stages.store("scorer", session(tmp_path), grown)
    first = stages.train(name, session(tmp_path), grown)
    again = stages.train(name, session(tmp_path, 2), grown)
    assert (first.step, again.step) == (1, 2)
    assert again.samples == 2 * first.samples
    stages.store(name, session(tmp_path), grown)
    assert member.missing(grown.folder) == []
    assert member.load(grown.folder) is not None
    assert json.loads((grown.folder / "training" / f"{name}.json").read_text("utf-8"))["steps"] >= 2
    assert not [path for path in grown.folder.rglob("config.json") if str(tmp_path.parent) in path.read_text("utf-8")]


def test_training_that_goes_on_from_stored_weights_counts_what_they_had_taken_and_meets_new_samples(grown, tmp_path):
    took = []
    for work in (tmp_path / "first", tmp_path / "second"):
        stages.train("scorer", session(work), grown)
        stages.store("scorer", session(work), grown)
        took.append(json.loads((grown.folder / "training" / "scorer.json").read_text("utf-8")))
        assert samples_of("scorer", session(work)) == took[-1]["samples"]
    assert took[1]["samples"] == 2 * took[0]["samples"]
    (grown.folder / MEMBERS["scorer"].files[0]).unlink()
    stages.train("scorer", session(tmp_path / "third"), grown)
    assert samples_of("scorer", session(tmp_path / "third")) == took[0]["samples"]


def test_a_stored_controlnet_adds_more_than_it_learned_and_learning_goes_on_from_what_was_learned(
    grown, tmp_path, monkeypatch
):
    def fill(name, network, work):
        assert (name, work) == ("canny", tmp_path)
        with torch.no_grad():
            for part in network.parameters():
                part.fill_(0.5)

    monkeypatch.setattr("starter_factory.control_member.load_average", fill)
    member, learned = MEMBERS["canny"], 0.5 * EAGERNESS
    member.store(session(tmp_path), grown)
    stored = member.load(grown.folder)
    assert member.strength > 1
    assert torch.allclose(stored.controlnet_mid_block.weight, torch.tensor(member.strength * learned), rtol=1e-3)
    assert torch.equal(stored.conv_in.weight, torch.full_like(stored.conv_in.weight, 0.5))
    begun = member._begun(grown, grown.unet())
    make_plain(begun)
    assert torch.allclose(begun.controlnet_mid_block.weight, torch.tensor(learned), rtol=1e-3)


def test_every_member_has_its_place_in_the_order_and_says_what_it_stands_on(tmp_path):
    named = [name for lane in LANES.values() for name in lane]
    assert sorted(named) == sorted(set(MEMBERS) - {"text_to_image"})
    assert all(STAGES[name].minutes > 0 for name in named)
    assert 5 * 60 < sum(STAGES[name].minutes for name in named) < 7 * 60
    with pytest.raises(MissingError, match=r"canny stands on vae, text_encoder, tokenizer, unet"):
        stages.train("canny", session(tmp_path), Stored(tmp_path))


def test_a_chain_trains_and_stores_each_in_turn_and_leaves_what_is_done(grown, tmp_path, capsys):
    names = ("scorer", "safety_checker")
    for _ in range(2):
        stages.chain(names, session(tmp_path), grown)
    assert capsys.readouterr().out.splitlines() == ["scorer is stored", "safety_checker is stored"]
    assert all(not MEMBERS[name].missing(grown.folder) for name in names)
    model, processor = MEMBERS["scorer"].load(grown.folder)
    cosines = Scorer(model, processor)([draw(training_scene(0)).image], ["a cat", "a house by the sea"])
    assert cosines.shape == (1, 2)
    checker, extractor = MEMBERS["safety_checker"].load(grown.folder)
    assert checker.concept_embeds_weights.tolist().count(safety_checker.UNREACHABLE) == 16
    assert len(safety_checker.flags(checker, extractor, [draw(training_scene(0)).image])) == 1


def test_every_part_of_a_controlnet_that_is_built_begins_with_what_is_stored_of_it(monkeypatch):
    monkeypatch.setattr(controlnets, "HINT_CHANNELS", HINT_CHANNELS)  # the true ones, as imported
    network = build_controlnet(base.build_unet())
    known = weights_of(MEMBERS["canny"].files[0], STORED)
    assert begin(network, known) == set(network.state_dict()) == set(known)


@pytest.mark.parametrize("name", ["depth_estimator", "pose_estimator"])
def test_an_estimator_begins_with_all_that_is_stored_of_it(name):
    network = {"depth_estimator": build_depth_estimator, "pose_estimator": build_pose_estimator}[name]()
    assert begin(network, MEMBERS[name].known(STORED)) == set(network.state_dict())


def test_maps_hardly_ever_meet_a_caption_that_names_their_layout():
    scenes = [training_scene(seed) for seed in range(160)]
    learned = [describe(scene, random.Random(n), LAYOUT_UNSAID) for n, scene in enumerate(scenes)]
    asked = [describe(scene, random.Random(n), OPEN) for n, scene in enumerate(scenes)]
    full = [full_caption(scene) for scene in scenes]

    def telling(captions):
        said = [
            caption.relation in ("left of", "right of") or any(m.position for m in caption.mentions)
            for caption in captions
        ]
        return float(np.mean(said))

    assert telling(asked) == 0
    assert telling(learned) < 0.15
    assert telling(full) > 0.75


def test_a_full_caption_says_all_that_can_be_said():
    for seed in range(80):
        scene = training_scene(seed)
        caption = full_caption(scene)
        assert caption == full_caption(scene)
        assert (caption.place, caption.style) == (scene.place, scene.style)
        colours = [mention.colour for mention in caption.mentions]
        assert sorted(filter(None, colours)) == sorted(subject.colour for subject in scene.subjects if subject.colour)


def test_who_stands_at_the_edge_for_a_map_of_poses_is_a_person():
    pose = MEMBERS["pose"]
    for seed in range(60):
        edge = at_the_edge(pose.shown_by_map(pose.scene_of(seed)), seed)
        assert len(people(edge, 256, 256)) == 1


def test_a_lone_thing_stands_at_the_edge():
    for seed in range(40):
        scene = at_the_edge(training_scene(seed), seed)
        assert len(scene.subjects) <= 1
        assert all(subject.position in ("left", "right") for subject in scene.subjects)


def test_a_variation_shows_what_the_caption_says_and_nothing_else_of_the_scene():
    scene = next(scene for scene in map(training_scene, range(99)) if scene.subjects)
    other = variation(scene, 1)
    assert other != scene
    assert other == variation(scene, 1) != variation(scene, 2)
    assert full_caption(replace(other, seed=scene.seed)) == full_caption(scene)


def test_scenes_of_people_show_one_person_within_the_picture():
    whole = 0
    for seed in range(60):
        scene = person_scene(seed)
        assert not is_held_out(scene)
        (person,) = people(scene, SIDE, SIDE)
        whole += len(person) == len(JOINTS)
        if {"right_shoulder", "left_shoulder"} <= person.keys():
            assert person["right_shoulder"][0] < person["left_shoulder"][0]
    assert whole > 45


def test_scenes_of_our_own_drawings_need_no_art(monkeypatch):
    def missing(*_):
        raise ArtError

    monkeypatch.setattr("starter_factory.sprites.sprite", missing)
    monkeypatch.setattr("starter_factory.draw.sprite", missing)
    monkeypatch.setattr("starter_factory.captions.sprite", missing)
    for seed in range(30):
        for scene in (drawn_scene(seed), person_scene(seed, "illustration")):
            assert draw(scene, 64, 64).image.shape == (64, 64, 3)
            assert full_caption(scene).text


def test_twins_differ_in_the_one_fact_that_they_are_named_by():
    rng, seen = random.Random(0), Counter()
    for seed in range(500):
        scene = training_scene(seed)
        for fact, other in twins(scene, rng).items():
            seen[fact] += 1
            one, two = full_caption(scene), full_caption(replace(other, seed=scene.seed))
            settings = {name for name in ("place", "style", "ground") if getattr(one, name) != getattr(two, name)}
            assert settings == {fact} & {"place", "style", "ground"}, fact
            if fact in ("object", "count", "colour", "whose colour"):
                facts = (comparing.facts_of(scene), comparing.facts_of(other))
                assert not torch.equal(*facts), fact
    assert set(seen) == set(comparing.FACT_SHARES)
    assert min(seen[fact] for fact in ("position", "whose colour")) >= 10


def test_judges_learn_from_renders_as_large_as_what_they_judge(grown):
    scene = random_scene(random.Random(probe.FIRST_SEED + 5))
    seen = probe.labelled_render(5)
    assert np.array_equal(seen["images"].numpy(), probe.as_seen(draw(scene).image))
    assert torch.equal(seen["things"], probe.targets(scene, draw(scene))["things"])
    size = (comparing.KEPT_SIDE, comparing.KEPT_SIDE)
    pair = comparing.Twins(grown.tokenizer())(5)
    own = draw(training_scene(comparing.FIRST_SEED + 5)).image
    assert np.array_equal(pair["images"][0].numpy(), cv2.resize(own, size, interpolation=cv2.INTER_AREA))


def test_a_thing_that_moved_has_another_place_in_the_words():
    rng = random.Random(0)
    pairs = [(scene, twins(scene, rng).get("position")) for scene in map(training_scene, range(120))]
    moved = [(scene, other) for scene, other in pairs if other is not None]
    assert len(moved) > 20
    for scene, other in moved:
        assert [each.position for each in scene.subjects] != [each.position for each in other.subjects]


def test_a_mascot_wears_its_hat_and_nothing_else_changes():
    scene = loras.scene_for("top-hat-cat", 5)
    plain, hat = draw(scene).image, loras.draw_look(scene, "top-hat-cat")
    assert loras.hatted([hat], [scene]) == 100
    assert loras.hatted([plain], [scene]) == 0
    assert (np.abs(hat.astype(int) - plain).max(axis=2) > 40).mean() < 0.4


@pytest.mark.parametrize("look", loras.LOOKS)
def test_a_look_changes_the_picture(look):
    scene = loras.scene_for(look, 3)
    assert np.abs(loras.draw_look(scene, look).astype(int) - draw(scene).image).mean() > 4


def test_what_is_enlarged_is_drawn_no_larger_than_its_art():
    for seed in range(60):
        for subject in upscaler.crisp(training_scene(seed)).subjects:
            assert subject.art == "drawn" or max(spot.tall for spot in subject.spots) <= upscaler.TALLEST


def test_castles_are_met_more_often_than_by_chance_and_named():
    flagged = [float(safety_checker.sight(number)["flagged"]) for number in range(24)]
    assert 0.15 < np.mean(flagged) < 0.7


def test_a_bound_pair_needs_both_things_in_their_colours():
    scene = next(
        s for s in map(held_out_scene, range(999)) if len(s.subjects) == 2 and all(x.colour for x in s.subjects)
    )
    caption = describe(scene, random.Random(0), EVERYTHING)
    seen = [probe.Seen(mention.thing, mention.count, mention.colour, 0.5) for mention in caption.mentions]
    sight = probe.Sight(scene.place, scene.time, scene.style, scene.ground or "white", tuple(seen))
    assert dict(measures.verdicts(caption, sight))[measures.BOUND]
    assert not dict(measures.verdicts(caption, replace(sight, things=tuple(seen[:1]))))[measures.BOUND]


def test_the_fixed_prompts_are_captions_of_known_words():
    assert len(FIXED_PROMPTS) == 64
    assert {word for prompt in FIXED_PROMPTS for word in words_of(prompt)} <= set(known_words())


def test_words_of_things_to_come_are_no_words_that_it_knows():
    assert set(known_words()) < set(vocabulary())
    assert "camel" not in known_words()
    assert {word for group in word_groups().values() for name in group for word in words_of(name)} <= set(known_words())


def test_a_mask_covers_the_thing_and_leaves_most_of_the_picture():
    scene, recoloured, exchanged = editing._pair(7)
    mask, shown = editing.mask_of(scene), draw(scene).labels > 0
    assert (mask[shown] == 255).all()
    assert (mask == 0).mean() > 0.2
    assert [each.subjects[0].spots for each in (recoloured, exchanged)] == [scene.subjects[0].spots] * 2


@pytest.mark.soak
def test_every_figure_of_pictures_has_a_row_or_column_that_can_fail(grown):
    grown.put_probe(Probe())
    sitting = Sitting(grown.folder, 2)
    table = MEMBERS["text_to_image"].measure(sitting)
    assert {"generated", "held-out pairs", "wrong captions", "untrained"} <= set(table["place, %"])
    assert "the decoder" in table["20 steps, seconds of a processor core"]
    assert "changed" in table["inpainting, change outside of the mask, levels"]
    assert "as they were" in table["inpainting, another thing, %"]
    assert set(MEMBERS["probe"].measure(sitting)["place, %"]) == {"fresh renders", "untrained"}
    assert "renders, untrained decoder" in MEMBERS["decoder"].measure(sitting)


def test_a_stored_controlnet_is_the_stock_class_and_silent_before_training(grown):
    network = build_controlnet(grown.unet())
    assert type(network) is ControlNetModel
    with torch.no_grad():
        below, middle = network(
            torch.randn(1, 4, 16, 16), 500, torch.zeros(1, 77, 160), torch.rand(1, 3, 128, 128), return_dict=False
        )
    assert not any(part.any() for part in (*below, middle))


def test_the_probe_is_shown_every_picture_at_the_width_that_it_learned(grown, monkeypatch):
    shown = []
    grown.put_probe(Probe())
    levels = Probe._levels
    monkeypatch.setattr(Probe, "_levels", lambda self, images: shown.append(images.shape[-1]) or levels(self, images))
    sitting, pictures = Sitting(grown.folder, 2), [draw(training_scene(seed)).image for seed in range(2)]
    sitting.sights(pictures)
    sitting.features(pictures)
    assert shown == [probe.VIEW] * 4


CARDS = sorted((*STORED.rglob("*.md"), *(STORED.parent / publish.UPSCALERS).glob("*.md")))


def test_every_members_figures_and_training_have_a_place_in_a_card(tmp_path):
    pages = [Path(shutil.copy(card, tmp_path / f"{number}.md")) for number, card in enumerate(CARDS)]
    for name in MEMBERS:
        assert write_figures(pages, name, {"a row": {"a figure": 1.5}}, 2), name
    told = {name for page in pages for name in publish.TOLD.findall(page.read_text("utf-8"))}
    assert told == {name for lane in LANES.values() for name in lane} - {"decoder"} | {"all"}


def test_a_published_folder_says_what_it_knows_and_what_its_training_took(grown, tmp_path):
    folder = tmp_path / "assets" / "starter"
    shutil.copytree(grown.folder, folder)
    with pytest.raises(MissingError, match="is not stored yet"):
        publish.publish(Stored(tmp_path / "nothing"), pictures=False)
    for path in (folder / name for member in MEMBERS.values() for name in member.files):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    shutil.copy(STORED / "controlnets" / "canny" / "README.md", folder / "controlnets" / "canny")
    (folder / "training").mkdir(exist_ok=True)
    (folder / "training" / "canny.json").write_text('{"steps": 1200, "samples": 9600, "minutes": 35.2}', "utf-8")
    publish.publish(Stored(folder), pictures=False)
    known = Vocabulary.read(folder / "vocabulary.json")
    assert known.unknown("two red houses in front of a castle, pixel art") == ()
    assert known.unknown("a camel") == ("camel",)
    assert "1,200 steps" in (folder / "controlnets" / "canny" / "README.md").read_text("utf-8")
    assert cv2.imread(str(folder / "words.webp")).shape[1] == 13 * 64
