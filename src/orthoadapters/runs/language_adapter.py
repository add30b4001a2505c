"""One language adapter, wherever it comes from: its place, its files and its own record."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from orthoadapters.config.schema import AdapterKind, AdapterSource
from orthoadapters.errors import UserError
from orthoadapters.files import read_json
from orthoadapters.folders import exists
from orthoadapters.hub import adapters as adapter_hub
from orthoadapters.hub.backbones import TOKENIZER
from orthoadapters.runs.inputs import folder_sha256

# It lies beside AdapterHub's own files and says which run trained the adapter.
RECORD = "training.json"
TEXTS = ("fingerprint", "language", "kind", "backbone", "backbone_sha256", "tokenizer_sha256")
# The files that a run reads from an adapter's folder.
FILES = (RECORD, adapter_hub.FILE, *adapter_hub.WEIGHTS)


@dataclass(frozen=True)
class LanguageAdapter:
    """A language adapter, wherever it comes from.

    location: the folder or, for source hub, OWNER/NAME[@REVISION]; empty where no id is known.
    """

    language: str
    kind: AdapterKind
    source: AdapterSource
    location: str

    @cached_property
    def path(self) -> Path:
        """The folder. An adapter on the Hub is fetched first, once. Raises UserError as `adapter_hub.fetch` does."""
        return adapter_hub.fetch(self.location) if self.source is AdapterSource.hub else Path(self.location)

    @property
    def exists(self) -> bool:
        """Says whether there is something to load or, on the Hub, to fetch."""
        if self.source is AdapterSource.hub:
            return bool(self.location)
        return exists(self.path / adapter_hub.FILE)

    def result_entry(self) -> dict[str, str]:
        """Writes the adapter's entry in result.json, with the SHA-256 of what the folder holds now."""
        commit = f"{self.location.partition('@')[0]}@{self.path.name}"
        return {
            "kind": self.kind.value,
            "source": self.source.value,
            "path": commit if self.source is AdapterSource.hub else self.location,
            "sha256": folder_sha256(self.path, FILES),
        }

    def present_sha256(self) -> str | None:
        """Hashes what the folder holds now; None if it is not on this machine. Nothing is fetched."""
        try:
            folder = (
                adapter_hub.fetch(self.location, cached_only=True) if self.source is AdapterSource.hub else self.path
            )
        except UserError:
            return None
        return folder_sha256(folder, FILES) if exists(folder / adapter_hub.FILE) else None

    def record(self) -> dict[str, Any]:
        """Reads training.json; empty for an adapter from elsewhere, which has none. Raises UserError if it is broken."""
        path = self.path / RECORD
        return read_json(path, "restore it, or train the adapter anew", TEXTS) if exists(path) else {}

    def check_language(self) -> None:
        """Raises UserError if the adapter's own record says that it was trained on another language.

        The name in adapter_config.json is not looked at: others give theirs any name.
        """
        language = self.record().get("language", self.language)
        if language != self.language:
            fix = f"put the adapter for {self.language} in its place"
            if self.source is AdapterSource.hub:
                fix = f"name another with language_adapters.hub={{{self.language}:OWNER/NAME}}"
            raise UserError(
                f"{self.location} is named as the language adapter for {self.language}, and its {RECORD} says that it was "
                f"trained on {language}; {fix}"
            )

    def check_tokenizer(self, backbone: Path) -> None:
        """Raises UserError if the adapter was trained on the subwords of another tokenizer than the backbone's folder has.

        An adapter of the Hub's backbones has no record of it: their commit says what the tokenizer is.
        """
        training_sha256 = self.record().get("tokenizer_sha256")
        if training_sha256 is not None and training_sha256 != (sha256 := folder_sha256(backbone, TOKENIZER)):
            raise UserError(
                f"{self.location} was trained with another tokenizer ({training_sha256[:8]}) than {backbone} holds "
                f"({sha256[:8]}); restore it, or name the backbones apart with backbone.name=..., and train the adapter anew"
            )
