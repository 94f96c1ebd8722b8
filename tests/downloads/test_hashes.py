"""What the file of a picture says of the weights that it was made with."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from PIL import Image

from studio.downloads.hashes import Weights
from studio.gate.identity import COMMAND_LINE
from studio.metadata import own
from studio.recipe import Recipe
from studio.settings import ASSETS, Settings
from studio.studio import Studio
from tests.drawer import Drawer

STARTER = ASSETS / "starter"
LORA = next(iter(sorted((STARTER / "loras").glob("*.safetensors"))))
EMBEDDING = next(iter(sorted((STARTER / "embeddings").glob("*.safetensors"))))
UPSCALER = ASSETS / "upscalers" / "starter-4x.safetensors"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with Studio(Settings(home=tmp_path_factory.mktemp("home")), backend=Drawer(), durable=False) as studio:
        yield studio


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def resolved(studio: Studio, **values: object) -> Recipe:
    (recipe,) = studio.resolve(Recipe.make(**{"prompt": "a house", "model": "starter", "seed": 1, **values}))
    return recipe


def test_every_adapter_is_named_with_the_hash_of_its_file(studio: Studio):
    picture = studio.inputs.add(Image.new("RGB", (128, 128), "teal"), "controls")
    recipe = resolved(
        studio,
        prompt=f"a house, {EMBEDDING.stem}",
        loras=[{"name": LORA.stem}],
        controls=[{"kind": "canny", "image": picture.id}],
        hires_scale=1.5,
        hires_upscaler=UPSCALER.stem,
    )
    found = {(one.kind, one.name): one for one in studio.hashes.of(recipe)}
    assert set(found) == {
        ("model", "starter"),
        ("lora", LORA.stem),
        ("embedding", EMBEDDING.stem),
        ("controlnet", "starter-canny"),
        ("upscaler", UPSCALER.stem),
    }
    for kind, path in (("lora", LORA), ("embedding", EMBEDDING), ("upscaler", UPSCALER)):
        one = found[kind, path.stem]
        assert (one.sha256, one.file, one.autov2) == (digest(path), path.name, digest(path)[:10])
    assert found["lora", LORA.stem].tensors != found["lora", LORA.stem].sha256
    assert (found["model", "starter"].file, found["model", "starter"].autov2) == ("", "")


def test_what_is_enlarged_only_names_its_upscaler_alone(studio: Studio):
    picture = studio.inputs.add(Image.new("RGB", (64, 64), "teal"))
    recipe = resolved(studio, prompt="", init_image=picture.id, upscaler=UPSCALER.stem, upscale=2)
    assert [(one.kind, one.name) for one in studio.hashes.of(recipe)] == [("upscaler", UPSCALER.stem)]


def test_a_stored_picture_says_its_weights(studio: Studio):
    job = studio.submit(resolved(studio), COMMAND_LINE)
    list(job.follow())
    made = own.read_made(job.results[0].path)
    assert Weights.of(made.facts["weights"]) == studio.hashes.of(made.recipe)


def test_what_a_file_says_of_weights_is_read_whatever_it_is():
    good = {"kind": "model", "name": "a", "sha256": "0" * 64}
    assert Weights.of([good, {"kind": 1}, {"more": "x"}, 7, None]) == (Weights("model", "a", "0" * 64),)
    assert Weights.of({"kind": "model"}) == Weights.of(None) == ()
