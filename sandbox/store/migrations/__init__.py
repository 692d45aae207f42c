"""How the database comes to have the tables of ``schema``: Alembic, run at every start.

A new migration: change ``schema``, add the next file in ``versions/`` and let ``tests/store`` say whether the
two agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from sandbox.domain.errors import OperatorError

_LOCK = 7_305_013  # PostgreSQL's advisory lock for migrations; any number nobody else uses


def upgrade(engine: Engine) -> str:
    """Bring the database to the newest form; nothing happens when it has it already.

    Processes that start at once do so one after the other.

    Returns:
        The revision it has now.

    Raises:
        OperatorError: the database was made by a newer version of this program.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    newest = scripts.get_current_head() or ""
    with engine.connect() as connection, connection.begin():  # on SQLite this locks, see database.py
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        current = MigrationContext.configure(connection).get_current_revision()
        if current == newest:
            return newest
        if current is not None and current not in {s.revision for s in scripts.walk_revisions()}:
            raise OperatorError(
                f"The database has revision {current}, which this version does not know.",
                fix="Install the newer version that made it.",
            )
        _run(config, scripts, connection, newest)
    return newest


def _run(config: Config, scripts: ScriptDirectory, connection: Connection, newest: str) -> None:
    def steps(revision: Any, _context: MigrationContext) -> Sequence[Any]:
        return scripts._upgrade_revs(newest, revision)  # what Alembic's own ``upgrade`` command does

    with EnvironmentContext(config, scripts, fn=steps, destination_rev=newest) as environment:
        environment.configure(connection=connection, transactional_ddl=True)
        environment.run_migrations()
