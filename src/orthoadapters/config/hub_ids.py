"""Names on the Hugging Face Hub."""

import re

DEMO = "demo"  # backbone.path of the demo world's, which is pretrained when it is first needed

HUB_ID = re.compile(r"[\w-][\w.-]*/[\w.-]+")
ADAPTER_ID = re.compile(r"(?P<repo>[\w-][\w.-]*/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")


def is_id(text: str) -> bool:
    """Says whether a text has the form OWNER/NAME or OWNER/NAME@REVISION."""
    return ADAPTER_ID.fullmatch(text) is not None
