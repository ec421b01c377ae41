// SPDX-License-Identifier: Apache-2.0
#include "control/metrics/http.h"

#include <httplib.h>
#include <prometheus/text_serializer.h>

#include <charconv>
#include <thread>

namespace bulkhead::control::metrics {
namespace {

struct Listen {
  std::string host;
  std::uint16_t port = 0;
};

Result<Listen> parse_listen(const std::string& text) {
  const auto colon = text.rfind(':');
  Listen listen;
  const char* end = text.data() + text.size();
  const bool has_port = colon != text.npos && colon + 1 < text.size();
  const auto parsed = has_port ? std::from_chars(text.data() + colon + 1, end, listen.port)
                               : std::from_chars_result{end, std::errc::invalid_argument};
  if (parsed.ec != std::errc{} || parsed.ptr != end || colon == 0) {
    return fail_at("metrics.listen", "'{}' is not address:port, such as 127.0.0.1:9470", text);
  }
  listen.host = text.substr(0, colon);
  const bool is_bracketed = listen.host.starts_with('[') && listen.host.ends_with(']');
  if (is_bracketed) listen.host = listen.host.substr(1, listen.host.size() - 2);
  if (!is_bracketed && listen.host.find(':') != listen.host.npos) {
    return fail_at("metrics.listen", "an IPv6 address needs brackets: [{}]:{}", listen.host,
                   listen.port);
  }
  return listen;
}

class PrometheusServer : public HttpServer {
 public:
  PrometheusServer(const Source& source, const Collector& collector) {
    server_.new_task_queue = [] { return new httplib::ThreadPool(4); };
    server_.set_read_timeout(5);
    server_.set_write_timeout(10);
    server_.set_keep_alive_max_count(1);  // a scraper that stays silent must not hold a thread
    server_.set_payload_max_length(1024);
    // Not the library's SO_REUSEPORT: a second agent on this address must fail to start.
    server_.set_socket_options([](socket_t socket) {
      const int yes = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server_.Get("/metrics", [&collector](const httplib::Request&, httplib::Response& response) {
      response.set_content(prometheus::TextSerializer().Serialize(collector.Collect()),
                           "text/plain; version=0.0.4; charset=utf-8");
    });
    server_.Get("/healthz", [](const httplib::Request&, httplib::Response& response) {
      response.set_content("ok\n", "text/plain");
    });
    server_.Get("/readyz", [&source](const httplib::Request&, httplib::Response& response) {
      const bool is_ready = source.is_ready();
      response.status = is_ready ? 200 : 503;
      response.set_content(
          is_ready ? "ready\n" : "not ready: no data plane has acknowledged a policy table\n",
          "text/plain");
    });
  }

  ~PrometheusServer() override {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  Status listen(const Listen& listen) {
    const int port = listen.port == 0 ? server_.bind_to_any_port(listen.host)
                     : server_.bind_to_port(listen.host, listen.port) ? listen.port
                                                                      : -1;
    if (port < 0) {
      return fail_at("metrics.listen", "cannot listen on {} port {}: is another agent using it?",
                     listen.host, listen.port);
    }
    port_ = static_cast<std::uint16_t>(port);
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    // stop() before the library's loop has begun would be forgotten.
    while (!server_.is_running()) std::this_thread::yield();
    return {};
  }

  [[nodiscard]] std::uint16_t port() const override { return port_; }

 private:
  httplib::Server server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(const std::string& listen,
                                                      const Source& source,
                                                      const Collector& collector) {
  const auto parsed = parse_listen(listen);
  if (!parsed) return tl::unexpected(parsed.error());
  auto server = std::make_unique<PrometheusServer>(source, collector);
  if (const auto status = server->listen(*parsed); !status) return tl::unexpected(status.error());
  return server;
}

}  // namespace bulkhead::control::metrics
