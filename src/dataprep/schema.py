"""The tables of a project's state, and what brings an older file up to them."""

SCHEMA_VERSION = 4

SCHEMA = """
CREATE TABLE IF NOT EXISTS pictures (
    name TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, sha TEXT NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, format TEXT NOT NULL, mode TEXT NOT NULL,
    orientation INTEGER NOT NULL, frames INTEGER NOT NULL, reason TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS decisions (
    name TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sources (
    name TEXT PRIMARY KEY, sha TEXT NOT NULL, source TEXT NOT NULL, part TEXT NOT NULL,
    at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS looks (
    sha TEXT PRIMARY KEY, version INTEGER NOT NULL, thumb BLOB NOT NULL, facts TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS vocabularies (
    model TEXT NOT NULL, id INTEGER NOT NULL, tag TEXT NOT NULL, category TEXT NOT NULL,
    count INTEGER NOT NULL, PRIMARY KEY (model, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS taggers (
    model TEXT PRIMARY KEY, name TEXT NOT NULL, at TEXT NOT NULL, thresholds TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS texts (
    sha TEXT NOT NULL, captioner TEXT NOT NULL, render TEXT NOT NULL, text TEXT NOT NULL,
    PRIMARY KEY (sha, captioner, render)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS made (
    file TEXT NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (file, digest)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS scores (
    sha TEXT NOT NULL, model TEXT NOT NULL, render TEXT NOT NULL, ids BLOB NOT NULL,
    scores BLOB NOT NULL, PRIMARY KEY (sha, model, render)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS edits (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, at TEXT NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('pending', 'done', 'undoing', 'undone', 'redoing', 'dropped')),
    origin TEXT NOT NULL DEFAULT 'bulk', turned TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS changes (
    edit INTEGER NOT NULL REFERENCES edits (id), position INTEGER NOT NULL, kind TEXT NOT NULL,
    name TEXT NOT NULL, key TEXT NOT NULL, before TEXT, after TEXT, PRIMARY KEY (edit, position)
) WITHOUT ROWID;
"""

FROM_2 = """
ALTER TABLE vocabularies RENAME TO vocabularies_2;
CREATE TABLE vocabularies (
    model TEXT NOT NULL, id INTEGER NOT NULL, tag TEXT NOT NULL, category TEXT NOT NULL,
    count INTEGER NOT NULL, PRIMARY KEY (model, id)
) WITHOUT ROWID;
INSERT INTO vocabularies SELECT model, id, tag,
    CASE category WHEN 0 THEN 'general' WHEN 4 THEN 'character' ELSE 'rating' END, 0
    FROM vocabularies_2;
DROP TABLE vocabularies_2;
CREATE TABLE IF NOT EXISTS taggers (
    model TEXT PRIMARY KEY, name TEXT NOT NULL, at TEXT NOT NULL, thresholds TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO taggers SELECT DISTINCT model, substr(model, 1, instr(model || '@', '@') - 1), '', '{}'
    FROM vocabularies;
ALTER TABLE edits ADD COLUMN origin TEXT NOT NULL DEFAULT 'bulk';
"""
"""What brings a file of schema 2 up to the tables below it that changed."""

FROM_3 = """
CREATE TABLE edits_4 (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, at TEXT NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('pending', 'done', 'undoing', 'undone', 'redoing', 'dropped')),
    origin TEXT NOT NULL DEFAULT 'bulk', turned TEXT NOT NULL DEFAULT ''
);
INSERT INTO edits_4 (id, name, at, state, origin) SELECT id, name, at,
    CASE state WHEN 'undone' THEN 'dropped' ELSE state END, origin FROM edits;
DROP TABLE edits;
ALTER TABLE edits_4 RENAME TO edits;
"""
"""The same from schema 3. It knew no redo, nor in which order its edits had been undone: those
stay undone."""
