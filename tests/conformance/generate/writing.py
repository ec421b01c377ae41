# SPDX-License-Identifier: Apache-2.0
"""Writes cases as files that the conformance runner reads (tests/conformance/README.md)."""

import copy
import ipaddress
import re

import reading

FAMILIES = (4, 6)
PROTOCOLS = ('TCP', 'UDP', 'SCTP')
NAMESPACES = ('x', 'y', 'z')
PODS = ('a', 'b', 'c')


def flow(value):
    """One value in YAML's flow style; only what Kubernetes objects hold."""
    if isinstance(value, dict):
        return '{' + ', '.join(f'{key}: {flow(one)}' for key, one in value.items()) + '}'
    if isinstance(value, list):
        return '[' + ', '.join(flow(one) for one in value) + ']'
    if isinstance(value, int):
        return str(value)
    if re.fullmatch(r'[A-Za-z][A-Za-z0-9./-]*|[0-9]+\.[0-9./]+', value):
        return value
    return f'"{value}"'


def policy_text(namespace, name, spec):
    lines = ['apiVersion: networking.k8s.io/v1', 'kind: NetworkPolicy',
             f'metadata: {{name: {name}, namespace: {namespace}}}', 'spec:']
    for key, value in spec.items():
        if key in ('ingress', 'egress') and value:
            lines.append(f'  {key}:')
            lines += [f'  - {flow(rule)}' for rule in value]
        else:
            lines.append(f'  {key}: {flow(value)}')
    return '\n'.join(lines)


def pod_text(pod):
    ports = [{'name': name, 'containerPort': port, 'protocol': protocol}
             for name, protocol, port in pod.ports]
    addresses = [{'ip': str(address)} for address in pod.addresses.values()]
    return '\n'.join([
        'apiVersion: v1', 'kind: Pod',
        f'metadata: {{name: {pod.name}, namespace: {pod.namespace}, labels: {flow(pod.labels)}}}',
        f'spec: {{containers: [{{name: server, ports: {flow(ports)}}}]}}',
        f'status: {{podIPs: {flow(addresses)}}}'])


def namespace_text(name, labels):
    return '\n'.join(['apiVersion: v1', 'kind: Namespace',
                      f'metadata: {{name: {name}, labels: {flow(labels)}}}'])


def make_pod(namespace, name, labels, number):
    """A pod that serves ports 80 and 81 of each protocol, as those of inventory/xyz.yaml do."""
    net = {'x': 1, 'y': 2, 'z': 3, 'w': 4, 'y-2': 5}[namespace]
    addresses = {4: ipaddress.ip_address(f'10.0.{net}.{number}'),
                 6: ipaddress.ip_address(f'fd00::{net}:{number}')}
    ports = [(f'serve-{port}-{protocol.lower()}', protocol, port)
             for protocol in PROTOCOLS for port in (80, 81)]
    return reading.Pod(namespace, name, labels, addresses, ports)


def xyz():
    """The cluster of inventory/xyz.yaml."""
    cluster = reading.Cluster()
    for namespace in NAMESPACES:
        cluster.namespaces[namespace] = {'ns': namespace}
        for number, name in enumerate(PODS, 1):
            pod = make_pod(namespace, name, {'pod': name}, number)
            cluster.pods[pod.full_name] = pod
    return cluster


class CaseWriter:
    """One case: steps of changes to the cluster, each followed by what must then hold."""

    def __init__(self, title):
        self.cluster = xyz()
        self.lines = [f'# {title}', '#: use xyz.yaml']
        self.comments = []   # of the step being written
        self.documents = []
        self.steps = 0

    def begin_step(self):
        if self.steps:
            self.end_step()
            self.lines.append('#: step')
        self.steps += 1

    def end_step(self):
        self.lines += self.comments
        text = '\n---\n'.join(self.documents)
        self.lines += [text] if text else []
        self.comments, self.documents = [], []

    def put_policy(self, namespace, name, spec):
        self.cluster.policies[(namespace, name)] = copy.deepcopy(spec)
        self.documents.append(policy_text(namespace, name, spec))

    def delete_policy(self, namespace, name):
        del self.cluster.policies[(namespace, name)]
        self.comments.append(f'#: change NetworkPolicy/{namespace}/{name} remove')

    def put_namespace(self, name, labels):
        self.cluster.namespaces[name] = labels
        self.documents.append(namespace_text(name, labels))

    def delete_namespace(self, name):
        del self.cluster.namespaces[name]
        self.cluster.pods = {key: pod for key, pod in self.cluster.pods.items()
                             if pod.namespace != name}
        self.comments.append(f'#: change Namespace/{name} remove')

    def put_pod(self, namespace, name, labels):
        number = 'abcd'.index(name) + 1
        pod = make_pod(namespace, name, labels, number)
        self.cluster.pods[pod.full_name] = pod
        self.documents.append(pod_text(pod))

    def delete_pod(self, namespace, name):
        del self.cluster.pods[f'{namespace}/{name}']
        self.comments.append(f'#: change Pod/{namespace}/{name} remove')

    def table(self, protocol, port):
        """The truth table's lines; both families must give the same one."""
        names = sorted(self.cluster.pods)
        tables = []
        for family in FAMILIES:
            rows = [['', *names]]
            for source in names:
                marks = [reading.allows(self.cluster, self.cluster.pods[source],
                                        self.cluster.pods[destination], protocol, port, family)
                         for destination in names]
                rows.append([source, *('.' if mark else 'X' for mark in marks)])
            tables.append(rows)
        assert tables[0] == tables[1], 'a case must be written for both families'
        return tables[0]

    def probe(self, probes):
        """What each probe gives: one table for all those that give the same."""
        groups = []
        for protocol, port in probes:
            table = self.table(protocol, port)
            for group in groups:
                if group[1] == table:
                    group[0].append(f'{protocol}/{port}')
                    break
            else:
                groups.append(([f'{protocol}/{port}'], table))
        for names, table in groups:
            self.comments.append('#: probe ' + ' '.join(names))
            if any('X' in row for row in table):
                # The corner is blank and the marks stand below their pod.
                self.comments.append('#: |     ' + ' '.join(table[0][1:]))
                for name, *marks in table[1:]:
                    cells = [mark.center(len(column))
                             for mark, column in zip(marks, table[0][1:])]
                    self.comments.append(f'#: | {name} ' + ' '.join(cells).rstrip())

    def text(self):
        self.end_step()
        return '\n'.join(self.lines) + '\n'
