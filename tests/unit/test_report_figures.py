"""The summary that documents quote, and that README.md says what the stored one says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import report_samples as samples

from harness import paths
from harness.report import figures, load, main


def test_the_summary_has_figures_and_builds_but_no_paths(tmp_path: Path) -> None:
    folders = samples.store_all(tmp_path / "results")
    told = figures.of(load.sections(folders))
    gate, test = samples.gate(), samples.diff()
    assert told["gate"]["verdict"] == gate["verdict"]
    assert told["gate"]["suite"]["ratio"] == gate["suite"]["ratio"]
    assert told["gate"]["builds"]["candidate"]["series_hash"] == samples.SERIES
    assert told["test"]["new_failures"] == len(test["new_failures"])
    assert told["test"]["fork"]["tests"] == test["fork"]["tests"]
    assert told["globals"]["left"] == samples.globals_()["left"]
    assert told["abi"]["compatible"] is True
    assert len(told["multicore"]["rows"]) == len(samples.multicore()["rows"])
    text = json.dumps(told)
    assert len(text) < len(json.dumps([gate, test, samples.multicore()]))
    assert not re.search(r'"/\w+/', text)


def test_pairs_of_a_gate_are_told_apart(tmp_path: Path) -> None:
    value = samples.gate()
    value["suite"] |= {"build_pairs": 1}
    assert "by_pair" not in figures._gate(value)
    value["suite"] |= {"build_pairs": 3, "block_ratios": [0.9, 1.0, 1.1, 0.9, 1.0, 1.1]}
    assert figures._gate(value)["by_pair"]["suite"] == pytest.approx([0.9, 1.0, 1.1])


def test_the_option_writes_it(tmp_path: Path) -> None:
    folder = samples.store(tmp_path / "results", "globals")
    target = tmp_path / "figures.json"
    assert main(["--result", str(folder), "--out", str(tmp_path / "out"), "--figures", str(target)]) == 0
    found = json.loads(target.read_text(encoding="utf-8"))
    assert set(found) == {"schema", "kind", "globals"}


def quoted() -> tuple[str, dict[str, Any]]:
    """README.md, and the stored figures that it names."""
    readme = (paths.ROOT / "README.md").read_text(encoding="utf-8")
    (name,) = set(re.findall(r"\(docs/results/([\w.-]+\.json)\)", readme))
    found: dict[str, Any] = json.loads((paths.ROOT / "docs" / "results" / name).read_text(encoding="utf-8"))
    return readme, found


def test_readme_quotes_the_stored_figures() -> None:
    readme, found = quoted()
    suite, gate = found["gate"]["suite"], found["gate"]
    assert f"**{gate['verdict']}**" in readme
    assert f"{suite['ratio']:.4f} [{suite['low']:.4f}, {suite['high']:.4f}]" in readme
    assert f"{gate['instructions']['geomean'] - 1:+.2%}" in readme
    assert f"{found['test']['fork']['tests']:,} tests" in readme
    assert f"{found['test']['new_failures'] or 'no'} new failure" in readme
    assert f"{found['test']['failing_in_both']} fail on both sides" in readme
    assert f"{found['globals']['total']:,} -> **{found['globals']['left']:,}**" in readme
    assert f"{found['abi']['objects']} files, {found['abi']['structs']} public structs" in readme
    assert ("compatible" if found["abi"]["compatible"] else "**incompatible**") in readme


def test_the_stored_figures_belong_together() -> None:
    """One series and one source; the series need not be today's, but README says which it was."""
    readme, found = quoted()
    builds = [
        build for value in found.values() if isinstance(value, dict) for build in value.get("builds", {}).values()
    ]
    assert len({build["source_sha256"] for build in builds}) == 1
    (series,) = {build["series_hash"] for build in builds if build.get("series_hash")}
    assert series[:8] in readme
