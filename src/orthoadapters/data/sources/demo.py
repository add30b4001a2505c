"""The demo world's labelled examples."""

from pathlib import Path

from orthoadapters.config.schema import DataConfig, LanguageConfig, TaskConfig
from orthoadapters.examples import Example, Split


def read_demo(
    data: DataConfig, task: TaskConfig, split: Split, language: LanguageConfig, limit: int | None
) -> tuple[list[Example], str]:
    """Returns the first `limit` examples of one split, and where they are from."""
    from orthoadapters.demo import demo_examples  # the demo world is built only where it is asked for

    place = f"the demo world ({task.name}, {split}, {language.code})"
    return demo_examples(task.name, split, language.code)[:limit], place


def demo_files(data: DataConfig, task: TaskConfig, split: Split, language: LanguageConfig) -> list[Path]:
    """Returns no file, as the examples are made anew. Raises UserError for a task or language that the world does not have."""
    from orthoadapters.demo import LANGUAGES
    from orthoadapters.demo.tasks import TASKS, check_choice

    check_choice("task", task.name, TASKS)
    check_choice("language", language.code, LANGUAGES)
    return []
