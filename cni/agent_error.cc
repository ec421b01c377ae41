// SPDX-License-Identifier: Apache-2.0
#include "cni/agent_error.h"

namespace bulkhead::cni {

bool is_unreachable(const control::api::ApiError& error) {
  return error.status == 0 && error.code == "agent_unreachable";
}

bool is_outcome_unknown(const control::api::ApiError& error) {
  return error.status == 0 && !is_unreachable(error);
}

CniError cni_error(const control::api::ApiError& error) {
  Code code = Code::AgentRefused;
  const bool is_temporary = error.status == 0 || error.status == 429 || error.status == 503 ||
                            error.status == 504 || error.code == "dataplane_unavailable";
  if (is_temporary) {
    code = Code::TryAgainLater;
  } else if (error.status == 404) {
    code = Code::UnknownContainer;
  } else if (error.status == 400) {
    code = Code::InvalidConfiguration;
  }
  const std::string details =
      error.where.empty() ? error.code : fmt::format("{} at {}", error.code, error.where);
  return {code, "bulkhead-agent: " + error.message, details};
}

}  // namespace bulkhead::cni
