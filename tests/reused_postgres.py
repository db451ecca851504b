"""One PostgreSQL database for many tests: emptied after each, which takes a tenth of the time of making it anew."""

from __future__ import annotations

import itertools

import psycopg

_names = itertools.count(1)
# Above this, rows that are gone still cost the tests that follow.
_MANY_ROWS = 2_000
# What tests of tampering change: then nothing less than a new database will do.
_SCHEMA = """
SELECT md5(string_agg(part, ',' ORDER BY part)) FROM (
    SELECT concat(tgrelid, tgname, tgenabled) AS part FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT concat(oid, relname, relkind) FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat(attrelid, attname, atttypid, atttypmod, attnotnull) FROM pg_attribute a
        JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'public'::regnamespace AND attnum > 0
    UNION ALL SELECT concat(conrelid, conname, contype, convalidated) FROM pg_constraint
    UNION ALL SELECT concat(oid, proname, md5(prosrc)) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT concat(setconfig) FROM pg_db_role_setting
) AS parts
"""


class ReusedPostgres:
    """A database that is handed to one test after another; a copy of the template."""

    def __init__(self, socket: str, template: str) -> None:
        self._socket, self._template = socket, template
        self._name = self._schema = ""
        self._tables: list[str] = []

    @property
    def url(self) -> str:
        """Where the database is; it is empty."""
        if not self._name:
            self._make()
        return self._address(self._name)

    def empty(self) -> None:
        """Take away what a test left: connections, rows, numbers that were given out. A changed schema costs the
        database its life."""
        with psycopg.connect(self._address(self._name), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            if self._fingerprint(connection) == self._schema:
                self._delete_rows(connection)
                return
        self.drop()

    def drop(self) -> None:
        """Leave nothing behind; the next test gets a new one."""
        with psycopg.connect(self._address("postgres"), autocommit=True) as server:
            server.execute(f"DROP DATABASE IF EXISTS {self._name} WITH (FORCE)".encode())
        self._name = ""

    def _delete_rows(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        connection.execute("SET session_replication_role = replica")  # neither triggers nor foreign keys object
        with connection.transaction():
            for table in self._tables:
                gone = connection.execute(f'DELETE FROM "{table}"'.encode()).rowcount
                if gone > _MANY_ROWS:
                    connection.execute(f'TRUNCATE "{table}" CASCADE'.encode())
        connection.execute("SELECT setval(seqrelid::regclass, seqstart, false) FROM pg_sequence")

    def _make(self) -> None:
        name = f"desk_{next(_names)}"
        with psycopg.connect(self._address("postgres"), autocommit=True) as server:
            # Copied as files: four times as fast as through the log, which a server without fsync has no use for.
            server.execute(f"CREATE DATABASE {name} TEMPLATE {self._template} STRATEGY FILE_COPY".encode())
        with psycopg.connect(self._address(name), autocommit=True) as connection:
            self._schema = self._fingerprint(connection)
            rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            self._tables = [str(row[0]) for row in rows]
        self._name = name

    @staticmethod
    def _fingerprint(connection: psycopg.Connection[tuple[object, ...]]) -> str:
        row = connection.execute(_SCHEMA).fetchone()
        return str(row[0]) if row else ""

    def _address(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self._socket}"
