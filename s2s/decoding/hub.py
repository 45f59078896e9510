"""Models on the Hugging Face hub: `hf:OWNER/NAME[@REVISION]`, a repository with a bundle in its folder `model`."""

import functools
import re
from pathlib import Path

from s2s.corpus.hub import hub_answers
from s2s.errors import HubError, UsageError
from s2s.version import __version__

PREFIX = "hf:"
FORM = "hf:OWNER/NAME[@REVISION]"
FOLDER = "model"
"""Where in a repository the bundle is."""

_SPEC = re.compile(rf"{PREFIX}(?P<name>[\w.\-]+/[\w.\-]+)(?:@(?P<revision>[\w.\-/]+))?")


def network_errors(*more: type[Exception]) -> tuple[type[Exception], ...]:
    """What comes out of the hub's library where the network fails, and more: of its HTTP library, whichever it is."""
    from huggingface_hub import errors

    return (*errors.HfHubHTTPError.__bases__, OSError, *more)


@functools.cache
def hub_model(spec: str) -> Path:
    """Download a model, unless it is in the hub's cache already; its folder. Once a process.

    Args:
        spec: `hf:OWNER/NAME`, with `@` and a branch, tag or commit if not the newest is wanted.

    Raises:
        UsageError: It has another form.
        HubError: There is no such model, or the hub cannot be reached and there is no local copy.
    """
    match = _SPEC.fullmatch(spec)
    if match is None:
        raise UsageError(f"{spec} names no model of the hub", hint=f"The form is {FORM}")
    from huggingface_hub import constants, errors, snapshot_download

    offline = constants.HF_HUB_OFFLINE or not hub_answers(constants.ENDPOINT)
    try:
        folder = snapshot_download(
            match["name"],
            revision=match["revision"],
            allow_patterns=f"{FOLDER}/*",
            local_files_only=offline,
            library_name="s2s",
            library_version=__version__,
        )
    except errors.RevisionNotFoundError:
        raise HubError(f"there is no revision {match['revision']}", where=spec) from None
    except errors.GatedRepoError:
        hint = "Accept its conditions on its page on the hub, then log in with `hf auth login` or set HF_TOKEN."
        raise HubError("access to the model has to be asked for", where=spec, hint=hint) from None
    except errors.RepositoryNotFoundError:
        hint = "Names are OWNER/NAME; a private model needs `hf auth login` or HF_TOKEN."
        raise HubError("there is no such model on the hub, or it is private", where=spec, hint=hint) from None
    except errors.HFValidationError as error:
        raise UsageError(f"{spec} names no model of the hub: {error}", hint=f"The form is {FORM}") from None
    except network_errors(errors.LocalEntryNotFoundError) as error:
        reason = str(error).strip().split("\n", 1)[0]
        hint = "Check the network, or HF_ENDPOINT and proxies. A model that was downloaded once works offline."
        raise HubError(
            f"the hub cannot be reached and there is no local copy ({reason})", where=spec, hint=hint
        ) from None
    if not (Path(folder) / FOLDER).is_dir():
        raise HubError(f"is no model of s2s: it has no folder {FOLDER}", where=spec, hint="s2s push makes one")
    return Path(folder)
