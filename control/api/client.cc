// SPDX-License-Identifier: Apache-2.0
#include "control/api/client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "control/api/json.h"
#include "policy/base/fd.h"

namespace bulkhead::control::api {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kLongestHead = 16 * 1024;
constexpr std::size_t kLongestBody = 64 * 1024 * 1024;
constexpr std::size_t kLongestLine = 1024 * 1024;

template <class... Args>
tl::unexpected<ApiError> trouble(std::string code, fmt::format_string<Args...> format,
                                 Args&&... args) {
  return tl::unexpected(
      ApiError{0, std::move(code), fmt::format(format, std::forward<Args>(args)...), {}});
}

// A connection that gives up at a moment, not after so much silence. No moment = never.
class Connection {
 public:
  Connection(std::string name, std::optional<Clock::time_point> until)
      : name_(std::move(name)), until_(until) {}

  Reply<void> open() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (name_.size() >= sizeof address.sun_path) {
      return trouble("agent_unreachable", "the socket path {} is longer than {} bytes", name_,
                     sizeof address.sun_path - 1);
    }
    name_.copy(address.sun_path, name_.size());
    fd_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd_.is_open()) return trouble("agent_unreachable", "socket: {}", std::strerror(errno));
    while (::connect(fd_.value(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      const int error = errno;
      // EAGAIN: the agent's backlog is full; it is alive and will take us.
      const bool is_full = error == EAGAIN || error == EINTR;
      if (is_full && !is_late()) {
        ::poll(nullptr, 0, 5);
        continue;
      }
      return trouble("agent_unreachable", "cannot reach the agent at {}: {}; {}", name_,
                     std::strerror(error), mend(error));
    }
    return {};
  }

  Reply<void> write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(fd_.value(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno == EAGAIN) {
        if (auto ready = wait(POLLOUT); !ready) return ready;
      } else if (errno == EPIPE || errno == ECONNRESET) {
        return {};  // refused early; the answer says why
      } else if (errno != EINTR) {
        return trouble("agent_unreachable", "{}: {}", name_, std::strerror(errno));
      }
    }
    return {};
  }

  // Appends what has arrived; false at the end of the stream.
  Reply<bool> read(std::string& buffer) {
    char bytes[16 * 1024];
    while (true) {
      const auto got = ::recv(fd_.value(), bytes, sizeof bytes, 0);
      if (got > 0) {
        buffer.append(bytes, static_cast<std::size_t>(got));
        return true;
      }
      if (got == 0 || errno == ECONNRESET) return false;
      if (errno == EAGAIN) {
        if (auto ready = wait(POLLIN); !ready) return tl::unexpected(ready.error());
      } else if (errno != EINTR) {
        return trouble("agent_unreachable", "{}: {}", name_, std::strerror(errno));
      }
    }
  }

  void wait_for_ever() { until_.reset(); }

 private:
  static std::string_view mend(int error) {
    if (error == EACCES || error == EPERM) return "run as root or join the group 'bulkhead'";
    if (error == ENOENT || error == ECONNREFUSED) {
      return "is bulkhead-agent running, and with the same --root?";
    }
    return "is bulkhead-agent running?";
  }

  [[nodiscard]] bool is_late() const { return until_ && Clock::now() >= *until_; }

  Reply<void> wait(short events) {
    while (true) {
      int timeout_ms = -1;
      if (until_) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(*until_ - Clock::now()).count();
        if (left <= 0) {
          return trouble("timeout", "the agent at {} did not answer in time", name_);
        }
        timeout_ms = static_cast<int>(std::min<long long>(left, 1'000'000));
      }
      pollfd waiting{fd_.value(), events, 0};
      if (::poll(&waiting, 1, timeout_ms) > 0) return {};
    }
  }

  std::string name_;
  std::optional<Clock::time_point> until_;
  Fd fd_;
};

struct Head {
  int status = 0;
  std::optional<std::size_t> length;
  bool is_chunked = false;
};

bool equal_but_for_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

// Reads the head off the front of `buffer` (RFC 9112, as much of it as one agent of ours writes).
Reply<Head> read_head(Connection& connection, std::string& buffer) {
  std::size_t end = buffer.npos;
  while ((end = buffer.find("\r\n\r\n")) == buffer.npos) {
    if (buffer.size() > kLongestHead) return trouble("bad_reply", "the answer's head is too long");
    const auto more = connection.read(buffer);
    if (!more) return tl::unexpected(more.error());
    if (!*more) return trouble("bad_reply", "the agent closed the connection without an answer");
  }
  const std::string text = buffer.substr(0, end + 2);
  buffer.erase(0, end + 4);

  Head head;
  std::string_view rest = text;
  bool is_first = true;
  while (!rest.empty()) {
    const auto line = rest.substr(0, rest.find("\r\n"));
    rest.remove_prefix(line.size() + 2);
    if (std::exchange(is_first, false)) {
      const bool is_http = line.starts_with("HTTP/1.") && line.size() >= 12;
      if (!is_http ||
          std::from_chars(line.data() + 9, line.data() + 12, head.status).ec != std::errc{}) {
        return trouble("bad_reply", "the answer is not HTTP");
      }
      continue;
    }
    const auto colon = line.find(':');
    if (colon == line.npos) continue;
    auto value = line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    if (equal_but_for_case(line.substr(0, colon), "content-length")) {
      std::size_t length = 0;
      std::from_chars(value.data(), value.data() + value.size(), length);
      head.length = length;
    } else if (equal_but_for_case(line.substr(0, colon), "transfer-encoding")) {
      head.is_chunked = equal_but_for_case(value, "chunked");
    }
  }
  return head;
}

// Makes sure that `buffer` holds at least `size` bytes; false when the stream ends before.
Reply<bool> fill(Connection& connection, std::string& buffer, std::size_t size) {
  while (buffer.size() < size) {
    const auto more = connection.read(buffer);
    if (!more) return tl::unexpected(more.error());
    if (!*more) return false;
  }
  return true;
}

// Gives the body in pieces as they arrive, until it ends or `take` answers false.
Reply<void> read_body(Connection& connection, std::string& buffer, const Head& head,
                      const std::function<bool(std::string_view)>& take) {
  if (!head.is_chunked) {
    std::size_t left = head.length.value_or(kLongestBody);
    while (left > 0) {
      const auto more = fill(connection, buffer, 1);
      if (!more) return tl::unexpected(more.error());
      if (!*more) {
        if (!head.length) return {};
        return trouble("bad_reply", "the agent closed the connection within an answer");
      }
      const std::size_t size = std::min(left, buffer.size());
      if (!take(std::string_view(buffer).substr(0, size))) return {};
      buffer.erase(0, size);
      left -= size;
    }
    return {};
  }
  while (true) {
    std::size_t line_end = buffer.npos;
    while ((line_end = buffer.find("\r\n")) == buffer.npos) {
      if (buffer.size() > 64) return trouble("bad_reply", "a chunk without a size");
      const auto more = connection.read(buffer);
      if (!more) return tl::unexpected(more.error());
      if (!*more) return trouble("bad_reply", "the agent closed the connection within an answer");
    }
    std::size_t size = 0;
    const auto parsed = std::from_chars(buffer.data(), buffer.data() + line_end, size, 16);
    if (parsed.ec != std::errc{} || size > kLongestBody) {
      return trouble("bad_reply", "a chunk with a bad size");
    }
    if (size == 0) return {};
    const auto whole = fill(connection, buffer, line_end + 2 + size + 2);
    if (!whole) return tl::unexpected(whole.error());
    if (!*whole) return trouble("bad_reply", "the agent closed the connection within an answer");
    if (!take(std::string_view(buffer).substr(line_end + 2, size))) return {};
    buffer.erase(0, line_end + 2 + size + 2);
  }
}

ApiError refusal(int status, const std::string& body) {
  auto error = read_error(body);
  if (!error) return {status, "bad_reply", fmt::format("the agent answered {}", status), {}};
  error->status = status;
  return *error;
}

std::string request_text(std::string_view method, std::string_view target, std::string_view body) {
  std::string text =
      fmt::format("{} {} HTTP/1.1\r\nHost: bulkhead\r\nConnection: close\r\n", method, target);
  const bool has_body = !body.empty() || method == "PUT" || method == "POST";
  if (has_body) {
    text += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
  }
  return text + "\r\n" + std::string(body);
}

template <class T>
Reply<T> read_with(const Reply<std::string>& body, Result<T> (*read)(std::string_view)) {
  if (!body) return tl::unexpected(body.error());
  auto value = read(*body);
  if (!value) return trouble("bad_reply", "the agent's answer: {}", value.error().text());
  return std::move(*value);
}

std::string attachment_target(const std::string& container, const std::string& ifname) {
  return "/v1/attachments/" + escape_segment(container) + "/" + escape_segment(ifname);
}
std::string quarantine_target(const std::string& pod_namespace, const std::string& pod) {
  return "/v1/quarantine/" + escape_segment(pod_namespace) + "/" + escape_segment(pod);
}
Reply<void> without_body(const Reply<std::string>& reply) {
  if (!reply) return tl::unexpected(reply.error());
  return {};
}

}  // namespace

std::string escape_segment(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const bool is_unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                               (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
                               c == '~';
    if (is_unreserved) {
      escaped += c;
    } else {
      escaped += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return escaped;
}

Client::Client(std::filesystem::path socket, std::chrono::milliseconds deadline)
    : socket_(std::move(socket)), deadline_(deadline) {}

Reply<std::string> Client::call(std::string_view method, std::string_view target,
                                std::string_view body) const {
  Connection connection(socket_.string(), Clock::now() + deadline_);
  if (auto opened = connection.open(); !opened) return tl::unexpected(opened.error());
  if (auto sent = connection.write(request_text(method, target, body)); !sent) {
    return tl::unexpected(sent.error());
  }
  std::string buffer;
  const auto head = read_head(connection, buffer);
  if (!head) return tl::unexpected(head.error());
  std::string answer;
  const auto read = read_body(connection, buffer, *head, [&](std::string_view piece) {
    answer += piece;
    return answer.size() <= kLongestBody;
  });
  if (!read) return tl::unexpected(read.error());
  if (answer.size() > kLongestBody) return trouble("bad_reply", "the answer is too long");
  if (head->status < 200 || head->status > 299) {
    return tl::unexpected(refusal(head->status, answer));
  }
  return answer;
}

Reply<void> Client::stream(std::string_view target,
                           const std::function<bool(std::string_view line)>& line) const {
  Connection connection(socket_.string(), Clock::now() + deadline_);
  if (auto opened = connection.open(); !opened) return opened;
  if (auto sent = connection.write(request_text("GET", target, {})); !sent) return sent;
  std::string buffer;
  const auto head = read_head(connection, buffer);
  if (!head) return tl::unexpected(head.error());
  const bool is_good = head->status >= 200 && head->status <= 299;
  if (is_good) connection.wait_for_ever();

  std::string partial;
  const auto read = read_body(connection, buffer, *head, [&](std::string_view piece) {
    partial += piece;
    if (!is_good) return partial.size() < kLongestLine;
    std::size_t end = 0;
    while ((end = partial.find('\n')) != partial.npos) {
      if (!line(std::string_view(partial).substr(0, end))) return false;
      partial.erase(0, end + 1);
    }
    return partial.size() < kLongestLine;
  });
  if (!read) return read;
  if (!is_good) return tl::unexpected(refusal(head->status, partial));
  return {};
}

Reply<AttachmentReply> Client::attach(const AttachmentRequest& request) const {
  return read_with(
      call("PUT", attachment_target(request.container_id, request.ifname), json_of(request)),
      read_attachment_reply);
}

Reply<AttachmentReply> Client::attachment(const std::string& container,
                                          const std::string& ifname) const {
  return read_with(call("GET", attachment_target(container, ifname)), read_attachment_reply);
}

Reply<DetachmentReply> Client::detach(const DetachmentRequest& request) const {
  return read_with(
      call("DELETE", attachment_target(request.container_id, request.ifname), json_of(request)),
      read_detachment_reply);
}

Reply<std::vector<LostAttachment>> Client::lost_attachments(const std::string& network) const {
  return read_with(call("GET", "/v1/attachments?lost=1&network=" + escape_segment(network)),
                   read_lost_attachments);
}

Reply<StatusReport> Client::status() const {
  return read_with(call("GET", "/v1/status"), read_status);
}
Reply<std::vector<EndpointReport>> Client::endpoints() const {
  return read_with(call("GET", "/v1/endpoints"), read_endpoints);
}
Reply<std::vector<PolicyReport>> Client::policies() const {
  return read_with(call("GET", "/v1/policies"), read_policies);
}

Reply<void> Client::quarantine(const std::string& pod_namespace, const std::string& pod,
                               const QuarantineRequest& request) const {
  return without_body(call("PUT", quarantine_target(pod_namespace, pod), json_of(request)));
}
Reply<void> Client::release(const std::string& pod_namespace, const std::string& pod) const {
  return without_body(call("DELETE", quarantine_target(pod_namespace, pod)));
}
Reply<std::string> Client::explain(const ExplainRequest& request) const {
  return call("POST", "/v1/explain", json_of(request));
}

}  // namespace bulkhead::control::api
