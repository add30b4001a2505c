"""Known weaknesses of the installed packages, by pip-audit: python tests/audit/advisories.py SITE_PACKAGES.

It runs in pip-audit's own environment. Where no service of advisories can be reached, it says so in one line and ends well.
"""

import json
import subprocess
import sys
from typing import Any

SERVICES = ("pypi", "osv")
# What pip-audit's errors say where there is no network.
NO_NETWORK = (
    "ConnectionError",
    "ConnectionFailed",
    "ServiceError",
    "Max retries exceeded",
    "timed out",
    "Temporary failure",
)
LONGEST = 300  # ours: seconds, for a hundred packages and a slow network


def ask(service: str, folder: str) -> tuple[list[dict[str, Any]], str]:
    """Returns what a service says of each package that it knows, and what went wrong otherwise."""
    command = [sys.executable, "-m", "pip_audit", "--vulnerability-service", service, "--path", folder]
    command += ["--format", "json", "--progress-spinner", "off", "--skip-editable"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST)
        packages = json.loads(done.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        return [], "timed out"
    except (ValueError, KeyError):
        return [], (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    return [package for package in packages if "skip_reason" not in package], "it knows none of the packages"


def main() -> int:
    (folder,) = sys.argv[1:]
    reasons = {}
    for service in SERVICES:
        packages, reasons[service] = ask(service, folder)
        if packages:
            lines = [
                f"{package['name']} {package['version']}: {one['id']}, mended in {' '.join(one['fix_versions']) or '-'}"
                for package in packages
                for one in package["vulns"]
            ]
            print("\n".join([*lines, f"{len(packages)} packages audited by {service}, {len(lines)} advisories"]))
            return 1 if lines else 0
    print("Nothing was audited: " + "; ".join(f"{service}: {reason:.150}" for service, reason in reasons.items()))
    is_unreachable = all("knows none" in one or any(word in one for word in NO_NETWORK) for one in reasons.values())
    return 0 if is_unreachable else 1


if __name__ == "__main__":
    sys.exit(main())
