// SPDX-License-Identifier: Apache-2.0
#include "control/api/http.h"

#include <fmt/format.h>
#include <httplib.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

namespace bulkhead::control::api {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kLongestTarget = 2048;
constexpr std::size_t kLongestHead = 32 * 1024;
constexpr std::size_t kMostSegments = 8;
constexpr milliseconds kFollowTick{500};  // how soon a follower that hung up is noticed

std::uint64_t realtime_ns() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::system_clock::now().time_since_epoch())
                                        .count());
}

// A connected socket whose whole request must arrive by one moment, however the caller slices it.
class DeadlineStream : public httplib::Stream {
 public:
  DeadlineStream(int socket, milliseconds read_for, milliseconds write_for, std::size_t most_bytes)
      : socket_(socket),
        read_until_(Clock::now() + read_for),
        write_for_(write_for),
        bytes_left_(most_bytes) {}

  bool is_readable() const override { return next_ < filled_ || wait(POLLIN, read_until_); }
  bool is_writable() const override {
    pollfd waiting{socket_, POLLRDHUP, 0};
    return ::poll(&waiting, 1, 0) >= 0 && (waiting.revents & (POLLHUP | POLLERR)) == 0;
  }

  ssize_t read(char* bytes, std::size_t size) override {
    size = std::min(size, bytes_left_);
    if (size == 0) return -1;
    // The library asks for one byte at a time while it reads lines.
    if (next_ == filled_) {
      if (!is_readable()) return -1;
      const auto got = ::recv(socket_, buffer_, sizeof buffer_, MSG_DONTWAIT);
      if (got <= 0) return got;
      next_ = 0;
      filled_ = static_cast<std::size_t>(got);
    }
    const std::size_t given = std::min(size, filled_ - next_);
    std::copy_n(buffer_ + next_, given, bytes);
    next_ += given;
    bytes_left_ -= given;
    return static_cast<ssize_t>(given);
  }

  ssize_t write(const char* bytes, std::size_t size) override {
    const auto until = Clock::now() + write_for_;
    while (true) {
      const auto sent = ::send(socket_, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent >= 0) return sent;
      if (errno == EINTR) continue;
      if (errno != EAGAIN || !wait(POLLOUT, until)) return -1;
    }
  }

  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return socket_; }

 private:
  [[nodiscard]] bool wait(short events, Clock::time_point until) const {
    while (true) {
      const auto left = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
      if (left <= 0) return false;
      pollfd waiting{socket_, events, 0};
      const int ready = ::poll(&waiting, 1, static_cast<int>(left));
      if (ready > 0) return true;
      if (ready < 0 && errno != EINTR) return false;
    }
  }

  int socket_;
  Clock::time_point read_until_;
  milliseconds write_for_;
  std::size_t bytes_left_;
  char buffer_[4096];
  std::size_t next_ = 0;
  std::size_t filled_ = 0;
};

std::optional<std::vector<std::string>> segments_of(const std::string& path) {
  std::vector<std::string> segments;
  std::size_t at = 0;
  while (at < path.size()) {
    if (path[at] != '/' || segments.size() == kMostSegments) return std::nullopt;
    const auto end = std::min(path.find('/', at + 1), path.size());
    segments.push_back(path.substr(at + 1, end - at - 1));
    at = end;
  }
  return segments;
}

void set(httplib::Response& response, const Answer& answer) {
  response.status = answer.status;
  response.set_content(answer.body, "application/json");
}

}  // namespace

// One object serves all connections: the library keeps per-request state in the request only.
struct Http::Protocol : httplib::Server {
  Protocol(const ServerSettings& settings, const Routes& routes, flowlog::AuditLog& audit)
      : settings_(settings), routes_(routes), audit_(audit) {
    set_payload_max_length(settings.body_limit);
    // We listen ourselves; without a listener the library takes itself for shutting down and ends
    // every stream at once. The number is compared, never used.
    svr_sock_ = 0;
    set_pre_routing_handler([](const auto& request, auto& response) {
      return refused_by_head(request, response) ? HandlerResponse::Handled
                                                : HandlerResponse::Unhandled;
    });
    const auto any = [this](const httplib::Request& request, httplib::Response& response) {
      dispatch(request, response);
    };
    for (const auto add :
         {&Protocol::add_get, &Protocol::add_put, &Protocol::add_post, &Protocol::add_delete}) {
      (this->*add)(any);
    }
    set_exception_handler([](const auto&, auto& response, const std::exception_ptr&) {
      set(response, refuse(500, "internal", "the agent failed to answer"));
    });
    // Whatever the library refuses by itself gets the API's form of an error.
    set_error_handler([](const auto&, auto& response) {
      if (!response.body.empty()) return;
      const bool is_large = response.status == 413;
      const int status = response.status == 404 ? 405 : response.status;
      set(response, refuse(status, is_large ? "too_large" : "bad_request",
                           is_large ? "the body is too large" : "the request is not understood"));
    });
    // Before the answer leaves: who has read it finds the call on record.
    set_post_routing_handler(
        [this](const auto& request, auto& response) { write_audit(request, response); });
  }

  using Handler = httplib::Server::Handler;
  void add_get(const Handler& handler) { Get(kAnyPath, handler); }
  void add_put(const Handler& handler) { Put(kAnyPath, handler); }
  void add_post(const Handler& handler) { Post(kAnyPath, handler); }
  void add_delete(const Handler& handler) { Delete(kAnyPath, handler); }

  // The caller of the request in hand. One request a connection, one connection a thread.
  static thread_local const Caller* caller;
  static thread_local bool is_audited;

  void serve(int socket, const Credentials& credentials) {
    const Caller who(credentials, settings_.roles);
    caller = &who;
    is_audited = false;
    DeadlineStream stream(socket, settings_.request_deadline, settings_.write_deadline,
                          kLongestHead + settings_.body_limit);
    bool is_closed = false;
    process_request(stream, /*close_connection=*/true, is_closed, [](httplib::Request&) {});
    // What could not be read far enough to be answered is an attempt all the same.
    if (!is_audited) audit_call({}, {}, 0, "no_request");
    caller = nullptr;
  }

  void audit_call(const std::string& method, const std::string& path, int status,
                  const std::string& code) {
    const auto& credentials = caller->credentials();
    audit_.add({realtime_ns(), credentials.uid, credentials.gids.front(), credentials.pid,
                std::string(name_of(caller->role())), method, path, status, code});
    is_audited = true;
  }

 private:
  static constexpr const char* kAnyPath = R"([\s\S]*)";

  // Decided before the body is read. Length first: the library's routing recurses over the path.
  static bool refused_by_head(const httplib::Request& request, httplib::Response& response) {
    if (request.target.size() > kLongestTarget) {
      set(response, refuse(414, "too_large", "the request's target is too long"));
    } else if (request.method != "GET" && request.method != "HEAD" && request.method != "PUT" &&
               request.method != "POST" && request.method != "DELETE") {
      set(response, refuse(405, "method_not_allowed", "the API knows GET, PUT, POST and DELETE"));
    } else if ((request.method == "PUT" || request.method == "POST") &&
               !request.has_header("Content-Length")) {
      set(response, refuse(411, "bad_request", "a body must come with Content-Length"));
    } else if (request.has_header("Transfer-Encoding")) {
      set(response, refuse(411, "bad_request", "a body must come with Content-Length"));
    } else if (request.has_header("Content-Encoding")) {
      set(response, refuse(415, "bad_request", "compressed bodies are not accepted"));
    } else if (request.is_multipart_form_data()) {
      set(response, refuse(415, "bad_request", "the body must be JSON"));
    } else if (caller->role() == Role::None) {
      set(response, refuse(403, "forbidden",
                           fmt::format("uid {} has no role; roles are given in the agent's "
                                       "config.yaml under 'roles'",
                                       caller->credentials().uid)));
    } else {
      return false;
    }
    return true;
  }

  void dispatch(const httplib::Request& request, httplib::Response& response) {
    auto segments = segments_of(request.path);
    if (!segments) return set(response, refuse(404, "not_found", "no such resource"));
    Call call{request.method, std::move(*segments), {}, request.body};
    for (const auto& [name, value] : request.params) {
      if (!call.query.emplace(name, value).second) {
        return set(response, refuse(400, "bad_request", "the parameter is given twice", name));
      }
    }
    Answer answer = routes_.answer(call, *caller);
    if (answer.follow) {
      follow(std::move(answer.follow), response);
    } else if (call.segments.size() == 2 && call.segments[1] == "flows" && answer.status == 200) {
      response.set_content(answer.body, "application/x-ndjson");
    } else {
      set(response, answer);
    }
    if (!answer.error_code.empty()) response.set_header("Bulkhead-Error", answer.error_code);
  }

  void follow(std::shared_ptr<flowlog::Subscription> subscription, httplib::Response& response) {
    if (followers_.fetch_add(1) >= settings_.follow_streams) {
      followers_.fetch_sub(1);
      return set(response, refuse(429, "too_many", "too many followers; try again later"));
    }
    response.set_chunked_content_provider(
        "application/x-ndjson",
        [subscription](std::size_t, httplib::DataSink& sink) {
          if (!sink.is_writable()) return false;
          std::string lines;
          for (const auto& record : subscription->take(kFollowTick)) {
            lines += flowlog::json_of(*record) + "\n";
          }
          if (!lines.empty() && !sink.write(lines.data(), lines.size())) return false;
          if (lines.empty() && subscription->is_closed()) sink.done();
          return true;
        },
        [this](bool) { followers_.fetch_sub(1); });
  }

  void write_audit(const httplib::Request& request, const httplib::Response& response) {
    if (is_audited) return;
    std::string code = response.get_header_value("Bulkhead-Error");
    if (code.empty() && response.status >= 400) code = "refused";
    audit_call(request.method, request.target, response.status, code);
  }

  const ServerSettings& settings_;
  const Routes& routes_;
  flowlog::AuditLog& audit_;
  std::atomic<std::size_t> followers_{0};
};

thread_local const Caller* Http::Protocol::caller = nullptr;
thread_local bool Http::Protocol::is_audited = false;

Http::Http(const ServerSettings& settings, const Routes& routes, flowlog::AuditLog& audit)
    : protocol_(std::make_unique<Protocol>(settings, routes, audit)) {}
Http::~Http() = default;

void Http::serve(int socket, const Credentials& credentials) {
  protocol_->serve(socket, credentials);
}

void Http::turn_away(int socket, const Credentials& credentials) {
  const Caller who(credentials, {});
  Protocol::caller = &who;
  protocol_->audit_call({}, {}, 429, "too_many");
  Protocol::caller = nullptr;
  const auto answer = refuse(429, "too_many", "too many connections; try again later");
  const auto text = fmt::format(
      "HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\nContent-Type: application/json\r\n"
      "Content-Length: {}\r\n\r\n{}",
      answer.body.size(), answer.body);
  // What does not fit the socket's buffer at once is not waited for.
  [[maybe_unused]] const auto sent =
      ::send(socket, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace bulkhead::control::api
