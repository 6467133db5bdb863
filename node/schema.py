"""The tables of a node's store, as they came: each entry takes a store from one version to the next.

An entry never changes once it has been released; the number of a store's version is how many it has seen.
"""

MIGRATIONS = (
    """
    CREATE TABLE ledger (
        seq INTEGER PRIMARY KEY, body BLOB NOT NULL, previous TEXT NOT NULL, digest TEXT NOT NULL UNIQUE
    ) STRICT;
    CREATE TRIGGER ledger_stays BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'append-only'); END;
    CREATE TRIGGER ledger_keeps BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'append-only'); END;
    CREATE TABLE documents (
        number INTEGER PRIMARY KEY, digest TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL,
        envelope BLOB NOT NULL, UNIQUE (kind, digest)
    ) STRICT;
    CREATE TABLE rounds (
        round_id TEXT PRIMARY KEY, programme TEXT NOT NULL, period TEXT NOT NULL, attempt INTEGER NOT NULL,
        envelope BLOB NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, presence BLOB, contribution BLOB,
        vector BLOB, receipt BLOB, release TEXT NOT NULL, updated_at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE sums (
        round_id TEXT PRIMARY KEY, version INTEGER NOT NULL, sealed BLOB NOT NULL, updated_at TEXT NOT NULL
    ) STRICT;
    CREATE TABLE heads (
        node TEXT PRIMARY KEY, length INTEGER NOT NULL, digest TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE snapshots (
        programme TEXT NOT NULL, name TEXT NOT NULL, period TEXT NOT NULL, binds INTEGER NOT NULL,
        sealed_at TEXT NOT NULL, codes BLOB NOT NULL, persons BLOB NOT NULL, UNIQUE (programme, period)
    ) STRICT;
    CREATE TRIGGER snapshots_stay BEFORE UPDATE ON snapshots BEGIN SELECT RAISE(ABORT, 'append-only'); END;
    CREATE TRIGGER snapshots_keep BEFORE DELETE ON snapshots BEGIN SELECT RAISE(ABORT, 'append-only'); END;
    """,
    """
    CREATE TABLE left_out (
        round_id TEXT PRIMARY KEY, proposal BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
)

SNAPSHOTS_SINCE = 3  # the version of a store that has them
LEFT_OUT_SINCE = 4
