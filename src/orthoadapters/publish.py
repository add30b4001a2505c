"""Uploads a finished run's adapter, head and model card to the Hugging Face Hub.

python -m orthoadapters.publish RUN_DIR --repo OWNER/NAME          prints what would be uploaded
python -m orthoadapters.publish RUN_DIR --repo OWNER/NAME --yes    uploads it
"""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from orthoadapters.checksums import check_sums
from orthoadapters.config.hub_ids import HUB_ID
from orthoadapters.config.program import shell_command
from orthoadapters.config.version import version_line
from orthoadapters.errors import UserError, first_line
from orthoadapters.exit_codes import stoppable_exit_code_of
from orthoadapters.files import check_regular, user_path, write_text
from orthoadapters.folders import absence, check_inside
from orthoadapters.hub.adapters import FILE, check_weights
from orthoadapters.own_process import ending_on_sigterm, start_process
from orthoadapters.printing import Parser, printable
from orthoadapters.stages import card_code, model_card

FIX = "restore it, or repeat the run"  # ours: one fix for every file of a run's adapter


def publish(run: Path, repo: str, *, upload: bool) -> None:
    """Prints the files of the run's `adapter/` with their sizes, and the model card; uploads them if `upload`.

    Raises UserError if the run is not finished, has no adapter, another than it wrote or one with weights that are no
    finite numbers, or the Hub refuses.
    """
    if not HUB_ID.fullmatch(repo):
        raise UserError(f"--repo {repo}: write OWNER/NAME, your name on the Hub and the repository's")
    if not run.is_dir():
        raise UserError(f"{absence(run, 'folder')}; give the directory that holds a run's result.json")
    if not (run / "result.json").exists():
        raise UserError(f"{run} is not finished: it has no result.json; finish it by the command that started it")
    adapter = run / "adapter"
    if not (adapter / FILE).is_file():
        raise UserError(f"{run} has no adapter to publish; variant=full_ft trains the backbone itself")
    if not (adapter / model_card.FILE).is_file():
        raise UserError(f"{adapter} has no {model_card.FILE}: the run is older than model cards; write one there first")
    check_sums(run, FIX, ("adapter/",))
    for path in sorted(adapter.rglob("*")):
        check_inside(path, run)
        check_regular(path)
        if path.suffix == ".safetensors":
            check_weights(path, FIX)
    card = _read_card(adapter / model_card.FILE).replace(card_code.REPO, repo)
    with tempfile.TemporaryDirectory() as temporary:
        folder = _copy(adapter, Path(temporary) / "adapter")
        write_text(folder / model_card.FILE, card)
        for file in sorted(folder.iterdir()):
            print(printable(f"{file.stat().st_size:>12,} {file.name}"))
        print(printable(f"\n{card}"))
        if not upload:
            print(f"nothing was uploaded; add --yes to upload these files to https://huggingface.co/{repo}")
            return
        _upload(folder, repo, run.name)
    print(f"uploaded to https://huggingface.co/{repo}")


def _read_card(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8, as a card on the Hub must be; save it as UTF-8") from None


def _copy(adapter: Path, folder: Path) -> Path:
    """Copies what is to be uploaded, so that the card can name the repository."""
    try:
        return Path(shutil.copytree(adapter, folder, ignore=shutil.ignore_patterns(".*")))
    except shutil.Error as error:
        # It collects the failures, a file and its copy each; the last of the three says why.
        file, _, why = error.args[0][0]
        raise UserError(
            f"{file} cannot be copied into a temporary folder ({why}); make room, or let TMPDIR name another folder"
        ) from None


def _upload(folder: Path, repo: str, run: str) -> None:
    # These imports stand here, as a dry run needs none of them.
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    api = HfApi()
    try:
        api.create_repo(repo, exist_ok=True)
        api.upload_folder(repo_id=repo, folder_path=folder, commit_message=f"Adapter of {run}")
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise UserError(
            f"the Hub took nothing for {repo}: {first_line(error)}; `hf auth login` logs in, and the repository must be yours"
        ) from None


def main(arguments: Sequence[str] | None = None) -> int:
    start_process()
    parser = Parser(prog=shell_command("publish"), description=__doc__.splitlines()[0])
    parser.add_argument("--version", action="version", version=version_line())
    parser.add_argument("run", type=user_path, metavar="RUN_DIR", help="the directory of a finished run")
    parser.add_argument("--repo", required=True, metavar="OWNER/NAME", help="the Hub's repository, created if need be")
    parser.add_argument("--yes", action="store_true", help="upload; without it nothing leaves this machine")

    @ending_on_sigterm()
    def run() -> None:
        options = parser.parse_args(arguments)
        publish(options.run, options.repo, upload=options.yes)
        sys.stdout.flush()

    return stoppable_exit_code_of(run, "give the command again")


if __name__ == "__main__":
    sys.exit(main())
