# SPDX-License-Identifier: Apache-2.0
"""Shapes that other products measure themselves with, small enough to ask every pair.

Antrea's controller: many small namespaces, one large namespace, a policy for each pod
(pkg/controller/networkpolicy/networkpolicy_controller_perf_test.go). Calico's calculation graph: long
lists of blocks, many policies in tiers (felix/calc, felix/bpf/polprog). What must hold follows from
how each shape is built, and is written beside it.
"""

from writing import flow, policy_text

SMALL = 24   # namespaces
TEAMS = 4
SETS = 8     # of the large namespace
PER_SET = 8  # pods
SINGLES = 48
BLOCKS = 200
TIERED = 20  # admin policies of 25 rules


def pod(namespace, name, labels, four, six):
    return '\n'.join([
        'apiVersion: v1', 'kind: Pod',
        f'metadata: {{name: {name}, namespace: {namespace}, labels: {flow(labels)}}}',
        f'status: {{podIPs: [{{ip: {four}}}, {{ip: "{six}"}}]}}'])


def numbered_pod(namespace, name, labels, number):
    return pod(namespace, name, labels, f'10.9.{number // 250}.{number % 250 + 1}',
               f'fd09::{number + 1:x}')


def case(title, comments, documents):
    return '\n'.join([f'# {title}', *(f'#: {line}' for line in comments), '\n---\n'.join(documents),
                      ''])


def small_namespaces():
    comments = ['probe TCP/5432', 'deny * *']
    documents = []
    teams = {f'ns{i}': f'team{i % TEAMS}' for i in range(SMALL)}
    for i, (space, team) in enumerate(teams.items()):
        documents.append(f'apiVersion: v1\nkind: Namespace\n'
                         f'metadata: {{name: {space}, labels: {{team: {team}}}}}')
        for n, (name, app) in enumerate((('web-0', 'web'), ('web-1', 'web'), ('db', 'db'),
                                         ('job', 'job'))):
            documents.append(numbered_pod(space, name, {'app': app}, i * 4 + n))
        documents += [
            policy_text(space, 'close', {'podSelector': {}, 'policyTypes': ['Ingress']}),
            policy_text(space, 'db', {
                'podSelector': {'matchLabels': {'app': 'db'}},
                'ingress': [{'from': [{'podSelector': {'matchLabels': {'app': 'web'}}}],
                             'ports': [{'port': 5432}]}]}),
            policy_text(space, 'web', {
                'podSelector': {'matchLabels': {'app': 'web'}},
                'ingress': [{'from': [{'namespaceSelector': {'matchLabels': {'team': team}}}],
                             'ports': [{'port': 80}]}]})]
        comments.append(f'allow {space}/web* {space}/db')
    comments += ['probe TCP/80', 'deny * *']
    comments += [f'allow {source}/* {space}/web*' for space in teams for source in teams
                 if teams[source] == teams[space]]
    comments += ['probe UDP/80 TCP/81', 'deny * *']
    return case('Small namespaces: each pod of a team reaches its web pods, web reaches its own db.',
                comments, documents)


def one_namespace():
    comments = ['probe TCP/80 UDP/5', 'deny big/* big/*']
    documents = []
    for one in range(SETS):
        for n in range(PER_SET):
            documents.append(numbered_pod('big', f's{one}-{n}', {'set': f's{one}', 'n': f'n{n}'},
                                          one * PER_SET + n))
        following = (one + 1) % SETS
        documents.append(policy_text('big', f's{one}', {
            'podSelector': {'matchLabels': {'set': f's{one}'}},
            'ingress': [{'from': [{'podSelector': {'matchLabels': {'set': f's{following}'}}}]}]}))
        comments.append(f'allow big/s{following}-* big/s{one}-*')
    return case('One large namespace: each set of pods takes from the next set only.', comments,
                documents)


def policy_for_each_pod():
    comments = ['probe TCP/80', 'deny one/* one/*']
    documents = []
    for n in range(SINGLES):
        following = (n + 1) % SINGLES
        documents += [numbered_pod('one', f'p{n:02}', {'pod': f'p{n}'}, n),
                      policy_text('one', f'p{n}', {
                          'podSelector': {'matchLabels': {'pod': f'p{n}'}},
                          'ingress': [{'from': [{'podSelector':
                                                 {'matchLabels': {'pod': f'p{following}'}}}]}]})]
        comments.append(f'allow one/p{following:02} one/p{n:02}')
    return case('A policy for each pod: each takes from the next one only.', comments, documents)


def blocks():
    """Blocks of even numbers are open, the middle quarter of each excepted."""
    comments = ['probe TCP/80', 'deny * in/server']
    documents = [pod('in', 'server', {'app': 'server'}, '10.8.0.1', 'fd08::1')]
    peers = []
    for n in range(0, BLOCKS, 2):
        peers += [{'ipBlock': {'cidr': f'10.7.{n}.0/24', 'except': [f'10.7.{n}.64/26']}},
                  {'ipBlock': {'cidr': f'fd07:{n:x}::/32', 'except': [f'fd07:{n:x}:4000::/34']}}]
    for n in (0, 1, 2, 97, 98, 198, 199):
        places = {'low': (1, '1::1'), 'mid': (64, '4000::1'), 'last': (127, '7fff::1'),
                  'high': (128, '8000::1')}
        for place, (last, six) in places.items():
            documents.append(pod('out', f'b{n}-{place}', {'app': 'client'}, f'10.7.{n}.{last}',
                                 f'fd07:{n:x}:{six}'))
            if n % 2 == 0 and place in ('low', 'high'):
                comments.append(f'allow out/b{n}-{place} in/server')
    documents.append(policy_text('in', 'blocks', {
        'podSelector': {}, 'policyTypes': ['Ingress'], 'ingress': [{'from': peers}]}))
    return case('A long list of blocks, each with an exception.', comments, documents)


def tiered():
    """Port 1000 + 25 * policy + rule is closed; an earlier policy opens every tenth of them."""
    ports = [1000 + 25 * policy + rule for policy in range(TIERED) for rule in range(25)]
    documents = [numbered_pod('t', name, {'app': name}, n) for n, name in enumerate('abc')]

    def policy(name, priority, action, chosen):
        rules = [flow({'action': action, 'from': [{'namespaces': {}}],
                       'protocols': [{'tcp': {'destinationPort': {'number': port}}}]})
                 for port in chosen]
        return '\n'.join(['apiVersion: policy.networking.k8s.io/v1alpha2',
                          'kind: ClusterNetworkPolicy', f'metadata: {{name: {name}}}', 'spec:',
                          '  tier: Admin', f'  priority: {priority}', '  subject: {namespaces: {}}',
                          '  ingress:', *(f'  - {rule}' for rule in rules)])

    opened = ports[::20]
    documents.append(policy('open', 5, 'Accept', opened))
    documents += [policy(f'close-{n}', 10 + n, 'Deny', ports[25 * n:25 * n + 25])
                  for n in range(TIERED)]
    probes = [999, 1000, 1001, 1019, 1020, 1021, 1024, 1025, 1480, 1481, 1499, 1500]
    free = [port for port in probes if port not in ports or port in opened]
    closed = [port for port in probes if port not in free]
    comments = ['probe ' + ' '.join(f'TCP/{port}' for port in free) + ' UDP/1001',
                'probe ' + ' '.join(f'TCP/{port}' for port in closed), 'deny * *']
    return case('Twenty admin policies of 25 rules, and one before them.', comments, documents)


def all_cases():
    """Name -> text."""
    return {'small_namespaces': small_namespaces(), 'one_namespace': one_namespace(),
            'policy_for_each_pod': policy_for_each_pod(), 'blocks': blocks(), 'tiered': tiered()}
