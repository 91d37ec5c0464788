"""The links to private feeds."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "private_feeds",
        sa.Column("id", key, nullable=False),
        sa.Column("subscription_id", key, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscriptions.id"], name=op.f("fk_private_feeds_subscription_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_private_feeds")),
    )
    op.create_index(op.f("ix_private_feeds_subscription_id"), "private_feeds", ["subscription_id"])
