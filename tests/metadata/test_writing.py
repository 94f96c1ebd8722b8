"""Pictures as they are written: each format with all that makes them again, or with nothing of it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from c2pa import Reader
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image
from sd_parsers import ParserManager

from studio.errors import InvalidRequest, InvalidSetting
from studio.library import Library
from studio.metadata import own, provenance, readers, writing
from studio.metadata.file_texts import texts_of
from studio.metadata.writing import Format, Writing, writing_of
from studio.recipe import Recipe
from studio.settings import Settings
from tests.drawer import picture, resolved

FORMATS: tuple[Format, ...] = ("png", "webp", "jpeg")
FACTS = {"device": "pencil", "weights": [{"kind": "model", "name": "starter", "sha256": "ab" * 32}]}
PROMPT = 'ein Löwe, 家 & "dog" <b>, several\nlines, 🏠'


def written(folder: Path, recipe: Recipe, how: Writing, facts: dict[str, Any] = FACTS) -> Path:
    path = folder / f"a{how.ending}"
    writing.write(picture(recipe), recipe, facts, path, how)
    return path


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_holds_the_whole_recipe_and_how_it_was_made(tmp_path: Path, form: Format):
    recipe = resolved(PROMPT).replace(negative_prompt="blurry", guidance_scale=0.1 + 0.2)
    path = written(tmp_path, recipe, Writing(form))
    made = own.read_made(path)
    assert (made.recipe, made.facts) == (recipe, FACTS)
    assert own.read_facts(path) == {"device": "pencil"}
    assert readers.of_file(path).values == recipe.model_dump(exclude_defaults=True)
    with Image.open(path) as image:
        apart = np.asarray(image.convert("RGB")).astype(int) - np.asarray(picture(recipe))
    assert bool(np.abs(apart).max() == 0) is (form != "jpeg")


@pytest.mark.parametrize("form", FORMATS)
def test_other_tools_read_the_settings_of_every_format(tmp_path: Path, form: Format):
    recipe = resolved("a red house, 家").replace(negative_prompt="blurry", scheduler="DPM++ 2M Karras")
    read = ParserManager().parse(written(tmp_path, recipe, Writing(form)))
    assert read is not None
    (sampler,) = read.samplers
    assert (sampler.name, sampler.parameters["seed"]) == ("DPM++ 2M Karras", "1")
    assert [one.value for one in (*sampler.prompts, *sampler.negative_prompts)] == ["a red house, 家", "blurry"]


@pytest.mark.parametrize("form", FORMATS)
def test_a_picture_to_publish_says_nothing_of_how_it_was_made(tmp_path: Path, form: Format):
    recipe = resolved("a secret house").replace(negative_prompt="a secret dog")
    image = picture(recipe)
    image.info |= {"exif": b"Exif\0\0secret", "xmp": b"secret", "comment": b"secret", "parameters": "secret"}
    path = tmp_path / "a.x"
    with path.open("wb") as file:
        writing.write(image, recipe, FACTS, file, Writing(form, recipe=False))
    assert texts_of(path).texts == {}
    for word in ("secret", "starter", "Steps", "Studio", "pencil"):
        assert word.encode() not in path.read_bytes()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kept", [True, False])
def test_a_marked_picture_says_that_an_algorithm_made_it(tmp_path: Path, form: Format, kept: bool):
    for name, recipe in {
        "trainedAlgorithmicMedia": resolved("x"),
        "compositeWithTrainedAlgorithmicMedia": resolved("x").replace(init_image="0" * 64, strength=0.5),
        "algorithmicallyEnhanced": Recipe(init_image="0" * 64, upscaler="lanczos", upscale=2, model="starter", seed=1),
    }.items():
        path = written(tmp_path, recipe, Writing(form, recipe=kept, marked=True))
        assert texts_of(path).texts[provenance.PROPERTY].endswith(f"digitalsourcetype/{name}")
    assert provenance.PROPERTY not in texts_of(written(tmp_path, resolved("x"), Writing(form))).texts


def test_a_recipe_that_jpeg_has_no_room_for_is_refused_in_words(tmp_path: Path):
    recipe = resolved("x")
    with pytest.raises(InvalidRequest, match="no room"):
        written(tmp_path, recipe, Writing("jpeg"), {"notes": "x" * 70_000})
    assert own.read(written(tmp_path, recipe, Writing("webp"), {"notes": "x" * 70_000})) == recipe


def test_the_library_finds_an_image_again_in_the_format_that_it_was_stored_in(tmp_path: Path):
    recipe, facts = resolved("x"), {"device": "pencil"}
    for form in FORMATS:
        library = Library(tmp_path, how=Writing(form))
        saved = library.save(picture(recipe), recipe, facts, seconds=1.5, job=form, index=0)
        assert saved.path.suffix == writing.ENDINGS[form]
        assert Library(tmp_path).find(recipe, form, 0) == saved


Issued = Callable[[str], tuple[Path, Path]]


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A chain of certificates for signing, by an authority of our own, and the key."""
    folder = tmp_path_factory.mktemp("certificate")
    now = datetime.now(UTC)
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def name(common: str) -> x509.Name:
        return x509.Name(
            [x509.NameAttribute(NameOID.COMMON_NAME, common), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Us")]
        )

    def certificate(subject: str, public: Any, *more: tuple[Any, bool]) -> x509.Certificate:
        made = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name("Root")).public_key(public)
        made = made.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        made = made.not_valid_after(now + timedelta(days=30))
        for extension, critical in more:
            made = made.add_extension(extension, critical)
        return made.sign(root_key, hashes.SHA256())

    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    ski = x509.SubjectKeyIdentifier.from_public_key(root_key.public_key())
    root = certificate(
        "Root",
        root_key.public_key(),
        (x509.BasicConstraints(ca=True, path_length=None), True),
        (x509.KeyUsage(digital_signature=False, key_cert_sign=True, crl_sign=True, **usage), True),
        (ski, False),
    )
    leaf = certificate(
        "Creator",
        key.public_key(),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.KeyUsage(digital_signature=True, key_cert_sign=False, crl_sign=False, **usage), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ski), False),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
    )
    pem = serialization.Encoding.PEM
    (folder / "chain.pem").write_bytes(leaf.public_bytes(pem) + root.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(private)
    return folder / "chain.pem", folder / "key.pem"


@pytest.mark.parametrize("form", FORMATS)
def test_a_signed_picture_is_valid_and_still_holds_its_recipe(tmp_path: Path, issued: tuple[Path, Path], form: Format):
    chain, key = issued
    settings = Settings(home=tmp_path, provenance="strict", certificate=chain, certificate_key=key, image_format=form)
    recipe = resolved("a house")
    path = written(tmp_path, recipe, writing_of(settings))
    with Reader(f"image/{form}", BytesIO(path.read_bytes())) as reader:
        manifest = json.loads(reader.json())
        faults = [one["code"] for one in manifest.get("validation_status", [])]
    assert set(faults) <= {"signingCredential.untrusted"}  # nobody trusts our own authority
    (actions,) = (
        one for one in manifest["manifests"][manifest["active_manifest"]]["assertions"] if "actions" in one["label"]
    )
    assert actions["data"]["actions"][0]["digitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert own.read(path) == recipe
    assert texts_of(path).texts[provenance.PROPERTY].endswith("/trainedAlgorithmicMedia")


def test_signing_that_cannot_be_is_said_before_anything_is_made(tmp_path: Path, issued: tuple[Path, Path]):
    chain, key = issued
    with pytest.raises(InvalidSetting, match="nothing says what with"):
        writing_of(Settings(home=tmp_path, provenance="strict"))
    with pytest.raises(InvalidSetting, match="cannot be read"):
        writing_of(Settings(home=tmp_path, provenance="strict", certificate=chain, certificate_key=tmp_path / "no.pem"))
    with pytest.raises(InvalidSetting, match="Nothing can be signed"):
        writing_of(Settings(home=tmp_path, provenance="strict", certificate=chain, certificate_key=chain))
    (tmp_path / "broken.pem").write_text("no certificate")
    broken = {"certificate": tmp_path / "broken.pem", "certificate_key": key}
    with pytest.raises(InvalidSetting, match="Nothing can be signed"):
        writing_of(Settings(home=tmp_path, provenance="strict", **broken))
