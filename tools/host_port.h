#ifndef TALLYMARK_TOOLS_HOST_PORT_H_
#define TALLYMARK_TOOLS_HOST_PORT_H_

#include <string>
#include <string_view>

#include "format/status.h"

namespace tallymark {

// A server's address as options name it: "127.0.0.1:8086", "localhost:8086", "[::1]:8086".
struct HostPort {
  std::string host;  // without brackets
  std::string port;  // 1..65535
  std::string Text() const;
};

Result<HostPort> ParseHostPort(std::string_view text);

}  // namespace tallymark

#endif  // TALLYMARK_TOOLS_HOST_PORT_H_
