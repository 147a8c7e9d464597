import pytest

from tests.house import rules
from tests.house.rules import RULES, Rule, Source, tracked_sources

CODE = '"""Does one thing for one reason."""\n'


def code(body: str, path: str = "chassis/mechanism.py") -> Source:
    return Source(path, CODE + body)


LONG_FUNCTION = "def walk() -> None:\n" + "    step()\n" * 40

PLANTED: list[tuple[Rule, Source]] = [
    (rules.files_are_short, code("step = 1\n" * 300)),
    (rules.files_are_short, code("step = 1\n" * 500, "tests/test_walk.py")),
    (rules.functions_are_short, code(LONG_FUNCTION)),
    (rules.functions_are_short, code(LONG_FUNCTION, "tests/test_walk.py")),
    (rules.parameters_are_named, code("def offer(a, b, c, d): ...\n")),
    (rules.parameters_are_named, code("class Road:\n    async def offer(self, a, b, c, d): ...\n")),
    (rules.names_say_what, code("", "chassis/utils.py")),
    (rules.names_say_what, code("", "chassis/helpers/clock.py")),
    (rules.names_say_what, code("", "services/intake/service.py")),
    (rules.modules_say_their_purpose, Source("chassis/mechanism.py", "import json\n")),
    (rules.modules_say_their_purpose, Source("chassis/mechanism.py", '"""Two\nlines."""\n')),
    (rules.documents_name_what_is_there, Source("docs/a.md", "by `tests/house/test_gone.py`\n")),
    (rules.documents_name_what_is_there, Source("docs/a.md", "see [b](decisions/b.md#why)\n")),
    (rules.no_registry_is_named, Source("docs/a.md", "see https://py" + "pi.org/simple\n")),
    (rules.no_registry_is_named, Source("Makefile", "files.python" + "hosted.org\n")),
    (rules.no_machine_path_is_named, Source("README.md", "cd /wor" + "k/main\n")),
    (rules.no_machine_path_is_named, Source("docs/a.md", "in /hom" + "e/awa/siraba\n")),
    (rules.nothing_is_unfinished, code("# TO" + "DO: the rest\n")),
    (rules.nothing_is_unfinished, code("raise NotImplemented" + "Error\n")),
    (rules.ignores_have_reasons, code("x = 1  # no" + "qa\n")),
    (rules.ignores_have_reasons, code("x = 1  # no" + "qa: S101\n")),
    (rules.ignores_have_reasons, code("x = 1  # type: ig" + "nore[misc]\n")),
    (rules.only_the_wrapper_meets_faststream, code("await broker.publish(1, 'a')\n")),
    (rules.only_the_wrapper_meets_faststream, code("await self._broker.request(1, 'a')\n")),
    (rules.only_the_wrapper_meets_faststream, code("@router.subscriber('a')\ndef on(m): ...\n")),
    (rules.engines_hide_parameters, code("engine = create_async_engine(url, pool_size=2)\n")),
    (rules.engines_hide_parameters, code("engine = sa.create_engine(url, hide_parameters=x)\n")),
    (rules.only_settings_read_the_environment, code("import os\nhome = os.environ['HOME']\n")),
    (rules.only_settings_read_the_environment, code("import os\nhome = os.getenv('HOME')\n")),
    (rules.domains_stand_on_the_standard_library, code("import httpx\n", "services/a/domain.py")),
    (
        rules.domains_stand_on_the_standard_library,
        code("from contracts.intake import CaseRegistered\n", "services/a/domain/case.py"),
    ),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps(rule: Rule) -> None:
    broken = [place for source in tracked_sources() for place in rule(source)]

    assert not broken, "\n".join(["", *broken])


@pytest.mark.parametrize(
    ("rule", "source"),
    PLANTED,
    ids=[f"{rule.__name__}-{at}" for at, (rule, _) in enumerate(PLANTED)],
)
def test_a_planted_violation_is_seen(rule: Rule, source: Source) -> None:
    assert len(rule(source)) == 1


def test_every_rule_has_a_planted_violation() -> None:
    assert {rule for rule, _ in PLANTED} == set(RULES)


@pytest.mark.parametrize(
    "source",
    [
        code("def offer(a, b, c, *, d, e): ...\n"),
        code("class Road:\n    def offer(self, a, b, c): ...\n"),
        code("def should_sample(  # house: the sampler's signature\n    a, b, c, d): ...\n"),
        code("x = 1  # no" + "qa: S101 -- the demo's own password\n"),
        code("x = 1  # type: ig" + "nore[misc]  # untyped library\n"),
        code("await outbox.publish(event)\n"),
        code("import os\nhome = os.environ['HOME']\n", "chassis/settings.py"),
        code("await broker.publish(1, 'a')\n", "chassis/broker.py"),
        code("from dataclasses import dataclass\n", "services/a/domain.py"),
        code("from services.a.domain.case import Case\n", "services/a/domain/incident.py"),
        code("step = 1\n" * 400, "tests/test_walk.py"),
        Source("docs/a.md", "long\n" * 1000),
        Source(
            "docs/a.md", "[a](architecture.md#a) [b](https://b.example) `tests/house/rules.py`\n"
        ),
    ],
    ids=lambda source: source.text[-40:].strip()[:30],
)
def test_good_code_breaks_no_rule(source: Source) -> None:
    assert [place for rule in RULES for place in rule(source)] == []
