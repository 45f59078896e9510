"""Pairs from a dataset of the Hugging Face hub, or from a local folder laid out like one.

What can go wrong far away is turned into one clear error here. The `datasets` library repeats a request that cannot
be resolved for 23 seconds; so one short request of our own goes first, and without an answer the library is told to
work offline: it then uses what was downloaded before, or fails at once.
"""

import contextlib
import csv
import re
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from s2s.corpus.arrow import ROWS_AT_ONCE, choose_columns, rows_of
from s2s.corpus.columns import Wanted
from s2s.corpus.file_sums import FileSums
from s2s.corpus.tables import Complain, Row
from s2s.errors import ConfigError, DataError, HubError, InputMissingError, S2SError
from s2s.paths import at_home

PREFIX = "hf:"
FORM = "hf:OWNER/NAME[/CONFIG]:SPLIT[@REVISION]"
REACH_SECONDS = 5.0
"""How long to wait for the hub's first answer."""

_CSV: dict[str, Any] = {"keep_default_na": False, "na_filter": False}
"""How the library has to read CSV: `None` and `n/a` are words."""

_TSV: dict[str, Any] = {**_CSV, "quoting": csv.QUOTE_NONE}
"""The same of TSV, where quotes are characters like others."""

_SLICE = r"[\w.\-]+(?:\[[^\[\]]*\](?:\([\w.]+\))?)?"
_SPEC = re.compile(
    rf"{PREFIX}(?P<name>(?:[A-Za-z]:)?[^:\[\]]+):(?P<split>{_SLICE}(?:\+{_SLICE})*)(?:@(?P<revision>[^@:\s]+))?"
)


@dataclass(frozen=True)
class HubSplit:
    """A split, or a slice of one.

    Attributes:
        where: The spec, for messages.
        name: `owner/name` on the hub, or the absolute path of a local folder.
        config: The dataset's configuration, often the language pair.
        split: Such as `train`, `train[:1%]` or `train[:1000]+test`.
        revision: Branch, tag or commit on the hub.
        wanted: What is known about the columns.
    """

    where: str
    name: str
    config: str | None
    split: str
    revision: str | None
    wanted: Wanted

    format = "hub"

    @classmethod
    def parse(cls, spec: str, wanted: Wanted) -> "HubSplit":
        """Read a spec that begins with `hf:`.

        Raises:
            ConfigError: It does not have the form.
            InputMissingError: It begins like a path, and there is no such folder.
        """
        match = _SPEC.fullmatch(spec)
        if match is None:
            hint = f"The form is {FORM}, for example hf:wmt/wmt14/de-en:train[:500000]"
            raise ConfigError(f"no such form of a hub dataset: {spec}", hint=hint)
        name, config = _name_and_config(match["name"], spec)
        if match["revision"] and Path(name).is_absolute():
            raise ConfigError("a local folder has no revisions", where=spec)
        return cls(spec, name, config, match["split"], match["revision"], wanted)

    @property
    def is_local(self) -> bool:
        """Whether it is a folder of this machine."""
        return Path(self.name).is_absolute()

    def rows(self, complain: Complain | None = None) -> Iterator[Row]:
        """Source, target and row number from 1 of each pair; null is an empty side."""
        table = self._dataset.with_format("arrow")
        names = self.columns()
        outer = sorted({name if name in table.column_names else name.split(".", 1)[0] for name in names})
        batches = table.select_columns(outer).iter(batch_size=ROWS_AT_ONCE)
        return rows_of(batches, table.data.table.schema, names, self.where)

    def columns(self) -> tuple[str, str]:
        """Names of the chosen columns."""
        return choose_columns(self._dataset.data.table.schema, self.wanted, self.where)

    def origin_identity(self) -> dict[str, Any]:
        """What the rows come from: the commit on the hub, or size and sha256 of the local files."""
        found: dict[str, Any] = {"path" if self.is_local else "dataset": self.name}
        found.update(config=self._builder.config.name, split=self.split, n_rows=len(self._dataset))
        if not self.is_local:
            return {**found, "revision": self._builder.hash}
        return {**found, "files": self._local_files}

    @cached_property
    def _builder(self) -> Any:
        datasets = _import_datasets()
        with self._clear_errors():
            if self.is_local:
                # the library's cache does not notice changes in files that the folder's README lists, so that it
                # would give old text: each content gets a cache of its own
                sums = " ".join(file["sha256"] for file in self._local_files)
                cache = Path(datasets.config.HF_DATASETS_CACHE) / "s2s" / sha256(sums.encode()).hexdigest()[:16]
                return self._load(datasets, cache_dir=str(cache))
            with _offline_if_unreachable(datasets):
                builder = self._load(datasets, revision=self.revision)
                self._check_revision(builder)
                builder.download_and_prepare()
                return builder

    def _load(self, datasets: Any, **where: Any) -> Any:
        """The library's builder; tables are read as s2s reads them itself."""

        def load(**options: Any) -> Any:
            return datasets.load_dataset_builder(self.name, self.config, **where, **options)

        try:
            builder = load()
        except ValueError:
            for options in (_TSV, _CSV):  # offline, the copy of a table is found by the options that made it
                with contextlib.suppress(ValueError):
                    return load(**options)
            raise
        if not hasattr(builder.config, "quoting"):
            return builder
        return load(**(_TSV if builder.config.sep == "\t" else _CSV))

    @cached_property
    def _local_files(self) -> list[dict[str, Any]]:
        """Identities of a local folder's data files."""
        datasets = _import_datasets()
        with self._clear_errors():
            builder = datasets.load_dataset_builder(self.name, self.config)
        paths = sorted({Path(path) for files in builder.config.data_files.values() for path in files})
        return [FileSums().identity(path) for path in paths]

    @cached_property
    def _dataset(self) -> Any:
        builder = self._builder
        with self._clear_errors():
            builder.download_and_prepare()  # nothing, if it is done
            return builder.as_dataset(split=self.split)

    def _check_revision(self, builder: Any) -> None:
        """Offline, the library takes its newest copy, of whatever revision; refuse one that was not asked for."""
        if self.revision is None or type(builder).__name__ != "Cache":
            return
        from huggingface_hub import constants

        folder = Path(constants.HF_HUB_CACHE) / f"datasets--{self.name.replace('/', '--')}" / "refs"
        reference = folder / self.revision
        commit = reference.read_text("utf-8").strip() if reference.is_file() else self.revision
        if builder.hash != commit:
            raise HubError(
                f"the hub cannot be reached, and the local copy is of revision {builder.hash}",
                where=self.where,
                hint=f"Ask for @{builder.hash}, or try again when the hub can be reached.",
            )

    @contextlib.contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except S2SError:
            raise
        except Exception as error:
            raise self._explained(error) from error

    def _explained(self, error: Exception) -> S2SError:
        """The error to show for one of the `datasets` library, which tells its errors apart by text alone."""
        text, kinds = str(error), {kind.__name__ for kind in type(error).__mro__}
        first_line = text.strip().split("\n", 1)[0]
        if "scripts are no longer supported" in text:
            hint = "Use a Parquet copy; the hub makes one of many datasets: add @refs/convert/parquet to the spec."
            return self._hub_or_data("the dataset needs a loading script, which is no longer run", hint)
        if "gated dataset" in text:
            hint = "Accept its conditions on its page on the hub, then log in with `hf auth login` or set HF_TOKEN."
            return HubError("access to the dataset has to be asked for", where=self.where, hint=hint)
        if "DatasetNotFoundError" in kinds and "Revision" in text:
            return HubError(f"there is no revision {self.revision}", where=self.where)
        if "DatasetNotFoundError" in kinds or "401 " in text or "403 " in text:
            hint = (
                f"The form is {FORM}, names are OWNER/NAME; a private dataset needs `hf auth login` or HF_TOKEN."
                f" A local folder begins with ./ or /."
            )
            return HubError("there is no such dataset on the hub, or it is private", where=self.where, hint=hint)
        if "ConnectionError" in kinds or "TimeoutError" in kinds or "HTTPError" in kinds or "HfHubHTTPError" in kinds:
            return _unreachable(self.where, first_line)
        if text.startswith(("Unknown split", "Unrecognized instruction", "Percent slice", "Requested slice")):
            return ConfigError(first_line, where=self.where, hint="A split is train, test, train[:1000] or train[:1%].")
        if isinstance(error, ValueError) and ("onfig" in text or "BuilderConfig" in text):
            listed = re.search(r"\[([^\[\]]*)\](?!.*\[)", text, re.DOTALL)
            there = listed[1].replace("'", "") if listed else first_line
            wrong = f"has no configuration {self.config}" if self.config else "has several configurations"
            return ConfigError(f"the dataset {wrong}; there are: {there}", where=self.where, hint=f"The form is {FORM}")
        if "EmptyDatasetError" in kinds or "DataFilesNotFoundError" in kinds:
            return self._hub_or_data("there are no data files in it that can be read", "Parquet or JSON Lines is best.")
        cause = error.__cause__ or error.__context__ or error
        reason = str(cause).strip().split("\n", 1)[0] or type(cause).__name__
        return self._hub_or_data(f"the dataset cannot be loaded: {reason}", None)

    def _hub_or_data(self, what: str, hint: str | None) -> S2SError:
        kind = DataError if self.is_local else HubError
        return kind(what, where=self.where, hint=hint)


def _name_and_config(given: str, spec: str) -> tuple[str, str | None]:
    """Split `owner/name/config` or `./folder/config`."""
    path = at_home(given)
    if given.startswith(".") or path.is_absolute():
        if path.is_dir():
            return str(path.resolve()), None
        if path.parent.is_dir():
            return str(path.parent.resolve()), path.name
        raise InputMissingError(f"there is no folder {given}", where=spec)
    parts = given.split("/")
    if len(parts) > 3 or not all(parts):
        raise ConfigError(f"no such form of a hub dataset: {spec}", hint=f"The form is {FORM}")
    name = "/".join(parts[:2])
    if Path(name).is_dir():  # which the `datasets` library would take instead
        raise ConfigError(f"{name} is also a folder here", where=spec, hint=f"Write hf:./{name} for the folder.")
    return name, parts[2] if len(parts) == 3 else None


def _import_datasets() -> Any:
    """The `datasets` library, without progress bars where nobody sees them move."""
    import datasets

    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
    return datasets


@contextlib.contextmanager
def _offline_if_unreachable(datasets: Any) -> Iterator[None]:
    """Within the block, the `datasets` library works offline unless the hub answers."""
    from huggingface_hub import constants

    if datasets.config.HF_HUB_OFFLINE or hub_answers(constants.ENDPOINT):
        yield
        return
    before = datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE
    datasets.config.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE = before


def hub_answers(endpoint: str) -> bool:
    """Whether the hub gives any answer within `REACH_SECONDS`; resolving its name counts, which no timeout covers."""
    answered = threading.Event()
    done = threading.Event()

    def ask() -> None:
        with contextlib.suppress(OSError, ValueError):
            try:
                request = urllib.request.Request(endpoint, method="HEAD")
                urllib.request.urlopen(request, timeout=REACH_SECONDS).close()
            except urllib.error.HTTPError as error:  # an answer, even if not a friendly one
                error.close()
            answered.set()
        done.set()

    threading.Thread(target=ask, daemon=True).start()
    done.wait(REACH_SECONDS + 1.0)
    return answered.is_set()


def _unreachable(where: str, reason: str) -> HubError:
    hint = (
        "Check the network, or HF_ENDPOINT and proxies. A dataset downloaded once works offline; so does a copy in a"
        " local folder: hf:./folder:train"
    )
    return HubError(f"the hub cannot be reached and there is no local copy ({reason})", where=where, hint=hint)
