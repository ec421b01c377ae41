# SPDX-License-Identifier: Apache-2.0
"""The 13 cases of cyclonus that follow Kubernetes' own end-to-end tests."""

from cyclonus import ALLOW_DNS, stepped

EVERY = {'matchLabels': {}}
POD_A = {'matchLabels': {'pod': 'a'}}


def ingress(selector, rules):
    return {'podSelector': selector, 'policyTypes': ['Ingress'], 'ingress': rules}


def put(name, spec, namespace='x'):
    return lambda case: case.put_policy(namespace, name, spec)


def nothing(_):
    """A step that only probes."""


def from_y(port):
    return ingress(POD_A, [{'from': [{'namespaceSelector': {'matchLabels': {'ns': 'y'}}}],
                            'ports': [{'protocol': 'TCP', 'port': port}]}])


def together():
    return {'podSelector': POD_A, 'policyTypes': ['Ingress', 'Egress'],
            'ingress': [{'from': [{'podSelector': {'matchLabels': {'pod': 'b'}}}]}],
            'egress': [{'ports': [{'port': 80}, {'protocol': 'UDP', 'port': 53}]}]}


def client_side(case):
    x_a = {'namespaceSelector': {'matchLabels': {'ns': 'x'}}, 'podSelector': POD_A}
    y_a = {'namespaceSelector': {'matchLabels': {'ns': 'y'}}, 'podSelector': POD_A}
    case.put_policy('x', 'allow-to-ns-y-pod-a', {
        'podSelector': POD_A, 'policyTypes': ['Egress'],
        'egress': [{'to': [y_a]}, {'ports': [{'protocol': 'UDP', 'port': 53}]}]})
    case.put_policy('y', 'allow-from-xa-on-ya-match-selector', ingress(POD_A, [{'from': [x_a]}]))
    case.put_policy('y', 'allow-from-xa-on-yb-match-selector',
                    ingress({'matchLabels': {'pod': 'b'}}, [{'from': [x_a]}]))


def cases():
    yield stepped('upstream: default deny ingress', put('deny-ingress', ingress({}, [])))
    yield stepped('upstream: default deny all', put('deny-all-allow-dns', {
        'podSelector': {}, 'policyTypes': ['Egress', 'Ingress'], 'ingress': [],
        'egress': [ALLOW_DNS]}))
    yield stepped('upstream: several pod and namespace selectors', put(
        'allow-ns-y-z-pod-b-c', ingress(POD_A, [{'from': [{
            'namespaceSelector': {'matchExpressions': [
                {'key': 'ns', 'operator': 'NotIn', 'values': ['x']}]},
            'podSelector': {'matchExpressions': [
                {'key': 'pod', 'operator': 'In', 'values': ['b', 'c']}]}}]}])))
    yield stepped('upstream: stacked policies', put('allow-client-a-via-ns-selector-81', from_y(81)),
                  nothing, put('allow-client-a-via-ns-selector-80', from_y(80)))
    yield stepped('upstream: allow all', put('allow-all', ingress(EVERY, [{}])), nothing)
    yield stepped('upstream: one named port', put(
        'allow-all', ingress(EVERY, [{'ports': [{'port': 'serve-81-tcp'}]}])), nothing)
    yield stepped('upstream: an updated policy',
                  put('allow-all-mutate-to-deny-all', ingress(EVERY, [{}])),
                  put('allow-all-mutate-to-deny-all', ingress(EVERY, [])))
    yield stepped('upstream: an updated namespace', put(
        'allow-client-a-via-ns-selector', ingress(POD_A, [{'from': [
            {'namespaceSelector': {'matchLabels': {'ns2': 'updated'}}}]}])),
        lambda case: case.put_namespace('y', {'ns': 'y', 'ns2': 'updated'}))
    yield stepped('upstream: an updated pod', put(
        'allow-client-a-via-pod-selector', ingress(POD_A, [{'from': [
            {'podSelector': {'matchLabels': {'pod': 'b', 'pod2': 'updated'}}}]}])),
        lambda case: case.put_pod('x', 'b', {'pod': 'b', 'pod2': 'updated'}))
    yield stepped('upstream: ingress denied to an updated pod', put(
        'deny-ingress-via-label-selector', ingress({'matchLabels': {'target': 'isolated'}}, [])),
        lambda case: case.put_pod('x', 'a', {'target': 'isolated'}))
    yield stepped('upstream: ingress and egress together',
                  put('allow-client-a-via-pod-selector', together()), nothing)
    yield stepped('upstream: the client side denies what the server allows', client_side)
    yield stepped('upstream: a policy stops when it is deleted', put('deny-all', {
        'podSelector': {}, 'policyTypes': ['Ingress', 'Egress'], 'ingress': [], 'egress': []}),
        lambda case: case.delete_policy('x', 'deny-all'))
