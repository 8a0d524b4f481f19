"""What a patch file says: mail header, message, trailers, and the lines of its diff.

A patch is a mail as `git format-patch` writes it. It is read as bytes, for CPython's tree holds files in several
encodings and with both kinds of line ends; only header and message are text.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

HUNK = re.compile(rb"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
FILE = re.compile(rb"^diff --git a/(.+) b/(.+)$")
TRAILER = re.compile(r"^([A-Z][A-Za-z-]*):[ \t]*(.*)$")


@dataclass(frozen=True, slots=True)
class Message:
    """Header and message of a patch: subject without [PATCH], author "Name <mail>", body, trailers in order."""

    subject: str
    author: str
    body: str
    trailers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a diff: the file's path after the patch, sign " ", "+" or "-", content without sign and newline."""

    path: str
    sign: str
    content: bytes


def split(text: bytes) -> tuple[bytes, bytes]:
    """A patch as (header and message, diff); the diff is empty if the patch has none."""
    at = text.find(b"\ndiff --git ")
    return (text, b"") if at < 0 else (text[: at + 1], text[at + 1 :])


def message(text: bytes) -> Message:
    """Parse header and message; ValueError says what is not as in a mail made by git format-patch."""
    head, _diff = split(text)
    first, _, mail = head.partition(b"\n")
    if not re.match(rb"From [0-9a-f]{40} ", first):
        raise ValueError(
            "the first line is not `From <commit> Mon Sep 17 00:00:00 2001`: not a git format-patch file"
        )
    parsed = email.message_from_bytes(mail, policy=email.policy.default)
    for name in ("From", "Date", "Subject"):
        if not parsed[name]:
            raise ValueError(f"the mail header has no {name}:")
    payload = parsed.get_payload(decode=True)
    body = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
    body = re.split(r"^---$", body, maxsplit=1, flags=re.MULTILINE)[0].strip("\n")
    subject = re.sub(r"^\[PATCH[^\]]*\]\s*", "", " ".join(str(parsed["Subject"]).split()))
    return Message(subject, str(parsed["From"]), body, trailers(body))


def trailers(body: str) -> tuple[tuple[str, str], ...]:
    """The trailers in the last paragraph of a message; an indented line continues the one before it."""
    found: list[tuple[str, str]] = []
    paragraph = re.split(r"\n[ \t]*\n", body.strip("\n"))[-1]
    for line in paragraph.splitlines():
        match = TRAILER.match(line)
        if match:
            found.append((match[1], match[2].strip()))
        elif found and line[:1] in " \t":
            name, value = found[-1]
            found[-1] = (name, f"{value} {line.strip()}".strip())
        else:
            return ()
    return tuple(found)


def by_name(pairs: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """Trailers as a mapping; the values of one that is repeated are joined by ", "."""
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def lines(text: bytes) -> Iterator[Line]:
    """The lines inside the hunks of a patch, in order (ValueError if a hunk is cut short)."""
    path, old, new = "", 0, 0
    for raw in split(text)[1].split(b"\n"):
        if old or new:
            sign = raw[:1].decode("ascii", "replace") or " "
            if sign == "\\":
                continue
            if sign not in " +-":
                raise ValueError(f"a hunk of {path} is cut short")
            old, new = old - (sign != "+"), new - (sign != "-")
            yield Line(path, sign, raw[1:])
        elif match := HUNK.match(raw):
            old, new = (int(count) if count is not None else 1 for count in (match[2], match[4]))
        elif match := FILE.match(raw):
            path = match[2].decode("utf-8", "surrogateescape")
    if old or new:
        raise ValueError(f"the last hunk of {path} is cut short")


def paths(text: bytes) -> tuple[str, ...]:
    """The files that a patch touches, in order."""
    names = (FILE.match(line) for line in split(text)[1].split(b"\n") if line.startswith(b"diff --git "))
    return tuple(match[2].decode("utf-8", "surrogateescape") for match in names if match)


def slug(subject: str, topic: str) -> str:
    """The file name (without .patch) for a subject: its words but "topic:", joined by "-", at most 60 characters."""
    words = re.findall(r"[a-z0-9]+", subject.lower().removeprefix(f"{topic}:"))
    name = "-".join(words)
    while len(name) > 60 and len(words) > 1:
        words.pop()
        name = "-".join(words)
    return name[:60]
