"""The self-proof as markdown tables, as docs/gate.md shows them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from perf.gate_decide import Verdict
from perf.simulate import upper_limit

VERDICTS = (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.VOID)


def simulated(rows: Sequence[Mapping[str, Any]]) -> str:
    """One line a scenario: shares of verdicts, of gates that named a benchmark, of intervals that held the truth."""
    head = ["simulated", "runs", *VERDICTS, "named a benchmark", "interval held", "detectable"]
    lines = [_line(head), _line(["---", *["---:"] * (len(head) - 1)])]
    for row in rows:
        shares = [f"{row['verdicts'].get(verdict, 0) / row['runs']:.1%}" for verdict in VERDICTS]
        held, named = (f"{row[key] / row['runs']:.1%}" for key in ("covered", "reported"))
        lines.append(_line([row["what"], str(row["runs"]), *shares, named, held, f"{row['detectable']:.2%}"]))
    return "\n".join(lines)


def real(groups: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """One line a kind of real gate: counts of verdicts, the range of its ratios and what it could have seen."""
    head = ["real gates", "runs", *VERDICTS, "MISSING", "ratios", "detectable"]
    lines = [_line(head), _line(["---", *["---:"] * (len(head) - 1)])]
    for what, gates in groups.items():
        counts = Counter(gate["verdict"] for gate in gates)
        told = [gate for gate in gates if gate["ratio"] is not None]
        ratios = sorted(gate["ratio"] for gate in told)
        spread = f"{ratios[0]:.4f} to {ratios[-1]:.4f}" if ratios else ""
        seen = f"{max(gate['mde'] for gate in told):.2%}" if told else ""
        cells = [str(counts.get(verdict, 0)) for verdict in (*VERDICTS, Verdict.MISSING)]
        lines.append(_line([what, str(len(gates)), *cells, spread, seen]))
    return "\n".join(lines)


def rates(same: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Error rates of real A/A gates: false alarms and VOID with upper 95% limits, intervals that held 1."""
    runs = len(same)
    failed = sum(gate["verdict"] == Verdict.FAIL for gate in same)
    void = sum(gate["verdict"] == Verdict.VOID for gate in same)
    told = [gate for gate in same if gate["ratio"] is not None]
    return {
        "runs": runs,
        "false_alarms": failed,
        "false_alarm_rate_at_most": upper_limit(failed, runs) if runs else math.nan,
        "void": void,
        "passed": sum(gate["verdict"] == Verdict.PASS for gate in same),
        "intervals_that_held_1": sum(gate["low"] <= 1 <= gate["high"] for gate in told),
    }


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
