"""What can be set for a DNS probe."""

from __future__ import annotations

from dataclasses import dataclass, field

from probes.dns.message import Question, normalize_record, parse_code
from probes.requirements import require, require_pattern
from probes.resolve import ResolveError, split_host_port
from probes.transport import TransportSettings

MATCHES = ("any", "all", "exact")


@dataclass(frozen=True, slots=True)
class Settings(TransportSettings):
    """What to ask, of whom besides the target, and what must come back."""

    query: str = field(
        default=".", metadata={"help": "the name to ask for; with record PTR an address will do, too"}
    )
    record: str = field(
        default="", metadata={"help": "type of record: A, AAAA, MX, SOA, …; left out: A, of the root NS"}
    )
    rcodes: tuple[str, ...] = field(default=("NOERROR",), metadata={"help": "response codes that are right"})
    answers: tuple[str, ...] = field(default=(), metadata={"help": "records expected in the answer"})
    answer_patterns: tuple[str, ...] = field(
        default=(), metadata={"help": "regular expressions, each for a record expected in the answer"}
    )
    match: str = field(
        default="any",
        metadata={
            "help": "any: one of what is expected is there; all: each is there; exact: each is there and "
            "nothing else (of nothing expected: no records)"
        },
    )
    authoritative: bool = field(
        default=False, metadata={"help": "the answer must come from a server that holds the zone"}
    )
    dnssec: bool = field(
        default=False, metadata={"help": "the resolver must say that it has verified the signatures (AD)"}
    )
    resolvers: tuple[str, ...] = field(
        default=(), metadata={"help": "further resolvers (HOST or HOST:PORT) that must answer the same"}
    )

    def __post_init__(self) -> None:
        TransportSettings.__post_init__(self)
        question = self.question
        require(bool(self.rcodes), "rcodes", "at least one, such as NOERROR")
        for code in self.rcodes:
            parse_code(code)
        for record in self.answers:
            normalize_record(question, record)
        for pattern in self.answer_patterns:
            require_pattern("answer_patterns", pattern)
        require(self.match in MATCHES, "match", f"one of {', '.join(MATCHES)}")
        expects = bool(self.answers or self.answer_patterns)
        require(expects or self.match != "all", "match", "any or exact, where no answers are expected")
        _require_resolvers(self.resolvers)

    @property
    def question(self) -> Question:
        """What is asked; raises ValueError."""
        return Question.parse(self.query, self.record, authenticated=self.dnssec)

    @property
    def expected_codes(self) -> frozenset[int]:
        """The response codes that are right, as numbers."""
        return frozenset(map(parse_code, self.rcodes))

    @property
    def expected_records(self) -> tuple[str, ...]:
        """The records expected, as answers show them."""
        question = self.question
        return tuple(normalize_record(question, record) for record in self.answers)


def _require_resolvers(resolvers: tuple[str, ...]) -> None:
    for text in resolvers:
        try:
            host, _ = split_host_port(text, 53)
        except ResolveError as error:
            raise ValueError(f"resolvers: {error.detail}") from None
        require(bool(host.strip()), "resolvers", "HOST or HOST:PORT")
    require(len(set(resolvers)) == len(resolvers), "resolvers", "named once each")
