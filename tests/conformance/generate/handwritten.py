# SPDX-License-Identifier: Apache-2.0
"""Holds reading.py against the tables that people wrote: upstream/ and clusters/.

What the generated cases expect comes from reading.py alone; here it must agree with the expectations
that come from upstream's own tests and from ours. Cases with other kinds than NetworkPolicy, with
settings or with addresses outside are left out.
"""

import ipaddress
import pathlib

import yaml

import reading
from writing import FAMILIES

PLAIN_WORDS = {'use', 'probe', 'deny', 'allow', 'rule', 'change', 'step', '|', 'family'}


class Skip(Exception):
    """The case is about more than NetworkPolicy."""


def put(cluster, document):
    kind, metadata = document['kind'], document['metadata']
    namespace = metadata.get('namespace', 'default')
    if kind == 'Namespace':
        cluster.namespaces[metadata['name']] = metadata.get('labels', {})
    elif kind == 'NetworkPolicy' and 'annotations' not in metadata:
        cluster.namespaces.setdefault(namespace, {})
        cluster.policies[(namespace, metadata['name'])] = document['spec']
    elif kind == 'Pod':
        spec, status = document.get('spec', {}), document.get('status', {})
        addresses = {ip.version: ip for ip in (ipaddress.ip_address(one['ip'])
                                               for one in status.get('podIPs', []))}
        if spec.get('hostNetwork') or status.get('phase') in ('Succeeded', 'Failed') \
                or sorted(addresses) != list(FAMILIES) or 'serviceAccountName' in spec:
            raise Skip
        ports = [(port.get('name'), port.get('protocol', 'TCP'), port['containerPort'])
                 for container in spec.get('containers', []) for port in container.get('ports', [])]
        pod = reading.Pod(namespace, metadata['name'], metadata.get('labels', {}), addresses, ports)
        cluster.namespaces.setdefault(namespace, {})
        cluster.pods[pod.full_name] = pod
    else:
        raise Skip


def change(cluster, words):
    kind, _, name = words[0].partition('/')
    if words[1:2] == ['remove'] and kind == 'NetworkPolicy':
        del cluster.policies[tuple(name.split('/'))]
    elif words[1:2] == ['remove'] and kind == 'Pod':
        del cluster.pods[name]
    elif words[1:2] == ['label'] and kind == 'Namespace':
        cluster.namespaces[name] = {**cluster.namespaces[name], words[2]: words[3]}
    elif words[1:2] == ['label'] and kind == 'Pod':
        cluster.pods[name].labels = {**cluster.pods[name].labels, words[2]: words[3]}
    else:
        raise Skip


def fits(pattern, name):
    return pattern in ('*', name) or (pattern.endswith('*') and name.startswith(pattern[:-1]))


class Block:
    def __init__(self, probes, families):
        self.probes, self.families = probes, families
        self.expected = []  # (from, to, allowed): the last that fits wins

    def check(self, cluster):
        """How many answers were compared, and the wrong ones."""
        count, wrong = 0, []
        for protocol, port in self.probes:
            for family in self.families:
                for source in cluster.pods.values():
                    for destination in cluster.pods.values():
                        want = True
                        for one, other, allowed in self.expected:
                            if fits(one, source.full_name) and fits(other, destination.full_name):
                                want = allowed
                        got = reading.allows(cluster, source, destination, protocol, port, family)
                        count += 1
                        if got != (want or source is destination):
                            wrong.append(f'{source.full_name} -> {destination.full_name} '
                                         f'{protocol}/{port} IPv{family}')
        return count, wrong


def check_case(path, folder):
    cluster = reading.Cluster()
    count, wrong, families = 0, [], list(FAMILIES)
    for number, text in enumerate(path.read_text().split('#: step\n')):
        lines = [line[2:].split() for line in text.splitlines() if line.startswith('#:')]
        lines = [words for words in lines if words]
        if any(words[0] not in PLAIN_WORDS for words in lines):
            raise Skip
        if number == 0:
            for words in lines:
                if words[0] == 'use':
                    for document in yaml.safe_load_all((folder / 'inventory' / words[1]).read_text()):
                        put(cluster, document)
        for document in yaml.safe_load_all(text):
            if document:
                put(cluster, document)
        block, columns = None, []
        for words in [*lines, ['end']]:
            if words[0] == '|':
                if not columns:
                    columns = words[1:]
                    continue
                block.expected += [(words[1], column, mark == '.')
                                   for column, mark in zip(columns, words[2:]) if mark != '-']
                continue
            columns = []
            if words[0] in ('probe', 'change', 'end') and block:
                found, bad = block.check(cluster)
                count, wrong, block = count + found, wrong + bad, None
            if words[0] == 'probe':
                probes = [word.partition('/') for word in words[1:]]
                block = Block([(name, int(port)) for name, _, port in probes if port], families)
            elif words[0] == 'change':
                change(cluster, words[1:])
            elif words[0] == 'family':
                families = [int(words[1])]
            elif words[0] in ('allow', 'deny'):
                block.expected.append((words[1], words[2], words[0] == 'allow'))
    return count, wrong


def check(folder: pathlib.Path):
    """Prints what disagrees; true when nothing does."""
    cases = answers = 0
    is_good = True
    for path in sorted([*(folder / 'upstream').glob('*.yaml'), *(folder / 'clusters').glob('*.yaml')]):
        try:
            count, wrong = check_case(path, folder)
        except Skip:
            continue
        cases, answers = cases + 1, answers + count
        for line in wrong:
            print(f'{path.name}: the reading differs from the table: {line}')
            is_good = False
    print(f'{answers} answers of {cases} hand-written cases compared with the reading')
    return is_good and cases >= 60
