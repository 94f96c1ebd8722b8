"""The probe, which judges the starter's pictures: trained on renders alone, and stored like what it judges."""

from pathlib import Path

from starter_factory.draw import draw
from starter_factory.family.base import Member, Sitting, Table, begin, by_question, untrained, weights_of
from starter_factory.measures import agreement
from starter_factory.probe import Probe, look, train_probe
from starter_factory.sampling import FIRST_UNSEEN
from starter_factory.scene import training_scene
from starter_factory.sitting import full_caption
from starter_factory.store import PROBE, Stored
from starter_factory.training import Run, Session, load_average


class ProbeMember(Member):
    """A judge is judged on fresh renders; one that was never trained stands beside it."""

    title = "Probe"
    minutes = 35.0
    files = (PROBE,)

    def train(self, session: Session, stored: Stored) -> Run:
        probe = Probe()
        begin(probe, weights_of(PROBE, stored.folder))
        return train_probe(session, probe)

    def store(self, session: Session, stored: Stored) -> None:
        probe = Probe()
        load_average("probe", probe, session.work)
        stored.put_probe(probe)

    def load(self, base: Path) -> Probe:
        return Stored(base).fill_probe(Probe())

    def measure(self, sitting: Sitting) -> Table:
        scenes = [training_scene(2 * FIRST_UNSEEN + number) for number in range(4 * sitting.count)]
        captions, pictures = [full_caption(scene) for scene in scenes], [draw(scene).image for scene in scenes]
        columns = {
            "fresh renders": agreement(captions, sitting.sights(pictures)),
            "untrained": agreement(captions, look(untrained(Probe), pictures)),
        }
        return by_question(columns)


MEMBER = ProbeMember()
