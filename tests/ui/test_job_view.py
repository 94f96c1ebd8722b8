"""What a page is told of a job."""

from studio.events import Halted, Queued, Started
from studio.jobs.item import QueueItem
from studio.jobs.job import Job
from studio.ui.job_view import progress
from tests.drawer import resolved
from tests.people import who


def test_a_job_that_waits_for_a_new_start_says_why():
    job = Job("one", who("ann"), [QueueItem(0, resolved("a"))], 0.0)
    for event in (Queued(0), Started(), Halted("CUDA failed: an illegal memory access was encountered.", "Start it.")):
        job.tell(event)
    assert progress(job, job.events)["line"] == (
        "Waiting for the studio to be started again. CUDA failed: an illegal memory access was encountered."
    )
