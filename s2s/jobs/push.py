"""`s2s push`: a trained model in a repository of the Hugging Face hub, from where `--model hf:OWNER/NAME` takes it."""

import re
import shutil
import tempfile
from pathlib import Path

from s2s.console import say
from s2s.decoding.bundle import find_bundle, load_bundle, save_bundle
from s2s.decoding.hub import FOLDER, network_errors
from s2s.errors import HubError, UsageError
from s2s.jobs.card import for_hub, front_matter
from s2s.run_folder import RunFolder
from s2s.version import __version__

_NAME = re.compile(r"[\w.\-]+/[\w.\-]+")


def push(run: Path, name: str, *, private: bool = False) -> str:
    """Upload a model and its card. Nothing else of the run folder leaves the machine.

    Args:
        run: Its run folder, or a model in a folder or a file.
        name: `OWNER/NAME` of the repository; it is made if it is not there.
        private: Whether only its owner sees a repository that is made.

    Returns:
        The repository's address.

    Raises:
        UsageError: The name has another form.
        HubError: The hub cannot be reached, or does not let this user write there.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name} names no repository of the hub", hint="The form is OWNER/NAME")
    bundle = load_bundle(run)  # whole, or it is said here
    from huggingface_hub import HfApi, errors

    with tempfile.TemporaryDirectory(prefix="s2s-push-") as temporary:
        folder = Path(temporary)
        found = find_bundle(run)
        if found.is_file():
            save_bundle(bundle, folder / FOLDER)  # there a model is a folder
        else:
            shutil.copytree(found, folder / FOLDER)
        card = RunFolder(run).card
        if card.is_file():
            text = for_hub(card.read_text("utf-8"), name)
            (folder / "README.md").write_text(text, "utf-8")
        else:
            say(f"there is no {card}: a short card is made")
            what = f"An ensemble of {len(bundle.members)} models, trained" if bundle.members else "Trained"
            text = f"# Translation from {bundle.source} to {bundle.target}\n\n{what} with s2s."
            content = [*front_matter(bundle.source, bundle.target), "", text, ""]
            (folder / "README.md").write_text("\n".join(content), "utf-8")
        version = f"of {len(bundle.members)}" if bundle.members else f"update {bundle.facts.get('step')}"
        try:
            api = HfApi(library_name="s2s", library_version=__version__)
            address = str(api.create_repo(name, private=private, exist_ok=True))
            api.upload_folder(
                repo_id=name,
                folder_path=folder,
                commit_message=f"Model by s2s {__version__}, {version}",
                delete_patterns=f"{FOLDER}/*",  # an older model's files, which do not belong to this one
            )
        except network_errors(errors.LocalTokenNotFoundError, errors.HFValidationError) as error:
            reason = str(error).strip().split("\n", 1)[0]
            hint = "Log in with `hf auth login` or set HF_TOKEN; OWNER is you, or an organisation that lets you write."
            raise HubError(f"the model cannot be uploaded: {reason}", where=name, hint=hint) from None
        except ValueError as error:  # it does not like the card
            reason = " ".join(str(error).split())
            hint = f"It reads the beginning of {card}: change that, and delete the line `written by s2s` below."
            raise HubError(f"the hub refuses the card: {reason}", where=name, hint=hint) from None
    return address
