"""What a partner may never do, each as an attempt that answers whether it got through."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.trust.trespasses import (
    answering,
    arriving,
    over_http,
    reading,
    ruling,
    with_tokens,
    writing,
)
from tests.trust.trespasses.visits import Attempt
from tests.trust.worlds import World

Trespass = Callable[[World], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Trace:
    """Where an operator sees the attempt. `log`: a pattern in the server's log, or none.

    by_name: the line names the account; before anybody is let in, there is no name.
    is_buried: what the server let into the attacker's own stream is a dead letter under its name.
    """

    log: str = ""
    by_name: bool = True
    is_buried: bool = False

    @property
    def is_seen(self) -> bool:
        return bool(self.log) or self.is_buried


VIOLATION = Trace(log="Violation")
UNKNOWN = Trace(log="authentication error", by_name=False)
BURIED = Trace(is_buried=True)
#: The server names the rule to whoever sent it, keeps nothing of it, and tells nobody else.
TOLD = Trace()

TRESPASSES: dict[Trespass, Trace] = {
    reading.pulls_anothers_feed: VIOLATION,
    reading.reads_a_message_by_its_number: VIOLATION,
    reading.reads_the_last_message_of_anothers_subject: VIOLATION,
    reading.reads_directly: VIOLATION,
    reading.reads_many_of_our_own_directly: VIOLATION,
    reading.looks_at_a_stream: VIOLATION,
    reading.lists_the_streams: VIOLATION,
    reading.looks_at_anothers_consumer: VIOLATION,
    reading.lists_the_consumers: VIOLATION,
    reading.learns_how_large_the_platform_is: VIOLATION,
    reading.overhears_everything: VIOLATION,
    reading.overhears_feeds_and_requests: VIOLATION,
    reading.overhears_answers: VIOLATION,
    reading.overhears_the_broker: VIOLATION,
    reading.overhears_in_a_queue: VIOLATION,
    reading.overhears_by_overlapping_patterns: VIOLATION,
    reading.asks_the_server_itself: VIOLATION,
    ruling.creates_a_consumer_for_everything: VIOLATION,
    ruling.creates_a_durable_for_everything: VIOLATION,
    ruling.creates_a_consumer_without_a_name: VIOLATION,
    ruling.widens_its_own_consumer: VIOLATION,
    ruling.has_anothers_feed_pushed_to_itself: VIOLATION,
    ruling.lets_the_server_write_for_it: VIOLATION,
    ruling.deletes_anothers_consumer: VIOLATION,
    ruling.pauses_anothers_consumer: VIOLATION,
    ruling.moves_anothers_consumer: VIOLATION,
    ruling.unpins_anothers_consumer: VIOLATION,
    ruling.deposes_a_leader: VIOLATION,
    ruling.purges_the_feeds: VIOLATION,
    ruling.purges_anothers_feed: VIOLATION,
    ruling.purges_anothers_requests: VIOLATION,
    ruling.deletes_a_message: VIOLATION,
    ruling.creates_a_stream: VIOLATION,
    ruling.catches_all_in_a_stream_of_its_own: VIOLATION,
    ruling.changes_a_stream: VIOLATION,
    ruling.deletes_a_stream: VIOLATION,
    ruling.takes_a_snapshot: VIOLATION,
    ruling.restores_over_a_stream: VIOLATION,
    writing.sends_in_anothers_name: VIOLATION,
    writing.says_that_it_came_from_another: TOLD,
    writing.writes_into_a_feed: VIOLATION,
    writing.states_a_fact: VIOLATION,
    writing.wakes_a_relay: VIOLATION,
    writing.answers_in_our_place: VIOLATION,
    writing.acknowledges_for_another: VIOLATION,
    writing.refuses_for_another: VIOLATION,
    writing.delays_for_another: VIOLATION,
    writing.works_for_another: VIOLATION,
    writing.takes_the_next_with_anothers_acknowledgement: VIOLATION,
    writing.silences_another_with_its_message_id: BURIED,
    writing.empties_a_stream_by_a_header: TOLD,
    writing.lets_its_own_request_vanish: TOLD,
    writing.has_the_server_send_later: TOLD,
    writing.has_its_trace_sent_to_another: BURIED,
    writing.has_its_trace_sent_into_the_facts: VIOLATION,
    writing.claims_another_account: BURIED,
    writing.opens_a_batch_where_none_is: TOLD,
    answering.lets_an_acknowledgement_land_in_anothers_name: BURIED,
    answering.lets_an_acknowledgement_land_in_a_feed: BURIED,
    answering.lets_an_acknowledgement_become_a_fact: BURIED,
    answering.lets_a_delivery_land_in_anothers_name: BURIED,
    answering.lets_an_answer_acknowledge_for_another: VIOLATION,
    answering.lets_an_answer_delete_a_stream: BURIED,
    answering.lets_an_answer_purge_the_feeds: BURIED,
    answering.takes_the_place_of_a_pending_answer: VIOLATION,
    arriving.comes_without_a_key: UNKNOWN,
    arriving.comes_with_a_password: UNKNOWN,
    arriving.comes_with_a_key_nobody_registered: UNKNOWN,
    arriving.comes_with_anothers_public_key: UNKNOWN,
    arriving.comes_as_a_browser: UNKNOWN,
    arriving.comes_as_a_sensor: UNKNOWN,
    arriving.comes_as_a_leaf_node: UNKNOWN,
    arriving.comes_as_another_server: UNKNOWN,
    arriving.comes_too_often: Trace(log="maximum account active connections", by_name=False),
    arriving.sends_too_much_at_once: Trace(log="maximum payload exceeded"),
    arriving.sends_an_endless_line: Trace(log="maximum control line exceeded", by_name=False),
    arriving.sends_what_is_no_subject: VIOLATION,
}

#: Each leaves a line `web.refused` in a service's log.
OVER_HTTP: tuple[Attempt, ...] = (
    with_tokens.speaks_in_anothers_name,
    with_tokens.speaks_as_nobody_known,
    with_tokens.uses_a_token_for_another_service,
    with_tokens.uses_a_token_that_is_over,
    with_tokens.uses_a_token_of_tomorrow,
    with_tokens.uses_a_token_that_lives_for_a_year,
    with_tokens.uses_a_token_without_a_signature,
    with_tokens.signs_with_the_public_key_as_a_secret,
    with_tokens.brings_its_own_key,
    with_tokens.demands_that_a_header_be_understood,
    with_tokens.takes_a_role_that_does_not_exist,
    with_tokens.does_what_its_role_may_not,
    over_http.comes_without_a_token,
    over_http.looks_at_anothers_case,
    over_http.finds_anothers_case_among_its_own,
    over_http.decides_about_anothers_case,
    over_http.erases_anothers_case,
    over_http.opens_anothers_disclosure,
    over_http.confirms_a_withdrawal_for_another,
    over_http.breaks_the_glass_alone,
    over_http.merges_anothers_cases,
    over_http.enters_by_a_link_that_is_over,
    over_http.opens_anothers_dossier_page,
    over_http.lets_another_site_post_its_form,
    over_http.forges_a_session,
    over_http.takes_its_session_to_another_service,
)
