"""Profiles: what is known of a relay by its kind, and what the settings say instead.

Only what a provider has published stands here; what depends on the account (most rates) is for the settings.
"""

from __future__ import annotations

from dataclasses import replace

from publisher.model.errors import ConfigurationError
from publisher.model.publication import Relay
from publisher.model.rate import Limits, Rate, WarmUp, parse_rate
from publisher.publication.schedules import parse_duration
from publisher.publication.schema import DeliveryTable, RelayTable

__all__ = ["PROFILES", "relays_of"]

PROFILES: dict[str, Limits] = {
    "local": Limits(),
    # https://docs.aws.amazon.com/ses/latest/dg/quotas.html: an account's own once it has left the sandbox
    "ses": Limits(),
    "ses-sandbox": Limits(rates=(Rate(1, 1), Rate(200, 86400)), lanes=1),
    # https://postmarkapp.com/support/article/do-we-have-rate-limits-for-smtp
    "postmark": Limits(lanes=10),
    # Nothing is published for SMTP.
    "mailgun": Limits(),
    # https://sendgrid.com/docs/for-developers/sending-email/integrating-with-the-smtp-api/
    "sendgrid": Limits(messages=5000),
    # https://support.google.com/a/answer/2956491: of one user, in 24 hours
    "google": Limits(rates=(Rate(10_000, 86400),)),
    # https://help.socketlabs.com/docs/smtp-server-restrictions
    "socketlabs": Limits(lanes=10, messages=50),
    # http://www.reachmail.net/support/article/easy-smtp-rate-limits-and-recommendations
    "reachmail": Limits(messages=25),
}


def relays_of(settings: DeliveryTable) -> tuple[Relay, ...]:
    """The relays that messages go to: those of ``[[delivery.relays]]``, or the one of ``transport``. Pure.

    Raises ConfigurationError.
    """
    if not settings.relays:
        return (replace(_relay(settings), tls=settings.tls),)
    if "transport" in settings.model_fields_set:
        raise ConfigurationError(
            "transport and relays are both there",
            where="publication.toml",
            remedy='keep one of them in [delivery]; with publisher config set delivery.transport "" the relays',
        )
    names = [relay.name for relay in settings.relays]
    if len(set(names)) < len(names):
        raise ConfigurationError("two relays have one name", where="publication.toml", remedy="give each its own")
    addresses = [relay.transport for relay in settings.relays]
    if len(set(addresses)) < len(addresses):
        raise ConfigurationError("two relays have one address", where="publication.toml", remedy="one of them will do")
    if not any(relay.weight for relay in settings.relays):
        raise ConfigurationError(
            "every relay has weight 0",
            where="publication.toml",
            remedy="0 is for those that step in; give one a weight",
        )
    return tuple(
        replace(_relay(relay), name=relay.name, weight=relay.weight, tls=relay.tls or settings.tls)
        for relay in settings.relays
    )


def _relay(table: RelayTable | DeliveryTable) -> Relay:
    return Relay(
        transport=table.transport,
        limits=_limits(table),
        login="token" if table.token_command else table.login,
        token_command=table.token_command,
    )


def _limits(table: RelayTable | DeliveryTable) -> Limits:
    """The profile's limits, each replaced by what is set; a rate replaces that of its unit. Pure."""
    known = PROFILES[table.profile]
    rates = {rate.seconds: rate for rate in known.rates} | {rate.seconds: rate for rate in map(parse_rate, table.rate)}
    warm_up = table.warm_up
    return Limits(
        rates=tuple(rates[seconds] for seconds in sorted(rates)),
        lanes=known.lanes if table.lanes is None else table.lanes,
        messages=known.messages if table.messages_a_connection is None else table.messages_a_connection,
        age=known.age if table.connection_age is None else parse_duration(table.connection_age).total_seconds(),
        warm_up=None if warm_up is None else WarmUp(since=warm_up.since, first=warm_up.first, factor=warm_up.factor),
    )
