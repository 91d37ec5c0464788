"""What all processes know about a relay: its rates and how fast it can take messages."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "relays",
        sa.Column("relay", sa.Text(), nullable=False),
        sa.Column("next_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("share", sa.Double(), server_default="1", nullable=False),
        sa.Column("share_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("aside_until", sa.Double(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("relay", name=op.f("pk_relays")),
    )
    op.create_table(
        "relay_minutes",
        sa.Column("relay", sa.Text(), nullable=False),
        sa.Column("minute", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("relay", "minute", name=op.f("pk_relay_minutes")),
    )
