#include "format/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>

namespace tallymark {
namespace {

constexpr size_t kIpv4TextMax = 15;
constexpr size_t kIpv6TextMax = 45;

bool ParseIpv4(std::string_view text, uint8_t* out) {
  size_t at = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && (at == text.size() || text[at++] != '.')) return false;
    size_t begin = at;
    unsigned value = 0;
    while (at < text.size() && at - begin < 3 && text[at] >= '0' && text[at] <= '9') {
      value = value * 10 + static_cast<unsigned>(text[at++] - '0');
    }
    if (at == begin || value > 255 || (at - begin > 1 && text[begin] == '0')) return false;
    out[part] = static_cast<uint8_t>(value);
  }
  return at == text.size();
}

}  // namespace

std::optional<IpAddress> ParseIp(std::string_view text) {
  IpAddress ip;
  if (text.size() <= kIpv4TextMax && ParseIpv4(text, ip.bytes.data())) {
    ip.size = 4;
    return ip;
  }
  if (text.size() > kIpv6TextMax || text.find('\0') != std::string_view::npos) return std::nullopt;
  std::array<char, kIpv6TextMax + 1> terminated{};
  std::copy(text.begin(), text.end(), terminated.begin());
  if (inet_pton(AF_INET6, terminated.data(), ip.bytes.data()) != 1) return std::nullopt;
  ip.size = 16;
  return ip;
}

std::string FormatIp(const IpAddress& ip) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(ip.size == 4 ? AF_INET : AF_INET6, ip.bytes.data(), text.data(), text.size());
  return text.data();
}

std::optional<std::string> CanonicalIp(std::string_view text) {
  std::array<uint8_t, 4> ignored{};
  if (text.size() <= kIpv4TextMax && ParseIpv4(text, ignored.data())) return std::string(text);
  std::optional<IpAddress> ip = ParseIp(text);
  if (!ip) return std::nullopt;
  return FormatIp(*ip);
}

}  // namespace tallymark
