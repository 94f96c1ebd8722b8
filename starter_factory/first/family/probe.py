"""The probe, which judges the starter's pictures: trained on renders alone, and stored like what it judges."""

from pathlib import Path

from starter_factory.first.evaluate import agreement, fresh_renders, judge
from starter_factory.first.family.base import Member, Sitting, Table, by_question, store, untrained
from starter_factory.first.loop import Team
from starter_factory.first.probe import STORED, Probe, load_probe, train_probe, trained_probe


class ProbeMember(Member):
    """A judge is judged on fresh renders; one that was never trained stands beside it."""

    title = "Probe"
    minutes = 36.0
    files = (STORED,)

    def train(self, seconds: float, team: Team, base: Path) -> None:  # noqa: ARG002 - it needs no base
        train_probe(seconds, team)

    def export(self, team: Team, base: Path) -> None:
        store(trained_probe(team).state_dict(), base / STORED)

    def load(self, base: Path) -> Probe:
        return load_probe(base)

    def measure(self, sitting: Sitting) -> Table:
        scenes, pictures = fresh_renders(8 * sitting.count)
        columns = {
            "fresh renders": agreement(scenes, judge(sitting.probe(), pictures)),
            "untrained": agreement(scenes, judge(untrained(Probe), pictures)),
        }
        return by_question(columns)


MEMBER = ProbeMember()
