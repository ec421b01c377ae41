# SPDX-License-Identifier: Apache-2.0
"""What every file must be: licensed, formatted, short, and, for headers, complete by itself."""

import concurrent.futures
import hashlib
import os
import shutil
import subprocess

from arrows import TOP_FOLDERS, includes, sources

LONGEST_FILE = 400
SCRIPT_FOLDERS = ("tests", "deploy", "bench", ".ci")


def scripts(root):
    for folder in SCRIPT_FOLDERS:
        for directory, _, files in os.walk(os.path.join(root, folder)):
            for name in sorted(files):
                path = os.path.join(directory, name)
                if os.path.islink(path) or "__pycache__" in path:
                    continue
                with open(path, "rb") as script:
                    is_script = name.endswith((".py", ".sh")) or script.read(2) == b"#!"
                if is_script:
                    yield os.path.relpath(path, root)


def check_license_lines(root):
    for path in list(sources(root)) + list(scripts(root)):
        with open(os.path.join(root, path), encoding="utf-8") as source:
            head = [source.readline() for _ in range(2)]
        if not any("SPDX-License-Identifier: Apache-2.0" in line for line in head):
            yield f"{path}:1: the SPDX line is missing"


def check_lengths(root):
    for path in list(sources(root)) + list(scripts(root)):
        with open(os.path.join(root, path), encoding="utf-8") as source:
            lines = sum(1 for _ in source)
        if lines > LONGEST_FILE:
            yield f"{path}:{lines}: longer than {LONGEST_FILE} lines: it holds more than one concept"


def check_format(root):
    paths = list(sources(root))
    for start in range(0, len(paths), 50):
        run = subprocess.run(["clang-format", "--dry-run", "--ferror-limit=1", *paths[start:start + 50]],
                             cwd=root, capture_output=True, text=True, check=False)
        for line in run.stderr.splitlines():
            if "-Wclang-format-violations" in line:
                yield line.replace(f"{root}/", "")


def header_digest(root, header):
    """A hash over a header and every project header it reaches."""
    digest, seen, queue = hashlib.sha256(), set(), [header]
    while queue:
        path = queue.pop()
        if path in seen or not os.path.exists(os.path.join(root, path)):
            continue
        seen.add(path)
        with open(os.path.join(root, path), "rb") as source:
            digest.update(path.encode() + b"\0" + source.read())
        queue += sorted(name for _, name, _ in includes(root, path) if name)
    return digest.hexdigest()


def is_proven_by_the_build(root, header):
    """Its own source includes it before anything else, so that the build compiles it alone."""
    source = header.removesuffix(".h") + ".cc"
    if not os.path.exists(os.path.join(root, source)):
        return False
    _, first, _ = next(includes(root, source), (0, "", ""))
    return first == header


def check_headers_alone(root, stamps=None, flags=None):
    """Compiles the other headers by themselves; what passed is not compiled again until it changes."""
    stamps = stamps or os.path.join(root, "build", "lint-headers")
    if flags is None:
        found = subprocess.run(["pkg-config", "--cflags", "libdpdk", "libnl-route-3.0"],
                               capture_output=True, text=True, check=True)
        flags = found.stdout.split()
    os.makedirs(stamps, exist_ok=True)

    def compile_alone(header):
        stamp = os.path.join(stamps, header_digest(root, header))
        if os.path.exists(stamp):
            return None
        run = subprocess.run(["g++", "-std=c++20", "-fsyntax-only", "-I.", *flags, "-x", "c++", "-include",
                              header, "/dev/null"], cwd=root, capture_output=True, text=True, check=False)
        if run.returncode == 0:
            with open(stamp, "w", encoding="utf-8"):
                return None
        first = next((line for line in run.stderr.splitlines() if "error:" in line), run.stderr[:200])
        return f"{header}:1: does not compile alone: {first}"

    headers = [header for header in sources(root, TOP_FOLDERS, (".h",))
               if not is_proven_by_the_build(root, header)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from (finding for finding in pool.map(compile_alone, headers) if finding)


def check_shell_syntax(root):
    for path in scripts(root):
        with open(os.path.join(root, path), encoding="utf-8") as script:
            first = script.readline()
        if path.endswith(".sh") or "bash" in first:
            run = subprocess.run(["bash", "-n", path], cwd=root, capture_output=True, text=True, check=False)
            if run.returncode:
                yield f"{path}:1: {run.stderr.strip()}"


CHECKS = (check_license_lines, check_lengths, check_headers_alone, check_shell_syntax)
if shutil.which("clang-format"):
    CHECKS += (check_format,)
