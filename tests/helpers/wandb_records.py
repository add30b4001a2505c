"""Reads what an offline W&B run has recorded."""

import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wandb.proto import wandb_internal_pb2 as protocol


def logged_records(file: Path) -> Iterator[bytes]:
    """Reads W&B's transaction log, a LevelDB log: 32 KiB blocks of (checksum, length, type) and data, after 7 bytes.

    W&B's own process may be writing the log: a record whose end is not there yet is not read.
    """
    content, at, parts = file.read_bytes(), 7, b""
    while at + 7 <= len(content):
        if at % 32768 > 32768 - 7:  # the last bytes of a block are padding when no header fits
            at += 32768 - at % 32768
            continue
        _, length, part = struct.unpack_from("<IHB", content, at)
        if at + 7 + length > len(content):
            return
        parts += content[at + 7 : at + 7 + length]
        at += 7 + length
        if part in (1, 4):  # a whole record, or the last part of one
            yield parts
            parts = b""


def records(folder: Path) -> dict[str, Any]:
    """Reads what one offline W&B run holds, as soon as W&B's own process has written its end."""
    for _ in range(600):  # a busy machine takes its time
        contents = read_records(folder)
        if contents["exit"] is not None:
            return contents
        time.sleep(0.1)
    raise AssertionError(f"the W&B run in {folder} was never ended: {contents}")


def read_records(folder: Path) -> dict[str, Any]:
    """Reads a run's name, group, job type, tags, config, number of history steps, summary and exit code.

    values: the iterations at which each value was logged.
    """
    (file,) = folder.rglob("run-*.wandb")
    contents: dict[str, Any] = {"steps": 0, "values": {}, "summary": {}, "exit": None, "id": None}
    for data in logged_records(file):
        record = protocol.Record()  # type: ignore[attr-defined]  # protobuf makes it when it is imported
        record.ParseFromString(data)
        record_type = record.WhichOneof("record_type")
        if record_type == "run":
            run = record.run
            contents |= {"id": run.run_id, "name": run.display_name, "group": run.run_group, "job_type": run.job_type}
            contents |= {"tags": set(run.tags), "notes": run.notes, "project": run.project, "entity": run.entity}
            contents["config"] = {item.key: json.loads(item.value_json) for item in run.config.update}
        elif record_type == "history":
            contents["steps"] += 1
            for item in record.history.item:
                contents["values"].setdefault(item.key or item.nested_key[0], []).append(record.history.step.num)
        elif record_type == "summary":
            contents["summary"] |= {
                item.key or item.nested_key[0]: json.loads(item.value_json) for item in record.summary.update
            }
        elif record_type == "exit":
            contents["exit"] = record.exit.exit_code
    return contents
