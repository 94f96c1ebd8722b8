"""What a page is told of a job."""

from studio.events import Failed, Halted, ImageFailed, Queued, Started, Step
from studio.jobs.item import QueueItem
from studio.jobs.job import Job
from studio.ui.job_view import progress
from tests.drawer import resolved
from tests.people import who


def test_images_that_are_made_at_a_time_are_as_far_as_the_last_of_them():
    job = Job("one", who("ann"), [QueueItem(number, resolved("a")) for number in range(4)], 0.0)
    for event in (Started(), Step((0,), 5, 20, 1.0), Step((2,), 3, 20, 1.0), Step((1,), 9, 20, 1.0)):
        job.tell(event)
    assert progress(job, job.events)["line"] == "Images 1 to 3 of 4 · step 3 of 20"
    job.tell(ImageFailed(2, Failed("No.")))
    job.tell(Step((0,), 6, 20, 1.0))
    assert progress(job, job.events)["line"] == "Images 1 to 2 of 4 · step 6 of 20"


def test_a_job_that_waits_for_a_new_start_says_why():
    job = Job("one", who("ann"), [QueueItem(0, resolved("a"))], 0.0)
    for event in (Queued(0), Started(), Halted("CUDA failed: an illegal memory access was encountered.", "Start it.")):
        job.tell(event)
    assert progress(job, job.events)["line"] == (
        "Waiting for the studio to be started again. CUDA failed: an illegal memory access was encountered."
    )
