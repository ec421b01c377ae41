# SPDX-License-Identifier: Apache-2.0
"""Conformance cases (tests/conformance/README.md) as far as the wire needs them."""

import os
import re

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "conformance")


def inventory(name):
    """The file's text and its pods: {"ns/name": [address, ...]}."""
    with open(os.path.join(FOLDER, "inventory", name), encoding="utf-8") as file:
        text = file.read()
    pods = {}
    for document in text.split("\n---\n"):
        found = re.search(r"kind: Pod\nmetadata: {name: ([^,]+), namespace: ([^,]+),", document)
        ips = re.search(r"podIPs: \[(.*)\]", document)
        if found and ips and "hostNetwork: true" not in document:
            addresses = re.findall(r'ip: "?([0-9a-f.:]+)"?', ips.group(1))
            pods[f"{found.group(2)}/{found.group(1)}"] = addresses
    return text, pods


def _matches(pattern, name):
    return pattern in ("*", name) or (pattern.endswith("/*") and name.startswith(pattern[:-1]))


class Case:
    """The objects of a case before its first step or change, and what they must do."""

    def __init__(self, path):
        self.path = path
        self.inventory = None
        self.policies = ""
        self.blocks = []  # (probes, [(from, to, is_allowed), ...]): the last that matches wins
        columns = None
        with open(os.path.join(FOLDER, path), encoding="utf-8") as file:
            lines = file.read().split("\n")
        is_changed = False
        for line in lines:
            if not line.startswith("#:"):
                self.policies += line + "\n"
                continue
            words = line[2:].split()
            if words == ["step"]:
                break
            if is_changed or not words:
                continue
            verb, columns = words[0], columns if words[0] == "|" else None
            if verb == "change":
                is_changed = True
            elif verb == "use":
                self.inventory = words[1]
            elif verb == "probe":
                self.blocks.append(([tuple(word.split("/")) for word in words[1:]], []))
            elif verb in ("allow", "deny"):
                self.blocks[-1][1].append((words[1], words[2], verb == "allow"))
            elif verb == "|" and columns is None:
                columns = words[1:]
            elif verb == "|":
                self.blocks[-1][1].extend((words[1], column, mark == ".")
                                          for column, mark in zip(columns, words[2:]) if mark != "-")
            elif verb != "rule":
                raise AssertionError(f"{path}: the wire tests know no '{verb}'")

    def cells(self, pods):
        """{(from, to, protocol, port): is_allowed} for every pair of different pods."""
        expected = {}
        for probes, lines in self.blocks:
            for protocol, port in probes:
                for source in pods:
                    for destination in pods:
                        if source == destination:
                            continue
                        verdicts = [is_allowed for from_, to, is_allowed in lines
                                    if _matches(from_, source) and _matches(to, destination)]
                        expected[source, destination, protocol, int(port)] = verdicts[-1] if verdicts else True
        return expected
