"""The database: schema, migrations, and all SQL, one module a noun.

`open_store` gives a Store; the modules' functions take one of its connections.
"""

from sqlalchemy import Connection

from publisher.store.database import Store, open_store

__all__ = ["Connection", "Store", "open_store"]
