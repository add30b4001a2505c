"""Names on the Hugging Face Hub."""

import re

# The backbone.path of the demo world's backbone, which is pretrained when it is first needed.
DEMO = "demo"

HUB_ID = re.compile(r"[\w-][\w.-]*/[\w.-]+")
ADAPTER_ID = re.compile(r"(?P<repo>[\w-][\w.-]*/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")


def is_id(text: str) -> bool:
    """Says whether a text has the form OWNER/NAME or OWNER/NAME@REVISION."""
    return ADAPTER_ID.fullmatch(text) is not None
