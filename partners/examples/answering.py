"""A whole partner program: read each message once, decide, answer, close; shows JSON lines.

    python -m partners.examples.answering --dir DIR --url nats://127.0.0.1:8422 --code SHELTER_A \
        --policy decline:capacity:2 --complete

Copy it, put your own decision where `policy.answer` stands, and erase your own copies in `erase`.
"""

import argparse
import logging
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from contracts.feed import ConsentWithdrawn
from partners.kit import KitError, Partner
from partners.kit.answers import FORMS, Policy, parse_policy
from partners.kit.lines import Lines
from partners.kit.running import run


async def work(given: argparse.Namespace, policy: Policy, lines: Lines) -> None:
    """Listen until told to stop, or until nothing has come for `--until-idle` seconds."""

    async def erase(message: ConsentWithdrawn) -> None:
        # This program keeps nothing. Erase your own copies here: when this returns, the kit confirms.
        lines.forgotten(message)

    async with Partner.open(given.dir, url=given.url, code=given.code, patience=None) as partner:
        lines.ready(partner.code)
        async for delivery in partner.deliveries(idle=given.until_idle, on_withdrawn=erase):
            # A dossier.disclosed has its content in delivery.dossier: put it in your own files here.
            lines.received(delivery)
            declined = partner.requests_sent("referral.decline")
            for request in policy.answer(delivery.message, own=partner.code, declined=declined):
                lines.sent(request, await partner.send(request, answering=delivery.envelope))
            # Last: after a crash before this line the message comes again, its answers do not.
            await delivery.done()


def main() -> None:
    """Run with the arguments of the command line."""
    parser = argparse.ArgumentParser(prog="python -m partners.examples.answering")
    parser.add_argument("--dir", type=Path, required=True, help="made by `siraba-partner init`")
    parser.add_argument("--url", required=True, help="where the platform listens")
    parser.add_argument("--code", help="make sure that the folder is this organisation's")
    parser.add_argument("--policy", default="accept", help=f"{FORMS}; accept when not given")
    parser.add_argument("--complete", action="store_true", help="also report start and delivery")
    parser.add_argument("--until-idle", type=float, metavar="SECONDS")
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    lines = Lines(write=partial(print, flush=True), now=partial(datetime.now, UTC), as_json=True)
    try:
        run(work(given, parse_policy(given.policy, complete=given.complete), lines))
    except (KitError, ValueError) as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
