"""How figures are written: ratios, percentages, counts, times and hashes, the same in HTML and markdown."""

from __future__ import annotations

import math

MINUS = "\N{MINUS SIGN}"


def count(value: float | None) -> str:
    """A count with thousands separators; a dash for none."""
    if value is None:
        return "–"
    return f"{value:,.0f}".replace("-", MINUS)


def ratio(value: float | None) -> str:
    """A ratio with four decimals."""
    return "–" if value is None else f"{value:.4f}"


def interval(low: float | None, high: float | None) -> str:
    """A 95% interval of ratios."""
    return "" if low is None or high is None else f"[{low:.4f}, {high:.4f}]"


def change(value: float | None, digits: int = 2) -> str:
    """A ratio as a signed change: 1.0042 is +0.42%."""
    if value is None:
        return "–"
    return signed_percent(value - 1.0, digits)


def signed_percent(fraction: float, digits: int = 2) -> str:
    """A fraction as a signed percentage; one that rounds to nothing has no sign."""
    words = f"{100 * fraction:+.{digits}f}%"
    if not words.strip("+-0.%"):
        return words[1:]
    return words.replace("-", MINUS)


def share(fraction: float | None) -> str:
    """A fraction as a percentage without trailing zeros: 0.01 is 1%."""
    return "–" if fraction is None else f"{100 * fraction:.2f}".rstrip("0").rstrip(".") + "%"


def speed_words(value: float) -> str:
    """What a ratio of times means: "0.42% slower", "0.42% faster" or "as fast"."""
    amount = f"{100 * abs(value - 1):.2f}"
    if amount == "0.00":
        return "as fast"
    return f"{amount}% {'slower' if value > 1 else 'faster'}"


def count_words(value: float) -> str:
    """What a ratio of counts means: "0.287% fewer", "0.287% more" or "as many"."""
    amount = f"{100 * abs(value - 1):.3f}"
    if amount == "0.000":
        return "as many"
    return f"{amount}% {'more' if value > 1 else 'fewer'}"


def p_value(value: float | None) -> str:
    """A p-value with two significant digits; very small ones as a bound."""
    if value is None:
        return "–"
    return "<0.0001" if value < 0.0001 else f"{value:.2g}"


def seconds(value: float | None) -> str:
    """A duration in the unit a person would use, from nanoseconds to hours."""
    if value is None:
        return "–"
    if value >= 3600:
        return f"{value // 3600:.0f} h {value % 3600 // 60:.0f} min"
    if value >= 90:
        return f"{value // 60:.0f} min {value % 60:.0f} s"
    for scale, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value >= scale:
            return f"{significant(value / scale)} {unit}"
    return f"{significant(value * 1e9)} ns"


def significant(value: float) -> str:
    """Three significant digits without an exponent, with thousands separators."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}".replace("-", MINUS)


def short_hash(value: object) -> str:
    """The first twelve digits of a long hexadecimal hash; anything else as it is."""
    words = "" if value is None else str(value)
    bare = words.removeprefix("sha256:")
    if len(bare) >= 32 and all(digit in "0123456789abcdef" for digit in bare):
        return bare[:12]
    return words


def plural(number: int, noun: str) -> str:
    """`number` and the noun in its form: "1 patch", "2 patches"."""
    ending = "" if number == 1 else "es" if noun.endswith(("ch", "sh", "s")) else "s"
    return f"{count(number)} {noun}{ending}"
