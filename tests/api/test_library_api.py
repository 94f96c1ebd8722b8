"""The library over HTTP: each person's own, in the library's own language."""

from collections.abc import Iterator

import httpx
import pytest

from studio.studio import Studio

KEY, OTHER = "a-secret-that-a-searching-program-keeps", "a-secret-that-a-curious-program-keeps"


@pytest.fixture(scope="module")
def mine(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {KEY}"}, timeout=60) as client:
        for words, seed in (("a red boat", 1), ("a blue house", 2), ("a red house", 3)):
            recipe = {"prompt": words, "seed": seed, "width": 64, "height": 64, "steps": 2}
            job = client.post("/api/jobs", json={"recipe": recipe}).json()["id"]
            with client.stream("GET", f"/api/jobs/{job}/events") as answer:
                answer.read()
        yield client


def test_pictures_are_searched_in_the_librarys_language_page_by_page(mine: httpx.Client) -> None:
    red = mine.get("/api/library", params={"query": "red", "order": "oldest"}).json()
    assert (red["total"], [one["seed"] for one in red["entries"]]) == (2, [1, 3])
    first = mine.get("/api/library", params={"count": 2}).json()
    rest = mine.get("/api/library", params={"count": 2, "position": first["next"]}).json()
    assert [one["seed"] for one in [*first["entries"], *rest["entries"]]] == [3, 2, 1]
    assert rest["next"] == ""


def test_an_entry_opens_for_its_owner_and_tells_no_place(mine: httpx.Client, address: str, studio: Studio) -> None:
    (entry,) = mine.get("/api/library", params={"query": "boat"}).json()["entries"]
    assert mine.get(entry["url"]).headers["content-type"] == "image/png"
    assert mine.get(f"/api/library/{entry['id']}").json() == entry
    assert mine.get(f"/api/library/{entry['id']}/thumbnail").headers["content-type"].startswith("image/")
    assert str(studio.settings.home) not in mine.get("/api/library").text
    curious = {"Authorization": f"Bearer {OTHER}"}
    assert httpx.get(f"{address}/api/library", headers=curious).json()["total"] == 0
    for path in (f"/api/library/{entry['id']}", f"/api/library/{entry['id']}/thumbnail"):
        assert httpx.get(address + path, headers=curious).status_code == 404


@pytest.mark.parametrize("params", [{"query": "colour:red"}, {"order": "best"}, {"count": 0}, {"position": "nowhere"}])
def test_a_search_that_cannot_be_is_refused(mine: httpx.Client, params: dict[str, object]) -> None:
    answer = mine.get("/api/library", params=params)
    assert answer.status_code == 422
    assert answer.json()["message"]
