"""Keeps accounts with their sessions, API tokens and invitations; of each secret only its hash."""

from studio.storage.migrations.base import Migration, run

OF_ACCOUNT = "account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE"
MIGRATION = Migration(
    run(
        """CREATE TABLE accounts (
            id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE, role TEXT NOT NULL, password TEXT NOT NULL,
            created REAL NOT NULL
        )""",
        f"""CREATE TABLE sessions (
            hash TEXT PRIMARY KEY, {OF_ACCOUNT}, created REAL NOT NULL, seen REAL NOT NULL
        ) WITHOUT ROWID""",
        f"""CREATE TABLE tokens (
            id TEXT PRIMARY KEY, {OF_ACCOUNT}, label TEXT NOT NULL, hash TEXT NOT NULL UNIQUE, created REAL NOT NULL,
            used REAL NOT NULL DEFAULT 0
        )""",
        """CREATE TABLE invitations (
            id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, role TEXT NOT NULL, created REAL NOT NULL,
            expires REAL NOT NULL
        )""",
        "CREATE INDEX sessions_of_account ON sessions (account)",
        "CREATE INDEX tokens_of_account ON tokens (account)",
    )
)
