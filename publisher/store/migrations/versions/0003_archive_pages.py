"""The order of publication, and the closed pages of feeds' archives."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("articles", sa.Column("place", sa.BigInteger(), nullable=True))
    op.create_table(
        "archive_pages",
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("places", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("feed", "number", name=op.f("pk_archive_pages")),
    )
