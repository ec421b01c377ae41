// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "control/api/roles.h"
#include "policy/base/fd.h"
#include "policy/base/result.h"

namespace bulkhead::control::api {

// A listening unix socket, 0660 root:`group` where the system has the group. It is bound under
// another name and renamed into place, so that nobody ever meets it with other rights. Fails when
// a live server answers at `path`.
[[nodiscard]] Result<Fd> listen_at(const std::filesystem::path& path, const std::string& group);

// What the kernel says about the process at the other end. Fails when it cannot say.
[[nodiscard]] Result<Credentials> credentials_of(int socket);

}  // namespace bulkhead::control::api
