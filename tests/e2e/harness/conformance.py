# SPDX-License-Identifier: Apache-2.0
"""Conformance cases (tests/conformance/README.md) as far as the wire needs them."""

import copy
import json
import os
import re

import yaml

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "conformance")


def _read(*path):
    with open(os.path.join(FOLDER, *path), encoding="utf-8") as file:
        return file.read()


def _key(thing):
    metadata = thing["metadata"]
    return tuple(part for part in (thing["kind"], metadata.get("namespace"), metadata["name"]) if part)


class Objects:
    """What a cluster holds, by kind and name."""

    def __init__(self, text=""):
        self.by_key = {}
        self.add(text)

    def add(self, text):
        """Adds objects, or puts them in the place of those of the same name, as `kubectl apply` does."""
        # Each on its own: what anchors share must not change together.
        for document in yaml.safe_load_all(text):
            if document:
                self.by_key[_key(document)] = copy.deepcopy(document)

    def change(self, words):
        """One line `change ...`."""
        key, verb = tuple(words[0].split("/")), words[1]
        thing = self.by_key[key]
        if verb == "remove":
            del self.by_key[key]
        elif verb == "label":
            thing["metadata"]["labels"] = {**thing["metadata"].get("labels", {}), words[2]: words[3]}
        elif verb == "priority":
            thing["spec"]["priority"] = int(words[2])
        elif verb == "action":
            thing["spec"][words[2]][int(words[3])]["action"] = words[4]
        elif verb == "swap":
            rules, one, other = thing["spec"][words[2]], int(words[3]), int(words[4])
            rules[one], rules[other] = rules[other], rules[one]
        else:
            raise AssertionError(f"the wire tests know no change '{verb}'")

    def text(self):
        """As a policy file: JSON is YAML."""
        return "---\n".join(json.dumps(thing) + "\n" for thing in self.by_key.values())

    def copied(self):
        other = Objects()
        other.by_key = copy.deepcopy(self.by_key)
        return other


def inventory(name):
    """The objects of an inventory and its pods: {"ns/name": [address, ...]}."""
    objects = Objects(_read("inventory", name))
    pods = {}
    for key, thing in objects.by_key.items():
        if key[0] == "Pod" and not thing.get("spec", {}).get("hostNetwork"):
            pods["/".join(key[1:])] = [item["ip"] for item in thing["status"]["podIPs"]]
    return objects, pods


def _matches(pattern, name):
    return pattern in ("*", name) or (pattern.endswith("/*") and name.startswith(pattern[:-1]))


class Stage:
    """A case between two of its steps: what was done to the objects until here, and what must hold."""

    def __init__(self, edits):
        self.edits = edits  # texts to add, and words of changes
        self.blocks = []  # (probes, [(from, to, is_allowed), ...]): the last that matches wins

    def objects(self, start):
        objects = start.copied()
        for edit in self.edits:
            if isinstance(edit, str):
                objects.add(edit)
            else:
                objects.change(edit)
        return objects

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


class Case:
    """A case with all of its steps."""

    def __init__(self, path):
        self.path = path
        self.inventory = None
        self.stages = []
        texts = re.split(r"(?m)^#:\s*step\s*$", _read(path))
        edits = []
        for text in texts:
            edits.append(text)
            columns = None
            for line in text.split("\n"):
                words = line[2:].split() if line.startswith("#:") else []
                if not words:
                    continue
                columns = self.read(words, columns, edits)

    def read(self, words, columns, edits):
        """Returns the columns of the table that the line belongs to."""
        verb = words[0]
        if verb == "|":
            if columns is None:
                return words[1:]
            self.stages[-1].blocks[-1][1].extend(
                (words[1], column, mark == ".") for column, mark in zip(columns, words[2:]) if mark != "-")
            return columns
        if verb == "change":
            edits.append(words[1:])
        elif verb == "use":
            self.inventory = words[1]
        elif verb == "probe":
            # What is asked after the same edits is asked of the same objects.
            if not self.stages or self.stages[-1].edits != edits:
                self.stages.append(Stage(list(edits)))
            self.stages[-1].blocks.append(([tuple(word.split("/")) for word in words[1:]], []))
        elif verb in ("allow", "deny"):
            self.stages[-1].blocks[-1][1].append((words[1], words[2], verb == "allow"))
        elif verb != "rule":
            raise AssertionError(f"{self.path}: the wire tests know no '{verb}'")
        return None
