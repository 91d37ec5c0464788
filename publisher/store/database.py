"""Opening SQLite or PostgreSQL, bringing the schema up to date, and transactions.

Guarantees: what `writing` committed survives a power failure (SQLite: WAL with synchronous FULL). A write waits
at most LOCK_WAIT seconds for another process. Fails with StoreLocked or StoreUnreachable, never with a
driver's own exception.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, column, create_engine, event, inspect, select, table
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError, SQLAlchemyError

from publisher.model.errors import ConfigurationError, StoreDeadlock, StoreError, StoreLocked, StoreUnreachable
from publisher.store.schema import HEAD

__all__ = ["LOCK_WAIT", "Store", "open_store"]

_FROZEN = 60.0
"""Seconds after which PostgreSQL ends a write of a process that says nothing: frozen, it must not block all others."""

_FRESH = 1.0  # seconds

LOCK_WAIT = 15.0
"""Seconds that a write waits for another process's transaction."""


class Store:
    """A database that is up to date. Safe to share between threads; not between processes."""

    def __init__(
        self,
        engine: Engine,
        *,
        name: str,
        folder: Path | None = None,
        wait: float = LOCK_WAIT,
        after_commit: Callable[[], None] | None = None,
    ) -> None:
        self.folder = folder
        """Where the database's file is; None where it is no file, and other machines may use it."""
        self._engine = engine
        self._wait = wait
        self._after_commit = after_commit
        self.name = name

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._engine.dialect.name

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the database and changes nothing."""
        with _wrapped(self.name), self._engine.connect() as connection:
            if self.dialect == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            else:
                connection.exec_driver_sql("BEGIN")
            try:
                yield connection
            finally:
                connection.rollback()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: committed at the end, rolled back by any exception."""
        with _wrapped(self.name), self._engine.connect() as connection:
            if self.dialect == "sqlite":
                _begin_writing(connection, self._wait)
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()
        if self._after_commit is not None:
            self._after_commit()

    @contextmanager
    def at_once(self) -> Iterator[Connection]:
        """For one statement that is a transaction by itself: on PostgreSQL one trip to the server instead of three."""
        if self.dialect != "postgresql":
            with self.writing() as connection:
                yield connection
            return
        with _wrapped(self.name), self._engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")
        if self._after_commit is not None:
            self._after_commit()

    def close(self) -> None:
        """Gives the connections back."""
        self._engine.dispose()


def open_store(
    database: str,
    root: Path,
    *,
    after_commit: Callable[[], None] | None = None,
    wait: float = LOCK_WAIT,
    only_reading: bool = False,
) -> Store:
    """The store of ``sqlite:FILE`` (relative to ``root``) or ``postgresql://…``, migrated to the newest schema.

    ``wait``: seconds that a write waits for another process's transaction. ``after_commit`` is called after each of
    its commits: the tests of crashes kill the process there. ``only_reading``: an SQLite file that cannot be written,
    or lies in a folder that cannot, will do, if its schema is the newest.
    Raises ConfigurationError (no such kind of database), StoreUnreachable, StoreLocked.
    """
    folder = None
    if database.startswith("sqlite:"):
        path = root / database.removeprefix("sqlite:").removeprefix("//")
        engine, name = _sqlite(path, wait=wait), path.name
        folder = path.resolve().parent
    elif database.startswith("postgresql://"):
        url = database.replace("postgresql://", "postgresql+psycopg://", 1)
        limits = f"-c lock_timeout={wait * 1000:.0f} -c idle_in_transaction_session_timeout={_FROZEN * 1000:.0f}"
        options = {"connect_timeout": 10, "options": limits}
        engine = create_engine(url, connect_args=options)
        _look_after(engine)
        name = engine.url.render_as_string(hide_password=True).replace("+psycopg", "")
    else:
        raise ConfigurationError(f'"{database}" is not a database', where="publication.toml")
    store = Store(engine, name=name, folder=folder, wait=wait, after_commit=after_commit)
    try:
        with _wrapped(name):
            _bring_up_to_date(engine)
    except StoreUnreachable as error:
        store.close()
        if only_reading and database.startswith("sqlite:") and path.is_file():
            return _read_only(path, error)
        raise
    except BaseException:
        store.close()
        raise
    return store


def _read_only(path: Path, because: StoreUnreachable) -> Store:
    """The file as it is. Raises ``because`` if it cannot be read either, StoreError if its schema is older."""
    log = path.with_name(f"{path.name}-wal")
    # Without a log nobody is writing, and SQLite need not share memory with anybody, which it could not here.
    ways = ["mode=ro"] if log.exists() and log.stat().st_size else ["mode=ro", "immutable=1"]
    for way in ways:
        engine = create_engine(
            f"sqlite:///file:{quote(str(path))}?{way}&uri=true", connect_args={"check_same_thread": False}
        )
        event.listen(engine, "connect", _begins_nothing)
        try:
            with _wrapped(path.name), engine.connect() as connection:
                current = _version(connection)
        except StoreUnreachable:
            engine.dispose()
            continue
        if current != HEAD:
            engine.dispose()
            raise StoreError(
                "its schema is an older publisher's, and it cannot be written",
                where=path.name,
                remedy="run publisher once where it can be",
            )
        return Store(engine, name=path.name)
    raise because


def _begins_nothing(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by us, not by the driver's guesses


def _sqlite(path: Path, *, wait: float) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": wait, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions are begun by us, not by the driver's guesses
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # 16 MB: a delivery's page is written when it is claimed and again with its outcome, and copied back once.
        connection.execute("PRAGMA wal_autocheckpoint = 4000")

    return engine


def _look_after(engine: Engine) -> None:
    """A connection that nobody used for a second is tried first: the server may have been restarted meanwhile.

    SQLAlchemy's own `pool_pre_ping` tries it each time, which is a third of what a small transaction takes.
    """

    @event.listens_for(engine, "checkin")
    def given_back(_connection: Any, record: Any) -> None:
        record.info["used"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def taken(connection: Any, record: Any, _proxy: Any) -> None:
        used = record.info.get("used")
        if used is None or time.monotonic() - used < _FRESH:
            return
        try:
            engine.dialect.do_ping(connection)
        except Exception as error:
            raise DisconnectionError from error  # the pool opens another one


def _begin_writing(connection: Connection, wait: float) -> None:
    """Takes SQLite's write lock at once: taken later, a reader that wants to write fails instead of waiting.

    SQLite's own way of waiting looks only every 100 ms whether the lock is free, and a process that writes chunk
    after chunk would hardly ever let anybody in; asked every 5 ms, everybody gets a turn between two chunks.
    """
    end = time.monotonic() + wait
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    while True:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            break
        except OperationalError as error:
            if "locked" not in str(error.orig) or time.monotonic() > end:
                raise
            time.sleep(0.005)
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {wait * 1000:.0f}")


def _bring_up_to_date(engine: Engine) -> None:
    with engine.connect() as connection:
        current = _version(connection)
    if current == HEAD:
        return
    from publisher.store.migrating import migrate  # Alembic takes most of a second to import

    migrate(engine, current)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(select(column("version_num")).select_from(table("alembic_version"))).scalar()


@contextmanager
def _wrapped(name: str) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise _refused(error, name) from error
    except SQLAlchemyError as error:
        raise StoreError(str(error), where=name) from error


def _refused(error: DBAPIError, name: str) -> StoreError:
    cause = " ".join(str(error.orig).split())
    if "deadlock detected" in cause:
        return StoreDeadlock(
            "another process and this one waited for each other", where=name, remedy="nothing was lost; run it again"
        )
    if any(sign in cause for sign in ("locked", "busy", "lock timeout")):
        return StoreLocked(
            "another process has held its lock for too long",
            where=name,
            remedy="nothing was lost; run it again when the other one has ended",
        )
    remedies = {
        "unable to open": "make the publication's folder and the file writable",
        "readonly": "make the file and its folder writable",
        "disk is full": "free some room and run it again; nothing was lost",
        "disk I/O error": "look after the disk, which may be full, and run it again; nothing was lost",
        "not a database": "move the file away, or restore a backup",
        "malformed": "restore a backup",
    }
    for sign, remedy in remedies.items():
        if sign in cause:
            return StoreUnreachable(cause, where=name, remedy=remedy)
    if isinstance(error, OperationalError):
        return StoreUnreachable(cause, where=name, remedy="see that it runs and is reachable")
    return StoreError(f"the database refused: {cause}", where=name)
