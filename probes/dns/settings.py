"""What can be set for a DNS probe."""

from __future__ import annotations

from dataclasses import dataclass, field

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
        default=(),
        metadata={
            "help": "further resolvers (HOST or HOST:PORT) that must answer the same; over tls "
            "HOST:PORT#NAME, where the certificate names another than the address"
        },
    )

    def __post_init__(self) -> None:
        TransportSettings.__post_init__(self)
        require(bool(self.rcodes), "rcodes", "at least one, such as NOERROR")
        # dnspython knows names, types and codes; only who watches a resolver loads it.
        from probes.dns.expectation import require_readable

        require_readable(self)
        for pattern in self.answer_patterns:
            require_pattern("answer_patterns", pattern)
        require(self.match in MATCHES, "match", f"one of {', '.join(MATCHES)}")
        expects = bool(self.answers or self.answer_patterns)
        require(expects or self.match != "all", "match", "any or exact, where no answers are expected")
        _require_resolvers(self.resolvers, self.transport)


def split_resolver(text: str) -> tuple[str, str]:
    """`HOST:PORT#NAME` into `HOST:PORT` and the name in its certificate; that may be left out."""
    server, _, name = text.partition("#")
    return server, name


def _require_resolvers(resolvers: tuple[str, ...], transport: str) -> None:
    for text in resolvers:
        server, name = split_resolver(text)
        try:
            host, _ = split_host_port(server, 53)
        except ResolveError as error:
            raise ValueError(f"resolvers: {error.detail}") from None
        require(bool(host.strip()), "resolvers", "HOST, HOST:PORT or HOST:PORT#NAME")
        require(not name or transport == "tls", "resolvers", "without #NAME where transport is not tls")
    servers = {split_resolver(text)[0] for text in resolvers}
    require(len(servers) == len(resolvers), "resolvers", "named once each")
