"""`globals` and `abi` on the real source and the real builds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness import abi, burndown, source
from harness import burndown_check as check
from harness import burndown_lists as lists
from harness.burndown import Inputs
from harness.burndown_symbols import binaries
from harness.variants import Variant

if TYPE_CHECKING:
    from harness.build import Built

pytestmark = pytest.mark.build


@pytest.fixture(scope="module")
def inputs(built_upstream_fast: Built, built_fork_fast: Built) -> Inputs:
    upstream, fork = (source.ensure_tree(variant) for variant in (Variant.UPSTREAM, Variant.FORK))
    return Inputs(
        lists=burndown.read_lists(upstream.path, fork.path),
        steps=burndown.read_steps(fork),
        upstream=burndown.read_prefix(built_upstream_fast.prefix),
        fork=burndown.read_prefix(built_fork_fast.prefix),
    )


def test_the_real_series_passes(inputs: Inputs) -> None:
    verdict = burndown.evaluate(inputs)
    findings = {
        key: verdict[key] for key in ("new", "claimed_but_present", "ignored_without_reason", "wrong_trailers")
    }
    assert verdict["ok"], findings
    assert verdict["total"] == 1190  # the figure of the design; burndown counts it
    assert sum(row["total"] for row in verdict["by_folder"]) == 1190
    assert verdict["left"] == verdict["by_patch"][-1]["left"]
    assert verdict["left"] == 1190 - sum(step["removed"] - len(step["added"]) for step in verdict["by_patch"])
    assert verdict["coverage"]["built"] > 900
    assert verdict["writable"]["upstream"]["bytes"] > 1_000_000


def test_upstream_against_itself_has_nothing_to_say(inputs: Inputs) -> None:
    verdict = burndown.evaluate(replace(inputs, steps=[], fork=inputs.upstream, lists=_unchanged(inputs.lists)))
    assert verdict["ok"]
    assert (verdict["left"], verdict["grown"], verdict["done_but_listed"]) == (verdict["total"], [], [])


def _unchanged(both: check.Lists) -> check.Lists:
    return replace(both, fork_to_fix=both.upstream_to_fix, fork_ignored=both.upstream_ignored)


def test_a_false_claim_is_found(inputs: Inputs) -> None:
    row = lists.Variable("Objects/boolobject.c", None, "PyBool_Type")
    both = _unchanged(inputs.lists)
    shorter = {key: reason for key, reason in both.upstream_to_fix.items() if key != row}
    verdict = burndown.evaluate(
        replace(inputs, steps=[], fork=inputs.upstream, lists=replace(both, fork_to_fix=shorter))
    )
    assert not verdict["ok"]
    assert [claim["row"] for claim in verdict["claimed_but_present"]] == [str(row)]


def test_a_new_variable_is_found(inputs: Inputs) -> None:
    lost = lists.Variable("Objects/obmalloc.c", None, "_Py_tracemalloc_config")
    fewer = [symbol for symbol in inputs.upstream if symbol.key != (lost.file, lost.function, lost.name)]
    assert len(fewer) == len(inputs.upstream) - 1
    both = _unchanged(inputs.lists)
    unlisted = replace(
        both,
        upstream_to_fix={key: reason for key, reason in both.upstream_to_fix.items() if key != lost},
        upstream_ignored={key: reason for key, reason in both.upstream_ignored.items() if key != lost},
    )
    verdict = burndown.evaluate(replace(inputs, steps=[], upstream=fewer, fork=inputs.upstream, lists=unlisted))
    assert not verdict["ok"]
    assert [(entry["file"], entry["symbol"]) for entry in verdict["new"]] == [(lost.file, lost.name)]


def test_the_fork_keeps_the_abi(built_upstream_fast: Built, built_fork_fast: Built) -> None:
    found = abi.compare(built_upstream_fast.prefix, built_fork_fast.prefix)
    assert found["compatible"], (found["layouts"], found["abidiff"]["text"])
    assert found["layouts"]["structs"] > 80
    assert len(found["objects"]) > 60


def test_a_missing_module_breaks_the_abi(built_upstream_fast: Built, tmp_path: Path) -> None:
    for path in binaries(built_upstream_fast.prefix):
        if path.name.startswith("_json."):
            continue
        link = tmp_path / path.relative_to(built_upstream_fast.prefix)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)
    broken = [
        entry for entry in abi.compare_symbols(built_upstream_fast.prefix, tmp_path) if entry["status"] != "same"
    ]
    assert [(entry["file"].split(".")[0], entry["status"]) for entry in broken] == [("_json", "missing")]
