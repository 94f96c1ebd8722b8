"""What the Library tab is told: pictures with what their owner says of them, what there is to search by, relatives."""

from typing_extensions import TypedDict

from studio.ui.schemas.pictures import Picture


class LibraryPicture(Picture):
    """A picture of the library; `created` is in seconds since 1970, `boards` are ids, `tint` is its mean colour."""

    star: bool
    rating: int | None
    created: float
    kind: str
    tool: str
    tags: list[str]
    boards: list[str]
    note: str
    binned: bool
    tint: str


class LibraryPage(TypedDict):
    """Some of the pictures that a search finds, and how many it finds."""

    total: int
    pictures: list[LibraryPicture]


class LibraryTints(TypedDict):
    """The mean colours of pictures between two places of a search, three bytes each, in base64."""

    rgb: str


class LibraryIds(TypedDict):
    """The ids of the pictures that a search finds between two places."""

    ids: list[str]


class LibraryFacet(TypedDict):
    """A name that pictures have, how many of them, and the words that find these."""

    name: str
    count: int
    term: str


class LibraryFacets(TypedDict):
    """All names of one sort."""

    title: str
    values: list[LibraryFacet]


class LibraryBoard(TypedDict):
    """A board, with its newest picture in small."""

    id: str
    name: str
    count: int
    cover: str
    term: str


class LibraryFilter(TypedDict):
    """What can be searched by, and how that is written."""

    help: str
    example: str


class LibraryFacts(TypedDict):
    """What there is beside the pictures, and what they take of the disk.

    `changes` grows when anything is otherwise; `about` is whether what prompts mean can be searched for,
    `sees` whether pictures are alike by what they show, else by colours and layout, `most`
    how many can be chosen at once; `cleared` is what of unused files was cleared so far, to whoever keeps the studio.
    """

    changes: int
    about: bool
    sees: bool
    most: int
    all: int
    starred: int
    binned: int
    boards: list[LibraryBoard]
    facets: list[LibraryFacets]
    tags: list[str]
    filters: list[LibraryFilter]
    used: str
    free: str
    cleared: str


class LibraryNews(TypedDict):
    """How often anything was changed so far."""

    changes: int


class LibraryQuery(TypedDict):
    """A search in words."""

    query: str


class LibraryRelative(TypedDict):
    """What a picture came from, or what was made from it, in small where it can be shown; `depth` is how far away."""

    role: str
    depth: int
    shown: str
    picture: LibraryPicture | None


class LibraryTree(TypedDict):
    """The relatives of a picture, each before its own."""

    sources: list[LibraryRelative]
    results: list[LibraryRelative]


class LibraryFile(TypedDict):
    """A file that can be fetched."""

    address: str
    name: str


class LibraryImported(TypedDict):
    """What became of files that were brought, and the ids of what is in the library of them."""

    added: int
    known: int
    ids: list[str]
    faults: list[str]


class LibraryMade(TypedDict):
    """The id of a board that was made."""

    id: str


class LibraryWork(TypedDict):
    """How many pictures a job makes, and how many steps the way has that they go."""

    count: int
    steps: int
