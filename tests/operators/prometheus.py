"""Prometheus' text format, read back as it is asked for: by name and labels."""

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

Numbers = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


def numbers(text: str) -> Numbers:
    """Every sample by its name and labels."""
    return {
        (one.name, frozenset(one.labels.items())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def number(found: Numbers, name: str, **labels: str) -> float:
    """One of them; KeyError when it is not told."""
    return found[name, frozenset(labels.items())]


def names(found: Numbers) -> set[str]:
    """What is told at all."""
    return {name for name, _ in found}
