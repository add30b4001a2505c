"""The domain adapter's keys: what they say of the text of stage=mlm, and which combinations they do not go with.

A domain adapter lies between the language adapter and the task adapter (Engländer et al. 2024, arXiv:2407.01091).
"""

from orthoadapters.config.schema import AdapterKind, Config, CorpusConfig, CorpusSource, Stage
from orthoadapters.errors import UserError


def settle_domain(config: Config) -> None:
    """Makes the domain's text the one that a domain adapter is trained on: other keys name the languages' text."""
    if config.trains_domain:
        config.corpus = CorpusConfig(CorpusSource.text, config.domain.root)


def check_domain(config: Config) -> None:
    """Refuses a domain adapter that cannot be: without a name, a kind, its text, or a language adapter below it."""
    domain = config.domain
    if domain.name is None:
        if config.stage is Stage.mlm and domain.root is not None:
            raise UserError(f"domain.root={domain.root} is the text of a domain without a name; add domain.name=NAME")
        if domain.kind is AdapterKind.ort:
            raise UserError("domain.kind=ort is the kind of a domain adapter without a name; add domain.name=NAME")
        return
    if domain.name == "none":
        raise UserError("domain.name=none would be a domain of that name; domain=none leaves the domain adapter out")
    if domain.kind is AdapterKind.none:
        raise UserError("domain.kind=none: a domain adapter is noo or ort; domain=none leaves it out")
    if not domain.reduction > 0:
        raise UserError(f"domain.reduction={domain.reduction} must be greater than 0, and finite")
    if not config.variant.has_language_adapter:
        raise UserError(
            f"domain={domain.name} with variant={config.variant.name}: a domain adapter lies on a language adapter, and this "
            "variant has none; choose one such as variant=lnoo_tnoo, or domain=none"
        )
    if config.stage is Stage.mlm and domain.root is None:
        raise UserError(
            f"domain.root is missing: the folder with the text of {domain.name}, {config.language.code}.txt, a passage a line"
        )
