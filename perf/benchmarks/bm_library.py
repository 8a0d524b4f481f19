"""Library code that ordinary programs live on: json, re, pickle, copy, datetime and struct."""

from __future__ import annotations

import copy
import datetime
import json
import pickle
import re
import struct

from bench_script import calls, main


class _Part:
    def __init__(self, number: int) -> None:
        self.number = number
        self.name = f"part {number}"
        self.sizes = [number, number * 2]


_DOCUMENT = {
    "title": "A document",
    "version": 3,
    "ratio": 0.75,
    "tags": ["alpha", "beta", "ünïcödé"],
    "rows": [{"id": number, "price": number * 1.25, "ok": number % 2 == 0, "none": None} for number in range(30)],
}
_TEXT = json.dumps(_DOCUMENT)
_PARTS = [_Part(number) for number in range(20)]
_PICKLED = pickle.dumps((_DOCUMENT, _PARTS))
_LOG = "\n".join(
    f"2024-03-{day:02} 12:{day:02}:07 [{'warn' if day % 3 else 'info'}] user{day}@example.org: took {day * 17} ms"
    for day in range(1, 29)
)
_ENTRY = re.compile(r"(?P<date>\d{4}-\d\d-\d\d) \S+ \[(?P<level>\w+)\] (?P<user>[\w.]+)@(\S+): took (\d+) ms")
_SPACES = re.compile(r"\s+|[,;:]")


def _json_dumps() -> int:
    return len(json.dumps(_DOCUMENT)) + len(json.dumps(_DOCUMENT["tags"], ensure_ascii=False))


def _json_loads() -> int:
    return len(json.loads(_TEXT))


def _regex() -> int:
    total = 0
    for entry in _ENTRY.finditer(_LOG):
        total += int(entry.group(5)) + len(entry["user"])
    return total + len(_SPACES.split(_LOG)) + len(_SPACES.sub("_", _LOG)) + bool(re.match(r"20\d\d", _LOG))


def _pickle_both() -> int:
    return len(pickle.dumps((_DOCUMENT, _PARTS))) + len(pickle.loads(_PICKLED))


def _deepcopy() -> int:
    return len(copy.deepcopy(_DOCUMENT)) + len(copy.deepcopy(_PARTS[:4]))


def _datetime_struct() -> int:
    start = datetime.datetime(2024, 3, 1, 12, 0)
    total = 0
    for day in range(30):
        moment = start + datetime.timedelta(days=day, seconds=day)
        total += len(moment.isoformat()) + (moment - start).days + moment.weekday()
        packed = struct.pack("<IhdQ", day, day, day / 3, day)
        total += int(struct.unpack("<IhdQ", packed)[0])
    return total


if __name__ == "__main__":
    main(
        {
            "json_dumps": calls(_json_dumps),
            "json_loads": calls(_json_loads),
            "regex": calls(_regex),
            "pickle": calls(_pickle_both),
            "deepcopy": calls(_deepcopy),
            "datetime_struct": calls(_datetime_struct),
        }
    )
