#include "tools/host_port.h"

#include <charconv>
#include <cstdint>

namespace tallymark {

std::string HostPort::Text() const {
  return host.find(':') == std::string::npos ? host + ":" + port : "[" + host + "]:" + port;
}

Result<HostPort> ParseHostPort(std::string_view text) {
  Status wrong = Status::Invalid("not HOST:PORT: " + std::string(text));
  size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return wrong;
  std::string_view host = text.substr(0, colon), port = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return wrong;
  }
  uint16_t number = 0;
  auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (host.empty() || error != std::errc() || end != port.data() + port.size() || number == 0) return wrong;
  return HostPort{std::string(host), std::string(port)};
}

}  // namespace tallymark
