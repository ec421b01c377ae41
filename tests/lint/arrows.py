# SPDX-License-Identifier: Apache-2.0
"""The include arrows: which folder may include which, and which library has which door.

A folder is the directory of a source file relative to the root ("policy/table"). Every function
returns findings, each one line `path:line: what is wrong`.
"""

import os
import re

TOP_FOLDERS = ("policy", "dataplane", "control", "cni", "bench")

# From the first prefix that fits a folder to the prefixes it may include. Its own folder is always
# allowed. The oracle shares data types with the compiler and nothing else (law 4).
ARROWS = (
    ("policy/base", ()),
    ("policy/oracle", ("policy/base", "policy/model")),
    ("policy/compile", ("policy/base", "policy/model", "policy/table")),
    ("policy/table", ("policy/base", "policy/model")),
    ("policy", ("policy",)),
    ("dataplane", ("dataplane", "policy/base", "policy/table")),
    ("control", ("control", "policy", "dataplane/api")),
    ("cni", ("cni", "control/api", "policy/base")),
    ("bench", TOP_FOLDERS),
    ("tests", TOP_FOLDERS + ("tests",)),
)

# Third-party headers, and the files that may include them. Others go through those doors.
DOORS = (
    (r"rte_(eal|ethdev|bus|dev)\.h$", r"dataplane/(port/|main\.cc$)|bench/|tests/"),
    (r"rte_", r"dataplane/(?!api/)|bench/|tests/"),
    (r"yaml-cpp/", r"policy/parse/[^/]+\.cc$|control/config/[^/]+\.cc$|tests/"),
    (r"nlohmann/", r"(policy/parse|policy/question|control/\w+|cni)/[^/]+$|tests/|bench/"),
    (r"CLI/", r"control/(cli|agent)/[^/]+$|dataplane/options\.cc$|bench/"),
    (r"httplib", r"control/(api|metrics|cli)/[^/]+\.cc$|cni/[^/]+\.cc$|tests/"),
    (r"prometheus/", r"control/metrics/|tests/"),
    (r"spdlog/", r"control/|dataplane/(main\.cc|api/|port/)|tests/"),
    (r"netlink/", r"control/endpoint/[^/]+\.(cc|h)$|tests/"),
    (r"liburing", r"dataplane/port/|tests/"),
    (r"cap-ng", r"dataplane/process\.cc$"),
    (r"xxhash", r"policy/(table|base|compile)/|dataplane/|tests/"),
    (r"(gtest|gmock|rapidcheck|benchmark)", r"tests/|bench/"),
)

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
BANNED_FOLDERS = {"common", "utils", "core"}


def sources(root, folders=TOP_FOLDERS + ("tests",), suffixes=(".h", ".cc")):
    for folder in folders:
        for directory, subdirectories, files in os.walk(os.path.join(root, folder)):
            subdirectories.sort()
            for name in sorted(files):
                if name.endswith(suffixes):
                    yield os.path.relpath(os.path.join(directory, name), root)


def includes(root, path):
    """Yields (line number, project header or "", system header or "")."""
    with open(os.path.join(root, path), encoding="utf-8") as source:
        for number, line in enumerate(source, 1):
            match = INCLUDE.match(line)
            if match:
                yield number, match.group(1) or "", match.group(2) or ""


def is_within(folder, prefix):
    return folder == prefix or folder.startswith(prefix + "/")


def allowed_prefixes(folder):
    for prefix, allowed in ARROWS:
        if is_within(folder, prefix):
            return allowed
    return ()


def check_arrows(root):
    for path in sources(root):
        folder = os.path.dirname(path)
        for number, header, _ in includes(root, path):
            if not header:
                continue
            target = os.path.dirname(header)
            if not header.startswith(TOP_FOLDERS + ("tests",)):
                yield f'{path}:{number}: include "{header}" from the root of the repository'
            elif target != folder and not any(is_within(target, p) for p in allowed_prefixes(folder)):
                yield f"{path}:{number}: {folder} may not include {header}"


def check_doors(root):
    for path in sources(root):
        for number, header, system in includes(root, path):
            name = system or header
            for library, door in DOORS:
                if re.match(library, name):
                    if not re.match(door, path):
                        yield f"{path}:{number}: {name} is not included here: use its door"
                    break


def folder_graph(root):
    graph = {}
    for path in sources(root, TOP_FOLDERS):
        folder = os.path.dirname(path)
        edges = graph.setdefault(folder, {})
        for number, header, _ in includes(root, path):
            target = os.path.dirname(header)
            if header and target != folder:
                edges.setdefault(target, f"{path}:{number}")
    return graph


def check_cycles(root):
    graph = folder_graph(root)
    done, trail = set(), []

    def visit(folder):
        if folder in trail:
            cycle = trail[trail.index(folder):] + [folder]
            yield f"{graph[trail[-1]][folder]}: folders include each other: {' -> '.join(cycle)}"
            return
        if folder in done:
            return
        trail.append(folder)
        for target in sorted(graph.get(folder, {})):
            yield from visit(target)
        trail.pop()
        done.add(folder)

    for folder in sorted(graph):
        yield from visit(folder)


def link_closure(root):
    """folder -> every folder its library links, from DEPENDS of the CMakeLists.txt files."""
    direct = {}
    for path in sources(root, TOP_FOLDERS, ("CMakeLists.txt",)):
        with open(os.path.join(root, path), encoding="utf-8") as cmake:
            text = re.sub(r"#.*", "", cmake.read())
        for call in re.finditer(r"bulkhead_library\(\s*(\S+)([^)]*)\)", text):
            depends = re.search(r"\bDEPENDS\b([^)]*?)(?:\b(?:SOURCES|LIBRARIES)\b|$)", call.group(2), re.S)
            folder = call.group(1)
            while not os.path.isdir(os.path.join(root, folder)):  # a second library of one folder
                folder = os.path.dirname(folder)
            direct.setdefault(folder, set()).update(depends.group(1).split() if depends else ())
    closure = {}
    for folder in direct:
        reached, queue = set(), [folder]
        while queue:
            for target in direct.get(queue.pop(), ()):
                if target not in reached:
                    reached.add(target)
                    queue.append(target)
        closure[folder] = reached
    return closure


def check_link_lines(root):
    """What a folder's sources include, its CMakeLists.txt must name (header-only folders excepted)."""
    closure = link_closure(root)
    for folder, edges in sorted(folder_graph(root).items()):
        if folder not in closure:
            continue
        for target, where in sorted(edges.items()):
            if target in closure and target not in closure[folder]:
                yield f"{where}: {folder} includes {target} but its CMakeLists.txt does not DEPEND on it"


def check_folder_names(root):
    for path in sources(root):
        if BANNED_FOLDERS & set(os.path.dirname(path).split("/")):
            yield f"{path}:1: no folder is named common, utils or core"


CHECKS = (check_arrows, check_doors, check_cycles, check_link_lines, check_folder_names)
