"""All tables of the first version.

Owners are the hashed secrets of `gate.identity`. Paths are relative to the library. Recipes and what has no query of
its own are JSON. What a row belongs to is a foreign key, except where the row outlives it, which is said beside it.
"""

from studio.storage.migrations.base import Migration, run

# An item is one resolved recipe of a job; its owner is the job's. `priority`: 0 interactive, 1 normal, 2 background;
# `place`: where a job stands among its owner's.
JOBS = (
    """CREATE TABLE jobs (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, kind TEXT NOT NULL DEFAULT 'images',
        priority INTEGER NOT NULL DEFAULT 0, place REAL NOT NULL DEFAULT 0, paused INTEGER NOT NULL DEFAULT 0,
        created REAL NOT NULL, state TEXT NOT NULL DEFAULT 'waiting', seconds REAL NOT NULL DEFAULT 0,
        message TEXT NOT NULL DEFAULT '', hint TEXT NOT NULL DEFAULT '', field TEXT, code TEXT NOT NULL DEFAULT ''
    )""",
    "CREATE INDEX jobs_of_owner ON jobs (owner, number)",
    "CREATE INDEX jobs_open ON jobs (number) WHERE state NOT IN ('done', 'stopped', 'failed')",
    """CREATE TABLE items (
        id INTEGER PRIMARY KEY, job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE, number INTEGER NOT NULL,
        lane TEXT NOT NULL DEFAULT 'device', recipe TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'waiting',
        attempts INTEGER NOT NULL DEFAULT 0, path TEXT, seconds REAL, message TEXT, hint TEXT, field TEXT, code TEXT,
        UNIQUE (job, number)
    )""",
    "CREATE INDEX items_waiting ON items (lane, id) WHERE state = 'waiting'",
    """CREATE TABLE events (
        job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE, position INTEGER NOT NULL, time REAL NOT NULL,
        kind TEXT NOT NULL, item INTEGER, PRIMARY KEY (job, position)
    ) WITHOUT ROWID""",
)
# A grid is called as the job that makes it; `item` is which one of that a cell is, NULL where it cannot be made, as
# `error` says.
GRIDS = (
    """CREATE TABLE grids (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE REFERENCES jobs (id) ON DELETE CASCADE,
        owner TEXT NOT NULL, created REAL NOT NULL, base TEXT NOT NULL, axes TEXT NOT NULL
    )""",
    "CREATE INDEX grids_of_owner ON grids (owner, number)",
    """CREATE TABLE grid_cells (
        grid TEXT NOT NULL REFERENCES grids (id) ON DELETE CASCADE, x INTEGER NOT NULL, y INTEGER NOT NULL,
        z INTEGER NOT NULL, item INTEGER, error TEXT NOT NULL DEFAULT '', PRIMARY KEY (grid, x, y, z)
    )""",
)
CANDIDATES = (
    """CREATE TABLE candidate_sets (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, created REAL NOT NULL,
        title TEXT NOT NULL, asked TEXT, sieve TEXT NOT NULL, missing TEXT NOT NULL DEFAULT '{}'
    )""",
    "CREATE INDEX candidate_sets_of_owner ON candidate_sets (owner, number)",
    # What the items of this job make are the pictures of the set from number `first` on.
    """CREATE TABLE candidate_jobs (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE REFERENCES jobs (id) ON DELETE CASCADE,
        set_id TEXT NOT NULL REFERENCES candidate_sets (id) ON DELETE CASCADE, first INTEGER NOT NULL,
        count INTEGER NOT NULL
    )""",
    "CREATE INDEX candidate_jobs_of_set ON candidate_jobs (set_id)",
    """CREATE TABLE candidates (
        set_id TEXT NOT NULL REFERENCES candidate_sets (id) ON DELETE CASCADE, image INTEGER NOT NULL,
        quick TEXT, slow TEXT, PRIMARY KEY (set_id, image)
    )""",
    # A picture is to be measured from the moment on in which it is made.
    """CREATE TRIGGER candidates_made AFTER UPDATE OF path ON items WHEN NEW.path IS NOT NULL BEGIN
        INSERT OR IGNORE INTO candidates (set_id, image)
        SELECT set_id, first + NEW.number FROM candidate_jobs WHERE id = NEW.job;
    END""",
    "CREATE INDEX candidates_without_quick ON candidates (set_id) WHERE quick IS NULL",
    "CREATE INDEX candidates_without_slow ON candidates (set_id) WHERE slow IS NULL",
    """CREATE TABLE ratings (
        number INTEGER PRIMARY KEY, set_id TEXT NOT NULL, image INTEGER NOT NULL, verdict TEXT, star INTEGER NOT NULL,
        rating INTEGER, FOREIGN KEY (set_id, image) REFERENCES candidates (set_id, image) ON DELETE CASCADE
    )""",
    "CREATE INDEX ratings_of_candidate ON ratings (set_id, image)",
)
COMPARISONS = (
    """CREATE TABLE comparisons (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, created REAL NOT NULL,
        seed INTEGER NOT NULL, base TEXT NOT NULL
    )""",
    "CREATE INDEX comparisons_of_owner ON comparisons (owner, number)",
    """CREATE TABLE comparison_lines (
        comparison TEXT NOT NULL REFERENCES comparisons (id) ON DELETE CASCADE, number INTEGER NOT NULL,
        prompt TEXT NOT NULL, tags TEXT NOT NULL, PRIMARY KEY (comparison, number)
    )""",
    """CREATE TABLE comparison_columns (
        comparison TEXT NOT NULL REFERENCES comparisons (id) ON DELETE CASCADE, number INTEGER NOT NULL,
        kind TEXT NOT NULL, model TEXT NOT NULL, label TEXT NOT NULL, settings TEXT NOT NULL,
        PRIMARY KEY (comparison, number)
    )""",
    """CREATE TABLE comparison_cells (
        comparison TEXT NOT NULL REFERENCES comparisons (id) ON DELETE CASCADE, line INTEGER NOT NULL,
        column INTEGER NOT NULL, state TEXT NOT NULL, path TEXT NOT NULL DEFAULT '', digest TEXT NOT NULL DEFAULT '',
        seconds REAL, cost_usd REAL, width INTEGER, height INTEGER, seed INTEGER, revised TEXT NOT NULL DEFAULT '',
        metrics TEXT NOT NULL DEFAULT '{}', kind TEXT NOT NULL DEFAULT '', message TEXT NOT NULL DEFAULT '',
        hint TEXT NOT NULL DEFAULT '', job TEXT NOT NULL DEFAULT '', attempt INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (comparison, line, column)
    )""",
)
# Votes are kept when the comparison that they were cast on is forgotten.
VOTES = (
    """CREATE TABLE pairs (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, comparison TEXT NOT NULL,
        line INTEGER NOT NULL, left_column INTEGER NOT NULL, right_column INTEGER NOT NULL, left_path TEXT NOT NULL,
        right_path TEXT NOT NULL
    )""",
    "CREATE INDEX pairs_of_owner ON pairs (owner, number)",
    """CREATE TABLE votes (
        number INTEGER PRIMARY KEY, pair TEXT NOT NULL UNIQUE REFERENCES pairs (id), owner TEXT NOT NULL,
        time REAL NOT NULL, choice TEXT NOT NULL, left_name TEXT NOT NULL, right_name TEXT NOT NULL,
        prompt TEXT NOT NULL, tags TEXT NOT NULL
    )""",
    "CREATE INDEX votes_of_owner ON votes (owner, number)",
    "CREATE TRIGGER votes_stay BEFORE UPDATE ON votes BEGIN SELECT RAISE(ABORT, 'votes stay'); END",
    "CREATE TRIGGER votes_are_kept BEFORE DELETE ON votes BEGIN SELECT RAISE(ABORT, 'votes are kept'); END",
)
# `micros` are millionths of a US dollar.
SPENDING = (
    """CREATE TABLE hosted_calls (
        key TEXT PRIMARY KEY, day TEXT NOT NULL, model TEXT NOT NULL, micros INTEGER NOT NULL,
        settled INTEGER NOT NULL DEFAULT 0
    )""",
    "CREATE INDEX hosted_calls_by_day ON hosted_calls (day)",
    "CREATE TABLE hosted_budgets (name TEXT PRIMARY KEY, micros INTEGER NOT NULL, given REAL NOT NULL)",
)
FILES = (
    # Whose the pictures are that recipes start from, those of them that nothing refers to yet, and when weights were
    # last asked for.
    """CREATE TABLE held_inputs (
        owner TEXT NOT NULL, picture TEXT NOT NULL, PRIMARY KEY (owner, picture)
    ) WITHOUT ROWID""",
    """CREATE TABLE unused_inputs (
        picture TEXT PRIMARY KEY, at REAL NOT NULL, glance INTEGER NOT NULL
    ) WITHOUT ROWID""",
    "CREATE TABLE last_used (item TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID",
)
# When the database itself had to be replaced, why, and by what.
INCIDENTS = (
    """CREATE TABLE incidents (
        number INTEGER PRIMARY KEY, time REAL NOT NULL, reason TEXT NOT NULL, aside TEXT NOT NULL, backup TEXT
    )""",
)
TABLES = (*JOBS, *GRIDS, *CANDIDATES, *COMPARISONS, *VOTES, *SPENDING, *FILES, *INCIDENTS)
MIGRATION = Migration(run(*TABLES))
