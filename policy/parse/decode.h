// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "policy/model/cluster.h"
#include "policy/parse/report.h"

namespace bulkhead::parse {

// One decoder a kind: from an object's tree to the model. Errors go to the report; an object with
// errors must not be used.

// v1 Namespace. Annotations: bulkhead.io/default: deny, bulkhead.io/mode: staged.
[[nodiscard]] model::Namespace decode_namespace(Report& report, const Node& object);

// v1 Pod. Metadata is strict; unknown fields of spec and status are Kubernetes' own business.
[[nodiscard]] model::Pod decode_pod(Report& report, const Node& object);

// v1 Node: its labels and the IP addresses of status.addresses. As strict as decode_pod.
[[nodiscard]] model::Node decode_cluster_node(Report& report, const Node& object);

// networking.k8s.io/v1 NetworkPolicy, validated like pkg/apis/networking/validation.
[[nodiscard]] model::Policy decode_network_policy(Report& report, const Node& object);

// policy.networking.k8s.io/v1alpha2 ClusterNetworkPolicy, validated like its schema. A peer that is
// not enforced fails closed as the type's own text demands, with a warning.
[[nodiscard]] model::Policy decode_cluster_network_policy(Report& report, const Node& object);

// Its forerunners of v1alpha1, by translation. The one BaselineAdminNetworkPolicy is asked behind
// every ClusterNetworkPolicy of the Baseline tier.
[[nodiscard]] model::Policy decode_admin_network_policy(Report& report, const Node& object);
[[nodiscard]] model::Policy decode_baseline_admin_network_policy(Report& report,
                                                                 const Node& object);

// bulkhead.io/v1alpha1 Segment, lowered to a policy on every pod of its namespace, both directions.
[[nodiscard]] model::Policy decode_segment(Report& report, const Node& object);

// A workload's one representative pod, named after the workload; nullopt when the template has
// errors. `kind` is Deployment, StatefulSet, DaemonSet, ReplicaSet, Job or CronJob.
[[nodiscard]] std::optional<model::Pod> decode_workload(Report& report, const Node& object,
                                                        std::string_view kind);

// The parts of a pod that spec.template has as well: hostNetwork, service account, ports.
void read_pod_spec(Report& report, const Node& spec, const Path& path, model::Pod& pod);

// TCP, UDP or SCTP, as text such as `protocol: TCP`.
[[nodiscard]] std::optional<std::uint8_t> read_protocol(Report& report, const Node& node,
                                                        const Path& path);

// An IPv4 or IPv6 address; an IPv4 one must be written as such.
[[nodiscard]] std::optional<IpAddress> read_address(Report& report, const Node& node,
                                                    const Path& path);
// A CIDR block; host bits are cleared with a warning.
[[nodiscard]] std::optional<Prefix> read_prefix(Report& report, const Node& node, const Path& path);
// A list of CIDR blocks strictly inside `outer`.
[[nodiscard]] std::vector<Prefix> read_except(Report& report, const Node& node, const Path& path,
                                              const Prefix& outer);

}  // namespace bulkhead::parse
