"""The chain most teams would write first: FastAPI, an ORM session per event, a polling relay.

It is what Siraba is compared with, so it is kept good: same contracts, messages and policy, same
checks of callers and codes, nothing acknowledged before its commit, every effect once, every step
traced. It uses push subscriptions (FastStream's fastest for single events), no log line per
message, an exporter that costs nothing, and a database role without row-level security. It does
less than Siraba: no order within a case, no gapless numbers, no dead letters, no refusals, no
withdrawal of what was disclosed. It neither signs nor seals, and is compared with a Siraba that does not either.
"""
