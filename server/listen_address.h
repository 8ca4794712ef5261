#ifndef TALLYMARK_SERVER_LISTEN_ADDRESS_H_
#define TALLYMARK_SERVER_LISTEN_ADDRESS_H_

#include <boost/asio/ip/tcp.hpp>
#include <string>
#include <string_view>

#include "format/status.h"

namespace tallymark {

// "HOST:PORT", "[::1]:PORT" or ":PORT" (every interface) resolved to the address to listen on. A
// name may ask the system's resolver and block. kInvalid: not of this form, or no such host.
Result<boost::asio::ip::tcp::endpoint> ParseListenAddress(std::string_view text);

// "127.0.0.1:9009", "[::1]:9009".
std::string FormatEndpoint(const boost::asio::ip::tcp::endpoint& endpoint);

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_LISTEN_ADDRESS_H_
