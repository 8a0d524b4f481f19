"""Scalars: str, bytes, int and float work; floats to text and back go through dtoa's free lists."""

from __future__ import annotations

import random
import time

from bench_script import calls, main

_LINE = "the quick brown fox jumps over the lazy dog; " * 4
_WORDS = _LINE.split()
_BYTES = _LINE.encode()
_RANDOM = random.Random(11)
_FLOATS = [_RANDOM.uniform(-1e6, 1e6) * 10.0 ** _RANDOM.randint(-20, 20) for _ in range(100)]
_TEXTS = [repr(number) for number in _FLOATS]


def _str_ops() -> int:
    words = _LINE.split()
    joined = " ".join(words)
    upper = joined.upper().replace("FOX", "cat").strip()
    found = upper.find("cat") + joined.count("the") + joined.rfind("dog")
    for word in words:
        found += word.isalpha() + (word + "s").endswith("s") + len(word[1:3])
    piece = ""
    for char in _WORDS[0] * 10:
        piece += char
    return found + len(piece.partition("h")[2]) + ("z" in joined) + hash(joined + "!")


def _str_format() -> int:
    total = 0
    for number, word in enumerate(_WORDS):
        total += len(f"{word}: {number:>5} {number!r} {word:<10}")
        total += len("%s is %d of %x" % (word, number, number))  # noqa: UP031 (the old operator is the work)
        total += len("{} and {name:^12}".format(word, name=number))  # noqa: UP032
    return total


def _bytes_ops() -> int:
    parts = _BYTES.split(b" ")
    joined = b"-".join(parts)
    buffer = bytearray(joined)
    for index in range(0, len(buffer), 7):
        buffer[index] ^= 0x20
    buffer += b"tail"
    view = memoryview(buffer)[5:50]
    return joined.find(b"dog") + len(bytes(view)) + len(buffer.hex()) + sum(view) + len(joined.decode())


def int_ops(loops: int) -> float:
    """Small, two-digit and big integers."""
    big = 3**200
    again = range(loops)
    started = time.perf_counter()
    for number in again:
        total = number & 0xFF
        for step in range(50):
            total = (total * 31 + step) % 1_000_003
            total ^= step << 3
        wide = total * 4_000_000_007 // 7
        product = big * (wide + 1)
        _ = product // 12_345_678_901, product >> 100, str(wide), int("123456789")
    return time.perf_counter() - started


def float_arith(loops: int) -> float:
    """Steps of a damped oscillator."""
    again = range(loops)
    started = time.perf_counter()
    for _ in again:
        position, speed, step = 1.0, 0.0, 0.01
        for _ in range(50):
            force = -2.5 * position - 0.1 * speed
            speed += force * step
            position += speed * step
            energy = (speed * speed + position * position) ** 0.5
            if energy < 1e-9:
                break
    return time.perf_counter() - started


def _float_text() -> float:
    total = 0.0
    for number, text in zip(_FLOATS, _TEXTS, strict=True):
        total += float(text) + len(repr(number)) + len(f"{number:.3f}") + len("%.17g" % number)  # noqa: UP031
        total += round(number, 2)
    return total


if __name__ == "__main__":
    main(
        {
            "str_ops": calls(_str_ops),
            "str_format": calls(_str_format),
            "bytes_ops": calls(_bytes_ops),
            "int_ops": int_ops,
            "float_arith": float_arith,
            "float_text": calls(_float_text),
        }
    )
