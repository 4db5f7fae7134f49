"""The report of a run, in the dataset's folder: report.json for programs, report.txt for people."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from synth.farm.tally import Tally, clock_words
from synth.storage.files import replacing

REPORT_JSON, REPORT_TEXT = "report.json", "report.txt"


def write_summary(folder: Path, tally: Tally, outcome: str, quarantined: list[int], facts: dict[str, Any]) -> None:
    """Write both reports of the run that ends now.

    outcome: "success", "finished with quarantined records", "interrupted: ..." or "failed: ...". quarantined: indices
    of the whole dataset's empty records. facts: seed, device, versions.
    """
    content = summary(tally, outcome, quarantined, facts)
    with replacing(folder / REPORT_JSON) as path:
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    with replacing(folder / REPORT_TEXT) as path:
        path.write_text(_text(content), encoding="utf-8")


def summary(tally: Tally, outcome: str, quarantined: list[int], facts: dict[str, Any]) -> dict[str, Any]:
    """The report as plain data. Seconds of stages are sums over all workers."""
    ended, total = datetime.now(UTC), max(sum(tally.stages.values()), 1e-9)
    return {
        "outcome": outcome,
        "started": f"{ended - timedelta(seconds=tally.seconds):%Y-%m-%dT%H:%M:%SZ}",
        "ended": f"{ended:%Y-%m-%dT%H:%M:%SZ}",
        **facts,
        "records": {"dataset": tally.total, "there_before": tally.done, "rendered": tally.rendered},
        "seconds": round(tally.seconds, 1),
        "records_per_second": round(tally.rate, 4),
        "cpu_seconds": round(tally.cpu_s, 1),
        "stages": {
            stage: {"seconds": round(s, 3), "per_record": round(s / max(tally.rendered, 1), 5), "share": s / total}
            for stage, s in tally.stages.most_common()
        },
        "slowest_records": tally.slowest,
        "faults": {"counts": dict(tally.faults), "named": tally.named_faults},
        "workers_replaced": dict(tally.replaced),
        "quarantined": quarantined,
    }


def _text(content: dict[str, Any]) -> str:
    records, stages = content["records"], content["stages"]
    lines = [
        f"outcome: {content['outcome']}",
        f"{records['rendered']} records rendered in {clock_words(content['seconds'])}, "
        f"{content['records_per_second']:.2f} records/s once Blender was open; "
        f"{records['there_before'] + records['rendered']} of {records['dataset']} are there",
        f"ended {content['ended']}, seed {content['seed']}, device {content['device'] or 'unknown'}",
        "",
        "stage            s per record   share",
        *(f"{stage:<16} {row['per_record']:>12.4f}   {row['share']:>5.1%}" for stage, row in stages.items()),
        "",
        "slowest records: "
        + (", ".join(f"{row['index']} ({row['seconds']:.2f} s)" for row in content["slowest_records"]) or "none"),
        "workers replaced: "
        + (", ".join(f"{count} {reason}" for reason, count in content["workers_replaced"].items()) or "none"),
        f"faults: {sum(content['faults']['counts'].values()) or 'none'}",
        *(
            f"  {row['what']}, try {row['try']}, worker {row['worker']}, {row['kind']}: {row['error'][:200]}"
            for row in content["faults"]["named"][:50]
        ),
        f"quarantined: {', '.join(map(str, content['quarantined'][:50])) or 'none'}",
    ]
    return "\n".join(lines) + "\n"
