"""The two examples of a model card: Python that loads the adapter into its stack, with orthoadapters and with `adapters`."""

from orthoadapters.config.schema import Config, TaskKind

# This stands in the card until `publish` knows the repository.
REPO = "OWNER/NAME"


def lower_adapter_code(config: Config) -> tuple[str, str]:
    """Writes the code that loads what stage=mlm trained: a language adapter alone, or a domain adapter on one."""
    language = config.language.code
    if not config.trains_domain:
        return (
            f'model.load_adapter("{REPO}", "{language}")\nmodel.activate("{language}")',
            f'name = model.load_adapter("{REPO}", use_safetensors=True)\nmodel.set_active_adapters(name)',
        )
    ours, theirs = _code_below({language: "language adapter"})
    return (
        f'{ours}model.load_adapter("{REPO}", "domain")\nmodel.activate("{language}", "domain")',
        f'{theirs}domain = model.load_adapter("{REPO}", load_as="domain", use_safetensors=True)\n'
        f"model.active_adapters = Stack({language}, domain)",
    )


def task_code(config: Config, name: str) -> tuple[str, str]:
    """Writes the code that loads a task adapter and its head."""
    below = {config.source_languages[0]: "language adapter"} if config.variant.has_language_adapter else {}
    below |= {"domain": f"domain adapter {config.domain.name}"} if config.domain.name else {}
    ours, theirs = _code_below(below)
    our_stack = ", ".join(f'"{one}"' for one in (*below, name))
    # The alternatives of a question are rows of our head's batch; `adapters` has a dimension for them.
    is_choice = config.task.kind is TaskKind.multiple_choice
    rows = "  # input_ids: (questions * alternatives, T)" if is_choice else ""
    ours += (
        f'model.load_adapter("{REPO}", "{name}")\nmodel.activate({our_stack})\n'
        f'head, labels = head_files.read(adapter_hub.find("{REPO}"), model)\n'
        f"logits = head(model(input_ids, attention_mask).hidden){rows}"
    )
    theirs += (
        f'{name} = model.load_adapter("{REPO}", use_safetensors=True)  # the head comes with it\n'
        f"model.active_adapters = Stack({', '.join((*below, name))})"
    )
    return ours, theirs


def _code_below(roles: dict[str, str]) -> tuple[str, str]:
    """Writes the code that loads the adapters below. roles: in the stack's order, what each one is by its name in it."""
    calls = {name: f'model.load_adapter("path or id of its {role}"' for name, role in roles.items()}
    ours = "".join(f'{call}, "{name}")\n' for name, call in calls.items())
    return ours, "".join(f'{name} = {call}, load_as="{name}")\n' for name, call in calls.items())
