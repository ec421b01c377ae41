// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "control/agent/control.h"
#include "control/agent/loop.h"
#include "control/agent/shared_view.h"
#include "control/api/service.h"

namespace bulkhead::control::agent {

// The API's Service: reads answer from the shared view at once; changes are posted to the control
// thread and waited for, with deadlines. Wiring runs on the caller's thread, so that a slow
// namespace holds up nobody else. Thread: any HTTP worker.
class Agent final : public api::Service {
 public:
  // Both are borrowed; `control` is touched only on the loop's thread.
  Agent(Loop& loop, Control& control, SharedView& view)
      : loop_(loop), control_(control), view_(view) {}

  api::StatusReport status() override;
  std::vector<api::EndpointReport> endpoints() override;
  std::vector<api::PolicyReport> policies() override;
  api::Reply<api::AttachmentReply> attach(const api::AttachmentRequest& request) override;
  api::Reply<api::AttachmentReply> attachment(const std::string& container,
                                              const std::string& ifname) override;
  api::Reply<api::DetachmentReply> detach(const api::DetachmentRequest& request) override;
  std::vector<api::LostAttachment> lost_attachments(const std::string& network) override;
  api::Reply<void> quarantine(const std::string& pod_namespace, const std::string& pod,
                              const api::QuarantineRequest& request,
                              const std::string& who) override;
  api::Reply<void> release(const std::string& pod_namespace, const std::string& pod) override;
  api::Reply<std::string> explain(const api::ExplainRequest& request) override;
  bool is_ready() override { return view_.is_ready(); }

 private:
  // Runs on the control thread; others see the new state before this returns.
  template <class T, class Work>
  api::Reply<T> ask(Work work, std::chrono::milliseconds patience);
  api::Reply<Reserved> reserve(const api::AttachmentRequest& request, Time deadline);
  api::Reply<api::AttachmentReply> commit(const endpoint::EndpointRecord& record,
                                          endpoint::WiredLink wired, Time deadline);
  void forget(const endpoint::EndpointKey& key, std::uint32_t generation);

  Loop& loop_;
  Control& control_;
  SharedView& view_;
  Time started_ = Clock::now();
};

}  // namespace bulkhead::control::agent
