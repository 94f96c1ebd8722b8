"""Keeps what the library's files tell of themselves, and what their owners say of them: stars, notes, tags, boards.

What a file tells is rebuilt from it at any time; a picture whose file has gone keeps what was said of it.
"""

from studio.storage.migrations.base import Migration, run

# `modified` is the file's time in nanoseconds; `base` is the digest of its recipe, for those that vary it `variation`.
# `path` is NULL where the file is not there; `binned`, since when it is in the bin.
PICTURES = (
    """CREATE TABLE pictures (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, path TEXT UNIQUE, owner TEXT NOT NULL,
        digest TEXT NOT NULL, bytes INTEGER NOT NULL, modified INTEGER NOT NULL, created REAL NOT NULL,
        width INTEGER NOT NULL, height INTEGER NOT NULL, name TEXT NOT NULL DEFAULT '', tool TEXT NOT NULL DEFAULT '',
        task TEXT NOT NULL DEFAULT '', kind TEXT NOT NULL DEFAULT '', job TEXT NOT NULL DEFAULT '', item INTEGER,
        prompt TEXT NOT NULL DEFAULT '', negative_prompt TEXT NOT NULL DEFAULT '', seed INTEGER, steps INTEGER,
        guidance REAL, scheduler TEXT NOT NULL DEFAULT '', seconds REAL, base TEXT NOT NULL DEFAULT '',
        variation TEXT NOT NULL DEFAULT '', star INTEGER NOT NULL DEFAULT 0, rating INTEGER,
        note TEXT NOT NULL DEFAULT '', binned REAL
    )""",
    # What lists are read from, in their order, without a look at the wide rows.
    """CREATE INDEX pictures_shown ON pictures (
        created, number, owner, star, rating, seed, steps, width, height, task, kind, scheduler, tool,
        bytes
    ) WHERE path IS NOT NULL AND binned IS NULL""",
    "CREATE INDEX pictures_binned ON pictures (binned) WHERE binned IS NOT NULL",
    "CREATE INDEX pictures_by_digest ON pictures (digest)",
    "CREATE INDEX pictures_of_job ON pictures (job, item) WHERE job != ''",
    "CREATE INDEX pictures_by_base ON pictures (base) WHERE base != ''",
    "CREATE INDEX pictures_by_variation ON pictures (variation) WHERE variation != ''",
    "CREATE INDEX pictures_by_owner ON pictures (owner, bytes)",
)
# Models, LoRAs, kinds of control, and tags: each name once, and which pictures have it.
NAMES = (
    """CREATE TABLE picture_names (
        number INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (kind, name)
    )""",
    """CREATE TABLE picture_named (
        name INTEGER NOT NULL REFERENCES picture_names (number), picture INTEGER NOT NULL
        REFERENCES pictures (number) ON DELETE CASCADE, PRIMARY KEY (name, picture)
    ) WITHOUT ROWID""",
    "CREATE INDEX picture_named_by_picture ON picture_named (picture)",
)
# The digests of the pixels that a picture was made from.
INPUTS = (
    """CREATE TABLE picture_inputs (
        picture INTEGER NOT NULL REFERENCES pictures (number) ON DELETE CASCADE, role TEXT NOT NULL,
        digest TEXT NOT NULL, PRIMARY KEY (picture, role, digest)
    ) WITHOUT ROWID""",
    "CREATE INDEX picture_inputs_by_digest ON picture_inputs (digest)",
)
SCORES = (
    """CREATE TABLE picture_scores (
        picture INTEGER NOT NULL REFERENCES pictures (number) ON DELETE CASCADE, metric TEXT NOT NULL,
        value REAL NOT NULL, PRIMARY KEY (picture, metric)
    ) WITHOUT ROWID""",
    "CREATE INDEX picture_scores_by_metric ON picture_scores (metric, value)",
)
BOARDS = (
    """CREATE TABLE boards (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, name TEXT NOT NULL,
        created REAL NOT NULL, UNIQUE (owner, name)
    )""",
    """CREATE TABLE board_pictures (
        board INTEGER NOT NULL REFERENCES boards (number) ON DELETE CASCADE, picture INTEGER NOT NULL
        REFERENCES pictures (number) ON DELETE CASCADE, added REAL NOT NULL, PRIMARY KEY (board, picture)
    ) WITHOUT ROWID""",
    "CREATE INDEX board_pictures_by_picture ON board_pictures (picture)",
)
# The words of each picture, as `library.words` folds and parts them; a row is called by the picture's number.
WORDS = (
    """CREATE VIRTUAL TABLE picture_words USING fts5 (
        prompt, beside, negative, tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"
    )""",
    """CREATE TRIGGER picture_words_go AFTER DELETE ON pictures BEGIN
        DELETE FROM picture_words WHERE rowid = OLD.number;
    END""",
)
# When each folder was last looked at, which files are no pictures, and how often anything changed.
FILES = (
    "CREATE TABLE library_folders (path TEXT PRIMARY KEY, modified INTEGER NOT NULL) WITHOUT ROWID",
    """CREATE TABLE library_faults (
        path TEXT PRIMARY KEY, modified INTEGER NOT NULL, fault TEXT NOT NULL
    ) WITHOUT ROWID""",
    "CREATE TABLE library_state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    "INSERT INTO library_state (name, value) VALUES ('changes', 0)",
)
MIGRATION = Migration(run(*PICTURES, *NAMES, *INPUTS, *SCORES, *BOARDS, *WORDS, *FILES))
