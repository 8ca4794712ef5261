#ifndef TALLYMARK_SERVER_LINGERING_CLOSE_H_
#define TALLYMARK_SERVER_LINGERING_CLOSE_H_

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>

namespace tallymark {

// Ends our side, then reads and drops what the peer still sends, for at most a second, before the
// socket is closed: closing on unread bytes would reset the connection and could destroy an answer
// on its way. `owner` keeps the socket alive. Runs on the socket's strand.
boost::asio::awaitable<void> LingeringClose(std::shared_ptr<void> owner,
                                            boost::asio::ip::tcp::socket& socket);

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_LINGERING_CLOSE_H_
