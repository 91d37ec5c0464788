"""What selections and topics go by, and where each subscription began: whom an article has passed by."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("articles", sa.Column("marks", sa.Text(), nullable=True))
    op.add_column("subscriptions", sa.Column("began", sa.BigInteger(), nullable=False, server_default="0"))
    # What was passed before this was known is nobody's to claim.
    op.execute("UPDATE subscriptions SET began = cursor")
