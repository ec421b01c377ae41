# SPDX-License-Identifier: Apache-2.0
"""The 230 generated cases of cyclonus (github.com/mattfenwick/cyclonus, pkg/generator), restated.

Its probes are TCP, UDP and SCTP on 80 and 81; we ask 53 as well, which its DNS rule opens, and the
ends of its port ranges. An ipBlock stands twice, once a family, with the same extent.
"""

from writing import PROTOCOLS, CaseWriter

PROBES = [(protocol, port) for protocol in PROTOCOLS for port in (53, 80, 81)]
RANGE_PROBES = [(protocol, port) for protocol in PROTOCOLS for port in (52, 53, 80, 81, 84, 85)]

EMPTY = {}
POD_A = {'matchLabels': {'pod': 'a'}}
POD_C = {'matchLabels': {'pod': 'c'}}
PODS_AB = {'matchExpressions': [{'key': 'pod', 'operator': 'In', 'values': ['a', 'b']}]}
PODS_BC = {'matchExpressions': [{'key': 'pod', 'operator': 'In', 'values': ['b', 'c']}]}
NS_X = {'matchLabels': {'ns': 'x'}}
NS_XY = {'matchExpressions': [{'key': 'ns', 'operator': 'In', 'values': ['x', 'y']}]}
NS_YZ = {'matchExpressions': [{'key': 'ns', 'operator': 'In', 'values': ['y', 'z']}]}
ALLOW_DNS = {'ports': [{'protocol': 'UDP', 'port': 53}, {'protocol': 'TCP', 'port': 53}]}


def base(ingress=None, egress=None, target=POD_A):
    """x/a takes TCP/80 from b and c of x and y, and talks TCP/80 to a and b of y and z, and DNS."""
    if ingress is None:
        ingress = [base_rule(True)]
    if egress is None:
        egress = [base_rule(False), ALLOW_DNS]
    return {'podSelector': target, 'policyTypes': ['Ingress', 'Egress'], 'ingress': ingress,
            'egress': egress}


def base_rule(is_ingress, **replaced):
    """A field replaced by None is left out."""
    if is_ingress:
        peers = {'from': [{'podSelector': PODS_BC, 'namespaceSelector': NS_XY}]}
    else:
        peers = {'to': [{'podSelector': PODS_AB, 'namespaceSelector': NS_YZ}]}
    rule = {'ports': [{'protocol': 'TCP', 'port': 80}], **peers}
    rule.update(replaced)
    return rule


def with_ports(is_ingress, ports):
    rule = base_rule(is_ingress, ports=ports)
    return base(ingress=[rule]) if is_ingress else base(egress=[rule, ALLOW_DNS])


def with_peers(is_ingress, peers):
    rule = base_rule(is_ingress, **{'from' if is_ingress else 'to': peers})
    return base(ingress=[rule]) if is_ingress else base(egress=[rule, ALLOW_DNS])


def single(title, policies, probes=None):
    """`policies`: (namespace, name, spec)."""
    case = CaseWriter(title)
    case.begin_step()
    for namespace, name, spec in policies:
        case.put_policy(namespace, name, spec)
    case.probe(probes or PROBES)
    return case


def word(is_ingress):
    return 'ingress' if is_ingress else 'egress'


def target_cases():
    for namespace in ('x', 'y', 'z'):
        yield single(f'target: namespace {namespace}', [(namespace, 'base', base())])
    for name, selector in (('every pod', EMPTY), ('pod a', POD_A), ('pods a and b', PODS_AB)):
        yield single(f'target: {name}', [('x', 'base', base(target=selector))])


def rules_cases():
    for is_ingress in (False, True):
        direction = word(is_ingress)
        yield single(f'{direction}: deny all', [('x', 'base', base(**{direction: []}))])
        yield single(f'{direction}: allow all', [('x', 'base', base(**{direction: [{}]}))])


def pod_peers():
    for pods_name, pods in (('every pod', EMPTY), ('pod c', POD_C)):
        yield f'{pods_name} of this namespace', [{'podSelector': pods}]
    for spaces_name, spaces in (('of every namespace', EMPTY), ('of namespace x', NS_X)):
        yield f'pods {spaces_name}', [{'namespaceSelector': spaces}]
        yield f'every pod {spaces_name}', [{'podSelector': EMPTY, 'namespaceSelector': spaces}]
        yield f'pod c {spaces_name}', [{'podSelector': POD_C, 'namespaceSelector': spaces}]


def block_peers():
    """Blocks around the address of z/c: the last 8 bits free, the last 4 excepted."""
    four, six = '10.0.3.0/24', 'fd00::3:0/120'
    yield 'block', [{'ipBlock': {'cidr': four}}, {'ipBlock': {'cidr': six}}]
    yield 'block with except', [{'ipBlock': {'cidr': four, 'except': ['10.0.3.0/28']}},
                                {'ipBlock': {'cidr': six, 'except': ['fd00::3:0/124']}}]


def peers_cases():
    for is_ingress in (True, False):
        yield single(f'{word(is_ingress)}: empty peers', [('x', 'base', with_peers(is_ingress, []))])
    peers = [*pod_peers(), *block_peers()]
    for is_ingress in (True, False):
        for name, peer in peers:
            yield single(f'{word(is_ingress)}: {name}', [('x', 'base', with_peers(is_ingress, peer))])
    for is_ingress in (True, False):
        for first in range(len(peers)):
            for second in range(first + 1, len(peers)):
                both = peers[first][1] + peers[second][1]
                yield single(f'{word(is_ingress)}: {peers[first][0]}, or {peers[second][0]}',
                             [('x', 'base', with_peers(is_ingress, both))])


def port_matches():
    for protocol in (None, 'TCP', 'UDP', 'SCTP'):
        for port in (None, 80, 81):
            match = {}
            if protocol is not None:
                match['protocol'] = protocol
            if port is not None:
                match['port'] = port
            yield match
    for protocol in PROTOCOLS:
        for port in (80, 81):
            yield {'protocol': protocol, 'port': f'serve-{port}-{protocol.lower()}'}
    for protocol in PROTOCOLS:
        for last in (80, 84):
            yield {'protocol': protocol, 'port': 53, 'endPort': last}


def describe_match(match):
    port = str(match.get('port', 'every port'))
    if 'endPort' in match:
        port += f' to {match["endPort"]}'
    return f'{match.get("protocol", "no protocol")}, {port}'


def port_cases():
    for is_ingress in (False, True):
        yield single(f'{word(is_ingress)}: empty ports', [('x', 'base', with_ports(is_ingress, []))])
    odd_ports = (('a name of another protocol', 'serve-81-udp'),
                 ('a name that nobody serves', 'serve-7981-udp'),
                 ('a number that nobody serves', 7981))
    for is_ingress in (False, True):
        direction = word(is_ingress)
        for match in port_matches():
            yield single(f'{direction}: {describe_match(match)}',
                         [('x', 'base', with_ports(is_ingress, [match]))],
                         RANGE_PROBES if 'endPort' in match else PROBES)
        for name, port in odd_ports:
            yield single(f'{direction}: {name}',
                         [('x', 'base', with_ports(is_ingress, [{'protocol': 'TCP', 'port': port}]))])
    pairs = [[{}, {'port': 80}], [{}, {'port': 'serve-80-tcp'}], [{}, {'protocol': 'UDP'}],
             [{'port': 80}, {'port': 81}], [{'port': 80}, {'port': 'serve-81-tcp'}],
             [{'port': 80}, {'protocol': 'UDP', 'port': 'serve-81-udp'}],
             [{'protocol': 'UDP', 'port': 80}, {'protocol': 'UDP', 'port': 'serve-81-udp'}]]
    for is_ingress in (False, True):
        for pair in pairs:
            yield single(f'{word(is_ingress)}: {describe_match(pair[0])}; {describe_match(pair[1])}',
                         [('x', 'base', with_ports(is_ingress, pair))])


def example_cases():
    case = CaseWriter('example: one named port, while a namespace and a pod come and go')
    case.begin_step()
    case.put_policy('x', 'allow-all', {'podSelector': {'matchLabels': {}},
                                       'policyTypes': ['Ingress'],
                                       'ingress': [{'ports': [{'port': 'serve-81-tcp'}]}]})
    case.probe(PROBES)
    case.begin_step()
    case.put_namespace('w', {'ns': 'w'})
    case.put_pod('w', 'a', {'pod': 'a'})
    case.probe(PROBES)
    case.begin_step()
    case.delete_pod('w', 'a')
    case.probe(PROBES)
    case.begin_step()
    case.delete_namespace('w')
    case.probe(PROBES)
    case.begin_step()
    case.probe(PROBES)
    case.begin_step()
    case.probe([('TCP', 81)])
    yield case


def stepped(title, *steps):
    """Each step is a function of the case, followed by the probes."""
    case = CaseWriter(title)
    for step in steps:
        case.begin_step()
        step(case)
        case.probe(PROBES)
    return case


def action_cases():
    def create(spec):
        return lambda case: case.put_policy('x', 'base', spec)

    def add_namespace(case):
        case.put_namespace('y-2', {'ns': 'y'})
        case.put_pod('y-2', 'a', {'pod': 'a'})
        case.put_pod('y-2', 'b', {'pod': 'b'})

    yield stepped('action: create and delete a policy', create(base()),
                  lambda case: case.delete_policy('x', 'base'))
    yield stepped('action: create and update a policy', create(base()),
                  create(with_ports(True, [{'protocol': 'UDP', 'port': 'serve-81-udp'}])))
    yield stepped('action: create and delete a namespace', create(base()), add_namespace,
                  lambda case: case.delete_namespace('y-2'))
    yield stepped('action: a namespace gains and loses a label',
                  create(with_peers(True, [{'namespaceSelector': {'matchLabels': {'new-ns': 'qrs'}}}])),
                  lambda case: case.put_namespace('y', {'ns': 'y', 'new-ns': 'qrs'}),
                  lambda case: case.put_namespace('y', {'ns': 'y'}))
    yield stepped('action: create and delete a pod', create(base()),
                  lambda case: case.put_pod('x', 'd', {'pod': 'd'}),
                  lambda case: case.delete_pod('x', 'd'))
    yield stepped('action: a pod gains and loses a label',
                  create(with_peers(True, [{'podSelector': {'matchLabels': {'new-label': 'abc'}},
                                            'namespaceSelector': NS_YZ}])),
                  lambda case: case.put_pod('y', 'b', {'pod': 'b', 'new-label': 'abc'}),
                  lambda case: case.put_pod('y', 'b', {'pod': 'b'}))


SOURCE = ('x', {'matchLabels': {'pod': 'b'}})
DESTINATION = ('y', {'matchLabels': {'pod': 'c'}})
BY_RULE = {
    'deny-all': [], 'allow-all': [{}],
    'allow-all-by-pod': [[{'namespaceSelector': {}}]],
    'allow-all-by-ip': [[{'ipBlock': {'cidr': '0.0.0.0/0'}}, {'ipBlock': {'cidr': '::/0'}}]],
    'deny-all-by-ip': [[{'ipBlock': {'cidr': '0.0.0.0/31'}}, {'ipBlock': {'cidr': '::/127'}}]],
    'deny-all-by-pod': [[{'namespaceSelector':
                          {'matchLabels': {'this-will-never-happen': 'qrs123'}}}]],
}


def conflict_policy(place, direction, rules_name):
    namespace, selector = place
    peers_of = 'from' if direction == 'ingress' else 'to'
    rules = [{peers_of: rule} if isinstance(rule, list) else rule for rule in BY_RULE[rules_name]]
    return (namespace, f'{rules_name}-{direction}',
            {'podSelector': selector, 'policyTypes': [direction.capitalize()], direction: rules})


def conflict_cases():
    cases = [
        [(SOURCE, 'egress', 'deny-all'), (DESTINATION, 'ingress', 'allow-all')],
        [(SOURCE, 'egress', 'allow-all'), (DESTINATION, 'ingress', 'deny-all')],
        [(SOURCE, 'egress', 'deny-all'), (SOURCE, 'egress', 'allow-all')],
        [(DESTINATION, 'ingress', 'deny-all'), (DESTINATION, 'ingress', 'allow-all')],
    ]
    for direction in ('egress', 'ingress'):
        cases += [[(SOURCE, direction, first), (SOURCE, direction, second)] for first, second in (
            ('deny-all', 'allow-all-by-pod'), ('deny-all', 'allow-all-by-ip'),
            ('deny-all-by-ip', 'allow-all-by-pod'), ('deny-all-by-pod', 'allow-all-by-ip'))]
    for direction in ('egress', 'ingress'):
        cases += [[(SOURCE, direction, 'deny-all-by-ip')], [(SOURCE, direction, 'deny-all-by-pod')]]
    for parts in cases:
        policies = [conflict_policy(*part) for part in parts]
        if any(direction == 'egress' for _, direction, _ in parts):
            policies.append((SOURCE[0], 'allow-dns', {
                'podSelector': SOURCE[1], 'policyTypes': ['Egress'], 'egress': [ALLOW_DNS]}))
        title = ' and '.join(f'{rules} for {direction} of {place[0]}'
                             for place, direction, rules in parts)
        yield single(f'conflict: {title}', policies)


def namespace_cases():
    by_name = [{'namespaceSelector': {'matchLabels': {'kubernetes.io/metadata.name': 'z'}}}]
    for is_ingress in (True, False):
        yield single(f'{word(is_ingress)}: a namespace by its default label',
                     [('x', 'base', with_peers(is_ingress, by_name))])


def all_cases():
    import cyclonus_upstream
    groups = (target_cases(), rules_cases(), peers_cases(), port_cases(), example_cases(),
              action_cases(), conflict_cases(), namespace_cases(), cyclonus_upstream.cases())
    return [case for group in groups for case in group]
