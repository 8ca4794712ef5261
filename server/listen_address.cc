#include "server/listen_address.h"

#include <boost/asio/io_context.hpp>
#include <charconv>

namespace tallymark {

namespace asio = boost::asio;
using asio::ip::tcp;

Result<tcp::endpoint> ParseListenAddress(std::string_view text) {
  size_t colon = text.rfind(':');
  std::string quoted = "'" + std::string(text) + "'";
  if (colon == std::string_view::npos) return Status::Invalid(quoted + " is not HOST:PORT");
  std::string_view host = text.substr(0, colon);
  std::string_view digits = text.substr(colon + 1);
  uint16_t port = 0;
  auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (failed != std::errc() || end != digits.data() + digits.size()) {
    return Status::Invalid(quoted + ": the port must be 0 to 65535");
  }
  if (host.empty()) return tcp::endpoint(asio::ip::address_v4::any(), port);
  // Loopback whatever the resolver says (RFC 6761): a bare system may have no /etc/hosts.
  if (host == "localhost") return tcp::endpoint(asio::ip::address_v4::loopback(), port);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  boost::system::error_code error;
  asio::ip::address address = asio::ip::make_address(std::string(host), error);
  if (!error) return tcp::endpoint(address, port);
  asio::io_context context;
  tcp::resolver resolver(context);
  auto found = resolver.resolve(tcp::v4(), std::string(host), "", error);
  if (error || found.empty()) found = resolver.resolve(std::string(host), "", error);
  if (error || found.empty()) return Status::Invalid(quoted + ": no such host");
  return tcp::endpoint(found.begin()->endpoint().address(), port);
}

std::string FormatEndpoint(const tcp::endpoint& endpoint) {
  std::string host = endpoint.address().to_string();
  if (endpoint.address().is_v6()) host = "[" + host + "]";
  return host + ":" + std::to_string(endpoint.port());
}

}  // namespace tallymark
