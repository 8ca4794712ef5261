#ifndef TALLYMARK_FORMAT_IP_ADDRESS_H_
#define TALLYMARK_FORMAT_IP_ADDRESS_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tallymark {

// An IPv4 or IPv6 address as bytes in network order.
struct IpAddress {
  std::array<uint8_t, 16> bytes{};
  uint8_t size = 0;  // 4 or 16
  friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

// Reads an address from its text, whole and nothing else. IPv4: four decimal numbers of 0..255
// without leading zeros. IPv6: the forms of RFC 4291, "::" and a dotted IPv4 tail included, no
// zone. Empty optional: not an address.
std::optional<IpAddress> ParseIp(std::string_view text);

// The one text of an address: dotted decimal, or what inet_ntop gives (RFC 5952: lower case, the
// longest run of zero groups cut, IPv4-mapped tails dotted).
std::string FormatIp(const IpAddress& ip);

// The text of the same address that FormatIp gives. Cheap for IPv4, which has one form only.
// Empty optional: not an address.
std::optional<std::string> CanonicalIp(std::string_view text);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_IP_ADDRESS_H_
