// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "control/api/server.h"
#include "control/flowlog/audit.h"
#include "control/flowlog/flowlog.h"

namespace bulkhead::cni {

namespace api = control::api;

// The agent behind its real HTTP server on a real socket; only what it does is made up.
class FakeAgent final : public api::Service, private control::flowlog::Names {
 public:
  // Listens at ROOT/run/bulkhead/agent.sock.
  explicit FakeAgent(const std::filesystem::path& root)
      : flows_(*this, {}), audit_(root / "audit.jsonl") {
    std::filesystem::create_directories(root / "run/bulkhead");
    api::ServerSettings settings;
    settings.socket = root / "run/bulkhead/agent.sock";
    settings.group.clear();
    api::RoleGrant self;
    self.role = api::Role::Admin;
    self.uid = ::getuid();
    settings.roles = {self};
    auto started = api::Server::start(*this, flows_, audit_, settings);
    EXPECT_TRUE(started) << started.error().text();
    server_ = std::move(*started);
  }

  // What the next calls of attach answer with, instead of succeeding.
  void refuse_with(api::ApiError error) {
    const std::lock_guard lock(mutex_);
    refusal_ = std::move(error);
  }
  // The pod's namespace ended and nobody called DEL.
  void lose(const std::string& container, const std::string& ifname) {
    const std::lock_guard lock(mutex_);
    const auto found = attached_.find(container + "/" + ifname);
    if (found == attached_.end()) return;
    lost_.push_back({container, ifname, found->second.network});
    attached_.erase(found);
  }
  [[nodiscard]] std::size_t lost() const {
    const std::lock_guard lock(mutex_);
    return lost_.size();
  }
  [[nodiscard]] std::vector<api::AttachmentRequest> attached() const {
    const std::lock_guard lock(mutex_);
    std::vector<api::AttachmentRequest> requests;
    for (const auto& [key, request] : attached_) requests.push_back(request);
    return requests;
  }

  api::Reply<api::AttachmentReply> attach(const api::AttachmentRequest& request) override {
    const std::lock_guard lock(mutex_);
    if (refusal_) return tl::unexpected(*refusal_);
    attached_[request.container_id + "/" + request.ifname] = request;
    return reply_to(request);
  }
  api::Reply<api::AttachmentReply> attachment(const std::string& container,
                                              const std::string& ifname) override {
    const std::lock_guard lock(mutex_);
    const auto found = attached_.find(container + "/" + ifname);
    if (found != attached_.end()) return reply_to(found->second);
    return tl::unexpected(api::ApiError{404, "not_found", "no such attachment", ""});
  }
  api::Reply<api::DetachmentReply> detach(const api::DetachmentRequest& request) override {
    const std::lock_guard lock(mutex_);
    std::erase_if(lost_, [&](const auto& lost) {
      return lost.container_id == request.container_id && lost.ifname == request.ifname;
    });
    return api::DetachmentReply{attached_.erase(request.container_id + "/" + request.ifname) > 0};
  }
  std::vector<api::LostAttachment> lost_attachments(const std::string& network) override {
    const std::lock_guard lock(mutex_);
    std::vector<api::LostAttachment> found;
    for (const auto& lost : lost_) {
      if (lost.network == network) found.push_back(lost);
    }
    return found;
  }

  api::StatusReport status() override { return {}; }
  std::vector<api::EndpointReport> endpoints() override { return {}; }
  std::vector<api::PolicyReport> policies() override { return {}; }
  api::Reply<void> quarantine(const std::string&, const std::string&, const api::QuarantineRequest&,
                              const std::string&) override {
    return {};
  }
  api::Reply<void> release(const std::string&, const std::string&) override { return {}; }
  api::Reply<std::string> explain(const api::ExplainRequest&) override { return {}; }
  bool is_ready() override { return true; }

 private:
  static api::AttachmentReply reply_to(const api::AttachmentRequest& request) {
    api::AttachmentReply reply;
    reply.ifname = request.ifname;
    reply.mac = "02:01:02:03:04:05";
    reply.mtu = request.mtu.value_or(1500);
    reply.ips = request.ips;
    for (const auto& ip : request.ips) {
      const bool is_v6 = ip.address.find(':') != std::string::npos;
      (is_v6 ? reply.gateway_v6 : reply.gateway_v4) = is_v6 ? "fe80::1" : "169.254.1.1";
    }
    return reply;
  }
  std::optional<control::flowlog::RuleName> rule(CounterSlot) const override { return {}; }
  std::optional<control::flowlog::PodName> pod(const IpAddress&) const override { return {}; }

  mutable std::mutex mutex_;
  std::optional<api::ApiError> refusal_;
  std::map<std::string, api::AttachmentRequest> attached_;
  std::vector<api::LostAttachment> lost_;
  control::flowlog::FlowLog flows_;
  control::flowlog::AuditLog audit_;
  std::unique_ptr<api::Server> server_;
};

}  // namespace bulkhead::cni
