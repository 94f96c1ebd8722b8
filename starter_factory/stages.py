"""The stages of training, in their order: each is trained on what the ones before it stored."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starter_factory.base import build_scheduler, build_unet, train_base
from starter_factory.decoder import sharpened_vae, train_decoder
from starter_factory.probe import Probe, train_probe
from starter_factory.store import Stored
from starter_factory.text import train_text, trained_reader
from starter_factory.tokenizer import build_tokenizer
from starter_factory.training import Run, Session, load_average
from starter_factory.vae import train_vae, trained_vae


@dataclass(frozen=True, slots=True)
class Stage:
    """How a stage is trained, and how its weights come into the stored model."""

    train: Callable[[Session, Stored], Run]
    store: Callable[[Session, Stored], None]


def _store_text(session: Session, stored: Stored) -> None:
    tokenizer = stored.tokenizer() if stored.has("tokenizer") else build_tokenizer()
    stored.put_text(tokenizer, trained_reader(tokenizer, session).encoder)


def _store_base(session: Session, stored: Stored) -> None:
    unet = build_unet()
    load_average("base", unet, session.work)
    stored.put_unet(unet, build_scheduler())


def _store_probe(session: Session, stored: Stored) -> None:
    probe = Probe()
    load_average("probe", probe, session.work)
    stored.put_probe(probe)


STAGES: Mapping[str, Stage] = {
    "vae": Stage(train_vae, lambda session, stored: stored.put_vae(trained_vae(session))),
    "text": Stage(train_text, _store_text),
    "base": Stage(train_base, _store_base),
    "probe": Stage(train_probe, _store_probe),
    "decoder": Stage(train_decoder, lambda session, stored: stored.put_vae(sharpened_vae(session, stored))),
}
