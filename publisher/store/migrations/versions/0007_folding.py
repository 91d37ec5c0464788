"""Editions that have left the database for a file: its name, when they had left, and what their sums are made of."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("editions", sa.Column("ledger", sa.Text(), nullable=False, server_default=""))
    op.add_column("editions", sa.Column("folded_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "folded",
        sa.Column("edition_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("variant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("was_unknown", sa.Boolean(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["edition_id"], ["editions.id"], name=op.f("fk_folded_edition_id")),
        sa.ForeignKeyConstraint(["variant_id"], ["variants.id"], name=op.f("fk_folded_variant_id")),
        sa.PrimaryKeyConstraint("edition_id", "variant_id", "state", "was_unknown", name=op.f("pk_folded")),
    )
    op.create_index(op.f("ix_folded_variant_id"), "folded", ["variant_id"])
