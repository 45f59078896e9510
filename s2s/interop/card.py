"""The README of an exported model: what it is, how to use it, how it compares with s2s."""

import json
from collections.abc import Sequence

from s2s.interop.portable import Portable


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
    languages = "".join(f"- {json.dumps(language)}\n" for language in dict.fromkeys((model.source, model.target)))
    shape = model.shape
    return f"""---
language:
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
