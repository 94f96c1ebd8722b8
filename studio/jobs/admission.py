"""Who may put one more job in line, where nobody vouches for who asks: anybody can invent owners."""

from collections.abc import Sequence

from studio.errors import Busy
from studio.jobs.job import Job

# The part of the line that one address may fill: a quarter, and one browser at it half of that.
STRANGERS_SHARE = 4


def check_line(job: Job, in_line: Sequence[Job], most: int) -> None:
    """Busy where as many jobs wait as may, or as many of the job's address or browser as strangers may have."""
    if job.turn.startswith("address:"):
        _check_crowd(job, in_line, max(1, most // STRANGERS_SHARE))
    if len(in_line) >= most:
        raise Busy(f"{most} jobs are waiting already.", "Try again when some are done.")


def _check_crowd(job: Job, in_line: Sequence[Job], most: int) -> None:
    beside = [one for one in in_line if one.turn == job.turn]
    if len(beside) >= most:
        raise Busy(f"{most} jobs from your address are waiting already.", "Try again when some are done.")
    own = max(1, most // 2)
    if sum(one.owner == job.owner for one in beside) >= own:
        raise Busy(f"{own} of your jobs are waiting already.", "Try again when some are done.")
