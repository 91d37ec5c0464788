"""What a worker is about to send, so that others know it when its machine is lost."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "sub_batches",
        sa.Column("id", key, nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deliveries", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sub_batches"),
    )
    op.create_index("ix_sub_batches_worker", "sub_batches", ["worker"])
