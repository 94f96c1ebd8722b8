"""The library: images on disk, each whole with its recipe or not there, and the index in which they are found again."""

from studio.library.entry import Board, Entry, Facet, Link, Order, Page, Tree
from studio.library.files import Library, Picture, Saved, as_listed, facts, picture, size
from studio.library.importing import Imported
from studio.library.index import LibraryIndex
from studio.library.query import Query, Term
from studio.library.scan import Scanned
from studio.library.usage import Usage

__all__ = [
    "Board",
    "Entry",
    "Facet",
    "Imported",
    "Library",
    "LibraryIndex",
    "Link",
    "Order",
    "Page",
    "Picture",
    "Query",
    "Saved",
    "Scanned",
    "Term",
    "Tree",
    "Usage",
    "as_listed",
    "facts",
    "picture",
    "size",
]
