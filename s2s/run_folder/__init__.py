"""The run folder: where things are, and how they get there so that no crash, full disk or second process harms them.

Three rules carry everything:

- A file is written under a temporary name, fsynced, and renamed (`write_atomic`): it is old or new, never half.
- A folder is built aside, sealed by a manifest with the size and sha256 of every file, and renamed (`build_folder`).
  The manifest is written last and is the commit mark; readers check it (`verify_folder`).
- One process writes, under a lock that the kernel drops when the process dies (`RunFolder.lock`). Readers need none.
"""

from s2s.run_folder.layout import RunFolder, config_path, lock_file, newest_run, run_path
from s2s.run_folder.sealed import (
    MANIFEST,
    build_file,
    build_folder,
    discard_folder,
    existing_folder,
    unlisted_files,
    verify_folder,
)
from s2s.run_folder.writing import refuse_to_lose, reporting_os_errors, write_atomic, writing_to

__all__ = [
    "MANIFEST",
    "RunFolder",
    "build_file",
    "build_folder",
    "config_path",
    "discard_folder",
    "existing_folder",
    "lock_file",
    "newest_run",
    "refuse_to_lose",
    "reporting_os_errors",
    "run_path",
    "unlisted_files",
    "verify_folder",
    "write_atomic",
    "writing_to",
]
