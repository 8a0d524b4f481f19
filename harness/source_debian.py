"""The release's tarball out of Debian's source package, through apt, without root, changing nothing on the machine.

apt gets a configuration of its own: source entries copied from the machine's binary ones, and package lists and
caches in a temporary directory. Proxies, keys and mirrors stay those of the machine.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from harness import paths, proc

ETC = Path("/etc/apt")
OS_RELEASE = Path("/etc/os-release")
TIMEOUT = 300.0  # seconds for one apt command
# Hooks of the machine's own apt configuration must not run for our private lists.
NO_HOOKS = "".join(
    f"#clear {name};\n"
    for name in ("APT::Update::Pre-Invoke", "APT::Update::Post-Invoke", "APT::Update::Post-Invoke-Success")
)


class DebianUnavailable(Exception):
    """Why apt could not give the tarball (a reason to go on to the next way, not a failure yet)."""


def codename(os_release: Path = OS_RELEASE) -> str:
    """The release's code name (VERSION_CODENAME), or an empty string where there is none."""
    if not os_release.is_file():
        return ""
    found = re.search(r"^VERSION_CODENAME=\"?([\w.-]+)", os_release.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else ""


def source_entries(etc: Path, suite: str) -> tuple[str, str]:
    """The machine's entries of `suite` and its updates as deb-src: (text of a .list, text of a .sources file)."""
    names = [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*.list"))]
    one_line = [_as_source_line(line, suite) for path in names if path.is_file() for line in _lines(path)]
    stanzas = [
        _as_source_stanza(stanza, suite)
        for path in sorted((etc / "sources.list.d").glob("*.sources"))
        for stanza in re.split(r"\n\s*\n", "\n".join(_lines(path)))
    ]
    return (
        "".join(f"{line}\n" for line in dict.fromkeys(one_line) if line),
        "\n".join(f"{stanza}\n" for stanza in dict.fromkeys(stanzas) if stanza),
    )


def _lines(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8", errors="replace")
    return [line for line in text.splitlines() if not line.lstrip().startswith("#")]


def _as_source_line(line: str, suite: str) -> str:
    match = re.match(r"\s*deb(?:-src)?\s+(\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.+)$", line)
    if not match or not match[3].startswith(suite) or "main" not in match[4].split():
        return ""
    return f"deb-src {match[1] or ''}{match[2]} {match[3]} main"


def _as_source_stanza(stanza: str, suite: str) -> str:
    fields = dict(re.findall(r"^([\w-]+):[ \t]*((?:.*)(?:\n[ \t].*)*)", stanza, re.MULTILINE))
    wanted = any(name.startswith(suite) for name in fields.get("Suites", "").split())
    if not wanted or "main" not in fields.get("Components", "").split() or fields.get("Enabled", "").lower() == "no":
        return ""
    kept = fields | {"Types": "deb-src", "Components": "main"}
    return "\n".join(f"{name}: {value}" for name, value in kept.items() if name != "Architectures")


def options(home: Path) -> list[str]:
    """apt's options for private source entries (home/parts), lists and caches; makes the directories."""
    for name in ("parts", "lists/partial", "cache/archives/partial"):
        (home / name).mkdir(parents=True, exist_ok=True)
    (home / "apt.conf").write_text(NO_HOOKS, encoding="utf-8")
    settings = {
        "Dir::Etc::SourceList": "/dev/null",
        "Dir::Etc::SourceParts": home / "parts",
        "Dir::State::Lists": home / "lists",
        "Dir::Cache": home / "cache",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Acquire::http::Timeout": 20,
        "Acquire::https::Timeout": 20,
        "Acquire::Retries": 1,
    }
    set_ = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    return ["-c", str(home / "apt.conf"), *set_]


def versions(listing: str, release: str) -> list[str]:
    """Versions of the source package in `apt-cache showsrc` output that carry this upstream release, newest last."""
    found = re.findall(r"^Version:\s*(\S+)", listing, re.MULTILINE)
    return [version for version in dict.fromkeys(found) if version.split(":")[-1].split("-")[0] == release]


def download(package: str, release: str, target: Path, *, etc: Path = ETC) -> Path:
    """Download the orig tarball of `package` at upstream version `release` into `target` (unverified).

    Raises DebianUnavailable with the reason. The newest Debian revision is asked for first, then the older ones: all
    revisions share one orig tarball, and a mirror may have dropped some of them.
    """
    if shutil.which("apt-get") is None:
        raise DebianUnavailable("apt-get is not on this machine")
    one_line, deb822 = source_entries(etc, codename())
    if not one_line and not deb822:
        raise DebianUnavailable(f"{etc} has no entry of Debian's main archive")
    log = paths.logs_dir() / "source-debian.log"
    with tempfile.TemporaryDirectory(prefix="redwoodtj-apt-") as name:
        home = Path(name)
        common = options(home)
        (home / "parts" / "redwoodtj.list").write_text(one_line, encoding="utf-8")
        (home / "parts" / "redwoodtj.sources").write_text(deb822, encoding="utf-8")
        # The exit status of update is not enough: one dead archive of three fails it, and two suffice.
        updated = proc.run(["apt-get", *common, "-q", "update"], log=log, check=False, timeout=TIMEOUT)
        listing = proc.run(["apt-cache", *common, "showsrc", package], check=False, timeout=TIMEOUT, echo=False)
        known = versions(listing.stdout, release)
        if not known:
            why = "apt-get update failed" if updated.returncode else f"no entry has {package} {release}"
            raise DebianUnavailable(f"{why}; log: {log}")
        for version in reversed(known):
            tarball = _fetch(common, package, version, target, log)
            if tarball is not None:
                return tarball
    raise DebianUnavailable(f"no revision of {package} {release} could be downloaded; log: {log}")


def _fetch(common: list[str], package: str, version: str, target: Path, log: Path) -> Path | None:
    command = ["apt-get", *common, "-q", "source", "--download-only", "--tar-only", f"{package}={version}"]
    proc.run(command, cwd=target, log=log, check=False, timeout=TIMEOUT)
    # Judged by what arrived, not by the exit status: apt fails the whole when a part that is not needed is gone.
    found = sorted(target.glob("*.orig.tar.gz"))
    return found[0] if found else None
