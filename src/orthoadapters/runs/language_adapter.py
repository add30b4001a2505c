"""One adapter below the task adapter, a language's or a domain's: its place, its files and its own record."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from orthoadapters.config.names import adapter_name
from orthoadapters.config.schema import AdapterKind, AdapterSource, Config, DomainConfig, Stage, VariantConfig
from orthoadapters.errors import UserError
from orthoadapters.files import read_json
from orthoadapters.folders import exists
from orthoadapters.hub import adapters as adapter_hub
from orthoadapters.hub.backbones import TOKENIZER
from orthoadapters.runs.inputs import config_sha256, folder_sha256

# It lies beside AdapterHub's own files and says which run trained the adapter.
RECORD = "training.json"
# The field of a domain adapter's record with the SHA-256 of the language adapter that it was trained on.
BELOW = "language_adapter_sha256"
# The fields of its record with the SHA-256 of a local backbone's files, each with the name that inputs.json has for them.
BACKBONE_FILES = {"tokenizer_sha256": "tokenizer", "config_sha256": "config.json"}
TEXTS = ("fingerprint", "language", "kind", "backbone", "backbone_sha256", *BACKBONE_FILES, "domain", BELOW)
# The files that a run reads from an adapter's folder.
FILES = (RECORD, adapter_hub.FILE, *adapter_hub.WEIGHTS)


@dataclass(frozen=True)
class LanguageAdapter:
    """A language adapter, wherever it comes from, or the domain adapter that lies on it.

    location: the folder or, for source hub, OWNER/NAME[@REVISION]; empty where no id is known. domain: the name of the
    domain; empty for a language adapter.
    """

    language: str
    kind: AdapterKind
    source: AdapterSource
    location: str
    domain: str = ""

    @property
    def name(self) -> str:
        """Its name in records: the language's code, or domain:NAME, which is no code."""
        return f"domain:{self.domain}" if self.domain else self.language

    @property
    def role(self) -> str:
        """Its role in the stack, in words."""
        return f"domain adapter {self.domain}" if self.domain else "language adapter"

    @property
    def title(self) -> str:
        """Its language, domain and kind, in this order."""
        return " ".join(filter(None, [self.language, self.domain, self.kind.value]))

    @property
    def reduction_key(self) -> str:
        """The key of its bottleneck's size."""
        return "domain.reduction" if self.domain else "variant.language_reduction"

    def reduction(self, variant: VariantConfig, domain: DomainConfig) -> int:
        """Returns its reduction in a configuration: the backbone's hidden size divided by its bottleneck."""
        return domain.reduction if self.domain else variant.language_reduction

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
                f"{self.location} is named as the {self.role} for {self.language}, and its {RECORD} says that it was "
                f"trained on {language}; {fix}"
            )

    def check_backbone_files(self, backbone: Path) -> None:
        """Raises UserError if the adapter was trained with another tokenizer or config.json than the backbone's folder has.

        An adapter of the Hub's backbones has no record of them: their commit says what they are.
        """
        for field, name in BACKBONE_FILES.items():
            if (training_sha256 := self.record().get(field)) is None:
                continue
            sha256 = folder_sha256(backbone, TOKENIZER) if name == "tokenizer" else config_sha256(backbone)
            if training_sha256 != sha256:
                raise UserError(
                    f"{self.location} was trained with another {name} ({training_sha256[:8]}) than {backbone} holds "
                    f"({sha256[:8]}); restore it, or name the backbones apart with backbone.name=..., and train the adapter "
                    "anew"
                )

    def check_below(self, other: "LanguageAdapter") -> None:
        """Raises UserError if this domain adapter was trained on another language adapter than is there now, if one is."""
        if not self.domain:
            return
        training_sha256, sha256 = self.record().get(BELOW), other.present_sha256()
        if None not in (training_sha256, sha256) and training_sha256 != sha256:
            raise UserError(
                f"{self.location} was trained on another language adapter for {other.language} than {other.location} holds "
                "now; bring that one back, or move the domain adapter and its run away and train it anew"
            )


def language_adapter(config: Config, language: str) -> LanguageAdapter:
    """Returns the language's adapter that the configuration names, wherever it comes from."""
    kind, settings = config.variant.language_adapter, config.language_adapters
    is_training = config.stage is Stage.mlm and not config.trains_domain
    if is_training or settings.source is AdapterSource.trained:
        location = adapters_folder(config) / adapter_name(config, language, of_domain=False)
        return LanguageAdapter(language, kind, AdapterSource.trained, str(location))
    if settings.source is AdapterSource.hub:
        return LanguageAdapter(language, kind, settings.source, settings.hub.get(language, ""))
    return LanguageAdapter(language, kind, settings.source, str(adapters_folder(config) / language))


def domain_adapter(config: Config) -> LanguageAdapter | None:
    """Returns the domain adapter of a configuration; None without one. It is always one that stage=mlm trains.

    Task runs take the source language's (of several, the first one's), whatever language is tested: the language adapter is
    swapped, and it stays.
    """
    domain = config.domain
    if domain.name is None:
        return None
    language = config.language.code if config.stage is Stage.mlm else config.source_languages[0]
    # No language adapter ends up below this folder: their names end in their kind.
    folder = Path(config.paths.adapters) / str(config.backbone.name) / "domains"
    location = str(folder / adapter_name(config, language, of_domain=True))
    return LanguageAdapter(language, domain.kind, AdapterSource.trained, location, domain.name)


def trained_adapter(config: Config) -> LanguageAdapter:
    """Returns the adapter that a run of stage=mlm trains: the domain's, or else the language's own."""
    return domain_adapter(config) or language_adapter(config, config.language.code)


def adapters_folder(config: Config) -> Path:
    """Returns the folder that holds a run's trained or local language adapters."""
    settings = config.language_adapters
    is_training = config.stage is Stage.mlm and not config.trains_domain
    if not is_training and settings.source is AdapterSource.local:
        return Path(str(settings.root)).expanduser()
    return Path(config.paths.adapters) / str(config.backbone.name)
