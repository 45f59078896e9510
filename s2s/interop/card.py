"""The README of an exported model: what it is, how to use it, how it compares with s2s."""

import json
import re
from collections.abc import Sequence

from s2s.interop.portable import Portable

_NO_LANGUAGES = ("src", "tgt", "mul")


def hub_languages(*names: str) -> list[str]:
    """The languages that a model hub takes for such: codes of two or three small letters.

    >>> hub_languages("en-US", "zh_Hans", "mul", "Old Norse")
    ['en', 'zh']
    """
    codes = [re.split("[-_]", name)[0].lower() for name in names]
    return [code for code in dict.fromkeys(codes) if re.fullmatch("[a-z]{2,3}", code) and code not in _NO_LANGUAGES]


def card(
    model: Portable, *, tool: str, library: str, install: str, code: str, notes: Sequence[str], parity: str
) -> str:
    """The README as Markdown, with the header that model hubs read.

    Args:
        model: What was exported.
        tool: What runs it.
        library: Its name in the header.
        install: Arguments of `pip install`.
        code: Python that translates, run in the folder.
        notes: Where the tool differs from s2s.
        parity: How the translations compare.
    """
    known = hub_languages(model.source, model.target)
    languages = "language:\n" * bool(known) + "".join(f"- {json.dumps(language)}\n" for language in known)
    shape = model.shape
    return f"""---
{languages}library_name: {library}
pipeline_tag: translation
---

# Translation from {model.source} to {model.target}

A Transformer trained and exported with s2s: {shape.n_encoder_layers} encoder and {shape.n_decoder_layers} decoder
layers, width {shape.d_model}, {shape.norm}-norm. It runs with {tool}: `pip install {install}`, then in this folder
(or with its path in place of the dot):

```python
{code.strip()}
```

## Where {tool} differs from `s2s translate`

{"".join(f"- {note}{chr(10)}" for note in notes)}
## Check

```
{parity}
```
"""
