"""Takes a database back to the schema of an earlier release, as one that such a release has filled:
what later migrations made is taken away, and the rest is compared with what the migrations up to
there make of an empty database. A migration that is added must be undone here, too.
"""

import contextlib
import pathlib
import sqlite3

SCHEMAS = pathlib.Path(__file__).resolve().parents[2] / "schema"
KEYS = ("ALTER TABLE data_key DROP COLUMN wrapped_by",
        "ALTER TABLE data_key DROP COLUMN wrapped_at_ms")
# (the schema's folder, the version to go back to, how, the tables that were made anew since: each
# after those that it refers to)
EDGE = ("edge", 2, ("DROP TABLE reconciliation", *KEYS), ())
CENTRE = ("central", 7, ("DROP TABLE edge_credential", "DROP TABLE invitation",
                         "DROP TABLE reconciliation_difference", "DROP TABLE reconciliation",
                         "DROP INDEX record_of_site", "DELETE FROM notice_delivery WHERE "
                         "notice_rowid IN (SELECT notice_rowid FROM notice WHERE kind > 7)",
                         "DELETE FROM notice WHERE kind > 7", *KEYS),
          ("notice", "notice_delivery"))


def newest(schema):
    return len(list((SCHEMAS / schema[0]).glob("*.sql")))


def version(file):
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        return database.execute("PRAGMA user_version").fetchone()[0]


def take_back(file, schema):
    """REQUIRES: nobody uses the database, and all its data keys are a key file's."""
    name, to, statements, made_anew = schema
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as database, \
            contextlib.closing(sqlite3.connect(":memory:")) as made_then:
        for one in sorted((SCHEMAS / name).glob("*.sql"))[:to]:
            made_then.executescript(one.read_text())
        database.execute("BEGIN IMMEDIATE")
        for statement in statements:
            database.execute(statement)
        make_as_then(database, made_then, made_anew)
        database.execute(f"PRAGMA user_version = {to}")
        different = parts(database) ^ parts(made_then)
        if different:
            raise AssertionError(f"not the schema {to} of {name}: {different}")
        database.execute("COMMIT")


def make_as_then(database, made_then, tables):
    for table in tables:
        database.execute(f"CREATE TEMP TABLE kept_{table} AS SELECT * FROM {table}")
    for table in reversed(tables):
        database.execute(f"DROP TABLE {table}")
    for table in tables:
        for sql, in made_then.execute("SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS "
                                      "NOT NULL ORDER BY type <> 'table'", (table,)):
            database.execute(sql)
        database.execute(f"INSERT INTO {table} SELECT * FROM kept_{table}")
        database.execute(f"DROP TABLE kept_{table}")


def parts(database):
    return set(database.execute("SELECT type, name, sql FROM sqlite_master "
                                "WHERE name NOT LIKE 'sqlite_%'"))
