// SPDX-License-Identifier: Apache-2.0
#include "control/cli/scrape.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "policy/base/fd.h"

namespace bulkhead::control::cli {
namespace {

constexpr std::size_t kLongest = std::size_t{32} << 20;
constexpr timeval kPatience{3, 0};

Result<Fd> connect_to(const std::string& listen) {
  const auto colon = listen.rfind(':');
  if (colon == listen.npos) return fail_at(listen, "is no ADDRESS:PORT");
  std::string host = listen.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  // Who listens everywhere answers here.
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), listen.c_str() + colon + 1, &hints, &found) != 0) {
    return fail_at(listen, "is no ADDRESS:PORT");
  }
  Fd socket(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ::setsockopt(socket.value(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  ::setsockopt(socket.value(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  const int done = ::connect(socket.value(), found->ai_addr, found->ai_addrlen);
  const int error = errno;
  ::freeaddrinfo(found);
  if (done != 0) return fail_at(listen, "{}", std::strerror(error));
  return socket;
}

}  // namespace

Result<std::string> scrape(const std::string& listen) {
  const auto socket = connect_to(listen);
  if (!socket) return tl::unexpected(socket.error());
  // HTTP/1.0: the answer ends with the connection, in one piece.
  constexpr std::string_view kAsk = "GET /metrics HTTP/1.0\r\n\r\n";
  if (::send(socket->value(), kAsk.data(), kAsk.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(kAsk.size())) {
    return fail_at(listen, "{}", std::strerror(errno));
  }
  std::string answer;
  char piece[16384];
  for (;;) {
    const ssize_t size = ::recv(socket->value(), piece, sizeof piece, 0);
    if (size < 0) return fail_at(listen, "{}", std::strerror(errno));
    if (size == 0) break;
    answer.append(piece, static_cast<std::size_t>(size));
    if (answer.size() > kLongest) return fail_at(listen, "answers without end");
  }
  const auto body = answer.find("\r\n\r\n");
  const bool is_good = answer.starts_with("HTTP/1.") && answer.compare(8, 5, " 200 ") == 0;
  if (!is_good || body == answer.npos) return fail_at(listen, "is not the agent's /metrics");
  return answer.substr(body + 4);
}

std::map<std::string, std::uint64_t> drops_in(std::string_view metrics) {
  constexpr std::string_view kStart = "bulkhead_drops_total{reason=\"";
  std::map<std::string, std::uint64_t> drops;
  for (auto at = metrics.find(kStart); at != metrics.npos; at = metrics.find(kStart, at + 1)) {
    const auto name = at + kStart.size();
    const auto quote = metrics.find('"', name);
    const auto value = metrics.find("} ", name);
    if (quote == metrics.npos || value == metrics.npos) break;
    const double count = std::strtod(std::string(metrics.substr(value + 2, 32)).c_str(), nullptr);
    if (std::isfinite(count) && count >= 1) {
      drops[std::string(metrics.substr(name, quote - name))] += static_cast<std::uint64_t>(count);
    }
  }
  return drops;
}

}  // namespace bulkhead::control::cli
