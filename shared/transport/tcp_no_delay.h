// Paho gives no access to its sockets and leaves Nagle's algorithm (RFC 896) on: the last part of
// each message then waits for the peer's delayed acknowledgement, up to 40 ms.
#pragma once

namespace edcsync {

// Sets TCP_NODELAY on this process's TCP connections to a peer's port `peer_port`, however they
// were made. Best effort: without it the link is slower, not wrong. Threads: any.
void SetTcpNoDelay(int peer_port);

}  // namespace edcsync
