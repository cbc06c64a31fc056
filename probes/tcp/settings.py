"""What can be set for a TCP probe."""

from __future__ import annotations

from dataclasses import dataclass, field

from probes.requirements import require
from probes.tcp.script import LINE_ENDS, parse_script
from probes.tls.settings import require_starttls

_MOST_STEPS = 50


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to connect, and what is said there."""

    port: int = field(default=0, metadata={"help": "port; left out: that of the address"})
    dialogue: str = field(
        default="",
        repr=False,
        metadata={
            "help": "one step a line: 'expect REGULAR-EXPRESSION' waits for a line that matches, 'send TEXT' "
            r"sends a line (\r \n \t \\ \xNN mean what they do elsewhere)",
            "secret": True,
        },
    )
    line_end: str = field(
        default="crlf", metadata={"help": f"what ends a line that is sent: {', '.join(LINE_ENDS)}"}
    )
    tls: bool = field(default=False, metadata={"help": "whether everything is said in TLS"})
    starttls: str = field(
        default="", metadata={"help": "ask for TLS in plain text first: smtp, imap, pop3, xmpp, ldap"}
    )
    server_name: str = field(
        default="", metadata={"help": "name to ask for and to find in the certificate; left out: the address"}
    )
    verify: bool = field(default=True, metadata={"help": "whether the certificate must be valid"})
    ca_file: str = field(default="", metadata={"help": "PEM file of the CA to trust instead of the system's"})

    def __post_init__(self) -> None:
        require(0 <= self.port <= 65535, "port", "1 to 65535")
        require_starttls(self.starttls)
        require(not (self.tls and self.starttls), "tls", "no where starttls is given")
        require(self.line_end in LINE_ENDS, "line_end", f"one of {', '.join(LINE_ENDS)}")
        require(len(parse_script(self.dialogue)) <= _MOST_STEPS, "dialogue", f"{_MOST_STEPS} steps at most")

    @property
    def says_nothing(self) -> bool:
        """Whether it is enough that something listens."""
        return not (self.tls or self.starttls or parse_script(self.dialogue))
