"""Corrections take numbers; digests and groups of readers say which they have.

What editions that are opening have decided about groups is dropped: it is decided again, and what was frozen stays.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "corrections",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("article_id", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("numbered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_corrections")),
        sa.UniqueConstraint("article_id", "text", name=op.f("uq_corrections_article_id_text")),
    )
    op.add_column("variants", sa.Column("corrections", sa.Text(), nullable=False, server_default="[]"))
    op.drop_table("edition_groups")
    op.create_table(
        "edition_groups",
        sa.Column("edition_id", KEY, nullable=False),
        sa.Column("cursor", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("topics", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("snoozed", sa.Boolean(), nullable=False),
        sa.Column("corrections", sa.Text(), nullable=False),
        sa.Column("variant_id", KEY, nullable=True),
        sa.Column("cursor_to", sa.BigInteger(), nullable=False),
        sa.Column("takes_over", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["edition_id"], ["editions.id"], name=op.f("fk_edition_groups_edition_id")),
        sa.ForeignKeyConstraint(["variant_id"], ["variants.id"], name=op.f("fk_edition_groups_variant_id")),
        sa.PrimaryKeyConstraint(
            "edition_id",
            "cursor",
            "start",
            "topics",
            "language",
            "snoozed",
            "corrections",
            name=op.f("pk_edition_groups"),
        ),
    )
