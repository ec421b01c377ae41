# SPDX-License-Identifier: Apache-2.0
"""A third reader of NetworkPolicy, in words of the Kubernetes documentation, for truth tables.

It shares nothing with policy/oracle or policy/compile: objects are the YAML's own maps, an answer is
one question asked of them. The quotes are of the page "Network Policies" of the Kubernetes
documentation and of the comments in staging/src/k8s.io/api/networking/v1/types.go.
"""

import ipaddress


class Pod:
    def __init__(self, namespace, name, labels, addresses, ports):
        self.namespace = namespace
        self.name = name
        self.labels = labels
        self.addresses = addresses  # one a family
        self.ports = ports          # (name, protocol, number)

    @property
    def full_name(self):
        return f'{self.namespace}/{self.name}'


class Cluster:
    def __init__(self):
        self.namespaces = {}  # name -> labels
        self.pods = {}        # "ns/name" -> Pod
        self.policies = {}    # (namespace, name) -> spec


def matches_requirement(requirement, labels):
    """LabelSelectorRequirement: NotIn and DoesNotExist match where the key is absent."""
    present = requirement['key'] in labels
    listed = present and labels[requirement['key']] in requirement.get('values', [])
    return {'In': listed, 'NotIn': not listed, 'Exists': present,
            'DoesNotExist': not present}[requirement['operator']]


def matches_selector(selector, labels):
    """LabelSelector: "the result of matchLabels and matchExpressions are ANDed. An empty label
    selector matches all objects"."""
    return (all(labels.get(key) == value for key, value in selector.get('matchLabels', {}).items())
            and all(matches_requirement(one, labels) for one in selector.get('matchExpressions', [])))


def matches_peer(cluster, policy_namespace, peer, pod, family):
    """NetworkPolicyPeer."""
    if 'ipBlock' in peer:
        address = pod.addresses[family]
        block = ipaddress.ip_network(peer['ipBlock']['cidr'])
        if address.version != block.version or address not in block:
            return False
        # "except is a slice of CIDRs that should not be included within an ipBlock".
        return not any(address in ipaddress.ip_network(one)
                       for one in peer['ipBlock'].get('except', []))
    # "podSelector: this selects particular Pods in the same namespace as the NetworkPolicy";
    # "namespaceSelector: this selects particular namespaces for which all Pods should be allowed";
    # both in one entry: "selects particular Pods within particular namespaces".
    if 'namespaceSelector' in peer:
        labels = dict(cluster.namespaces[pod.namespace])
        # "The Kubernetes control plane sets an immutable label kubernetes.io/metadata.name on all
        # namespaces, the value of the label is the namespace name."
        labels['kubernetes.io/metadata.name'] = pod.namespace
        if not matches_selector(peer['namespaceSelector'], labels):
            return False
    elif pod.namespace != policy_namespace:
        return False
    return matches_selector(peer.get('podSelector', {}), pod.labels)


def matches_port(match, destination, protocol, port):
    """NetworkPolicyPort: "If not specified, this field defaults to TCP"; "if this field is not
    provided, this matches all port names and numbers"; a name is a port of the destination pod."""
    if match.get('protocol', 'TCP') != protocol:
        return False
    if 'port' not in match:
        return True
    if isinstance(match['port'], str):
        return (match['port'], protocol, port) in destination.ports
    return match['port'] <= port <= match.get('endPort', match['port'])


def isolates(spec, direction):
    """policyTypes: "If no policyTypes are specified on a NetworkPolicy then by default Ingress will
    always be set and Egress will be set if the NetworkPolicy has any egress rules"."""
    types = spec.get('policyTypes')
    if types:
        return direction in types
    return direction == 'Ingress' or bool(spec.get('egress'))


def allows_direction(cluster, direction, subject, peer, destination, protocol, port, family):
    """"By default, a pod is non-isolated"; "the allowed connections from that pod are the union of
    those allowed by the policies"."""
    isolated = False
    rules_of, peers_of = ('ingress', 'from') if direction == 'Ingress' else ('egress', 'to')
    for (namespace, _), spec in cluster.policies.items():
        if namespace != subject.namespace:
            continue
        if not matches_selector(spec['podSelector'], subject.labels):
            continue
        if not isolates(spec, direction):
            continue
        isolated = True
        for rule in spec.get(rules_of) or []:
            # "If this field is empty or missing, this rule matches all sources", and alike ports.
            peers, ports = rule.get(peers_of), rule.get('ports')
            if peers and not any(matches_peer(cluster, namespace, one, peer, family)
                                 for one in peers):
                continue
            if ports and not any(matches_port(one, destination, protocol, port) for one in ports):
                continue
            return True
    return not isolated


def allows(cluster, source, destination, protocol, port, family):
    """"For a connection from a source pod to a destination pod to be allowed, both the egress policy
    on the source pod and the ingress policy on the destination pod need to allow the connection";
    "a Pod cannot block access to itself"."""
    if source is destination:
        return True
    return (allows_direction(cluster, 'Egress', source, destination, destination, protocol, port,
                             family)
            and allows_direction(cluster, 'Ingress', destination, source, destination, protocol,
                                 port, family))
