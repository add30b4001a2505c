"""Good files of each kind, which `fuzz` begins with."""

import io
import json

import numpy as np

TREE = (
    b"# text = x\n1-2\tannasees\t_\t_\t_\t_\t_\t_\t_\t_\n1\tanna\t_\tPROPN\t_\t_\t2\tdep\t_\t_\n"
    b"2\tsees\t_\tVERB\t_\t_\t0\troot\t4:x|2.1:y\t_\n2.1\tx\t_\t_\t_\t_\t_\t_\t_\t_\n3\tdog\t_\tNOUN\t_\t_\t2\tdep\t_\t_\n\n"
)
RESULT = {
    "run": "tiny/udpos/t_ort/lr0.0001-seed0-0123abcd", "fingerprint": "0123abcd", "stage": "task", "task": "udpos",
    "variant": "t_ort", "backbone": "tiny", "seed": 0, "lr": 1e-4, "ort_lr": 1e-7, "test": {"en": {"f1": 0.5, "n": 3}},
    "adapters": {"en": {"kind": "noo", "source": "trained", "path": "x", "sha256": "y"}}, "provenance": {"steps": 3},
    "selection": {"language": "en", "split": "dev", "metric": "f1", "value": 0.5, "epoch": 1,
                  "history": [{"epoch": 1, "f1": 0.5}]},
    "counts": {"train": 3}, "avg_zero_shot": {}, "choices": {"task.name": "udpos"}, "target_dev": {},
    "layer_cos2": {"before": [0.1], "after": [0.2]}, "status": "finished", "schema_version": 1,
}  # fmt: skip
EVALUATION = {
    "run": None, "fingerprint": "", "elsewhere": {"name": "x", "sha256": "y"}, "task": "udpos", "variant": "t_ort",
    "backbone": "tiny", "source": "en", "metric": "f1", "test": {"sw": {"f1": 0.5, "n": 3}}, "target_dev": {}, "adapters": {},
    "inputs": {"test-sw": "x"}, "provenance": {"overrides": ["languages=[sw]"]}, "choices": {}, "schema_version": 1,
}  # fmt: skip
ADAPTER = {
    "config": {"mh_adapter": False, "output_adapter": True, "non_linearity": "relu", "original_ln_before": True,
               "reduction_factor": {"default": 16, "1": 2}, "inv_adapter": "nice", "inv_adapter_reduction_factor": 2},
    "hidden_size": 64, "model_type": "xlm-roberta", "model_name": "xlm-roberta-base", "name": "sw", "type": "text_lang",
}  # fmt: skip
PLAIN = {"config": "pfeiffer+inv[reduction_factor=2]", "model_class": "XLMRobertaAdapterModel"}
HEAD = {
    "config": {"head_type": "tagging", "layers": 1, "num_labels": 2, "label2id": {"A": 0, "B": 1}},
    "hidden_size": 64,
}


def tensors(header: dict[str, object], size: int) -> bytes:
    content = json.dumps(header).encode()
    return len(content).to_bytes(8, "little") + content + bytes(size)


def counts() -> bytes:
    content = io.BytesIO()
    np.savez_compressed(content, f1=np.ones((2, 3), np.int32))
    return content.getvalue()


GOOD: dict[str, list[bytes]] = {
    "xtreme": [b"anna\tPROPN\nsees\tVERB\n\ndog\tNOUN\n", b"en:anna\tPROPN\nen:sees\tVERB\n"],
    "pairs": [b"a b\tc d\tneutral\nx\ty\tcontradictory\n"],
    "columns": [b"# c\n-DOCSTART- X O\n\nanna x PROPN\nsees x VERB\n"],
    "conllu": [TREE],
    "jsonl": [b'{"a": "x", "b": "y", "c": "yes"}\n{"a": "x", "b": "\\u00e9", "c": 0}\n'],
    "csv": [b'a,b,c\nx,"y ""z"",\n",yes\nx,y,0\n'],
    "text": [b"anna sees dog\nberta likes river\n"],
    "adapter": [json.dumps(one).encode() for one in (ADAPTER, PLAIN)],
    "head": [json.dumps(HEAD).encode()],
    "tensors": [
        tensors({"a": {"dtype": dtype, "shape": shape, "data_offsets": [0, 8]}}, 8)
        for dtype, shape in (("F32", [2]), ("BF16", [2, 2]), ("I32", [2]))
    ],
    "sums": [b"0" * 64 + b"  record.json\n", b"f" * 64 + b"  adapter/x\n"],
    "result": [json.dumps(RESULT).encode()],
    "evaluation": [json.dumps(EVALUATION).encode()],
    "config": [
        b"fingerprint: x\nseed: 0\ntask: {name: udpos, labels: [A], metrics: [f1]}\nlanguage: {code: en}\ndata: {root: x}\n"
    ],
    "curves": [b"iteration,loss,l_ort,dev\n1,2.5,0.1,\n2,2.4,,0.5\n"],
    "counts": [counts()],
    "tokenizer": [b'{"model": {"vocab": {"a": 0, "b": 1}}, "added_tokens": [{"id": 2, "content": "c"}]}'],
    "language": [b"code: xq\nname: Exquisite\nwikipedia: null\nhub_adapters: {xlmr_base: a/b}\n"],
    "command": [b"optim.lr=1e-4\nlanguages=[en,sw]\n+task.files.columns.word=1\nvariant=t_noo,t_ort"],
}
